//! A judgement, as an answer shows it.

use consent::campaign::{Judgement, Reasons, Verdict};
use consent::time::Time;
use serde::Serialize;

/// Whether a message may be sent, and all that stands against it.
#[derive(Debug, Serialize)]
pub(crate) struct Answered {
    verdict: &'static str,
    reasons: Reasons,
    /// From when on it may be, if time alone stands against it.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Time>,
}

impl From<Judgement> for Answered {
    fn from(judgement: Judgement) -> Self {
        Self {
            verdict: judgement.verdict().as_str(),
            reasons: judgement.reasons(),
            until: match judgement.verdict() {
                Verdict::Defer(until) => Some(until),
                Verdict::Allow | Verdict::Review | Verdict::Deny => None,
            },
        }
    }
}
