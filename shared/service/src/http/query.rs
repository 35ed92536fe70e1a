//! The query of a request's address, in the form of a body whose members are texts, so that one reader names what is wrong in
//! both.

use lambda_http::Request;
use serde_json::{Map, Value};

use super::refusal::{self, Refusal};

/// Reads the query as an object.
///
/// # Errors
/// When it gives a parameter twice. The refusal does not repeat the name: it can be anything.
pub fn read(request: &Request) -> Result<Map<String, Value>, Refusal> {
    let query = request.uri().query().unwrap_or_default();
    let mut members = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let value = Value::String(value.into_owned());
        if members.insert(name.into_owned(), value).is_some() {
            return Err(refusal::repeated_parameter());
        }
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use lambda_http::{Body, Response};
    use serde_json::json;

    use super::*;

    fn asked(query: &str) -> Request {
        let uri = format!("/v1/retention/runs{query}");
        lambda_http::http::Request::get(uri).body(Body::Empty).unwrap()
    }

    #[test]
    fn a_query_is_an_object_of_decoded_texts() {
        let members = read(&asked("?from=2026-11-23T09%3A30%3A00Z&cursor=a+b")).unwrap();
        assert_eq!(
            Value::Object(members),
            json!({ "from": "2026-11-23T09:30:00Z", "cursor": "a b" })
        );
        assert!(read(&asked("")).unwrap().is_empty());
    }

    #[test]
    fn a_parameter_is_given_once() {
        let refused = Response::from(read(&asked("?from=1&from=1")).unwrap_err());
        assert_eq!(refused.status(), 400);
    }
}
