//! What a month costs, for so many messages of campaigns.

use std::fmt::Write;

use crate::kind::{AT_THE_GATE, GROUPS, Kind, MANY, PART};
use crate::play::Played;

/// List prices of us-east-1 in November 2026, in dollars.
mod price {
    /// A million requests to Lambda.
    pub(super) const REQUESTS: f64 = 0.20;
    /// A thousand GB-seconds on arm64.
    pub(super) const GB_SECONDS: f64 = 0.013_333_4;
    /// A million requests to an HTTP API.
    pub(super) const HTTP: f64 = 1.00;
    /// A million write request units.
    pub(super) const WRITES: f64 = 0.625;
    /// A million read request units.
    pub(super) const READS: f64 = 0.125;
    /// A GB of a table, a month.
    pub(super) const TABLE: f64 = 0.25;
    /// The same, so that it can be restored to any second.
    pub(super) const RECOVERY: f64 = 0.20;
    /// A GB of logs taken in, and searched for what is personal.
    pub(super) const LOGS: f64 = 0.50 + 0.12;
    /// A GB of logs, a month.
    pub(super) const LOGS_KEPT: f64 = 0.03;
    /// A metric, a month.
    pub(super) const METRIC: f64 = 0.30;
    /// An alarm, a month.
    pub(super) const ALARM: f64 = 0.10;
    /// The key, a month.
    pub(super) const KEY: f64 = 1.00;
    /// Ten thousand requests to the key.
    pub(super) const KEY_REQUESTS: f64 = 0.03;
    /// The secret, a month.
    pub(super) const SECRET: f64 = 0.40;
    /// Ten thousand requests for the secret.
    pub(super) const SECRET_REQUESTS: f64 = 0.05;
}

const TEMPLATE: &str = include_str!("../../../template.yaml");
/// Of so many invocations one starts a function.
const INVOCATIONS_PER_START: f64 = 100.0;
/// What a start is billed for, in milliseconds.
const START: f64 = 150.0;
/// So many environments are never idle.
const ENVIRONMENTS: f64 = 20.0;
const MINUTES: f64 = 30.0 * 24.0 * 60.0;
/// A line of the API's access log, in bytes.
const ACCESS_LOG: f64 = 180.0;
/// How many messages a contact gets in a month.
const MESSAGES_PER_CONTACT: f64 = 4.0;
/// How many of the functions' metrics have something to say in every hour.
const METRICS: f64 = 30.0;
const GB: f64 = 1_000_000_000.0;

/// Through what an event comes.
#[derive(Clone, Copy, PartialEq)]
enum Through {
    Http,
    /// The table's stream, or a schedule.
    Lambda,
}

/// How often something happens.
struct Flow {
    kind: Kind,
    /// For each message, or of what has no message in a month.
    often: f64,
    through: Through,
    /// How long the function is billed for, in milliseconds.
    billed: f64,
}

const fn flow(kind: Kind, often: f64, through: Through, billed: f64) -> Flow {
    Flow {
        kind,
        often,
        through,
        billed,
    }
}

/// What one message of a campaign brings with it. Meta delivers each status by itself; of a hundred people two are new, three fail to
/// be reached, seventy read, five answer something and one in three hundred says STOP. Of those who are asked, sixty of a hundred agree.
/// As many contacts leave as come.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
const FLOWS: [Flow; 21] = [
    flow(Kind::Audience, 1.0 / PART as f64, Through::Http, 500.0),
    // A day before it, an hour before it, and at its start.
    flow(Kind::Check, 3.0 / MANY as f64, Through::Lambda, 100.0),
    flow(Kind::Gate, 1.0 / AT_THE_GATE as f64, Through::Http, 60.0),
    flow(Kind::SendSent, 1.0, Through::Http, 20.0),
    flow(Kind::SendDelivered, 0.97, Through::Http, 20.0),
    flow(Kind::SendRead, 0.7, Through::Http, 2.0),
    flow(Kind::SendFailed, 0.03, Through::Http, 20.0),
    flow(Kind::Neutral, 0.05, Through::Http, 2.0),
    flow(Kind::StopOfContact, 0.003, Through::Http, 25.0),
    flow(Kind::Answering, 0.015, Through::Lambda, 300.0),
    flow(Kind::OptInOfStranger, 0.02, Through::Http, 25.0),
    flow(Kind::Prompting, 0.02, Through::Lambda, 300.0),
    flow(Kind::PromptSent, 0.02, Through::Http, 10.0),
    flow(Kind::PromptDelivered, 0.02, Through::Http, 25.0),
    flow(Kind::PromptRead, 0.014, Through::Http, 25.0),
    flow(Kind::Confirm, 0.012, Through::Http, 25.0),
    flow(Kind::Decline, 0.001, Through::Http, 25.0),
    flow(Kind::LookUp, 0.01, Through::Http, 10.0),
    flow(Kind::PurgeOfUnanswered, 0.01, Through::Lambda, 50.0),
    flow(Kind::PurgeOfStopped, 0.01, Through::Lambda, 50.0),
    flow(Kind::PurgeOfMessages, 0.01, Through::Lambda, 50.0),
];

/// What happens in a month in any case.
const SCHEDULES: [Flow; 3] = [
    flow(Kind::SweepOfNothing, MINUTES / 5.0, Through::Lambda, 20.0),
    flow(Kind::CheckOfNothing, MINUTES / 15.0, Through::Lambda, 20.0),
    flow(Kind::PurgeOfNothing, MINUTES / 60.0, Through::Lambda, 200.0),
];

/// Of what there is so much.
#[derive(Default, Clone, Copy)]
struct Usage {
    invocations: f64,
    requests: f64,
    /// In seconds.
    billed: f64,
    reads: f64,
    writes: f64,
    /// In bytes.
    logged: f64,
}

fn usage(flows: &[Flow], played: &Played) -> Usage {
    let mut usage = Usage::default();
    for Flow {
        kind,
        often,
        through,
        billed,
    } in flows
    {
        let (reads, writes, logged) = consumed(*kind, played);
        let access = if *through == Through::Http { ACCESS_LOG } else { 0.0 };
        usage.invocations += often;
        usage.requests += if *through == Through::Http { *often } else { 0.0 };
        usage.billed += often * (billed + START / INVOCATIONS_PER_START) / 1_000.0;
        usage.reads += often * reads;
        usage.writes += often * writes;
        usage.logged += often * (logged + access);
    }
    usage
}

/// What an event consumes. Of a run of the purge that is what it consumes more than one that finds nothing.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn consumed(kind: Kind, played: &Played) -> (f64, f64, f64) {
    let of = |kind| {
        let measured = &played.measured[&kind];
        (measured.units.reads(), measured.units.writes(), measured.logged as f64)
    };
    let (reads, writes, logged) = of(kind);
    if !is_purge(kind) {
        return (reads, writes, logged);
    }
    let (idle_reads, idle_writes, idle_logged) = of(Kind::PurgeOfNothing);
    (reads - idle_reads, writes - idle_writes, logged - idle_logged)
}

fn is_purge(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::PurgeOfMessages | Kind::PurgeOfUnanswered | Kind::PurgeOfStopped
    )
}

/// A line of the bill.
struct Line {
    what: &'static str,
    /// How much of it a message takes, and a month in any case.
    message: f64,
    month: f64,
    /// Of what its price is that of one.
    unit: &'static str,
    price: f64,
    /// How many of what is counted make one of what is priced.
    per: f64,
}

impl Line {
    fn cost(&self, messages: f64) -> f64 {
        (self.message * messages + self.month) / self.per * self.price
    }
}

/// What stands in the README.
pub(crate) fn tables(played: &Played) -> String {
    let mut text = assumptions();
    let (message, schedules) = (usage(&FLOWS, played), usage(&SCHEDULES, played));
    brings(&mut text, played, message);
    bill(&mut text, &lines(played, message, schedules));
    text
}

/// What is assumed beside how often what happens.
fn assumptions() -> String {
    let memory = memory();
    format!(
        "People get {MESSAGES_PER_CONTACT} messages a month. Functions have {memory} MB. One invocation of {INVOCATIONS_PER_START} starts a \
         function, which is billed for {START} ms more. {ENVIRONMENTS} environments are never idle, and {METRICS} metrics always have \
         something to say. Each line is what stands for a message, times the messages, and what stands for a month, times the price.\n"
    )
}

/// What a message brings with it.
fn brings(text: &mut String, played: &Played, message: Usage) {
    text.push_str(
        "\n| what a message brings | so often | billed ms | read units | write units |\n|---|---|---|---|---|\n",
    );
    let names = || GROUPS.iter().flat_map(|group| group.events);
    for Flow {
        kind, often, billed, ..
    } in &FLOWS
    {
        let (reads, writes, _) = consumed(*kind, played);
        let (_, name) = names().find(|(known, _)| known == kind).unwrap();
        let name = if is_purge(*kind) {
            format!("{name}, beyond one that finds nothing")
        } else {
            (*name).to_owned()
        };
        writeln!(
            text,
            "| {name} | {} | {billed} | {reads} | {writes} |",
            significant(*often)
        )
        .unwrap();
    }
    let (reads, writes) = (significant(message.reads), significant(message.writes));
    writeln!(text, "| **together** | | | **{reads}** | **{writes}** |").unwrap();
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn lines(played: &Played, message: Usage, schedules: Usage) -> Vec<Line> {
    const MILLION: f64 = 1_000_000.0;
    const TEN_THOUSAND: f64 = 10_000.0;
    let starts = |usage: Usage| usage.invocations / INVOCATIONS_PER_START;
    let (refreshed, _, _) = consumed(Kind::PolicyUnchanged, played);
    let (started, _, _) = consumed(Kind::PolicyAtStart, played);
    // Sends are kept while the contact is, so a year of them at the end of the first.
    let stored = played.contact_bytes as f64 / MESSAGES_PER_CONTACT + 12.0 * played.send_bytes as f64;
    let line = |what, message, month, unit, price, per| Line {
        what,
        message,
        month,
        unit,
        price,
        per,
    };
    vec![
        line(
            "Lambda, requests",
            message.invocations,
            schedules.invocations,
            "for a million",
            price::REQUESTS,
            MILLION,
        ),
        line(
            "Lambda, GB-seconds",
            message.billed * memory() / 1_024.0,
            schedules.billed * memory() / 1_024.0,
            "for a thousand",
            price::GB_SECONDS,
            1_000.0,
        ),
        line(
            "HTTP API, requests",
            message.requests,
            0.0,
            "for a million",
            price::HTTP,
            MILLION,
        ),
        line(
            "DynamoDB, write units",
            message.writes,
            schedules.writes,
            "for a million",
            price::WRITES,
            MILLION,
        ),
        line(
            "DynamoDB, read units",
            message.reads + starts(message) * started,
            schedules.reads + starts(schedules) * started + ENVIRONMENTS * MINUTES * refreshed,
            "for a million",
            price::READS,
            MILLION,
        ),
        line(
            "DynamoDB, bytes stored after a year",
            stored,
            0.0,
            "for a GB",
            price::TABLE,
            GB,
        ),
        line(
            "and to be restored to any second",
            stored,
            0.0,
            "for a GB",
            price::RECOVERY,
            GB,
        ),
        line(
            "logs, bytes taken in and searched",
            message.logged,
            schedules.logged,
            "for a GB",
            price::LOGS,
            GB,
        ),
        line(
            "logs, bytes kept for a month",
            message.logged,
            schedules.logged,
            "for a GB",
            price::LOGS_KEPT,
            GB,
        ),
        line("metrics", 0.0, METRICS, "each", price::METRIC, 1.0),
        line("alarms", 0.0, alarms(), "each", price::ALARM, 1.0),
        line("key", 0.0, 1.0, "each", price::KEY, 1.0),
        // Two for each start, and one every five minutes for each table in each environment.
        line(
            "key, requests",
            2.0 * starts(message),
            ENVIRONMENTS * MINUTES * 2.0 / 5.0,
            "for ten thousand",
            price::KEY_REQUESTS,
            TEN_THOUSAND,
        ),
        line("secret", 0.0, 1.0, "each", price::SECRET, 1.0),
        line(
            "secret, requests",
            starts(message),
            ENVIRONMENTS * MINUTES / 5.0,
            "for ten thousand",
            price::SECRET_REQUESTS,
            TEN_THOUSAND,
        ),
    ]
}

/// How many alarms the template has.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn alarms() -> f64 {
    TEMPLATE.matches("Type: AWS::CloudWatch::Alarm").count() as f64
}

/// The memory that it gives the functions, in MB.
fn memory() -> f64 {
    let (_, rest) = TEMPLATE.split_once("MemorySize: ").unwrap();
    rest.lines().next().unwrap().parse().unwrap()
}

fn bill(text: &mut String, lines: &[Line]) {
    const MESSAGES: [f64; 3] = [10_000.0, 1_000_000.0, 100_000_000.0];
    text.push_str("\n| a month | for each message | in any case | price | 10 thousand | 1 million | 100 million |\n");
    text.push_str("|---|---|---|---|---|---|---|\n");
    for line in lines {
        let quantity = |quantity: f64| {
            if quantity > 0.0 {
                significant(quantity)
            } else {
                String::new()
            }
        };
        write!(
            text,
            "| {} | {} | {} | {} $ {} |",
            line.what,
            quantity(line.message),
            quantity(line.month),
            line.price,
            line.unit,
        )
        .unwrap();
        for messages in MESSAGES {
            write!(text, " {} |", significant(line.cost(messages))).unwrap();
        }
        text.push('\n');
    }
    let total = |messages| lines.iter().map(|line| line.cost(messages)).sum::<f64>();
    let row = |text: &mut String, what: &str, of: &dyn Fn(f64) -> f64| {
        write!(text, "| **{what}** | | | |").unwrap();
        for messages in MESSAGES {
            write!(text, " **{}** |", significant(of(messages))).unwrap();
        }
        text.push('\n');
    };
    row(text, "dollars a month", &total);
    row(text, "for each thousand messages", &|messages| {
        total(messages) / messages * 1_000.0
    });
    text.push('\n');
}

/// A number with two significant digits.
fn significant(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    #[expect(clippy::cast_possible_truncation, reason = "a handful")]
    let magnitude = number.abs().log10().floor() as i32;
    let step = 10_f64.powi(magnitude - 1);
    let rounded = (number / step).round() * step;
    if rounded < 10.0 {
        let digits = usize::try_from(1 - magnitude).unwrap();
        let text = format!("{rounded:.digits$}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let whole = format!("{rounded:.0}");
    let digits = whole.len();
    let separated = whole.chars().enumerate().flat_map(|(place, digit)| {
        let is_group = place > 0 && (digits - place).is_multiple_of(3);
        is_group.then_some(',').into_iter().chain([digit])
    });
    separated.collect()
}

#[test]
fn numbers_have_two_significant_digits() {
    for (number, text) in [
        (0.0, "0"),
        (0.000_123_4, "0.00012"),
        (0.996, "1"),
        (1.25, "1.3"),
        (9.96, "10"),
        (41.0, "41"),
        (1_234.0, "1,200"),
        (1_250_000.0, "1,300,000"),
    ] {
        assert_eq!(significant(number), text);
    }
}
