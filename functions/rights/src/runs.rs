//! The reports that the purge leaves behind, and whether each is what it wrote.

use consent::time::{Span, Time};
use lambda_http::Request;
use service::Service;
use service::http::body::Object;
use service::http::{self, Answer, Refusal, query};

use crate::refusal;

/// How far back the list goes unless the caller says otherwise.
const USUALLY: Span = Span::days(30);

/// The most reports of a page.
const MOST: i32 = 100;

/// The most characters of a cursor.
const MAX_CURSOR: usize = 255;

/// Which reports are asked for.
struct Asked<'a> {
    from: Time,
    cursor: Option<&'a str>,
}

impl<'a> Asked<'a> {
    fn read(query: &Object<'a>, now: Time) -> Result<Self, Refusal> {
        let from = query.get("from").map(|from| from.parsed()).transpose()?;
        Ok(Self {
            from: from.unwrap_or(now - USUALLY),
            cursor: query.get("cursor").map(|cursor| cursor.line(MAX_CURSOR)).transpose()?,
        })
    }
}

/// A page of reports, oldest first.
pub(crate) async fn list(service: &Service, request: &Request) -> Answer {
    let parameters = query::read(request)?;
    let query = Object::whole(&parameters, &["from", "cursor"])?;
    let work = http::begin(service, request).await?;
    let asked = Asked::read(&query, work.now)?;
    Err(refusal::not_built(MOST, asked.from, asked.cursor.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use lambda_http::{Body, Response};
    use serde_json::{Value, json};

    use super::*;

    const NOW: &str = "2026-11-23T09:30:00Z";

    fn read(query: &Value) -> Result<(String, Option<String>), Value> {
        let members = query.as_object().unwrap();
        let asked = Object::whole(members, &["from", "cursor"])
            .and_then(|query| Asked::read(&query, NOW.parse().unwrap()))
            .map(|asked| (asked.from.to_string(), asked.cursor.map(str::to_owned)));
        asked.map_err(|refusal| serde_json::from_slice(Response::<Body>::from(refusal).body()).unwrap())
    }

    #[test]
    fn without_a_time_the_list_begins_thirty_days_back() {
        assert_eq!(read(&json!({})), Ok(("2026-10-24T09:30:00Z".to_owned(), None)));
    }

    #[test]
    fn a_time_and_a_cursor_are_taken_as_given() {
        let asked = read(&json!({ "from": "2026-01-01T00:00:00Z", "cursor": "c" }));
        assert_eq!(asked, Ok(("2026-01-01T00:00:00Z".to_owned(), Some("c".to_owned()))));
    }

    #[test]
    fn a_parameter_with_a_mistake_is_named() {
        for (query, at_fault) in [
            (json!({ "from": "yesterday" }), "from"),
            (json!({ "from": "" }), "from"),
            (json!({ "cursor": "" }), "cursor"),
            (json!({ "cursor": "a\nb" }), "cursor"),
            (json!({ "cursor": "a".repeat(256) }), "cursor"),
        ] {
            let problem = read(&query).unwrap_err();
            assert_eq!(
                (&problem["status"], &problem["member"]),
                (&json!(400), &json!(at_fault)),
                "{query}"
            );
        }
        assert_eq!(
            read(&json!({ "form": "2026" })).unwrap_err()["allowed"],
            json!(["from", "cursor"])
        );
    }
}
