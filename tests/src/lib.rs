//! What the tests that cross packages share: a service on an embedded store whose secrets, clock and metrics the test holds
//! in its hands, and deliveries as Meta sends them.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "only tests call this, and a test fails by panicking"
)]

pub mod by_hand;
pub mod campaigns;
pub mod connector;
pub mod proxy;
pub mod secrets_manager;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use assent::store::{Store, StoreKind};
use aws_sdk_dynamodb::Client;
use axum::Router;
use consent::policy::Policy;
use consent::time::Time;
use lambda_http::{Body, Request};
use ledger::{Keys, Ledger, Tables};
use platform::clock::Clock;
use platform::metrics::{Metrics, Sink, Tally};
use platform::secrets::{SecretCache, SecretSet, Secrets};
use serde_json::{Value, json};
use service::Service;
use tokio::net::TcpListener;
use whatsapp::compose::Business;
use whatsapp::{AppSecret, SIGNATURE_HEADER, sign};

/// Where a [`TestClock`] starts, in seconds since 1970.
pub const BEGINNING: i64 = 1_784_000_000;

/// More time than any test takes.
pub const AMPLE: Duration = Duration::from_secs(60);

/// The secret that deliveries to a [`Fixture`]'s services are signed with.
pub const APP_SECRET: &str = "app-secret";

/// The WhatsApp Business account of [`business`].
pub const WABA: &str = "102290129340398";

/// The phone number id of [`business`].
pub const SENDER: &str = "106540352242922";

/// The phone number of [`business`], as Meta displays it.
pub const NUMBER: &str = "15550783881";

/// A clock that stands until it is put forward.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl Default for TestClock {
    fn default() -> Self {
        Self(AtomicI64::new(BEGINNING))
    }
}

impl TestClock {
    /// Puts the clock forward and returns the new time, in seconds since 1970.
    pub fn advance(&self, seconds: i64) -> i64 {
        self.0.fetch_add(seconds, Ordering::SeqCst) + seconds
    }
}

impl Clock for TestClock {
    fn unix_seconds(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// What the services of one test have in common.
#[derive(Debug)]
pub struct Fixture {
    /// An embedded store that no other test uses.
    pub store: Store,
    /// What time it is for the services.
    pub clock: Arc<TestClock>,
    /// What the services have measured.
    pub tally: Arc<Tally>,
}

impl Fixture {
    /// An empty store, at [`BEGINNING`].
    pub async fn new() -> Self {
        Self {
            store: Store::start(StoreKind::Memory).await.unwrap(),
            clock: Arc::default(),
            tally: Arc::default(),
        }
    }

    /// The same with that policy in force.
    pub async fn under(policy: &str) -> Self {
        let fixture = Self::new().await;
        publish(&fixture.store, policy, fixture.now()).await;
        fixture
    }

    /// The time.
    pub fn now(&self) -> Time {
        Time::from_unix_seconds(self.clock.unix_seconds())
    }

    /// What that function works with.
    pub fn service(&self, function: &'static str) -> Service {
        self.service_over(self.store.client(), function)
    }

    /// The same over a client of the test's own.
    pub fn service_over(&self, client: Client, function: &'static str) -> Service {
        let secrets = Secrets {
            current: secret_set(APP_SECRET),
            previous: None,
        };
        Service::new(
            client,
            tables(&self.store),
            SecretCache::fixed(secrets),
            Arc::clone(&self.clock) as Arc<dyn Clock>,
            Metrics::new(function, Sink::Tally(Arc::clone(&self.tally))),
        )
    }
}

/// Serves on a free port of this machine for as long as the runtime lasts, and says where.
pub async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A secret as Secrets Manager holds it, that differs from every other in nothing but the app secret.
pub fn secret(app_secret: &str) -> Value {
    json!({
        "app_secrets": [app_secret],
        "verify_token": "verify",
        "access_token": "access",
        "pseudonym_key": "11".repeat(32),
        "sealing_key": "22".repeat(32),
        "token_key": "33".repeat(32),
    })
}

/// The same as functions hold it.
pub fn secret_set(app_secret: &str) -> SecretSet {
    SecretSet::parse(&secret(app_secret).to_string()).unwrap()
}

/// The keys of every [`secret_set`], as the ledger takes them.
pub fn keys() -> Keys {
    let secrets = secret_set(APP_SECRET);
    Keys {
        pseudonym: secrets.pseudonym_key,
        sealing: vec![secrets.sealing_key],
    }
}

/// The names of the store's tables.
pub fn tables(store: &Store) -> Tables {
    Tables {
        ledger: store.ledger_table.to_owned(),
        keys: store.key_table.to_owned(),
    }
}

/// The ledger in that store, for a test to look into beside the functions.
pub fn ledger(store: &Store) -> Ledger {
    let until = tokio::time::Instant::now() + AMPLE;
    Ledger::new(store.client(), Arc::new(tables(store)), Arc::new(keys()), until)
}

/// Puts a policy into force. No service begins without one, so this takes a ledger and no service.
pub async fn publish(store: &Store, policy: &str, now: Time) {
    let policy = Policy::parse(policy).unwrap();
    ledger(store).publish_policy(&policy, now).await.unwrap();
}

/// Whom Meta's deliveries are for.
pub fn business() -> Business {
    Business {
        waba: WABA.parse().unwrap(),
        sender: SENDER.parse().unwrap(),
        number: NUMBER.parse().unwrap(),
    }
}

/// Meta's request to the webhook with that body, signed.
pub fn signed(body: Vec<u8>, app_secret: &str) -> Request {
    lambda_http::http::Request::builder()
        .method("POST")
        .uri("/webhook")
        .header(SIGNATURE_HEADER, sign(&body, &AppSecret::new(app_secret).unwrap()))
        .body(Body::Binary(body))
        .unwrap()
}
