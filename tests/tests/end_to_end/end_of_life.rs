//! What is left of people when their time is over, or when they want to be gone.

use reqwest::Method;
use serde_json::{Value, json};

use assent_tests::by_hand::{delivery, text, value};

use crate::stack::{Local, phone};

const DAY: u32 = 86_400;
const REASON: &str = "Frau Petra Muster verlangt es";

/// More than three years, and the end of the year in which they are over.
const PROOF_IS_OVER: u32 = 4 * 366 * DAY;

impl Local {
    pub(crate) async fn confirmed(&self, digits: &str) -> Value {
        let who = phone(digits);
        self.opt_in(digits, "web_form").await;
        let prompt = self.last_received(&who).await;
        self.taps(who.clone(), &prompt, 0).await;
        assert_eq!(self.status(&who).await, "confirmed");
        who
    }

    async fn contact_id(&self, who: &Value) -> String {
        self.look_up(who).await.1["contact_id"].as_str().unwrap().to_owned()
    }

    /// Runs the purge and returns what it counted.
    async fn purge(&self) -> Value {
        let (status, answer) = self.post("/_local/run/retention", Value::Null).await;
        assert_eq!(
            (status, &answer["purged"]["run"]["end"]),
            (200, &json!("complete")),
            "{answer}"
        );
        answer["purged"]["run"]["counts"].clone()
    }

    async fn erase(&self, contact: &str) -> (u16, Value) {
        self.post(&format!("/v1/contacts/{contact}/erasure"), json!({"reason": REASON}))
            .await
    }

    async fn hold(&self, contact: &str, until: i64) -> (u16, Value) {
        let until = consent::time::Time::from_unix_seconds(until);
        let body = json!({"reason": REASON, "until": until});
        self.send(Method::PUT, &format!("/v1/contacts/{contact}/legal-hold"), Some(body))
            .await
    }

    async fn release(&self, contact: &str) -> (u16, Value) {
        self.send(Method::DELETE, &format!("/v1/contacts/{contact}/legal-hold"), None)
            .await
    }
}

#[tokio::test]
async fn a_request_that_nobody_answers_is_gone_after_a_week() {
    let local = Local::start().await;
    let hanna = phone("+4915112345701");
    local.opt_in("+4915112345701", "web_form").await;
    local.advance(7 * DAY - 60).await;
    assert_eq!(local.purge().await, json!({}), "not a minute too early");
    assert_eq!(local.status(&hanna).await, "expired");
    local.advance(120).await;
    let counts = local.purge().await;
    for kind in ["contact", "subject_key", "alias"] {
        assert_eq!(counts[kind]["deleted"], 1, "{counts}");
    }
    assert_eq!(local.look_up(&hanna).await.0, 404);
    assert_eq!(local.purge().await, json!({}), "nothing is counted twice");
    let (_, listed) = local.get("/v1/retention/runs").await;
    let runs = listed["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 3);
    assert!(runs.iter().all(|run| run["signature_valid"] == true), "{listed}");
}

#[tokio::test]
async fn a_stop_outlives_everything_that_was_known_and_travels_with_the_number() {
    let local = Local::start().await;
    let ines = local.confirmed("+4915112345702").await;
    local.writes(ines.clone(), "STOP").await;
    local.advance(PROOF_IS_OVER).await;
    local.purge().await;
    assert_eq!(local.look_up(&ines).await.0, 404);

    let received = local.received(&ines).await.len();
    local.opt_in("+4915112345702", "web_form").await;
    assert_eq!(local.received(&ines).await.len(), received, "the number said stop");

    local.advance(8 * DAY).await;
    local.purge().await;
    let at = local.now().await;
    local.advance(60).await;
    let change = json!({"messages": [{
        "from": "4915112345702", "id": "wamid.moved-away", "timestamp": at.to_string(), "type": "system",
        "system": {"type": "user_changed_number", "body": "whatever", "wa_id": "4915112345703"},
    }]});
    assert_eq!(local.deliver(&delivery("messages", &value(&change))).await, 200);
    let new = phone("+4915112345703");
    assert_eq!(local.suppressions(&new).await, ["objection_marketing"]);
    local.opt_in("+4915112345703", "web_form").await;
    assert!(
        local.received(&new).await.is_empty(),
        "the stop travelled with the number"
    );
}

#[tokio::test]
async fn whoever_is_erased_is_unknown_at_once_and_a_repeated_delivery_changes_nothing() {
    let local = Local::start().await;
    let jonas = local.confirmed("+4915112345704").await;
    let at = local.now().await;
    let words = json!({"messages": [text("4915112345704", "wamid.once-more", at, "bitte nicht immer stop sagen")]});
    let words = delivery("messages", &value(&words));
    assert_eq!(local.deliver(&words).await, 200);
    local.advance(60).await;
    let contact = local.contact_id(&jonas).await;

    let (status, accepted) = local.erase(&contact).await;
    assert_eq!(status, 202, "{accepted}");
    let path = format!("/v1/erasures/{}", accepted["erasure_id"].as_str().unwrap());
    let (status, certificate) = local.get(&path).await;
    assert_eq!((status, &certificate["state"]), (200, &json!("done")), "{certificate}");
    assert_eq!(
        (&certificate["key_deleted"], &certificate["signature_valid"]),
        (&json!(true), &json!(true))
    );
    for kind in ["contact", "subject_key"] {
        assert_eq!(certificate["counts"][kind]["deleted"], 1, "{certificate}");
    }
    let said = certificate.to_string();
    assert!(!said.contains(&contact) && !said.contains("4915112345704") && !said.contains("Petra"));

    for path in ["", "/evidence"] {
        assert_eq!(local.get(&format!("/v1/contacts/{contact}{path}")).await.0, 404);
    }
    assert_eq!(local.erase(&contact).await.0, 404);
    assert_eq!(local.deliver(&words).await, 200);
    assert_eq!(local.look_up(&jonas).await.0, 404);

    local.advance(60).await;
    local.writes(jonas.clone(), "START").await;
    assert_eq!(local.status(&jonas).await, "pending");
    let kinds: Vec<_> = local.evidence(&jonas).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["requested", "prompt_sent", "prompt_delivered"], "from nothing");
}

#[tokio::test]
async fn a_legal_hold_keeps_everything_until_it_ends() {
    let local = Local::start().await;
    let karl = phone("+4915112345705");
    local.opt_in("+4915112345705", "web_form").await;
    let contact = local.contact_id(&karl).await;
    let until = local.now().await + i64::from(30 * DAY);
    assert_eq!(local.hold(&contact, until).await.0, 200);
    local.advance(8 * DAY).await;
    let counts = local.purge().await;
    assert_eq!(counts["contact"], json!({"legal_hold": 1}), "{counts}");
    assert_eq!(local.status(&karl).await, "expired");
    let (status, refused) = local.erase(&contact).await;
    assert_eq!(
        (status, &refused["type"]),
        (409, &json!("urn:assent:problem:legal-hold"))
    );
    let kinds: Vec<_> = local.evidence(&karl).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds.last().map(String::as_str), Some("erasure_refused"));

    assert_eq!(local.release(&contact).await.0, 200);
    assert_eq!(local.release(&contact).await.0, 200, "no hold is what was asked for");
    let until = local.now().await + i64::from(DAY);
    assert_eq!(local.hold(&contact, until).await.0, 200);
    local.advance(2 * DAY).await;
    local.purge().await;
    assert_eq!(local.look_up(&karl).await.0, 404, "a hold ends by itself");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let local = Local::start().await;
    let lea = local.confirmed("+4915112345706").await;
    let contact = local.contact_id(&lea).await;
    let nobody = "00".repeat(16);
    let yesterday = local.now().await - i64::from(DAY);
    assert_eq!(local.hold(&contact, yesterday).await.0, 400);
    assert_eq!(local.hold(&nobody, yesterday + i64::from(30 * DAY)).await.0, 404);
    assert_eq!(local.erase(&nobody).await.0, 404);
    let erasure = format!("/v1/contacts/{contact}/erasure");
    for body in [
        json!({}),
        json!({"reason": " "}),
        json!({"reason": 7}),
        json!({"reason": "a", "by": "me"}),
    ] {
        assert_eq!(local.post(&erasure, body.clone()).await.0, 400, "{body}");
    }
    assert_eq!(local.get(&erasure).await.0, 405);
    assert_eq!(local.get(&format!("/v1/erasures/{nobody}")).await.0, 404);
    assert_eq!(local.get("/v1/retention/runs?from=yesterday").await.0, 400);
    assert_eq!(local.get("/v1/retention/runs?cursor=zz").await.0, 400);
    assert_eq!(local.status(&lea).await, "confirmed");
}
