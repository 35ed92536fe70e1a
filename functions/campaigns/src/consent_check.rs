//! Consent checks for tools that keep campaigns of their own.

use consent::campaign::Message;
use consent::id::{PolicyVersion, PurposeId, SenderId};
use consent::time::Time;
use lambda_http::Request;
use lambda_http::http::StatusCode;
use platform::problem::json;
use serde::Serialize;
use service::Service;
use service::http::body::{self, Object};
use service::http::refusal::unavailable;
use service::http::{self, Answer};

use crate::judged::Answered;
use crate::listed;

/// The most recipients of one request.
const MOST: usize = 1_000;

/// The largest body, in bytes: 1,000 recipients with every member that one can have.
const MAX_BODY: usize = 512 * 1024;

/// Judges recipients for a purpose, in the order asked.
pub(crate) async fn run(service: &Service, request: &Request) -> Answer {
    #[derive(Serialize)]
    struct Checked {
        decisions: Vec<Answered>,
        policy: PolicyVersion,
        checked_at: Time,
    }

    let members = body::read_up_to(request, MAX_BODY)?;
    let body = Object::whole(&members, &["purpose", "sender", "recipients"])?;
    let purpose: PurposeId = body.need("purpose")?.parsed()?;
    let sender: Option<SenderId> = body.get("sender").map(|sender| sender.parsed()).transpose()?;
    let values = listed::list(&body, "recipients", MOST)?;
    let recipients: Vec<_> = values.iter().map(|value| listed::recipient(value).ok()).collect();
    let work = http::begin(service, request).await?;
    let health = match &sender {
        None => None,
        Some(sender) => Some(
            work.ledger
                .sender_health(sender, &work.policy)
                .await
                .map_err(unavailable)?,
        ),
    };
    let usage = work.ledger.usage(work.now).await.map_err(unavailable)?;
    let message = Message {
        sender: sender.as_ref(),
        template: None,
        campaign: None,
        at: work.now,
    };
    let judged = work
        .ledger
        .judge(
            &recipients,
            &purpose,
            &message,
            health.as_ref(),
            Some(usage),
            &work.policy,
            work.now,
        )
        .await;
    let checked = Checked {
        decisions: judged.into_iter().map(|judged| judged.judgement.into()).collect(),
        policy: work.policy.version(),
        checked_at: work.now,
    };
    Ok(json(StatusCode::OK, &checked))
}
