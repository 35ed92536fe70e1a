//! Which cases there are, those first whose answer is due first.

use consent::case::CaseState;
use consent::id::CaseId;
use consent::time::Time;
use lambda_http::Request;
use lambda_http::http::StatusCode;
use ledger::CaseFilter;
use platform::problem::json;
use serde::Serialize;
use service::Service;
use service::http::body::Object;
use service::http::refusal::unavailable;
use service::http::{self, Answer, Refusal, query};

use super::View;

const STATES: [CaseState; 10] = [
    CaseState::Received,
    CaseState::IdentityPending,
    CaseState::Verified,
    CaseState::InProgress,
    CaseState::Extended,
    CaseState::Fulfilled,
    CaseState::PartiallyFulfilled,
    CaseState::Refused,
    CaseState::Withdrawn,
    CaseState::Duplicate,
];

/// Where a list goes on: after that case, which stood at that time.
type Place = (CaseId, Time);

fn read(query: &Object<'_>) -> Result<(CaseFilter, Option<Place>), Refusal> {
    let filter = CaseFilter {
        state: query.get("state").map(|state| state.one_of(&STATES)).transpose()?,
        due_by: query.get("due_by").map(|due_by| due_by.parsed()).transpose()?,
    };
    let place = query.get("cursor").map(|cursor| cursor.parsed_by(decode)).transpose()?;
    Ok((filter, place))
}

fn encode((id, due_at): Place) -> String {
    format!("{id}-{}", due_at.unix_seconds())
}

fn decode(cursor: &str) -> Result<Place, &'static str> {
    let place = || {
        let (id, due_at) = cursor.split_once('-')?;
        Some((id.parse().ok()?, Time::from_unix_seconds(due_at.parse().ok()?)))
    };
    let place = place().filter(|place| encode(*place) == cursor);
    place.ok_or("not a cursor: take that of the page before, unchanged")
}

/// A page of the cases that are open, or that stand where the caller says. It names nobody.
pub(crate) async fn list(service: &Service, request: &Request) -> Answer {
    #[derive(Serialize)]
    struct Page {
        cases: Vec<View>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    }

    let parameters = query::read(request)?;
    let (filter, place) = read(&Object::whole(&parameters, &["state", "due_by", "cursor"])?)?;
    let work = http::begin(service, request).await?;
    let page = work.ledger.cases(filter, place).await.map_err(unavailable)?;
    let answer = Page {
        cases: page.cases.iter().map(|(case, _)| View::of(case, &work)).collect(),
        cursor: page.next.map(encode),
    };
    Ok(json(StatusCode::OK, &answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_given_out_and_nothing_else_is() {
        let place = (CaseId::from_bytes([0xab; 16]), Time::from_unix_seconds(1_784_000_000));
        let cursor = encode(place);
        assert_eq!(decode(&cursor), Ok(place));
        for wrong in [
            "",
            "-",
            "ab-1",
            &cursor[1..],
            &format!("{cursor}x"),
            &cursor.replace('-', "-+"),
        ] {
            assert!(decode(wrong).is_err(), "{wrong}");
        }
    }
}
