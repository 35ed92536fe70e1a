//! What was measured, as tables in Markdown, and held against what it may be.

use std::fmt;

/// How far what has to do with time may miss its bound where the machine is any: what CI measures on is shared, and may be slower.
const LENIENCY: f64 = 3.0;

/// All bounds, and whether they hold.
#[derive(Debug, Default)]
pub(crate) struct Report {
    on_any_machine: bool,
    bounds: Vec<Bound>,
}

#[derive(Debug)]
struct Bound {
    what: String,
    measured: f64,
    /// What it should be, at most or at least.
    goal: f64,
    limit: Limit,
    unit: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

impl Report {
    /// A report that bounds times loosely.
    pub(crate) fn on_any_machine() -> Self {
        Self {
            on_any_machine: true,
            bounds: vec![],
        }
    }

    /// A size or a count, which is the same on every machine, or a ratio that stays far from its bound.
    pub(crate) fn at_most(&mut self, what: String, measured: f64, goal: f64, unit: &'static str) {
        self.add(what, measured, goal, Limit::AtMost(goal), unit);
    }

    /// A goal that has been missed so far: that it is missed is told, and what was reached is the bound.
    pub(crate) fn kept_below(&mut self, what: String, measured: f64, goal: f64, reached: f64, unit: &'static str) {
        self.add(what, measured, goal, Limit::AtMost(reached), unit);
    }

    /// The same for what has to do with time, in which a few rounds leave much of the machine's noise.
    pub(crate) fn time_kept_below(&mut self, what: String, measured: f64, goal: f64, reached: f64, unit: &'static str) {
        self.add(what, measured, goal, Limit::AtMost(reached * self.leniency()), unit);
    }

    pub(crate) fn at_least(&mut self, what: String, measured: f64, goal: f64, unit: &'static str) {
        self.add(what, measured, goal, Limit::AtLeast(goal), unit);
    }

    /// A length of time, whose goal is meant for machines like the one in the README.
    pub(crate) fn time_at_most(&mut self, what: String, measured: f64, goal: f64, unit: &'static str) {
        self.add(what, measured, goal, Limit::AtMost(goal * self.leniency()), unit);
    }

    fn leniency(&self) -> f64 {
        if self.on_any_machine { LENIENCY } else { 1.0 }
    }

    fn add(&mut self, what: String, measured: f64, goal: f64, limit: Limit, unit: &'static str) {
        self.bounds.push(Bound {
            what,
            measured,
            goal,
            limit,
            unit,
        });
    }

    /// Whether no bound is broken.
    pub(crate) fn holds(&self) -> bool {
        self.bounds.iter().all(Bound::holds)
    }
}

impl Bound {
    fn holds(&self) -> bool {
        match self.limit {
            Limit::AtMost(most) => self.measured <= most,
            Limit::AtLeast(least) => self.measured >= least,
        }
    }

    fn reaches_the_goal(&self) -> bool {
        match self.limit {
            Limit::AtMost(_) => self.measured <= self.goal,
            Limit::AtLeast(_) => self.measured >= self.goal,
        }
    }

    fn verdict(&self) -> &'static str {
        match (self.reaches_the_goal(), self.holds()) {
            (true, _) => "",
            (false, true) => "missed",
            (false, false) => "BROKEN",
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&["bound", "goal", "measured", ""]);
        for bound in &self.bounds {
            let comparison = match bound.limit {
                Limit::AtMost(_) => "at most",
                Limit::AtLeast(_) => "at least",
            };
            table.row([
                bound.what.clone(),
                format!("{comparison} {} {}", bound.goal, bound.unit),
                format!("{:.2} {}", bound.measured, bound.unit),
                bound.verdict().to_owned(),
            ]);
        }
        write!(f, "{table}")
    }
}

/// A table in Markdown whose columns are as wide as they have to be.
#[derive(Debug)]
pub(crate) struct Table(Vec<Vec<String>>);

impl Table {
    pub(crate) fn new(heads: &[&str]) -> Self {
        Self(vec![heads.iter().map(|&head| head.to_owned()).collect()])
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.push(cells.into_iter().collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.0[0].len();
        let length = |cell: &String| cell.chars().count();
        let widths: Vec<_> = (0..columns)
            .map(|column| self.0.iter().map(|row| length(&row[column])).max().unwrap())
            .collect();
        for (number, row) in self.0.iter().enumerate() {
            for (cell, &width) in row.iter().zip(&widths) {
                write!(f, "| {cell:width$} ")?;
            }
            writeln!(f, "|")?;
            if number == 0 {
                writeln!(f, "|{}", "---|".repeat(columns))?;
            }
        }
        Ok(())
    }
}

/// The one in the middle.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
