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

#[allow(dead_code, reason = "other benchmarks use the rest")]
#[path = "../measure/mod.rs"]
mod measure;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use assent_tests::BEGINNING;
use aws_sdk_dynamodb::Client;
use consent::retention::{Counts, Kind, Outcome, Purge, RunEnd, RunReport};
use consent::time::{Span, Time};
use dynoxide::Database;
use platform::deadline::Deadline;
use retention::Retention;
use serde::{Deserialize, Serialize};

use measure::copies::{Template, fill};
use measure::meter::{Meter, Spent, peak_memory};
use measure::people::Person;
use measure::report::{Bound, Report, mebibytes, number};
use measure::stored::{Order, Stored, serve};
use measure::{ledger, policy, service};

/// When those who are due have left.
const LONG_AGO: Time = Time::from_unix_seconds(BEGINNING);

/// How long after that the purge runs. What was proof of their consent is over by then.
const YEARS_LATER: Span = Span::days(1_275);

/// How lately those have left who are not due.
const LATELY: Span = Span::days(60);

/// How long somebody was in who left.
const STAY: Span = Span::days(40);

/// How many write transactions a contact may take, with what the runs themselves write.
const MOST_WRITES: f64 = 1.2;

/// How much memory a purge may take, in MiB.
const MOST_MEMORY: f64 = 64.0;

/// The time a run of the purge has: as much as an invocation of Lambda can.
const INVOCATION: Duration = Duration::from_secs(900);

/// What a ledger is filled with.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Filling {
    contacts: u64,
    due: u64,
}

const FULL: [Filling; 2] = [filling(100_000, 10_000), filling(1_000_000, 10_000)];

const SMALL: [Filling; 2] = [filling(1_000, 100), filling(10_000, 100)];

const fn filling(contacts: u64, due: u64) -> Filling {
    Filling { contacts, due }
}

/// What a purge did and spent.
#[derive(Debug)]
struct Purged {
    filling: Filling,
    items: u64,
    runs: u64,
    time: Duration,
    spent: Spent,
    peak_memory: Option<u64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(order) = Order::from_arguments(&arguments) {
        serve(order, store).await;
        return ExitCode::SUCCESS;
    }
    let is_small = arguments.iter().any(|argument| argument == "--small");
    let [small, large] = if is_small { SMALL } else { FULL };
    let purged = [measure(small).await, measure(large).await];
    let report = report(&purged);
    print!("{report}");
    if report.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Purges a ledger that is filled like that.
async fn measure(filling: Filling) -> Purged {
    let Filling { contacts, due } = filling;
    eprintln!("storing {contacts} contacts, of which {due} are due ...");
    let stored = Stored::start(filling);
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
async fn run(retention: &Retention) -> RunReport {
    match retention.handle(Deadline::after(INVOCATION)).await.unwrap() {
        retention::Purged::Run(report) => *report,
        purged => panic!("nobody else purges: {purged:?}"),
    }
}

/// The purge, years later.
fn retention(client: Client) -> Retention {
    Retention::new(service(client, "retention", YEARS_LATER.as_seconds()))
}

/// Fills a ledger, those who are due evenly among the others.
async fn store(database: &Database, client: &Client, filling: Filling) -> usize {
    let (due, other) = (left(LONG_AGO).await, left(LONG_AGO + YEARS_LATER - LATELY).await);
    ledger(client).publish_policy(&policy(), LONG_AGO).await.unwrap();
    // The first run there ever is goes through everything that is stored, to schedule it by the policy.
    let first = run(&retention(client.clone())).await;
    assert!(first.scheduled_by_policy);
    let every = filling.contacts / filling.due;
    fill(database, filling.contacts, |number| {
        Some(if number % every == 0 { &due } else { &other })
    })
}

/// Somebody who was asked, agreed, and left then.
async fn left(at: Time) -> Template {
    let template = Template::of(async |person: &Person<'_>| {
        let contact = person.is_asked(at - STAY).await;
        let contact = person.agrees(contact.id, at - STAY).await;
        assert!(matches!(contact.purge(person.policy, at), Purge::NotDue(_)));
        let contact = person.leaves(at).await;
        let purged = contact.clone().purge(person.policy, LONG_AGO + YEARS_LATER);
        assert_eq!(matches!(purged, Purge::Remove { .. }), at == LONG_AGO);
        contact
    });
    let template = template.await;
    assert_eq!(template.records.len(), 5, "a contact, its alias and three of evidence");
    template
}

fn report(purged: &[Purged; 2]) -> Report<'_, Purged> {
    let operations: BTreeSet<_> = purged.iter().flat_map(|purged| purged.spent.operations()).collect();
    let mut report = Report::of(purged);
    report.add("contacts stored", Bound::Free, |purged| number(purged.filling.contacts));
    report.add("contacts purged", Bound::Same, |purged| number(purged.filling.due));
    report.add("items deleted or reduced", Bound::Same, |purged| number(purged.items));
    report.add("runs", Bound::Free, |purged| number(purged.runs));
    for (per, amount) in [
        ("contact", (|purged| number(purged.filling.due)) as fn(&Purged) -> f64),
        ("item", |purged| number(purged.items)),
    ] {
        report.add(&format!("calls per {per}"), Bound::Same, |purged| {
            number(purged.spent.calls()) / amount(purged)
        });
        for operation in operations.iter().filter(|_| per == "contact") {
            report.add(&format!("  {operation}"), Bound::Free, |purged| {
                number(purged.spent.of(operation).calls) / amount(purged)
            });
        }
        let most = Bound::Most(MOST_WRITES);
        report.add(&format!("writing calls per {per}"), most, |purged| {
            number(purged.spent.writing_calls()) / amount(purged)
        });
        report.add(&format!("read units per {per}"), Bound::Same, |purged| {
            purged.spent.read_units() / amount(purged)
        });
        report.add(&format!("write units per {per}"), Bound::Same, |purged| {
            purged.spent.write_units() / amount(purged)
        });
        report.add(&format!("{per}s per second"), Bound::Free, |purged| {
            amount(purged) / purged.time.as_secs_f64()
        });
    }
    report.add_if("peak memory so far, MiB", Bound::Most(MOST_MEMORY), |purged| {
        purged.peak_memory.map(mebibytes)
    });
    report
}
