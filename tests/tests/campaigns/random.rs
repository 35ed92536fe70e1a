//! Random histories, two steps at a time and at the same time, against the store: no ticket after a stop, and none beyond what was
//! promised.

use std::collections::BTreeMap;

use consent::campaign::{Limit, SendResult, Stage};
use consent::contact::Status;
use consent::event::Act;
use consent::evidence::{Actor, TypedWords};
use consent::id::CampaignId;
use consent::policy::Policy;
use consent::suppression::MessageClass;
use consent::time::{Span, Time};
use futures::future::join;
use ledger::{ErasureRequest, ErasureStart, Found, Gated, RecipientId};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::deeds::{purpose, rules};
use crate::gate::{KEY, START, all_is_well, history};
use crate::people::{Somebody, policy_with};
use crate::world::{World, good_health, ids, plan};

/// Somebody, or a campaign, of two.
type Which = usize;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Stops(Which),
    OptsIn(Which),
    ChangesNumber(Which),
    Erased(Which),
    Check(Which),
    Gate { campaign: Which },
    NotSent { campaign: Which, somebody: Which },
}

fn steps() -> impl Strategy<Value = Step> {
    let which = || 0..2_usize;
    prop_oneof![
        2 => which().prop_map(Step::Stops),
        2 => which().prop_map(Step::OptsIn),
        1 => which().prop_map(Step::ChangesNumber),
        1 => which().prop_map(Step::Erased),
        1 => which().prop_map(Step::Check),
        6 => which().prop_map(|campaign| Step::Gate { campaign }),
        2 => (which(), which()).prop_map(|(campaign, somebody)| Step::NotSent { campaign, somebody }),
    ]
}

struct Play {
    world: World,
    people: Vec<Somebody>,
    campaigns: [CampaignId; 2],
    policy: Policy,
    /// Who has a ticket of which campaign, and since when.
    tickets: BTreeMap<(Which, Which), Time>,
}

impl Play {
    async fn begin() -> Self {
        let mut world = World::new().await;
        let people = world.people(2).await;
        let policy = Policy::parse(&policy_with("frequency = { count", 4, 1)).unwrap();
        let campaigns = [world.campaign.clone(), "autumn".parse().unwrap()];
        for campaign in &campaigns {
            world.campaign = campaign.clone();
            world.plan(&plan("2026-07-14T12:00:00[Europe/Berlin]")).await;
            world.put(1, &ids(&people)).await;
        }
        world.base.wait_until(START);
        all_is_well(&world, Limit::Unlimited).await;
        let play = Self {
            world,
            people,
            campaigns,
            policy,
            tickets: BTreeMap::new(),
        };
        play.check(0).await;
        play.check(1).await;
        play
    }

    async fn check(&self, campaign: Which) {
        let (ledger, now) = (self.world.ledger(), self.world.now());
        let (clock, health) = (|| now, good_health(now));
        let checked = ledger.check_campaign(
            &self.campaigns[campaign],
            Some(Stage::OnDemand),
            &health,
            None,
            &self.policy,
            &clock,
            &|| true,
        );
        checked.await.unwrap();
    }

    /// Does a step, and says who got a ticket of which campaign by it.
    async fn take(&self, step: Step) -> Vec<(Which, Which)> {
        let (world, ledger, now) = (&self.world, self.world.ledger(), self.world.now());
        let mut given = vec![];
        match step {
            Step::Stops(who) => drop(world.base.says(&self.people[who].who, "STOP").await),
            Step::OptsIn(who) => {
                let start = world.base.says(&self.people[who].who, "START").await;
                let prompt = start.outbox.first().map(|outgoing| outgoing.kind.clone());
                let prompted = matches!(prompt, Some(consent::outgoing::OutgoingKind::Prompt { .. }));
                if let (Some(consent::outgoing::OutgoingKind::Prompt { request }), Some(contact), true) =
                    (prompt, start.contact, prompted)
                {
                    let somebody = Somebody {
                        who: self.people[who].who.clone(),
                        id: contact.id,
                        request,
                    };
                    world.confirms(&somebody).await;
                }
            }
            Step::ChangesNumber(who) => {
                drop(world.base.record(&self.people[who].who, Act::Left { to: None }).await);
            }
            Step::Erased(who) => {
                let Found::One(subject) = ledger.find(&self.people[who].who).await.unwrap() else {
                    return given;
                };
                let request = ErasureRequest {
                    actor: Actor::System,
                    reason: &TypedWords::new("Art. 17"),
                };
                let rules = rules(now);
                let begun = ledger
                    .begin_erasure(&subject.contact.id, &request, &rules)
                    .await
                    .unwrap();
                if let ErasureStart::Begun(erasure) = begun {
                    ledger.continue_erasure(&erasure, &rules).await.unwrap();
                }
            }
            Step::Check(campaign) => self.check(campaign).await,
            Step::Gate { campaign } => {
                let who: Vec<_> = ids(&self.people)
                    .into_iter()
                    .map(RecipientId::Person)
                    .map(Some)
                    .collect();
                let gated = ledger.gate(&self.campaigns[campaign], &who, &self.policy, &KEY, now);
                if let Gated::Answered(answers) = gated.await {
                    let tickets = answers.iter().enumerate().filter(|(_, answer)| answer.ticket.is_some());
                    given.extend(tickets.map(|(somebody, _)| (somebody, campaign)));
                }
            }
            Step::NotSent { campaign, somebody } => {
                if let Found::One(subject) = ledger.find(&self.people[somebody].who).await.unwrap() {
                    let (contact, campaign) = (subject.contact.id, &self.campaigns[campaign]);
                    let settled =
                        ledger.settle_send(&contact, campaign, SendResult::NotSent, None, now, &self.policy, now);
                    settled.await.unwrap();
                }
            }
        }
        given
    }

    /// Whether somebody may get marketing as the ledger has it.
    async fn may_be_written_to(&self, who: Which) -> bool {
        let Found::One(subject) = self.world.ledger().find(&self.people[who].who).await.unwrap() else {
            return false;
        };
        let (contact, now) = (&subject.contact, self.world.now());
        contact.standing(&purpose("offers"), &self.policy, now).status == Status::Confirmed
            && contact.is_reachable(MessageClass::Marketing, now)
    }

    async fn round(&mut self, steps: [Step; 2]) {
        self.world.base.wait(Span::seconds(7));
        let mut could = vec![];
        for who in 0..2 {
            could.push(self.may_be_written_to(who).await);
        }
        let [one, other] = steps;
        let (one, other) = join(Box::pin(self.take(one)), Box::pin(self.take(other))).await;
        for step in steps {
            if let Step::Erased(who) = step {
                self.tickets.retain(|(somebody, _), _| *somebody != who);
            }
        }
        for (who, campaign) in one.into_iter().chain(other) {
            let opted_in = steps.contains(&Step::OptsIn(who));
            assert!(could[who] || opted_in, "{who} has left, and got a ticket of {campaign}");
            if steps.contains(&Step::Stops(who)) {
                let stop = history(&self.world, &self.people[who].who).await;
                let stop = stop.iter().rev().find(|record| record.kind.stops()).unwrap();
                let name = &self.campaigns[campaign];
                assert!(
                    stop.crossed.contains(name),
                    "the stop came first, and a ticket was given"
                );
            }
            if !steps.contains(&Step::Erased(who)) {
                self.tickets.insert((who, campaign), self.world.now());
            }
        }
        for step in steps {
            if let Step::NotSent { campaign, somebody } = step {
                self.tickets.remove(&(somebody, campaign));
            }
        }
        for who in 0..2 {
            let sent = self.tickets.keys().filter(|(somebody, _)| *somebody == who).count();
            assert!(sent <= 1, "one message was promised to {who}: {:?}", self.tickets);
        }
    }
}

#[test]
fn whatever_happens_at_once_no_ticket_follows_a_stop_and_nobody_gets_more_than_was_promised() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let rounds = prop::collection::vec([steps(), steps()], 1..14);
    let mut runner = TestRunner::new(Config {
        cases: 40,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&rounds, |rounds| {
        runtime.block_on(async {
            let mut play = Box::pin(Play::begin()).await;
            for steps in rounds {
                Box::pin(play.round(steps)).await;
            }
        });
        Ok(())
    });
    outcome.unwrap();
}
