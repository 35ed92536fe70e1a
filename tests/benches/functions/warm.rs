//! What a delivery takes once a program runs, one after the other and many at once.
//!
//! How many STOPs go through in a second is for the embedded store to say, which takes one write after the other; what they take of the
//! function itself is its processor's time, and its share of all that is spent on them.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::environment::{Concurrency, Environment};
use crate::events::{Events, status};
use crate::process::processor_time;
use crate::programs::{Program, Programs};
use crate::report::{Report, Table};
use crate::stand_ins::{Form, StandIns};

/// The goal: the processor's time for a delivery that concerns nobody's consent, in microseconds beyond the bare handler's own.
const MOST_BEYOND_BARE: f64 = 150.0;

/// How many deliveries of a managed instance are in the hands of one function at once.
const AT_ONCE: u8 = 8;

/// How many deliveries a program has answered before it counts.
const TO_WARM_UP: usize = 100;

/// What deliveries took.
struct Taken {
    deliveries: f64,
    time: Duration,
    processor: Duration,
    /// The processor's time in the process of what is called.
    stand_ins: Duration,
}

impl Taken {
    fn each(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / self.deliveries
    }

    /// The program's part of all the processor's time, in percent.
    fn share(&self) -> f64 {
        100.0 * self.processor.div_duration_f64(self.processor + self.stand_ins)
    }

    fn a_second(&self) -> f64 {
        self.deliveries / self.time.as_secs_f64()
    }
}

/// Gives each program so many deliveries.
pub(crate) async fn measure(
    deliveries: usize,
    programs: &Programs,
    stand_ins: &StandIns,
    events: &mut Events,
    report: &mut Report,
) {
    let webhook = programs.function("webhook");
    let mut table = Table::new(&[
        "program",
        "at once",
        "delivery",
        "a second",
        "CPU µs each",
        "store's CPU µs each",
        "share %",
    ]);
    let mut of_neutral = vec![];
    for (program, concurrency, kind) in [
        (&programs.bare, Concurrency::One, Kind::Neutral),
        (webhook, Concurrency::One, Kind::Neutral),
        (webhook, Concurrency::One, Kind::Stop),
        (webhook, Concurrency::Many(AT_ONCE), Kind::Neutral),
        (webhook, Concurrency::Many(AT_ONCE), Kind::Stop),
    ] {
        let all = (0..TO_WARM_UP + deliveries).map(|_| kind.event(events)).collect();
        let taken = take(program, concurrency, all, stand_ins).await;
        table.row([
            program.name.to_owned(),
            concurrency.most().to_string(),
            kind.name().to_owned(),
            format!("{:.0}", taken.a_second()),
            format!("{:.0}", taken.each(taken.processor)),
            format!("{:.0}", taken.each(taken.stand_ins)),
            format!("{:.0}", taken.share()),
        ]);
        if concurrency == Concurrency::One && kind == Kind::Neutral {
            of_neutral.push(taken.each(taken.processor));
        }
    }
    println!("{table}");
    let beyond = of_neutral[1] - of_neutral[0];
    report.time_at_most(
        "webhook: a neutral delivery beyond bare".to_owned(),
        beyond,
        MOST_BEYOND_BARE,
        "µs CPU",
    );
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Neutral,
    Stop,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Stop => "STOP",
        }
    }

    fn event(self, events: &mut Events) -> Value {
        match self {
            Self::Neutral => events.neutral(),
            Self::Stop => events.stop(),
        }
    }
}

async fn take(program: &Program, concurrency: Concurrency, mut all: Vec<Value>, stand_ins: &StandIns) -> Taken {
    let counted = all.split_off(TO_WARM_UP);
    let mut environment = Environment::start(program, concurrency, stand_ins.settings(Form::Http)).await;
    environment.first_poll().await;
    environment.answers(all).await;
    let deliveries = f64::from(u32::try_from(counted.len()).unwrap());
    let processes = [environment.process(), stand_ins.process()];
    let (began, before) = (Instant::now(), processes.map(processor_time));
    let answers = environment.answers(counted).await;
    let (time, after) = (began.elapsed(), processes.map(processor_time));
    // The bare handler answers with nothing.
    assert!(answers.iter().all(|answer| answer.is_null() || status(answer) == 200));
    Taken {
        deliveries,
        time,
        processor: after[0] - before[0],
        stand_ins: after[1] - before[1],
    }
}
