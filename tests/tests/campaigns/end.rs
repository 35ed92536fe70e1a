//! What becomes of a campaign, its audience and its sends once they are over.

use aws_sdk_dynamodb::types::AttributeValue;
use consent::campaign::{Limit, SENDING_WINDOW};
use consent::decide::Rules;
use consent::evidence::{Actor, TypedWords};
use consent::retention::{Kind, Outcome};
use consent::time::{Span, Time};
use ledger::{ErasureRequest, ErasureStart, HeldAbout};

use crate::deeds::{POLICY, rules};
use crate::gate::{START, ask, everyone, open_under};
use crate::people::total;
use crate::world::{World, ids};

/// How long decisions are kept by the example policy, and a little longer.
fn decisions_are_over(at: Time) -> Time {
    at + Span::months(12 * 6)
}

async fn there(world: &World, kind: Kind) -> u64 {
    world.base.there().await.get(kind.as_str()).copied().unwrap_or(0)
}

/// Whether what callers call their recipients can be opened.
async fn has_key(world: &World) -> bool {
    let get = world.base.client().get_item();
    let get = get.table_name(world.base.fixture.store.key_table);
    let row = get.key("pk", AttributeValue::S(format!("campaign#{}", world.campaign)));
    row.send().await.unwrap().item.is_some()
}

#[tokio::test]
async fn an_audience_goes_a_month_after_its_campaign_and_the_campaign_when_no_claim_can_come_any_more() {
    let (world, people) = open_under(3, &POLICY, Limit::Unlimited).await;
    for part in 2..6 {
        world.put(part, &ids(&people)).await;
    }
    assert!(has_key(&world).await);
    world.base.wait_until(START + SENDING_WINDOW);
    let stored = world.stored().await;
    assert!(world.ledger().retire_campaign(&stored, &POLICY).await.unwrap());
    assert_eq!(world.base.purge().await.counts.get(Kind::Audience, Outcome::Deleted), 0);
    assert!(there(&world, Kind::AudiencePart).await > 0);

    world.base.wait(Span::days(30));
    let report = world.base.purge().await;
    assert_eq!(report.counts.get(Kind::Audience, Outcome::Deleted), 1);
    assert!(report.counts.get(Kind::AudiencePart, Outcome::Deleted) >= 5);
    for kind in [Kind::Audience, Kind::AudiencePart] {
        assert_eq!(there(&world, kind).await, 0, "{kind}");
    }
    assert!(!has_key(&world).await);
    assert_eq!(there(&world, Kind::Campaign).await, 1);

    world.base.wait_until(decisions_are_over(START));
    world.base.purge().await;
    assert!(!world.base.there().await.keys().any(|kind| kind.starts_with("campaign")));
}

#[tokio::test]
async fn a_send_goes_when_no_claim_can_come_any_more_and_the_count_of_the_limit_after_two_days() {
    let (world, people) = open_under(1, &POLICY, Limit::Unlimited).await;
    world.base.wait(Span::hours(25));
    crate::gate::check(&world, &POLICY).await;
    assert!(ask(&world, &everyone(&people)).await[0].ticket.is_some());
    assert_eq!(
        (there(&world, Kind::Send).await, there(&world, Kind::Usage).await),
        (1, 1)
    );
    world.base.wait(Span::days(3));
    world.base.purge().await;
    assert_eq!(
        (there(&world, Kind::Send).await, there(&world, Kind::Usage).await),
        (1, 0)
    );
    // Or with the contact, whichever comes first.
    world.base.wait_until(decisions_are_over(START));
    let reports = [world.base.purge().await, world.base.purge().await];
    assert_eq!(there(&world, Kind::Send).await, 0);
    assert_eq!(total(&reports, Kind::Send, Outcome::Deleted), 1);
}

#[tokio::test]
async fn who_is_erased_leaves_no_send_behind_and_no_place_on_a_list() {
    let (world, people) = open_under(2, &POLICY, Limit::Unlimited).await;
    ask(&world, &everyone(&people)).await;
    assert_eq!(there(&world, Kind::Send).await, 2);
    // While they are there, whoever asks is told of them.
    let held = world.ledger().held_about(&people[0].who, &POLICY, world.now()).await;
    let HeldAbout::One(held) = held.unwrap() else { panic!() };
    for kind in [Kind::Send, Kind::AudiencePart] {
        let told: Vec<_> = held.records.iter().filter(|record| record.kind == kind).collect();
        assert_eq!(told.len(), 1, "{kind}");
        assert_eq!(told[0].says["campaign"], world.campaign.to_string());
    }
    let rules: Rules<'_> = rules(world.now());
    let request = ErasureRequest {
        actor: Actor::System,
        reason: &TypedWords::new("Art. 17"),
    };
    let begun = world.ledger().begin_erasure(&people[0].id, &request, &rules).await;
    let ErasureStart::Begun(erasure) = begun.unwrap() else {
        panic!()
    };
    world.ledger().continue_erasure(&erasure, &rules).await.unwrap();
    assert_eq!(there(&world, Kind::Send).await, 1);
    let after = ask(&world, &everyone(&people)).await;
    assert!(after[0].ticket.is_none() && after[1].ticket.is_some());
}
