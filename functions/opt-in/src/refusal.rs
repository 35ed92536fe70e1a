//! Every way in which a request is refused. No text here repeats anything that came with the request.

use std::error::Error;

use consent::time::Span;
use lambda_http::http::header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER};
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Response};
use platform::problem::Problem;

/// After how many seconds a request is worth repeating when the ledger did not answer.
const PAUSE: u32 = 2;

/// A request that is not carried out.
#[derive(Debug)]
pub(crate) struct Refusal {
    problem: Box<Problem>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Problem::new(status, kind, title, detail).into()
    }

    fn with_header(self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        Self {
            header: value.try_into().ok().map(|value| (name, value)),
            ..self
        }
    }

    fn with_member(self, member: &str) -> Self {
        Self {
            problem: Box::new(self.problem.with_member(member)),
            ..self
        }
    }

    /// Lists what would have been right.
    pub(crate) fn with_allowed(self, allowed: impl IntoIterator<Item: Into<String>>) -> Self {
        Self {
            problem: Box::new(self.problem.with_allowed(allowed)),
            ..self
        }
    }

    /// Whether the request itself is at fault.
    pub(crate) fn is_the_callers(&self) -> bool {
        self.problem.status.is_client_error()
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self {
            problem: Box::new(problem),
            header: None,
        }
    }
}

impl From<Refusal> for Response<Body> {
    fn from(Refusal { problem, header }: Refusal) -> Self {
        let mut response = Self::from(*problem);
        response.headers_mut().extend(header);
        response
    }
}

pub(crate) fn no_such_route() -> Refusal {
    let detail = "Nothing answers at this address.";
    Refusal::new(StatusCode::NOT_FOUND, "no-such-route", "No such route", detail)
}

pub(crate) fn no_such_method(allowed: &Method) -> Refusal {
    let detail = format!("This address answers {allowed} alone.");
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "no-such-method",
        "Method not allowed",
        detail,
    )
    .with_header(ALLOW, allowed.as_str())
}

pub(crate) fn too_large(most: usize) -> Refusal {
    let detail = format!("A body has at most {most} bytes.");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Body too large", detail)
}

pub(crate) fn not_declared_as_json() -> Refusal {
    let detail = "Send JSON, with the content type application/json or without any.";
    Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "not-declared-as-json",
        "Unsupported media type",
        detail,
    )
}

pub(crate) fn not_json() -> Refusal {
    let detail = "The body is not one JSON object in UTF-8.";
    Refusal::new(StatusCode::BAD_REQUEST, "not-json", "Not JSON", detail)
}

/// A member of the body is missing, or not of the form that it must have.
pub(crate) fn malformed(member: &str, detail: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "malformed", "Malformed member", detail).with_member(member)
}

/// The object at that path has a member that nobody reads. The name is not repeated: it can be anything.
pub(crate) fn unknown_member(path: &str, known: &[&str]) -> Refusal {
    let detail = "There is a member that has no meaning here.";
    let refusal = Refusal::new(StatusCode::BAD_REQUEST, "unknown-member", "Unknown member", detail);
    let refusal = if path.is_empty() {
        refusal
    } else {
        refusal.with_member(path)
    };
    refusal.with_allowed(known.iter().copied())
}

pub(crate) fn unknown_locale(member: &str) -> Refusal {
    let detail = "The policy in force does not have this locale.";
    Refusal::new(StatusCode::BAD_REQUEST, "unknown-locale", "Unknown locale", detail).with_member(member)
}

pub(crate) fn unknown_purpose(member: &str) -> Refusal {
    let detail = "There is no such purpose, or it is not offered in this language.";
    Refusal::new(StatusCode::BAD_REQUEST, "unknown-purpose", "Unknown purpose", detail).with_member(member)
}

pub(crate) fn future_time(member: &str) -> Refusal {
    let detail = "The time is in the future: write when it happened, in UTC.";
    Refusal::new(StatusCode::BAD_REQUEST, "future-time", "Time in the future", detail).with_member(member)
}

pub(crate) fn unknown_contact() -> Refusal {
    let detail = "The ledger knows no such contact.";
    Refusal::new(StatusCode::NOT_FOUND, "unknown-contact", "Unknown contact", detail)
}

pub(crate) fn several_contacts() -> Refusal {
    let detail = "The identifiers do not belong to one contact: give one of them.";
    Refusal::new(StatusCode::CONFLICT, "several-contacts", "Several contacts", detail).with_member("recipient")
}

pub(crate) fn key_of_another_request(member: &str) -> Refusal {
    let detail = "The key came before with another request: repeat that request unchanged, or take a new key.";
    Refusal::new(
        StatusCode::CONFLICT,
        "key-of-another-request",
        "Idempotency key in use",
        detail,
    )
    .with_member(member)
}

pub(crate) fn rate_limited(pause: Span) -> Refusal {
    let detail = "The contact was asked as often as the policy allows in 24 hours. Nothing was recorded.";
    Refusal::new(StatusCode::TOO_MANY_REQUESTS, "rate-limited", "Asked too often", detail)
        .with_header(RETRY_AFTER, pause.as_seconds())
}

/// What the answer depends on is not at hand. Logs why.
pub(crate) fn unavailable(error: impl Error) -> Refusal {
    tracing::error!(error = %platform::logs::chain(&error), "a request cannot be answered now");
    let detail = "The ledger did not answer. Repeat the request, with its idempotency key if it has one.";
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "ledger-unavailable",
        "Ledger unavailable",
        detail,
    )
    .with_header(RETRY_AFTER, PAUSE)
}
