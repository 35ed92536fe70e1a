//! What became of a message that the business sent.

use identity::Identifiers;

use super::contacts::{Contacts, named};
use super::key::EventKey;
use super::{Ignored, Item, Origin, Read, Reason, Why};
use crate::graph::GraphError;
use crate::json::{Field, record};
use crate::names::{PhoneNumberId, WabaId, vocabulary};
use crate::personal::{Callback, MessageId};

vocabulary!(
    /// How far a message has come. States arrive in any order, and some never do.
    StatusState {
        /// Meta took it.
        Sent = "sent",
        /// It reached the contact's device.
        Delivered = "delivered",
        /// It was shown to the contact.
        Read = "read",
        /// The contact listened to it.
        Played = "played",
        /// It will not arrive.
        Failed = "failed",
    }
);

/// A status of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The account that sent it.
    pub waba: Option<WabaId>,
    /// The business's number that sent it.
    pub sender: Option<PhoneNumberId>,
    /// The message.
    pub message: MessageId,
    /// How far it has come.
    pub state: StatusState,
    /// Since when, in seconds since 1970.
    pub at: Option<i64>,
    /// Whom it went to.
    pub recipient: Option<Identifiers>,
    /// What the business attached to it.
    pub callback: Option<Callback>,
    /// Why it failed.
    pub errors: Vec<GraphError>,
}

impl Status {
    /// What makes the status unique. A message that fails again for another reason has another one.
    pub fn key(&self) -> EventKey {
        let codes: Vec<String> = self
            .errors
            .iter()
            .filter_map(|e| e.code)
            .map(|code| code.to_string())
            .collect();
        EventKey::of(&["status", self.message.as_str(), self.state.as_str(), &codes.join(",")])
    }
}

record!(Members {
    id,
    status,
    timestamp,
    recipient_id,
    recipient_user_id,
    recipient_type,
    biz_opaque_callback_data,
    errors,
});

/// Reads one status.
pub(super) fn read(origin: &Origin, contacts: &Contacts, element: Field<'_>) -> Read {
    let status: Members<'_> = element.object().ok_or(Reason::NotAnObject)?;
    if status.recipient_type.text().as_deref() == Some("group") {
        return Ok(Item::Ignored(Ignored {
            field: origin.field.clone(),
            why: Why::Group,
        }));
    }
    let recipient = named(status.recipient_id, status.recipient_user_id);
    Ok(Item::Status(Box::new(Status {
        waba: origin.waba.clone(),
        sender: origin.sender.clone(),
        message: status.id.filled().map(MessageId::new).ok_or(Reason::NoId)?,
        state: StatusState::of(&status.status.text().unwrap_or_default()),
        at: status.timestamp.parse(),
        recipient: recipient.map(|who| contacts.complete(who).who),
        callback: status
            .biz_opaque_callback_data
            .text()
            .and_then(|text| Callback::new(text).ok()),
        errors: status
            .errors
            .list()
            .unwrap_or_default()
            .into_iter()
            .filter_map(GraphError::read)
            .collect(),
    })))
}
