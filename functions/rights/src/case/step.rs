//! Steps of a case.

use std::sync::atomic::{AtomicBool, Ordering};

use consent::case::{Case, Code, Outcome, StepError};
use consent::event::{Act, Event};
use consent::id::{CaseId, EventId};
use identity::Identifiers;
use lambda_http::Request;
use lambda_http::http::StatusCode;
use ledger::{CaseNote, Noted, Stepped, StoredCase, Who};
use service::http::body::{self, Object};
use service::http::refusal::unavailable;
use service::http::{self, Answer, Refusal, caller};
use service::{Service, Work};

use crate::{reason, refusal};

/// Asks the person to show who they are, or takes the code by which they do.
pub(crate) async fn verify(service: &Service, request: &Request, id: &CaseId) -> Answer {
    let members = body::read_or_nothing(request)?;
    let code = Object::whole(&members, &["code"])?.get("code");
    let code = code.map(|code| code.parsed::<Code>()).transpose()?;
    let work = http::begin(service, request).await?;
    let Some(code) = code else {
        let stored = step(&work, id, |case| case.ask_identity(work.now), None).await?;
        if let Some(details) = &stored.details {
            ask_in_the_chat(&work, &stored.case, &details.recipient).await?;
        }
        return Ok(super::answer(StatusCode::OK, &stored, &work));
    };
    let hashes: Vec<_> = work.rules().token_keys.iter().map(|key| code.hash(id, key)).collect();
    // A wrong code is counted on the case as well, so the step is taken whether it was right or not.
    let is_right = AtomicBool::new(false);
    let tell = |case: &mut Case| {
        is_right.store(case.tell_code(&hashes, work.now)?.is_ok(), Ordering::Relaxed);
        Ok(())
    };
    let stored = step(&work, id, tell, None).await?;
    if !is_right.into_inner() {
        service.metrics.count("codes_refused", 1);
        return Err(refusal::wrong_code());
    }
    service.metrics.count("identities_shown", 1);
    Ok(super::answer(StatusCode::OK, &stored, &work))
}

/// Sends the person the question whether the demand is theirs, if they are known and have written within 24 hours.
async fn ask_in_the_chat(work: &Work, case: &Case, recipient: &Identifiers) -> Result<(), Refusal> {
    let event = Event {
        id: EventId::from_bytes(identity::random_bytes().map_err(unavailable)?),
        at: work.now,
        act: Act::IdentityAsked {
            case: case.id,
            kind: case.kind,
        },
        delivery: None,
    };
    let who = Who::IfKnown(recipient.clone());
    let recorded = work.ledger.record(&who, &[event], &work.rules()).await;
    recorded.map(drop).map_err(unavailable)
}

/// The person is told that it takes two months longer, and why.
pub(crate) async fn extend(service: &Service, request: &Request, id: &CaseId) -> Answer {
    with_a_reason(service, request, id, Noted::Extension, |case, work| {
        case.extend(work.policy.controller(), work.now)
    })
    .await
}

/// The person is told that it is not done, and why.
pub(crate) async fn refuse(service: &Service, request: &Request, id: &CaseId) -> Answer {
    with_a_reason(service, request, id, Noted::Refusal, |case, work| {
        case.close(Outcome::Refused, work.now)
    })
    .await
}

/// The person no longer demands it.
pub(crate) async fn withdraw(service: &Service, request: &Request, id: &CaseId) -> Answer {
    body::nothing(request)?;
    let work = http::begin(service, request).await?;
    let stored = step(&work, id, |case| case.close(Outcome::Withdrawn, work.now), None).await?;
    Ok(super::answer(StatusCode::OK, &stored, &work))
}

async fn with_a_reason(
    service: &Service,
    request: &Request,
    id: &CaseId,
    about: Noted,
    change: impl Fn(&mut Case, &Work) -> Result<(), StepError>,
) -> Answer {
    let members = body::read(request)?;
    let reason = reason::read(&Object::whole(&members, &["reason"])?.need("reason")?)?;
    let work = http::begin(service, request).await?;
    let note = CaseNote {
        at: work.now,
        actor: caller::actor(request),
        about,
        text: reason.to_owned(),
    };
    let stored = step(&work, id, |case| change(case, &work), Some(note)).await?;
    Ok(super::answer(StatusCode::OK, &stored, &work))
}

/// Takes a step, whoever else takes one at the same time.
pub(super) async fn step(
    work: &Work,
    id: &CaseId,
    change: impl Fn(&mut Case) -> Result<(), StepError>,
    note: Option<CaseNote>,
) -> Result<StoredCase, Refusal> {
    let stepped = work
        .ledger
        .step_case(id, change, note.as_ref(), &work.policy, work.now)
        .await;
    match stepped.map_err(unavailable)? {
        Stepped::Taken(stored) => Ok(*stored),
        Stepped::Refused(error) => Err(refusal::no_step(error)),
        Stepped::Unknown => Err(refusal::unknown_case()),
    }
}
