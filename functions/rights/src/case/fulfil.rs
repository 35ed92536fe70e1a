//! Doing what is demanded.

use consent::case::{Case, CaseKind, Outcome};
use consent::event::{Act, Event};
use consent::evidence::TypedWords;
use consent::id::{CaseId, EventId, Locale};
use consent::outgoing::restriction_ends_id;
use identity::{Identifiers, PseudonymDomain};
use lambda_http::Request;
use lambda_http::http::StatusCode;
use ledger::{CaseDetails, CaseNote, ErasureRequest, ErasureStart, Found, Move, Noted, OutboxState, StoredCase, Who};
use service::http::body::{self, Object};
use service::http::refusal::unavailable;
use service::http::{self, Answer, Refusal, caller, identifiers};
use service::{Service, Work};

use super::step::step;
use crate::{copy, reason, refusal};

/// What is right of a person.
#[derive(Debug, Default)]
struct Correction {
    locale: Option<Locale>,
    who: Option<Identifiers>,
}

/// Does what is demanded, and closes the case when it is done. What takes longer than one answer goes on, and is closed by asking
/// again.
pub(crate) async fn fulfil(service: &Service, request: &Request, id: &CaseId) -> Answer {
    let members = body::read_or_nothing(request)?;
    let work = http::begin(service, request).await?;
    let object = Object::whole(&members, &["partly", "locale", "phone", "bsuid"])?;
    let partly = object
        .get("partly")
        .map(|partly| reason::read(&partly).map(str::to_owned))
        .transpose()?;
    let correction = correction(&object, &work)?;
    // Nothing is done before it is known to be the person's wish.
    let begun = step(&work, id, Case::begin, None).await?;
    let is_done = match (begun.case.kind, correction) {
        (CaseKind::Rectification, Some(correction)) => {
            rectify(request, &work, &begun, correction).await?;
            true
        }
        (CaseKind::Rectification, None) => return Err(refusal::nothing_to_correct()),
        (_, Some(_)) => return Err(refusal::corrects_nothing()),
        // It was done when the case was registered.
        (CaseKind::Objection, None) => true,
        (CaseKind::Erasure, None) => erase(service, request, &work, &begun).await?,
        (CaseKind::Access | CaseKind::Portability, None) => {
            copy::make(&work, &begun).await?;
            true
        }
        (CaseKind::Restriction, None) => {
            restrict(request, &work, &begun).await?;
            true
        }
    };
    if !is_done {
        return Ok(super::answer(StatusCode::ACCEPTED, &begun, &work));
    }
    let (outcome, note) = match partly {
        None => (Outcome::Fulfilled, None),
        Some(text) => {
            let note = CaseNote {
                at: work.now,
                actor: caller::actor(request),
                about: Noted::Refusal,
                text,
            };
            (Outcome::PartiallyFulfilled, Some(note))
        }
    };
    let stored = step(&work, id, |case| case.close(outcome, work.now), note).await?;
    service.metrics.count("cases_fulfilled", 1);
    Ok(super::answer(StatusCode::OK, &stored, &work))
}

/// What the request says is right; none if it says nothing.
fn correction(object: &Object<'_>, work: &Work) -> Result<Option<Correction>, Refusal> {
    let locale = object
        .get("locale")
        .map(|member| http::locale::read(&member, &work.policy).cloned());
    let locale = locale.transpose()?;
    let who = identifiers::read(object)?;
    let correction = Correction { locale, who };
    Ok((correction.locale.is_some() || correction.who.is_some()).then_some(correction))
}

/// Corrects what is known of the person. Where a number or id was wrong, stops go along to the right one, and no consent does: whoever has
/// it has not agreed to anything there.
async fn rectify(request: &Request, work: &Work, stored: &StoredCase, correction: Correction) -> Result<(), Refusal> {
    let recipient = recipient_of(stored)?;
    if let Some(locale) = correction.locale {
        let actor = caller::actor(request);
        record(
            work,
            Who::IfKnown(recipient.clone()),
            stored,
            "rectify",
            Act::Rectified { locale, actor },
        )
        .await?;
    }
    if let Some(to) = correction.who {
        let change = Move {
            event: event_of(work, stored, "move"),
            at: work.now,
            from: Some(recipient.clone()),
            to: Some(to),
            delivery: None,
        };
        work.ledger
            .move_person(&change, &work.rules())
            .await
            .map_err(unavailable)?;
    }
    Ok(())
}

/// From now on nothing is done with the person's data but keeping it. It holds for somebody who is unknown as well.
async fn restrict(request: &Request, work: &Work, stored: &StoredCase) -> Result<(), Refusal> {
    let who = Who::Person(recipient_of(stored)?.clone());
    let actor = caller::actor(request);
    record(work, who, stored, "restrict", Act::Restricted { actor }).await
}

/// Ends the restriction that a case brought about. The person is told first (Art. 18(3) GDPR): in the chat, or, where that cannot be,
/// otherwise, which the caller then says.
pub(crate) async fn lift(service: &Service, request: &Request, id: &CaseId) -> Answer {
    let members = body::read_or_nothing(request)?;
    let told = Object::whole(&members, &["told"])?.get("told");
    let told = told.map(|told| reason::read(&told).map(str::to_owned)).transpose()?;
    let work = http::begin(service, request).await?;
    let stored = work.ledger.case(id).await.map_err(unavailable)?;
    let stored = stored.ok_or_else(refusal::unknown_case)?;
    let is_restriction = stored.case.kind == CaseKind::Restriction && stored.case.closed_at().is_some();
    if !is_restriction || !stored.case.was_fulfilled() {
        return Err(refusal::no_restriction());
    }
    let recipient = recipient_of(&stored)?.clone();
    let actor = caller::actor(request);
    let note = match told {
        Some(text) => Some(CaseNote {
            at: work.now,
            actor: actor.clone(),
            about: Noted::Told,
            text,
        }),
        None if is_told(&work, &stored, &recipient).await? => None,
        None => return Ok(super::answer(StatusCode::ACCEPTED, &stored, &work)),
    };
    record(
        &work,
        Who::IfKnown(recipient),
        &stored,
        "lift",
        Act::Unrestricted { actor },
    )
    .await?;
    let stored = step(&work, id, |_| Ok(()), note).await?;
    service.metrics.count("restrictions_lifted", 1);
    Ok(super::answer(StatusCode::OK, &stored, &work))
}

/// Whether the person has been told; else they are, unless that failed.
async fn is_told(work: &Work, stored: &StoredCase, recipient: &Identifiers) -> Result<bool, Refusal> {
    let case = stored.case.id;
    let event = event_of(work, stored, "tell");
    let message = restriction_ends_id(case, &event);
    let mut sent = work.ledger.outbox_message(&message).await.map_err(unavailable)?;
    if sent.is_none() {
        let act = Act::RestrictionEnds { case };
        record(work, Who::IfKnown(recipient.clone()), stored, "tell", act).await?;
        sent = work.ledger.outbox_message(&message).await.map_err(unavailable)?;
    }
    match sent.map(|message| message.state) {
        Some(OutboxState::Sent) => Ok(true),
        Some(OutboxState::Failed | OutboxState::Dropped) | None => Err(refusal::not_told()),
        Some(_) => Ok(false),
    }
}

fn recipient_of(stored: &StoredCase) -> Result<&Identifiers, Refusal> {
    let details = stored.details.as_ref().ok_or_else(refusal::erased)?;
    Ok(&details.recipient)
}

/// The event by which something is done for a case, the same each time.
fn event_of(work: &Work, stored: &StoredCase, what: &str) -> EventId {
    let parts: [&[u8]; 3] = [b"case", what.as_bytes(), stored.case.id.as_bytes()];
    work.ledger.event_id(PseudonymDomain::Event, &parts)
}

async fn record(work: &Work, who: Who, stored: &StoredCase, what: &str, act: Act) -> Result<(), Refusal> {
    let event = Event {
        id: event_of(work, stored, what),
        at: work.now,
        act,
        delivery: None,
    };
    let recorded = work.ledger.record(&who, &[event], &work.rules()).await;
    recorded.map(drop).map_err(unavailable)
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
