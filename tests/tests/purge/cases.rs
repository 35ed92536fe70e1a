//! Cases that are over, and those that are not.

use consent::case::{Case, CaseKind, Channel, Outcome as Ended};
use consent::evidence::Actor;
use consent::id::CaseId;
use consent::retention::{Kind, Outcome};
use consent::time::Span;
use identity::Identifiers;
use ledger::{HoldReason, LegalHold, NewCase, StoredCase};

use crate::deeds::POLICY;
use crate::world::{DAY, World, somebody};

async fn demands(world: &World, recipient: &Identifiers) -> StoredCase {
    let (id, kind) = (CaseId::from_bytes(identity::random_bytes().unwrap()), CaseKind::Access);
    let demand = NewCase {
        case: Case::new(id, kind, Channel::Email, kind.proof(None), world.now(), world.now()),
        recipient: recipient.clone(),
        source: None,
        actor: Actor::System,
    };
    world
        .ledger()
        .open_case(&demand, &POLICY, world.now())
        .await
        .unwrap()
        .into_case()
}

async fn is_refused(world: &World, stored: &StoredCase) {
    let mut case = stored.case.clone();
    case.close(Ended::Refused, world.now()).unwrap();
    let changed = world
        .ledger()
        .change_case(stored, case, None, &POLICY, world.now())
        .await;
    assert!(changed.unwrap().is_some());
}

#[tokio::test]
async fn a_closed_case_goes_after_three_years_with_its_key_and_an_open_one_never() {
    let world = World::new().await;
    let closed = demands(&world, &somebody()).await;
    let open = demands(&world, &somebody()).await;
    is_refused(&world, &closed).await;
    world.wait(Span::days(3 * 365));
    assert_eq!(world.purge().await.counts.get(Kind::Case, Outcome::Deleted), 0);
    assert_eq!(
        world.count(Kind::CaseLink).await,
        6,
        "of either two, and that the open one is"
    );

    world.wait(DAY);
    assert_eq!(world.purge().await.counts.get(Kind::Case, Outcome::Deleted), 1);
    assert!(world.ledger().case(&closed.case.id).await.unwrap().is_none());
    assert!(
        world
            .ledger()
            .case(&open.case.id)
            .await
            .unwrap()
            .unwrap()
            .details
            .is_some()
    );
    let there = world.there().await;
    assert_eq!((there["case"], there["case_link"], there["keys"]), (1, 4, 1));
}

#[tokio::test]
async fn under_a_legal_hold_a_closed_case_stays() {
    let world = World::new().await;
    let held = world.somebody_asks().await;
    let closed = demands(&world, &held.who).await;
    is_refused(&world, &closed).await;
    let hold = LegalHold {
        until: world.now() + Span::days(4 * 365),
        reason: HoldReason::new("a claim for damages"),
    };
    assert!(world.ledger().hold(&held.id, &hold, world.now()).await.unwrap());
    world.wait(Span::days(4 * 365 - 1));
    world.purge().await;
    assert!(world.ledger().case(&closed.case.id).await.unwrap().is_some());
    world.wait(DAY);
    world.purge().await;
    assert!(world.ledger().case(&closed.case.id).await.unwrap().is_none());
}
