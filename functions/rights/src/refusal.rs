//! The ways in which only a request here is refused. No text repeats anything that came with the request.

use consent::time::Time;
use lambda_http::http::StatusCode;
use service::http::Refusal;

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
