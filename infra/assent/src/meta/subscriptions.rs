//! Which app gets the webhooks, and of what: nobody, until somebody asks for them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde::Deserialize;
use whatsapp::compose::{apps_answer, deletion, subscription_answer};
use whatsapp::graph::{AGENT_FIELDS, AppSubscription, GraphError, SubscribedApp};

use super::{INVALID, INVALID_TOKEN, Meta};

/// The app of the business that the stand-in knows.
pub const APP: &str = "67084560211331";

/// What was asked for.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    account: bool,
    fields: Option<AppSubscription>,
}

/// What an app asks for.
#[derive(Deserialize)]
pub(super) struct Wanted {
    callback_url: String,
    fields: String,
}

pub(super) async fn apps(
    State(meta): State<Meta>,
    Path((_version, account)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let apps = || {
        let is_subscribed = meta.held().subscriptions.account;
        let app = is_subscribed.then(|| SubscribedApp {
            id: APP.to_owned(),
            name: Some("Assent".to_owned()),
        });
        Ok(apps_answer(app.as_slice()))
    };
    meta.answer_about_account(&headers, &account, apps).await
}

pub(super) async fn take_account(
    State(meta): State<Meta>,
    Path((_version, account)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let subscribe = || {
        meta.held().subscriptions.account = true;
        Ok(deletion(true))
    };
    meta.answer_about_account(&headers, &account, subscribe).await
}

pub(super) async fn fields(
    State(meta): State<Meta>,
    Path((_version, app)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let fields = || Ok(subscription_answer(meta.held().subscriptions.fields.as_ref()));
    meta.answer(admits_app(&headers, &app), fields).await
}

pub(super) async fn take_fields(
    State(meta): State<Meta>,
    Path((_version, app)): Path<(String, String)>,
    headers: HeaderMap,
    Json(wanted): Json<Wanted>,
) -> Response {
    let subscribe = || {
        if wanted.fields.split(',').any(|field| AGENT_FIELDS.contains(&field)) {
            // It is one of those that Meta does not offer them to.
            return Err(GraphError::of(INVALID));
        }
        meta.held().subscriptions.fields = Some(AppSubscription {
            callback_url: wanted.callback_url,
            is_active: true,
            fields: wanted.fields.split(',').map(str::to_owned).collect(),
        });
        Ok(deletion(true))
    };
    meta.answer(admits_app(&headers, &app), subscribe).await
}

/// Whether the request comes with the app's own token, which begins with its id. What the app secret is the stand-in does not know.
fn admits_app(headers: &HeaderMap, app: &str) -> Result<(), GraphError> {
    let own = format!("Bearer {APP}|");
    let given = headers.get(header::AUTHORIZATION).and_then(|given| given.to_str().ok());
    given
        .filter(|given| app == APP && given.starts_with(&own))
        .map(|_| ())
        .ok_or(GraphError::of(INVALID_TOKEN))
}
