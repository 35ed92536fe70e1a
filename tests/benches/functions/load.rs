//! Whether functions stay as they are while everything that can come comes at a bounded rate: neither memory nor handles grow.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::environment::{Concurrency, Environment};
use crate::events::{Events, status};
use crate::process::{handles, resident};
use crate::programs::Programs;
use crate::report::{Report, Table, median};
use crate::stand_ins::{Form, StandIns};

/// How many deliveries come to the webhook in a second.
const DELIVERIES_A_SECOND: u32 = 50;

/// How many requests come to the opt-in function in a second.
const REQUESTS_A_SECOND: u32 = 5;

/// How often both processes are looked at, in all.
const SAMPLES: u32 = 200;

/// What the median of a process's memory in the last fifth of the time may have beyond that in the second, in KiB: what an allocator
/// still takes and gives back. The first fifth is for warming up.
const MOST_GROWTH: f64 = 512.0;

/// What a process held at one time.
struct Sample {
    resident: f64,
    handles: f64,
}

/// What a process held while it worked, in the order of time.
#[derive(Default)]
struct Held(Vec<Sample>);

impl Held {
    fn look(&mut self, process: u32) {
        self.0.push(Sample {
            resident: f64::from(u32::try_from(resident(process)).unwrap()),
            handles: f64::from(u32::try_from(handles(process)).unwrap()),
        });
    }

    /// The median of a fifth of the time; the first is 0.
    fn fifth(&self, number: usize, of: impl Fn(&Sample) -> f64) -> f64 {
        let length = self.0.len() / 5;
        median(self.0.iter().skip(number * length).take(length).map(of))
    }
}

/// Keeps the two functions that the outside calls most under load for so long.
pub(crate) async fn measure(
    time: Duration,
    programs: &Programs,
    stand_ins: &StandIns,
    events: &mut Events,
    report: &mut Report,
) {
    eprintln!("{} s of load ...", time.as_secs());
    let names = ["webhook", "opt-in"];
    let start = |name| Environment::start(programs.function(name), Concurrency::One, stand_ins.settings(Form::Tls));
    let mut webhook = start(names[0]).await;
    let mut opt_in = start(names[1]).await;
    let processes = [webhook.process(), opt_in.process()];
    let mut to_opt_in = Events::of_others();
    let mut repeated = Value::Null;
    let work = async {
        tokio::join!(
            paced(&mut webhook, time, DELIVERIES_A_SECOND, |number| delivery(
                number,
                events,
                &mut repeated
            )),
            paced(&mut opt_in, time, REQUESTS_A_SECOND, |number| request(
                number,
                &mut to_opt_in
            )),
        )
    };
    let work = timeout(time * 2, work);
    tokio::pin!(work);
    let mut held: [Held; 2] = Default::default();
    let mut looks = interval(time / SAMPLES);
    looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let answered = loop {
        tokio::select! {
            answered = &mut work => break answered.expect("the functions keep up"),
            _ = looks.tick() => {
                for (held, process) in held.iter_mut().zip(processes) {
                    held.look(process);
                }
            }
        }
    };

    let mut table = Table::new(&[
        "program",
        "answers",
        "MiB after warming up",
        "at the end",
        "handles",
        "at the end",
    ]);
    for ((name, answered), held) in names.iter().zip(<[_; 2]>::from(answered)).zip(&held) {
        let memory = [1, 4].map(|fifth| held.fifth(fifth, |sample| sample.resident));
        let handles = [1, 4].map(|fifth| held.fifth(fifth, |sample| sample.handles));
        table.row([
            (*name).to_owned(),
            answered.to_string(),
            format!("{:.2}", memory[0] / 1_024.0),
            format!("{:.2}", memory[1] / 1_024.0),
            handles[0].to_string(),
            handles[1].to_string(),
        ]);
        report.at_most(
            format!("{name}: growth of memory under load"),
            memory[1] - memory[0],
            MOST_GROWTH,
            "KiB",
        );
        report.at_most(
            format!("{name}: growth of handles under load"),
            handles[1] - handles[0],
            0.0,
            "handles",
        );
    }
    println!("{table}");
}

/// Asks a program at a steady rate, and no more than that many times in all. Says how many answers were as they should be; none may be
/// otherwise.
async fn paced(
    environment: &mut Environment,
    time: Duration,
    a_second: u32,
    mut next: impl FnMut(u32) -> (Value, u64),
) -> u32 {
    let amount = u32::try_from(time.as_secs()).unwrap() * a_second;
    let mut pace = interval(Duration::from_secs(1) / a_second);
    for number in 0..amount {
        pace.tick().await;
        let (event, expected) = next(number);
        let answer = environment.answer(event).await;
        assert_eq!(status(&answer), expected, "{answer}");
    }
    amount
}

/// What comes to the webhook, and the status it gets.
fn delivery(number: u32, events: &mut Events, last: &mut Value) -> (Value, u64) {
    let (event, status) = match number % 20 {
        0..8 => (events.neutral(), 200),
        8..13 => (events.message(), 200),
        13..15 => (events.stop(), 200),
        15..17 => (last.clone(), 200),
        17 => (events.tap_without_a_prompt(), 200),
        18 => (events.unreadable(), 200),
        _ => (events.forgery(), 401),
    };
    last.clone_from(&event);
    (event, status)
}

/// What comes to the opt-in function, and the status it gets.
fn request(number: u32, events: &mut Events) -> (Value, u64) {
    if number.is_multiple_of(2) {
        (events.opt_in(), 202)
    } else {
        (events.look_up(), 404)
    }
}
