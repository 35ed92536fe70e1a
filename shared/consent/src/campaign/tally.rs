//! Judgements, counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::Time;

use super::engine::{Judgement, Verdict};
use super::reason::{Group, Reason};

/// How many recipients were judged in which way. Tallies of disjoint recipients add up, in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many may get the message.
    pub allow: u64,
    /// How many may get it later.
    pub defer: u64,
    /// How many somebody has to look at.
    pub review: u64,
    /// How many may not get it.
    pub deny: u64,
    /// How many are not allowed, by the reason that decided. They add up to those that are not allowed.
    #[serde(default)]
    pub reasons: BTreeMap<Reason, u64>,
}

impl Tally {
    /// Counts a judgement.
    pub fn add(&mut self, judgement: Judgement) {
        *match judgement.verdict() {
            Verdict::Allow => &mut self.allow,
            Verdict::Defer(_) => &mut self.defer,
            Verdict::Review => &mut self.review,
            Verdict::Deny => &mut self.deny,
        } += 1;
        if let Some(lead) = judgement.lead() {
            *self.reasons.entry(lead).or_default() += 1;
        }
    }

    /// Counts recipients that were refused before there was anything to judge.
    pub fn refuse(&mut self, reason: Reason, count: u64) {
        if count > 0 {
            self.deny += count;
            *self.reasons.entry(reason).or_default() += count;
        }
    }

    /// Adds what another tally has counted.
    pub fn merge(&mut self, other: &Self) {
        self.allow += other.allow;
        self.defer += other.defer;
        self.review += other.review;
        self.deny += other.deny;
        for (reason, count) in &other.reasons {
            *self.reasons.entry(*reason).or_default() += count;
        }
    }

    /// How many recipients were judged.
    pub fn total(&self) -> u64 {
        self.allow + self.defer + self.review + self.deny
    }

    /// How many a reason decided on.
    pub fn count(&self, reason: Reason) -> u64 {
        self.reasons.get(&reason).copied().unwrap_or_default()
    }

    /// How many different people were judged.
    pub fn people(&self) -> u64 {
        self.total() - self.count(Reason::DuplicateRecipient)
    }

    /// How many people may not get the message for a reason of their own: they are unknown, suppressed, or have not agreed, or
    /// that cannot be shown. Who merely has to wait is none of them.
    pub fn ineligible(&self) -> u64 {
        let own = |reason: Reason| match reason.group() {
            Group::Data => reason != Reason::DuplicateRecipient,
            Group::Suppression | Group::Consent | Group::Evidence => {
                !matches!(reason, Reason::PurposeRetired | Reason::SenderOutOfScope)
            }
            Group::Rules | Group::Template | Group::Account => false,
        };
        let counted = self.reasons.iter().filter(|(reason, _)| own(**reason));
        counted.map(|(_, count)| count).sum()
    }

    /// The share of ineligible people in hundredths of a percent, rounded up; 0 if there are no people.
    pub fn denied_share(&self) -> u64 {
        (self.ineligible() * 10_000).div_ceil(self.people().max(1))
    }
}

/// What changed between two checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// When the earlier check began.
    pub since: Time,
    /// How many more may get the message; negative if they are fewer.
    pub allowed: i64,
    /// By how much each reason decides on more, or fewer, than before; those that stayed the same are left out.
    pub reasons: BTreeMap<Reason, i64>,
}

impl Difference {
    /// What has changed from one tally to the next.
    pub fn between(since: Time, before: &Tally, after: &Tally) -> Self {
        let by = |before: u64, after: u64| {
            let size = i64::try_from(before.abs_diff(after)).unwrap_or(i64::MAX);
            if after < before { -size } else { size }
        };
        let all = before.reasons.keys().chain(after.reasons.keys());
        let changes = all.map(|reason| (*reason, by(before.count(*reason), after.count(*reason))));
        Self {
            since,
            allowed: by(before.allow, after.allow),
            reasons: changes.filter(|(_, change)| *change != 0).collect(),
        }
    }
}
