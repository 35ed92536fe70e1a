//! Whom a campaign is for.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::contact::{Contact, Status};
use crate::id::{AudienceDigest, Locale, PurposeId};
use crate::policy::{Country, Policy};
use crate::time::Time;

/// The most recipients of one part.
pub const PART_SIZE: usize = 5_000;

/// The most parts of one audience: a million recipients.
pub const MOST_PARTS: u16 = 200;

/// A part of an audience, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u16", try_from = "u16")]
pub struct PartId(u16);

/// The number is none of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a part of an audience: number the parts from 1 to {MOST_PARTS}")]
pub struct InvalidPart;

impl TryFrom<u16> for PartId {
    type Error = InvalidPart;

    fn try_from(number: u16) -> Result<Self, InvalidPart> {
        (1..=MOST_PARTS)
            .contains(&number)
            .then_some(Self(number))
            .ok_or(InvalidPart)
    }
}

impl From<PartId> for u16 {
    fn from(part: PartId) -> Self {
        part.0
    }
}

impl FromStr for PartId {
    type Err = InvalidPart;

    fn from_str(text: &str) -> Result<Self, InvalidPart> {
        // One part is written in one way: no sign, no leading zero.
        let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
        let number: u16 = plain.then(|| text.parse().ok()).flatten().ok_or(InvalidPart)?;
        Self::try_from(number)
    }
}

impl fmt::Display for PartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What is known of one part without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartSummary {
    /// How many recipients were taken.
    pub accepted: u32,
    /// How many of the list were on it already.
    pub duplicates: u32,
    /// How many of the list were neither a number nor an id.
    pub invalid: u32,
    /// The SHA-256 of who is on it.
    pub digest: AudienceDigest,
}

/// Everyone who has consented to a purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Everyone {
    /// The purpose.
    pub purpose: PurposeId,
    /// Only those who speak this language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
    /// Only those whose number is of this country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
}

impl Everyone {
    /// Whether the contact belongs to it. Somebody whose consent has ended since does not.
    pub fn includes(&self, contact: &Contact, countries: &[Country], policy: &Policy, now: Time) -> bool {
        let speaks = |locale: &Locale| {
            let spoken = contact.locale.get().map(|(_, spoken)| spoken);
            spoken.is_some_and(|spoken| spoken == locale)
        };
        contact.standing(&self.purpose, policy, now).status == Status::Confirmed
            && self.locale.as_ref().is_none_or(speaks)
            && self.country.is_none_or(|country| countries.contains(&country))
    }
}

/// What is known of an audience without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudienceSummary {
    /// The SHA-256 of who is on it.
    pub digest: AudienceDigest,
    /// How many parts it has; none if it is everyone.
    pub parts: u16,
    /// How many recipients were taken in all parts, and may be in several.
    pub recipients: u64,
    /// How many were on the same part more than once.
    pub duplicates: u64,
    /// How many were neither a number nor an id.
    pub invalid: u64,
    /// Set if it is everyone who has consented to a purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub everyone: Option<Everyone>,
}

impl Default for AudienceSummary {
    fn default() -> Self {
        Self::of_parts(&BTreeMap::new())
    }
}

impl AudienceSummary {
    /// The summary of these parts.
    pub fn of_parts(parts: &BTreeMap<PartId, PartSummary>) -> Self {
        let mut hash = Sha256::new().chain_update("parts 1");
        for (part, summary) in parts {
            hash.update(part.0.to_be_bytes());
            hash.update(summary.digest.as_bytes());
            // What was refused is no part of the audience, but the verdict counts it.
            hash.update(summary.duplicates.to_be_bytes());
            hash.update(summary.invalid.to_be_bytes());
        }
        let sum = |count: fn(&PartSummary) -> u32| parts.values().map(|part| u64::from(count(part))).sum();
        Self {
            digest: AudienceDigest::from_bytes(hash.finalize().into()),
            parts: u16::try_from(parts.len()).unwrap_or(u16::MAX),
            recipients: sum(|part| part.accepted),
            duplicates: sum(|part| part.duplicates),
            invalid: sum(|part| part.invalid),
            everyone: None,
        }
    }

    /// The summary of everyone who has consented to a purpose: it names the rule, not the people.
    pub fn of_everyone(everyone: Everyone) -> Self {
        let mut hash = Sha256::new().chain_update("everyone 1");
        let texts = [
            Some(everyone.purpose.as_str()),
            everyone.locale.as_ref().map(Locale::as_str),
            everyone.country.as_ref().map(Country::as_str),
        ];
        for text in texts {
            hash.update(text.map_or(0, |text| text.len() as u64 + 1).to_be_bytes());
            hash.update(text.unwrap_or_default());
        }
        Self {
            digest: AudienceDigest::from_bytes(hash.finalize().into()),
            everyone: Some(everyone),
            ..Self::default()
        }
    }

    /// Whether nobody is on it.
    pub fn is_empty(&self) -> bool {
        self.recipients == 0 && self.everyone.is_none()
    }
}

/// The SHA-256 of the recipients of a part, whatever their order: each by the keyed hash that the ledger knows it by.
pub fn part_digest(recipients: impl IntoIterator<Item = [u8; 32]>) -> AudienceDigest {
    let mut recipients: Vec<_> = recipients.into_iter().collect();
    recipients.sort_unstable();
    let mut hash = Sha256::new().chain_update("part 1");
    for recipient in recipients {
        hash.update(recipient);
    }
    AudienceDigest::from_bytes(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_numbered_in_one_way() {
        assert_eq!("200".parse::<PartId>().map(u16::from), Ok(200));
        for bad in ["0", "01", "+1", "201", "", "1.5", "99999"] {
            assert_eq!(bad.parse::<PartId>(), Err(InvalidPart), "{bad}");
        }
    }

    #[test]
    fn the_digest_names_who_is_on_it_and_not_their_order() {
        let (first, second) = ([1; 32], [2; 32]);
        assert_eq!(part_digest([first, second]), part_digest([second, first]));
        assert_ne!(part_digest([first, second]), part_digest([first]));

        let summary = |digest, duplicates| PartSummary {
            accepted: 2,
            duplicates,
            invalid: 0,
            digest,
        };
        let parts = |entries: &[(u16, PartSummary)]| {
            let parts = entries.iter().map(|(number, part)| (PartId(*number), *part));
            AudienceSummary::of_parts(&parts.collect()).digest
        };
        let part = summary(part_digest([first, second]), 0);
        let all = [
            parts(&[]),
            parts(&[(1, part)]),
            parts(&[(2, part)]),
            parts(&[(1, part), (2, part)]),
            parts(&[(1, summary(part.digest, 1))]),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
