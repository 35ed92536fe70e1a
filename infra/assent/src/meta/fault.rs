//! What can go wrong at Meta, on demand.

use std::str::FromStr;

use serde::Deserialize;

/// A fault that strikes the next requests to Meta.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What happens.
    fault: FaultKind,
    /// How many requests it strikes; 1, if it is not said.
    #[serde(default = "once")]
    times: u32,
}

/// What happens to a request.
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
    /// Meta never answers, and does nothing: no message goes out.
    Silent,
    /// Meta does it, so that the message goes out, and never answers.
    TakenUnanswered,
}

fn once() -> u32 {
    1
}

/// The text names no fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a fault: write error:CODE, slow:MILLISECONDS, silent or taken-unanswered")]
pub struct InvalidFault;

impl FromStr for FaultKind {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        let (kind, number) = text
            .split_once(':')
            .map_or((text, None), |(kind, number)| (kind, Some(number)));
        match (kind, number) {
            ("error", Some(code)) => Ok(Self::Error {
                code: code.parse().map_err(|_| InvalidFault)?,
            }),
            ("slow", Some(millis)) => Ok(Self::Slow {
                millis: millis.parse().map_err(|_| InvalidFault)?,
            }),
            ("silent", None) => Ok(Self::Silent),
            ("taken-unanswered", None) => Ok(Self::TakenUnanswered),
            _ => Err(InvalidFault),
        }
    }
}

impl Fault {
    /// A fault that strikes every request.
    pub fn always(fault: FaultKind) -> Self {
        Self { fault, times: u32::MAX }
    }

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
