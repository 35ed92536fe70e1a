//! The fields that are about people: who said what to which of the business's numbers.

use super::contacts::Contacts;
use super::message::Via;
use super::{Item, Items, Origin, Read, Reason, ValueError, Why, identity_change, message, preference, status};
use crate::graph::GraphError;
use crate::json::{Field, record};

record!(Value {
    metadata,
    contacts,
    messages,
    statuses,
    errors,
    message_echoes,
    standby,
    user_preferences,
    user_id_update,
});
record!(Metadata { phone_number_id });

/// The field `messages`: what contacts wrote, and what became of what they were sent.
pub(super) fn messages(items: &mut Items, origin: &Origin, value: Field<'_>) -> Read<()> {
    let value = open(value)?;
    said(items, &at_number(origin, &value), &value, Via::Messages);
    Ok(())
}

/// The field `standby`: the same, one level deeper, while Meta's own agent or another app holds the conversation. A stop
/// that is written then comes here and nowhere else.
pub(super) fn standby(items: &mut Items, origin: &Origin, value: Field<'_>) -> Read<()> {
    let outer = open(value)?;
    let inner = if outer.standby.is_absent() {
        outer
    } else {
        open(outer.standby)?
    };
    let contacts = if inner.contacts.is_absent() {
        outer.contacts
    } else {
        inner.contacts
    };
    said(
        items,
        &at_number(origin, &outer),
        &Value { contacts, ..inner },
        Via::Standby,
    );
    Ok(())
}

/// The field `user_preferences`: stops and resumes in WhatsApp's own settings.
pub(super) fn user_preferences(items: &mut Items, origin: &Origin, value: Field<'_>) -> Read<()> {
    let value = open(value)?;
    let origin = at_number(origin, &value);
    let contacts = Contacts::read(value.contacts);
    let only = contacts.only(value.user_preferences);
    items.each(&origin.field, value.user_preferences, |items, element| {
        items.push(preference::read(&origin, &contacts, only, element)?);
        Ok(())
    });
    errors(items, &origin, value.errors);
    Ok(())
}

/// The field `user_id_update`, which Meta announced and took back.
pub(super) fn user_id_update(items: &mut Items, origin: &Origin, value: Field<'_>) -> Read<()> {
    let value = open(value)?;
    let origin = at_number(origin, &value);
    items.each(&origin.field, value.user_id_update, |items, element| {
        items.push(identity_change::read_update(&origin, element)?);
        Ok(())
    });
    Ok(())
}

fn said(items: &mut Items, origin: &Origin, value: &Value<'_>, via: Via) {
    let contacts = Contacts::read(value.contacts);
    let author = contacts.only(value.messages);
    items.each(&origin.field, value.messages, |items, element| {
        items.push(message::read(origin, &contacts, author, via, element)?);
        Ok(())
    });
    items.each(&origin.field, value.statuses, |items, element| {
        items.push(status::read(origin, &contacts, element)?);
        Ok(())
    });
    if !value.message_echoes.is_absent() {
        items.ignore(&origin.field, Why::Echo);
    }
    errors(items, origin, value.errors);
}

fn errors(items: &mut Items, origin: &Origin, list: Field<'_>) {
    items.each(&origin.field, list, |items, element| {
        let error = GraphError::read(element).ok_or(Reason::NotAnObject)?;
        items.push(Item::ValueError(ValueError {
            waba: origin.waba.clone(),
            sender: origin.sender.clone(),
            error,
        }));
        Ok(())
    });
}

fn open(value: Field<'_>) -> Read<Value<'_>> {
    value.object().ok_or(Reason::NotAnObject)
}

fn at_number(origin: &Origin, value: &Value<'_>) -> Origin {
    let metadata: Metadata<'_> = value.metadata.object_or_empty();
    Origin {
        sender: metadata.phone_number_id.parse(),
        ..origin.clone()
    }
}
