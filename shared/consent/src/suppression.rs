//! Suppressions: what forbids a message whatever the consent says.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::register::Register;
use crate::time::{Span, Time};

/// How long an unanswered question "did you mean stop?" holds marketing back.
pub const HOLD: Span = Span::hours(72);

/// How long "that wasn't me" binds, unless the contact writes START before.
pub const NOT_ME: Span = Span::days(365);

/// What a message is, as far as suppressions care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageClass {
    /// Sent under a consent to a marketing purpose.
    Marketing,
    /// Sent under a consent to a purpose that is not marketing.
    Service,
    /// Asks for consent: step two of the double opt-in.
    Prompt,
    /// Says what the contact has just agreed to.
    ConsentConfirmation,
    /// Says that the contact was stopped.
    OptoutConfirmation,
    /// Answers inside the 24 hours that the contact opened.
    ServiceReply,
    /// Answers a demand about the contact's data: whoever wants no other message, or has processing restricted, is owed it all the
    /// same (Art. 12(3) GDPR).
    PrivacyNotice,
}

/// Why a contact may not be written to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum SuppressionKind {
    /// The contact objected to marketing (Art. 21(2) GDPR) or said STOP.
    ObjectionMarketing,
    /// The contact stopped this business's marketing in WhatsApp's own settings.
    PlatformStop,
    /// The contact may have meant STOP and was asked.
    AmbiguousHold,
    /// The contact never asked for any of this.
    NotMe,
    /// The contact wants nothing at all.
    StopAll,
    /// Processing is restricted (Art. 18 GDPR).
    RestrictionArt18,
    /// The address cannot be reached on WhatsApp.
    Undeliverable,
    /// The contact was erased (Art. 17 GDPR).
    Erased,
    /// A kind that this version does not know. It binds everything.
    Unknown(Box<str>),
}

impl SuppressionKind {
    /// The stable name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::ObjectionMarketing => "objection_marketing",
            Self::PlatformStop => "platform_stop",
            Self::AmbiguousHold => "ambiguous_hold",
            Self::NotMe => "not_me",
            Self::StopAll => "stop_all",
            Self::RestrictionArt18 => "restriction_art18",
            Self::Undeliverable => "undeliverable",
            Self::Erased => "erased",
            Self::Unknown(name) => name,
        }
    }

    /// Whether a message of that class must not go out.
    pub fn binds(&self, class: MessageClass) -> bool {
        match self {
            Self::ObjectionMarketing | Self::PlatformStop | Self::AmbiguousHold => class == MessageClass::Marketing,
            Self::NotMe => matches!(class, MessageClass::Marketing | MessageClass::Prompt),
            Self::StopAll | Self::RestrictionArt18 => {
                !matches!(class, MessageClass::OptoutConfirmation | MessageClass::PrivacyNotice)
            }
            Self::Undeliverable | Self::Erased | Self::Unknown(_) => true,
        }
    }

    /// How long it binds, where it ends by itself.
    fn lifetime(&self) -> Option<Span> {
        match self {
            Self::AmbiguousHold => Some(HOLD),
            Self::NotMe => Some(NOT_ME),
            Self::ObjectionMarketing
            | Self::PlatformStop
            | Self::StopAll
            | Self::RestrictionArt18
            | Self::Undeliverable
            | Self::Erased
            | Self::Unknown(_) => None,
        }
    }
}

impl fmt::Display for SuppressionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SuppressionKind {
    type Err = Infallible;

    fn from_str(name: &str) -> Result<Self, Infallible> {
        Ok(Self::from(name.to_owned()))
    }
}

impl From<String> for SuppressionKind {
    fn from(name: String) -> Self {
        [
            Self::ObjectionMarketing,
            Self::PlatformStop,
            Self::AmbiguousHold,
            Self::NotMe,
            Self::StopAll,
            Self::RestrictionArt18,
            Self::Undeliverable,
            Self::Erased,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == name)
        .unwrap_or_else(|| Self::Unknown(name.into_boxed_str()))
    }
}

impl From<SuppressionKind> for String {
    fn from(kind: SuppressionKind) -> Self {
        kind.as_str().to_owned()
    }
}

/// When a suppression was last set, and last lifted. It is active unless the lifting is later: a tie binds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// The last time it was set.
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub set: Register<Time>,
    /// The last time it was lifted.
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub lifted: Register<Time>,
}

/// All suppressions of a contact.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Suppressions(BTreeMap<SuppressionKind, Suppression>);

impl Suppressions {
    /// Records that the suppression was set then.
    pub fn set(&mut self, kind: SuppressionKind, at: Time) {
        self.0.entry(kind).or_default().set.raise(at);
    }

    /// Records that the suppression was lifted then, if it was ever set or may yet turn out to have been.
    pub fn lift(&mut self, kind: SuppressionKind, at: Time) {
        self.0.entry(kind).or_default().lifted.raise(at);
    }

    /// Since when the suppression has been binding, if it is.
    pub fn since(&self, kind: &SuppressionKind, now: Time) -> Option<Time> {
        let suppression = self.0.get(kind)?;
        let set = *suppression.set.get()?;
        let lifted = suppression.lifted.get().is_some_and(|lifted| *lifted > set);
        let over = kind.lifetime().is_some_and(|lifetime| now >= set + lifetime);
        (!lifted && !over).then_some(set)
    }

    /// When the suppression was last set, whether it still binds or not.
    pub fn last_set(&self, kind: &SuppressionKind) -> Option<Time> {
        self.0.get(kind)?.set.get().copied()
    }

    /// The suppressions that are binding, each with its beginning.
    pub fn active(&self, now: Time) -> impl Iterator<Item = (&SuppressionKind, Time)> {
        self.0
            .keys()
            .filter_map(move |kind| self.since(kind, now).map(|since| (kind, since)))
    }

    /// Whether any active suppression forbids a message of that class.
    pub fn forbid(&self, class: MessageClass, now: Time) -> bool {
        self.active(now).any(|(kind, _)| kind.binds(class))
    }

    /// Every suppression with its registers.
    pub fn iter(&self) -> impl Iterator<Item = (&SuppressionKind, &Suppression)> {
        self.0.iter()
    }

    /// Takes over all that the other has seen.
    pub fn merge(&mut self, other: &Self) {
        for (kind, theirs) in &other.0 {
            let ours = self.0.entry(kind.clone()).or_default();
            ours.set.merge(&theirs.set);
            ours.lifted.merge(&theirs.lifted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_unix_seconds(1_760_000_000 + seconds)
    }

    #[test]
    fn a_suppression_lifted_in_the_second_it_was_set_still_binds() {
        let mut suppressions = Suppressions::default();
        suppressions.lift(SuppressionKind::PlatformStop, at(5));
        assert_eq!(suppressions.since(&SuppressionKind::PlatformStop, at(9)), None);
        suppressions.set(SuppressionKind::PlatformStop, at(5));
        assert_eq!(suppressions.since(&SuppressionKind::PlatformStop, at(9)), Some(at(5)));
        suppressions.lift(SuppressionKind::PlatformStop, at(6));
        assert!(!suppressions.forbid(MessageClass::Marketing, at(9)));
    }

    #[test]
    fn a_kind_that_this_version_does_not_know_binds_everything() {
        let stored = r#"{"court_order":{"set":"2026-01-01T00:00:00Z"}}"#;
        let suppressions: Suppressions = serde_json::from_str(stored).unwrap();
        for class in [
            MessageClass::Marketing,
            MessageClass::OptoutConfirmation,
            MessageClass::ServiceReply,
        ] {
            assert!(suppressions.forbid(class, at(0)));
        }
        assert_eq!(serde_json::to_string(&suppressions).unwrap(), stored);
    }

    #[test]
    fn whoever_wants_nothing_or_is_restricted_is_still_answered_about_their_data() {
        for kind in [SuppressionKind::StopAll, SuppressionKind::RestrictionArt18] {
            let mut suppressions = Suppressions::default();
            suppressions.set(kind, at(0));
            assert!(suppressions.forbid(MessageClass::ServiceReply, at(1)));
            assert!(!suppressions.forbid(MessageClass::PrivacyNotice, at(1)));
        }
    }

    #[test]
    fn that_was_not_me_binds_prompts_for_twelve_months() {
        let mut suppressions = Suppressions::default();
        suppressions.set(SuppressionKind::NotMe, at(0));
        assert!(suppressions.forbid(MessageClass::Prompt, at(0) + Span::days(364)));
        assert!(!suppressions.forbid(MessageClass::Prompt, at(0) + Span::days(365)));
        assert!(!suppressions.forbid(MessageClass::OptoutConfirmation, at(1)));
    }
}
