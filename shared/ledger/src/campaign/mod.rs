//! Campaigns: what is planned, whom it is for, what its checks came to, and what was let go.
//!
//! The decision on each person is the domain's ([`consent::campaign::decide`]); here it is brought together with what is stored,
//! and carried out. An audience lies in 64 buckets by the keyed hash that a person is known by, so whoever is listed twice is
//! listed twice in the same bucket, and nobody has to hold a whole audience in memory.

mod audience;
mod candidates;
mod check;
mod entries;
mod everyone;
mod gate;
mod judge;
mod page;
mod plan;
mod proof;
mod result;
mod usage;

use std::fmt;

use consent::campaign::{Campaign, Judgement};
use consent::id::ContactId;
use identity::Identifiers;

pub use audience::{Listed, PutPart};
pub use check::CheckOutcome;
pub use gate::{GATE_SIZE, GateAnswer, Gated, IssuedTicket};
pub use page::{Cursor, InvalidCursor, Page, PageError};
pub use plan::PutCampaign;
pub use result::SettledSend;

/// Whom a campaign tool means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipientId {
    /// The person with these identifiers.
    Person(Identifiers),
    /// The contact with that id.
    Contact(ContactId),
}

/// What a campaign tool calls a recipient: its own customer number, for instance. It may say who the person is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallerRef(Box<str>);

/// The text is no reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a reference: write one line of 1 to {} characters", CallerRef::LONGEST)]
pub struct InvalidRef;

impl CallerRef {
    /// The most characters of a reference.
    pub const LONGEST: usize = 64;

    /// The reference that is written so.
    ///
    /// # Errors
    /// When it is empty, too long or more than one line.
    pub fn new(text: &str) -> Result<Self, InvalidRef> {
        let is_line = !text.is_empty() && text.chars().count() <= Self::LONGEST && !text.contains(char::is_control);
        is_line.then(|| Self(text.into())).ok_or(InvalidRef)
    }

    /// The reference, for the caller who gave it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CallerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallerRef([redacted])")
    }
}

/// A campaign as it was read.
#[derive(Debug, Clone)]
pub struct StoredCampaign {
    /// The campaign.
    pub campaign: Campaign,
    /// Whether the signature of its verdict is right; so it is if it has none.
    pub is_intact: bool,
    /// How many of its messages found that a stop must have been missed.
    pub findings: u64,
    /// The version that was read.
    pub(crate) version: i64,
}

/// A recipient and the engine's answer.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The contact, if there is one.
    pub contact: Option<ContactId>,
    /// What the caller calls them.
    pub reference: Option<CallerRef>,
    /// Whether the message may be sent to them.
    pub judgement: Judgement,
}
