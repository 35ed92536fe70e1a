//! The ways in which only a request here is refused. No text repeats anything that came with the request.

use consent::case::StepError;
use consent::time::Time;
use lambda_http::http::StatusCode;
use service::http::Refusal;
use service::http::body::sentence;

pub(crate) fn unknown_erasure() -> Refusal {
    let detail = "There is no such erasure, or its certificate is no longer kept.";
    Refusal::new(StatusCode::NOT_FOUND, "unknown-erasure", "Unknown erasure", detail)
}

pub(crate) fn past_time(member: &str) -> Refusal {
    let detail = "The time is not in the future: write until when nothing of the contact may be deleted, in UTC.";
    Refusal::new(StatusCode::BAD_REQUEST, "past-time", "Time in the past", detail).with_member(member)
}

pub(crate) fn legal_hold(until: Time) -> Refusal {
    let detail = format!(
        "A legal hold stands until {until}: nothing of the contact is deleted before, unless the hold is ended."
    );
    Refusal::new(StatusCode::CONFLICT, "legal-hold", "Legal hold", detail)
}

pub(crate) fn unknown_case() -> Refusal {
    let detail = "There is no such case, or it is no longer kept.";
    Refusal::new(StatusCode::NOT_FOUND, "unknown-case", "Unknown case", detail)
}

pub(crate) fn no_step(error: StepError) -> Refusal {
    let kind = match error {
        StepError::Closed => "case-closed",
        StepError::NotVerified => "not-verified",
        StepError::NothingToShow => "nothing-to-show",
        StepError::ExtendedBefore => "extended-before",
        StepError::TooLate { .. } => "too-late",
    };
    Refusal::new(StatusCode::CONFLICT, kind, "Not possible now", sentence(error))
}

pub(crate) fn wrong_code() -> Refusal {
    let detail = "The code is wrong, or no longer good: have the person tap the button in the chat for another one.";
    Refusal::new(StatusCode::FORBIDDEN, "wrong-code", "Wrong code", detail)
}

pub(crate) fn no_copy() -> Refusal {
    let detail = "No copy is kept for this case: fulfil it first, or, if its time is over, register the demand anew.";
    Refusal::new(StatusCode::GONE, "no-copy", "No copy", detail)
}

pub(crate) fn erased() -> Refusal {
    let detail = "Whoever the case is about was erased: there is nothing left to copy. Close the case as withdrawn.";
    Refusal::new(StatusCode::CONFLICT, "erased", "Erased", detail)
}

pub(crate) fn several_contacts() -> Refusal {
    let detail =
        "The phone number belongs to one contact and the WhatsApp id to another: register a case for each by itself.";
    Refusal::new(StatusCode::CONFLICT, "several-contacts", "Several contacts", detail)
}

pub(crate) fn changed_hands() -> Refusal {
    let detail = "The number or id belongs to another contact by now than when the case was registered: register the demand anew.";
    Refusal::new(StatusCode::CONFLICT, "changed-hands", "Changed hands", detail)
}

pub(crate) fn unreadable_copy() -> Refusal {
    let detail = "The copy could not be made, or cannot be read as it lies: fulfil the case again.";
    Refusal::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "unreadable-copy",
        "Unreadable copy",
        detail,
    )
}

pub(crate) fn nothing_to_correct() -> Refusal {
    let detail = "Say what is right: give locale, phone or bsuid. A consent is never corrected.";
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "nothing-to-correct",
        "Nothing to correct",
        detail,
    )
}

pub(crate) fn corrects_nothing() -> Refusal {
    let detail = "The case is no rectification: leave out locale, phone and bsuid.";
    Refusal::new(StatusCode::BAD_REQUEST, "corrects-nothing", "Corrects nothing", detail)
}

pub(crate) fn no_restriction() -> Refusal {
    let detail = "The case has restricted nothing: only a restriction that was fulfilled can be lifted.";
    Refusal::new(StatusCode::CONFLICT, "no-restriction", "No restriction", detail)
}

pub(crate) fn not_told() -> Refusal {
    let detail = "The person cannot be told in the chat, where they have not written within 24 hours: tell them otherwise before the restriction ends, and say how in told.";
    Refusal::new(StatusCode::CONFLICT, "not-told", "Not told", detail)
}
