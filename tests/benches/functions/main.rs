//! What the functions cost: how they start, what a delivery takes once they run, and whether they stay as they are under load.
//!
//! The release binaries run as they do at Lambda, against a stand-in for its Runtime API; what they call, the embedded store and a
//! stand-in for Secrets Manager, runs in a process of its own, in the clear and behind TLS. Beside them runs a bare handler, and the
//! same webhook in Python and in Node.
//!
//! `--start-up`, `--warm` and `--load` name one part of it; with `--small` it takes a minute. It fails where a bound is broken:
//! sizes and counts are bounds everywhere, times and their ratios only loosely where it is small, since that is what CI runs on any machine.

#![allow(missing_docs, reason = "nobody reads the documentation of a benchmark")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark fails by panicking"
)]
#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a benchmark tells whoever runs it"
)]

#[path = "../measure/apart.rs"]
mod apart;
mod environment;
mod events;
mod load;
mod peers;
mod process;
mod programs;
mod report;
mod stand_ins;
mod start_up;
mod tls;
mod warm;

use std::process::ExitCode;
use std::time::Duration;

use events::Events;
use programs::{FUNCTIONS, Programs};
use report::Report;
use stand_ins::StandIns;

/// How much is measured.
struct Size {
    /// How often each program is started.
    rounds: usize,
    /// How many deliveries a running program takes.
    deliveries: usize,
    /// How long it is kept under load.
    load: Duration,
}

const FULL: Size = Size {
    rounds: 15,
    deliveries: 5_000,
    load: Duration::from_secs(600),
};

const SMALL: Size = Size {
    rounds: 3,
    deliveries: 500,
    load: Duration::from_secs(10),
};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if stand_ins::were_ordered(&arguments).await {
        return ExitCode::SUCCESS;
    }
    let is_given = |name: &str| arguments.iter().any(|argument| argument == name);
    let parts = ["--start-up", "--warm", "--load"];
    // Cargo itself says that this is a benchmark.
    let is_known =
        |argument: &String| parts.contains(&argument.as_str()) || ["--small", "--bench"].contains(&argument.as_str());
    if let Some(unknown) = arguments.iter().find(|argument| !is_known(argument)) {
        eprintln!("unknown option {unknown}: say --small, --start-up, --warm or --load");
        return ExitCode::FAILURE;
    }
    let is_wanted = |part: &str| is_given(part) || !parts.iter().any(|part| is_given(part));
    let (size, mut report) = if is_given("--small") {
        (SMALL, Report::on_any_machine())
    } else {
        (FULL, Report::default())
    };

    let needed: &[_] = if is_wanted("--start-up") {
        &FUNCTIONS
    } else {
        &["webhook", "opt-in"]
    };
    let programs = Programs::build(needed);
    let stand_ins = StandIns::start();
    let mut events = Events::default();
    if is_wanted("--start-up") {
        let peers = peers::ready(&stand_ins, &mut events).await;
        start_up::measure(size.rounds, &programs, &peers, &stand_ins, &mut events, &mut report).await;
    }
    if is_wanted("--warm") {
        warm::measure(size.deliveries, &programs, &stand_ins, &mut events, &mut report).await;
    }
    if is_wanted("--load") {
        load::measure(size.load, &programs, &stand_ins, &mut events, &mut report).await;
    }
    println!("{report}");
    if report.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
