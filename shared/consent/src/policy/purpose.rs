//! What contacts can consent to.

use serde::{Deserialize, Serialize};

use crate::id::{Locale, PurposeId, SenderId};
use crate::time::Span;

use super::document::{Node, Table};
use super::localised::{Locales, Localised};

/// A purpose that a contact can consent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose {
    pub(super) id: PurposeId,
    pub(super) class: Class,
    pub(super) labels: Localised<String>,
    pub(super) senders: Option<Vec<SenderId>>,
    pub(super) idle_limit: Span,
    pub(super) refresh_before: Span,
    pub(super) frequency: Option<Frequency>,
    pub(super) offered_in: Vec<Locale>,
}

/// The most months that a consent may lie unused. Courts held 1.5 to 4 years of disuse to be too long.
const MOST_IDLE_MONTHS: u32 = 24;

/// The longest label that fits a button.
pub(super) const LABEL: usize = 20;

impl Purpose {
    /// Reads a purpose, its notices left to be read; `senders` are the policy's.
    pub(super) fn read(
        table: &Table<'_>,
        locales: Locales<'_>,
        default_locale: Option<&Locale>,
        senders: Option<&[SenderId]>,
    ) -> Option<Self> {
        let id = table.need("id").and_then(|node| node.parsed());
        let class = table.need("class").and_then(|node| {
            node.one_of(&[
                ("marketing", Class::Marketing),
                ("service", Class::Service),
                ("survey", Class::Survey),
            ])
        });
        let labels = table.need("label").and_then(|node| {
            let labels = locales.members(&node, |_, node| node.short_line(LABEL))?;
            let fallback = labels.get(default_locale?).cloned();
            if fallback.is_none() {
                node.fault("has no label in the default locale");
            }
            Some(Localised::new(fallback?, labels))
        });
        let senders = table.optional("senders", |node| node.list_of(|node| known_sender(node, senders)));
        let idle_months = table.read_or("idle_months", 18, |node| node.number(1..=MOST_IDLE_MONTHS));
        let refresh_days = table.read_or("refresh_days", 30, |node| node.number(1..=90));
        let frequency = table.optional("frequency", Frequency::read);
        let (idle_limit, refresh_before) = (Span::months(idle_months?), Span::days(refresh_days?));
        if refresh_before >= idle_limit {
            table.fault_of(
                "refresh_days",
                "is as long as idle_months or longer; a refresh is asked for near the end",
            );
        }
        Some(Self {
            id: id?,
            class: class?,
            labels: labels?,
            senders: senders?,
            idle_limit,
            refresh_before,
            frequency: frequency?,
            offered_in: Vec::new(),
        })
    }
}

fn known_sender(node: &Node<'_>, senders: Option<&[SenderId]>) -> Option<SenderId> {
    let sender = node.parsed()?;
    if senders.is_some_and(|senders| !senders.contains(&sender)) {
        node.fault("is none of the policy's senders");
        return None;
    }
    Some(sender)
}

impl Frequency {
    fn read(node: &Node<'_>) -> Option<Self> {
        let table = node.table()?;
        let count = table.need("count").and_then(|node| node.number(1..=100));
        let per = table
            .need("per")
            .and_then(|node| node.one_of(&[("day", Per::Day), ("week", Per::Week), ("month", Per::Month)]));
        table.finish();
        Some(Self {
            count: count?,
            per: per?,
        })
    }
}

/// The legal class of a purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Direct marketing: STOP ends it, and so does every objection to it (GDPR Art. 21(2), ePrivacy Directive Art. 13).
    Marketing,
    /// Messages about something that the contact ordered or asked for: STOP ends them, an objection to marketing does not.
    Service,
    /// Questions about satisfaction. Courts count them as advertising; they are told apart for the reports.
    Survey,
}

/// At most so many messages in a period: what the controller promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frequency {
    pub(super) count: u32,
    pub(super) per: Per,
}

impl Frequency {
    /// At most so many messages in each period.
    #[cfg(test)]
    pub(crate) fn new(count: u32, per: Per) -> Self {
        Self { count, per }
    }

    /// The most messages in one period.
    pub fn count(self) -> u32 {
        self.count
    }

    /// The period.
    pub fn per(self) -> Per {
        self.per
    }
}

/// The period of a frequency promise, sliding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// 24 hours.
    Day,
    /// 7 days.
    Week,
    /// 30 days.
    Month,
}

impl Per {
    /// The length of the period.
    pub fn span(self) -> Span {
        match self {
            Self::Day => Span::days(1),
            Self::Week => Span::days(7),
            Self::Month => Span::days(30),
        }
    }
}

impl Purpose {
    /// The name of the purpose.
    pub fn id(&self) -> &PurposeId {
        &self.id
    }

    /// Its legal class.
    pub fn class(&self) -> Class {
        self.class
    }

    /// How long a consent may lie unused before it lapses.
    pub fn idle_limit(&self) -> Span {
        self.idle_limit
    }

    /// How long before the lapse the contact may be asked to refresh the consent.
    pub fn refresh_before(&self) -> Span {
        self.refresh_before
    }

    /// The promise of how often messages come, if one was made.
    pub fn frequency(&self) -> Option<Frequency> {
        self.frequency
    }

    /// Whether the sender may send for this purpose.
    pub fn serves(&self, sender: &SenderId) -> bool {
        self.senders.as_ref().is_none_or(|senders| senders.contains(sender))
    }

    /// What contacts see; at most 20 characters, so that it fits a button.
    pub fn label(&self, locale: &Locale) -> &str {
        self.labels.get(locale)
    }

    /// Whether there is a notice in this very locale, active or not.
    pub fn offered_in(&self, locale: &Locale) -> bool {
        self.offered_in.contains(locale)
    }
}
