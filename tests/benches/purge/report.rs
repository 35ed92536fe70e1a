//! The measurements side by side, held against what they may be.

use std::collections::BTreeSet;
use std::fmt;

use crate::Purged;

/// How much dearer or cheaper a contact may be in the larger ledger than in the smaller one, in shares of one.
const MOST_DIFFERENCE: f64 = 0.1;

/// How many write transactions a contact may take, with what the runs themselves write.
const MOST_WRITES: f64 = 1.2;

/// How much memory a purge may take, in MiB.
const MOST_MEMORY: f64 = 64.0;

/// What a measurement has to be.
#[derive(Debug, Clone, Copy)]
enum Bound {
    Free,
    /// The same in both ledgers.
    Same,
    /// No more than that.
    Most(f64),
}

#[derive(Debug)]
struct Line {
    name: String,
    small: f64,
    large: f64,
    bound: Bound,
}

impl Line {
    fn ratio(&self) -> f64 {
        self.large / self.small
    }

    fn holds(&self) -> bool {
        match self.bound {
            Bound::Free => true,
            Bound::Same => (self.ratio() - 1.0).abs() <= MOST_DIFFERENCE,
            Bound::Most(most) => self.small <= most && self.large <= most,
        }
    }
}

/// The measurements of two ledgers.
#[derive(Debug)]
pub(crate) struct Report {
    lines: Vec<Line>,
}

impl Report {
    pub(crate) fn of(purged: &[Purged; 2]) -> Self {
        let [small, large] = purged;
        let operations: BTreeSet<_> = small.spent.operations().chain(large.spent.operations()).collect();
        let mut report = Self { lines: vec![] };
        let mut add = |name: &str, bound: Bound, of: &dyn Fn(&Purged) -> f64| {
            report.lines.push(Line {
                name: name.to_owned(),
                small: of(small),
                large: of(large),
                bound,
            });
        };
        add("contacts stored", Bound::Free, &|purged| {
            number(purged.filling.contacts)
        });
        add("contacts purged", Bound::Same, &|purged| number(purged.filling.due));
        add("items deleted or reduced", Bound::Same, &|purged| number(purged.items));
        add("runs", Bound::Free, &|purged| number(purged.runs));
        for (per, amount) in [
            ("contact", (|purged| number(purged.filling.due)) as fn(&Purged) -> f64),
            ("item", |purged| number(purged.items)),
        ] {
            add(&format!("calls per {per}"), Bound::Same, &|purged| {
                number(purged.spent.calls()) / amount(purged)
            });
            for operation in operations.iter().filter(|_| per == "contact") {
                add(&format!("  {operation}"), Bound::Free, &|purged| {
                    number(purged.spent.of(operation).calls) / amount(purged)
                });
            }
            let most = Bound::Most(MOST_WRITES);
            add(&format!("writing calls per {per}"), most, &|purged| {
                number(purged.spent.writing_calls()) / amount(purged)
            });
            add(&format!("read units per {per}"), Bound::Same, &|purged| {
                purged.spent.read_units() / amount(purged)
            });
            add(&format!("write units per {per}"), Bound::Same, &|purged| {
                purged.spent.write_units() / amount(purged)
            });
            add(&format!("{per}s per second"), Bound::Free, &|purged| {
                amount(purged) / purged.time.as_secs_f64()
            });
        }
        if small.peak_memory.is_some() {
            add("peak memory so far, MiB", Bound::Most(MOST_MEMORY), &|purged| {
                number(purged.peak_memory.unwrap_or_default()) / 1_048_576.0
            });
        }
        report
    }

    /// Whether no bound is broken.
    pub(crate) fn holds(&self) -> bool {
        self.lines.iter().all(Line::holds)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "nothing here is counted beyond what a float holds"
)]
fn number(count: u64) -> f64 {
    count as f64
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:28}{:>14}{:>14}{:>8}  bound", "", "smaller", "larger", "ratio")?;
        for line in &self.lines {
            let digits = if line.small.fract() == 0.0 && line.large.fract() == 0.0 {
                0
            } else {
                2
            };
            let Line { name, small, large, .. } = line;
            let ratio = line.ratio();
            write!(f, "{name:28}{small:>14.digits$}{large:>14.digits$}{ratio:>8.2}  ")?;
            match line.bound {
                Bound::Free => {}
                Bound::Same => write!(f, "ratio within {:.0} %", MOST_DIFFERENCE * 100.0)?,
                Bound::Most(most) => write!(f, "at most {most}")?,
            }
            writeln!(f, "{}", if line.holds() { "" } else { "  BROKEN" })?;
        }
        writeln!(
            f,
            "Capacity is what the embedded store says, by DynamoDB's published rules."
        )
    }
}
