//! The reports that the purge leaves behind, and whether each is what it wrote.

use consent::retention::RunReport;
use consent::time::{Span, Time};
use lambda_http::Request;
use lambda_http::http::StatusCode;
use ledger::purge::RunPage;
use platform::problem::json;
use serde::Serialize;
use service::Service;
use service::http::body::Object;
use service::http::refusal::unavailable;
use service::http::{self, Answer, Refusal, query};

/// How far back the list goes unless the caller says otherwise.
const USUALLY: Span = Span::days(30);

/// The most reports of a page.
const MOST: i32 = 100;

/// The most bytes of a cursor, several times what the ledger gives out.
const MAX_CURSOR: usize = 256;

/// Which reports are asked for.
struct Asked {
    from: Time,
    cursor: Option<String>,
}

impl Asked {
    fn read(query: &Object<'_>, now: Time) -> Result<Self, Refusal> {
        let from = query.get("from").map(|from| from.parsed()).transpose()?;
        Ok(Self {
            from: from.unwrap_or(now - USUALLY),
            cursor: query.get("cursor").map(|cursor| cursor.parsed_by(decode)).transpose()?,
        })
    }
}

/// The ledger's cursor, as it can stand in an address without further ado.
fn encode(cursor: &str) -> String {
    hex::encode(cursor)
}

fn decode(cursor: &str) -> Result<String, &'static str> {
    let bytes = hex::decode(cursor)
        .ok()
        .filter(|bytes| (1..=MAX_CURSOR).contains(&bytes.len()));
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or("not a cursor: take that of the page before, unchanged")
}

/// A page of reports, oldest first.
pub(crate) async fn list(service: &Service, request: &Request) -> Answer {
    #[derive(Serialize)]
    struct Page {
        runs: Vec<Run>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    }
    #[derive(Serialize)]
    struct Run {
        #[serde(flatten)]
        report: RunReport,
        signature_valid: bool,
    }

    let parameters = query::read(request)?;
    let query = Object::whole(&parameters, &["from", "cursor"])?;
    let work = http::begin(service, request).await?;
    let asked = Asked::read(&query, work.now)?;
    let page = work
        .ledger
        .purge_runs(asked.from, asked.cursor.as_deref(), MOST, work.now)
        .await;
    let RunPage { runs, cursor } = page.map_err(unavailable)?;
    let runs = runs.into_iter().map(|run| Run {
        report: run.report,
        signature_valid: run.signature_valid,
    });
    let page = Page {
        runs: runs.collect(),
        cursor: cursor.as_deref().map(encode),
    };
    Ok(json(StatusCode::OK, &page))
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
            .map(|asked| (asked.from.to_string(), asked.cursor));
        asked.map_err(|refusal| serde_json::from_slice(Response::<Body>::from(refusal).body()).unwrap())
    }

    #[test]
    fn without_a_time_the_list_begins_thirty_days_back() {
        assert_eq!(read(&json!({})), Ok(("2026-10-24T09:30:00Z".to_owned(), None)));
    }

    #[test]
    fn the_list_goes_on_from_the_time_and_the_cursor_that_are_given() {
        let cursor = "2026-01-02T00:00:00Z#ab";
        let asked = read(&json!({ "from": "2026-01-01T00:00:00Z", "cursor": encode(cursor) }));
        assert_eq!(asked, Ok(("2026-01-01T00:00:00Z".to_owned(), Some(cursor.to_owned()))));
    }

    #[test]
    fn a_parameter_with_a_mistake_is_named() {
        for (query, at_fault) in [
            (json!({ "from": "yesterday" }), "from"),
            (json!({ "from": "" }), "from"),
            (json!({ "cursor": "" }), "cursor"),
            (json!({ "cursor": "2026-01-02T00:00:00Z" }), "cursor"),
            (json!({ "cursor": "ff" }), "cursor"),
            (json!({ "cursor": encode(&"a".repeat(257)) }), "cursor"),
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
