//! Meta's contact book, as far as a stand-in keeps it: who is in it, and how often somebody was deleted from it.

use std::collections::BTreeMap;

use identity::{Bsuid, Identifiers, PhoneNumber};
use serde::{Deserialize, Serialize};
use whatsapp::graph::GraphError;

use super::INVALID;

/// Everybody whose id Meta has seen and was not told to forget, with the number that it was seen with.
#[derive(Debug, Default)]
pub(super) struct ContactBook {
    entries: BTreeMap<Bsuid, Option<PhoneNumber>>,
    deletions: usize,
}

/// What the contact book holds, without saying whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ContactBookCounts {
    /// How many people are in it.
    pub entries: usize,
    /// How many were deleted from it.
    pub deletions: usize,
}

impl ContactBook {
    pub(super) fn saw(&mut self, person: &Identifiers) {
        if let Some(bsuid) = person.bsuid() {
            let number = self.entries.entry(bsuid.clone()).or_default();
            *number = person.phone().cloned().or(number.take());
        }
    }

    /// Whom a message to these goes to, as Meta answers: by number and id, if both are known.
    pub(super) fn known_as(&self, person: &Identifiers) -> Identifiers {
        let mut known = person.clone();
        let theirs = self.entries.iter().filter_map(|(bsuid, number)| {
            let number = number.as_ref().filter(|number| Some(*number) == person.phone())?;
            Identifiers::new(Some(number.clone()), Some(bsuid.clone())).ok()
        });
        theirs.for_each(|both| known.learn(&both));
        known
    }

    /// Whether there was anybody to delete.
    pub(super) fn delete(&mut self, person: &Bsuid) -> bool {
        let deleted = self.entries.remove(person).is_some();
        self.deletions += usize::from(deleted);
        deleted
    }

    pub(super) fn counts(&self) -> ContactBookCounts {
        ContactBookCounts {
            entries: self.entries.len(),
            deletions: self.deletions,
        }
    }
}

/// The query of a request to delete somebody.
#[derive(Deserialize)]
pub(super) struct Query {
    messaging_product: Option<String>,
    bsuid: Option<String>,
}

impl Query {
    /// Whom it is about.
    pub(super) fn person(&self) -> Result<Bsuid, GraphError> {
        let bsuid = self
            .bsuid
            .as_deref()
            .filter(|_| self.messaging_product.as_deref() == Some("whatsapp"));
        bsuid
            .and_then(|bsuid| Bsuid::parse(bsuid).ok())
            .ok_or(GraphError::of(INVALID))
    }
}
