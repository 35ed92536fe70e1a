//! The ways in which only a request here is refused. No text repeats anything that came with the request.

use consent::campaign::{InvalidPart, NotClear, PlanFault, State};
use consent::id::InvalidId;
use lambda_http::http::StatusCode;
use service::http::Refusal;
use service::http::body::sentence;

pub(crate) fn malformed_campaign_id(error: &InvalidId) -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "malformed",
        "Malformed campaign id",
        sentence(error),
    )
    .with_member("id")
}

pub(crate) fn unknown_campaign() -> Refusal {
    let detail = "There is no such campaign: register it with PUT first, or see how its id is written.";
    Refusal::new(StatusCode::NOT_FOUND, "unknown-campaign", "Unknown campaign", detail)
}

pub(crate) fn unknown_part(error: &InvalidPart) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "unknown-part", "Unknown part", sentence(error))
}

/// What is wrong with a plan, and where it stands in the body.
pub(crate) fn plan(fault: PlanFault) -> Refusal {
    let (status, kind, title, member) = match fault {
        PlanFault::Past => (StatusCode::BAD_REQUEST, "past-time", "Time in the past", "scheduled_at"),
        PlanFault::TooFar => (
            StatusCode::BAD_REQUEST,
            "distant-time",
            "Time too far ahead",
            "scheduled_at",
        ),
        PlanFault::UnknownPurpose => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "unknown-purpose",
            "Unknown purpose",
            "purpose",
        ),
        PlanFault::UnknownSender => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "unknown-sender",
            "Unknown sender",
            "sender",
        ),
        PlanFault::SenderOutOfScope => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "sender-out-of-scope",
            "Sender out of scope",
            "sender",
        ),
    };
    Refusal::new(status, kind, title, sentence(fault)).with_member(member)
}

/// The campaign cannot be changed any more.
pub(crate) fn closed(state: State) -> Refusal {
    match state {
        State::Over => {
            let detail = "The campaign is over: register another one.";
            Refusal::new(StatusCode::CONFLICT, "campaign-over", "Campaign over", detail)
        }
        _ => {
            let detail = "Messages of the campaign have been let go, so what was agreed to be sent to whom stays as it is: \
                          register another campaign.";
            Refusal::new(StatusCode::CONFLICT, "already-sending", "Already sending", detail)
        }
    }
}

/// The gate is shut for the whole campaign.
pub(crate) fn not_clear(why: NotClear) -> Refusal {
    let kind = match why {
        NotClear::NotStarted(_) => "not-started",
        NotClear::Over(_) => "campaign-over",
        NotClear::NeverChecked => "never-checked",
        NotClear::CheckTooOld => "check-too-old",
        NotClear::PolicyChanged => "policy-changed",
        NotClear::AudienceChanged => "audience-changed",
        NotClear::Held => "campaign-held",
        NotClear::Blocked => "campaign-blocked",
    };
    Refusal::new(StatusCode::CONFLICT, kind, "Campaign not clear", sentence(why))
}

/// The audience is not the one that the page before was of.
pub(crate) fn stale_cursor() -> Refusal {
    let detail = "The audience has changed since the page before: begin with the first page.";
    Refusal::new(StatusCode::CONFLICT, "stale-cursor", "Audience changed", detail)
}
