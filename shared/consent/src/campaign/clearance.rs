//! Whether a campaign as a whole may send, and what would release it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::reason::{Reason, Reasons};
use super::tally::Tally;

/// Whether a campaign may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clearance {
    /// It may, to everyone on its audience.
    Cleared,
    /// It may, to some of its audience.
    ClearedWithExclusions,
    /// Not until the cause is gone, which may happen by itself.
    Held,
    /// Not until somebody changes the campaign, the policy or the account.
    Blocked,
}

impl Clearance {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cleared => "cleared",
            Self::ClearedWithExclusions => "cleared_with_exclusions",
            Self::Held => "held",
            Self::Blocked => "blocked",
        }
    }

    /// Whether nothing may be sent.
    pub fn is_stopped(self) -> bool {
        match self {
            Self::Cleared | Self::ClearedWithExclusions => false,
            Self::Held | Self::Blocked => true,
        }
    }
}

impl fmt::Display for Clearance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a campaign may not send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Nobody is on the audience.
    EmptyAudience,
    /// Nobody on the audience may ever get the message.
    NobodyEligible,
    /// The policy does not have the purpose any more.
    PurposeRetired,
    /// The sender may not send for the purpose.
    SenderOutOfScope,
    /// More of the audience is ineligible than the policy allows.
    DeniedShare,
    /// Some of the audience could not be checked.
    Unchecked,
    /// Meta has not approved the template.
    TemplateNotApproved,
    /// Meta paused the template.
    TemplatePaused,
    /// Meta rates the template's quality as low.
    TemplateRed,
    /// Meta has put the template into another category.
    CategoryMismatch,
    /// Meta rates the sender's quality as low.
    QualityRed,
    /// Meta restricted or disabled the account.
    AccountRestricted,
    /// What is known of the account or the template is too old, or nothing is known.
    HealthStale,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 13] = [
        Self::EmptyAudience,
        Self::NobodyEligible,
        Self::PurposeRetired,
        Self::SenderOutOfScope,
        Self::DeniedShare,
        Self::Unchecked,
        Self::TemplateNotApproved,
        Self::TemplatePaused,
        Self::TemplateRed,
        Self::CategoryMismatch,
        Self::QualityRed,
        Self::AccountRestricted,
        Self::HealthStale,
    ];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EmptyAudience => "empty_audience",
            Self::NobodyEligible => "nobody_eligible",
            Self::PurposeRetired => "purpose_retired",
            Self::SenderOutOfScope => "sender_out_of_scope",
            Self::DeniedShare => "denied_share",
            Self::Unchecked => "unchecked",
            Self::TemplateNotApproved => "template_not_approved",
            Self::TemplatePaused => "template_paused",
            Self::TemplateRed => "template_red",
            Self::CategoryMismatch => "category_mismatch",
            Self::QualityRed => "quality_red",
            Self::AccountRestricted => "account_restricted",
            Self::HealthStale => "health_stale",
        }
    }

    /// Whether it holds the campaign or blocks it.
    pub const fn clearance(self) -> Clearance {
        match self {
            Self::EmptyAudience
            | Self::NobodyEligible
            | Self::PurposeRetired
            | Self::SenderOutOfScope
            | Self::TemplateNotApproved => Clearance::Blocked,
            Self::DeniedShare
            | Self::Unchecked
            | Self::TemplatePaused
            | Self::TemplateRed
            | Self::CategoryMismatch
            | Self::QualityRed
            | Self::AccountRestricted
            | Self::HealthStale => Clearance::Held,
        }
    }

    /// What would release the campaign, for people.
    pub const fn release(self) -> &'static str {
        match self {
            Self::EmptyAudience => "Upload an audience.",
            Self::NobodyEligible => "Upload an audience with at least one contact who has agreed to the purpose.",
            Self::PurposeRetired => {
                "Register the campaign for a purpose of the policy, or publish a policy that has this one."
            }
            Self::SenderOutOfScope => "Let a sender of the purpose send, or publish a policy that lets this one.",
            Self::DeniedShare => {
                "Take those off the audience who have not agreed, or find out why so many have not. The next check releases it."
            }
            Self::Unchecked => "Nothing: the next check that can read the whole audience releases it.",
            Self::TemplateNotApproved => "Have Meta approve the template, or take one that is approved.",
            Self::TemplatePaused => "Wait until Meta ends the pause, or take another template.",
            Self::TemplateRed => {
                "Wait until Meta rates the template's quality as medium or high, or take another template."
            }
            Self::CategoryMismatch => {
                "Take a template of the category that fits the purpose, or have Meta review the category."
            }
            Self::QualityRed => "Wait until Meta rates the sender's quality as medium or high.",
            Self::AccountRestricted => "Wait until Meta lifts the restriction, or appeal against it.",
            Self::HealthStale => {
                "Nothing, if Meta can be asked: the next check does. Else see that the access token is valid and Meta's \
                 webhooks arrive."
            }
        }
    }

    /// What stops a campaign, given what stands against its message whoever gets it, and how its audience was judged.
    pub(super) fn of(against_all: Reasons, is_empty: bool, tally: &Tally, most_denied_percent: u32) -> Vec<Self> {
        let mut causes: Vec<_> = against_all.iter().filter_map(Self::of_reason).collect();
        let nobody_eligible = tally.people() == tally.ineligible();
        if is_empty {
            causes.push(Self::EmptyAudience);
        } else if nobody_eligible {
            causes.push(Self::NobodyEligible);
        } else if tally.denied_share() > u64::from(most_denied_percent) * 100 {
            causes.push(Self::DeniedShare);
        }
        if tally.count(Reason::LedgerUnavailable) > 0 {
            causes.push(Self::Unchecked);
        }
        causes.sort_unstable();
        causes
    }

    /// What a reason that stands against every message does to the campaign.
    fn of_reason(reason: Reason) -> Option<Self> {
        Some(match reason {
            Reason::PurposeRetired => Self::PurposeRetired,
            Reason::SenderOutOfScope => Self::SenderOutOfScope,
            Reason::TemplateNotApproved => Self::TemplateNotApproved,
            Reason::TemplatePaused => Self::TemplatePaused,
            Reason::TemplateRed => Self::TemplateRed,
            Reason::CategoryMismatch => Self::CategoryMismatch,
            Reason::QualityRed => Self::QualityRed,
            Reason::AccountRestricted => Self::AccountRestricted,
            Reason::PolicyStale => Self::HealthStale,
            // Who has to wait for the limit waits; the campaign goes on for the others.
            _ => return None,
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
