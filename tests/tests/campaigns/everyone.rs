//! The audience that is everyone who has agreed.

use consent::campaign::Reason;
use consent::time::Span;
use ledger::CheckOutcome;

use crate::mortal::{Death, Mortal};
use crate::page::all_pages;
use crate::world::{CLAIM, World, tally};

#[tokio::test]
async fn everyone_who_has_agreed_by_now_counts_once() {
    let world = World::new().await;
    let people = world.people(12).await;
    world.base.somebody_asks().await;
    world.put_everyone().await;
    assert_eq!(world.verdict().await.tally, tally(12, &[]));
    let shown = all_pages(&world).await;
    assert_eq!(shown.len(), 12);
    assert!(shown.iter().all(|judged| judged.judgement.is_allowed()));

    world.base.wait(Span::minutes(5));
    world.base.says(&people[0].who, "STOP").await;
    let after = world.verdict().await;
    assert_eq!(after.tally, tally(11, &[]));
    assert_eq!(after.difference.unwrap().allowed, -1);
    assert_eq!(all_pages(&world).await.len(), 11);
}

#[tokio::test]
async fn whoever_dies_over_everyone_each_counts_once() {
    let world = World::new().await;
    world.people(5).await;
    world.put_everyone().await;
    for requests in [0, 1, 2, 3, 4, 5, 20, 70, 95, 96, 97, 98] {
        let mortal = Mortal::after(requests, Death::BeforeHearing);
        let ledger = world.ledger_over(mortal.client(&world.base.client()));
        let lived = mortal.lives(world.demand_of(&ledger)).await;
        assert!(lived.is_none_or(|outcome| matches!(outcome, CheckOutcome::Finished(_))));
        world.base.wait(CLAIM);
        let tally = world.verdict().await.tally;
        assert_eq!(
            (tally.allow, tally.count(Reason::DuplicateRecipient)),
            (5, 0),
            "{requests}"
        );
    }
}
