//! Steps of a case.

use consent::case::{Case, CaseKind, Outcome, StepError};
use consent::evidence::TypedWords;
use consent::id::CaseId;
use lambda_http::Request;
use lambda_http::http::StatusCode;
use ledger::{CaseDetails, CaseNote, ErasureRequest, ErasureStart, Found, Noted, StoredCase};
use service::http::body::{self, Object};
use service::http::refusal::unavailable;
use service::http::{self, Answer, Refusal, caller};
use service::{Service, Work};

use crate::{reason, refusal};

/// How often a step is taken anew because somebody else took one meanwhile.
const ATTEMPTS: u32 = 5;

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
        CaseKind::Access | CaseKind::Portability | CaseKind::Rectification | CaseKind::Restriction => {
            return Err(refusal::not_done_here());
        }
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
async fn step(
    work: &Work,
    id: &CaseId,
    change: impl Fn(&mut Case) -> Result<(), StepError>,
    note: Option<CaseNote>,
) -> Result<StoredCase, Refusal> {
    for _ in 0..ATTEMPTS {
        let stored = super::known(work, id).await?;
        let mut case = stored.case.clone();
        change(&mut case).map_err(refusal::no_step)?;
        if case == stored.case && note.is_none() {
            return Ok(stored);
        }
        let changed = work
            .ledger
            .change_case(&stored, case, note.clone(), &work.policy, work.now)
            .await;
        if let Some(changed) = changed.map_err(unavailable)? {
            return Ok(changed);
        }
    }
    Err(refusal::contended())
}
