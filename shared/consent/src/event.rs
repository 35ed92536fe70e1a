//! Events: what can happen to a contact, already translated from whatever carried it.

use crate::case::CaseKind;
use crate::contact::Carried;
use crate::evidence::{Actor, DeliveryEvidence, TypedWords, WithdrawalSource};
use crate::id::{CaseId, ContactId, EventId, Locale, MessageRef, PurposeId, RequestId, SenderId};
use crate::register::RequestSource;
use crate::time::Time;
use crate::token::Token;
use crate::words::Meaning;

/// Something that happened, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id: the same event always has the same id, however often it is delivered.
    pub id: EventId,
    /// When it happened, as its source says. A time in the future counts as received now.
    pub at: Time,
    /// What happened.
    pub act: Act,
    /// The signed webhook that carried it, if one did.
    pub delivery: Option<DeliveryEvidence>,
}

impl Event {
    /// The contact that the event is meant for, where it says so: the one that a tapped button was made for.
    pub fn addressee(&self) -> Option<ContactId> {
        match &self.act {
            Act::Tapped { payload, .. } => Token::claimed_contact(payload),
            _ => None,
        }
    }

    /// Whether the event concerns the person under every number and id, and not only the contact it reached: a stop does.
    pub fn binds_the_person(&self) -> bool {
        match &self.act {
            Act::Said(said) => !matches!(said.meaning, Meaning::OptIn(_) | Meaning::Help | Meaning::Confirm),
            Act::Withdrew { .. } | Act::PlatformStopped | Act::PlatformResumed | Act::Restricted { .. } => true,
            Act::Tapped { payload, .. } => Token::claims_refusal(payload),
            Act::Asked(_)
            | Act::Prompted { .. }
            | Act::Left { .. }
            | Act::Arrived(_)
            | Act::WentUnanswered
            | Act::ErasureRefused { .. }
            | Act::IdentityAsked { .. }
            | Act::RestrictionEnds { .. }
            | Act::Unrestricted { .. }
            | Act::Rectified { .. } => false,
        }
    }
}

/// Who wrote the words of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Authorship {
    /// The contact, as this message.
    Own,
    /// Forwarded, edited, or the caption of a picture: good enough for a stop, never for consent.
    Other,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Step one came in through the API.
    Asked(Asked),
    /// The contact wrote something that means something.
    Said(Said),
    /// The contact tapped a button with a payload that may be a token.
    Tapped {
        /// The payload.
        payload: String,
        /// Keyed hash of the message's id.
        message: MessageRef,
        /// Keyed hash of the id of the message that holds the button.
        context: Option<MessageRef>,
    },
    /// The controller passes on a withdrawal that reached it elsewhere.
    Withdrew {
        /// The purposes, or all.
        purposes: Option<Vec<PurposeId>>,
        /// How it reached the controller.
        source: WithdrawalSource,
        /// Who passed it on.
        actor: Actor,
    },
    /// The contact stopped marketing in WhatsApp's settings, or Meta refused a message because they had.
    PlatformStopped,
    /// The contact allowed marketing again in WhatsApp's settings.
    PlatformResumed,
    /// What became of a prompt.
    Prompted {
        /// The request it was made for.
        request: RequestId,
        /// What became of it.
        outcome: PromptOutcome,
    },
    /// The number or id went to another contact, or its owner may have changed.
    Left {
        /// The contact that has the new number or id, if it is known.
        to: Option<ContactId>,
    },
    /// The contact has the number or id of another one now.
    Arrived(Carried),
    /// The time for an answer to the question whether the contact meant STOP is over.
    WentUnanswered,
    /// The contact was to be erased, and a legal hold stands against it.
    ErasureRefused {
        /// Who asked for it.
        actor: Actor,
        /// What they gave as the reason.
        reason: TypedWords,
    },
    /// The contact is asked whether what was demanded elsewhere in their name is theirs.
    IdentityAsked {
        /// The case that it was demanded in.
        case: CaseId,
        /// What is demanded.
        kind: CaseKind,
    },
    /// Nothing may be done with the contact's data but keep it (Art. 18 GDPR).
    Restricted {
        /// Who saw to it.
        actor: Actor,
    },
    /// The restriction is about to end, which the contact has to be told first (Art. 18(3) GDPR).
    RestrictionEnds {
        /// The case that it was demanded in.
        case: CaseId,
    },
    /// The restriction is over.
    Unrestricted {
        /// Who saw to it.
        actor: Actor,
    },
    /// What was known of the contact was wrong (Art. 16 GDPR). No consent ever is.
    Rectified {
        /// The language that is theirs.
        locale: Locale,
        /// Who saw to it.
        actor: Actor,
    },
}

/// Step one, as the controller took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The request's id.
    pub request: RequestId,
    /// The purposes, at most [`crate::token::MAX_PURPOSES`].
    pub purposes: Vec<PurposeId>,
    /// The language it was made in.
    pub locale: Locale,
    /// How it was taken.
    pub source: RequestSource,
    /// The page it was taken on.
    pub url: Option<String>,
    /// The form or advertisement it was taken with.
    pub form: Option<String>,
    /// Who passed it on.
    pub actor: Actor,
}

/// A message that means something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// What it means.
    pub meaning: Meaning,
    /// The words.
    pub words: TypedWords,
    /// Who wrote them.
    pub authorship: Authorship,
    /// Whether the words are a button's label.
    pub by_button: bool,
    /// The sender that it was written to.
    pub sender: Option<SenderId>,
    /// Keyed hash of the message's id.
    pub message: MessageRef,
    /// Keyed hash of the id of the message it replies to.
    pub context: Option<MessageRef>,
}

/// What became of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptOutcome {
    /// Meta accepted it.
    Accepted {
        /// Keyed hash of the message id that Meta gave it.
        message: MessageRef,
    },
    /// It is on the contact's telephone.
    Delivered,
    /// It will not arrive.
    Failed {
        /// Meta's error code, if there is one.
        code: Option<u32>,
        /// What it says about the contact.
        cause: FailureCause,
    },
}

/// What a failure says about the contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureCause {
    /// The address cannot be reached on WhatsApp.
    Undeliverable,
    /// The contact has stopped this business's marketing in WhatsApp.
    PlatformStop,
    /// Nothing.
    Other,
}
