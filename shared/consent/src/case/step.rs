//! What people do in the chat about their cases.

use serde::{Deserialize, Serialize};

use crate::id::{CaseId, EventId, OutgoingId};
use crate::outgoing::{Outgoing, step_id};
use crate::time::Time;

use super::Case;

/// What an event of a contact means for their cases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum CaseStep {
    /// They demand something: this case opens, and they are asked whether they do.
    Opened {
        /// The case.
        case: Box<Case>,
    },
    /// They say by the button that the demand is theirs.
    ItIsMe {
        /// The case.
        case: CaseId,
        /// When.
        at: Time,
        /// Whether they are sent a code, which is needed as well.
        with_code: bool,
    },
}

impl CaseStep {
    /// The case that it is a step of.
    pub fn case(&self) -> &CaseId {
        match self {
            Self::Opened { case } => &case.id,
            Self::ItIsMe { case, .. } => case,
        }
    }
}

/// A step of a case that waits to be taken. It is no message: nobody receives it, and no suppression forbids it. The message that
/// follows from it goes out once it is taken, so that a button or a code is good when it arrives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingStep {
    /// Its place in the outbox, derived from the event that it follows from: so it happens once.
    pub id: OutgoingId,
    /// The step.
    pub step: CaseStep,
    /// When it was decided.
    pub created_at: Time,
    /// The message that follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Outgoing>,
}

impl PendingStep {
    /// The step that follows from an event, and the message that follows from the step.
    pub(crate) fn of(event: &EventId, step: CaseStep, then: Option<Outgoing>, created_at: Time) -> Self {
        Self {
            id: step_id(event),
            step,
            created_at,
            then,
        }
    }

    /// All that it puts into the outbox now and later, each with the time when it was decided.
    pub fn entries(&self) -> impl Iterator<Item = (OutgoingId, Time)> {
        let message = self.then.as_ref().map(|message| (message.id, message.created_at));
        [(self.id, self.created_at)].into_iter().chain(message)
    }
}
