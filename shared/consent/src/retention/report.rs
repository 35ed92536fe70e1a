//! What a run of the purge leaves behind: a signed report that says what was done, and nothing about anybody.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use hmac::Mac;
use serde::{Deserialize, Serialize};

use crate::id::{PolicyVersion, RunId};
use crate::mac::keyed;
use crate::time::Time;

use super::Kind;

/// The version of the report's structure.
pub const SCHEMA: u32 = 1;

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was deleted.
    Deleted,
    /// It was reduced to a keyed hash.
    Reduced,
    /// Something of it was dropped; the rest lives on.
    Trimmed,
    /// By the policy in force it is due later, or sooner, than was written with it.
    Rescheduled,
    /// It stays because of a legal hold.
    LegalHold,
    /// It stays because processing is restricted (Art. 18 GDPR).
    Restricted,
    /// Nothing could be done with it this time.
    Failed,
    /// Nothing could be done with it ten times; somebody has to look at it.
    SetAside,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 8] = [
        Self::Deleted,
        Self::Reduced,
        Self::Trimmed,
        Self::Rescheduled,
        Self::LegalHold,
        Self::Restricted,
        Self::Failed,
        Self::SetAside,
    ];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Reduced => "reduced",
            Self::Trimmed => "trimmed",
            Self::Rescheduled => "rescheduled",
            Self::LegalHold => "legal_hold",
            Self::Restricted => "restricted",
            Self::Failed => "failed",
            Self::SetAside => "set_aside",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How many records of each kind came to which outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Counts(BTreeMap<Kind, BTreeMap<Outcome, u64>>);

impl Counts {
    /// So many more.
    pub fn add(&mut self, kind: Kind, outcome: Outcome, amount: u64) {
        if amount > 0 {
            *self.0.entry(kind).or_default().entry(outcome).or_default() += amount;
        }
    }

    /// How many there were.
    pub fn get(&self, kind: Kind, outcome: Outcome) -> u64 {
        self.0
            .get(&kind)
            .and_then(|outcomes| outcomes.get(&outcome))
            .copied()
            .unwrap_or(0)
    }

    /// Takes over what another has counted.
    pub fn merge(&mut self, other: &Self) {
        for (kind, outcome, amount) in other.iter() {
            self.add(kind, outcome, amount);
        }
    }

    /// Every count that is not zero.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, Outcome, u64)> {
        self.0
            .iter()
            .flat_map(|(kind, outcomes)| outcomes.iter().map(|(outcome, amount)| (*kind, *outcome, *amount)))
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// Nothing was left that was due.
    Complete,
    /// Its time was up; the next run goes on.
    OutOfTime,
    /// It met a kind of record that the schedule does not know, and stopped.
    UnknownKind,
    /// The ledger failed; the next run goes on.
    Unavailable,
    /// It was to reschedule what is stored, and purged nothing.
    Rescheduled,
    /// It never said how it ended; the next run has summed up what it counted.
    Died,
}

impl fmt::Display for RunEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Complete => "complete: nothing that was due is left",
            Self::OutOfTime => "its time was up: the next run goes on",
            Self::UnknownKind => "stopped at a kind of record that the schedule does not know",
            Self::Unavailable => "the ledger failed: the next run goes on",
            Self::Rescheduled => "it rescheduled what is stored, and purged nothing",
            Self::Died => "it died: the next run has summed up what it counted",
        })
    }
}

/// The report of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReport {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The run.
    pub run: RunId,
    /// When it began.
    pub began_at: Time,
    /// When it ended, or was found to have died.
    pub ended_at: Time,
    /// How long that was, in seconds.
    pub duration_seconds: i64,
    /// The policy that it went by.
    pub policy: PolicyVersion,
    /// How it ended.
    pub end: RunEnd,
    /// What it did.
    pub counts: Counts,
    /// The oldest due time that is left and that nothing but time stands against: no hold and no restriction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_due: Option<Time>,
    /// How long that has been due, in seconds; 0 if nothing is.
    pub lag_seconds: i64,
    /// Up to which due time each lane got that did not finish.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cursor: BTreeMap<String, Time>,
    /// Whether everything that is stored is scheduled by this policy.
    pub scheduled_by_policy: bool,
}

/// The key that reports and certificates are signed with.
#[derive(Clone)]
pub struct ReportKey([u8; 32]);

impl ReportKey {
    /// The key made of these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Signs a document of that name, as it is written.
    pub fn sign(&self, document: &str, text: &str) -> Signature {
        let mac = keyed(&self.0, "assent report v1")
            .chain_update((document.len() as u64).to_be_bytes())
            .chain_update(document)
            .chain_update(text)
            .finalize();
        Signature(mac.into_bytes().into())
    }

    /// Whether this key signed the document.
    pub fn verify(&self, document: &str, text: &str, signature: &Signature) -> bool {
        let expected = self.sign(document, text);
        // Whoever could measure this comparison would have to write to the table first.
        expected.0 == signature.0
    }
}

impl fmt::Debug for ReportKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReportKey([redacted])")
    }
}

/// A keyed hash (HMAC-SHA-256) over a document.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 32]);

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({self})")
    }
}

impl FromStr for Signature {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, hex::FromHexError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}
