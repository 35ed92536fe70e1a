//! How programs start: from exec to the first call of another service, to the first request for work, and on to the first answer.
//!
//! The functions load the secret and the policy before they ask for work, because at Lambda the processor is whole until then and a
//! fraction afterwards. What their clients cost shows where the first call goes out; what the calls themselves cost, where they ask for work.
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
use crate::stand_ins::{Form, Silent, StandIns};

/// The goals: the processor's time until all is built and until work is asked for, in those of the bare handler until it asks for work.
fn most_to_poll(form: Form) -> f64 {
    match form {
        Form::Http => 2.0,
        Form::Tls => 4.0,
    }
}

/// What it takes at most until the first call goes out.
fn reached_to_call(form: Form) -> f64 {
    match form {
        Form::Http => 3.5,
        Form::Tls => 4.0,
    }
}

/// What it takes at most until work is asked for: secret and policy are loaded in addition.
fn reached_to_poll(form: Form) -> f64 {
    match form {
        Form::Http => 6.0,
        Form::Tls => 8.0,
    }
}

/// The goal for the processor's time to the first delivery that is answered, over TLS and with secret and policy loaded, in milliseconds,
/// and what it takes at most on a machine that has a slow day.
const MOST_TO_DELIVERY: f64 = 12.0;
const REACHED_TO_DELIVERY: f64 = 18.0;

/// How much more of the processor's time the same takes in another language, at least.
const LEAST_OF_PEERS: f64 = 10.0;

/// The goal for what an executable has, in megabytes, and what the greatest has at most: the function for demands has more to do than
/// any other, and pages to draw.
const MOST_SIZE: f64 = 7.0;
const REACHED_SIZE: f64 = 8.5;

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
    /// Not the bare handler, nor a peer.
    is_function: bool,
    form: Form,
    first: First,
    starts: Vec<Start>,
}

struct Start {
    /// Until a function calls another service for the first time.
    call: Option<Spent>,
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
        "call CPU ms",
        "× bare",
        "call faults",
        "poll CPU ms",
        "× bare",
        "poll faults",
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
    let (ours, of_peers): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.is_function);
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
        let (row, ratio) = greatest(&over, |row| row.ratio_to_poll(bare, to_call));
        report.time_kept_below(
            format!("first call of {}", row.name()),
            ratio,
            most_to_poll(form),
            reached_to_call(form),
            "× bare",
        );
        let (row, ratio) = greatest(&over, |row| row.ratio_to_poll(bare, to_poll));
        report.time_kept_below(
            format!("first poll of {}", row.name()),
            ratio,
            most_to_poll(form),
            reached_to_poll(form),
            "× bare",
        );
    }
    let deliveries: Vec<_> = ours
        .iter()
        .filter(|row| row.form == Form::Tls && row.first != First::Other)
        .collect();
    let (row, time) = greatest(&deliveries, |row| row.median(to_answer));
    report.time_kept_below(
        format!("first answer of {}", row.name()),
        time,
        MOST_TO_DELIVERY,
        REACHED_TO_DELIVERY,
        "ms CPU",
    );
    let all: Vec<_> = ours.iter().collect();
    let (row, size) = greatest(&all, |row| row.megabytes().unwrap());
    report.kept_below(
        format!("size of {}", row.program.name),
        size,
        MOST_SIZE,
        REACHED_SIZE,
        "MB",
    );
    let (row, resident) = greatest(&all, |row| row.resident());
    report.at_most(format!("memory of {}", row.name()), resident, MOST_RESIDENT, "MiB");
}

/// Holds each peer against the webhook that was reached in the same way and asked for the same.
fn hold_against(peers: &[&Row<'_>], ours: &[&Row<'_>], report: &mut Report) {
    for peer in peers {
        let is_same =
            |row: &&&Row<'_>| row.program.name == "webhook" && row.form == peer.form && row.first == peer.first;
        let webhook = ours.iter().find(is_same).unwrap();
        let ratio = peer.ratio(to_answer, webhook, to_answer);
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
    let row = |program, is_function, form, first| Row {
        program,
        is_function,
        form,
        first,
        starts: vec![],
    };
    let mut rows = vec![row(&programs.bare, false, Form::Http, First::Neutral)];
    for form in Form::BOTH {
        for program in programs.functions() {
            if program.name == "webhook" {
                rows.push(row(program, true, form, First::Neutral));
                rows.push(row(program, true, form, First::Stop));
            } else {
                rows.push(row(program, true, form, First::Other));
            }
        }
        for program in peers {
            rows.push(row(program, false, form, First::Neutral));
            rows.push(row(program, false, form, First::Stop));
        }
    }
    rows
}

impl Row<'_> {
    async fn start(&mut self, stand_ins: &StandIns, events: &mut Events) {
        let call = if self.is_function {
            Some(self.first_call(stand_ins).await)
        } else {
            None
        };
        let event = self.first.event(self.program, events);
        let settings = stand_ins.settings(self.form);
        let mut environment = Environment::start(self.program, Concurrency::One, settings).await;
        environment.first_poll().await;
        let poll = environment.spent();
        let answer = environment.answer(event).await;
        let start = Start {
            call,
            poll,
            answer: environment.spent(),
            resident: process::peak_resident(environment.process()),
        };
        let is_failure = answer["statusCode"].as_u64().is_some_and(|status| status >= 500);
        assert!(!is_failure, "{}: {answer}", self.name());
        self.starts.push(start);
    }

    /// Starts it where nobody tells it the secret, so that it gets no further than its first call.
    async fn first_call(&self, stand_ins: &StandIns) -> Spent {
        let silent = Silent::listening().await;
        let settings = stand_ins.settings_without_secret(self.form, &silent);
        let environment = Environment::start(self.program, Concurrency::One, settings).await;
        let _caller = silent.called().await;
        environment.spent()
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
    fn ratio(&self, of: impl Fn(&Start) -> Duration, other: &Self, of_other: impl Fn(&Start) -> Duration) -> f64 {
        let rounds = self.starts.iter().zip(&other.starts);
        median(rounds.map(|(start, other)| of(start).div_duration_f64(of_other(other))))
    }

    fn ratio_to_poll(&self, bare: &Self, of: impl Fn(&Start) -> Duration) -> f64 {
        self.ratio(of, bare, to_poll)
    }

    fn faults(&self, until: impl Fn(&Start) -> Spent) -> f64 {
        let faults = self.starts.iter().map(|start| until(start).page_faults);
        median(faults.map(|faults| f64::from(u32::try_from(faults).unwrap())))
    }

    fn resident(&self) -> f64 {
        let most = self.starts.iter().map(|start| start.resident).max().unwrap();
        f64::from(u32::try_from(most).unwrap()) / 1_024.0
    }

    fn megabytes(&self) -> Option<f64> {
        let bytes = u32::try_from(self.program.size?).unwrap();
        Some(f64::from(bytes) / 1e6)
    }

    fn cells(&self, bare: &Self) -> [String; 15] {
        let of_functions = |cell: &dyn Fn() -> String| if self.is_function { cell() } else { String::new() };
        [
            self.program.name.to_owned(),
            self.form.name().to_owned(),
            self.first.name().to_owned(),
            self.megabytes().map_or_else(String::new, |size| format!("{size:.2}")),
            of_functions(&|| format!("{:.2}", self.median(to_call))),
            of_functions(&|| format!("{:.1}", self.ratio_to_poll(bare, to_call))),
            of_functions(&|| format!("{:.0}", self.faults(|start| start.call.unwrap()))),
            format!("{:.2}", self.median(to_poll)),
            format!("{:.1}", self.ratio_to_poll(bare, to_poll)),
            format!("{:.0}", self.faults(|start| start.poll)),
            format!("{:.1}", self.median(|start| start.poll.time)),
            format!("{:.2}", self.median(to_answer)),
            format!("{:.1}", self.ratio(to_answer, bare, to_answer)),
            format!("{:.1}", self.median(|start| start.answer.time)),
            format!("{:.1}", self.resident()),
        ]
    }
}

fn to_call(start: &Start) -> Duration {
    start.call.unwrap().processor
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
