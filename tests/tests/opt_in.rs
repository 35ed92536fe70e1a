//! What the controller's systems are answered over HTTP, and what the ledger holds afterwards: against the real tables.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::HashMap;

use assent::local::EXAMPLE_POLICY;
use assent_tests::{AMPLE, BEGINNING, Fixture};
use aws_sdk_dynamodb::types::AttributeValue;
use consent::event::{Act, Authorship, Event, FailureCause, PromptOutcome, Said};
use consent::evidence::TypedWords;
use consent::id::{ContactId, EventId, MessageRef};
use consent::retention::Tombstone;
use consent::words::Meaning;
use lambda_http::http::Response;
use lambda_http::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use lambda_http::{Body, Request};
use ledger::Who;
use platform::deadline::Deadline;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use service::{Service, Work};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
const ANNA: &str = "+4915112345678";
const BERT: &str = "+4915187654321";

struct World {
    fixture: Fixture,
    service: Service,
}

/// An answer: its status, its body, and what a caller may wait for.
#[derive(Debug, Clone, PartialEq)]
struct Answer {
    status: u16,
    body: Value,
    allow: Option<String>,
    retry_after: Option<i64>,
}

impl From<Response<Body>> for Answer {
    fn from(response: Response<Body>) -> Self {
        let header = |name| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        let problem = response.status().as_u16() >= 400;
        let media = if problem {
            "application/problem+json"
        } else {
            "application/json"
        };
        assert_eq!(header(CONTENT_TYPE).as_deref(), Some(media));
        Self {
            status: response.status().as_u16(),
            body: serde_json::from_slice(response.body()).unwrap(),
            allow: header(ALLOW),
            retry_after: header(RETRY_AFTER).map(|seconds| seconds.parse().unwrap()),
        }
    }
}

impl Answer {
    /// The problem by its kind and the member at fault.
    fn problem(&self) -> (u16, &str, &str) {
        assert_eq!(self.body["status"], self.status);
        let kind = self.body["type"]
            .as_str()
            .unwrap()
            .strip_prefix("urn:assent:problem:")
            .unwrap();
        (self.status, kind, self.body["member"].as_str().unwrap_or_default())
    }

    fn contact(&self) -> String {
        self.body["contact_id"].as_str().unwrap().to_owned()
    }

    fn status_of(&self, purpose: &str) -> &str {
        let consents = self.body["consents"].as_array().unwrap();
        let consent = consents.iter().find(|consent| consent["purpose"] == purpose).unwrap();
        consent["status"].as_str().unwrap()
    }
}

impl World {
    async fn new() -> Self {
        Self::under(EXAMPLE_POLICY).await
    }

    async fn under(policy: &str) -> Self {
        Self::of(Fixture::under(policy).await)
    }

    async fn without_policy() -> Self {
        Self::of(Fixture::new().await)
    }

    fn of(fixture: Fixture) -> Self {
        let service = fixture.service("opt-in");
        Self { fixture, service }
    }

    fn advance(&self, seconds: i64) {
        self.fixture.clock.advance(seconds);
    }

    async fn work(&self) -> Work {
        self.service.begin(Deadline::after(AMPLE)).await.unwrap()
    }

    async fn send(&self, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        opt_in::handle(&self.service, request(method, path, body)).await.into()
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, body.to_string()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, Body::Empty).await
    }

    async fn ask(&self, body: &Value) -> Answer {
        self.post("/v1/opt-ins", body).await
    }

    async fn look_up(&self, phone: &str) -> Answer {
        self.post("/v1/contacts/lookup", &json!({ "recipient": { "phone": phone } }))
            .await
    }

    async fn evidence_of(&self, contact: &str) -> Answer {
        self.get(&format!("/v1/contacts/{contact}/evidence")).await
    }

    async fn withdraw(&self, contact: &str, body: &Value) -> Answer {
        self.post(&format!("/v1/contacts/{contact}/withdrawals"), body).await
    }

    /// What became of the contact's prompt for that request.
    async fn prompted(&self, answer: &Answer, outcome: PromptOutcome) {
        let request = answer.body["consents"][0]["request_id"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        self.happened(&answer.contact(), Act::Prompted { request, outcome })
            .await;
    }

    async fn happened(&self, contact: &str, act: Act) {
        let work = self.work().await;
        let id = EventId::from_bytes(identity::random_bytes().unwrap());
        let event = Event {
            id,
            at: work.now,
            act,
            delivery: None,
        };
        let who = Who::Contact(contact.parse().unwrap());
        work.ledger.record(&who, &[event], &work.rules()).await.unwrap();
    }

    /// The items of one kind, as anybody with access to the table sees them.
    async fn items(&self, kind: &str) -> Vec<HashMap<String, AttributeValue>> {
        let store = &self.fixture.store;
        let scan = store.client().scan().table_name(store.ledger_table);
        let items = scan.send().await.unwrap().items.unwrap();
        let kind = AttributeValue::S(kind.to_owned());
        items
            .into_iter()
            .filter(|item| item.get("kind") == Some(&kind))
            .collect()
    }

    /// How many contacts, records of evidence and messages there are.
    async fn amounts(&self) -> [usize; 3] {
        let [contacts, evidence, outbox] = ["contact", "evidence", "outbox"].map(|kind| self.items(kind));
        [contacts.await.len(), evidence.await.len(), outbox.await.len()]
    }
}

fn request(method: &str, path: &str, body: impl Into<Body>) -> Request {
    let request = lambda_http::http::Request::builder().method(method).uri(path);
    request
        .header(CONTENT_TYPE, "application/json")
        .body(body.into())
        .unwrap()
}

/// A request for consent as a web site makes it.
fn asked(phone: &str) -> Value {
    json!({
        "recipient": { "phone": phone },
        "purposes": ["offers"],
        "locale": "de",
        "source": { "kind": "web_form", "url": "https://www.example.com/newsletter", "form": "footer" },
    })
}

/// The same with other members in place of its own.
fn with(mut body: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else {
        panic!("an object")
    };
    body.as_object_mut().unwrap().extend(changes);
    body
}

fn at(seconds: i64) -> String {
    consent::time::Time::from_unix_seconds(seconds).to_string()
}

// ---- opt-ins ----

#[tokio::test]
async fn a_request_is_recorded_and_the_contact_is_asked_once() {
    let world = World::new().await;
    let answer = world
        .ask(&with(asked(ANNA), json!({ "purposes": ["offers", "orders"] })))
        .await;
    assert_eq!(answer.status, 202);
    assert_eq!(world.amounts().await, [1, 1, 1]);
    let consents = answer.body["consents"].as_array().unwrap();
    assert_eq!(consents.len(), 2);
    for (consent, purpose) in consents.iter().zip(["offers", "orders"]) {
        assert_eq!(consent["purpose"], purpose);
        assert_eq!(consent["status"], "requested");
        assert_eq!(consent["request_id"], consents[0]["request_id"]);
    }
    let known = world.look_up(ANNA).await;
    assert_eq!((known.status, known.contact()), (200, answer.contact()));
    assert_eq!(world.get(&format!("/v1/contacts/{}", answer.contact())).await, known);
    assert_eq!(known.body["suppressions"], json!([]));
    let offers = &known.body["consents"][0];
    assert_eq!(offers["status"], "requested");
    assert_eq!(offers["since"], at(BEGINNING));
    assert_eq!(offers["refresh_due"], false);
    assert_eq!(offers["notice"].as_str().unwrap().len(), 64);
    assert_eq!(world.fixture.tally.total("opt-in", "opt_ins"), 1.0);
}

#[tokio::test]
async fn every_purpose_of_the_policy_is_answered_also_one_that_was_never_asked_for() {
    let world = World::new().await;
    world.ask(&asked(ANNA)).await;
    let known = world.look_up(ANNA).await;
    assert_eq!(known.status_of("orders"), "none");
    let never = json!({ "purpose": "orders", "status": "none", "since": null, "notice": null, "refresh_due": false });
    assert!(known.body["consents"].as_array().unwrap().contains(&never));
}

#[tokio::test]
async fn a_repetition_with_its_key_is_the_same_request_whenever_it_comes() {
    let world = World::new().await;
    let body = with(asked(ANNA), json!({ "idempotency_key": "form-1" }));
    let first = world.ask(&body).await;
    world.advance(5 * HOUR);
    assert_eq!(world.ask(&body).await, first);
    assert_eq!(world.amounts().await, [1, 1, 1]);
}

#[tokio::test]
async fn concurrent_repetitions_make_one_contact_one_record_and_one_prompt() {
    let world = World::new().await;
    let body = with(asked(ANNA), json!({ "idempotency_key": "form-1" }));
    let answers = futures::future::join_all((0..6).map(|_| world.ask(&body))).await;
    assert!(
        answers
            .iter()
            .all(|answer| *answer == answers[0] && answer.status == 202),
        "{answers:?}"
    );
    assert_eq!(world.amounts().await, [1, 1, 1]);
}

#[tokio::test]
async fn a_key_that_came_with_another_request_is_refused_and_records_nothing() {
    let world = World::new().await;
    let key = json!({ "idempotency_key": "form-1" });
    world.ask(&with(asked(ANNA), key.clone())).await;
    for other in [
        asked(BERT),
        with(asked(ANNA), json!({ "purposes": ["orders"] })),
        with(asked(ANNA), json!({ "locale": "en" })),
        with(asked(ANNA), json!({ "occurred_at": at(BEGINNING - DAY) })),
    ] {
        let answer = world.ask(&with(other, key.clone())).await;
        assert_eq!(answer.problem(), (409, "key-of-another-request", "idempotency_key"));
    }
    assert_eq!(world.amounts().await, [1, 1, 1]);
}

#[tokio::test]
async fn a_key_says_nothing_on_another_route_and_is_forgotten_after_some_days() {
    let world = World::new().await;
    let key = json!({ "idempotency_key": "1" });
    let first = world.ask(&with(asked(ANNA), key.clone())).await;
    let withdrawn = world
        .withdraw(&first.contact(), &with(json!({ "source": "email" }), key.clone()))
        .await;
    assert_eq!(withdrawn.status, 200);
    world.advance(8 * DAY);
    let second = world.ask(&with(asked(BERT), key)).await;
    assert_eq!(second.status, 202);
    assert_ne!(
        second.body["consents"][0]["request_id"],
        first.body["consents"][0]["request_id"]
    );
}

#[tokio::test]
async fn what_is_kept_of_a_key_names_nobody() {
    let world = World::new().await;
    world
        .ask(&with(asked(ANNA), json!({ "idempotency_key": "anna@example.com" })))
        .await;
    let kept = format!("{:?}", world.items("idempotency").await);
    assert!(
        kept.contains("request") && !kept.contains("anna") && !kept.contains(&ANNA[1..]),
        "{kept}"
    );
}

#[tokio::test]
async fn asking_again_while_a_prompt_is_alive_sends_no_second_one() {
    let world = World::new().await;
    for _ in 0..5 {
        assert_eq!(world.ask(&asked(ANNA)).await.status, 202);
        world.advance(HOUR);
    }
    let [contacts, evidence, outbox] = world.amounts().await;
    assert_eq!((contacts, evidence, outbox), (1, 5, 1));
}

#[tokio::test]
async fn an_old_request_on_paper_is_taken_with_its_own_time() {
    let world = World::new().await;
    let signed_at = at(BEGINNING - 300 * DAY);
    let body = json!({ "source": { "kind": "paper", "form": "2025-17" }, "occurred_at": signed_at });
    let answer = world.ask(&with(asked(ANNA), body)).await;
    assert_eq!((answer.status, answer.status_of("offers")), (202, "requested"));
    let evidence = world.evidence_of(&answer.contact()).await;
    assert_eq!(evidence.body["events"][0]["occurred_at"], signed_at);
    assert_eq!(world.amounts().await, [1, 1, 1]);
}

#[tokio::test]
async fn a_member_that_is_null_is_left_out() {
    let world = World::new().await;
    let source = json!({ "kind": "paper", "url": null, "form": null });
    let body = json!({ "source": source, "occurred_at": null, "idempotency_key": null });
    assert_eq!(world.ask(&with(asked(ANNA), body)).await.status, 202);
}

#[tokio::test]
async fn the_evidence_names_the_page_without_its_query() {
    let world = World::new().await;
    let url = "https://www.example.com/thanks?mail=anna@example.com#anna";
    let answer = world
        .ask(&with(
            asked(ANNA),
            json!({ "source": { "kind": "web_form", "url": url } }),
        ))
        .await;
    let evidence = world.evidence_of(&answer.contact()).await;
    let source = json!({ "kind": "opt_in", "via": "web_form", "url": "https://www.example.com/thanks" });
    assert_eq!(evidence.body["events"][0]["source"], source);
}

#[tokio::test]
async fn whoever_was_asked_often_enough_today_is_not_asked_again() {
    let world = World::new().await;
    let body = with(asked(ANNA), json!({ "source": { "kind": "account" } }));
    let mut contact = String::new();
    for _ in 0..3 {
        let answer = world.ask(&body).await;
        contact = answer.contact();
        let failed = PromptOutcome::Failed {
            code: None,
            cause: FailureCause::Other,
        };
        world.prompted(&answer, failed).await;
        world.advance(HOUR);
    }
    let before = world.amounts().await;
    let refused = world.ask(&with(body.clone(), json!({ "idempotency_key": "1" }))).await;
    assert_eq!(refused.problem(), (429, "rate-limited", ""));
    assert_eq!(refused.retry_after, Some(DAY - 3 * HOUR));
    assert_eq!(world.amounts().await, before);
    assert_eq!(before[2], 3);
    // Another contact is not concerned, and this one no longer when the day is over.
    assert_eq!(world.ask(&asked(BERT)).await.status, 202);
    world.advance(DAY - 3 * HOUR);
    let answer = world.ask(&with(body, json!({ "idempotency_key": "1" }))).await;
    assert_eq!((answer.status, answer.contact()), (202, contact.clone()));
    // The contact asked when the key first came, and not when there was room for a prompt.
    let evidence = world.evidence_of(&contact).await;
    assert_eq!(
        evidence.body["events"].as_array().unwrap().last().unwrap()["occurred_at"],
        at(BEGINNING + 3 * HOUR)
    );
    assert_eq!(world.fixture.tally.total("opt-in", "opt_ins_refused"), 1.0);
}

#[tokio::test]
async fn the_limit_refuses_nothing_that_needs_no_prompt() {
    let world = World::new().await;
    let failed = PromptOutcome::Failed {
        code: None,
        cause: FailureCause::Other,
    };
    for _ in 0..2 {
        let answer = world.ask(&asked(ANNA)).await;
        world.prompted(&answer, failed).await;
        world.advance(HOUR);
    }
    let body = with(asked(ANNA), json!({ "idempotency_key": "1" }));
    let third = world.ask(&body).await;
    world.advance(1);
    assert_eq!(world.ask(&body).await, third);
    assert_eq!(world.ask(&asked(ANNA)).await.status, 202);
    let other = world
        .ask(&with(asked(ANNA), json!({ "purposes": ["offers", "orders"] })))
        .await;
    assert_eq!(other.problem().0, 429);
}

#[tokio::test]
async fn the_answer_does_not_tell_who_is_on_whatsapp() {
    let world = World::new().await;
    let outcomes = [
        PromptOutcome::Delivered,
        PromptOutcome::Failed {
            code: Some(131_026),
            cause: FailureCause::Undeliverable,
        },
    ];
    let mut seen = vec![];
    for (phone, outcome) in [ANNA, BERT].into_iter().zip(outcomes) {
        let mut answers = vec![];
        for kind in ["web_form", "web_form", "account", "qr_code"] {
            let key = format!("{phone} {}", answers.len());
            let body = with(
                asked(phone),
                json!({ "source": { "kind": kind }, "idempotency_key": key }),
            );
            let mut answer = world.ask(&body).await;
            if answers.is_empty() {
                world.prompted(&answer, outcome).await;
            }
            assert_eq!(world.ask(&body).await.body, answer.body);
            answer.body["contact_id"].take();
            assert!(answer.body["consents"][0]["request_id"].take().is_string());
            answers.push(answer);
            world.advance(1);
        }
        seen.push(answers);
    }
    assert_eq!(seen[0], seen[1]);
    // The controller's own look-up does tell.
    assert_eq!(
        world.look_up(BERT).await.body["suppressions"][0]["kind"],
        "undeliverable"
    );
}

#[tokio::test]
async fn after_a_stop_an_open_form_asks_for_nothing_and_the_contacts_own_account_does() {
    let world = World::new().await;
    let first = world.ask(&asked(ANNA)).await;
    world.advance(1);
    world.withdraw(&first.contact(), &json!({ "source": "letter" })).await;
    world.advance(1);
    for kind in ["web_form", "qr_code", "advertisement", "paper"] {
        let answer = world
            .ask(&with(asked(ANNA), json!({ "source": { "kind": kind } })))
            .await;
        let consents = json!([{ "purpose": "offers", "status": "withdrawn" }]);
        assert_eq!((answer.status, &answer.body["consents"]), (202, &consents), "{kind}");
    }
    assert_eq!(world.amounts().await[2], 1);
    let answer = world
        .ask(&with(asked(ANNA), json!({ "source": { "kind": "account" } })))
        .await;
    assert_eq!((answer.status, answer.status_of("offers")), (202, "requested"));
    assert_eq!(world.amounts().await[2], 2);
}

/// Leaves of everybody what an erasure at that time leaves, and no more.
async fn erase_everybody(world: &World, erased_at: i64) {
    let store = &world.fixture.store;
    for contact in world.items("contact").await {
        let delete = store.client().delete_item().table_name(store.ledger_table);
        let delete = delete.key("pk", contact["pk"].clone()).key("sk", contact["sk"].clone());
        delete.send().await.unwrap();
    }
    let erased = Tombstone::erased(consent::time::Time::from_unix_seconds(erased_at));
    for alias in world.items("alias").await {
        let put = store.client().put_item().table_name(store.ledger_table);
        let put = put.item("pk", alias["pk"].clone()).item("sk", alias["sk"].clone());
        let put = put.item("kind", AttributeValue::S("tombstone".to_owned()));
        let body = AttributeValue::S(serde_json::to_string(&erased).unwrap());
        put.item("body", body).send().await.unwrap();
    }
}

#[tokio::test]
async fn an_open_form_for_somebody_who_was_erased_is_answered_as_for_anybody_and_asks_nobody() {
    let world = World::new().await;
    let key = json!({ "idempotency_key": "form-1" });
    let first = world.ask(&with(asked(ANNA), key.clone())).await;
    world.advance(HOUR);
    erase_everybody(&world, BEGINNING + HOUR).await;
    assert_eq!(world.look_up(ANNA).await.problem(), (404, "unknown-contact", ""));
    world.advance(HOUR);

    // What was asked before the erasure is over, be it a repetition or news of an old request.
    let before = [
        with(asked(ANNA), key),
        with(asked(ANNA), json!({ "occurred_at": at(BEGINNING + HOUR) })),
    ];
    for outdated in before {
        assert_eq!(world.ask(&outdated).await.problem(), (409, "outdated-request", ""));
    }
    assert_eq!(world.amounts().await, [0, 1, 1]);

    let [anna, bert] = [world.ask(&asked(ANNA)).await, world.ask(&asked(BERT)).await];
    assert_ne!(anna.contact(), first.contact());
    for answer in [&anna, &bert] {
        assert_eq!((answer.status, answer.status_of("offers")), (202, "requested"));
        assert!(answer.body["consents"][0]["request_id"].is_string());
    }
    assert_eq!(world.amounts().await, [2, 3, 2], "Bert alone is asked");
}

// ---- what is refused ----

#[tokio::test]
async fn each_mistake_is_named_with_its_member_and_records_nothing() {
    let world = World::new().await;
    let bad = |changes| with(asked(ANNA), changes);
    let without = |name: &str| {
        let mut body = asked(ANNA);
        body.as_object_mut().unwrap().remove(name);
        body
    };
    let table = [
        (
            bad(json!({ "purposes": ["offers", "surveys"] })),
            "unknown-purpose",
            "purposes[1]",
        ),
        (
            bad(json!({ "purposes": ["offers", "offers"] })),
            "malformed",
            "purposes[1]",
        ),
        (bad(json!({ "purposes": [] })), "malformed", "purposes"),
        (bad(json!({ "purposes": "offers" })), "malformed", "purposes"),
        (bad(json!({ "purposes": [7] })), "malformed", "purposes[0]"),
        (bad(json!({ "locale": "fr" })), "unknown-locale", "locale"),
        (bad(json!({ "locale": "de-DE" })), "unknown-locale", "locale"),
        (bad(json!({ "locale": 7 })), "malformed", "locale"),
        (bad(json!({ "recipient": ANNA })), "malformed", "recipient"),
        (bad(json!({ "recipient": {} })), "malformed", "recipient"),
        (
            bad(json!({ "recipient": { "phone": "0151 1234567" } })),
            "malformed",
            "recipient.phone",
        ),
        (
            bad(json!({ "recipient": { "phone": 4_915_112_345_678_i64 } })),
            "malformed",
            "recipient.phone",
        ),
        (
            bad(json!({ "recipient": { "bsuid": ANNA } })),
            "malformed",
            "recipient.bsuid",
        ),
        (
            bad(json!({ "recipient": { "contact_id": ANNA } })),
            "malformed",
            "recipient.contact_id",
        ),
        (
            bad(json!({ "recipient": { "phone": ANNA, "name": "Anna" } })),
            "unknown-member",
            "recipient",
        ),
        (bad(json!({ "source": "web_form" })), "malformed", "source"),
        (bad(json!({ "source": {} })), "malformed", "source.kind"),
        (
            bad(json!({ "source": { "kind": "whatsapp" } })),
            "malformed",
            "source.kind",
        ),
        (
            bad(json!({ "source": { "kind": "telepathy" } })),
            "malformed",
            "source.kind",
        ),
        (
            bad(json!({ "source": { "kind": "paper", "url": "example.com" } })),
            "malformed",
            "source.url",
        ),
        (
            bad(json!({ "source": { "kind": "paper", "form": "" } })),
            "malformed",
            "source.form",
        ),
        (
            bad(json!({ "source": { "kind": "paper", "ip": "::1" } })),
            "unknown-member",
            "source",
        ),
        (
            bad(json!({ "occurred_at": at(BEGINNING + HOUR) })),
            "future-time",
            "occurred_at",
        ),
        (bad(json!({ "occurred_at": "yesterday" })), "malformed", "occurred_at"),
        (bad(json!({ "idempotency_key": "" })), "malformed", "idempotency_key"),
        (
            bad(json!({ "idempotency_key": "k".repeat(256) })),
            "malformed",
            "idempotency_key",
        ),
        (bad(json!({ "confirmed": true })), "unknown-member", ""),
        (bad(json!({ "locale": null })), "malformed", "locale"),
        (without("recipient"), "malformed", "recipient"),
        (without("purposes"), "malformed", "purposes"),
        (without("locale"), "malformed", "locale"),
        (without("source"), "malformed", "source"),
    ];
    let mistakes = table.len();
    for (body, kind, member) in table {
        let answer = world.ask(&body).await;
        assert_eq!(answer.problem(), (400, kind, member), "{body}");
    }
    assert_eq!(world.amounts().await, [0, 0, 0]);
    assert!(world.items("idempotency").await.is_empty());
    assert_eq!(world.fixture.tally.total("opt-in", "opt_ins_refused"), mistakes as f64);
    assert_eq!(world.fixture.tally.total("opt-in", "opt_ins"), 0.0);
}

#[tokio::test]
async fn what_would_have_been_right_is_listed() {
    let world = World::new().await;
    for (changes, allowed) in [
        (json!({ "purposes": ["surveys"] }), json!(["offers", "orders"])),
        (json!({ "locale": "fr" }), json!(["de", "en"])),
        (
            json!({ "source": { "kind": "whatsapp" } }),
            json!(["web_form", "qr_code", "advertisement", "paper", "account"]),
        ),
    ] {
        let answer = world.ask(&with(asked(ANNA), changes)).await;
        assert_eq!(answer.body["allowed"], allowed);
    }
}

#[tokio::test]
async fn a_prompt_asks_for_no_more_purposes_than_a_button_can_carry() {
    let begin = EXAMPLE_POLICY.find("[[purposes]]\nid = \"orders\"").unwrap();
    let end = begin + EXAMPLE_POLICY[begin..].find("\n[[prompts]]").unwrap() + 1;
    let orders = &EXAMPLE_POLICY[begin..end];
    let copy = |n: u8| {
        let named = orders.replace("id = \"orders\"", &format!("id = \"orders-{n}\""));
        named
            .replace("= \"Bestellungen\"", &format!("= \"{n}\""))
            .replace("= \"Orders\"", &format!("= \"{n}\""))
    };
    let more: String = (1..=3).map(copy).collect();
    let world = World::under(&format!("{}{more}{}", &EXAMPLE_POLICY[..end], &EXAMPLE_POLICY[end..])).await;
    let mut purposes = vec!["offers", "orders", "orders-1", "orders-2", "orders-3"];
    let five = world.ask(&with(asked(ANNA), json!({ "purposes": purposes }))).await;
    assert_eq!(five.problem(), (400, "malformed", "purposes"));
    purposes.pop();
    assert_eq!(
        world
            .ask(&with(asked(ANNA), json!({ "purposes": purposes })))
            .await
            .status,
        202
    );
}

#[tokio::test]
async fn identifiers_of_two_contacts_are_refused_and_an_unknown_contact_is_not_found() {
    let world = World::new().await;
    let anna = world.ask(&asked(ANNA)).await.contact();
    world
        .ask(&with(asked(BERT), json!({ "recipient": { "bsuid": "DE.1234567890" } })))
        .await;
    let before = world.amounts().await;
    let nobody = ContactId::from_bytes([7; 16]).to_string();
    for (recipient, expected) in [
        (
            json!({ "phone": ANNA, "bsuid": "DE.1234567890" }),
            (409, "several-contacts", "recipient"),
        ),
        (
            json!({ "contact_id": anna, "bsuid": "DE.1234567890" }),
            (409, "several-contacts", "recipient"),
        ),
        (
            json!({ "contact_id": anna, "phone": BERT }),
            (409, "several-contacts", "recipient"),
        ),
        (json!({ "contact_id": nobody }), (404, "unknown-contact", "")),
        (
            json!({ "contact_id": nobody, "phone": ANNA }),
            (404, "unknown-contact", ""),
        ),
    ] {
        let asked = world.ask(&with(asked(ANNA), json!({ "recipient": recipient }))).await;
        assert_eq!(asked.problem(), expected);
        let looked_up = world
            .post("/v1/contacts/lookup", &json!({ "recipient": recipient }))
            .await;
        assert_eq!(looked_up.problem(), expected);
    }
    assert_eq!(world.amounts().await, before);
    for recipient in [
        json!({ "contact_id": anna }),
        json!({ "contact_id": anna, "phone": ANNA }),
    ] {
        let answer = world.ask(&with(asked(ANNA), json!({ "recipient": recipient }))).await;
        assert_eq!((answer.status, answer.contact()), (202, anna.clone()));
    }
}

#[tokio::test]
async fn a_look_up_never_makes_a_contact() {
    let world = World::new().await;
    assert_eq!(world.look_up(ANNA).await.problem(), (404, "unknown-contact", ""));
    assert_eq!(world.amounts().await, [0, 0, 0]);
    let body = json!({ "recipient": { "phone": ANNA }, "purposes": ["offers"] });
    let answer = world.post("/v1/contacts/lookup", &body).await;
    assert_eq!(answer.problem(), (400, "unknown-member", ""));
    assert_eq!(answer.body["allowed"], json!(["recipient"]));
}

#[tokio::test]
async fn only_the_routes_that_there_are_answer_and_only_to_their_method() {
    let world = World::new().await;
    let contact = format!("/v1/contacts/{}", ContactId::from_bytes([7; 16]));
    for (method, path, allow) in [
        ("GET", "/v1/opt-ins".to_owned(), "POST"),
        ("DELETE", "/v1/opt-ins".to_owned(), "POST"),
        ("GET", "/v1/contacts/lookup".to_owned(), "POST"),
        ("POST", contact.clone(), "GET"),
        ("PUT", format!("{contact}/evidence"), "GET"),
        ("GET", format!("{contact}/withdrawals"), "POST"),
    ] {
        let answer = world.send(method, &path, Body::Empty).await;
        assert_eq!(answer.problem(), (405, "no-such-method", ""), "{path}");
        assert_eq!(answer.allow.as_deref(), Some(allow));
    }
    for path in [
        "/",
        "/v1",
        "/v1/opt-ins/",
        "/v2/opt-ins",
        "/v1/contacts",
        "/v1/contacts/7/8",
        "/webhook",
    ] {
        assert_eq!(world.get(path).await.problem().1, "no-such-route", "{path}");
    }
    for path in [
        contact.clone(),
        format!("{contact}/evidence"),
        "/v1/contacts/anna".to_owned(),
    ] {
        assert_eq!(world.get(&path).await.problem(), (404, "unknown-contact", ""));
    }
}

#[tokio::test]
async fn a_body_is_json_of_limited_size() {
    let world = World::new().await;
    for body in ["", "{", "[]", "7", "{} {}", "recipient=1"] {
        let answer = world.send("POST", "/v1/opt-ins", body).await;
        assert_eq!(answer.problem(), (400, "not-json", ""), "{body}");
    }
    let answer = world.send("POST", "/v1/opt-ins", vec![0xff_u8, 0xfe]).await;
    assert_eq!(answer.problem(), (400, "not-json", ""));
    let padded = format!("{}{}", asked(ANNA), " ".repeat(64 * 1024));
    assert_eq!(
        world.send("POST", "/v1/opt-ins", padded).await.problem(),
        (413, "too-large", "")
    );

    let declared = async |content_type: Option<&str>| {
        let mut request = request("POST", "/v1/opt-ins", asked(ANNA).to_string());
        request.headers_mut().remove(CONTENT_TYPE);
        if let Some(content_type) = content_type {
            request
                .headers_mut()
                .insert(CONTENT_TYPE, content_type.parse().unwrap());
        }
        Answer::from(opt_in::handle(&world.service, request).await).status
    };
    for right in [
        None,
        Some("application/json; charset=utf-8"),
        Some("Application/JSON"),
        Some("application/a+json"),
    ] {
        assert_eq!(declared(right).await, 202, "{right:?}");
    }
    for wrong in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "",
    ] {
        assert_eq!(declared(Some(wrong)).await, 415, "{wrong}");
    }
}

#[test]
fn no_problem_repeats_what_belongs_to_a_person() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let world = runtime.block_on(World::new());
    let contact = runtime.block_on(world.ask(&asked(ANNA))).contact();
    let withdrawals = format!("/v1/contacts/{contact}/withdrawals");
    let mut runner = TestRunner::new(ProptestConfig::with_cases(32));
    let outcome = runner.run(&"[1-9][0-9]{6,16}", |digits| {
        for phone in [
            format!("+{digits}"),
            format!("00{digits}"),
            format!("+{digits} x"),
            digits.clone(),
        ] {
            for body in bodies_with_a_mistake(&phone, &contact) {
                for path in ["/v1/opt-ins", "/v1/contacts/lookup", &withdrawals] {
                    let answer = runtime.block_on(world.send("POST", path, body.clone()));
                    prop_assert!(answer.status >= 400, "{path} {body}");
                    prop_assert!(!answer.body.to_string().contains(&digits), "{} for {body}", answer.body);
                }
            }
            let answer = runtime.block_on(world.get(&format!("/v1/contacts/{digits}")));
            prop_assert!(!answer.body.to_string().contains(&digits));
        }
        Ok(())
    });
    outcome.unwrap();
}

/// A phone number in every place of a body, in each of them where something else is wrong as well.
fn bodies_with_a_mistake(phone: &str, contact: &str) -> Vec<String> {
    let changes = [
        json!({ "locale": "fr" }),
        json!({ "locale": phone }),
        json!({ "purposes": [phone] }),
        json!({ "purposes": { phone: phone } }),
        json!({ phone: phone }),
        json!({ "recipient": phone }),
        json!({ "recipient": [phone] }),
        json!({ "recipient": { phone: phone } }),
        json!({ "recipient": { "bsuid": phone } }),
        json!({ "recipient": { "contact_id": phone } }),
        json!({ "recipient": { "contact_id": contact, "phone": phone } }),
        json!({ "source": phone }),
        json!({ "source": { "kind": phone } }),
        json!({ "source": { "kind": "paper", "url": phone } }),
        json!({ "source": { "kind": "paper", "form": [phone] } }),
        json!({ "occurred_at": phone }),
        json!({ "idempotency_key": format!("{phone}\n") }),
    ];
    let bodies = changes.map(|changes| with(asked(phone), changes).to_string());
    bodies
        .into_iter()
        .chain([format!("{{\"recipient\": {phone}")])
        .collect()
}

#[tokio::test]
async fn without_the_ledger_the_caller_is_asked_to_come_back() {
    let world = World::without_policy().await;
    let contact = format!("/v1/contacts/{}", ContactId::from_bytes([7; 16]));
    for answer in [
        world.ask(&asked(ANNA)).await,
        world.look_up(ANNA).await,
        world.get(&contact).await,
        world.get(&format!("{contact}/evidence")).await,
        world
            .post(&format!("{contact}/withdrawals"), &json!({ "source": "email" }))
            .await,
    ] {
        assert_eq!(answer.problem(), (503, "ledger-unavailable", ""));
        assert!(answer.retry_after.is_some());
    }
    // That is nobody's mistake.
    assert!(world.fixture.tally.totals().is_empty());
}

// ---- withdrawals and evidence ----

#[tokio::test]
async fn a_withdrawal_ends_all_consents_at_once() {
    let world = World::new().await;
    let contact = world
        .ask(&with(asked(ANNA), json!({ "purposes": ["offers", "orders"] })))
        .await
        .contact();
    world.advance(1);
    let answer = world.withdraw(&contact, &json!({ "source": "email" })).await;
    assert_eq!((answer.status, answer.contact()), (200, contact.clone()));
    assert_eq!(
        (answer.status_of("offers"), answer.status_of("orders")),
        ("withdrawn", "withdrawn")
    );
    let objection = json!([{ "kind": "objection_marketing", "since": at(BEGINNING + 1) }]);
    assert_eq!(answer.body["suppressions"], objection);
    assert_eq!(world.look_up(ANNA).await, answer);
    assert_eq!(world.fixture.tally.total("opt-in", "withdrawals"), 1.0);
    let evidence = world.evidence_of(&contact).await;
    let record = &evidence.body["events"][1];
    assert_eq!(record["kind"], "withdrawn");
    assert_eq!(record["source"], json!({ "kind": "withdrawal", "via": "email" }));
}

#[tokio::test]
async fn a_withdrawal_of_one_purpose_leaves_the_others() {
    let world = World::new().await;
    let contact = world
        .ask(&with(asked(ANNA), json!({ "purposes": ["offers", "orders"] })))
        .await
        .contact();
    world.advance(1);
    let answer = world
        .withdraw(&contact, &json!({ "source": "phone", "purposes": ["offers"] }))
        .await;
    assert_eq!(
        (answer.status_of("offers"), answer.status_of("orders")),
        ("withdrawn", "requested")
    );
}

#[tokio::test]
async fn a_repeated_withdrawal_is_recorded_once() {
    let world = World::new().await;
    let contact = world.ask(&asked(ANNA)).await.contact();
    let other = world.ask(&asked(BERT)).await.contact();
    let body = json!({ "source": "agent", "idempotency_key": "ticket-1" });
    let first = world.withdraw(&contact, &body).await;
    world.advance(HOUR);
    assert_eq!(world.withdraw(&contact, &body).await, first);
    assert_eq!(
        world.evidence_of(&contact).await.body["events"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let misused = world.withdraw(&other, &body).await;
    assert_eq!(misused.problem(), (409, "key-of-another-request", "idempotency_key"));
}

#[tokio::test]
async fn a_withdrawal_with_a_mistake_is_refused_and_named() {
    let world = World::new().await;
    let contact = world.ask(&asked(ANNA)).await.contact();
    for (body, kind, member) in [
        (json!({}), "malformed", "source"),
        (json!({ "source": "rumour" }), "malformed", "source"),
        (json!({ "source": "email", "purposes": [] }), "malformed", "purposes"),
        (
            json!({ "source": "email", "purposes": ["surveys"] }),
            "unknown-purpose",
            "purposes[0]",
        ),
        (
            json!({ "source": "email", "occurred_at": at(BEGINNING + HOUR) }),
            "future-time",
            "occurred_at",
        ),
        (json!({ "source": "email", "reason": "none" }), "unknown-member", ""),
    ] {
        assert_eq!(
            world.withdraw(&contact, &body).await.problem(),
            (400, kind, member),
            "{body}"
        );
    }
    let sources = json!(["email", "phone", "letter", "agent", "account", "web_form"]);
    assert_eq!(
        world.withdraw(&contact, &json!({ "source": 1 })).await.body["allowed"],
        sources
    );
    let nobody = ContactId::from_bytes([7; 16]).to_string();
    assert_eq!(
        world.withdraw(&nobody, &json!({ "source": "email" })).await.problem().0,
        404
    );
}

#[tokio::test]
async fn evidence_is_told_in_order_with_the_contacts_own_words() {
    let world = World::new().await;
    let contact = world.ask(&asked(ANNA)).await.contact();
    world.advance(1);
    let said = Said {
        meaning: Meaning::Stop,
        words: TypedWords::new("Stop!"),
        authorship: Authorship::Own,
        by_button: false,
        sender: None,
        message: MessageRef::from_bytes([1; 32]),
        context: None,
    };
    world.happened(&contact, Act::Said(said)).await;
    let evidence = world.evidence_of(&contact).await;
    assert_eq!((evidence.status, &evidence.body["intact"]), (200, &json!(true)));
    let events = evidence.body["events"].as_array().unwrap();
    let told: Vec<_> = events
        .iter()
        .map(|event| (&event["sequence"], &event["kind"], event.get("words")))
        .collect();
    assert_eq!(
        told,
        [
            (&json!(1), &json!("requested"), None),
            (&json!(2), &json!("withdrawn"), Some(&json!("Stop!")))
        ]
    );
}

#[tokio::test]
async fn evidence_that_was_changed_or_removed_behind_the_ledger_shows() {
    let world = World::new().await;
    let (anna, bert) = (
        world.ask(&asked(ANNA)).await.contact(),
        world.ask(&asked(BERT)).await.contact(),
    );
    let record_of = async |contact: &str| {
        let records = world.items("evidence").await;
        let pk = AttributeValue::S(format!("contact#{contact}"));
        records.into_iter().find(|item| item["pk"] == pk).unwrap()
    };
    let mut changed = record_of(&anna).await;
    let body = changed["body"].as_s().unwrap().replace("web_form", "account");
    changed.insert("body".to_owned(), AttributeValue::S(body));
    let client = world.fixture.store.client();
    let put = client
        .put_item()
        .table_name(world.fixture.store.ledger_table)
        .set_item(Some(changed));
    put.send().await.unwrap();
    let removed = record_of(&bert).await;
    let delete = client.delete_item().table_name(world.fixture.store.ledger_table);
    let delete = delete.key("pk", removed["pk"].clone()).key("sk", removed["sk"].clone());
    delete.send().await.unwrap();
    for (contact, left) in [(anna, 1), (bert, 0)] {
        let evidence = world.evidence_of(&contact).await;
        assert_eq!(evidence.body["intact"], false);
        assert_eq!(evidence.body["events"].as_array().unwrap().len(), left);
    }
}

#[tokio::test]
async fn evidence_names_who_api_gateway_says_has_called() {
    let world = World::new().await;
    let event = |authorizer: Value| {
        json!({
            "version": "2.0",
            "routeKey": "POST /v1/opt-ins",
            "rawPath": "/v1/opt-ins",
            "rawQueryString": "",
            "headers": { "content-type": "application/json" },
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "api",
                "authorizer": authorizer,
                "http": { "method": "POST", "path": "/v1/opt-ins", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1" },
                "requestId": "1",
                "routeKey": "POST /v1/opt-ins",
                "stage": "$default",
                "timeEpoch": 1_784_000_000_000_i64,
            },
            "body": asked(ANNA).to_string(),
            "isBase64Encoded": false,
        })
    };
    let arn = "arn:aws:sts::123456789012:assumed-role/shop/backend";
    let callers = [
        (json!({ "iam": { "userArn": arn, "accountId": "123456789012" } }), arn),
        (
            json!({ "jwt": { "claims": { "sub": "shop" }, "scopes": null } }),
            "shop",
        ),
        (Value::Null, "api"),
    ];
    let mut contact = String::new();
    for (authorizer, _) in &callers {
        let request = lambda_http::request::from_str(&event(authorizer.clone()).to_string()).unwrap();
        let answer = Answer::from(opt_in::handle(&world.service, request).await);
        assert_eq!(answer.status, 202);
        contact = answer.contact();
    }
    let evidence = world.evidence_of(&contact).await;
    let actors: Vec<_> = evidence.body["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["actor"].clone())
        .collect();
    assert_eq!(actors, callers.map(|(_, name)| json!({ "operator": name })));
}
