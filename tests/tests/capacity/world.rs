//! The functions over a meter, and what they log.

use std::cell::Cell;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use assent::local::EXAMPLE_POLICY;
use assent::meta::{Meta, MetaOptions};
use assent_tests::capacity::{Item, Meter, Units, size};
use assent_tests::{AMPLE, APP_SECRET, Fixture, TestClock, business, ledger, secret_set, serve, signed, tables};
use aws_sdk_dynamodb::Client;
use campaign_check::CampaignCheck;
use campaigns::Campaigns;
use consent::id::OutgoingId;
use consent::policy::Policy;
use identity::{Bsuid, Identifiers, PhoneNumber};
use lambda_http::http::Method;
use lambda_http::{Body, Request, RequestExt};
use lambda_runtime::Context;
use outbox::Outbox;
use platform::clock::Clock;
use platform::deadline::Deadline;
use platform::metrics::{Metrics, Sink};
use platform::secrets::{SecretCache, Secrets};
use retention::Retention;
use serde_json::{Value, json};
use service::Service;
use whatsapp::compose::{Change, Envelope, message_id};
use whatsapp::graph::Graph;
use whatsapp::{MessageId, Payload, Text};

thread_local! {
    /// How many bytes the functions have logged on this thread.
    static LOGGED: Cell<usize> = const { Cell::new(0) };
}

/// The year 2100, in milliseconds since 1970.
const IN_A_LONG_TIME: u64 = 4_102_444_800_000;

/// Counts what is logged, but for what the embedded store says in the same process.
pub(crate) struct Page;

impl Write for Page {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if !String::from_utf8_lossy(line).contains(r#""target":"dynoxide"#) {
            LOGGED.set(LOGGED.get() + line.len());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(line: &str) {
    Page.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// What an event came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) units: Units,
    /// In bytes, without what Lambda and API Gateway add.
    pub(crate) logged: usize,
}

/// A clock by which nothing grows old unless it is told to, however long the test takes.
#[derive(Debug)]
struct PatientClock {
    time: Arc<TestClock>,
    began: Instant,
    age: AtomicU64,
}

impl Clock for PatientClock {
    fn unix_seconds(&self) -> i64 {
        self.time.unix_seconds()
    }

    fn instant(&self) -> Instant {
        self.began + Duration::from_secs(self.age.load(Ordering::SeqCst))
    }
}

/// The functions, over one client.
pub(crate) struct Functions {
    pub(crate) webhook: Service,
    pub(crate) opt_in: Service,
    pub(crate) outbox: Outbox,
    pub(crate) rights: Service,
    pub(crate) retention: Retention,
    pub(crate) campaigns: Campaigns,
    pub(crate) campaign_check: CampaignCheck,
}

pub(crate) struct World {
    pub(crate) fixture: Fixture,
    pub(crate) meta: Meta,
    meter: Meter,
    clock: Arc<PatientClock>,
    /// Those that are measured.
    pub(crate) functions: Functions,
    /// Those that prepare what is measured.
    pub(crate) quiet: Functions,
}

/// A function behind HTTP, for the controller's own programs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Api {
    OptIn,
    Rights,
    Campaigns,
}

/// The number that ends in those digits.
pub(crate) fn number(ending: usize) -> String {
    format!("+49151555{ending:05}")
}

/// Whoever has that number, as Meta names them: by number and by id.
pub(crate) fn person(ending: usize) -> Identifiers {
    let phone = PhoneNumber::parse(&number(ending)).unwrap();
    let bsuid = Bsuid::parse(&format!("DE.{}", phone.digits())).unwrap();
    Identifiers::new(Some(phone), Some(bsuid)).unwrap()
}

/// A form that somebody with that number filled in.
pub(crate) fn form(ending: usize, key: &str) -> Value {
    json!({
        "recipient": {"phone": number(ending)}, "purposes": ["offers"], "locale": "de",
        "source": {"kind": "web_form", "url": "https://www.example.com/newsletter"},
        "idempotency_key": format!("{key}-{ending}"),
    })
}

pub(crate) fn deadline() -> Deadline {
    Deadline::after(AMPLE)
}

impl World {
    pub(crate) async fn new() -> Self {
        let fixture = Fixture::under(EXAMPLE_POLICY).await;
        let clock = Arc::new(PatientClock {
            time: Arc::clone(&fixture.clock),
            began: Instant::now(),
            age: AtomicU64::new(0),
        });
        let meta = Meta::new(MetaOptions {
            access_token: "access".to_owned(),
            business: business(),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            policy: Arc::new(Policy::parse(EXAMPLE_POLICY).unwrap()),
        });
        let graph = Graph::new(&format!("http://{}/v26.0", serve(meta.router()).await)).unwrap();
        let meter = Meter::before(fixture.store.client());
        let functions = |client: &Client| {
            let service = |function| service(function, client.clone(), &fixture, &clock);
            Functions {
                webhook: service("webhook"),
                opt_in: service("opt-in"),
                outbox: Outbox::new(service("outbox"), graph.clone()),
                rights: service("rights"),
                retention: Retention::new(service("retention")),
                campaigns: Campaigns::new(service("campaigns"), graph.clone()),
                campaign_check: CampaignCheck::new(service("campaign-check"), graph.clone()),
            }
        };
        let world = Self {
            functions: functions(&meter.client()),
            quiet: functions(&fixture.store.client()),
            fixture,
            meta,
            meter,
            clock,
        };
        // They all know the policy from now on, and the purge has scheduled everything by it.
        for functions in [&world.functions, &world.quiet] {
            let Functions {
                webhook,
                opt_in,
                rights,
                campaigns,
                ..
            } = functions;
            for service in [webhook, opt_in, rights, campaigns.service()] {
                service.begin(deadline()).await.unwrap();
            }
            functions.outbox.sweep(deadline()).await.unwrap();
            functions.campaign_check.handle(deadline()).await.unwrap();
            functions.retention.handle(deadline()).await.unwrap();
            world.later(600);
        }
        world
    }

    /// A function that has just started.
    pub(crate) fn starting(&self) -> Service {
        service("webhook", self.meter.client(), &self.fixture, &self.clock)
    }

    /// What the caches hold grows old by so much.
    pub(crate) fn age(&self, seconds: u64) {
        self.clock.age.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Puts the clock forward.
    pub(crate) fn later(&self, seconds: i64) {
        self.fixture.clock.advance(seconds);
    }

    pub(crate) fn now(&self) -> i64 {
        self.fixture.clock.unix_seconds()
    }

    /// What something consumes and logs, and what it came to.
    pub(crate) async fn measured<T>(&self, act: impl Future<Output = T>) -> (Measured, T) {
        self.later(60);
        self.meter.take().await;
        LOGGED.set(0);
        let value = Box::pin(act).await;
        let measured = Measured {
            units: self.meter.take().await,
            logged: LOGGED.get(),
        };
        (measured, value)
    }

    /// How many bytes are stored and paid for: items and what the index holds of them, each with what AWS adds.
    pub(crate) async fn stored(&self) -> usize {
        const ADDED: usize = 100;
        let key = |item: &Item, names: &[&str]| -> Option<Item> {
            let one = |name: &&str| Some(((*name).to_owned(), item.get(*name)?.clone()));
            names.iter().map(one).collect()
        };
        let (client, mut bytes) = (self.fixture.store.client(), 0);
        for table in [self.fixture.store.ledger_table, self.fixture.store.key_table] {
            let pages = client.scan().table_name(table).into_paginator().items().send();
            for item in pages.collect::<Result<Vec<_>, _>>().await.unwrap() {
                bytes += size(&item) + ADDED;
                let indexed = key(&item, &["pk", "sk", "due_shard", "due_at"]);
                bytes += indexed.map_or(0, |entry| size(&entry) + ADDED);
            }
        }
        bytes
    }

    /// The messages and steps that wait to be dealt with now.
    pub(crate) async fn waiting(&self) -> Vec<OutgoingId> {
        let ledger = ledger(&self.fixture.store);
        ledger.due_messages(self.fixture.now(), 1_000).await.unwrap()
    }

    /// The last message with buttons that somebody got.
    fn asked(&self, ending: usize) -> Value {
        let outbound = self.meta.outbound(None);
        let to = number(ending);
        let mut messages = outbound["messages"].as_array().unwrap().iter().rev();
        let is_it = |message: &&Value| {
            message["to"]["phone"] == to && message["buttons"].as_array().is_some_and(|all| !all.is_empty())
        };
        messages.find(is_it).unwrap().clone()
    }

    fn envelope(&self, ending: usize, reply_to: Option<MessageId>) -> Envelope {
        let (from, at) = (person(ending), self.now());
        let mut unique = [7; 10];
        unique[..8].copy_from_slice(&at.to_be_bytes());
        Envelope {
            id: message_id(from.phone(), unique),
            from,
            at,
            reply_to,
        }
    }

    /// Somebody writes.
    pub(crate) fn says(&self, ending: usize, words: &str) -> Vec<u8> {
        delivery(business().text(&self.envelope(ending, None), &Text::new(words)))
    }

    /// Somebody taps on a button of what they were asked last.
    pub(crate) fn taps(&self, ending: usize, button: usize) -> Vec<u8> {
        let message = self.asked(ending);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let envelope = self.envelope(ending, Some(MessageId::new(text(&message["id"]))));
        let button = &message["buttons"][button];
        let (payload, label) = (
            Payload::new(text(&button["payload"])),
            Text::new(text(&button["label"])),
        );
        delivery(if message["kind"] == "template" {
            business().template_tap(&envelope, &payload, &label)
        } else {
            business().button_tap(&envelope, &payload, &label)
        })
    }
}

fn service(function: &'static str, client: Client, fixture: &Fixture, clock: &Arc<PatientClock>) -> Service {
    let secrets = Secrets {
        current: secret_set(APP_SECRET),
        previous: None,
    };
    let clock = || Arc::clone(clock) as Arc<dyn Clock>;
    let sink = Sink::Lines { clock: clock(), write };
    Service::new(
        client,
        tables(&fixture.store),
        SecretCache::fixed(secrets),
        clock(),
        Metrics::new(function, sink),
    )
}

pub(crate) fn delivery(change: Change) -> Vec<u8> {
    business().delivery([change])
}

impl Functions {
    /// Meta delivers.
    pub(crate) async fn deliver(&self, body: Vec<u8>) {
        let answer = webhook::handle(&self.webhook, signed(body, APP_SECRET)).await;
        assert_eq!(answer.status(), 200);
    }

    /// The controller asks; the answer, which is no refusal.
    pub(crate) async fn ask(&self, api: Api, method: Method, path: impl Into<String>, body: Value) -> Value {
        let path = path.into();
        let body = match body {
            Value::Null => Body::Empty,
            body => Body::Text(body.to_string()),
        };
        let request: Request = lambda_http::http::Request::builder()
            .method(method)
            .uri(&path)
            .body(body)
            .unwrap();
        // A meter takes its time.
        let mut context = Context::default();
        context.deadline = IN_A_LONG_TIME;
        let request = request.with_lambda_context(context);
        let answer = match api {
            Api::OptIn => opt_in::handle(&self.opt_in, request).await,
            Api::Rights => rights::handle(&self.rights, request).await,
            Api::Campaigns => self.campaigns.handle(request).await,
        };
        let body: Value = serde_json::from_slice(answer.body()).unwrap();
        assert!(answer.status().is_success(), "{path}: {body}");
        body
    }

    pub(crate) async fn post(&self, api: Api, path: impl Into<String>, body: Value) -> Value {
        self.ask(api, Method::POST, path, body).await
    }

    /// Step one of the double opt-in; which contact it is.
    pub(crate) async fn opts_in(&self, ending: usize, key: &str) -> String {
        let answer = self.post(Api::OptIn, "/v1/opt-ins", form(ending, key)).await;
        answer["contact_id"].as_str().unwrap().to_owned()
    }

    /// The stream brings an entry of the outbox.
    pub(crate) async fn stream(&self, id: &OutgoingId) {
        let keys = json!({"pk": {"S": format!("outbox#{id}")}, "sk": {"S": "outbox"}});
        let record = json!({"eventName": "INSERT", "dynamodb": {"Keys": keys, "SequenceNumber": "1"}});
        let answer = self.outbox.handle(&json!({"Records": [record]}), deadline()).await;
        assert_eq!(answer.unwrap(), json!({"batchItemFailures": []}));
    }

    /// Whatever waits goes out, and Meta says so.
    pub(crate) async fn sends_all(&self, world: &World) {
        while self.outbox.sweep(deadline()).await.unwrap().changed() > 0 {}
        for status in world.meta.take_statuses() {
            self.deliver(delivery(status)).await;
        }
    }

    /// Somebody is asked, and says yes.
    pub(crate) async fn agrees(&self, world: &World, ending: usize) -> String {
        let contact = self.opts_in(ending, "form").await;
        self.sends_all(world).await;
        world.later(60);
        self.deliver(world.taps(ending, 0)).await;
        self.sends_all(world).await;
        world.later(60);
        contact
    }
}
