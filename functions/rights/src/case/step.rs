//! Steps of a case.

use std::sync::atomic::{AtomicBool, Ordering};

use consent::case::{Case, CaseKind, Code, Outcome, StepError};
use consent::evidence::TypedWords;
use consent::id::CaseId;
use lambda_http::Request;
use lambda_http::http::StatusCode;
use ledger::{CaseDetails, CaseNote, ErasureRequest, ErasureStart, Found, Noted, Stepped, StoredCase};
use service::http::body::{self, Object};
use service::http::refusal::unavailable;
use service::http::{self, Answer, Refusal, caller};
use service::{Service, Work};

use crate::{copy, reason, refusal};

/// Asks the person to show who they are, or takes the code by which they do.
pub(crate) async fn verify(service: &Service, request: &Request, id: &CaseId) -> Answer {
    let members = body::read_or_nothing(request)?;
    let code = Object::whole(&members, &["code"])?.get("code");
    let code = code.map(|code| code.parsed::<Code>()).transpose()?;
    let work = http::begin(service, request).await?;
    let Some(code) = code else {
        let stored = step(&work, id, |case| case.ask_identity(work.now), None).await?;
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

/// Does what is demanded, and closes the case when it is done. What takes longer than one answer goes on, and is closed by asking
/// again.
pub(crate) async fn fulfil(service: &Service, request: &Request, id: &CaseId) -> Answer {
    body::nothing(request)?;
    let work = http::begin(service, request).await?;
    // Nothing is done before it is known to be the person's wish.
    let begun = step(&work, id, Case::begin, None).await?;
    let is_done = match begun.case.kind {
        // It was done when the case was registered.
        CaseKind::Objection => true,
        CaseKind::Erasure => erase(service, request, &work, &begun).await?,
        CaseKind::Access | CaseKind::Portability => {
            copy::make(&work, &begun).await?;
            true
        }
        CaseKind::Rectification | CaseKind::Restriction => return Err(refusal::not_done_here()),
    };
    if !is_done {
        return Ok(super::answer(StatusCode::ACCEPTED, &begun, &work));
    }
    let stored = step(&work, id, |case| case.close(Outcome::Fulfilled, work.now), None).await?;
    service.metrics.count("cases_fulfilled", 1);
    Ok(super::answer(StatusCode::OK, &stored, &work))
}

/// Erases whoever the case is about; false if that goes on. Once it is done, the case knows nobody any more.
async fn erase(service: &Service, request: &Request, work: &Work, stored: &StoredCase) -> Result<bool, Refusal> {
    let Some(CaseDetails { recipient, .. }) = &stored.details else {
        return Ok(true);
    };
    let contacts = match work.ledger.find(recipient).await.map_err(unavailable)? {
        Found::Nobody => return Ok(true),
        Found::One(subject) => vec![subject.contact.id],
        Found::Two(subjects) => subjects.iter().map(|subject| subject.contact.id).collect(),
    };
    let reason = TypedWords::new(&format!("case {}", stored.case.id));
    for contact in contacts {
        let asked = ErasureRequest {
            actor: caller::actor(request),
            reason: &reason,
        };
        let start = work.ledger.begin_erasure(&contact, &asked, &work.rules()).await;
        let erasure = match start.map_err(unavailable)? {
            ErasureStart::Begun(erasure) => {
                service.metrics.count("erasures", 1);
                erasure
            }
            ErasureStart::Running(erasure) => erasure,
            ErasureStart::Held { until } => return Err(refusal::legal_hold(until)),
            ErasureStart::Unknown => continue,
        };
        work.ledger
            .continue_erasure(&erasure, &work.rules())
            .await
            .map_err(unavailable)?;
        let erasure = work.ledger.erasure(&erasure, work.now).await.map_err(unavailable)?;
        if erasure.is_none_or(|erasure| erasure.proof.is_none()) {
            return Ok(false);
        }
    }
    Ok(true)
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
