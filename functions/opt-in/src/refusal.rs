//! The ways in which only a request here is refused. No text repeats anything that came with the request.

use consent::time::Span;
use lambda_http::http::StatusCode;
use lambda_http::http::header::RETRY_AFTER;
use service::http::Refusal;

pub(crate) fn unknown_purpose(member: &str) -> Refusal {
    let detail = "There is no such purpose, or it is not offered in this language.";
    Refusal::new(StatusCode::BAD_REQUEST, "unknown-purpose", "Unknown purpose", detail).with_member(member)
}

pub(crate) fn several_contacts() -> Refusal {
    let detail = "The identifiers do not belong to one contact: give one of them.";
    Refusal::new(StatusCode::CONFLICT, "several-contacts", "Several contacts", detail).with_member("recipient")
}

/// The answer does not say what happened since: that is the contact's own affair.
pub(crate) fn outdated() -> Refusal {
    let detail =
        "Something has happened since the request was made after which it counts for nothing. Nothing was recorded.";
    Refusal::new(StatusCode::CONFLICT, "outdated-request", "Outdated request", detail)
}

pub(crate) fn rate_limited(pause: Span) -> Refusal {
    let detail = "The contact was asked as often as the policy allows in 24 hours. Nothing was recorded.";
    Refusal::new(StatusCode::TOO_MANY_REQUESTS, "rate-limited", "Asked too often", detail)
        .with_header(RETRY_AFTER, pause.as_seconds())
}
