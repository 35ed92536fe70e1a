//! A campaign's verdict, as an answer shows it.

use consent::campaign::{CampaignVerdict, Cause, Clearance, Difference, Health, Stage, Tally, Usage};
use consent::id::{AudienceDigest, CheckId, PolicyVersion};
use consent::time::Time;
use ledger::StoredCampaign;
use serde::Serialize;

/// What a check came to, and whether it is what the ledger wrote.
#[derive(Debug, Serialize)]
pub(crate) struct Shown<'a> {
    check: CheckId,
    stage: Stage,
    clearance: Clearance,
    /// What holds or blocks the campaign, and what would release it.
    causes: Vec<ShownCause>,
    began_at: Time,
    ended_at: Time,
    /// Every consent counts as it was then, or later.
    watermark: Time,
    policy: PolicyVersion,
    audience_sha256: AudienceDigest,
    counts: &'a Tally,
    denied_share_percent: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<&'a Difference>,
    health: &'a Health,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    signature_valid: bool,
}

#[derive(Debug, Serialize)]
struct ShownCause {
    cause: Cause,
    release: &'static str,
}

impl<'a> Shown<'a> {
    /// The last verdict, if there is one.
    pub(crate) fn of(stored: &'a StoredCampaign) -> Option<Self> {
        let verdict: &CampaignVerdict = stored.campaign.verdict.as_deref()?;
        let causes = verdict.causes.iter().map(|cause| ShownCause {
            cause: *cause,
            release: cause.release(),
        });
        Some(Self {
            check: verdict.check,
            stage: verdict.stage,
            clearance: verdict.clearance,
            causes: causes.collect(),
            began_at: verdict.began_at,
            ended_at: verdict.ended_at,
            watermark: verdict.began_at,
            policy: verdict.policy,
            audience_sha256: verdict.audience,
            counts: &verdict.tally,
            denied_share_percent: percent(verdict.denied_share),
            difference: verdict.difference.as_ref(),
            health: &verdict.health,
            usage: verdict.usage,
            signature_valid: stored.is_intact,
        })
    }
}

/// Hundredths of a percent, as percent.
fn percent(hundredths: u64) -> f64 {
    f64::from(u32::try_from(hundredths).unwrap_or(u32::MAX)) / 100.0
}
