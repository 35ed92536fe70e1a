//! Metrics: lines in CloudWatch's embedded metric format.
//!
//! A metric is a name out of the program and a number. There is no place in it for anything that belongs to a person: the
//! one dimension is the name of the function.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Number, Value, json};

use crate::clock::Clock;

const NAMESPACE: &str = "Assent";

/// Where measurements go.
#[derive(Debug, Clone)]
pub enum Sink {
    /// A line for what is measured together, to be written where CloudWatch takes it from. Each line is paid for by its length, and most
    /// of a line is the same whatever it measures.
    Lines {
        /// When it was measured.
        clock: Arc<dyn Clock>,
        /// Writes a line.
        write: fn(&str),
    },
    /// A sum for each name, for the local stack and for tests.
    Tally(Arc<Tally>),
}

/// What a function measures of itself.
#[derive(Debug, Clone)]
pub struct Metrics {
    function: &'static str,
    sink: Sink,
}

impl Sink {
    /// Lines on standard output, which Lambda hands to CloudWatch.
    pub fn stdout(clock: Arc<dyn Clock>) -> Self {
        Self::Lines {
            clock,
            write: |line| {
                // A metric that cannot be written is no reason to fail what is measured.
                let _ = writeln!(std::io::stdout().lock(), "{line}");
            },
        }
    }
}

impl Metrics {
    /// The metrics of one function.
    pub const fn new(function: &'static str, sink: Sink) -> Self {
        Self { function, sink }
    }

    /// So many more of something that is counted.
    pub fn count(&self, name: &'static str, amount: u64) {
        self.counts([(name, amount)]);
    }

    /// So many more of each of several things that are counted together.
    pub fn counts(&self, counts: impl IntoIterator<Item = (&'static str, u64)>) {
        let counts = counts.into_iter().map(|(name, amount)| (name, amount.into()));
        self.record("Count", &counts.collect::<Vec<_>>());
    }

    /// A length of time in seconds. What is no number, or infinite, is left out.
    pub fn seconds(&self, name: &'static str, seconds: f64) {
        if let Some(seconds) = Number::from_f64(seconds) {
            self.record("Seconds", &[(name, seconds)]);
        }
    }

    fn record(&self, unit: &'static str, values: &[(&'static str, Number)]) {
        match &self.sink {
            Sink::Lines { clock, write } if !values.is_empty() => {
                write(&line(self.function, unit, values, clock.unix_seconds()).to_string());
            }
            Sink::Lines { .. } => {}
            Sink::Tally(tally) => {
                for (name, value) in values {
                    tally.add(self.function, name, value);
                }
            }
        }
    }
}

fn line(function: &'static str, unit: &'static str, values: &[(&'static str, Number)], unix_seconds: i64) -> Value {
    let metric = |(name, _): &(&str, _)| json!({ "Name": name, "Unit": unit });
    let metrics: Vec<_> = values.iter().map(metric).collect();
    let directive = json!({ "Namespace": NAMESPACE, "Dimensions": [["function"]], "Metrics": metrics });
    let head = [
        (
            "_aws",
            json!({ "Timestamp": unix_seconds.saturating_mul(1_000), "CloudWatchMetrics": [directive] }),
        ),
        ("function", json!(function)),
    ];
    let values = values.iter().map(|(name, value)| (*name, json!(value)));
    let members = head.into_iter().chain(values);
    members.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The sum of all that was measured under each name.
#[derive(Debug, Default)]
pub struct Tally(Mutex<BTreeMap<(&'static str, &'static str), f64>>);

impl Tally {
    /// The sum of what a function measured under a name; zero, if it has measured nothing.
    pub fn total(&self, function: &str, name: &str) -> f64 {
        self.lock()
            .iter()
            .filter(|(key, _)| **key == (function, name))
            .map(|(_, sum)| sum)
            .sum()
    }

    /// Each function, name and sum, in their order.
    pub fn totals(&self) -> Vec<(&'static str, &'static str, f64)> {
        self.lock()
            .iter()
            .map(|((function, name), sum)| (*function, *name, *sum))
            .collect()
    }

    fn add(&self, function: &'static str, name: &'static str, value: &Number) {
        *self.lock().entry((function, name)).or_default() += value.as_f64().unwrap_or_default();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(&'static str, &'static str), f64>> {
        // A sum is whole at every moment, also when the thread that held it panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_cloudwatch_takes_for_metrics() {
        let values = [("deliveries", 3_u64.into()), ("statuses", 5_u64.into())];
        let line = line("webhook", "Count", &values, 1_763_890_200);
        assert_eq!(
            line,
            json!({
                "_aws": {
                    "Timestamp": 1_763_890_200_000_i64,
                    "CloudWatchMetrics": [{
                        "Namespace": "Assent",
                        "Dimensions": [["function"]],
                        "Metrics": [
                            { "Name": "deliveries", "Unit": "Count" },
                            { "Name": "statuses", "Unit": "Count" },
                        ],
                    }],
                },
                "function": "webhook",
                "deliveries": 3,
                "statuses": 5,
            })
        );
        assert!(!line.to_string().contains('\n'));
    }

    #[test]
    fn a_tally_sums_by_function_and_name() {
        let tally = Arc::new(Tally::default());
        let webhook = Metrics::new("webhook", Sink::Tally(Arc::clone(&tally)));
        let outbox = Metrics::new("outbox", Sink::Tally(Arc::clone(&tally)));
        webhook.count("stops", 1);
        webhook.count("stops", 2);
        outbox.count("stops", 5);
        outbox.seconds("lag", 0.5);
        outbox.seconds("lag", f64::NAN);
        assert_eq!(tally.total("webhook", "stops"), 3.0);
        assert_eq!(
            tally.totals(),
            [
                ("outbox", "lag", 0.5),
                ("outbox", "stops", 5.0),
                ("webhook", "stops", 3.0)
            ]
        );
        assert_eq!(tally.total("webhook", "lag"), 0.0);
    }
}
