//! What follows from an attempt: for the message, and for its contact.

use std::time::Duration;

use consent::event::FailureCause;
use consent::id::MessageRef;
use consent::outgoing::{Outgoing, Unsendable};
use consent::time::{Span, Time};
use identity::Identifiers;
use whatsapp::graph::{Backoff, Class, Consequence, SendError};

/// The longest wait between attempts, but for those that Meta asks to be longer.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// The shortest wait where somebody at the business must act first.
const WAIT_FOR_PEOPLE: Duration = Duration::from_secs(5 * 60);

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Meta accepted it.
    Accepted {
        /// Keyed hash of the id that Meta gave it.
        message: MessageRef,
        /// Whom Meta says it goes to, if it names the contact by more than is known.
        news: Option<Identifiers>,
    },
    /// It has not gone out, and is tried again.
    Retry {
        /// When.
        at: Time,
        /// Whether nothing goes out until somebody at the business acts.
        blocked: bool,
    },
    /// It may have gone out.
    Uncertain,
    /// It did not go out, and will not.
    Failed {
        /// Why.
        reason: &'static str,
        /// Meta's code, if it gave one.
        code: Option<u32>,
        /// What that says about the contact.
        cause: FailureCause,
    },
    /// It was not to go out any more.
    Dropped(Dropped),
}

/// Why a message was not to go out any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dropped {
    /// By the rules of consent.
    Unsendable(Unsendable),
    /// The contact was erased.
    ContactGone,
}

impl Dropped {
    /// The reason as it is kept, and the metric that counts it.
    pub(crate) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Unsendable(Unsendable::Expired) => ("expired", "outbox_dropped_expired"),
            Self::Unsendable(Unsendable::Suppressed) => ("suppressed", "outbox_dropped_suppressed"),
            Self::Unsendable(Unsendable::Superseded) => ("superseded", "outbox_dropped_superseded"),
            Self::Unsendable(Unsendable::WindowClosed) => ("window_closed", "outbox_dropped_window_closed"),
            Self::Unsendable(Unsendable::NotInPolicy) => ("not_in_policy", "outbox_dropped_not_in_policy"),
            Self::ContactGone => ("contact_gone", "outbox_dropped_contact_gone"),
        }
    }

    /// Whether a prompt must be recorded as failed: else the contact would count as asked, and a new request get no prompt, until
    /// a token that nobody received has run out. A prompt that was superseded is waited for no more.
    pub(crate) fn fails_the_prompt(self) -> bool {
        match self {
            Self::Unsendable(Unsendable::Superseded) | Self::ContactGone => false,
            Self::Unsendable(
                Unsendable::Expired | Unsendable::Suppressed | Unsendable::WindowClosed | Unsendable::NotInPolicy,
            ) => true,
        }
    }
}

impl Verdict {
    /// Whether nothing has gone out.
    pub(crate) fn is_unsent(&self) -> bool {
        match self {
            Self::Retry { .. } | Self::Failed { .. } | Self::Dropped(_) => true,
            Self::Accepted { .. } | Self::Uncertain => false,
        }
    }

    /// What follows from a send that Meta did not accept.
    ///
    /// There is no limit to the attempts but the message's own expiry: what is tried again is what Meta refused unseen or never
    /// got, so no contact is bothered, and an outage of a day must not cost a consent.
    pub(crate) fn of_error(error: SendError, outgoing: &Outgoing, attempt: u32, now: Time) -> Self {
        if error.class() == Class::Reconcile {
            return Self::Uncertain;
        }
        let Some(wait) = wait_after(error, attempt) else {
            let (reason, cause) = match error.consequence() {
                Consequence::Undeliverable => ("undeliverable", FailureCause::Undeliverable),
                Consequence::PlatformStop => ("platform_stop", FailureCause::PlatformStop),
                Consequence::NotContactable
                | Consequence::ReconfirmIdentity
                | Consequence::Alert
                | Consequence::None => ("refused", FailureCause::Other),
            };
            return Self::Failed {
                reason,
                code: error.code(),
                cause,
            };
        };
        let at = now + wait;
        if at < outgoing.expires_at {
            let blocked = blocks(error);
            return Self::Retry { at, blocked };
        }
        Self::Failed {
            reason: "expired",
            code: error.code(),
            cause: FailureCause::Other,
        }
    }
}

/// Whether nothing gets through to Meta until somebody at the business acts.
pub(crate) fn blocks(error: SendError) -> bool {
    error.consequence() == Consequence::Alert
}

/// How long to wait after so many attempts before what may be done twice is tried again. None if that would be refused again.
pub(crate) fn wait_after(error: SendError, attempt: u32) -> Option<Span> {
    let wait = match error.class() {
        Class::GiveUp if !blocks(error) => return None,
        Class::GiveUp => Backoff::Rate.wait(attempt).clamp(WAIT_FOR_PEOPLE, LONGEST_WAIT),
        Class::NotSent | Class::Reconcile => Backoff::Rate.wait(attempt).min(LONGEST_WAIT),
        Class::RetryAfter(Backoff::Day) => Backoff::Day.wait(attempt),
        Class::RetryAfter(backoff) => backoff.wait(attempt).min(LONGEST_WAIT),
    };
    Some(Span::seconds(u32::try_from(wait.as_secs()).unwrap_or(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use consent::outgoing::OutgoingKind;
    use whatsapp::graph::GraphError;

    use super::*;

    const NOW: Time = Time::from_unix_seconds(1_763_890_200);

    fn after(error: SendError, attempt: u32) -> Verdict {
        let outgoing = Outgoing {
            id: consent::id::OutgoingId::from_bytes([1; 16]),
            kind: OutgoingKind::Help,
            locale: "de".parse().unwrap(),
            sender: "106540352242922".parse().unwrap(),
            created_at: NOW,
            expires_at: NOW + Span::hours(72),
        };
        Verdict::of_error(error, &outgoing, attempt, NOW)
    }

    fn code(code: u32, attempt: u32) -> Verdict {
        after(SendError::Refused(GraphError::of(code)), attempt)
    }

    fn retry(seconds: u32, blocked: bool) -> Verdict {
        Verdict::Retry {
            at: NOW + Span::seconds(seconds),
            blocked,
        }
    }

    #[test]
    fn what_may_have_gone_out_is_never_tried_again() {
        for error in [
            SendError::NoAnswer,
            SendError::Unexplained { status: 200 },
            SendError::Unexplained { status: 502 },
            SendError::Refused(GraphError::of(131_000)),
            SendError::Refused(GraphError {
                code: Some(999_999),
                transient: true,
            }),
        ] {
            for attempt in [1, 30] {
                assert_eq!(after(error, attempt), Verdict::Uncertain, "{error}");
            }
        }
    }

    #[test]
    fn what_meta_never_got_or_refused_unseen_is_tried_again_after_growing_waits() {
        assert_eq!(after(SendError::Unreachable, 1), retry(2, false));
        assert_eq!(code(130_429, 3), retry(8, false));
        assert_eq!(code(131_056, 3), retry(64, false));
        assert_eq!(code(131_056, 30), retry(3_600, false));
        assert_eq!(code(131_049, 1), retry(86_400, false));
    }

    #[test]
    fn what_the_business_can_mend_is_tried_until_the_message_expires() {
        for blocked in [190, 10, 131_042, 132_001] {
            assert_eq!(code(blocked, 1), retry(300, true), "{blocked}");
            assert_eq!(code(blocked, 60), retry(3_600, true), "{blocked}");
        }
        assert_eq!(after(SendError::Unexplained { status: 403 }, 1), retry(300, true));
    }

    #[test]
    fn a_wait_beyond_the_expiry_is_the_end() {
        let failed = Verdict::Failed {
            reason: "expired",
            code: Some(131_049),
            cause: FailureCause::Other,
        };
        assert_eq!(code(131_049, 3), failed);
    }

    #[test]
    fn a_refusal_for_good_says_what_it_means_for_the_contact() {
        for (refused, cause) in [
            (131_026, FailureCause::Undeliverable),
            (131_050, FailureCause::PlatformStop),
            (131_047, FailureCause::Other),
        ] {
            let verdict = code(refused, 1);
            assert!(
                matches!(verdict, Verdict::Failed { code, cause: found, .. } if code == Some(refused) && found == cause),
                "{verdict:?}"
            );
        }
    }
}
