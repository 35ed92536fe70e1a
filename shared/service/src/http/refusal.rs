//! The ways in which any request can be refused. What only one function refuses, it words itself with [`Refusal::new`]. No text
//! repeats anything that came with the request.

use std::error::Error;

use lambda_http::http::header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER};
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Response};
use platform::problem::Problem;

/// After how many seconds a request is worth repeating when the ledger did not answer.
const PAUSE: u32 = 2;

/// A request that is not carried out.
#[derive(Debug)]
pub struct Refusal {
    problem: Box<Problem>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// A refusal with that problem. The kind never changes, because callers tell problems apart by it.
    pub fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Problem::new(status, kind, title, detail).into()
    }

    /// Adds a header to the answer, in place of one added before.
    #[must_use]
    pub fn with_header(self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        Self {
            header: value.try_into().ok().map(|value| (name, value)),
            ..self
        }
    }

    /// Names the member of the body, or the parameter of the query, that is at fault.
    #[must_use]
    pub fn with_member(self, member: &str) -> Self {
        Self {
            problem: Box::new(self.problem.with_member(member)),
            ..self
        }
    }

    /// Lists what would have been right.
    #[must_use]
    pub fn with_allowed(self, allowed: impl IntoIterator<Item: Into<String>>) -> Self {
        Self {
            problem: Box::new(self.problem.with_allowed(allowed)),
            ..self
        }
    }

    /// The member or parameter that is at fault, if one is.
    pub fn member(&self) -> Option<&str> {
        self.problem.member.as_deref()
    }

    /// What is wrong, and what would be right.
    pub fn detail(&self) -> &str {
        &self.problem.detail
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.problem.status
    }

    /// Whether the request itself is at fault.
    pub fn is_the_callers(&self) -> bool {
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

/// Nothing answers at this path.
pub fn no_such_route() -> Refusal {
    let detail = "Nothing answers at this address.";
    Refusal::new(StatusCode::NOT_FOUND, "no-such-route", "No such route", detail)
}

/// The path answers these methods and no others.
pub fn no_such_method(allowed: &[Method]) -> Refusal {
    let names: Vec<_> = allowed.iter().map(Method::as_str).collect();
    let detail = format!("This address answers {} alone.", names.join(" and "));
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "no-such-method",
        "Method not allowed",
        detail,
    )
    .with_header(ALLOW, names.join(", "))
}

/// The body has more bytes than this.
pub fn too_large(most: usize) -> Refusal {
    let detail = format!("A body has at most {most} bytes.");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Body too large", detail)
}

/// The content type is something else than JSON.
pub fn not_declared_as_json() -> Refusal {
    let detail = "Send JSON, with the content type application/json or without any.";
    Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "not-declared-as-json",
        "Unsupported media type",
        detail,
    )
}

/// The body is no JSON object.
pub fn not_json() -> Refusal {
    let detail = "The body is not one JSON object in UTF-8.";
    Refusal::new(StatusCode::BAD_REQUEST, "not-json", "Not JSON", detail)
}

/// A member of the body, or a parameter of the query, is missing or not of the form that it must have.
pub fn malformed(member: &str, detail: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "malformed", "Malformed member", detail).with_member(member)
}

/// The object at that path has a member that nobody reads. The name is not repeated: it can be anything.
pub fn unknown_member(path: &str, known: &[&str]) -> Refusal {
    let detail = "There is a member that has no meaning here.";
    let refusal = Refusal::new(StatusCode::BAD_REQUEST, "unknown-member", "Unknown member", detail);
    let refusal = if path.is_empty() {
        refusal
    } else {
        refusal.with_member(path)
    };
    refusal.with_allowed(known.iter().copied())
}

/// The query gives a parameter more than once.
pub fn repeated_parameter() -> Refusal {
    let detail = "The query gives a parameter more than once.";
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "repeated-parameter",
        "Repeated parameter",
        detail,
    )
}

/// Something is said to have happened at a time that is yet to come.
pub fn future_time(member: &str) -> Refusal {
    let detail = "The time is in the future: write when it happened, in UTC.";
    Refusal::new(StatusCode::BAD_REQUEST, "future-time", "Time in the future", detail).with_member(member)
}

/// Nobody is known by what the caller gave.
pub fn unknown_contact() -> Refusal {
    let detail = "The ledger knows no such contact.";
    Refusal::new(StatusCode::NOT_FOUND, "unknown-contact", "Unknown contact", detail)
}

/// The idempotency key is taken.
pub fn key_of_another_request(member: &str) -> Refusal {
    let detail = "The key came before with another request: repeat that request unchanged, or take a new key.";
    Refusal::new(
        StatusCode::CONFLICT,
        "key-of-another-request",
        "Idempotency key in use",
        detail,
    )
    .with_member(member)
}

/// What the answer depends on is not at hand. Logs why.
pub fn unavailable(error: impl Error) -> Refusal {
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
