//! How Meta says that the account and the template are.
//!
//! Every fact bears its time, so that an older event never overwrites a newer one; of two in the same second the stricter
//! counts.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::register::Register;
use crate::time::{Span, Time};

/// Something that Meta said, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fact<T> {
    /// When it was said.
    pub at: Time,
    /// What was said.
    pub value: T,
}

/// A quality rating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// High.
    Green,
    /// Too few messages to tell.
    Unrated,
    /// Medium.
    Yellow,
    /// Low.
    Red,
}

/// Whether the account may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// It may.
    Good,
    /// It may not begin a conversation until then.
    RestrictedUntil(Time),
    /// It may not begin a conversation.
    Restricted,
    /// It is disabled, banned or deleted.
    Disabled,
}

/// To how many people the portfolio may write first within 24 hours. The stricter is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// To everyone.
    Unlimited,
    /// To so many.
    People(Reverse<u32>),
}

/// Whether Meta lets the template be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateStatus {
    /// It does.
    Approved,
    /// Not for a while.
    Paused,
    /// Not, or not yet: pending, rejected, disabled, deleted, or a state that this version does not know.
    NotApproved,
}

/// What Meta takes the template for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// News about something that the contact ordered or asked for.
    Utility,
    /// Advertising.
    Marketing,
    /// A code to sign in with.
    Authentication,
}

/// What is known about a sender, and about the account and the portfolio that it belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderHealth {
    /// The rating of the phone number.
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub quality: Register<Fact<Quality>>,
    /// The state of the account.
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub account: Register<Fact<AccountState>>,
    /// The messaging limit of the portfolio.
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub limit: Register<Fact<Limit>>,
}

/// What is known about a template in one language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateHealth {
    /// Its status.
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub status: Register<Fact<TemplateStatus>>,
    /// Its category.
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub category: Register<Fact<Category>>,
    /// Its rating.
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub quality: Register<Fact<Quality>>,
}

/// What is known about the sender and the template of one message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The sender.
    pub sender: SenderHealth,
    /// The template.
    pub template: TemplateHealth,
}

impl SenderHealth {
    /// Takes over what another has heard.
    pub fn merge(&mut self, other: &Self) {
        self.quality.merge(&other.quality);
        self.account.merge(&other.account);
        self.limit.merge(&other.limit);
    }

    /// Whether all of it is known and recent enough to be believed.
    pub(super) fn is_fresh(&self, lifetime: Span, now: Time) -> bool {
        is_fresh(&self.quality, lifetime, now)
            && is_fresh(&self.account, lifetime, now)
            && is_fresh(&self.limit, lifetime, now)
    }
}

impl TemplateHealth {
    /// Takes over what another has heard.
    pub fn merge(&mut self, other: &Self) {
        self.status.merge(&other.status);
        self.category.merge(&other.category);
        self.quality.merge(&other.quality);
    }

    /// Whether all of it is known and recent enough to be believed.
    pub(super) fn is_fresh(&self, lifetime: Span, now: Time) -> bool {
        is_fresh(&self.status, lifetime, now)
            && is_fresh(&self.category, lifetime, now)
            && is_fresh(&self.quality, lifetime, now)
    }
}

impl Health {
    /// Whether all of it is known and not older than that.
    pub fn is_fresh(&self, lifetime: Span, now: Time) -> bool {
        self.sender.is_fresh(lifetime, now) && self.template.is_fresh(lifetime, now)
    }
}

/// Whether the account may begin a conversation at that time.
pub(super) fn may_begin(state: AccountState, now: Time) -> bool {
    match state {
        AccountState::Good => true,
        AccountState::RestrictedUntil(until) => now >= until,
        AccountState::Restricted | AccountState::Disabled => false,
    }
}

fn is_fresh<T: Ord>(fact: &Register<Fact<T>>, lifetime: Span, now: Time) -> bool {
    fact.get().is_some_and(|fact| now < fact.at + lifetime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_event_overwrites_nothing_newer_and_in_one_second_the_stricter_counts() {
        let at = Time::from_unix_seconds;
        let said = |seconds, value| Fact { at: at(seconds), value };
        let mut quality = Register::default();
        quality.raise(said(20, Quality::Red));
        quality.raise(said(10, Quality::Green));
        assert_eq!(quality.get(), Some(&said(20, Quality::Red)));
        quality.raise(said(20, Quality::Green));
        assert_eq!(quality.get(), Some(&said(20, Quality::Red)));

        let people = |count| Limit::People(Reverse(count));
        assert!(people(250) > people(2_000) && people(2_000) > Limit::Unlimited);
    }

    #[test]
    fn a_restriction_ends_when_meta_said_it_would() {
        let until = AccountState::RestrictedUntil(Time::from_unix_seconds(50));
        assert!(!may_begin(until, Time::from_unix_seconds(49)));
        assert!(may_begin(until, Time::from_unix_seconds(50)));
        assert!(!may_begin(AccountState::Restricted, Time::MAX));
    }
}
