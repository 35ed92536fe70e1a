//! What Meta's error codes mean: for the message that was not sent, and for its contact.
//!
//! The same codes come as the answer to a send and, later, with a status that says `failed`. Only the code counts; titles
//! and texts change without notice (Cloud API error codes page).

use std::time::Duration;

use crate::json::{Field, record};

record!(Members { code, is_transient });

/// An error as Meta reports it, without its texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GraphError {
    /// The code. `None`, if it cannot be read.
    pub code: Option<u32>,
    /// Whether Meta calls the cause passing.
    pub transient: bool,
}

impl GraphError {
    /// The error with this code.
    pub fn of(code: u32) -> Self {
        Self {
            code: Some(code),
            transient: false,
        }
    }

    /// Reads an error object.
    pub(crate) fn read(field: Field<'_>) -> Option<Self> {
        let members: Members<'_> = field.object()?;
        Some(Self {
            code: members.code.parse(),
            transient: members.is_transient.is_true(),
        })
    }

    /// What to do about the message.
    pub fn class(self) -> Class {
        match self.code {
            Some(4 | 80_007 | 130_429) => Class::RetryAfter(Backoff::Rate),
            Some(131_056) => Class::RetryAfter(Backoff::Pair),
            Some(131_049) => Class::RetryAfter(Backoff::Day),
            Some(1 | 2 | 131_000 | 131_016 | 131_057 | 133_004) => Class::Reconcile,
            Some(code) if refuses_for_good(code) => Class::GiveUp,
            // A passing fault that this version does not know may have struck after the message had gone out.
            _ if self.transient => Class::Reconcile,
            _ => Class::GiveUp,
        }
    }

    /// What it says about the contact or the account.
    pub fn consequence(self) -> Consequence {
        match self.code {
            Some(131_050) => Consequence::PlatformStop,
            Some(131_026) => Consequence::Undeliverable,
            Some(130_403) => Consequence::NotContactable,
            Some(137_000) => Consequence::ReconfirmIdentity,
            Some(code) if concerns_the_account(code) => Consequence::Alert,
            _ => Consequence::None,
        }
    }
}

/// Codes that another attempt meets again, whatever else the error says.
fn refuses_for_good(code: u32) -> bool {
    concerns_the_account(code)
        || matches!(
            code,
            130_403 | 130_472 | 130_497 | 131_026 | 131_047 | 131_050 | 131_051 | 131_062 | 137_000
        )
}

/// Codes for which somebody at the business must do something: about the token, permissions, payment, a template, the
/// account's standing, or a stop that may have been lost.
fn concerns_the_account(code: u32) -> bool {
    matches!(
        code,
        0 | 3 | 10 | 190 | 200
            ..=299 | 368 | 131_005 | 131_031 | 131_035 | 131_036 | 131_042 | 131_048 | 132_001 | 132_015 | 132_016
    )
}

/// What to do about a message that was not, or may not have been, sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Meta refused it before doing anything. Send it again after a wait.
    RetryAfter(Backoff),
    /// It never reached Meta. Send it again.
    NotSent,
    /// It may have gone out. Graph sends have no idempotency key, so look for a status with its callback data before
    /// sending it again.
    Reconcile,
    /// Another attempt would meet the same refusal.
    GiveUp,
}

/// How long to wait before another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Backoff {
    /// The number, the app or the account sends too fast: 2^n seconds.
    Rate,
    /// Too much to this contact: 4^n seconds, as Meta asks.
    Pair,
    /// The contact has had enough marketing from everybody: a day more each time.
    Day,
}

impl Backoff {
    /// The wait after so many attempts have failed, at least one; never more than 30 days.
    pub fn wait(self, failed: u32) -> Duration {
        const LONGEST: u64 = 30 * 86_400;
        let failed = failed.max(1);
        let seconds = match self {
            Self::Rate => 2_u64.saturating_pow(failed),
            Self::Pair => 4_u64.saturating_pow(failed),
            Self::Day => u64::from(failed) * 86_400,
        };
        Duration::from_secs(seconds.min(LONGEST))
    }
}

/// What an error says beyond the one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Consequence {
    /// The contact stopped marketing messages in WhatsApp.
    PlatformStop,
    /// The contact cannot be reached at this address.
    Undeliverable,
    /// The business itself blocked the contact.
    NotContactable,
    /// The contact's identity key is another one: whoever has the number now may be somebody else.
    ReconfirmIdentity,
    /// Somebody at the business must act, or nothing more will be sent.
    Alert,
    /// Nothing.
    None,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_meta_refused_unseen_is_sent_again_without_looking() {
        for code in [4, 80_007, 130_429] {
            assert_eq!(GraphError::of(code).class(), Class::RetryAfter(Backoff::Rate), "{code}");
        }
        assert_eq!(GraphError::of(131_056).class(), Class::RetryAfter(Backoff::Pair));
        assert_eq!(GraphError::of(131_049).class(), Class::RetryAfter(Backoff::Day));
        for code in [1, 2, 131_000, 131_016, 131_057, 133_004] {
            assert_eq!(GraphError::of(code).class(), Class::Reconcile, "{code}");
        }
    }

    #[test]
    fn no_refusal_but_metas_own_stop_counts_as_one() {
        assert_eq!(GraphError::of(131_050).consequence(), Consequence::PlatformStop);
        for code in (0..1_000).chain(130_000..138_000).filter(|code| *code != 131_050) {
            assert_ne!(GraphError::of(code).consequence(), Consequence::PlatformStop, "{code}");
        }
        assert_eq!(GraphError::of(131_026).consequence(), Consequence::Undeliverable);
        assert_eq!(GraphError::of(130_403).consequence(), Consequence::NotContactable);
        assert_eq!(GraphError::of(137_000).consequence(), Consequence::ReconfirmIdentity);
        assert_eq!(GraphError::of(190).consequence(), Consequence::Alert);
        assert_eq!(GraphError::of(131_049).consequence(), Consequence::None);
    }

    #[test]
    fn a_known_refusal_stands_even_if_it_is_called_transient() {
        let transient = |code| GraphError {
            code: Some(code),
            transient: true,
        };
        assert_eq!(transient(131_050).class(), Class::GiveUp);
        assert_eq!(transient(999_999).class(), Class::Reconcile);
        assert_eq!(GraphError::of(999_999).class(), Class::GiveUp);
    }

    proptest! {
        #[test]
        fn waits_grow_and_end(failed in any::<u32>()) {
            for backoff in [Backoff::Rate, Backoff::Pair, Backoff::Day] {
                prop_assert!(backoff.wait(failed) <= backoff.wait(failed.saturating_add(1)));
                prop_assert!(backoff.wait(failed) >= Duration::from_secs(2));
            }
        }
    }
}
