//! The people that a change introduces before it says what they did.

use std::collections::HashMap;

use identity::{Bsuid, Identifiers, PhoneNumber};

use crate::json::{Field, record};
use crate::personal::IdentityKeyHash;

record!(Contact {
    wa_id,
    user_id,
    identity_key_hash
});

/// One person.
pub(super) struct Person {
    pub(super) who: Identifiers,
    pub(super) identity_key: Option<IdentityKeyHash>,
}

/// The people of one change, found by id and then by number. Their order means nothing: Meta lists them in another one
/// than what they did.
#[derive(Default)]
pub(super) struct Contacts {
    people: Vec<Person>,
    by_bsuid: HashMap<Bsuid, usize>,
    by_phone: HashMap<PhoneNumber, usize>,
}

impl Contacts {
    /// Reads the list. It only adds to what an item says of itself, so an element that cannot be read is passed over.
    pub(super) fn read(list: Field<'_>) -> Self {
        let mut contacts = Self::default();
        for element in list.list().unwrap_or_default() {
            let contact: Contact<'_> = element.object_or_empty();
            if let Some(who) = named(contact.wa_id, contact.user_id) {
                contacts.add(Person {
                    who,
                    identity_key: contact.identity_key_hash.filled().map(IdentityKeyHash::new),
                });
            }
        }
        contacts
    }

    fn add(&mut self, person: Person) {
        let index = self.people.len();
        if let Some(bsuid) = person.who.bsuid() {
            self.by_bsuid.entry(bsuid.clone()).or_insert(index);
        }
        if let Some(phone) = person.who.phone() {
            self.by_phone.entry(phone.clone()).or_insert(index);
        }
        self.people.push(person);
    }

    fn find(&self, who: &Identifiers) -> Option<&Person> {
        let by_bsuid = who.bsuid().and_then(|bsuid| self.by_bsuid.get(bsuid));
        let index = by_bsuid.or_else(|| who.phone().and_then(|phone| self.by_phone.get(phone)))?;
        self.people.get(*index)
    }

    /// Who did the one thing in a list, should it name nobody: the one person there is. With several of either, nobody can
    /// tell.
    pub(super) fn only(&self, list: Field<'_>) -> Option<&Identifiers> {
        match (self.people.as_slice(), list.list()?.as_slice()) {
            ([person], [_]) => Some(&person.who),
            _ => None,
        }
    }

    /// Adds what is known here of a person whom an item names. What the item says itself stands.
    pub(super) fn complete(&self, mut who: Identifiers) -> Person {
        let known = self.find(&who);
        if let Some(known) = known {
            who.learn(&known.who);
        }
        Person {
            who,
            identity_key: known.and_then(|known| known.identity_key.clone()),
        }
    }
}

/// The person that a phone field and an id field name.
pub(super) fn named(phone: Field<'_>, user_id: Field<'_>) -> Option<Identifiers> {
    Identifiers::from_meta(phone.text().as_deref(), user_id.text().as_deref())
}
