//! Everybody who asks about the same person at the same time is told the same.

use std::collections::BTreeMap;

use consent::campaign::{
    Circumstances, Fact, Limit, Listing, Message, Proof, Quality, Reason, Reasons, Recipient, Stage, Verdict, decide,
};
use consent::event::Act;
use consent::policy::{Country, Policy};
use consent::time::{Span, Time};
use identity::Identifiers;
use ledger::{Found, Gated, HealthReport, RecipientId};

use crate::deeds::POLICY;
use crate::gate::{KEY, START, all_is_well};
use crate::page::all_pages_under;
use crate::people::{policy_with, somebody};
use crate::world::{World, finished};

/// A verdict with all its reasons.
type Said = (Verdict, Reasons);

/// People in every state that a contact can be in, and somebody whom nobody knows.
async fn all_sorts(world: &World) -> Vec<Identifiers> {
    let agreed = world.people(8).await;
    let asked = world.base.somebody_asks().await;
    world.base.wait(Span::minutes(1));
    world.base.says(&agreed[1].who, "STOP").await;
    world.base.says(&agreed[2].who, "Does the bus stop at your shop?").await;
    world.base.record(&agreed[3].who, Act::PlatformStopped).await;
    world.base.says(&agreed[4].who, "STOP").await;
    world.base.wait(Span::minutes(1));
    world.opts_in(agreed[4].who.clone()).await;
    world.base.record(&agreed[5].who, Act::Left { to: None }).await;
    let mut all: Vec<_> = agreed.into_iter().map(|somebody| somebody.who).collect();
    all.extend([asked.who, somebody()]);
    all
}

/// The engine, asked with what the ledger holds.
async fn dry_run(world: &World, who: &Identifiers, now: Time) -> Said {
    let ledger = world.ledger();
    let stored = world.stored().await;
    let plan = &stored.campaign.plan;
    let health = ledger.health(&plan.sender, &plan.template, &POLICY).await.unwrap();
    let message = plan.message(&world.campaign, now);
    let countries: Vec<Country> = who.countries().map(|code| code.parse().unwrap()).collect();
    let circumstances = Circumstances {
        listing: Listing::First,
        proof: Some(Proof::Complete),
        countries: &countries,
        health: Some(&health),
        usage: Some(ledger.usage(now).await.unwrap()),
    };
    let found = ledger.find(who).await.unwrap();
    let recipient = match &found {
        Found::One(subject) => Recipient::Known(&subject.contact),
        Found::Nobody => Recipient::Unknown,
        Found::Two(_) => panic!(),
    };
    let judgement = decide(recipient, &plan.purpose, &message, &circumstances, &POLICY, now);
    (judgement.verdict(), judgement.reasons())
}

async fn agree(hour: Time, quality: Quality) -> BTreeMap<Option<Reason>, u64> {
    let world = World::new().await;
    let all = all_sorts(&world).await;
    world.put(1, &all).await;
    world.base.wait_until(START);
    all_is_well(&world, Limit::Unlimited).await;
    // So few have agreed that the example policy would hold the campaign.
    let policy = &Policy::parse(&policy_with("denied_share_percent", 20, 100)).unwrap();
    world.base.wait_until(hour);
    let at = world.now();
    let rated = HealthReport::Number {
        sender: assent_tests::SENDER.parse().unwrap(),
        quality: Fact { at, value: quality },
    };
    world.ledger().report_health(&rated).await.unwrap();
    let ledger = world.ledger();
    let stored = world.stored().await;
    let plan = &stored.campaign.plan;
    let health = ledger.health(&plan.sender, &plan.template, policy).await.unwrap();
    let usage = Some(ledger.usage(at).await.unwrap());

    let mut dry = vec![];
    for who in &all {
        dry.push(dry_run(&world, who, at).await);
    }
    let who: Vec<_> = all.iter().cloned().map(RecipientId::Person).map(Some).collect();
    let message: Message<'_> = plan.message(&world.campaign, at);
    let judged = ledger.judge(&who, &plan.purpose, &message, Some(&health), usage, policy, at);
    let judged = judged.await.into_iter().map(|judged| judged.judgement);
    let judged: Vec<Said> = judged
        .map(|judgement| (judgement.verdict(), judgement.reasons()))
        .collect();
    assert_eq!(judged, dry, "the consent check and the dry run");

    let pages = all_pages_under(&world, &health, usage).await;
    let mut paged: Vec<_> = pages
        .iter()
        .map(|judged| {
            let place = judged.reference.as_ref().unwrap().expose().rsplit('/').next().unwrap();
            let said = (judged.judgement.verdict(), judged.judgement.reasons());
            (place.parse::<usize>().unwrap(), said)
        })
        .collect();
    paged.sort_by_key(|(place, _)| *place);
    let paged: Vec<Said> = paged.into_iter().map(|(_, said)| said).collect();
    assert_eq!(paged, dry, "the pages and the dry run");

    let clock = || world.now();
    let checked = ledger.check_campaign(
        &world.campaign,
        Some(Stage::OnDemand),
        &health,
        usage,
        policy,
        &clock,
        &|| true,
    );
    let tally = finished(checked.await.unwrap()).verdict.unwrap().tally;
    let mut leads = BTreeMap::new();
    for who in &who {
        let judged = ledger.judge(
            std::slice::from_ref(who),
            &plan.purpose,
            &message,
            Some(&health),
            usage,
            policy,
            at,
        );
        *leads.entry(judged.await[0].judgement.lead()).or_insert(0) += 1;
    }
    let counted: BTreeMap<_, _> = tally
        .reasons
        .iter()
        .map(|(reason, count)| (Some(*reason), *count))
        .collect();
    let mut expected = leads.clone();
    assert_eq!(expected.remove(&None).unwrap_or(0), tally.allow);
    assert_eq!(counted, expected, "the check and the consent check");

    match ledger.gate(&world.campaign, &who, policy, &KEY, at).await {
        Gated::Answered(answers) => {
            let answers = answers.into_iter().map(|answer| answer.judged.judgement);
            let gated: Vec<Said> = answers
                .map(|judgement| (judgement.verdict(), judgement.reasons()))
                .collect();
            assert_eq!(gated, dry, "the gate and the dry run");
        }
        Gated::NotClear(_) => assert_eq!(quality, Quality::Red),
        Gated::NoCampaign => panic!(),
    }
    leads
}

#[tokio::test]
async fn the_dry_run_the_check_the_consent_check_the_pages_and_the_gate_agree() {
    let noon = agree(START + Span::minutes(5), Quality::Green).await;
    assert_eq!(noon[&None], 4, "{noon:?}");
    assert!(noon.len() >= 5, "{noon:?}");
    let night = agree(START + Span::hours(12), Quality::Green).await;
    assert_eq!(night[&Some(Reason::QuietHours)], 4);
    let red = agree(START + Span::minutes(5), Quality::Red).await;
    assert_eq!(red[&Some(Reason::QualityRed)], 4);
}
