//! What a contact set in WhatsApp itself about marketing messages.

use identity::Identifiers;

use super::contacts::{Contacts, named};
use super::key::EventKey;
use super::{Item, Origin, Read, Reason};
use crate::json::{Field, record};
use crate::names::{PhoneNumberId, WabaId, vocabulary};

vocabulary!(
    /// What was set. Nothing here is ever an opt-in: a resume only lifts Meta's own block.
    PreferenceValue {
        /// No more marketing messages.
        Stop = "stop",
        /// Marketing messages are let through again.
        Resume = "resume",
    }
);

/// A contact's setting for marketing messages from one of the business's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preference {
    /// The account.
    pub waba: Option<WabaId>,
    /// The business's number.
    pub sender: Option<PhoneNumberId>,
    /// Who set it.
    pub from: Identifiers,
    /// To what.
    pub value: PreferenceValue,
    /// When, in seconds since 1970. `None`, if the delivery has no time that can be read; it counts as received now.
    pub at: Option<i64>,
}

impl Preference {
    /// What makes the setting unique: Meta gives it no id, and repeats it.
    pub fn key(&self) -> EventKey {
        let sender = self.sender.as_ref().map_or("", PhoneNumberId::as_str);
        let phone = self.from.phone().map(|phone| phone.digits());
        let who = phone
            .or_else(|| self.from.bsuid().map(|bsuid| bsuid.as_str()))
            .unwrap_or_default();
        let at = self.at.map_or_else(String::new, |at| at.to_string());
        EventKey::of(&["preference", sender, who, self.value.as_str(), &at])
    }
}

record!(Members {
    wa_id,
    user_id,
    category,
    value,
    timestamp
});

/// Reads one setting, made by `only` should it name nobody itself. Whom it names itself is right: the list of contacts beside it has been seen to name another.
pub(super) fn read(origin: &Origin, contacts: &Contacts, only: Option<&Identifiers>, element: Field<'_>) -> Read {
    let members: Members<'_> = element.object().ok_or(Reason::NotAnObject)?;
    let named = named(members.wa_id, members.user_id)
        .or_else(|| only.cloned())
        .ok_or(Reason::NobodyNamed)?;
    let from = contacts.complete(named).who;
    let value = value_in(
        members.category.text().as_deref(),
        &members.value.text().unwrap_or_default(),
    );
    Ok(preference(origin, from, value, members.timestamp.parse()))
}

/// A setting that comes from a notice in the chat, as it did before it had a field of its own.
pub(super) fn preference(origin: &Origin, from: Identifiers, value: PreferenceValue, at: Option<i64>) -> Item {
    Item::Preference(Box::new(Preference {
        waba: origin.waba.clone(),
        sender: origin.sender.clone(),
        from,
        value,
        at,
    }))
}

/// A setting for another kind of message is none for marketing.
fn value_in(category: Option<&str>, value: &str) -> PreferenceValue {
    match category {
        None | Some("marketing_messages") => PreferenceValue::of(value),
        Some(other) => PreferenceValue::of(&format!("{other}.{value}")),
    }
}
