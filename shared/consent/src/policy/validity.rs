//! From when until when something is in use.

use crate::time::Time;

use super::document::{Node, Table};

/// A stretch of time: its first moment, and the first one after it, if there is an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) from: Time,
    pub(super) to: Option<Time>,
}

impl Validity {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let from = table.need("valid_from").and_then(|node| node.time());
        let to = table.optional("valid_to", Node::time);
        let validity = Self { from: from?, to: to? };
        if validity.to.is_some_and(|to| to <= validity.from) {
            table.fault_of("valid_to", "is not after valid_from");
            return None;
        }
        Some(validity)
    }

    pub(super) fn contains(self, at: Time) -> bool {
        self.from <= at && self.to.is_none_or(|to| at < to)
    }

    /// Whether the other lies within it.
    pub(super) fn covers(self, other: Self) -> bool {
        self.from <= other.from && self.end() >= other.end()
    }

    /// Whether there is a moment that lies in both.
    pub(super) fn overlaps(self, other: Self) -> bool {
        self.contains(other.from) || other.contains(self.from)
    }

    fn end(self) -> Time {
        self.to.unwrap_or(Time::MAX)
    }
}
