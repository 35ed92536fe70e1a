//! Legal holds: while one stands, nothing of the contact is deleted, because the law obliges the controller to keep it or a
//! claim is made or defended with it (Art. 17(3)(b) and (e) GDPR).

use consent::id::ContactId;
use consent::time::Time;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use ledger::{HoldReason, LegalHold};
use platform::problem::json;
use serde::Serialize;
use service::Service;
use service::http::body::{self, Object};
use service::http::refusal::{unavailable, unknown_contact};
use service::http::{self, Answer, Refusal};

use crate::{reason, refusal};

/// What a hold is asked for with.
struct Asked<'a> {
    until: Time,
    reason: &'a str,
}

impl<'a> Asked<'a> {
    fn read(body: &Object<'a>, now: Time) -> Result<Self, Refusal> {
        let until = body.need("until")?;
        Ok(Self {
            reason: reason::read(&body.need("reason")?)?,
            until: match until.parsed()? {
                time if time > now => time,
                _ => return Err(refusal::past_time(until.path())),
            },
        })
    }
}

/// Sets a hold, in place of one that stands.
pub(crate) async fn set(service: &Service, request: &Request, id: &ContactId) -> Answer {
    let members = body::read(request)?;
    let work = http::begin(service, request).await?;
    let asked = Asked::read(&Object::whole(&members, &["reason", "until"])?, work.now)?;
    let hold = LegalHold {
        until: asked.until,
        reason: HoldReason::new(asked.reason),
    };
    let is_known = work.ledger.hold(id, &hold, work.now).await;
    if !is_known.map_err(unavailable)? {
        return Err(unknown_contact());
    }
    service.metrics.count("legal_holds", 1);
    Ok(standing(*id, Some(hold.until)))
}

/// Ends a hold; that none stands is what was asked for too.
pub(crate) async fn release(service: &Service, request: &Request, id: &ContactId) -> Answer {
    let work = http::begin(service, request).await?;
    work.ledger.release_hold(id).await.map_err(unavailable)?;
    Ok(standing(*id, None))
}

/// Until when the contact is held.
fn standing(contact_id: ContactId, until: Option<Time>) -> Response<Body> {
    #[derive(Serialize)]
    struct Standing {
        contact_id: ContactId,
        until: Option<Time>,
    }

    json(StatusCode::OK, &Standing { contact_id, until })
}

#[cfg(test)]
mod tests {
    use lambda_http::{Body, Response};
    use serde_json::{Value, json};

    use super::*;

    const NOW: &str = "2026-11-23T09:30:00Z";
    const LATER: &str = "2027-11-23T09:30:00Z";

    fn read(body: &Value) -> Result<(String, String), Value> {
        let members = body.as_object().unwrap();
        let asked = Object::whole(members, &["reason", "until"])
            .and_then(|body| Asked::read(&body, NOW.parse().unwrap()))
            .map(|asked| (asked.reason.to_owned(), asked.until.to_string()));
        asked.map_err(|refusal| serde_json::from_slice(Response::<Body>::from(refusal).body()).unwrap())
    }

    #[test]
    fn a_hold_has_a_reason_and_an_end_in_the_future() {
        let asked = read(&json!({ "reason": " Court case 12/26 ", "until": LATER }));
        assert_eq!(asked, Ok(("Court case 12/26".to_owned(), LATER.to_owned())));
    }

    #[test]
    fn each_mistake_is_named_with_its_member() {
        for (body, kind, member) in [
            (json!({ "until": LATER }), "malformed", "reason"),
            (json!({ "reason": "", "until": LATER }), "malformed", "reason"),
            (json!({ "reason": "  ", "until": LATER }), "malformed", "reason"),
            (json!({ "reason": "a\nb", "until": LATER }), "malformed", "reason"),
            (
                json!({ "reason": "a".repeat(201), "until": LATER }),
                "malformed",
                "reason",
            ),
            (json!({ "reason": "a" }), "malformed", "until"),
            (json!({ "reason": "a", "until": "for ever" }), "malformed", "until"),
            (json!({ "reason": "a", "until": 1_800_000_000 }), "malformed", "until"),
            (json!({ "reason": "a", "until": NOW }), "past-time", "until"),
            (
                json!({ "reason": "a", "until": "2025-11-23T09:30:00Z" }),
                "past-time",
                "until",
            ),
        ] {
            let problem = read(&body).unwrap_err();
            assert_eq!(problem["type"], format!("urn:assent:problem:{kind}"), "{body}");
            assert_eq!(
                (&problem["status"], &problem["member"]),
                (&json!(400), &json!(member)),
                "{body}"
            );
        }
        let unknown = read(&json!({ "reason": "a", "until": LATER, "by": "me" })).unwrap_err();
        assert_eq!(unknown["allowed"], json!(["reason", "until"]));
    }

    #[test]
    fn a_reason_may_be_as_long_as_it_says() {
        assert!(read(&json!({ "reason": "ä".repeat(200), "until": LATER })).is_ok());
    }
}
