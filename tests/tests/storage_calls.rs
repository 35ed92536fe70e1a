//! How many calls to DynamoDB each kind of delivery costs. Calls are what a delivery waits and pays for, and most of what
//! Meta delivers concerns the ledger not at all.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use assent::local::EXAMPLE_POLICY;
use assent::store::Store;
use assent_tests::{AMPLE, APP_SECRET, Fixture, WABA, business, by_hand, campaigns, signed};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use consent::campaign::{Limit, PartId, Stage};
use consent::id::OutgoingId;
use consent::outgoing::{Reference, Rendered};
use consent::time::Time;
use identity::{Bsuid, Identifiers, PhoneNumber};
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request};
use ledger::{Gated, Listed, RecipientId};
use platform::deadline::Deadline;
use serde_json::{Value, json};
use service::Service;
use whatsapp::compose::{Change, Envelope, PreferenceValue, StatusState, message_id};
use whatsapp::{Callback, MessageId, Payload, Text};

/// The most that one person's event may cost: whose identifiers these are, the contact, the transaction.
const ONE_EVENT: usize = 3;

/// Calls to DynamoDB, each attempt by itself.
#[derive(Debug, Clone, Default)]
struct Calls(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    by_operation: BTreeMap<String, usize>,
    in_flight: usize,
    most_in_flight: usize,
}

impl Counted {
    fn total(&self) -> usize {
        self.by_operation.values().sum()
    }
}

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "Calls"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let mut counted = self.0.lock().unwrap();
        *counted.by_operation.entry(operation).or_default() += 1;
        counted.in_flight += 1;
        counted.most_in_flight = counted.most_in_flight.max(counted.in_flight);
        Ok(())
    }

    fn read_after_transmit(
        &self,
        _: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.lock().unwrap().in_flight -= 1;
        Ok(())
    }
}

/// The webhook on a store of its own, with the policy at hand and its calls counted.
struct World {
    calls: Calls,
    webhook: Service,
    opt_in: Service,
    fixture: Fixture,
}

impl World {
    async fn new() -> Self {
        let fixture = Fixture::under(EXAMPLE_POLICY).await;
        let calls = Calls::default();
        let webhook = fixture.service_over(counted(&fixture.store, &calls), "webhook");
        // The webhook keeps the policy from now on.
        webhook.begin(Deadline::after(AMPLE)).await.unwrap();
        Self {
            webhook,
            opt_in: fixture.service("opt-in"),
            calls,
            fixture,
        }
    }

    /// The time, put forward by a minute, so that nothing happens at the same time as anything else.
    fn later(&self) -> i64 {
        self.fixture.clock.advance(60)
    }

    fn measured(&self, name: &str) -> f64 {
        self.fixture.tally.total("webhook", name)
    }

    /// The calls that a delivery costs.
    async fn cost(&self, body: &[u8]) -> Counted {
        let request = signed(body.to_vec(), APP_SECRET);
        *self.calls.0.lock().unwrap() = Counted::default();
        let answer = webhook::handle(&self.webhook, request).await;
        assert_eq!(answer.status(), StatusCode::OK);
        std::mem::take(&mut *self.calls.0.lock().unwrap())
    }

    /// The number is entered in a form: a contact is known from now on, and a prompt waits for it.
    async fn ask(&self, number: &str) -> Prompt {
        let body = json!({
            "recipient": {"phone": number},
            "purposes": ["offers"],
            "locale": "de",
            "source": {"kind": "web_form"},
        });
        let request: Request = lambda_http::http::Request::builder()
            .method("POST")
            .uri("/v1/opt-ins")
            .body(Body::Text(body.to_string()))
            .unwrap();
        let answer = opt_in::handle(&self.opt_in, request).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        let answer: Value = serde_json::from_slice(answer.body()).unwrap();
        self.prompt(answer["contact_id"].as_str().unwrap()).await
    }

    /// A campaign may write to the number: what its message has to carry for its statuses to be known.
    async fn let_go(&self, number: &str) -> Callback {
        const NOON: Time = Time::from_unix_seconds(1_784_023_200);
        let campaign = "summer".parse().unwrap();
        let who = RecipientId::Person(person(number));
        let listed = [Listed {
            who: who.clone(),
            reference: None,
        }];
        let begin = async || self.opt_in.begin(Deadline::after(AMPLE)).await.unwrap();
        let work = begin().await;
        let plan = campaigns::plan("2026-07-14T12:00:00[Europe/Berlin]");
        let put = work.ledger.put_campaign(&campaign, &plan, &work.policy, work.now);
        put.await.unwrap();
        let first = PartId::try_from(1).unwrap();
        let put = work
            .ledger
            .put_part(&campaign, first, &listed, 0, &work.policy, work.now);
        put.await.unwrap();
        self.fixture.clock.advance(NOON.since(work.now).as_seconds());
        let work = begin().await;
        for report in campaigns::all_is_well(work.now, Limit::Unlimited) {
            work.ledger.report_health(&report).await.unwrap();
        }
        let health = campaigns::good_health(work.now);
        let clock = || work.now;
        let check = work.ledger.check_campaign(
            &campaign,
            Some(Stage::OnDemand),
            &health,
            None,
            &work.policy,
            &clock,
            &|| true,
        );
        check.await.unwrap();
        let key = work.token_key();
        let gated = work
            .ledger
            .gate(&campaign, &[Some(who)], &work.policy, &key, work.now)
            .await;
        let Gated::Answered(answers) = gated else {
            panic!("the campaign sends: {gated:?}");
        };
        Callback::new(answers[0].ticket.as_ref().unwrap().callback.clone()).unwrap()
    }

    async fn prompt(&self, contact: &str) -> Prompt {
        let work = self.opt_in.begin(Deadline::after(AMPLE)).await.unwrap();
        let contact = contact.parse().unwrap();
        for id in work.ledger.due_messages(work.now, 100).await.unwrap() {
            let message = work.ledger.outbox_message(&id).await.unwrap().unwrap();
            if message.contact != contact {
                continue;
            }
            let subject = work.ledger.read(&contact).await.unwrap().unwrap();
            let rendered = message
                .outgoing
                .render(&subject.contact, &work.policy, &work.token_key(), work.now)
                .unwrap();
            let Rendered::Template { payloads, .. } = rendered else {
                panic!("a prompt before the contact wrote is a template");
            };
            return Prompt {
                id,
                confirm: Payload::new(payloads[0].as_str()),
            };
        }
        panic!("no prompt waits for the contact");
    }
}

/// A prompt that waits to be sent.
struct Prompt {
    id: OutgoingId,
    confirm: Payload,
}

impl Prompt {
    fn callback(&self) -> Callback {
        Callback::new(Reference::Prompt(self.id).to_string()).unwrap()
    }
}

/// A client of the store that counts its calls. It neither retries nor loses patience: an attempt is a call.
fn counted(store: &Store, calls: &Calls) -> Client {
    let config = store.client().config().to_builder();
    let config = config
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled());
    Client::from_conf(config.interceptor(calls.clone()).build())
}

/// The person as Meta names them, by number and by id.
fn person(number: &str) -> Identifiers {
    let phone = PhoneNumber::parse(number).unwrap();
    let bsuid = Bsuid::parse(&format!("DE.{}", phone.digits())).unwrap();
    Identifiers::new(Some(phone), Some(bsuid)).unwrap()
}

fn message(number: &str, at: i64) -> Envelope {
    let from = person(number);
    let mut unique = [0; 10];
    unique[..8].copy_from_slice(&at.to_be_bytes());
    Envelope {
        id: message_id(from.phone(), unique),
        from,
        at,
        reply_to: None,
    }
}

fn text(number: &str, at: i64, words: &str) -> Change {
    business().text(&message(number, at), &Text::new(words))
}

fn status(number: &str, at: i64, state: &StatusState, callback: Option<&Callback>, codes: &[u32]) -> Change {
    let sent = MessageId::new(format!("wamid.sent-to-{number}"));
    business().status(&sent, &person(number), state, at, callback, codes)
}

/// A delivery of something that the stand-in for Meta never composes, because nothing ever comes of it.
fn odd(account: &str, field: &str, member: &str, element: &Value) -> Vec<u8> {
    by_hand::delivery_for(account, field, &by_hand::value(&json!({member: [element]})))
        .to_string()
        .into_bytes()
}

const ANNA: &str = "+4915112345678";
const BERT: &str = "+4915187654321";

#[tokio::test]
async fn a_delivery_that_concerns_no_consent_costs_no_call() {
    let world = World::new().await;
    world.ask(ANNA).await;
    let at = world.later();
    let foreign = Callback::new("crm-4711").unwrap();
    let ours = Reference::Other(OutgoingId::from_bytes([7; 16])).to_string();
    let ours = Callback::new(ours).unwrap();
    let stop = by_hand::text(&ANNA[1..], "wamid.stop", at, "STOP");
    let with = |member: &str, value: Value| {
        let mut message = stop.clone();
        message[member] = value;
        message
    };
    let reaction = json!({
        "from": &ANNA[1..], "id": "wamid.reaction", "timestamp": at.to_string(), "type": "reaction",
        "reaction": {"message_id": "wamid.campaign", "emoji": "🛑"},
    });
    let sticker = json!({
        "from": &ANNA[1..], "id": "wamid.sticker", "timestamp": at.to_string(), "type": "sticker", "sticker": {"id": "5"},
    });
    let delivery = |change| business().delivery([change]);

    let deliveries = [
        (
            "a status of somebody else's message",
            "statuses",
            delivery(status(ANNA, at, &StatusState::Delivered, None, &[])),
        ),
        (
            "a status of somebody else's message with data of theirs",
            "statuses",
            delivery(status(ANNA, at, &StatusState::Delivered, Some(&foreign), &[])),
        ),
        (
            "somebody else's message that did not arrive",
            "statuses",
            delivery(status(ANNA, at, &StatusState::Failed, Some(&foreign), &[131_026])),
        ),
        (
            "our message that was accepted",
            "statuses",
            delivery(status(ANNA, at, &StatusState::Sent, Some(&ours), &[])),
        ),
        (
            "our message that was delivered",
            "statuses",
            delivery(status(ANNA, at, &StatusState::Delivered, Some(&ours), &[])),
        ),
        (
            "our message that was read",
            "statuses",
            delivery(status(ANNA, at, &StatusState::Read, Some(&ours), &[])),
        ),
        (
            "a thousand statuses",
            "statuses",
            business().delivery((0..1_000).map(|_| status(ANNA, at, &StatusState::Delivered, Some(&foreign), &[]))),
        ),
        (
            "a question of a contact",
            "messages",
            delivery(text(ANNA, at, "Wann kommt meine Bestellung?")),
        ),
        (
            "a question of a stranger",
            "messages",
            delivery(text(BERT, at, "Haben Sie morgen geöffnet?")),
        ),
        ("a sticker", "messages", odd(WABA, "messages", "messages", &sticker)),
        ("a reaction", "messages", odd(WABA, "messages", "messages", &reaction)),
        (
            "a stop from before the number was connected",
            "ignored",
            odd(WABA, "history", "messages", &stop),
        ),
        (
            "a stop that the business wrote",
            "ignored",
            odd(WABA, "smb_message_echoes", "message_echoes", &stop),
        ),
        (
            "a stop in a group",
            "ignored",
            odd(WABA, "messages", "messages", &with("group_id", json!("group-1"))),
        ),
        (
            "a stop that the dashboard's test button made up",
            "ignored",
            odd("0", "messages", "messages", &stop),
        ),
    ];
    for (what, kind, body) in deliveries {
        let before = world.measured(kind);
        let cost = world.cost(&body).await;
        assert_eq!(cost.by_operation, BTreeMap::new(), "{what}");
        assert!(
            world.measured(kind) > before,
            "{what} was not read as one of the {kind}"
        );
    }
    assert_eq!(world.measured("unreadable"), 0.0);
}

#[tokio::test]
async fn a_stop_costs_at_most_three_calls_and_so_does_its_repetition() {
    for is_known in [true, false] {
        let world = World::new().await;
        if is_known {
            world.ask(ANNA).await;
        }
        let stop = business().delivery([text(ANNA, world.later(), "STOP")]);
        let cost = world.cost(&stop).await;
        assert!(cost.total() <= ONE_EVENT, "{cost:?}");
        assert_eq!(world.measured("stopped"), 1.0);
        world.later();
        let cost = world.cost(&stop).await;
        assert!(cost.total() <= ONE_EVENT, "{cost:?}");
        assert_eq!(world.measured("stopped"), 1.0);
    }
}

#[tokio::test]
async fn what_becomes_of_a_prompt_costs_at_most_three_calls_and_so_does_its_answer() {
    let world = World::new().await;
    let prompt = world.ask(ANNA).await;
    for state in [StatusState::Sent, StatusState::Delivered, StatusState::Read] {
        let status = status(ANNA, world.later(), &state, Some(&prompt.callback()), &[]);
        let cost = world.cost(&business().delivery([status])).await;
        assert!(cost.total() <= ONE_EVENT, "{state:?}: {cost:?}");
    }
    let tap = business().template_tap(&message(ANNA, world.later()), &prompt.confirm, &Text::new("Ja"));
    let cost = world.cost(&business().delivery([tap])).await;
    assert!(cost.total() <= ONE_EVENT, "{cost:?}");
    assert_eq!(world.measured("confirmed"), 1.0);
}

#[tokio::test]
async fn a_stop_in_whatsapps_settings_costs_at_most_three_calls_however_it_is_heard_of() {
    for told in [true, false] {
        let world = World::new().await;
        world.ask(ANNA).await;
        let at = world.later();
        let stop = if told {
            business().preference(&person(ANNA), &PreferenceValue::Stop, at)
        } else {
            status(ANNA, at, &StatusState::Failed, None, &[131_050])
        };
        let cost = world.cost(&business().delivery([stop])).await;
        assert!(cost.total() <= ONE_EVENT, "{cost:?}");
        assert_eq!(world.measured("platform_stops"), 1.0);
    }
}

#[tokio::test]
async fn the_stops_of_many_contacts_cost_no_more_than_each_alone_and_do_not_wait_for_one_another() {
    const CONTACTS: usize = 50;
    let world = World::new().await;
    let numbers: Vec<_> = (0..CONTACTS).map(|n| format!("+49151123456{n:02}")).collect();
    for number in &numbers {
        world.ask(number).await;
    }
    let at = world.later();
    let stops = numbers.iter().map(|number| text(number, at, "STOP"));
    let cost = world.cost(&business().delivery(stops)).await;
    assert!(cost.total() <= CONTACTS * ONE_EVENT, "{cost:?}");
    assert!(cost.most_in_flight > 1, "{cost:?}");
    assert_eq!(world.measured("stopped"), 50.0);
}

#[tokio::test]
async fn what_becomes_of_a_campaigns_message_costs_at_most_three_calls() {
    let world = World::new().await;
    let prompt = world.ask(ANNA).await;
    let tap = business().template_tap(&message(ANNA, world.later()), &prompt.confirm, &Text::new("Ja"));
    world.cost(&business().delivery([tap])).await;
    let callback = world.let_go(ANNA).await;
    for state in [StatusState::Sent, StatusState::Delivered, StatusState::Failed] {
        let status = status(ANNA, world.later(), &state, Some(&callback), &[]);
        let cost = world.cost(&business().delivery([status])).await;
        assert!((1..=ONE_EVENT).contains(&cost.total()), "{state:?}: {cost:?}");
    }
}

#[tokio::test]
async fn a_demand_about_ones_data_costs_at_most_three_calls_and_so_does_its_repetition() {
    let world = World::new().await;
    world.ask(ANNA).await;
    for words in ["Auskunft", "Bitte meine Daten löschen"] {
        let demand = business().delivery([text(ANNA, world.later(), words)]);
        let cost = world.cost(&demand).await;
        assert!(cost.total() <= ONE_EVENT, "{words}: {cost:?}");
        let cost = world.cost(&demand).await;
        assert!(cost.total() <= ONE_EVENT, "{words}, again: {cost:?}");
    }
    let work = world.opt_in.begin(Deadline::after(AMPLE)).await.unwrap();
    let waiting = work.ledger.due_messages(work.now, 100).await.unwrap();
    // A prompt, and the two steps that open the cases.
    assert_eq!(waiting.len(), 3);
}
