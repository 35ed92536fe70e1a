//! Two contacts that were one person all along.

use consent::contact::Contact;
use consent::id::ContactId;
use consent::register::Registers;
use proptest::prelude::*;

use crate::deeds::{before, cases, deeds, deliver, events};

const CONTACT: ContactId = ContactId::from_bytes([7; 16]);

fn contacts() -> impl Strategy<Value = Contact> {
    (before(), deeds(8)).prop_map(|(before, deeds)| {
        let events = events(&before, CONTACT, &deeds);
        let (mut contact, _) = deliver(before.contact(CONTACT), &[events]);
        // Each keeps its own evidence.
        contact.chain = consent::evidence::ChainHead::default();
        contact
    })
}

fn registers() -> impl Strategy<Value = Registers> {
    contacts().prop_map(|contact| contact.purposes.into_values().next().unwrap_or_default())
}

fn merged(one: &Contact, other: &Contact) -> Contact {
    let mut merged = one.clone();
    merged.merge(other);
    merged
}

fn merged_registers(one: &Registers, other: &Registers) -> Registers {
    let mut merged = one.clone();
    merged.merge(other);
    merged
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn merging_contacts_knows_no_order_and_no_repetition(a in contacts(), b in contacts(), c in contacts()) {
        prop_assert_eq!(merged(&a, &b), merged(&b, &a));
        prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
        prop_assert_eq!(merged(&merged(&a, &b), &b), merged(&a, &b));
        prop_assert_eq!(merged(&a, &a), a);
    }

    #[test]
    fn merging_registers_knows_no_order_and_no_repetition(a in registers(), b in registers(), c in registers()) {
        prop_assert_eq!(merged_registers(&a, &b), merged_registers(&b, &a));
        let (left, right) = (merged_registers(&merged_registers(&a, &b), &c), merged_registers(&a, &merged_registers(&b, &c)));
        prop_assert_eq!(left, right);
        prop_assert_eq!(merged_registers(&a, &a), a);
    }

    #[test]
    fn a_contact_comes_back_from_json_as_it_went(contact in contacts()) {
        let written = serde_json::to_string(&contact).unwrap();
        prop_assert_eq!(serde_json::from_str::<Contact>(&written).unwrap(), contact);
    }
}
