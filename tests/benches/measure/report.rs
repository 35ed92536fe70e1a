//! The measurements of a small ledger and a large one side by side, held against what they may be.

use std::fmt;

/// How much dearer or cheaper something may be in the larger ledger than in the smaller one, in shares of one.
const MOST_DIFFERENCE: f64 = 0.1;

/// What a measurement has to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
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

/// Two measurements, line by line.
#[derive(Debug)]
pub(crate) struct Report<'a, M> {
    measured: &'a [M; 2],
    lines: Vec<Line>,
}

impl<'a, M> Report<'a, M> {
    pub(crate) fn of(measured: &'a [M; 2]) -> Self {
        Self {
            measured,
            lines: vec![],
        }
    }

    /// Adds a line, unless what it says cannot be told here.
    pub(crate) fn add_if(&mut self, name: &str, bound: Bound, of: impl Fn(&M) -> Option<f64>) {
        let [small, large] = self.measured;
        if let (Some(small), Some(large)) = (of(small), of(large)) {
            self.lines.push(Line {
                name: name.to_owned(),
                small,
                large,
                bound,
            });
        }
    }

    pub(crate) fn add(&mut self, name: &str, bound: Bound, of: impl Fn(&M) -> f64) {
        self.add_if(name, bound, |measured| Some(of(measured)));
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
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}

pub(crate) fn mebibytes(bytes: u64) -> f64 {
    number(bytes) / 1_048_576.0
}

impl<M> fmt::Display for Report<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:34}{:>14}{:>14}{:>8}  bound", "", "smaller", "larger", "ratio")?;
        for line in &self.lines {
            let digits = if line.small.fract() == 0.0 && line.large.fract() == 0.0 {
                0
            } else {
                2
            };
            let Line { name, small, large, .. } = line;
            let ratio = line.ratio();
            write!(f, "{name:34}{small:>14.digits$}{large:>14.digits$}{ratio:>8.2}  ")?;
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
