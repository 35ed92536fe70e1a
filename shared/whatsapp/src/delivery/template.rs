//! What changed about a message template.

use serde::{Deserialize, Serialize};

use super::account::key;
use super::key::EventKey;
use super::{Origin, Read, Reason};
use crate::json::{Field, record};
use crate::names::{Language, TemplateName, Term, WabaId, vocabulary};

/// Something changed about a message template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateEvent {
    /// The account that owns the template.
    pub waba: Option<WabaId>,
    /// Its id.
    pub id: Option<u64>,
    /// Its name.
    pub name: Option<TemplateName>,
    /// Its language.
    pub language: Option<Language>,
    /// When, in seconds since 1970.
    pub at: Option<i64>,
    /// What changed. It holds nothing personal and is made to be stored.
    pub change: TemplateChange,
    /// What makes the event unique: Meta gives it no id.
    pub key: EventKey,
}

/// What changed about a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum TemplateChange {
    /// Whether it may be sent.
    Status {
        /// From now on.
        status: TemplateStatus,
        /// The category it is in.
        category: Option<Category>,
        /// Why, unless there is no reason.
        reason: Option<Term>,
    },
    /// How contacts take it.
    Quality {
        /// Before.
        previous: Option<Quality>,
        /// From now on.
        now: Quality,
    },
    /// Meta put it into another category, or announces that.
    Category {
        /// Before.
        previous: Option<Category>,
        /// From now on.
        now: Option<Category>,
        /// From an announced day on.
        announced: Option<Category>,
    },
    /// Its text or its buttons were edited.
    Components,
    /// Anything else.
    Other {
        /// Meta's word for it.
        event: Term,
    },
}

vocabulary!(
    /// Whether a template may be sent.
    TemplateStatus {
        /// It may.
        Approved = "APPROVED",
        /// It may again.
        Reinstated = "REINSTATED",
        /// It may, but its quality is so low that it will soon be paused.
        Flagged = "FLAGGED",
        /// Not before it is reviewed.
        Pending = "PENDING",
        /// Not before an appeal is decided.
        InAppeal = "IN_APPEAL",
        /// Not in this form.
        Rejected = "REJECTED",
        /// Not for a while.
        Paused = "PAUSED",
        /// Not any more.
        Disabled = "DISABLED",
        /// Not any more, and not to be edited.
        Locked = "LOCKED",
        /// Put away.
        Archived = "ARCHIVED",
        /// About to be deleted.
        PendingDeletion = "PENDING_DELETION",
        /// Deleted.
        Deleted = "DELETED",
        /// There are too many templates.
        LimitExceeded = "LIMIT_EXCEEDED",
    }
);

impl TemplateStatus {
    /// Whether Meta accepts the template in this state.
    pub fn may_be_sent(&self) -> bool {
        matches!(self, Self::Approved | Self::Reinstated | Self::Flagged)
    }
}

vocabulary!(
    /// How contacts take a template, or what a number sends.
    Quality {
        /// Well.
        Green = "GREEN",
        /// Less well.
        Yellow = "YELLOW",
        /// Badly: it is blocked and reported.
        Red = "RED",
        /// Nobody knows yet.
        Unknown = "UNKNOWN",
    }
);
vocabulary!(
    /// What a template is for, by Meta's rules and prices.
    Category {
        /// Advertising.
        Marketing = "MARKETING",
        /// About something the contact asked for.
        Utility = "UTILITY",
        /// One-time codes.
        Authentication = "AUTHENTICATION",
    }
);

record!(Value {
    event,
    message_template_id,
    message_template_name,
    message_template_language,
    message_template_category,
    reason,
    previous_quality_score,
    new_quality_score,
    previous_category,
    new_category,
    correct_category,
});

/// Reads an event of any of the fields about templates.
pub(super) fn read(origin: &Origin, time: Field<'_>, field: Field<'_>) -> Read<TemplateEvent> {
    let value: Value<'_> = field.object().ok_or(Reason::NotAnObject)?;
    Ok(TemplateEvent {
        waba: origin.waba.clone(),
        id: value.message_template_id.parse(),
        name: value.message_template_name.parse(),
        language: value.message_template_language.parse(),
        at: time.parse(),
        change: change(origin.field.as_str(), &value),
        key: key(origin, time, field),
    })
}

/// What changed. Meta's own example of a change of quality comes under the field for changes of status, so a value
/// without an event is read by what it holds.
fn change(field: &str, value: &Value<'_>) -> TemplateChange {
    if let Some(event) = value.event.filled() {
        return TemplateChange::Status {
            status: TemplateStatus::of(&event),
            category: value.message_template_category.filled().map(|word| Category::of(&word)),
            reason: value
                .reason
                .filled()
                .filter(|reason| reason != "NONE")
                .map(|reason| Term::of(&reason)),
        };
    }
    if let Some(score) = value.new_quality_score.filled() {
        let previous = value.previous_quality_score.filled().map(|word| Quality::of(&word));
        return TemplateChange::Quality {
            previous,
            now: Quality::of(&score),
        };
    }
    match field {
        "template_category_update" => {
            let category = |member: Field<'_>| member.filled().map(|word| Category::of(&word));
            TemplateChange::Category {
                previous: category(value.previous_category),
                now: category(value.new_category),
                announced: category(value.correct_category),
            }
        }
        "message_template_components_update" => TemplateChange::Components,
        other => TemplateChange::Other { event: Term::of(other) },
    }
}
