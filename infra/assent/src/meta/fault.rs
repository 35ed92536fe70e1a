//! What can go wrong at Meta, on demand.

use serde::Deserialize;

/// A fault that strikes the next sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What happens.
    fault: FaultKind,
    /// How many sends it strikes; 1, if it is not said.
    #[serde(default = "once")]
    times: u32,
}

/// What happens to a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Meta refuses it with this code.
    Error {
        /// The code.
        code: u32,
    },
    /// Meta answers after so many milliseconds.
    Slow {
        /// How many.
        millis: u64,
    },
    /// Meta never answers, and the message does not go out.
    Silent,
    /// The message goes out, and Meta never answers.
    TakenUnanswered,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// The fault, if it strikes once more.
    pub(super) fn strike(&mut self) -> Option<FaultKind> {
        self.times = self.times.checked_sub(1)?;
        Some(self.fault)
    }

    /// Whether it strikes no more.
    pub(super) fn is_over(&self) -> bool {
        self.times == 0
    }
}
