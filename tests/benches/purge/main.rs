//! What the purge costs: storage calls, capacity, time and memory. The cost has to follow what is due and not what is stored, so the
//! same number of contacts is purged from a small ledger and from a large one.
//!
//! The ledger lies in an embedded store in a process of its own, so that its memory is not counted as the purge's. It is filled with
//! copies of two contacts that the ledger itself has written: one who left years ago and is due, and one who left lately.
//!
//! With `-- --small` it takes seconds. It fails if a bound is broken.

#![allow(missing_docs, reason = "nobody reads the documentation of a benchmark")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark fails by panicking"
)]
#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a benchmark tells whoever runs it"
)]

mod meter;
mod report;
mod stored;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use assent::local::EXAMPLE_POLICY;
use assent_tests::{APP_SECRET, BEGINNING, TestClock, secret_set};
use aws_sdk_dynamodb::Client;
use consent::policy::Policy;
use consent::retention::{Counts, Kind, Outcome, RunEnd, RunReport};
use consent::time::{Span, Time};
use ledger::Tables;
use platform::clock::Clock;
use platform::deadline::Deadline;
use platform::metrics::{Metrics, Sink, Tally};
use platform::secrets::{SecretCache, Secrets};
use retention::Retention;
use service::Service;

use meter::{Meter, Spent, peak_memory};
use report::Report;
use stored::{Filling, Order, Stored};

/// When those who are due have left.
const LONG_AGO: Time = Time::from_unix_seconds(BEGINNING);

/// How long after that the purge runs. What was proof of their consent is over by then.
const YEARS_LATER: Span = Span::days(1_275);

/// The time a run of the purge has: as much as an invocation of Lambda can.
const INVOCATION: Duration = Duration::from_secs(900);

const FULL: [Filling; 2] = [filling(100_000, 10_000), filling(1_000_000, 10_000)];

const SMALL: [Filling; 2] = [filling(1_000, 100), filling(10_000, 100)];

const fn filling(contacts: u64, due: u64) -> Filling {
    Filling { contacts, due }
}

/// What a purge did and spent.
#[derive(Debug)]
pub(crate) struct Purged {
    pub(crate) filling: Filling,
    pub(crate) items: u64,
    pub(crate) runs: u64,
    pub(crate) time: Duration,
    pub(crate) spent: Spent,
    pub(crate) peak_memory: Option<u64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(order) = Order::from_arguments(&arguments) {
        stored::serve(order).await;
        return ExitCode::SUCCESS;
    }
    let is_small = arguments.iter().any(|argument| argument == "--small");
    let [small, large] = if is_small { SMALL } else { FULL };
    let report = Report::of(&[measure(small).await, measure(large).await]);
    print!("{report}");
    if report.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Purges a ledger that is filled like that.
async fn measure(filling: Filling) -> Purged {
    let stored = Stored::start(&filling);
    let meter = Meter::default();
    let retention = retention(stored.client(&meter));
    let began = Instant::now();
    let mut counts = Counts::default();
    let mut runs = 0;
    loop {
        runs += 1;
        let report = run(&retention).await;
        counts.merge(&report.counts);
        match report.end {
            RunEnd::Complete => break,
            RunEnd::OutOfTime => {}
            end => panic!("a run of the purge ended as {end:?}"),
        }
    }
    let time = began.elapsed();
    assert_eq!(
        counts.get(Kind::Contact, Outcome::Deleted),
        filling.due,
        "all that was due goes and nothing else: {counts:?}"
    );
    Purged {
        items: counts
            .iter()
            .filter(|(_, outcome, _)| matches!(outcome, Outcome::Deleted | Outcome::Reduced))
            .map(|(_, _, amount)| amount)
            .sum(),
        runs,
        time,
        spent: meter.spent(),
        peak_memory: peak_memory(),
        filling,
    }
}

/// One run of the purge, as it is invoked every hour.
pub(crate) async fn run(retention: &Retention) -> RunReport {
    match retention.handle(Deadline::after(INVOCATION)).await.unwrap() {
        retention::Purged::Run(report) => *report,
        purged => panic!("nobody else purges: {purged:?}"),
    }
}

/// The purge, years later.
pub(crate) fn retention(client: Client) -> Retention {
    let clock = TestClock::default();
    clock.advance(YEARS_LATER.as_seconds());
    let secrets = Secrets {
        current: secret_set(APP_SECRET),
        previous: None,
    };
    Retention::new(Service::new(
        client,
        tables(),
        SecretCache::fixed(secrets),
        Arc::new(clock) as Arc<dyn Clock>,
        Metrics::new("retention", Sink::Tally(Arc::<Tally>::default())),
    ))
}

pub(crate) fn tables() -> Tables {
    Tables {
        ledger: "benchmark-ledger".to_owned(),
        keys: "benchmark-keys".to_owned(),
    }
}

/// The policy, for all that is recorded and purged here.
pub(crate) fn policy() -> Policy {
    Policy::parse(EXAMPLE_POLICY).unwrap()
}
