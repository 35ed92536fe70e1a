//! Cases: what people demand about their data (Art. 15 to 22 GDPR), registered, listed, and answered in time.

mod fulfil;
mod list;
mod open;
pub(crate) mod page;
mod step;

use consent::case::{Case, CaseKind, CaseState, Channel};
use consent::evidence::Actor;
use consent::id::CaseId;
use consent::time::Time;
use identity::Identifiers;
use lambda_http::Request;
use lambda_http::http::StatusCode;
use ledger::{CaseDetails, CaseNote, Noted, StoredCase};
use platform::problem::json;
use serde::Serialize;
use service::http::refusal::unavailable;
use service::http::{self, Answer, Refusal};
use service::{Service, Work};

use crate::refusal;

pub(crate) use fulfil::{fulfil, lift};
pub(crate) use list::list;
pub(crate) use open::open;
pub(crate) use step::{extend, refuse, verify, withdraw};

/// A case as whoever answers it sees it.
#[derive(Debug, Serialize)]
struct View {
    case_id: CaseId,
    kind: CaseKind,
    channel: Channel,
    state: CaseState,
    received_at: Time,
    /// When the answer is due; none if it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<Time>,
    /// The time is over.
    overdue: bool,
    /// The time stands still until the person shows who they are.
    stands_still: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    extended_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_of: Option<CaseId>,
}

impl View {
    fn of(case: &Case, work: &Work) -> Self {
        let is_open = !case.state().is_closed();
        let due_at = is_open.then(|| case.due_at(work.policy.controller(), work.now));
        Self {
            case_id: case.id,
            kind: case.kind,
            channel: case.channel,
            state: case.state(),
            received_at: case.received_at,
            due_at,
            overdue: due_at.is_some_and(|due_at| due_at < work.now),
            stands_still: case.stands_still(),
            extended_at: case.extended_at(),
            closed_at: case.closed_at(),
            duplicate_of: case.duplicate_of,
        }
    }
}

/// What is personal of a case, for whoever answers it.
#[derive(Debug, Serialize)]
struct Personal<'a> {
    recipient: Recipient<'a>,
    notes: Vec<Note<'a>>,
}

#[derive(Debug, Serialize)]
struct Recipient<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bsuid: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Note<'a> {
    at: Time,
    by: &'a Actor,
    about: Noted,
    text: &'a str,
}

impl<'a> From<&'a Identifiers> for Recipient<'a> {
    fn from(identifiers: &'a Identifiers) -> Self {
        Self {
            phone: identifiers.phone().map(identity::PhoneNumber::e164),
            bsuid: identifiers.bsuid().map(identity::Bsuid::as_str),
        }
    }
}

impl<'a> From<&'a CaseNote> for Note<'a> {
    fn from(note: &'a CaseNote) -> Self {
        Self {
            at: note.at,
            by: &note.actor,
            about: note.about,
            text: &note.text,
        }
    }
}

impl<'a> From<&'a CaseDetails> for Personal<'a> {
    fn from(details: &'a CaseDetails) -> Self {
        Self {
            recipient: (&details.recipient).into(),
            notes: details.notes.iter().map(Note::from).collect(),
        }
    }
}

/// A case with all that is known of it. Once the person was erased, nothing is that would name them.
pub(crate) async fn show(service: &Service, request: &Request, id: &CaseId) -> Answer {
    let work = http::begin(service, request).await?;
    let stored = known(&work, id).await?;
    Ok(answer(StatusCode::OK, &stored, &work))
}

fn answer(status: StatusCode, stored: &StoredCase, work: &Work) -> lambda_http::Response<lambda_http::Body> {
    #[derive(Serialize)]
    struct Whole<'a> {
        #[serde(flatten)]
        view: View,
        #[serde(flatten)]
        personal: Option<Personal<'a>>,
    }

    let whole = Whole {
        view: View::of(&stored.case, work),
        personal: stored.details.as_ref().map(Personal::from),
    };
    json(status, &whole)
}

async fn known(work: &Work, id: &CaseId) -> Result<StoredCase, Refusal> {
    let stored = work.ledger.case(id).await.map_err(unavailable)?;
    stored.ok_or_else(refusal::unknown_case)
}
