//! How a function starts: from exec to its first request for work, and on to its first answer, beside a bare handler in the same run.
//!
//! The release binaries are built, started one after the other against a stand-in for Lambda's Runtime API, the embedded store and a
//! stand-in for Secrets Manager, and asked for one answer. Counted is the processor's own time of all threads, which a noisy machine
//! changes least; the ratios are what counts. It fails where a bound is broken.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark fails by panicking"
)]

mod runtime;

use std::path::{Path, PathBuf};
use std::process::Command;

use assent::local::EXAMPLE_POLICY;
use assent::store::{Store, StoreKind};
use assent_tests::publish;
use consent::time::Time;
use platform::clock::{Clock, SystemClock};

use runtime::{Runtime, Started};

/// How often each function is started; `--small` starts it three times.
const STARTS: usize = 15;

/// What the largest binary may have, in bytes.
const MOST_BYTES: u64 = 10_500_000;

/// What a function may have in memory after its first answer, in KiB.
const MOST_RESIDENT: u64 = 16 * 1024;

const FUNCTIONS: [&str; 7] = [
    "webhook",
    "opt-in",
    "outbox",
    "rights",
    "retention",
    "campaigns",
    "campaign-check",
];

#[tokio::main]
async fn main() {
    let is_small = std::env::args().any(|argument| argument == "--small");
    let starts = if is_small { 3 } else { STARTS };
    let folder = build();
    let store = Store::start(StoreKind::Memory).await.unwrap();
    let now = Time::from_unix_seconds(SystemClock.unix_seconds());
    publish(&store, EXAMPLE_POLICY, now).await;
    let runtime = Runtime::start(&store).await;

    println!(
        "{:<16} {:>8} {:>12} {:>12} {:>12} {:>12} {:>9}",
        "", "MB", "poll ms cpu", "poll ms", "answer cpu", "answer ms", "RSS MB"
    );
    let bare = measure(&runtime, &folder.join("examples/bare"), starts).await;
    print("bare", &folder.join("examples/bare"), &bare);
    let mut broken = vec![];
    for function in FUNCTIONS {
        let path = folder.join(function);
        let started = measure(&runtime, &path, starts).await;
        print(function, &path, &started);
        let size = path.metadata().unwrap().len();
        if size > MOST_BYTES {
            broken.push(format!("{function} has {size} bytes, more than {MOST_BYTES}"));
        }
        if started.resident > MOST_RESIDENT {
            broken.push(format!(
                "{function} has {} KiB in memory, more than {MOST_RESIDENT}",
                started.resident
            ));
        }
        println!(
            "{:<16} first poll {:.2} × the bare handler's processor time, first answer {:.2} ×",
            "",
            started.poll_cpu / bare.poll_cpu,
            started.answer_cpu / bare.answer_cpu
        );
    }
    for line in &broken {
        println!("broken: {line}");
    }
    assert!(broken.is_empty());
}

/// Builds what is measured, and says where it is.
fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap();
    let mut build = Command::new(&cargo);
    build.args(["build", "--locked", "--release", "--quiet"]);
    for function in FUNCTIONS {
        build.args(["-p", function]);
    }
    assert!(build.status().unwrap().success());
    let bare = [
        "build",
        "--locked",
        "--release",
        "--quiet",
        "-p",
        "assent-tests",
        "--example",
        "bare",
    ];
    assert!(Command::new(&cargo).args(bare).status().unwrap().success());
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"))
        .join("release")
}

/// The median of each figure over so many starts.
async fn measure(runtime: &Runtime, path: &Path, starts: usize) -> Started {
    let name = path.file_name().unwrap().to_str().unwrap();
    let mut all = vec![];
    for _ in 0..starts {
        all.push(runtime.run(path, name).await);
    }
    let median = |of: fn(&Started) -> f64| {
        let mut values: Vec<_> = all.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Started {
        poll_cpu: median(|started| started.poll_cpu),
        poll: median(|started| started.poll),
        answer_cpu: median(|started| started.answer_cpu),
        answer: median(|started| started.answer),
        resident: all.iter().map(|started| started.resident).max().unwrap(),
    }
}

fn print(name: &str, path: &Path, started: &Started) {
    let size = path.metadata().unwrap().len();
    println!(
        "{name:<16} {:>5}.{:02} {:>12.2} {:>12.2} {:>12.2} {:>12.2} {:>7}.{:01}",
        size / 1_000_000,
        size % 1_000_000 / 10_000,
        started.poll_cpu,
        started.poll,
        started.answer_cpu,
        started.answer,
        started.resident / 1024,
        started.resident % 1024 * 10 / 1024,
    );
}
