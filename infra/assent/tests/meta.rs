//! The stand-in for Meta, as the client of the Graph API meets it.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;
use std::time::Duration;

use assent::local::EXAMPLE_POLICY;
use assent::meta::{ContactBookCounts, HealthChange, Meta, MetaOptions};
use consent::policy::{Policy, PromptTemplate};
use consent::time::Time;
use identity::{Bsuid, Identifier, Identifiers};
use platform::clock::Clock;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use whatsapp::compose::Business;
use whatsapp::delivery::{
    AccountChange, BanState, Category, Item, Limit, NumberEvent, Quality, Restriction, RestrictionKind, StatusState,
    TemplateChange, TemplateStatus,
};
use whatsapp::graph::{Accepted, AccessToken, Graph, NumberHealth, NumberStatus, SendError, TemplateHealth};
use whatsapp::{AppSecret, Button, Buttons, Callback, Outbound, Payload, PlainText, Template, Text, sign, verify};

const NOW: i64 = 1_763_890_200;
const DIGITS: &str = "4915112345678";

#[derive(Debug)]
struct Standing;

impl Clock for Standing {
    fn unix_seconds(&self) -> i64 {
        NOW
    }
}

fn business() -> Business {
    Business {
        waba: "102290129340398".parse().unwrap(),
        sender: "106540352242922".parse().unwrap(),
        number: "15550783881".parse().unwrap(),
    }
}

fn recipient() -> Identifiers {
    Identifiers::from_meta(Some(DIGITS), None).unwrap()
}

fn words() -> Outbound {
    Outbound::Text(PlainText::new(Text::new("Sie sind abgemeldet.")).unwrap())
}

/// The stand-in and a client of it.
struct Line {
    meta: Meta,
    graph: Graph,
}

impl Line {
    async fn open() -> Self {
        let meta = Meta::new(MetaOptions {
            access_token: "right".to_owned(),
            business: business(),
            clock: Arc::new(Standing),
            policy: Arc::new(Policy::parse(EXAMPLE_POLICY).unwrap()),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let graph = Graph::new(&format!("http://{}/v26.0", listener.local_addr().unwrap())).unwrap();
        let router: axum::Router = meta.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { meta, graph }
    }

    async fn send(&self, message: &Outbound) -> Result<Accepted, SendError> {
        self.send_with("right", message, Duration::from_secs(10)).await
    }

    async fn send_with(&self, token: &str, message: &Outbound, timeout: Duration) -> Result<Accepted, SendError> {
        let (token, callback) = (AccessToken::new(token).unwrap(), Callback::new("attached").unwrap());
        let (from, to) = (&business().sender, &recipient());
        self.graph.send(&token, from, to, message, &callback, timeout).await
    }

    async fn forget(&self, person: &Bsuid) -> Result<(), SendError> {
        self.forget_with("right", person, Duration::from_secs(10)).await
    }

    async fn forget_with(&self, token: &str, person: &Bsuid, timeout: Duration) -> Result<(), SendError> {
        let (token, sender) = (AccessToken::new(token).unwrap(), &business().sender);
        self.graph
            .delete_from_contact_book(&token, sender, person, timeout)
            .await
    }

    fn will(&self, fault: Value) {
        self.meta.set_fault(serde_json::from_value(fault).unwrap());
    }

    fn received(&self) -> Vec<Value> {
        self.meta.outbound(None)["messages"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn a_prompt_is_shown_with_the_words_and_buttons_that_the_template_has_at_meta() {
    let line = Line::open().await;
    let policy = Policy::parse(EXAMPLE_POLICY).unwrap();
    let prompt: &PromptTemplate = policy.prompts().next().unwrap();
    let payloads = ["yes", "no", "not me"].map(Payload::new).to_vec();
    let (name, language) = (
        prompt.name().parse().unwrap(),
        prompt.language().as_str().parse().unwrap(),
    );
    let template = Template::new(name, language, vec![Text::new("Angebote")], payloads).unwrap();
    let accepted = line.send(&Outbound::Template(template)).await.unwrap();

    let labels = prompt.buttons();
    let shown = json!({
        "id": accepted.id.as_str(),
        "to": { "phone": format!("+{DIGITS}") },
        "kind": "template",
        "template": prompt.name(),
        "language": prompt.language().as_str(),
        "text": prompt.filled(&["Angebote".to_owned()]),
        "buttons": [
            { "label": labels.confirm(), "payload": "yes" },
            { "label": labels.no(), "payload": "no" },
            { "label": labels.not_me(), "payload": "not me" },
        ],
        "at": "2025-11-23T09:30:00Z",
    });
    assert_eq!(line.received(), [shown]);
    assert_eq!(accepted.contact, Some(recipient()));
    assert!(line.meta.message(accepted.id.as_str()).unwrap().is_template());
}

#[tokio::test]
async fn free_messages_are_shown_as_they_were_sent() {
    let line = Line::open().await;
    let button = Button {
        payload: Payload::new("stop"),
        title: Text::new("Abmelden"),
    };
    let question = Buttons::new(Text::new("Möchten Sie sich abmelden?"), vec![button]).unwrap();
    let first = line.send(&Outbound::Buttons(question)).await.unwrap();
    let second = line.send(&words()).await.unwrap();
    assert_ne!(first.id, second.id);

    let shown = |message: &Value| [&message["kind"], &message["text"], &message["buttons"]].map(Value::clone);
    let received = line.received();
    let question = [
        json!("interactive"),
        json!("Möchten Sie sich abmelden?"),
        json!([{ "label": "Abmelden", "payload": "stop" }]),
    ];
    let text = [json!("text"), json!("Sie sind abgemeldet."), json!([])];
    assert_eq!(received.iter().map(shown).collect::<Vec<_>>(), [question, text]);
    assert!(!line.meta.message(first.id.as_str()).unwrap().is_template());
    assert_eq!(line.meta.outbound(Some(NOW + 1)), json!({ "messages": [] }));
}

#[tokio::test]
async fn each_message_is_reported_sent_and_delivered_once_with_what_was_attached() {
    let line = Line::open().await;
    let accepted = line.send(&words()).await.unwrap();

    let items = delivered(&business().delivery(line.meta.take_statuses()));
    let states = items.iter().map(|item| match item {
        Item::Status(status) => {
            assert_eq!(status.message, accepted.id);
            assert_eq!(status.recipient, Some(recipient()));
            assert_eq!(status.callback, Some(Callback::new("attached").unwrap()));
            assert_eq!(status.at, Some(NOW));
            status.state.clone()
        }
        other => panic!("no status: {other:?}"),
    });
    assert_eq!(states.collect::<Vec<_>>(), [StatusState::Sent, StatusState::Delivered]);
    assert!(line.meta.take_statuses().is_empty());
}

#[tokio::test]
async fn nothing_is_taken_with_a_wrong_token_or_for_a_number_of_somebody_else() {
    let line = Line::open().await;
    let refused = line
        .send_with("wrong", &words(), Duration::from_secs(10))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some(190));

    let (token, callback) = (AccessToken::new("right").unwrap(), Callback::new("attached").unwrap());
    let foreign = "999".parse().unwrap();
    let sent = line
        .graph
        .send(
            &token,
            &foreign,
            &recipient(),
            &words(),
            &callback,
            Duration::from_secs(10),
        )
        .await;
    assert!(sent.is_err());
    assert!(line.received().is_empty());
}

#[tokio::test]
async fn a_refusal_strikes_as_often_as_was_said_and_then_no_more() {
    let line = Line::open().await;
    line.will(json!({ "fault": { "error": { "code": 131_056 } }, "times": 2 }));
    for _ in 0..2 {
        assert_eq!(line.send(&words()).await.unwrap_err().code(), Some(131_056));
    }
    assert!(line.received().is_empty());
    line.send(&words()).await.unwrap();
    assert_eq!(line.received().len(), 1);
}

#[tokio::test]
async fn a_silent_meta_has_taken_nothing() {
    let line = Line::open().await;
    line.will(json!({ "fault": "silent" }));
    let sent = line.send_with("right", &words(), Duration::from_millis(50)).await;
    assert_eq!(sent, Err(SendError::NoAnswer));
    assert!(line.received().is_empty() && line.meta.take_statuses().is_empty());
}

#[tokio::test]
async fn a_meta_that_only_fails_to_answer_has_taken_the_message_and_reports_it() {
    let line = Line::open().await;
    line.will(json!({ "fault": "taken_unanswered" }));
    let taken = async {
        while line.received().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    let message = words();
    tokio::select! {
        sent = line.send(&message) => panic!("answered: {sent:?}"),
        () = taken => {}
    }
    assert_eq!(line.meta.take_statuses().len(), 2);
}

#[tokio::test]
async fn a_slow_meta_takes_the_message_all_the_same() {
    let line = Line::open().await;
    line.will(json!({ "fault": { "slow": { "millis": 5 } } }));
    line.send(&words()).await.unwrap();
    assert_eq!(line.received().len(), 1);
}

fn ada() -> Bsuid {
    Bsuid::parse("DE.7201449983120557").unwrap()
}

fn book(entries: usize, deletions: usize) -> ContactBookCounts {
    ContactBookCounts { entries, deletions }
}

/// A stand-in that knows Ada by her id and her number, and somebody else by a number alone.
async fn line_with_contact_book() -> Line {
    let line = Line::open().await;
    let with_number = Identifiers::from_meta(Some(DIGITS), Some(ada().as_str())).unwrap();
    for person in [with_number, Identifier::from(ada()).into(), recipient()] {
        line.meta.saw(&person);
    }
    line
}

#[tokio::test]
async fn whoever_has_an_id_is_in_the_contact_book_until_they_are_deleted_from_it() {
    let line = line_with_contact_book().await;
    assert_eq!(line.meta.contact_book(), book(1, 0));
    for _ in 0..2 {
        line.forget(&ada()).await.unwrap();
        assert_eq!(line.meta.contact_book(), book(0, 1));
    }
}

#[tokio::test]
async fn whoever_is_written_to_by_id_is_in_the_contact_book() {
    let line = Line::open().await;
    let (token, callback) = (AccessToken::new("right").unwrap(), Callback::new("attached").unwrap());
    let to = Identifiers::from(Identifier::from(ada()));
    let (from, message) = (&business().sender, words());
    let sent = line
        .graph
        .send(&token, from, &to, &message, &callback, Duration::from_secs(10));
    sent.await.unwrap();
    assert_eq!(line.meta.contact_book(), book(1, 0));
}

#[tokio::test]
async fn nobody_is_deleted_by_a_wrong_token_or_against_a_fault() {
    let line = line_with_contact_book().await;
    let ample = Duration::from_secs(10);
    let refused = line.forget_with("wrong", &ada(), ample).await.unwrap_err();
    assert_eq!(refused.code(), Some(190));
    line.will(json!({ "fault": { "error": { "code": 131_000 } } }));
    assert_eq!(line.forget(&ada()).await.unwrap_err().code(), Some(131_000));
    line.will(json!({ "fault": "silent" }));
    let silent = line.forget_with("right", &ada(), Duration::from_millis(50)).await;
    assert_eq!(silent, Err(SendError::NoAnswer));
    assert_eq!(line.meta.contact_book(), book(1, 0));
    line.forget(&ada()).await.unwrap();
    assert_eq!(line.meta.contact_book(), book(0, 1));
}

#[tokio::test]
async fn a_meta_that_only_fails_to_answer_has_deleted_the_entry() {
    let line = line_with_contact_book().await;
    line.will(json!({ "fault": "taken_unanswered" }));
    let gone = async {
        while line.meta.contact_book() != book(0, 1) {
            tokio::task::yield_now().await;
        }
    };
    let person = ada();
    tokio::select! {
        asked = line.forget(&person) => panic!("answered: {asked:?}"),
        () = gone => {}
    }
}

fn says(change: Value) -> HealthChange {
    serde_json::from_value(change).unwrap()
}

impl Line {
    async fn number(&self) -> NumberHealth {
        let (token, sender) = (AccessToken::new("right").unwrap(), business().sender);
        let asked = self.graph.number_health(&token, &sender, Duration::from_secs(10));
        asked.await.unwrap()
    }

    async fn account(&self) -> Option<bool> {
        let (token, waba) = (AccessToken::new("right").unwrap(), business().waba);
        let asked = self.graph.account_health(&token, &waba, Duration::from_secs(10));
        asked.await.unwrap().may_send()
    }

    async fn template(&self, name: &str, language: &str) -> Option<TemplateHealth> {
        let (name, language) = (name.parse().unwrap(), language.parse().unwrap());
        let (token, waba) = (AccessToken::new("right").unwrap(), business().waba);
        let asked = self
            .graph
            .template_health(&token, &waba, &name, &language, Duration::from_secs(10));
        asked.await.unwrap()
    }

    /// What Meta sends about a change, as the webhook reads it.
    fn told(&self, change: Value) -> Vec<Item> {
        delivered(&business().notices(NOW, self.meta.change_health(says(change))))
    }
}

fn delivered(body: &[u8]) -> Vec<Item> {
    let secrets = [AppSecret::new("secret").unwrap()];
    let signature = sign(body, &secrets[0]);
    let signed = verify(body, Some(signature.as_bytes()), &secrets).unwrap();
    whatsapp::delivery::parse(&signed).unwrap().items
}

fn account_changes(items: Vec<Item>) -> Vec<AccountChange> {
    let change = |item| match item {
        Item::Account(event) => event.change,
        other => panic!("nothing about the account: {other:?}"),
    };
    items.into_iter().map(change).collect()
}

fn template_changes(items: Vec<Item>) -> Vec<TemplateChange> {
    let change = |item| match item {
        Item::Template(event) => event.change,
        other => panic!("nothing about a template: {other:?}"),
    };
    items.into_iter().map(change).collect()
}

#[tokio::test]
async fn all_is_well_at_meta_until_it_is_said_otherwise() {
    let line = Line::open().await;
    let number = NumberHealth {
        quality: Some(Quality::Green),
        limit: Some(Limit::Unlimited),
        status: Some(NumberStatus::Connected),
    };
    assert_eq!(line.number().await, number);
    assert_eq!(line.account().await, Some(true));
    let template = TemplateHealth {
        status: TemplateStatus::Approved,
        category: Some(Category::Marketing),
        quality: Some(Quality::Green),
        content: None,
    };
    assert_eq!(line.template("advent_offer", "de").await, Some(template.clone()));
    assert_eq!(line.template("anything", "en_US").await, Some(template));
}

#[tokio::test]
async fn what_is_said_about_the_number_and_the_limit_is_answered_and_sent() {
    let line = Line::open().await;
    let told = account_changes(line.told(json!({ "quality": "RED", "limit": "TIER_250" })));
    let few = Some(Limit::People(250));
    let flagged = AccountChange::Number {
        event: NumberEvent::Flagged,
        limit: few.clone(),
    };
    assert_eq!(told, [AccountChange::Capability { limit: few.clone() }, flagged]);
    let number = line.number().await;
    assert_eq!((number.quality, number.limit), (Some(Quality::Red), few.clone()));

    let told = account_changes(line.told(json!({ "quality": "YELLOW" })));
    let unflagged = AccountChange::Number {
        event: NumberEvent::Unflagged,
        limit: few.clone(),
    };
    assert_eq!(told, [unflagged]);
    let number = line.number().await;
    assert_eq!((number.quality, number.limit), (Some(Quality::Yellow), few));
}

#[tokio::test]
async fn an_account_is_banned_and_reinstated() {
    let line = Line::open().await;
    for (word, state, may_send) in [
        ("BLOCKED", BanState::Disabled, false),
        ("AVAILABLE", BanState::Reinstated, true),
    ] {
        let told = account_changes(line.told(json!({ "account": word })));
        assert_eq!(told, [AccountChange::Banned { state }]);
        assert_eq!(line.account().await, Some(may_send));
    }
}

#[tokio::test]
async fn a_restriction_lasts_until_it_ends_or_is_lifted() {
    let line = Line::open().await;
    for (until, may_send) in [(NOW + 1, false), (NOW, true)] {
        let time = Time::from_unix_seconds(until);
        let told = account_changes(line.told(json!({ "restricted_until": time })));
        let restrictions = vec![Restriction {
            kind: RestrictionKind::BusinessInitiated,
            until: Some(until),
        }];
        assert_eq!(told, [AccountChange::Restricted { restrictions }]);
        assert_eq!(line.account().await, Some(may_send));
    }
    line.told(json!({ "restricted_until": Time::from_unix_seconds(NOW + 1) }));
    line.told(json!({ "account": "AVAILABLE" }));
    assert_eq!(line.account().await, Some(true));
}

#[tokio::test]
async fn what_is_said_about_a_template_holds_for_its_language_alone() {
    let line = Line::open().await;
    let change = json!({ "template": { "name": "advent_offer", "language": "de", "status": "PAUSED",
        "category": "UTILITY", "quality": "RED" } });
    let category = TemplateChange::Category {
        previous: Some(Category::Marketing),
        now: Some(Category::Utility),
        announced: None,
    };
    let quality = TemplateChange::Quality {
        previous: Some(Quality::Green),
        now: Quality::Red,
    };
    let status = TemplateChange::Status {
        status: TemplateStatus::Paused,
        category: Some(Category::Utility),
        reason: None,
    };
    assert_eq!(template_changes(line.told(change)), [category, quality, status]);
    let health = TemplateHealth {
        status: TemplateStatus::Paused,
        category: Some(Category::Utility),
        quality: Some(Quality::Red),
        content: None,
    };
    assert_eq!(line.template("advent_offer", "de").await, Some(health));
    let other = line.template("advent_offer", "en").await.unwrap();
    assert_eq!(other.status, TemplateStatus::Approved);
    assert!(line.template("advent", "de").await.unwrap().status.may_be_sent());
}

#[tokio::test]
async fn a_missing_template_is_not_listed_until_it_is_made_anew() {
    let line = Line::open().await;
    let told = |change: Value| {
        let mut changes = template_changes(line.told(change));
        match changes.pop() {
            Some(TemplateChange::Status { status, .. }) => status,
            other => panic!("no status: {other:?}"),
        }
    };
    let template = json!({ "name": "advent_offer", "language": "de", "missing": true });
    assert_eq!(told(json!({ "template": template })), TemplateStatus::Deleted);
    assert_eq!(line.template("advent_offer", "de").await, None);
    assert!(line.template("advent_offer", "en").await.is_some());

    let template = json!({ "name": "advent_offer", "language": "de", "category": "UTILITY" });
    assert_eq!(told(json!({ "template": template })), TemplateStatus::Approved);
    let health = line.template("advent_offer", "de").await.unwrap();
    assert_eq!(health.category, Some(Category::Utility));
}

#[test]
fn a_change_that_contradicts_itself_or_misspells_a_member_is_refused() {
    for odd in [
        json!({ "template": { "name": "t", "language": "de", "missing": true, "status": "PAUSED" } }),
        json!({ "template": { "name": "t" } }),
        json!({ "template": { "name": "Not a name", "language": "de" } }),
        json!({ "qualty": "RED" }),
    ] {
        assert!(serde_json::from_value::<HealthChange>(odd.clone()).is_err(), "{odd}");
    }
}

#[tokio::test]
async fn nothing_is_said_to_a_wrong_token_about_somebody_else_or_against_a_fault() {
    let line = Line::open().await;
    let ample = Duration::from_secs(10);
    let (wrong, right) = (AccessToken::new("wrong").unwrap(), AccessToken::new("right").unwrap());
    let Business { waba, sender, .. } = business();
    let (name, language) = ("advent_offer".parse().unwrap(), "de".parse().unwrap());
    let refused = [
        line.graph.number_health(&wrong, &sender, ample).await.unwrap_err(),
        line.graph.account_health(&wrong, &waba, ample).await.unwrap_err(),
        line.graph
            .template_health(&wrong, &waba, &name, &language, ample)
            .await
            .unwrap_err(),
        line.graph
            .number_health(&right, &"999".parse().unwrap(), ample)
            .await
            .unwrap_err(),
        line.graph
            .account_health(&right, &"999".parse().unwrap(), ample)
            .await
            .unwrap_err(),
        line.graph
            .template_health(&right, &"999".parse().unwrap(), &name, &language, ample)
            .await
            .unwrap_err(),
    ];
    assert!(refused.iter().all(|error| error.code() == Some(190)), "{refused:?}");

    line.will(json!({ "fault": { "error": { "code": 2 } } }));
    let struck = line.graph.number_health(&right, &sender, ample).await;
    assert_eq!(struck.unwrap_err().code(), Some(2));
    assert_eq!(line.account().await, Some(true));
}
