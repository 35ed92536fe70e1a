//! Notices that a contact goes by another number or id, or may have become somebody else.

use identity::{Bsuid, Identifiers, PhoneNumber};

use super::contacts::{Contacts, named};
use super::key::EventKey;
use super::preference::{PreferenceValue, preference};
use super::{Ignored, Item, Origin, Read, Reason, Why};
use crate::json::{Field, record};
use crate::names::{PhoneNumberId, WabaId};
use crate::personal::MessageId;

/// A change of who a contact is. It never shows that the person behind the new identity agreed to anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityChange {
    /// The account.
    pub waba: Option<WabaId>,
    /// The business's number.
    pub sender: Option<PhoneNumberId>,
    /// What changed.
    pub kind: IdentityChangeKind,
    /// What the contact was known by, as far as the notice says.
    pub old: Option<Identifiers>,
    /// What the contact is known by from now on, as far as the notice says.
    pub new: Option<Identifiers>,
    /// When, in seconds since 1970. `None`, if the delivery has no time that can be read; it counts as received now.
    pub at: Option<i64>,
    /// The notice, if it is one in the chat.
    pub id: Option<MessageId>,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdentityChangeKind {
    /// The phone number, and with it the id.
    NumberChanged,
    /// The id.
    UserIdChanged,
    /// The identity key: number and id stay, but the person may not. `old` and `new` are the same.
    IdentityKeyChanged,
}

impl IdentityChange {
    /// What makes the change unique.
    pub fn key(&self) -> EventKey {
        if let Some(id) = &self.id {
            return EventKey::of(&["identity", id.as_str()]);
        }
        fn phone(who: Option<&Identifiers>) -> &str {
            who.and_then(Identifiers::phone).map_or("", PhoneNumber::digits)
        }
        fn bsuid(who: Option<&Identifiers>) -> &str {
            who.and_then(Identifiers::bsuid).map_or("", Bsuid::as_str)
        }
        let (old, new) = (self.old.as_ref(), self.new.as_ref());
        let at = self.at.map_or_else(String::new, |at| at.to_string());
        EventKey::of(&["identity", phone(old), bsuid(old), phone(new), bsuid(new), &at])
    }
}

record!(System {
    #[serde(rename = "type")]
    kind,
    wa_id,
    new_wa_id,
    user_id,
    previous_user_id,
    customer,
    marketing,
});
record!(Update {
    wa_id,
    user_id,
    timestamp
});
record!(PreviousAndCurrent { previous, current });

/// A message that WhatsApp itself put into the chat.
pub(super) struct Notice {
    /// Whom it comes from.
    pub(super) from: Option<Identifiers>,
    pub(super) id: Option<MessageId>,
    pub(super) at: Option<i64>,
}

impl Notice {
    /// Reads what the notice says. Its types have had several names; its text is for people and never read.
    pub(super) fn read(self, origin: &Origin, contacts: &Contacts, system: Field<'_>) -> Read {
        let system: System<'_> = system.object().ok_or(Reason::NoContent)?;
        match system.kind.text().as_deref() {
            Some("user_changed_number" | "customer_changed_number") => {
                self.changed(origin, IdentityChangeKind::NumberChanged, &system)
            }
            Some("user_changed_user_id") => self.changed(origin, IdentityChangeKind::UserIdChanged, &system),
            Some("customer_identity_changed" | "user_identity_changed") => self.other_key(origin, contacts),
            Some("user_preference_changed") => self.other_preference(origin, contacts, &system),
            _ => Ok(Item::Ignored(Ignored {
                field: origin.field.clone(),
                why: Why::System,
            })),
        }
    }

    fn changed(self, origin: &Origin, kind: IdentityChangeKind, system: &System<'_>) -> Read {
        let new_phone = if system.wa_id.filled().is_some() {
            system.wa_id
        } else {
            system.new_wa_id
        };
        let new = named(new_phone, system.user_id);
        let old = old(named(system.customer, system.previous_user_id), self.from, new.as_ref());
        change(origin, kind, old, new, self.at, self.id)
    }

    fn other_key(self, origin: &Origin, contacts: &Contacts) -> Read {
        let who = self.from.map(|who| contacts.complete(who).who);
        change(
            origin,
            IdentityChangeKind::IdentityKeyChanged,
            who.clone(),
            who,
            self.at,
            self.id,
        )
    }

    fn other_preference(self, origin: &Origin, contacts: &Contacts, system: &System<'_>) -> Read {
        let who = self
            .from
            .map(|who| contacts.complete(who).who)
            .ok_or(Reason::NobodyNamed)?;
        let value = PreferenceValue::of(&system.marketing.text().ok_or(Reason::NoContent)?);
        Ok(preference(origin, who, value, self.at))
    }
}

/// The old identity: what the notice calls the previous one, and the number it comes from. An id beside that number is
/// left out where it is the new one already.
fn old(said: Option<Identifiers>, from: Option<Identifiers>, new: Option<&Identifiers>) -> Option<Identifiers> {
    let from = from.and_then(|from| {
        let bsuid = from
            .bsuid()
            .filter(|bsuid| new.and_then(Identifiers::bsuid) != Some(bsuid));
        Identifiers::new(from.phone().cloned(), bsuid.cloned()).ok()
    });
    match (said, from) {
        (Some(mut said), Some(from)) => {
            said.learn(&from);
            Some(said)
        }
        (said, from) => said.or(from),
    }
}

/// Reads one element of the field `user_id_update`.
pub(super) fn read_update(origin: &Origin, element: Field<'_>) -> Read {
    let update: Update<'_> = element.object().ok_or(Reason::NotAnObject)?;
    let user_id: PreviousAndCurrent<'_> = update.user_id.object_or_empty();
    let old = named(update.wa_id, user_id.previous);
    let new = named(update.wa_id, user_id.current);
    change(
        origin,
        IdentityChangeKind::UserIdChanged,
        old,
        new,
        update.timestamp.parse(),
        None,
    )
}

fn change(
    origin: &Origin,
    kind: IdentityChangeKind,
    old: Option<Identifiers>,
    new: Option<Identifiers>,
    at: Option<i64>,
    id: Option<MessageId>,
) -> Read {
    if old.is_none() && new.is_none() {
        return Err(Reason::NobodyNamed);
    }
    let (waba, sender) = (origin.waba.clone(), origin.sender.clone());
    Ok(Item::IdentityChange(Box::new(IdentityChange {
        waba,
        sender,
        kind,
        old,
        new,
        at,
        id,
    })))
}
