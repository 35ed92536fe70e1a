//! Messages that wait, and what becomes of them.

use consent::event::{Act, PromptOutcome};
use consent::evidence::{Actor, TypedWords};
use consent::id::{ContactId, OutgoingId, RequestId};
use consent::outgoing::OutgoingKind;
use consent::time::{Span, Time};
use ledger::{Claim, ClaimId, ClaimedStep, ErasureRequest, ErasureStart, OutboxChange, OutboxState, Settled};

use crate::deeds::{BEGIN, message, rules};
use crate::world::{World, event, on_every_store, says, says_at, somebody};

const LEASE: Span = Span::minutes(2);

fn minute(minutes: u32) -> Time {
    BEGIN + Span::minutes(minutes)
}

/// A prompt that waits.
async fn prompt(world: &World) -> (ContactId, OutgoingId, RequestId) {
    let recorded = world.record(&somebody(), &[says("START")], BEGIN).await;
    let OutgoingKind::Prompt { request } = recorded.outbox[0].kind else {
        panic!()
    };
    (recorded.contact.unwrap().id, recorded.outbox[0].id, request)
}

async fn state(world: &World, id: &OutgoingId) -> OutboxState {
    world.ledger().outbox_message(id).await.unwrap().unwrap().state
}

async fn claim(world: &World, id: &OutgoingId, now: Time) -> Claim {
    world
        .ledger()
        .claim(id, ClaimId::new().unwrap(), now, LEASE)
        .await
        .unwrap()
}

/// When messages are settled.
const SETTLED: Time = BEGIN;

async fn settle(world: &World, id: OutgoingId, attempt: Option<u32>, settled: Settled) -> bool {
    let change = OutboxChange {
        id,
        attempt,
        settled,
        at: SETTLED,
    };
    world.ledger().close(&change).await.unwrap()
}

#[test]
fn a_claim_whose_answer_got_lost_is_made_again_and_is_the_only_one() {
    on_every_store(async |world| {
        let (_, id, _) = prompt(world).await;
        let mine = ClaimId::new().unwrap();
        let again = async |claim, now| world.ledger().claim(&id, claim, now, LEASE).await.unwrap();
        assert!(matches!(again(mine, BEGIN).await, Claim::Claimed(_)));
        assert!(matches!(again(mine, BEGIN).await, Claim::Claimed(_)));
        assert!(matches!(claim(world, &id, BEGIN).await, Claim::NotDue));
        // Also after its time, unless somebody else has found it abandoned.
        assert!(matches!(again(mine, minute(5)).await, Claim::Claimed(claimed) if claimed.attempt == 3));
        settle(world, id, None, Settled::Uncertain(minute(20))).await;
        assert!(matches!(again(mine, minute(6)).await, Claim::NotDue));
    });
}

#[test]
fn a_message_is_claimed_by_one_alone() {
    on_every_store(async |world| {
        let (_, id, _) = prompt(world).await;
        let ledgers = [world.ledger(), world.ledger(), world.ledger(), world.ledger()];
        let claims = ledgers
            .iter()
            .map(|ledger| ledger.claim(&id, ClaimId::new().unwrap(), BEGIN, LEASE));
        let claims = futures::future::join_all(claims).await;
        let claimed = claims
            .iter()
            .filter(|claim| matches!(claim, Ok(Claim::Claimed(_))))
            .count();
        assert_eq!(claimed, 1);
        assert_eq!(state(world, &id).await, OutboxState::Claimed);
    });
}

#[test]
fn a_claim_that_nobody_concludes_is_abandoned_when_its_lease_is_over_and_never_claimed_again() {
    on_every_store(async |world| {
        let (_, id, _) = prompt(world).await;
        assert!(matches!(claim(world, &id, BEGIN).await, Claim::Claimed(claimed) if claimed.attempt == 1));
        assert!(matches!(claim(world, &id, minute(1)).await, Claim::NotDue));
        assert!(matches!(claim(world, &id, minute(2)).await, Claim::Abandoned(_)));
        assert!(settle(world, id, Some(1), Settled::Uncertain(minute(20))).await);
        assert!(matches!(claim(world, &id, minute(19)).await, Claim::NotDue));
        assert!(matches!(claim(world, &id, minute(20)).await, Claim::Unreconciled(_)));
        assert!(settle(world, id, None, Settled::Ended(OutboxState::Failed, "unknown")).await);
        assert!(matches!(claim(world, &id, minute(60)).await, Claim::NotDue));
    });
}

#[test]
fn a_message_to_be_tried_again_waits_until_then() {
    on_every_store(async |world| {
        let (_, id, _) = prompt(world).await;
        claim(world, &id, BEGIN).await;
        assert!(settle(world, id, Some(1), Settled::Retry(minute(5))).await);
        assert!(matches!(claim(world, &id, minute(4)).await, Claim::NotDue));
        assert!(matches!(claim(world, &id, minute(5)).await, Claim::Claimed(claimed) if claimed.attempt == 2));
    });
}

#[test]
fn an_attempt_concludes_itself_alone_and_what_is_final_stays() {
    on_every_store(async |world| {
        let (_, id, _) = prompt(world).await;
        claim(world, &id, BEGIN).await;
        assert!(settle(world, id, Some(1), Settled::Retry(minute(1))).await);
        claim(world, &id, minute(1)).await;
        assert!(
            !settle(world, id, Some(1), Settled::Sent).await,
            "the first attempt is over"
        );
        assert!(settle(world, id, Some(2), Settled::Sent).await);
        for settled in [
            Settled::Sent,
            Settled::Retry(minute(9)),
            Settled::Ended(OutboxState::Dropped, "late"),
        ] {
            assert!(!settle(world, id, None, settled).await);
        }
        assert_eq!(state(world, &id).await, OutboxState::Sent);
        assert!(matches!(claim(world, &id, minute(60)).await, Claim::NotDue));
    });
}

#[test]
fn messages_that_are_due_are_found_until_they_are_settled() {
    on_every_store(async |world| {
        let is_due = async |id: &OutgoingId, now| world.ledger().due_messages(now, 1_000).await.unwrap().contains(id);
        let (_, id, _) = prompt(world).await;
        assert!(is_due(&id, BEGIN).await);
        claim(world, &id, BEGIN).await;
        assert!(!is_due(&id, minute(1)).await, "someone is at it");
        assert!(is_due(&id, minute(2)).await, "the lease is over");
        settle(world, id, Some(1), Settled::Retry(minute(30))).await;
        assert!(!is_due(&id, minute(29)).await);
        assert!(is_due(&id, minute(30)).await);
        settle(world, id, None, Settled::Sent).await;
        assert!(!is_due(&id, minute(60)).await);
    });
}

#[test]
fn a_message_and_what_its_sending_means_are_settled_together() {
    on_every_store(async |world| {
        let (contact, id, request) = prompt(world).await;
        claim(world, &id, BEGIN).await;
        let outcome = PromptOutcome::Accepted { message: message(9) };
        let accepted = [event(minute(1), Act::Prompted { request, outcome })];
        let change = |attempt| OutboxChange {
            id,
            attempt,
            settled: Settled::Sent,
            at: SETTLED,
        };
        let overtaken = world
            .ledger()
            .settle(&contact, &accepted, &rules(minute(1)), &change(Some(2)))
            .await
            .unwrap();
        assert!(overtaken.evidence.is_empty(), "another attempt's word does not count");
        for records in [1, 0] {
            let settled = world
                .ledger()
                .settle(&contact, &accepted, &rules(minute(1)), &change(None))
                .await
                .unwrap();
            assert_eq!(settled.evidence.len(), records);
            assert_eq!(settled.contact.unwrap().prompts[&request].message, Some(message(9)));
        }
        assert_eq!(state(world, &id).await, OutboxState::Sent);
    });
}

#[test]
fn two_contacts_of_one_person_are_told_of_one_stop_once() {
    on_every_store(async |world| {
        let who = somebody();
        let names: Vec<identity::Identifiers> = who.iter().map(Into::into).collect();
        for name in &names {
            world.starter(name).await;
        }
        let stop = [says_at(minute(1), "STOP")];
        let recorded = world
            .ledger()
            .record(&ledger::Who::Person(who), &stop, &rules(minute(2)))
            .await
            .unwrap();
        assert_eq!(
            recorded
                .iter()
                .map(|recorded| recorded.evidence.len())
                .collect::<Vec<_>>(),
            [1, 1]
        );
        assert_eq!(recorded.iter().map(|recorded| recorded.outbox.len()).sum::<usize>(), 1);
    });
}

/// Somebody demands to know what is held about them: whose step waits, and the message that follows.
async fn demand(world: &World) -> (ContactId, OutgoingId, OutgoingId) {
    let recorded = world.record(&somebody(), &[says("Auskunft")], BEGIN).await;
    let [step] = &recorded.steps[..] else {
        panic!("{recorded:?}")
    };
    let follows = step.then.as_ref().unwrap().id;
    (recorded.contact.unwrap().id, step.id, follows)
}

async fn claimed(world: &World, id: &OutgoingId, now: Time) -> ClaimedStep {
    match claim(world, id, now).await {
        Claim::Step(claimed) => *claimed,
        other => panic!("no step: {other:?}"),
    }
}

#[test]
fn a_step_of_a_case_is_taken_again_if_nobody_says_that_it_was_and_its_message_is_there_once_it_is() {
    on_every_store(async |world| {
        let (contact, id, follows) = demand(world).await;
        let first = claimed(world, &id, BEGIN).await;
        assert!(
            matches!(claim(world, &id, minute(1)).await, Claim::NotDue),
            "it is the first one's alone"
        );
        let second = claimed(world, &id, minute(2)).await;
        assert_eq!((first.attempt, second.attempt), (1, 2));
        let ledger = world.ledger();
        assert!(!ledger.conclude_step(&first, minute(2)).await.unwrap());
        assert!(ledger.outbox_message(&follows).await.unwrap().is_none());
        assert!(ledger.conclude_step(&second, minute(3)).await.unwrap());
        assert!(!ledger.conclude_step(&second, minute(3)).await.unwrap());
        let message = ledger.outbox_message(&follows).await.unwrap().unwrap();
        assert_eq!((message.contact, message.state), (contact, OutboxState::Waiting));
        assert!(matches!(claim(world, &id, minute(60)).await, Claim::NotDue));
        assert!(matches!(claim(world, &follows, minute(3)).await, Claim::Claimed(_)));
    });
}

#[test]
fn after_an_erasure_neither_a_step_of_a_case_nor_its_message_is_left() {
    on_every_store(async |world| {
        for is_claimed in [false, true] {
            let (contact, id, follows) = demand(world).await;
            let ledger = world.ledger();
            let in_hand = match is_claimed {
                true => Some(claimed(world, &id, BEGIN).await),
                false => None,
            };
            let request = ErasureRequest {
                actor: Actor::System,
                reason: &TypedWords::new("Art. 17"),
            };
            let begun = ledger.begin_erasure(&contact, &request, &rules(BEGIN)).await.unwrap();
            let ErasureStart::Begun(erasure) = begun else {
                panic!("{begun:?}")
            };
            // Whoever is at it when the person is erased ends it without a word.
            if let Some(in_hand) = in_hand {
                assert!(ledger.conclude_step(&in_hand, BEGIN).await.unwrap());
            }
            ledger.continue_erasure(&erasure, &rules(BEGIN)).await.unwrap();
            assert!(matches!(claim(world, &id, minute(60)).await, Claim::NotDue));
            assert!(ledger.outbox_message(&follows).await.unwrap().is_none());
        }
    });
}

#[test]
fn a_demand_that_is_delivered_again_is_one_step() {
    on_every_store(async |world| {
        let who = somebody();
        let demand = says("Auskunft");
        for expected in [1, 0, 0] {
            let recorded = world.record(&who, std::slice::from_ref(&demand), BEGIN).await;
            assert_eq!(recorded.steps.len(), expected);
        }
    });
}
