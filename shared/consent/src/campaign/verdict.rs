//! The verdict on a campaign: what a check of its audience came to.

use serde::{Deserialize, Serialize};

use crate::id::{AudienceDigest, CampaignId, CheckId, PolicyVersion};
use crate::policy::Policy;
use crate::time::Time;

use super::clearance::{Cause, Clearance};
use super::engine;
use super::health::Health;
use super::message::{Circumstances, Message, Usage};
use super::plan::{Campaign, Plan};
use super::stage::Stage;
use super::tally::{Difference, Tally};

/// The version of the verdict's structure.
pub const SCHEMA: u32 = 1;

/// What a check came to. The ledger signs it, so that it can be shown later what was known before a campaign was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignVerdict {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The campaign.
    pub campaign: CampaignId,
    /// The check.
    pub check: CheckId,
    /// Why it was made.
    pub stage: Stage,
    /// When the first contact was read: every consent counts as it was then, or later. All reads are consistent.
    pub began_at: Time,
    /// When the last one was.
    pub ended_at: Time,
    /// What was to be sent.
    pub plan: Plan,
    /// The SHA-256 of the audience.
    pub audience: AudienceDigest,
    /// The policy that it goes by.
    pub policy: PolicyVersion,
    /// What was known of the sender and the template.
    pub health: Health,
    /// How much of the messaging limit was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// How the recipients were judged.
    pub tally: Tally,
    /// The share of people who may not get the message for a reason of their own, in hundredths of a percent.
    pub denied_share: u64,
    /// Whether the campaign may send.
    pub clearance: Clearance,
    /// Why not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    /// What changed since the check before, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
}

/// A check that is over, and what it found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The check.
    pub check: CheckId,
    /// Why it was made.
    pub stage: Stage,
    /// When the first contact was read.
    pub began_at: Time,
    /// When the last one was.
    pub ended_at: Time,
    /// What is known of the sender and the template.
    pub health: Health,
    /// How much of the messaging limit is used.
    pub usage: Option<Usage>,
    /// How the recipients were judged.
    pub tally: Tally,
}

impl CampaignVerdict {
    /// The verdict that a check of the campaign comes to.
    pub fn of(campaign: &Campaign, checked: Checked, policy: &Policy) -> Self {
        let Checked {
            check,
            stage,
            began_at,
            ended_at,
            health,
            usage,
            tally,
        } = checked;
        let plan = campaign.plan.clone();
        let circumstances = Circumstances {
            health: Some(&health),
            usage,
            ..Circumstances::default()
        };
        let message = plan.message(&campaign.id, began_at);
        let against_all = engine::against_all(&plan.purpose, &message, &circumstances, policy, began_at);
        let most_denied = policy.campaigns().denied_share_percent();
        let causes = Cause::of(against_all, campaign.audience.is_empty(), &tally, most_denied);
        let excluded = tally.total() > tally.allow;
        let unstopped = if excluded {
            Clearance::ClearedWithExclusions
        } else {
            Clearance::Cleared
        };
        let strictest = causes.iter().map(|cause| cause.clearance()).max();
        let before = campaign.verdict.as_ref();
        Self {
            schema: SCHEMA,
            campaign: campaign.id.clone(),
            check,
            stage,
            began_at,
            ended_at,
            audience: campaign.digest(),
            policy: policy.version(),
            denied_share: tally.denied_share(),
            clearance: strictest.unwrap_or(unstopped),
            causes,
            difference: before.map(|before| Difference::between(before.began_at, &before.tally, &tally)),
            plan,
            health,
            usage,
            tally,
        }
    }
}

impl Plan {
    /// The campaign's message, as it would go out at its start, or now if that is over.
    pub fn message<'a>(&'a self, campaign: &'a CampaignId, now: Time) -> Message<'a> {
        Message {
            sender: Some(&self.sender),
            template: Some(&self.template),
            campaign: Some(campaign),
            at: self.scheduled_at.at().max(now),
        }
    }
}
