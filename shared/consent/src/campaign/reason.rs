//! Why a message may not be sent.

use std::fmt;
use std::ops::{BitOr, BitOrAssign, Sub};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a reason is about. The first group that hits decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Who is meant.
    Data,
    /// What forbids a message whatever the consent says.
    Suppression,
    /// Whether the contact agreed to this.
    Consent,
    /// Whether that can be shown.
    Evidence,
    /// When, and how often.
    Rules,
    /// The message template.
    Template,
    /// The account at Meta, and what is known at all.
    Account,
}

impl Group {
    /// Every group, in the order in which they decide.
    pub const ALL: [Self; 7] = [
        Self::Data,
        Self::Suppression,
        Self::Consent,
        Self::Evidence,
        Self::Rules,
        Self::Template,
        Self::Account,
    ];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Suppression => "suppression",
            Self::Consent => "consent",
            Self::Evidence => "evidence",
            Self::Rules => "rules",
            Self::Template => "template",
            Self::Account => "account",
        }
    }
}

/// The one table of reasons: each with its group, its stable code and a sentence for people.
macro_rules! reasons {
    ($($group:ident { $($reason:ident $code:literal $sentence:literal)+ })+) => {
        /// Why a message may not be sent, in the order of the groups.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[doc = $sentence] $reason,)+)+
        }

        impl Reason {
            /// Every reason, in order.
            pub const ALL: &'static [Self] = &[$($(Self::$reason,)+)+];

            /// The stable code.
            pub const fn as_str(self) -> &'static str {
                match self { $($(Self::$reason => $code,)+)+ }
            }

            /// What it is about.
            pub const fn group(self) -> Group {
                match self { $($(Self::$reason => Group::$group,)+)+ }
            }

            /// A sentence for people.
            pub const fn sentence(self) -> &'static str {
                match self { $($(Self::$reason => $sentence,)+)+ }
            }
        }
    };
}

reasons! {
    Data {
        BadIdentifier "bad_identifier" "The recipient is neither a phone number nor an id that could be a contact's."
        DuplicateRecipient "duplicate_recipient" "The recipient is in the audience more than once and counts where it is first."
        UnknownContact "unknown_contact" "Nobody with this number or id has ever been asked."
    }
    Suppression {
        ObjectionMarketing "objection_marketing" "The contact objected to marketing."
        PlatformStop "platform_stop" "The contact stopped this business's marketing in WhatsApp's own settings."
        AmbiguousHold "ambiguous_hold" "The contact may have meant STOP and has not answered the question yet."
        NotMe "not_me" "The contact said that they never asked for this."
        StopAll "stop_all" "The contact wants no messages at all."
        RestrictionArt18 "restriction_art18" "Processing is restricted at the contact's request (Art. 18 GDPR)."
        Undeliverable "undeliverable" "The number cannot be reached on WhatsApp."
        Erased "erased" "The contact was erased (Art. 17 GDPR)."
        UnknownSuppression "unknown_suppression" "A suppression of a kind that this version does not know forbids every message."
    }
    Consent {
        NoConsent "no_consent" "The contact never agreed to this purpose."
        PendingUnconfirmed "pending_unconfirmed" "The contact was asked and has not confirmed yet."
        Declined "declined" "The contact said no."
        Expired "expired" "The contact was asked and let the question run out."
        Withdrawn "withdrawn" "The contact withdrew the consent."
        Lapsed "lapsed" "The consent was not used for too long."
        Invalidated "invalidated" "The consent no longer counts: the number changed hands, or the consent was void."
        ImportedUnverified "imported_unverified" "The consent was taken over from elsewhere without full evidence."
        PurposeMismatch "purpose_mismatch" "The message is of another kind than the purpose that was agreed to."
        PurposeRetired "purpose_retired" "The policy no longer has this purpose."
        SenderOutOfScope "sender_out_of_scope" "The consent does not cover messages from this sender."
    }
    Evidence {
        EvidenceIncomplete "evidence_incomplete" "The record of the consent lacks something that it must show."
        NoticeMissing "notice_missing" "The policy does not have the notice that the contact agreed to."
        ChainBroken "chain_broken" "The contact's evidence was changed after it was written; somebody has to look at it."
    }
    Rules {
        QuietHours "quiet_hours" "Contacts are left alone at this hour, or nobody knows what hour it is for this one."
        FrequencyCap "frequency_cap" "The contact already got as many messages as were promised at most."
        PlatformCap131049 "platform_cap_131049" "WhatsApp refused marketing to this person less than a day ago (error 131049)."
        AlreadySent "already_sent" "The contact already has this campaign's message, or it is on its way."
    }
    Template {
        TemplateNotApproved "template_not_approved" "Meta has not approved the template."
        TemplatePaused "template_paused" "Meta paused the template."
        TemplateRed "template_red" "Meta rates the template's quality as low."
        CategoryMismatch "category_mismatch" "Meta's category of the template is not that of the purpose; somebody has to look at it."
    }
    Account {
        QualityRed "quality_red" "Meta rates the sender's quality as low."
        AccountRestricted "account_restricted" "Meta restricted or disabled the account."
        PortfolioLimit "portfolio_limit" "As many people as Meta allows have been written to within 24 hours."
        PolicyStale "policy_stale" "What is known about the account or the template is too old, or nothing is known."
        LedgerUnavailable "ledger_unavailable" "The ledger could not be asked in time."
    }
}

impl Reason {
    const fn bit(self) -> u64 {
        1 << self as u8
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is no code of a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a reason: write one of the documented codes, such as no_consent")]
pub struct UnknownReason;

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(code: &str) -> Result<Self, UnknownReason> {
        let mut all = Self::ALL.iter().copied();
        all.find(|reason| reason.as_str() == code).ok_or(UnknownReason)
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A set of reasons, small enough to be copied about.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Reasons(u64);

impl Reasons {
    /// No reason at all.
    pub const NONE: Self = Self(0);

    /// Whether there is no reason.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this reason is among them.
    pub const fn contains(self, reason: Reason) -> bool {
        self.0 & reason.bit() != 0
    }

    /// The reasons, in the order of the groups.
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        Reason::ALL.iter().copied().filter(move |reason| self.contains(*reason))
    }

    /// Adds one.
    pub fn add(&mut self, reason: Reason) {
        self.0 |= reason.bit();
    }
}

impl From<Reason> for Reasons {
    fn from(reason: Reason) -> Self {
        Self(reason.bit())
    }
}

impl BitOr for Reasons {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Reasons {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl Sub for Reasons {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl Extend<Reason> for Reasons {
    fn extend<I: IntoIterator<Item = Reason>>(&mut self, reasons: I) {
        reasons.into_iter().for_each(|reason| self.add(reason));
    }
}

impl FromIterator<Reason> for Reasons {
    fn from_iter<I: IntoIterator<Item = Reason>>(reasons: I) -> Self {
        let mut set = Self::NONE;
        set.extend(reasons);
        set
    }
}

impl fmt::Debug for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Reasons {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Reasons {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Reason>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reasons_of_a_group_stand_together_in_the_order_in_which_groups_decide() {
        assert!(Reason::ALL.is_sorted());
        assert!(Reason::ALL.iter().is_sorted_by_key(|reason| reason.group()));
        for group in Group::ALL {
            assert!(
                Reason::ALL.iter().any(|reason| reason.group() == group),
                "{}",
                group.as_str()
            );
        }
        assert!(Group::ALL.is_sorted());
        assert!(Reason::ALL.len() <= 64, "a set has a bit for each");
    }

    #[test]
    fn every_code_is_read_as_it_is_written_and_every_reason_has_its_own() {
        let codes: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(*reason));
            assert!(reason.sentence().ends_with('.'));
        }
        assert_eq!("because".parse::<Reason>(), Err(UnknownReason));
    }

    #[test]
    fn a_set_is_written_as_a_list_of_codes_in_order() {
        let set: Reasons = [Reason::PolicyStale, Reason::NoConsent, Reason::NoConsent]
            .into_iter()
            .collect();
        let json = serde_json::to_string(&set).unwrap();
        assert_eq!(json, r#"["no_consent","policy_stale"]"#);
        assert_eq!(serde_json::from_str::<Reasons>(&json).unwrap(), set);
        assert_eq!(
            (set - Reason::NoConsent.into()).iter().collect::<Vec<_>>(),
            [Reason::PolicyStale]
        );
    }
}
