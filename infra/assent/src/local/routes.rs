//! The routes: those of the functions, Meta's, and those that only a local stack has.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use platform::clock::Clock;
use platform::problem::Problem;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::inbound::Inbound;
use super::{Parts, lambda};
use crate::meta::{ContactBookCounts, Fault, HealthChange};

/// All routes of the stack.
pub(super) fn router(parts: Arc<Parts>) -> Router {
    let meta = parts.meta.router();
    Router::new()
        .route("/webhook", any(webhook))
        .route("/v1/contacts/{id}/legal-hold", any(rights))
        .route("/v1/contacts/{id}/erasure", any(rights))
        .route("/v1/erasures/{id}", any(rights))
        .route("/v1/retention/runs", any(rights))
        .route("/v1/reports/digest", any(rights))
        .route("/v1/cases", any(rights))
        .route("/v1/cases/{*rest}", any(rights))
        .route("/cases/{link}", any(rights))
        .route("/v1/campaigns/{*rest}", any(campaigns))
        .route("/v1/tickets/verify", any(campaigns))
        .route("/v1/consent-checks", any(campaigns))
        .route("/v1/{*rest}", any(opt_in))
        .route("/_local/outbound", get(outbound))
        .route("/_local/inbound", post(inbound))
        .route("/_local/clock", get(clock).post(advance))
        .route("/_local/run/{function}", post(run))
        .route("/_local/metrics", get(metrics))
        .route("/_local/meta/fault", post(fault))
        .route("/_local/meta/health", post(health))
        .route("/_local/meta/contact_book", get(contact_book))
        .with_state(parts)
        .nest("/_meta", meta)
        .fallback(nowhere)
}

async fn webhook(State(parts): State<Arc<Parts>>, request: Request) -> Response {
    answered(&parts, request, async |request| {
        webhook::handle(&parts.webhook, request).await
    })
    .await
}

async fn opt_in(State(parts): State<Arc<Parts>>, request: Request) -> Response {
    answered(&parts, request, async |request| {
        opt_in::handle(&parts.opt_in, request).await
    })
    .await
}

async fn rights(State(parts): State<Arc<Parts>>, request: Request) -> Response {
    answered(&parts, request, async |request| {
        rights::handle(&parts.rights, request).await
    })
    .await
}

async fn campaigns(State(parts): State<Arc<Parts>>, request: Request) -> Response {
    answered(&parts, request, async |request| parts.campaigns.handle(request).await).await
}

/// What a function answers, once the messages that it caused have gone out.
async fn answered(
    parts: &Arc<Parts>,
    request: Request,
    function: impl AsyncFnOnce(lambda_http::Request) -> lambda_http::Response<lambda_http::Body>,
) -> Response {
    match lambda::request(request).await {
        Ok(request) => {
            let response = function(request).await;
            parts.settle().await;
            lambda::response(response)
        }
        Err(refused) => problem(refused),
    }
}

#[derive(Deserialize)]
struct Since {
    since: Option<i64>,
}

async fn outbound(State(parts): State<Arc<Parts>>, Query(Since { since }): Query<Since>) -> Json<Value> {
    parts.settle().await;
    Json(parts.meta.outbound(since))
}

async fn inbound(State(parts): State<Arc<Parts>>, body: axum::body::Bytes) -> Response {
    let inbound: Inbound = match read(&body) {
        Ok(inbound) => inbound,
        Err(refused) => return problem(refused),
    };
    // A person takes a moment for each act. A second of its own keeps acts apart that Meta could not order either.
    parts.clock.advance(1);
    let at = inbound.at().unwrap_or_else(|| parts.clock.unix_seconds());
    match inbound.delivery(&parts.business, &parts.meta, at) {
        Ok((body, id)) => {
            let status = parts.deliver(body).await;
            parts.clock.advance(1);
            parts.settle().await;
            Json(json!({"webhook": status.as_u16(), "message": id.as_str()})).into_response()
        }
        Err(error) => problem(invalid(error.to_string())),
    }
}

async fn clock(State(parts): State<Arc<Parts>>) -> Json<Value> {
    Json(json!({"now": parts.now()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: u32,
}

async fn advance(State(parts): State<Arc<Parts>>, body: axum::body::Bytes) -> Response {
    match read::<Advance>(&body) {
        Ok(advance) => {
            parts.clock.advance(advance.advance_seconds);
            parts.settle().await;
            clock(State(parts)).await.into_response()
        }
        Err(refused) => problem(refused),
    }
}

async fn run(State(parts): State<Arc<Parts>>, Path(function): Path<String>) -> Response {
    match function.as_str() {
        "outbox" => {
            parts.settle().await;
            Json(json!({"ran": "outbox"})).into_response()
        }
        "retention" => {
            let purged = parts.purge().await;
            parts.settle().await;
            ran("retention", "purged", purged)
        }
        "campaign-check" => ran("campaign-check", "campaigns", parts.check_campaigns().await),
        _ => {
            let detail = "there is no such schedule in this version";
            problem(
                Problem::new(StatusCode::NOT_FOUND, "no-such-schedule", "No such schedule", detail).with_allowed([
                    "campaign-check",
                    "outbox",
                    "retention",
                ]),
            )
        }
    }
}

/// What came of a scheduled function that was run by hand.
fn ran(function: &str, what: &str, outcome: Result<impl Serialize, impl std::error::Error>) -> Response {
    match outcome {
        Ok(outcome) => Json(json!({"ran": function, what: outcome})).into_response(),
        Err(error) => {
            let detail = platform::logs::chain(&error).to_string();
            let status = StatusCode::SERVICE_UNAVAILABLE;
            problem(Problem::new(status, "ledger-unavailable", "Ledger unavailable", detail))
        }
    }
}

async fn metrics(State(parts): State<Arc<Parts>>) -> Json<Value> {
    Json(json!(parts.tally.totals()))
}

async fn fault(State(parts): State<Arc<Parts>>, body: axum::body::Bytes) -> Response {
    match read::<Fault>(&body) {
        Ok(fault) => {
            parts.meta.set_fault(fault);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(refused) => problem(refused),
    }
}

async fn health(State(parts): State<Arc<Parts>>, body: axum::body::Bytes) -> Response {
    let change: HealthChange = match read(&body) {
        Ok(change) => change,
        Err(refused) => return problem(refused),
    };
    // A second of its own: what Meta said before is older, and what it is asked afterwards newer.
    parts.clock.advance(1);
    let at = parts.clock.unix_seconds();
    let notices = parts.meta.change_health(change);
    let count = notices.len();
    let status = parts.deliver(parts.business.notices(at, notices)).await;
    parts.clock.advance(1);
    parts.settle().await;
    Json(json!({"webhook": status.as_u16(), "notices": count})).into_response()
}

async fn contact_book(State(parts): State<Arc<Parts>>) -> Json<ContactBookCounts> {
    parts.settle().await;
    Json(parts.meta.contact_book())
}

async fn nowhere() -> Response {
    let detail = "see the README for the routes";
    problem(Problem::new(
        StatusCode::NOT_FOUND,
        "no-such-route",
        "No such route",
        detail,
    ))
}

fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| invalid(error.to_string()))
}

fn invalid(detail: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid-request", "Invalid request", detail)
}

fn problem(problem: Problem) -> Response {
    lambda::response(problem.into())
}
