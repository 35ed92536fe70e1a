//! The gate: who gets a campaign's message, who does not, and what becomes of it.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use consent::campaign::{Limit, NotClear, Reason, SendResult, Stage, TICKET_LIFE, Verdict};
use consent::evidence::{Evidence, EvidenceKind};
use consent::id::ContactId;
use consent::policy::Policy;
use consent::time::{Span, Time};
use consent::token::TokenKey;
use futures::FutureExt;
use futures::future::join;
use identity::Identifiers;
use ledger::{Found, GateAnswer, Gated, Ledger, RecipientId, SettledSend};

use crate::calls::Calls;
use crate::deeds::POLICY;
use crate::half;
use crate::people::{Somebody, somebody};
use crate::wire::Fault;
use crate::world::{World, ids, plan, verdict};

/// Noon in Berlin, when the campaign starts, and an hour in which nobody is left alone.
pub(crate) const START: Time = Time::from_unix_seconds(1_784_023_200);

pub(crate) const KEY: TokenKey = TokenKey::from_bytes([3; 32]);

/// Meta says that everything is well, and to how many people the business may write first.
pub(crate) async fn all_is_well(world: &World, limit: Limit) {
    for report in assent_tests::campaigns::all_is_well(world.now(), limit) {
        world.ledger().report_health(&report).await.unwrap();
    }
}

/// A campaign for people who have agreed, checked and begun.
async fn open(count: usize) -> (World, Vec<Somebody>) {
    open_under(count, &POLICY, Limit::Unlimited).await
}

pub(crate) async fn open_under(count: usize, policy: &Policy, limit: Limit) -> (World, Vec<Somebody>) {
    let world = World::new().await;
    let people = world.people(count).await;
    world.put(1, &ids(&people)).await;
    world.base.wait_until(START);
    all_is_well(&world, limit).await;
    check(&world, policy).await;
    (world, people)
}

pub(crate) async fn check(world: &World, policy: &Policy) {
    let ledger = world.ledger();
    verdict(
        world
            .check_of(&ledger, Some(Stage::OnDemand), policy, &|| world.now(), &|| true)
            .await,
    );
}

fn person(somebody: &Somebody) -> Option<RecipientId> {
    Some(RecipientId::Person(somebody.who.clone()))
}

pub(crate) fn everyone(people: &[Somebody]) -> Vec<Option<RecipientId>> {
    people.iter().map(person).collect()
}

async fn gate(world: &World, ledger: &Ledger, who: &[Option<RecipientId>], policy: &Policy) -> Gated {
    ledger.gate(&world.campaign, who, policy, &KEY, world.now()).await
}

fn answers(gated: Gated) -> Vec<GateAnswer> {
    match gated {
        Gated::Answered(answers) => answers,
        other => panic!("not answered: {other:?}"),
    }
}

async fn ask_over(world: &World, ledger: &Ledger, who: &[Option<RecipientId>]) -> Vec<GateAnswer> {
    answers(gate(world, ledger, who, &POLICY).await)
}

pub(crate) async fn ask(world: &World, who: &[Option<RecipientId>]) -> Vec<GateAnswer> {
    ask_over(world, &world.ledger(), who).await
}

async fn ask_for(world: &World, somebody: &Somebody) -> GateAnswer {
    ask(world, &[person(somebody)]).await.remove(0)
}

fn lead(answer: &GateAnswer) -> Option<Reason> {
    assert_eq!(answer.ticket.is_some(), answer.judged.judgement.is_allowed());
    answer.judged.judgement.lead()
}

async fn settle(world: &World, somebody: &Somebody, result: SendResult, code: Option<u32>) -> SettledSend {
    let (ledger, now) = (world.ledger(), world.now());
    let settled = ledger.settle_send(&somebody.id, &world.campaign, result, code, now, &POLICY, now);
    settled.await.unwrap()
}

/// What happened to somebody, the latest last.
pub(crate) async fn history(world: &World, who: &Identifiers) -> Vec<Evidence> {
    let Found::One(subject) = world.ledger().find(who).await.unwrap() else {
        panic!()
    };
    let history = world.ledger().history(&subject).await.unwrap();
    assert!(history.intact);
    history.entries.into_iter().map(|entry| entry.evidence).collect()
}

/// The campaigns that somebody's latest stop names.
async fn named_by_the_stop(world: &World, somebody: &Somebody) -> Vec<String> {
    let history = history(world, &somebody.who).await;
    let stop = history.iter().rev().find(|record| record.kind.stops()).unwrap();
    stop.crossed.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_message_is_let_go_once_and_asking_again_gives_the_same_ticket_while_it_lives() {
    let (world, people) = open(2).await;
    let first = ask_for(&world, &people[0]).await.ticket.unwrap();
    assert_eq!(first.expires_at, world.now() + TICKET_LIFE);
    world.base.wait(Span::seconds(59));
    assert_eq!(ask_for(&world, &people[0]).await.ticket.unwrap(), first);
    let by_id = [Some(RecipientId::Contact(people[0].id))];
    assert_eq!(ask(&world, &by_id).await.remove(0).ticket.unwrap(), first);
    world.base.wait(Span::seconds(1));
    assert_eq!(lead(&ask_for(&world, &people[0]).await), Some(Reason::AlreadySent));
    settle(&world, &people[0], SendResult::Sent, None).await;
    assert_eq!(lead(&ask_for(&world, &people[0]).await), Some(Reason::AlreadySent));
    assert_eq!(lead(&ask_for(&world, &people[1]).await), None);
}

#[tokio::test]
async fn a_clock_that_goes_back_makes_no_second_message() {
    let (world, people) = open(1).await;
    let (ledger, now, who) = (world.ledger(), world.now(), everyone(&people));
    let ask_at = |at| ledger.gate(&world.campaign, &who, &POLICY, &KEY, at);
    let first = answers(ask_at(now + Span::minutes(5)).await).remove(0).ticket.unwrap();
    // Five minutes before it was given, the ticket is not over yet.
    let early = answers(ask_at(now).await).remove(0);
    assert!(early.ticket.is_none_or(|ticket| ticket == first));
    let late = answers(ask_at(now + Span::hours(2)).await).remove(0);
    assert_eq!(lead(&late), Some(Reason::AlreadySent));
}

#[tokio::test]
async fn a_stop_that_is_committed_before_the_gates_transaction_wins() {
    let (world, people) = open(2).await;
    // The campaign has begun to send, so that the next transaction is the contact's.
    ask_for(&world, &people[1]).await;
    let world = std::sync::Arc::new(world);
    let (ledger, wire) = world.ledger_on_a_wire(3);
    let (there, who) = (std::sync::Arc::clone(&world), people[0].who.clone());
    wire.before_the_next_transaction(
        async move {
            there.base.says(&who, "STOP").await;
        }
        .boxed(),
    );
    let answer = ask_over(&world, &ledger, &[person(&people[0])]).await.remove(0);
    assert_eq!(lead(&answer), Some(Reason::ObjectionMarketing));
    assert_eq!(named_by_the_stop(&world, &people[0]).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_stop_that_is_committed_after_finds_the_message_and_names_it() {
    let (world, people) = open(1).await;
    ask_for(&world, &people[0]).await.ticket.unwrap();
    world.base.wait(Span::seconds(20));
    world.base.says(&people[0].who, "STOP").await;
    assert_eq!(named_by_the_stop(&world, &people[0]).await, ["summer"]);
    // The ticket is not given again.
    assert_eq!(
        lead(&ask_for(&world, &people[0]).await),
        Some(Reason::ObjectionMarketing)
    );
}

#[tokio::test]
async fn what_did_not_arrive_may_be_sent_once_more() {
    for result in [SendResult::Failed, SendResult::NotSent] {
        let (world, people) = open(1).await;
        let first = ask_for(&world, &people[0]).await.ticket.unwrap();
        world.base.wait(Span::seconds(10));
        assert_eq!(
            settle(&world, &people[0], result, None).await,
            SettledSend::Recorded { finding: false }
        );
        assert_eq!(settle(&world, &people[0], result, None).await, SettledSend::Known);
        world.base.wait(Span::seconds(10));
        let second = ask_for(&world, &people[0]).await.ticket.unwrap();
        assert_ne!(second, first);
        world.base.wait(Span::minutes(2));
        assert_eq!(lead(&ask_for(&world, &people[0]).await), Some(Reason::AlreadySent));
    }
}

#[tokio::test]
async fn nobody_is_promised_one_message_and_let_get_two() {
    let text = crate::people::policy_with("frequency = { count", 4, 1);
    let policy = Policy::parse(&text).unwrap();
    let (mut world, people) = open_under(1, &policy, Limit::Unlimited).await;
    let ledger = world.ledger();
    let first = answers(gate(&world, &ledger, &everyone(&people), &policy).await).remove(0);
    assert!(first.ticket.is_some());
    world.campaign = "autumn".parse().unwrap();
    world.plan(&plan("2026-07-14T12:10:00[Europe/Berlin]")).await;
    world.put(1, &ids(&people)).await;
    world.base.wait(Span::minutes(10));
    check(&world, &policy).await;
    let second = answers(gate(&world, &ledger, &everyone(&people), &policy).await).remove(0);
    assert_eq!(lead(&second), Some(Reason::FrequencyCap));
    assert!(matches!(second.judged.judgement.verdict(), Verdict::Defer(_)));
}

#[tokio::test]
async fn two_gates_that_ask_at_once_let_one_message_go() {
    let (world, people) = open(6).await;
    let who = everyone(&people);
    let (one, other) = join(ask(&world, &who), ask(&world, &who)).await;
    for (one, other) in one.iter().zip(&other) {
        let tickets: BTreeSet<_> = [one, other]
            .iter()
            .filter_map(|answer| answer.ticket.as_ref().map(|ticket| &ticket.text))
            .collect();
        assert_eq!(tickets.len(), 1);
    }
    assert_eq!(world.base.there().await["send"], 6);
}

#[tokio::test]
async fn everyone_has_an_answer_in_the_order_asked() {
    let (world, people) = open(3).await;
    world.base.wait(Span::minutes(1));
    world.base.says(&people[2].who, "STOP").await;
    let stranger = Some(RecipientId::Person(somebody()));
    let gone = &people[1];
    world.remove(gone).await;
    let who = [
        person(&people[2]),
        None,
        stranger.clone(),
        person(&people[0]),
        Some(RecipientId::Contact(people[0].id)),
        stranger,
        person(gone),
    ];
    let answers = ask(&world, &who).await;
    let leads: Vec<_> = answers.iter().map(lead).collect();
    assert_eq!(
        leads,
        [
            Some(Reason::ObjectionMarketing),
            Some(Reason::BadIdentifier),
            Some(Reason::UnknownContact),
            None,
            Some(Reason::DuplicateRecipient),
            Some(Reason::DuplicateRecipient),
            Some(Reason::UnknownContact),
        ]
    );
}

#[tokio::test]
async fn whatever_fails_denies_and_no_row_is_missing() {
    for fault in [Fault::NotSent, Fault::AnswerLost, Fault::Throttled, Fault::Conflict] {
        for place in 0..9 {
            let (world, people) = open(3).await;
            let who = everyone(&people);
            let (ledger, wire) = world.ledger_on_a_wire(1);
            wire.fail(std::iter::repeat_n(Fault::Nothing, place).chain([fault]));
            let gated = gate(&world, &ledger, &who, &POLICY).await;
            let answers = answers(gated);
            assert_eq!(answers.len(), 3, "{fault:?} at {place}");
            let again = ask(&world, &who).await;
            for (answer, again) in answers.iter().zip(&again) {
                match lead(answer) {
                    // What was given is recorded, and so is the same when it is asked for again.
                    None => assert_eq!(again.ticket, answer.ticket, "{fault:?} at {place}"),
                    Some(reason) => assert_eq!(reason, Reason::LedgerUnavailable, "{fault:?} at {place}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn a_dynamodb_that_leaves_half_of_every_batch_for_later_costs_nobody_the_message() {
    let (world, people) = open(25).await;
    let ledger = world.ledger_over(half::client(&world.base.client()));
    let answers = ask_over(&world, &ledger, &everyone(&people)).await;
    assert_eq!(answers.len(), 25);
    assert!(answers.iter().all(|answer| lead(answer).is_none()), "{answers:?}");
}

#[tokio::test]
async fn a_dynamodb_that_throttles_half_of_a_batch_denies_that_half_until_it_is_asked_again() {
    let (world, people) = open(25).await;
    let who = everyone(&people);
    let (ledger, wire) = world.ledger_on_a_wire(1);
    // Three reads and the beginning of the campaign come before the transactions of the recipients.
    let every_other = (0..25).map(|number| [Fault::Nothing, Fault::Throttled][number % 2]);
    wire.fail(std::iter::repeat_n(Fault::Nothing, 4).chain(every_other));
    let answers = ask_over(&world, &ledger, &who).await;
    let denied = answers.iter().filter_map(lead).collect::<Vec<_>>();
    assert_eq!(denied, vec![Reason::LedgerUnavailable; 12]);
    let again = ask(&world, &who).await;
    assert!(again.iter().all(|answer| lead(answer).is_none()), "{again:?}");
    let given = answers.iter().zip(&again).filter(|(answer, _)| answer.ticket.is_some());
    assert!(
        given.clone().all(|(answer, again)| answer.ticket == again.ticket),
        "no second send"
    );
    assert_eq!(given.count(), 13);
}

#[tokio::test]
async fn a_campaign_that_is_not_clear_is_refused_as_a_whole() {
    let world = World::new().await;
    let people = world.people(2).await;
    let who = everyone(&people);
    world.put(1, &ids(&people)).await;
    all_is_well(&world, Limit::Unlimited).await;
    let why = async |policy: &Policy| match gate(&world, &world.ledger(), &who, policy).await {
        Gated::NotClear(why) => why,
        other => panic!("{other:?}"),
    };
    assert!(matches!(why(&POLICY).await, NotClear::NotStarted(_)));
    world.base.wait_until(START);
    assert_eq!(why(&POLICY).await, NotClear::NeverChecked);
    check(&world, &POLICY).await;
    let text = crate::people::policy_with("denied_share_percent", 20, 30);
    let other_policy = Policy::parse(&text).unwrap();
    assert_eq!(why(&other_policy).await, NotClear::PolicyChanged);
    world.put(1, &ids(&people[..1])).await;
    assert_eq!(why(&POLICY).await, NotClear::AudienceChanged);
    // Nobody but strangers: too many of them are denied.
    world.put(1, &[somebody(), somebody()]).await;
    check(&world, &POLICY).await;
    assert!(matches!(why(&POLICY).await, NotClear::Held | NotClear::Blocked));
    world.base.wait(Span::days(8));
    assert!(matches!(why(&POLICY).await, NotClear::Over(_)));
    let nobody = "no-such-campaign".parse().unwrap();
    let gated = world.ledger().gate(&nobody, &who, &POLICY, &KEY, world.now()).await;
    assert!(matches!(gated, Gated::NoCampaign));
    assert!(!world.base.there().await.contains_key("send"));
}

#[tokio::test]
async fn two_gates_together_keep_to_the_messaging_limit() {
    let (world, people) = open_under(8, &POLICY, Limit::People(Reverse(3))).await;
    // Whoever wrote within 24 hours is not counted, so they are asked a day later.
    world.base.wait(Span::hours(25));
    check(&world, &POLICY).await;
    let who = everyone(&people);
    let (one, other) = join(ask(&world, &who[..4]), ask(&world, &who[4..])).await;
    let all: Vec<_> = one.iter().chain(&other).map(lead).collect();
    let tickets = all.iter().filter(|lead| lead.is_none()).count();
    assert!((1..=3).contains(&tickets), "{all:?}");
    assert!(all.iter().flatten().all(|reason| *reason == Reason::PortfolioLimit));
    assert_eq!(lead(&ask(&world, &who[7..]).await[0]), Some(Reason::PortfolioLimit));
}

#[tokio::test]
async fn a_consent_whose_evidence_is_gone_or_was_changed_lets_nothing_go() {
    let (world, people) = open(2).await;
    let [gone, changed] = &people[..] else { panic!() };
    for (somebody, expected) in [(gone, Reason::EvidenceIncomplete), (changed, Reason::ChainBroken)] {
        let Found::One(subject) = world.ledger().find(&somebody.who).await.unwrap() else {
            panic!()
        };
        let purposes = &subject.contact.purposes;
        let grant = purposes.values().find_map(|registers| registers.granted.get()).unwrap();
        let text = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
        let (pk, sk) = (
            text(format!("contact#{}", somebody.id)),
            text(format!("evidence#{}", grant.event)),
        );
        let (client, table) = (world.base.client(), world.base.fixture.store.ledger_table);
        if expected == Reason::EvidenceIncomplete {
            let delete = client.delete_item().table_name(table).key("pk", pk).key("sk", sk);
            delete.send().await.unwrap();
        } else {
            let get = client.get_item().table_name(table).key("pk", pk).key("sk", sk);
            let mut item = get.send().await.unwrap().item.unwrap();
            let body = item["body"].as_s().unwrap().replace("offers", "orders");
            item.insert("body".to_owned(), text(body));
            let put = client.put_item().table_name(table).set_item(Some(item));
            put.send().await.unwrap();
        }
        assert_eq!(lead(&ask_for(&world, somebody).await), Some(expected));
    }
}

#[tokio::test]
async fn a_batch_costs_three_round_trips_and_a_transaction_for_each_message() {
    let (world, people) = open(26).await;
    // From now on the campaign sends, and they are written to first.
    ask_for(&world, &people[25]).await;
    world.base.wait(Span::hours(25));
    check(&world, &POLICY).await;
    let calls = Calls::default();
    let ledger = world.ledger_over(calls.client(&world.base.client()));
    let answers = ask_over(&world, &ledger, &everyone(&people[..25])).await;
    assert!(answers.iter().all(|answer| lead(answer).is_none()));
    assert_eq!(calls.of("TransactWriteItems"), 25);
    // In the third the evidence is read while the limit's count is raised.
    assert_eq!((calls.of("BatchGetItem"), calls.of("UpdateItem")), (3, 1));
    assert_eq!(calls.total(), 29);
}

#[tokio::test]
async fn that_meta_refused_marketing_to_somebody_is_remembered_for_a_day() {
    let (mut world, people) = open(1).await;
    ask_for(&world, &people[0]).await;
    settle(&world, &people[0], SendResult::Failed, Some(131_049)).await;
    world.campaign = "autumn".parse().unwrap();
    world.plan(&plan("2026-07-14T12:10:00[Europe/Berlin]")).await;
    world.put(1, &ids(&people)).await;
    world.base.wait(Span::minutes(10));
    check(&world, &POLICY).await;
    let refused = ask_for(&world, &people[0]).await;
    assert_eq!(lead(&refused), Some(Reason::PlatformCap131049));
    world.base.wait(Span::days(1));
    check(&world, &POLICY).await;
    assert_eq!(lead(&ask_for(&world, &people[0]).await), None);
}

#[tokio::test]
async fn a_stop_that_only_meta_knew_of_is_kept_and_found_once() {
    let (world, people) = open(2).await;
    let [missed, stopped] = &people[..] else { panic!() };
    ask(&world, &everyone(&people)).await;
    world.base.wait(Span::seconds(10));
    // This one's stop is known before Meta tells of it, so nothing was missed.
    world.base.says(&stopped.who, "STOP").await;
    world.base.wait(Span::seconds(10));
    let settled = settle(&world, missed, SendResult::Failed, Some(131_050)).await;
    assert_eq!(settled, SettledSend::Recorded { finding: true });
    let settled = settle(&world, missed, SendResult::Failed, Some(131_050)).await;
    assert_eq!(settled, SettledSend::Known);
    let settled = settle(&world, stopped, SendResult::Failed, Some(131_050)).await;
    assert_eq!(settled, SettledSend::Recorded { finding: false });
    // Whoever tells it again and again, each time as of then, tells nothing new of the stop itself.
    for _ in 0..2 {
        world.base.wait(Span::seconds(10));
        settle(&world, missed, SendResult::Failed, Some(131_050)).await;
    }
    assert_eq!(world.stored().await.findings, 1);
    assert_eq!(world.base.there().await["finding"], 1);
    let history = history(&world, &missed.who).await;
    assert_eq!(history.last().unwrap().kind, EvidenceKind::PlatformStop);
    assert_eq!(lead(&ask_for(&world, missed).await), Some(Reason::PlatformStop));
}

#[tokio::test]
async fn whose_key_is_gone_is_nobody_to_any_campaign() {
    let (world, people) = open(2).await;
    let [erased, other] = &people[..] else { panic!() };
    ask_for(&world, erased).await;
    world.forget_key(erased).await;
    let answers = ask(&world, &everyone(&people)).await;
    assert_eq!(
        (lead(&answers[0]), lead(&answers[1])),
        (Some(Reason::UnknownContact), None)
    );
    assert_eq!(answers[1].judged.contact, Some(other.id));
    let settled = settle(&world, erased, SendResult::Failed, Some(131_050)).await;
    assert_eq!(settled, SettledSend::Unknown);
}

#[tokio::test]
async fn of_results_that_overtake_each_other_the_later_counts() {
    let (world, people) = open(1).await;
    ask_for(&world, &people[0]).await;
    let (ledger, start) = (world.ledger(), world.now());
    let at = |seconds, result| {
        let (now, at) = (start + Span::minutes(1), start + Span::seconds(seconds));
        ledger.settle_send(&people[0].id, &world.campaign, result, None, at, &POLICY, now)
    };
    let recorded = SettledSend::Recorded { finding: false };
    assert_eq!(at(5, SendResult::Sent).await.unwrap(), recorded);
    assert_eq!(at(4, SendResult::Failed).await.unwrap(), SettledSend::Known);
    world.base.wait(Span::minutes(2));
    assert_eq!(lead(&ask_for(&world, &people[0]).await), Some(Reason::AlreadySent));
    let nobody = Somebody {
        who: somebody(),
        id: ContactId::from_bytes([0; 16]),
        request: people[0].request,
    };
    let settled = settle(&world, &nobody, SendResult::Sent, None).await;
    assert_eq!(settled, SettledSend::Unknown);
}
