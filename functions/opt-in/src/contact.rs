//! What is known of a contact: the standing of every consent, and the evidence.

use consent::contact::{Contact, Standing, Status};
use consent::evidence::Evidence;
use consent::id::{ContactId, NoticeVersion, PurposeId};
use consent::suppression::SuppressionKind;
use consent::time::Time;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use ledger::HistoryEntry;
use platform::problem::json;
use serde::Serialize;
use service::http::body::{self, Object};
use service::http::{self, Answer, known, refusal};
use service::{Service, Work};

use crate::recipient::Recipient;

/// A contact by what it is known by.
pub(crate) async fn look_up(service: &Service, request: &Request) -> Answer {
    let members = body::read(request)?;
    let recipient = Recipient::read(&Object::whole(&members, &["recipient"])?.need("recipient")?)?;
    let work = http::begin(service, request).await?;
    let subject = recipient
        .find(&work.ledger)
        .await?
        .ok_or_else(refusal::unknown_contact)?;
    Ok(standing(&subject.contact, &work))
}

/// A contact by its own id.
pub(crate) async fn show(service: &Service, request: &Request, id: &ContactId) -> Answer {
    let work = http::begin(service, request).await?;
    let subject = known(&work.ledger, id).await?;
    Ok(standing(&subject.contact, &work))
}

/// All that happened to a contact, and whether the records are those that the ledger wrote.
pub(crate) async fn evidence(service: &Service, request: &Request, id: &ContactId) -> Answer {
    #[derive(Serialize)]
    struct History {
        events: Vec<Event>,
        intact: bool,
    }
    #[derive(Serialize)]
    struct Event {
        #[serde(flatten)]
        evidence: Evidence,
        #[serde(skip_serializing_if = "Option::is_none")]
        words: Option<String>,
    }

    let work = http::begin(service, request).await?;
    let subject = known(&work.ledger, id).await?;
    let history = work.ledger.history(&subject).await.map_err(refusal::unavailable)?;
    let events = history
        .entries
        .into_iter()
        .map(|HistoryEntry { evidence, words }| Event { evidence, words });
    Ok(json(
        StatusCode::OK,
        &History {
            events: events.collect(),
            intact: history.intact,
        },
    ))
}

/// The standing of every consent that the policy or the contact knows of, and what forbids messages besides.
pub(crate) fn standing(contact: &Contact, work: &Work) -> Response<Body> {
    #[derive(Serialize)]
    struct Answer<'a> {
        contact_id: ContactId,
        consents: Vec<Consent<'a>>,
        suppressions: Vec<Suppression<'a>>,
    }
    #[derive(Serialize)]
    struct Consent<'a> {
        purpose: &'a PurposeId,
        status: Status,
        since: Option<Time>,
        notice: Option<NoticeVersion>,
        refresh_due: bool,
    }
    #[derive(Serialize)]
    struct Suppression<'a> {
        kind: &'a SuppressionKind,
        since: Time,
    }

    let consent = |purpose| {
        let Standing {
            status,
            since,
            notice,
            refresh_due,
            ..
        } = contact.standing(purpose, &work.policy, work.now);
        Consent {
            purpose,
            status,
            since,
            notice,
            refresh_due,
        }
    };
    let answer = Answer {
        contact_id: contact.id,
        consents: contact
            .purposes_of_interest(&work.policy)
            .into_iter()
            .map(consent)
            .collect(),
        suppressions: contact
            .suppressions
            .active(work.now)
            .map(|(kind, since)| Suppression { kind, since })
            .collect(),
    };
    json(StatusCode::OK, &answer)
}
