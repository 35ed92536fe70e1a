//! Questions whether the contact meant STOP, and what silence makes of them.

use std::collections::BTreeSet;
use std::ops::Bound::Excluded;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::id::EventId;
use crate::register::{Stop, StopKind};
use crate::suppression::HOLD;
use crate::time::{Span, Time};

/// How late a delivery can be: Meta repeats one for up to seven days.
const LATENESS: Span = Span::days(7);

/// Messages after marketing that may have meant STOP, and the times at which the contact said that they did not.
///
/// One that nobody answered in time becomes a withdrawal. Each is kept for itself until no answer to it can arrive any more:
/// the answer to a later one must not undo the withdrawal that an earlier one has become.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holds {
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    held: BTreeSet<(Time, EventId)>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    answered: BTreeSet<Time>,
    /// Those whose silence is on record.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    silent: BTreeSet<EventId>,
}

/// That a message which may have meant STOP went unanswered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Silence {
    /// When the time for an answer was over.
    pub(crate) at: Time,
    /// The event that this makes.
    pub(crate) event: EventId,
}

impl Holds {
    /// Records a message that may have meant STOP.
    pub fn hold(&mut self, at: Time, event: EventId) {
        self.held.insert((at, event));
    }

    /// Records that no message of the 72 hours before meant STOP.
    pub fn answer(&mut self, at: Time) {
        self.answered.insert(at);
    }

    /// Whether nothing is held or answered.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty() && self.answered.is_empty() && self.silent.is_empty()
    }

    /// The latest withdrawal that silence has made.
    pub fn withdrawal(&self, now: Time) -> Option<Stop> {
        self.latest_unanswered(|over| over <= now)
    }

    fn latest_unanswered(&self, is_over: impl Fn(Time) -> bool) -> Option<Stop> {
        let (at, event) = *self
            .held
            .iter()
            .rev()
            .find(|(at, _)| is_over(*at + HOLD) && self.is_unanswered(*at))?;
        Some(Stop {
            at,
            kind: StopKind::Withdrawn,
            event,
        })
    }

    fn is_unanswered(&self, at: Time) -> bool {
        self.answered
            .range((Excluded(at), Excluded(at + HOLD)))
            .next()
            .is_none()
    }

    /// The messages that went unanswered and whose silence is not on record yet.
    pub(crate) fn silences(&self, now: Time) -> Vec<Silence> {
        self.held
            .iter()
            .filter(|(at, _)| *at + HOLD <= now && self.is_unanswered(*at))
            .map(|(at, event)| Silence {
                at: *at + HOLD,
                event: silence_after(event),
            })
            .filter(|silence| !self.silent.contains(&silence.event))
            .collect()
    }

    /// Puts a silence on record.
    pub(crate) fn note(&mut self, silence: EventId) {
        self.silent.insert(silence);
    }

    /// When something comes of one of the messages: a silence, or that no answer to it can arrive any more. An answer alone waits
    /// for nothing.
    pub(crate) fn due_at(&self) -> Option<Time> {
        let due_at = |(at, event): &(Time, EventId)| {
            let is_noted = self.silent.contains(&silence_after(event));
            if is_noted || !self.is_unanswered(*at) {
                *at + HOLD + LATENESS
            } else {
                *at + HOLD
            }
        };
        self.held.iter().map(due_at).min()
    }

    /// Takes over all that the other has seen.
    pub fn merge(&mut self, other: &Self) {
        self.held.extend(&other.held);
        self.answered.extend(&other.answered);
        self.silent.extend(&other.silent);
    }

    /// Forgets what no late delivery can change any more, and returns the withdrawal that is left of it.
    pub(crate) fn settle(&mut self, now: Time) -> Option<Stop> {
        let is_settled = |at: Time| at + HOLD + LATENESS <= now;
        let withdrawal = self.latest_unanswered(|over| over + LATENESS <= now);
        self.held.retain(|(at, _)| !is_settled(*at));
        self.answered.retain(|at| !is_settled(*at));
        let left: BTreeSet<_> = self.held.iter().map(|(_, event)| silence_after(event)).collect();
        self.silent.retain(|silence| left.contains(silence));
        withdrawal
    }
}

/// The event that silence after a message makes: the same, whoever notices it.
fn silence_after(held: &EventId) -> EventId {
    let digest = Sha256::new()
        .chain_update(b"silence\0")
        .chain_update(held.as_bytes())
        .finalize();
    EventId::from_bytes(digest.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Time {
        Time::from_unix_seconds(1_760_000_000 + hours * 3_600)
    }

    fn held(hours: &[i64], answered: &[i64]) -> Holds {
        let mut holds = Holds::default();
        for (hour, number) in hours.iter().zip(1..) {
            holds.hold(at(*hour), EventId::from_bytes([number; 32]));
        }
        answered.iter().for_each(|hour| holds.answer(at(*hour)));
        holds
    }

    fn withdrawn(holds: &Holds, now: i64) -> Option<Time> {
        holds.withdrawal(at(now)).map(|stop| stop.at)
    }

    #[test]
    fn silence_of_72_hours_is_a_withdrawal_and_an_answer_prevents_it() {
        assert_eq!(withdrawn(&held(&[0], &[]), 71), None);
        assert_eq!(withdrawn(&held(&[0], &[]), 72), Some(at(0)));
        assert_eq!(withdrawn(&held(&[0], &[71]), 500), None);
        assert_eq!(withdrawn(&held(&[0], &[72]), 500), Some(at(0)));
        assert_eq!(withdrawn(&held(&[0], &[0]), 500), Some(at(0)), "a tie is no answer");
    }

    #[test]
    fn the_answer_to_a_later_message_undoes_no_withdrawal() {
        assert_eq!(withdrawn(&held(&[0, 130], &[131]), 500), Some(at(0)));
    }

    #[test]
    fn a_message_that_was_answered_stays_answered_whatever_is_answered_later() {
        assert_eq!(withdrawn(&held(&[0], &[1, 200]), 500), None);
    }

    #[test]
    fn what_is_forgotten_leaves_its_withdrawal_behind() {
        let mut holds = held(&[0, 50, 200], &[60, 201]);
        assert_eq!(holds.settle(at(600)), None);
        assert!(holds.is_empty());

        let mut holds = held(&[0, 200], &[201]);
        assert_eq!(holds.settle(at(72 + 7 * 24 - 1)), None, "its answer may still arrive");
        assert_eq!(holds.settle(at(72 + 7 * 24)).map(|stop| stop.at), Some(at(0)));
        assert!(!holds.is_empty());
    }
}
