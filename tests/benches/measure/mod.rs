//! What the benchmarks of the ledger have in common: a ledger of any size in a process of its own, what is spent on it, and a
//! report that holds a small ledger and a large one side by side, against what may be spent.

pub(crate) mod apart;
pub(crate) mod copies;
pub(crate) mod meter;
pub(crate) mod people;
pub(crate) mod report;
pub(crate) mod stored;

use std::sync::Arc;

use assent::local::EXAMPLE_POLICY;
use assent_tests::{APP_SECRET, TestClock, secret_set};
use aws_sdk_dynamodb::Client;
use consent::policy::Policy;
use ledger::{Ledger, Tables};
use platform::clock::Clock;
use platform::metrics::{Metrics, Sink, Tally};
use platform::secrets::{SecretCache, Secrets};
use service::Service;

pub(crate) fn tables() -> Tables {
    Tables {
        ledger: "benchmark-ledger".to_owned(),
        keys: "benchmark-keys".to_owned(),
    }
}

/// The policy, for all that is recorded here.
pub(crate) fn policy() -> Policy {
    Policy::parse(EXAMPLE_POLICY).unwrap()
}

pub(crate) fn ledger(client: &Client) -> Ledger {
    let until = tokio::time::Instant::now() + assent_tests::AMPLE;
    Ledger::new(client.clone(), tables().into(), assent_tests::keys().into(), until)
}

/// What a function works with, so many seconds after the beginning.
pub(crate) fn service(client: Client, function: &'static str, seconds: i64) -> Service {
    let clock = TestClock::default();
    clock.advance(seconds);
    let secrets = Secrets {
        current: secret_set(APP_SECRET),
        previous: None,
    };
    Service::new(
        client,
        tables(),
        SecretCache::fixed(secrets),
        Arc::new(clock) as Arc<dyn Clock>,
        Metrics::new(function, Sink::Tally(Arc::<Tally>::default())),
    )
}
