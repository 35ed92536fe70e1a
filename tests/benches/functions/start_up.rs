//! How programs start: from exec to the first request for work, and on to the first answer.
//!
//! Each is started once in every round, so that whatever else the machine does meets all of them alike, and is held against the bare
//! handler of the same round. Every round has an order of its own: who comes after whom decides what is left in the processor's caches.
//! What counts is the processor's time.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use serde_json::Value;

use crate::environment::{Concurrency, Environment, Spent};
use crate::events::{self, Events};
use crate::process;
use crate::programs::{Program, Programs};
use crate::report::{Report, Table, median};
use crate::stand_ins::{Form, StandIns};

/// The goals: the processor's time to the first request for work, in those of the bare handler.
fn most_to_poll(form: Form) -> f64 {
    match form {
        Form::Http => 2.0,
        Form::Tls => 4.0,
    }
}

/// The processor's time to the first delivery that is answered, over TLS and with secret and policy loaded, in milliseconds.
const MOST_TO_DELIVERY: f64 = 12.0;

/// How much more of the processor's time the same takes in another language, at least.
const LEAST_OF_PEERS: f64 = 10.0;

/// What an executable may have, in megabytes.
const MOST_SIZE: f64 = 7.0;

/// What a function may have in memory until its first answer, in mebibytes.
const MOST_RESIDENT: f64 = 16.0;

/// The first thing that a program is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    /// A delivery that concerns nobody's consent.
    Neutral,
    /// The delivery of a STOP.
    Stop,
    /// What a function that takes no deliveries is there for.
    Other,
}

impl First {
    fn name(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Stop => "STOP",
            Self::Other => "",
        }
    }

    fn event(self, program: &Program, events: &mut Events) -> Value {
        match self {
            Self::Neutral => events.neutral(),
            Self::Stop => events.stop(),
            Self::Other => events::first(program.name),
        }
    }
}

/// A program that is started in one way, and what its starts took, round by round.
struct Row<'a> {
    program: &'a Program,
    form: Form,
    first: First,
    starts: Vec<Start>,
}

struct Start {
    poll: Spent,
    answer: Spent,
    /// In KiB.
    resident: u64,
}

/// Starts all programs so many times.
pub(crate) async fn measure(
    rounds: usize,
    programs: &Programs,
    peers: &[Program],
    stand_ins: &StandIns,
    events: &mut Events,
    report: &mut Report,
) {
    let mut rows = rows(programs, peers);
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds} of starts ...");
        for index in order(round, rows.len()) {
            rows[index].start(stand_ins, events).await;
        }
    }
    let (bare, rows) = rows.split_first().unwrap();
    let mut table = Table::new(&[
        "program",
        "over",
        "first",
        "MB",
        "poll CPU ms",
        "× bare",
        "poll ms",
        "answer CPU ms",
        "× bare",
        "answer ms",
        "MiB",
    ]);
    for row in std::iter::once(bare).chain(rows) {
        table.row(row.cells(bare));
    }
    println!("{table}");
    let (of_peers, ours): (Vec<_>, Vec<_>) = rows.iter().partition(|row| peers.contains(row.program));
    bound(&ours, bare, report);
    hold_against(&of_peers, &ours, report);
}

/// The order of a round: the same in every run, and as good as shuffled.
fn order(round: usize, length: usize) -> Vec<usize> {
    let mut order: Vec<_> = (0..length).collect();
    order.sort_by_cached_key(|index| {
        let mut hasher = DefaultHasher::new();
        (round, index).hash(&mut hasher);
        hasher.finish()
    });
    order
}

/// Holds the worst of the functions against each goal.
fn bound(ours: &[&Row<'_>], bare: &Row<'_>, report: &mut Report) {
    for form in Form::BOTH {
        let over: Vec<_> = ours.iter().filter(|row| row.form == form).collect();
        let (row, ratio) = greatest(&over, |row| row.ratio(bare, to_poll));
        report.at_most(
            format!("first poll of {}", row.name()),
            ratio,
            most_to_poll(form),
            "× bare",
        );
    }
    let deliveries: Vec<_> = ours
        .iter()
        .filter(|row| row.form == Form::Tls && row.first != First::Other)
        .collect();
    let (row, time) = greatest(&deliveries, |row| row.median(to_answer));
    report.time_at_most(
        format!("first answer of {}", row.name()),
        time,
        MOST_TO_DELIVERY,
        "ms CPU",
    );
    let all: Vec<_> = ours.iter().collect();
    let (row, size) = greatest(&all, |row| row.megabytes().unwrap());
    report.at_most(format!("size of {}", row.program.name), size, MOST_SIZE, "MB");
    let (row, resident) = greatest(&all, |row| row.resident());
    report.at_most(format!("memory of {}", row.name()), resident, MOST_RESIDENT, "MiB");
}

/// Holds each peer against the webhook that was reached in the same way and asked for the same.
fn hold_against(peers: &[&Row<'_>], ours: &[&Row<'_>], report: &mut Report) {
    for peer in peers {
        let is_same =
            |row: &&&Row<'_>| row.program.name == "webhook" && row.form == peer.form && row.first == peer.first;
        let webhook = ours.iter().find(is_same).unwrap();
        let ratio = peer.ratio(webhook, to_answer);
        report.at_least(
            format!("first answer of {}", peer.name()),
            ratio,
            LEAST_OF_PEERS,
            "× ours",
        );
    }
}

fn greatest<'a, 'b>(rows: &[&&'a Row<'b>], of: impl Fn(&Row<'_>) -> f64) -> (&'a Row<'b>, f64) {
    let with_values = rows.iter().map(|row| (**row, of(row)));
    with_values.max_by(|one, other| one.1.total_cmp(&other.1)).unwrap()
}

/// The bare handler first.
fn rows<'a>(programs: &'a Programs, peers: &'a [Program]) -> Vec<Row<'a>> {
    let mut rows = vec![Row::new(&programs.bare, Form::Http, First::Neutral)];
    for form in Form::BOTH {
        for program in programs.functions() {
            if program.name == "webhook" {
                rows.push(Row::new(program, form, First::Neutral));
                rows.push(Row::new(program, form, First::Stop));
            } else {
                rows.push(Row::new(program, form, First::Other));
            }
        }
        for program in peers {
            rows.push(Row::new(program, form, First::Neutral));
            rows.push(Row::new(program, form, First::Stop));
        }
    }
    rows
}

impl<'a> Row<'a> {
    fn new(program: &'a Program, form: Form, first: First) -> Self {
        Self {
            program,
            form,
            first,
            starts: vec![],
        }
    }

    async fn start(&mut self, stand_ins: &StandIns, events: &mut Events) {
        let event = self.first.event(self.program, events);
        let mut environment = Environment::start(self.program, self.form, Concurrency::One, stand_ins).await;
        environment.first_poll().await;
        let poll = environment.spent();
        let answer = environment.answer(event).await;
        let start = Start {
            poll,
            answer: environment.spent(),
            resident: process::peak_resident(environment.process()),
        };
        let is_failure = answer["statusCode"].as_u64().is_some_and(|status| status >= 500);
        assert!(!is_failure, "{}: {answer}", self.name());
        self.starts.push(start);
    }

    fn name(&self) -> String {
        let name = format!("{} over {}", self.program.name, self.form.name());
        match self.first {
            First::Other => name,
            First::Neutral | First::Stop => format!("{name}, {}", self.first.name()),
        }
    }

    fn median(&self, of: impl Fn(&Start) -> Duration) -> f64 {
        median(self.starts.iter().map(|start| milliseconds(of(start))))
    }

    /// How many times that of the other's, round by round.
    fn ratio(&self, other: &Self, of: impl Fn(&Start) -> Duration) -> f64 {
        let rounds = self.starts.iter().zip(&other.starts);
        median(rounds.map(|(start, other)| of(start).div_duration_f64(of(other))))
    }

    fn resident(&self) -> f64 {
        let most = self.starts.iter().map(|start| start.resident).max().unwrap();
        f64::from(u32::try_from(most).unwrap()) / 1_024.0
    }

    fn megabytes(&self) -> Option<f64> {
        let bytes = u32::try_from(self.program.size?).unwrap();
        Some(f64::from(bytes) / 1e6)
    }

    fn cells(&self, bare: &Self) -> [String; 11] {
        [
            self.program.name.to_owned(),
            self.form.name().to_owned(),
            self.first.name().to_owned(),
            self.megabytes().map_or_else(String::new, |size| format!("{size:.2}")),
            format!("{:.2}", self.median(to_poll)),
            format!("{:.1}", self.ratio(bare, to_poll)),
            format!("{:.1}", self.median(|start| start.poll.time)),
            format!("{:.2}", self.median(to_answer)),
            format!("{:.1}", self.ratio(bare, to_answer)),
            format!("{:.1}", self.median(|start| start.answer.time)),
            format!("{:.1}", self.resident()),
        ]
    }
}

fn to_poll(start: &Start) -> Duration {
    start.poll.processor
}

fn to_answer(start: &Start) -> Duration {
    start.answer.processor
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
