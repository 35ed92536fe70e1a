//! Cases: whoever demands what, and what is kept of it.

use std::collections::BTreeSet;

use consent::case::{Case, CaseKind, CaseState, Channel, Outcome};
use consent::evidence::Actor;
use consent::id::CaseId;
use consent::time::{Span, Time};
use futures::future::join_all;
use identity::Identifiers;
use ledger::{CaseFilter, CaseNote, Ledger, NewCase, Noted, StoredCase};

use crate::contract::all_items;
use crate::deeds::{BEGIN, POLICY};
use crate::world::{World, on_every_store, says, somebody};

fn demand(who: &Identifiers, kind: CaseKind) -> NewCase {
    demand_at(who, kind, BEGIN)
}

fn demand_at(who: &Identifiers, kind: CaseKind, at: Time) -> NewCase {
    let id = CaseId::from_bytes(identity::random_bytes().unwrap());
    NewCase {
        case: Case::new(id, kind, Channel::Email, kind.proof(None), at, Time::MAX),
        recipient: who.clone(),
        source: Some("a letter from Erika Mustermann".to_owned()),
        actor: Actor::Operator("anna".to_owned()),
    }
}

async fn open(ledger: &Ledger, who: &Identifiers, kind: CaseKind) -> StoredCase {
    let opened = ledger.open_case(&demand(who, kind), &POLICY, BEGIN).await;
    opened.unwrap().into_case()
}

async fn close(ledger: &Ledger, stored: &StoredCase, outcome: Outcome, now: Time) -> Option<StoredCase> {
    let mut case = stored.case.clone();
    case.close(outcome, now).unwrap();
    ledger.change_case(stored, case, None, &POLICY, now).await.unwrap()
}

async fn listed(world: &World, filter: CaseFilter) -> Vec<CaseId> {
    let (mut ids, mut after) = (vec![], None);
    loop {
        let page = world.ledger().cases(filter, after).await.unwrap();
        ids.extend(page.cases.iter().map(|(case, _)| case.id));
        after = page.next;
        if after.is_none() {
            return ids;
        }
    }
}

#[test]
fn a_case_is_read_as_it_was_registered_whether_its_person_is_a_contact_or_not() {
    on_every_store(async |world| {
        let (contact, stranger) = (somebody(), somebody());
        world.record(&contact, &[says("START")], BEGIN).await;
        let (ledger, wire) = world.ledger_on_a_wire(1);
        let mut costs = BTreeSet::new();
        for who in [&contact, &stranger] {
            wire.requests();
            let opened = open(&ledger, who, CaseKind::Access).await;
            costs.insert(wire.requests());
            let read = ledger.case(&opened.case.id).await.unwrap().unwrap();
            costs.insert(1 + wire.requests());
            assert_eq!(read.case, opened.case);
            assert_eq!(read.case.state(), CaseState::Received);
            let details = read.details.unwrap();
            assert_eq!(details.recipient, *who);
            assert_eq!(details.notes[0].text, "a letter from Erika Mustermann");
            assert_eq!(read.contact.is_some(), *who == contact);
        }
        // Look-up and transaction; one read.
        assert_eq!(
            costs,
            BTreeSet::from([2]),
            "nobody learns from its cost who is a contact"
        );
        let unknown = CaseId::from_bytes(identity::random_bytes().unwrap());
        assert!(ledger.case(&unknown).await.unwrap().is_none());
    });
}

#[test]
fn who_demands_the_same_again_has_one_case_open_and_the_other_refers_to_it() {
    on_every_store(async |world| {
        let who = somebody();
        let ledger = world.ledger();
        let opened = join_all((0..4).map(|_| open(&ledger, &who, CaseKind::Erasure))).await;
        let (closed, first): (Vec<_>, Vec<_>) = opened.iter().partition(|opened| opened.case.state().is_closed());
        let [first] = first.as_slice() else {
            panic!("one is open: {opened:?}")
        };
        for repetition in closed {
            assert_eq!(repetition.case.state(), CaseState::Duplicate);
            assert_eq!(repetition.case.duplicate_of, Some(first.case.id));
        }
        // Something else is another matter.
        let other = open(&ledger, &who, CaseKind::Access).await;
        assert_eq!(other.case.state(), CaseState::Received);
        close(&ledger, first, Outcome::Refused, BEGIN).await.unwrap();
        let again = open(&ledger, &who, CaseKind::Erasure).await;
        assert_eq!(again.case.state(), CaseState::Received);
    });
}

#[test]
fn of_two_who_change_a_case_at_once_one_has_to_look_again() {
    on_every_store(async |world| {
        let ledger = world.ledger();
        let opened = open(&ledger, &somebody(), CaseKind::Objection).await;
        let note = CaseNote {
            at: BEGIN,
            actor: Actor::System,
            about: Noted::Extension,
            text: "so many letters".to_owned(),
        };
        let mut extended = opened.case.clone();
        extended.extend(POLICY.controller(), BEGIN).unwrap();
        let changed = ledger.change_case(&opened, extended, Some(note), &POLICY, BEGIN).await;
        let changed = changed.unwrap().unwrap();
        assert!(close(&ledger, &opened, Outcome::Withdrawn, BEGIN).await.is_none());
        let read = ledger.case(&opened.case.id).await.unwrap().unwrap();
        assert_eq!(read.case, changed.case);
        assert_eq!(read.details.unwrap().notes[1].text, "so many letters");
        assert!(close(&ledger, &changed, Outcome::Withdrawn, BEGIN).await.is_some());
    });
}

#[test]
fn open_cases_are_listed_by_their_deadline_and_closed_ones_by_how_they_ended() {
    on_every_store(async |world| {
        let ledger = world.ledger();
        let mut ids = vec![];
        for days in [20, 0, 10] {
            let demand = demand_at(&somebody(), CaseKind::Objection, BEGIN + Span::days(days));
            let now = BEGIN + Span::days(30);
            ids.push(ledger.open_case(&demand, &POLICY, now).await.unwrap().into_case());
        }
        let mine = |listed: Vec<CaseId>| -> Vec<usize> {
            let place = |id| ids.iter().position(|stored| stored.case.id == id);
            listed.into_iter().filter_map(place).collect()
        };
        assert_eq!(mine(listed(world, CaseFilter::default()).await), [1, 2, 0]);
        let due_by = Some(ids[2].case.due_at(POLICY.controller(), BEGIN));
        let soon = CaseFilter { state: None, due_by };
        assert_eq!(mine(listed(world, soon).await), [1, 2]);
        close(&ledger, &ids[1], Outcome::Refused, BEGIN).await.unwrap();
        assert_eq!(mine(listed(world, soon).await), [2]);
        let of = |state| CaseFilter {
            state: Some(state),
            due_by: None,
        };
        assert_eq!(mine(listed(world, of(CaseState::Refused)).await), [1]);
        assert!(mine(listed(world, of(CaseState::Withdrawn)).await).is_empty());
        assert_eq!(mine(listed(world, of(CaseState::Received)).await), [2, 0]);
    });
}

#[test]
fn nothing_personal_of_a_case_can_be_read_in_the_table() {
    on_every_store(async |world| {
        let who = somebody();
        open(&world.ledger(), &who, CaseKind::Access).await;
        let items = all_items(world).await;
        let (phone, bsuid) = (who.phone().unwrap(), who.bsuid().unwrap());
        for secret in [phone.digits(), bsuid.as_str(), "Mustermann"] {
            assert!(!items.contains(secret));
        }
    });
}
