//! The gate: whether a campaign's message may go to a contact, now.

use consent::id::{CampaignId, ContactId};
use consent::time::Time;
use lambda_http::Request;
use lambda_http::http::StatusCode;
use ledger::{GATE_SIZE, GateAnswer, Gated};
use platform::problem::json;
use serde::Serialize;
use service::Service;
use service::http::body::{self, Object};
use service::http::{self, Answer};

use crate::judged::Answered;
use crate::{listed, refusal};

/// Lets messages go, each to whom it may, and says of all others why not. Every recipient has a row, in the order asked.
pub(crate) async fn pass(service: &Service, request: &Request, id: &CampaignId) -> Answer {
    #[derive(Serialize)]
    struct Passed {
        tickets: Vec<Row>,
    }

    let members = body::read(request)?;
    let body = Object::whole(&members, &["recipients"])?;
    let values = listed::list(&body, "recipients", GATE_SIZE)?;
    let recipients: Vec<_> = values.iter().map(|value| listed::recipient(value).ok()).collect();
    let work = http::begin(service, request).await?;
    let gated = work
        .ledger
        .gate(id, &recipients, &work.policy, &work.token_key(), work.now)
        .await;
    match gated {
        Gated::NoCampaign => Err(refusal::unknown_campaign()),
        Gated::NotClear(why) => {
            service.metrics.count("sends_of_campaigns_not_clear", 1);
            Err(refusal::not_clear(why))
        }
        Gated::Answered(answers) => {
            let tickets = answers.iter().filter(|answer| answer.ticket.is_some()).count();
            let denied = answers.len() - tickets;
            let count = |rows| u64::try_from(rows).unwrap_or(u64::MAX);
            let counts = [("tickets", count(tickets)), ("sends_denied", count(denied))];
            service.metrics.counts(counts);
            let tickets = answers.into_iter().map(Row::from).collect();
            Ok(json(StatusCode::OK, &Passed { tickets }))
        }
    }
}

#[derive(Serialize)]
struct Row {
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_id: Option<ContactId>,
    #[serde(flatten)]
    answered: Answered,
    #[serde(flatten)]
    ticket: Option<Ticket>,
}

#[derive(Serialize)]
struct Ticket {
    ticket: String,
    expires_at: Time,
    /// What the message must carry, so that Meta's statuses say which send they are of.
    callback_data: String,
}

impl From<GateAnswer> for Row {
    fn from(GateAnswer { judged, ticket }: GateAnswer) -> Self {
        Self {
            contact_id: judged.contact,
            answered: judged.judgement.into(),
            ticket: ticket.map(|issued| Ticket {
                ticket: issued.text,
                expires_at: issued.expires_at,
                callback_data: issued.callback,
            }),
        }
    }
}
