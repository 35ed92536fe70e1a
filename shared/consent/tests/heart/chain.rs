//! A contact's evidence cannot be rewritten in silence.

use consent::evidence::{ChainHead, ChainKey, Chained, ChainedRecord, ReducedRecord, is_intact};
use consent::id::ContactId;
use proptest::prelude::*;

use crate::deeds::{Before, FIRST_DELIVERY, cases, deeds, events, rules};

const CONTACT: ContactId = ContactId::from_bytes([7; 16]);
const KEY: ChainKey = ChainKey::from_bytes([5; 32]);

fn chains() -> impl Strategy<Value = (ChainHead, Vec<ChainedRecord>)> {
    deeds(8).prop_filter_map("too little evidence", |deeds| {
        let before = Before {
            agreed: true,
            prompts: vec![(0, vec!["offers"])],
            marketing: None,
            salt: 0,
        };
        let decision = before
            .contact(CONTACT)
            .apply(&events(&before, CONTACT, &deeds), &rules(FIRST_DELIVERY));
        let mut head = ChainHead::default();
        let append = |draft: consent::evidence::Draft| head.append(&KEY, &CONTACT, draft.evidence).unwrap();
        let records: Vec<_> = decision.evidence.into_iter().map(append).collect();
        (records.len() >= 2).then_some((head, records))
    })
}

fn whole(records: &[ChainedRecord]) -> Vec<Chained> {
    records.iter().cloned().map(Chained::Whole).collect()
}

fn shows(head: &ChainHead, records: &[ChainedRecord]) -> bool {
    !is_intact(&KEY, &CONTACT, head, &whole(records))
}

fn reduced(key: &ChainKey, records: &[ChainedRecord], which: usize) -> ReducedRecord {
    let ChainedRecord { previous, link, .. } = records[which];
    ReducedRecord::new(key, &CONTACT, which as u64 + 1, previous, link)
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn a_chain_that_nobody_touched_is_intact((head, records) in chains()) {
        prop_assert!(!shows(&head, &records));
        prop_assert!(!is_intact(&ChainKey::from_bytes([6; 32]), &CONTACT, &head, &whole(&records)), "under another key");
        prop_assert!(!is_intact(&KEY, &ContactId::from_bytes([8; 16]), &head, &whole(&records)), "of another contact");
    }

    #[test]
    fn reducing_records_leaves_the_chain_intact_and_the_others_proven(
        (head, records) in chains(),
        which in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        letter in "[a-z]",
    ) {
        let mut chain = whole(&records);
        for which in &which {
            let which = which.index(records.len());
            chain[which] = Chained::Reduced(reduced(&KEY, &records, which));
        }
        prop_assert!(is_intact(&KEY, &CONTACT, &head, &chain));
        for place in 0..chain.len() {
            let mut changed = chain.clone();
            if let Chained::Whole(record) = &mut changed[place] {
                record.record.push_str(&letter);
                prop_assert!(!is_intact(&KEY, &CONTACT, &head, &changed));
            }
        }
    }

    #[test]
    fn a_record_that_was_hidden_by_calling_it_reduced_shows((head, records) in chains(), which in any::<prop::sample::Index>()) {
        let which = which.index(records.len());
        let mut chain = whole(&records);
        chain[which] = Chained::Reduced(reduced(&ChainKey::from_bytes([6; 32]), &records, which));
        prop_assert!(!is_intact(&KEY, &CONTACT, &head, &chain));
        chain.remove(which);
        prop_assert!(!is_intact(&KEY, &CONTACT, &head, &chain), "and so does one that was removed");
    }

    #[test]
    fn a_changed_record_shows(
        (head, records) in chains(),
        which in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        letter in "[a-z0-9\"]",
    ) {
        let mut changed = records.clone();
        let record = &mut changed[which.index(records.len())].record;
        let place = place.index(record.len());
        prop_assume!(record.is_char_boundary(place) && record.is_char_boundary(place + 1));
        record.replace_range(place..=place, &letter);
        prop_assume!(changed != records);
        prop_assert!(shows(&head, &changed));
    }

    #[test]
    fn a_record_rewritten_with_links_made_under_another_key_shows((head, records) in chains(), which in any::<prop::sample::Index>()) {
        let forger = ChainKey::from_bytes([6; 32]);
        let mut changed = records.clone();
        let mut previous = None;
        for record in changed.iter_mut().skip(which.index(records.len())) {
            record.previous = previous.unwrap_or(record.previous);
            record.link = record.previous.next(&forger, &CONTACT, &record.record);
            previous = Some(record.link);
        }
        let forged_head = ChainHead { link: previous.unwrap(), ..head };
        prop_assert!(shows(&head, &changed) && shows(&forged_head, &changed));
    }

    #[test]
    fn a_changed_link_or_end_of_the_chain_shows((head, records) in chains(), which in any::<prop::sample::Index>()) {
        let (mut before, mut after) = (records.clone(), records.clone());
        let which = which.index(records.len());
        before[which].previous = records[which].link;
        after[which].link = records[which].previous;
        prop_assert!(shows(&head, &before) && shows(&head, &after));
        let cut_off = ChainHead { link: records[0].previous, ..head };
        prop_assert!(shows(&cut_off, &records));
    }

    #[test]
    fn a_removed_record_shows((head, records) in chains(), which in any::<prop::sample::Index>()) {
        let mut removed = records.clone();
        removed.remove(which.index(records.len()));
        prop_assert!(shows(&head, &removed));
    }

    #[test]
    fn two_swapped_records_show((head, records) in chains(), one in any::<prop::sample::Index>(), other in any::<prop::sample::Index>()) {
        let (one, other) = (one.index(records.len()), other.index(records.len()));
        prop_assume!(one != other);
        let mut swapped = records;
        swapped.swap(one, other);
        prop_assert!(shows(&head, &swapped));
    }

    #[test]
    fn an_inserted_record_shows((head, records) in chains(), from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>()) {
        let mut inserted = records.clone();
        inserted.insert(to.index(records.len() + 1), records[from.index(records.len())].clone());
        prop_assert!(shows(&head, &inserted));
        let longer = ChainHead { length: head.length + 1, ..head };
        prop_assert!(shows(&longer, &inserted));
    }
}
