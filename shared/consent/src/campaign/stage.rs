//! When a campaign is checked.

use serde::{Deserialize, Serialize};

use crate::policy::Policy;
use crate::time::{Span, Time};

use super::plan::Campaign;

/// Which of its checks a campaign is due for. Later stages are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Somebody asked for it.
    OnDemand,
    /// The campaign has come into sight: 24 hours ahead, unless the policy looks farther.
    Ahead,
    /// The last hour before the start.
    LastHour,
    /// The last ten minutes before the start, and then every hour for as long as the campaign may send.
    Start,
}

/// How often a campaign that may send is checked: what held no message back when it started may do so now.
const WHILE_SENDING: Span = Span::hours(1);

impl Stage {
    /// The stages that a schedule checks, with how long before the start each opens.
    fn scheduled(policy: &Policy) -> [(Self, Span); 3] {
        [
            (Self::Ahead, policy.campaigns().look_ahead()),
            (Self::LastHour, Span::hours(1)),
            (Self::Start, Span::minutes(10)),
        ]
    }
}

impl Campaign {
    /// The check that is due, if one is.
    ///
    /// A stage that has opened is due until it was checked in, and the last one every hour. A campaign that is held or blocked is due each time, so that it
    /// is released when the cause is gone; so is one whose audience, plan or policy is not what was checked, and one whose last check
    /// lies in the future, because a clock was wrong.
    pub fn check_due(&self, policy: &Policy, now: Time) -> Option<Stage> {
        let starts_at = self.plan.scheduled_at.at();
        let open = Stage::scheduled(policy).into_iter();
        let (stage, opened_at) = open
            .map(|(stage, before)| (stage, starts_at - before))
            .filter(|(_, opened_at)| *opened_at <= now)
            .max()?;
        if now >= self.plan.ends_at() {
            return None;
        }
        let opened_at = if stage == Stage::Start {
            opened_at.max(now - WHILE_SENDING)
        } else {
            opened_at
        };
        let is_done = self.verdict.as_ref().is_some_and(|verdict| {
            (opened_at..=now).contains(&verdict.began_at)
                && verdict.policy == policy.version()
                && self.is_described_by(verdict)
                && !verdict.clearance.is_stopped()
        });
        (!is_done).then_some(stage)
    }
}
