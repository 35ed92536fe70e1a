//! The recipients of a bucket, as bytes: a million of them are read at each check.
//!
//! An entry is the 32 bytes of its alias and one that says whether the 16 of a contact's id follow. References lie apart, in the
//! order of the entries, each behind its length in two bytes, which is 0 where there is none: so they can be sealed, and left
//! unread.

use consent::campaign::PartId;
use consent::id::ContactId;
use identity::Pseudonym;

use super::CallerRef;

const UNKNOWN: u8 = 0;
const KNOWN: u8 = 1;

/// A recipient of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The one alias that stands for the person on every audience: of the phone number, if there is one, else of the
    /// business-scoped id.
    pub(crate) alias: Pseudonym,
    /// The contact, if the person was one when the part was put.
    pub(crate) contact: Option<ContactId>,
    /// What the caller calls them, if that was read.
    pub(crate) reference: Option<CallerRef>,
    /// The part that lists them.
    pub(crate) part: PartId,
}

/// The entries without their references.
pub(super) fn pack(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = vec![];
    for entry in entries {
        bytes.extend(entry.alias.as_bytes());
        match &entry.contact {
            None => bytes.push(UNKNOWN),
            Some(contact) => {
                bytes.push(KNOWN);
                bytes.extend(contact.as_bytes());
            }
        }
    }
    bytes
}

/// The entries of a part that were packed; none if the bytes are something else.
pub(super) fn unpack(mut bytes: &[u8], part: PartId) -> Option<Vec<Entry>> {
    let mut entries = vec![];
    while !bytes.is_empty() {
        let (alias, rest) = bytes.split_first_chunk()?;
        let (flag, rest) = rest.split_first()?;
        let (contact, rest) = match *flag {
            UNKNOWN => (None, rest),
            KNOWN => {
                let (contact, rest) = rest.split_first_chunk()?;
                (Some(ContactId::from_bytes(*contact)), rest)
            }
            _ => return None,
        };
        entries.push(Entry {
            alias: Pseudonym::from_bytes(*alias),
            contact,
            reference: None,
            part,
        });
        bytes = rest;
    }
    Some(entries)
}

/// The references of the entries; none if there are none.
pub(super) fn pack_references(entries: &[Entry]) -> Option<Vec<u8>> {
    entries.iter().any(|entry| entry.reference.is_some()).then(|| {
        let mut bytes = vec![];
        for entry in entries {
            let reference = entry.reference.as_ref().map_or("", CallerRef::expose);
            // None has more than 64 characters of four bytes each.
            bytes.extend(u16::try_from(reference.len()).unwrap_or(u16::MAX).to_be_bytes());
            bytes.extend(reference.as_bytes());
        }
        bytes
    })
}

/// Gives the entries the references that were packed with them; none if the bytes are something else.
pub(super) fn unpack_references(entries: &mut [Entry], mut bytes: &[u8]) -> Option<()> {
    for entry in entries {
        let (length, rest) = bytes.split_first_chunk()?;
        let (reference, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entry.reference = match reference {
            [] => None,
            reference => Some(CallerRef::new(std::str::from_utf8(reference).ok()?).ok()?),
        };
        bytes = rest;
    }
    bytes.is_empty().then_some(())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    fn part() -> PartId {
        PartId::try_from(7).unwrap()
    }

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let reference = option::of("[^\\p{Cc}]{1,64}");
        let entry = (any::<[u8; 32]>(), option::of(any::<[u8; 16]>()), reference);
        vec(
            entry.prop_map(|(alias, contact, reference)| Entry {
                alias: Pseudonym::from_bytes(alias),
                contact: contact.map(ContactId::from_bytes),
                reference: reference.map(|text| CallerRef::new(&text).unwrap()),
                part: part(),
            }),
            0..20,
        )
    }

    proptest! {
        #[test]
        fn entries_are_read_as_they_were_packed(entries in entries()) {
            let mut read = unpack(&pack(&entries), part()).unwrap();
            prop_assert!(read.iter().all(|entry| entry.reference.is_none()));
            match pack_references(&entries) {
                None => prop_assert!(entries.iter().all(|entry| entry.reference.is_none())),
                Some(references) => prop_assert_eq!(unpack_references(&mut read, &references), Some(())),
            }
            prop_assert_eq!(read, entries);
        }

        #[test]
        fn bytes_that_were_cut_off_are_not_read_as_fewer_entries(
            entries in entries(),
            place in any::<prop::sample::Index>(),
        ) {
            let packed = pack(&entries);
            prop_assume!(!packed.is_empty());
            let cut = place.index(packed.len());
            let whole = (0..=entries.len()).any(|count| pack(&entries[..count]).len() == cut);
            prop_assert_eq!(unpack(&packed[..cut], part()).is_some(), whole);
            if let Some(references) = pack_references(&entries) {
                let cut = place.index(references.len());
                prop_assert_eq!(unpack_references(&mut entries.clone(), &references[..cut]), None);
            }
        }

        #[test]
        fn no_bytes_make_reading_panic(bytes in vec(0..3_u8, 0..120), mut entries in entries()) {
            let _ = unpack(&bytes, part());
            let _ = unpack_references(&mut entries, &bytes);
        }
    }
}
