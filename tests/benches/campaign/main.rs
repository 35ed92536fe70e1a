//! What a campaign costs: storage calls, capacity, time and memory of a check by the cron and of the gate, and the time of a
//! decision. The memory must not follow the audience's size, and the calls follow it a hundred contacts at a time.
//!
//! The ledger lies in an embedded store in a process of its own, so that neither its memory nor its computing is counted as the
//! check's. Most of the audience are copies of a few contacts that the ledger itself has written; the rest are strangers. Those
//! whom the gate is asked about are the ledger's own, since the gate reads their evidence.
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

mod audience;
#[allow(dead_code, reason = "other benchmarks use the rest")]
#[path = "../measure/mod.rs"]
mod measure;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use assent_tests::BEGINNING;
use assent_tests::campaigns::good_health;
use aws_sdk_dynamodb::Client;
use campaign_check::{CampaignCheck, Round};
use consent::campaign::{Circumstances, Listing, PART_SIZE, Proof, Recipient, Usage, decide};
use consent::contact::Contact;
use consent::time::Time;
use consent::token::TokenKey;
use ledger::{Found, GATE_SIZE, Gated, Ledger, RecipientId};
use platform::deadline::Deadline;
use whatsapp::graph::Graph;

use audience::{Filling, campaign, gated, plan, store};
use measure::meter::{Meter, Spent, cpu_time, peak_memory};
use measure::report::{Bound, Report, mebibytes, number};
use measure::stored::{Order, Stored, serve};
use measure::{ledger, policy, service};

/// When everything is stored, and everyone has agreed.
const STORED_AT: Time = Time::from_unix_seconds(BEGINNING);

/// How long after that the campaign starts: at noon, when nobody is to be left alone.
const UNTIL_NOON: i64 = 23_200;

const NOON: Time = Time::from_unix_seconds(BEGINNING + UNTIL_NOON);

/// The time a run of the check has: as much as an invocation of Lambda can.
const INVOCATION: Duration = Duration::from_secs(900);

/// How many calls a check may take for every hundred recipients ...
const MOST_CALLS_PER_HUNDRED: f64 = 1.02;

/// ... and how many more for each part, to claim it, read who is on it, and keep what it came to ...
const MOST_CALLS_PER_PART: f64 = 4.0;

/// ... and how many for the run as a whole, whatever it checks.
const MOST_CALLS_PER_RUN: f64 = 10.0;

/// How many times the gate may wait for the store, beside the transactions of the recipients.
const MOST_ROUND_TRIPS: f64 = 3.0;

/// How much memory a check may take, in MiB.
const MOST_MEMORY: f64 = 128.0;

/// How many transactions the gate may take for a recipient: one each, and one for the campaign that begins to send.
const MOST_TRANSACTIONS: f64 = 1.02;

/// How often something is done to learn how long it takes.
const TIMED: u32 = 100_000;

const TICKET_KEY: TokenKey = TokenKey::from_bytes([3; 32]);

const FULL: [Filling; 2] = [filling(100_000, 2_500), filling(1_000_000, 2_500)];

const SMALL: [Filling; 2] = [filling(20_000, 50), filling(40_000, 50)];

const fn filling(recipients: u64, gated: u64) -> Filling {
    Filling { recipients, gated }
}

/// What was done for a campaign, and spent.
#[derive(Debug)]
struct Measured {
    filling: Filling,
    check: Spent,
    check_time: Duration,
    /// How long the check and the store have been computing.
    check_cpu: Option<Duration>,
    store_cpu: Option<Duration>,
    memory: Option<u64>,
    gate: Spent,
    gate_time: Duration,
    decision: Duration,
    reading: Duration,
}

impl Measured {
    fn recipients(&self) -> f64 {
        number(self.filling.recipients)
    }

    fn parts(&self) -> u64 {
        self.filling.recipients.div_ceil(u64::try_from(PART_SIZE).unwrap())
    }

    fn batches(&self) -> f64 {
        number(self.filling.gated.div_ceil(u64::try_from(GATE_SIZE).unwrap()))
    }

    /// The check's calls as a share of those that it may take.
    fn share_of_calls(&self) -> f64 {
        let of_recipients = MOST_CALLS_PER_HUNDRED * self.recipients() / 100.0;
        let of_parts = MOST_CALLS_PER_PART * number(self.parts());
        number(self.check.calls()) / (of_recipients + of_parts + MOST_CALLS_PER_RUN)
    }
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
    let measured = [measure(small).await, measure(large).await];
    let report = report(&measured);
    print!("{report}");
    if report.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn measure(filling: Filling) -> Measured {
    eprintln!("storing an audience of {} ...", filling.recipients);
    let stored = Stored::start(filling);
    let meter = Meter::default();
    let times = || (Instant::now(), cpu_time("self"), stored.cpu_time());
    let (began, own_before, stores_before) = times();
    check(stored.client(&meter)).await;
    let (ended, own_after, stores_after) = times();
    let memory = peak_memory();

    let unmetered = ledger(&stored.client(&Meter::default()));
    let checked = unmetered.campaign(&campaign()).await.unwrap().unwrap();
    filling.assert_counted(&checked.campaign.verdict.unwrap().tally);
    let Found::One(somebody) = unmetered.find(&gated(0)).await.unwrap() else {
        panic!("whom the gate is asked about is one contact");
    };

    let meter_of_gate = Meter::default();
    let began_to_ask = Instant::now();
    ask_the_gate(&ledger(&stored.client(&meter_of_gate)), filling.gated).await;
    Measured {
        filling,
        check: meter.spent(),
        check_time: ended - began,
        check_cpu: own_after.zip(own_before).map(|(after, before)| after - before),
        store_cpu: stores_after.zip(stores_before).map(|(after, before)| after - before),
        memory,
        gate_time: began_to_ask.elapsed(),
        gate: meter_of_gate.spent(),
        decision: time_of_a_decision(&somebody.contact),
        reading: time_of_reading(&somebody.contact),
    }
}

/// A run of the check, as it is invoked every quarter of an hour.
async fn check(client: Client) {
    // What Meta says of the account is known, so it is not asked.
    let graph = Graph::new("http://127.0.0.1:9").unwrap();
    let check = CampaignCheck::new(service(client, "campaign-check", UNTIL_NOON), graph);
    let round = check.handle(Deadline::after(INVOCATION)).await.unwrap();
    let one_is_checked = Round {
        checked: 1,
        ..Round::default()
    };
    assert_eq!(round, one_is_checked, "the campaign is checked to its end");
}

/// Lets the message go to everyone who is the ledger's own, so many at a time as the gate takes.
async fn ask_the_gate(ledger: &Ledger, count: u64) {
    let policy = policy();
    let who: Vec<_> = (0..count)
        .map(|number| Some(RecipientId::Person(gated(number))))
        .collect();
    for who in who.chunks(GATE_SIZE) {
        let gated = ledger.gate(&campaign(), who, &policy, &TICKET_KEY, NOON).await;
        let Gated::Answered(answers) = gated else {
            panic!("the campaign sends: {gated:?}");
        };
        assert!(answers.iter().all(|answer| answer.ticket.is_some()), "{answers:?}");
    }
}

/// How long the engine takes for somebody who may get the message: it looks at everything.
fn time_of_a_decision(contact: &Contact) -> Duration {
    let (policy, plan, health) = (policy(), plan(), good_health(NOON));
    let campaign = campaign();
    let circumstances = Circumstances {
        listing: Listing::First,
        proof: Some(Proof::Registers),
        countries: &["DE".parse().unwrap()],
        health: Some(&health),
        usage: Some(Usage {
            people: 0,
            frees_at: NOON,
        }),
    };
    let message = plan.message(&campaign, NOON);
    time_of_each(|| {
        let decision = decide(
            Recipient::Known(black_box(contact)),
            &plan.purpose,
            &message,
            &circumstances,
            &policy,
            NOON,
        );
        assert!(decision.is_allowed());
    })
}

/// How long it takes beside that to read the contact from what is stored.
fn time_of_reading(contact: &Contact) -> Duration {
    let text = serde_json::to_string(contact).unwrap();
    time_of_each(|| {
        let contact: Contact = serde_json::from_str(black_box(&text)).unwrap();
        black_box(contact);
    })
}

fn time_of_each(action: impl Fn()) -> Duration {
    let began = Instant::now();
    for _ in 0..TIMED {
        action();
    }
    began.elapsed() / TIMED
}

fn report(measured: &[Measured; 2]) -> Report<'_, Measured> {
    let mut report = Report::of(measured);
    report.add("recipients", Bound::Free, Measured::recipients);
    report.add("parts", Bound::Free, |measured| number(measured.parts()));
    for operation in [
        "BatchGetItem",
        "Query",
        "GetItem",
        "UpdateItem",
        "PutItem",
        "TransactWriteItems",
    ] {
        report.add(&format!("check: {operation}"), Bound::Free, |measured| {
            number(measured.check.of(operation).calls)
        });
    }
    report.add(
        "check: share of calls allowed",
        Bound::Most(1.0),
        Measured::share_of_calls,
    );
    report.add("check: read units per 100", Bound::Same, |measured| {
        100.0 * measured.check.read_units() / measured.recipients()
    });
    report.add("check: recipients per second", Bound::Free, |measured| {
        measured.recipients() / measured.check_time.as_secs_f64()
    });
    report.add_if("  per second of its own computing", Bound::Free, |measured| {
        Some(measured.recipients() / measured.check_cpu?.as_secs_f64())
    });
    report.add_if("  per second of the store's", Bound::Free, |measured| {
        Some(measured.recipients() / measured.store_cpu?.as_secs_f64())
    });
    report.add_if("check: peak memory so far, MiB", Bound::Most(MOST_MEMORY), |measured| {
        measured.memory.map(mebibytes)
    });
    report.add("gate: recipients", Bound::Free, |measured| {
        number(measured.filling.gated)
    });
    report.add(
        "gate: reads per batch of 25",
        Bound::Most(MOST_ROUND_TRIPS),
        |measured| number(measured.gate.calls() - measured.gate.writing_calls()) / measured.batches(),
    );
    report.add(
        "gate: transactions per recipient",
        Bound::Most(MOST_TRANSACTIONS),
        |measured| number(measured.gate.of("TransactWriteItems").calls) / number(measured.filling.gated),
    );
    report.add("gate: other writes per batch", Bound::Most(1.0), |measured| {
        number(measured.gate.of("UpdateItem").calls) / measured.batches()
    });
    report.add("gate: recipients per second", Bound::Free, |measured| {
        number(measured.filling.gated) / measured.gate_time.as_secs_f64()
    });
    report.add("decision, ns", Bound::Free, |measured| nanoseconds(measured.decision));
    report.add("reading a contact, ns", Bound::Free, |measured| {
        nanoseconds(measured.reading)
    });
    report
}

fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}
