//! Answers over HTTP, and errors as problem details (RFC 9457).

use lambda_http::Body;
use lambda_http::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use lambda_http::http::{Response, StatusCode};
use serde::Serialize;

/// What went wrong with a request, told so that a program can act on it and a person can mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The kind of problem in lower-case words with hyphens. It becomes the `type`, by which callers tell problems apart, so
    /// it never changes.
    pub kind: &'static str,
    /// The kind in plain words.
    pub title: &'static str,
    /// The status of the answer.
    pub status: StatusCode,
    /// What is wrong with this request and what would be right, without personal data.
    pub detail: String,
    /// The member of the body, or the parameter, that is at fault, such as `recipient.phone`.
    pub member: Option<String>,
    /// The values that would have been right, where they can be listed.
    pub allowed: Vec<String>,
}

impl Problem {
    /// A problem that has no one member at fault.
    pub fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind,
            title,
            status,
            detail: detail.into(),
            member: None,
            allowed: Vec::new(),
        }
    }

    /// Names the member of the body, or the parameter, that is at fault.
    #[must_use]
    pub fn with_member(mut self, member: impl Into<String>) -> Self {
        self.member = Some(member.into());
        self
    }

    /// Lists the values that would have been right.
    #[must_use]
    pub fn with_allowed(mut self, allowed: impl IntoIterator<Item: Into<String>>) -> Self {
        self.allowed = allowed.into_iter().map(Into::into).collect();
        self
    }
}

#[derive(Serialize)]
struct Details<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    allowed: &'a [String],
}

impl From<Problem> for Response<Body> {
    fn from(problem: Problem) -> Self {
        let details = Details {
            r#type: format!("urn:assent:problem:{}", problem.kind),
            title: problem.title,
            status: problem.status.as_u16(),
            detail: &problem.detail,
            member: problem.member.as_deref(),
            allowed: &problem.allowed,
        };
        // Text and numbers always have a JSON form, so there is always a body.
        let body = serde_json::to_string(&details).unwrap_or_default();
        respond(problem.status, "application/problem+json", body)
    }
}

/// An answer in JSON. It may be about a person, so no cache on the way may keep it.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    match serde_json::to_string(body) {
        Ok(body) => respond(status, "application/json", body),
        Err(error) => {
            tracing::error!(category = ?error.classify(), "an answer has no JSON form");
            let detail = "The answer could not be written. The request may have been carried out: ask for its outcome.";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail).into()
        }
    }
}

fn respond(status: StatusCode, content_type: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::Text(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn body(response: &Response<Body>) -> Value {
        serde_json::from_slice(response.body()).unwrap()
    }

    #[test]
    fn a_problem_names_its_kind_the_member_at_fault_and_what_is_allowed() {
        let problem = Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "unknown-purpose",
            "Unknown purpose",
            "No such purpose.",
        )
        .with_member("purposes[0]")
        .with_allowed(["offers", "orders"]);
        let response = Response::from(problem);
        assert_eq!(response.status(), 422);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(
            body(&response),
            json!({
                "type": "urn:assent:problem:unknown-purpose",
                "title": "Unknown purpose",
                "status": 422,
                "detail": "No such purpose.",
                "member": "purposes[0]",
                "allowed": ["offers", "orders"],
            })
        );
    }

    #[test]
    fn what_a_problem_does_not_say_is_left_out() {
        let response = Response::from(Problem::new(
            StatusCode::NOT_FOUND,
            "not-found",
            "Not found",
            "Nothing here.",
        ));
        assert_eq!(body(&response).as_object().unwrap().len(), 4);
    }

    #[test]
    fn no_cache_keeps_an_answer() {
        let response = super::json(StatusCode::OK, &json!({ "status": "active" }));
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        assert_eq!(body(&response), json!({ "status": "active" }));
    }

    #[test]
    fn an_answer_without_a_json_form_is_an_internal_error() {
        let response = super::json(StatusCode::OK, &std::collections::BTreeMap::from([((1, 2), 3)]));
        assert_eq!(response.status(), 500);
        assert_eq!(body(&response)["type"], "urn:assent:problem:internal");
    }
}
