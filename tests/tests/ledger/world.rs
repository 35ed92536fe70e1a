//! The stores, and people who are known in none of them yet.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use assent::store::{Store, StoreKind, create_tables};
use assent_tests::tables;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use consent::contact::Contact;
use consent::event::{Act, Event, Said};
use consent::id::EventId;
use consent::time::Time;
use identity::{Bsuid, Identifiers, PhoneNumber};
use ledger::{Found, Keys, Ledger, Recorded, Subject, Tables, Who};
use tokio::runtime::Runtime;
use tokio::time::Instant;

use crate::deeds::{BEGIN, rules, said};
use crate::wire::Wire;

pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

static WORLDS: LazyLock<Vec<World>> = LazyLock::new(|| RUNTIME.block_on(World::all()));

/// Tests what the ledger does on every store there is.
#[expect(clippy::needless_pass_by_value, reason = "a test is written where it is passed")]
pub(crate) fn on_every_store(test: impl AsyncFn(&World)) {
    for world in &*WORLDS {
        RUNTIME.block_on(test(world));
    }
}

pub(crate) fn embedded() -> &'static World {
    &WORLDS[0]
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) client: Client,
    pub(crate) tables: Arc<Tables>,
    _store: Option<Store>,
}

impl World {
    async fn all() -> Vec<Self> {
        let store = Store::start(StoreKind::Memory).await.unwrap();
        let mut worlds = vec![Self {
            client: store.client(),
            tables: Arc::new(tables(&store)),
            _store: Some(store),
        }];
        if let Some(address) = std::env::var_os("ASSENT_DYNAMODB_LOCAL") {
            let address = platform::settings::HttpUrl::parse(address.to_str().unwrap()).unwrap();
            let client = platform::clients::local(&address);
            let run = u64::from_be_bytes(identity::random_bytes().unwrap());
            let tables = Tables {
                ledger: format!("ledger-{run:x}"),
                keys: format!("keys-{run:x}"),
            };
            create_tables(&client, &tables.ledger, &tables.keys).await.unwrap();
            worlds.push(Self {
                client,
                tables: Arc::new(tables),
                _store: None,
            });
        }
        worlds
    }

    pub(crate) fn ledger(&self) -> Ledger {
        let until = Instant::now() + Duration::from_secs(60);
        Ledger::new(self.client.clone(), Arc::clone(&self.tables), keys(), until)
    }

    /// A ledger whose every request goes over a wire that can be made to fail, and is tried so many times.
    pub(crate) fn ledger_on_a_wire(&self, attempts: u32) -> (Ledger, Wire) {
        self.ledger_on_a_wire_until(attempts, Instant::now() + Duration::from_secs(60))
    }

    pub(crate) fn ledger_on_a_wire_until(&self, attempts: u32, until: Instant) -> (Ledger, Wire) {
        let wire = Wire::new();
        let retries = RetryConfig::standard()
            .with_max_attempts(attempts)
            .with_initial_backoff(Duration::from_millis(1));
        let config = self.client.config().to_builder();
        let client = Client::from_conf(config.http_client(wire.http_client()).retry_config(retries).build());
        (Ledger::new(client, Arc::clone(&self.tables), keys(), until), wire)
    }

    pub(crate) async fn known(&self, who: &Identifiers) -> Subject {
        match self.ledger().find(who).await.unwrap() {
            Found::One(subject) => *subject,
            other => panic!("not one: {other:?}"),
        }
    }

    pub(crate) async fn is_unknown(&self, who: &Identifiers) -> bool {
        matches!(self.ledger().find(who).await.unwrap(), Found::Nobody)
    }

    /// Records a person's events at the given time, on one contact.
    pub(crate) async fn record(&self, who: &Identifiers, events: &[Event], now: Time) -> Recorded {
        let recorded = self
            .ledger()
            .record(&Who::Person(who.clone()), events, &rules(now))
            .await;
        let [recorded] = <[Recorded; 1]>::try_from(recorded.unwrap()).unwrap();
        recorded
    }

    /// A contact who has just written START.
    pub(crate) async fn starter(&self, who: &Identifiers) -> Contact {
        self.record(who, &[says("START")], BEGIN).await.contact.unwrap()
    }

    /// The ids of a contact's records, if none was touched.
    pub(crate) async fn event_ids(&self, subject: &Subject) -> Vec<EventId> {
        let history = self.ledger().history(subject).await.unwrap();
        assert!(history.intact);
        history.entries.iter().map(|entry| entry.evidence.event).collect()
    }
}

pub(crate) fn keys() -> Arc<Keys> {
    static KEYS: LazyLock<Arc<Keys>> = LazyLock::new(|| Arc::new(assent_tests::keys()));
    Arc::clone(&KEYS)
}

/// The digits of nobody's number yet.
pub(crate) fn digits() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(10_000_000);
    NEXT.fetch_add(1, Ordering::SeqCst).to_string()
}

pub(crate) fn phone() -> PhoneNumber {
    PhoneNumber::parse(&format!("+49151{}", digits())).unwrap()
}

pub(crate) fn bsuid() -> Bsuid {
    Bsuid::parse(&format!("DE.7{}", digits())).unwrap()
}

pub(crate) fn somebody() -> Identifiers {
    Identifiers::new(Some(phone()), Some(bsuid())).unwrap()
}

pub(crate) fn event(at: Time, act: Act) -> Event {
    Event {
        id: EventId::from_bytes(identity::random_bytes().unwrap()),
        at,
        act,
        delivery: None,
    }
}

pub(crate) fn says_at(at: Time, text: &str) -> Event {
    let said: Said = said(text);
    event(at, Act::Said(said))
}

/// Something that is said in the beginning.
pub(crate) fn says(text: &str) -> Event {
    says_at(BEGIN, text)
}
