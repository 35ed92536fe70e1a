//! A ledger with people who have agreed to offers, and a campaign for them.

use std::sync::Arc;
use std::time::Duration;

pub(crate) use assent_tests::campaigns::{good_health, plan};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use consent::campaign::{Campaign, CampaignVerdict, Everyone, PartId, Plan, Reason, Stage, Tally};
use consent::event::{Act, Event};
use consent::evidence::DeliveryEvidence;
use consent::id::CampaignId;
use consent::outgoing::OutgoingKind;
use consent::policy::Policy;
use consent::time::{Span, Time};
use consent::token::Action;
use identity::Identifiers;
use ledger::{CallerRef, CheckOutcome, Ledger, Listed, PutPart, RecipientId, StoredCampaign, Who};
use tokio::time::Instant;

use crate::deeds::{POLICY, message, purpose, rules, signed, token};
use crate::people::{self, Somebody, event};
use crate::wire::Wire;

/// Noon in Berlin, hours after the worlds begin.
const NOON: &str = "2026-07-14T12:00:00[Europe/Berlin]";

pub(crate) struct World {
    pub(crate) base: people::World,
    pub(crate) campaign: CampaignId,
}

impl World {
    /// A world with a campaign that nobody is to get yet.
    pub(crate) async fn new() -> Self {
        let world = Self {
            base: people::World::new().await,
            campaign: "summer".parse().unwrap(),
        };
        world.plan(&plan(NOON)).await;
        world
    }

    pub(crate) async fn plan(&self, plan: &Plan) {
        let ledger = self.ledger();
        let put = ledger.put_campaign(&self.campaign, plan, &POLICY, self.now());
        put.await.unwrap();
    }

    pub(crate) fn ledger(&self) -> Ledger {
        self.base.ledger()
    }

    pub(crate) fn now(&self) -> Time {
        self.base.now()
    }

    /// A ledger over another client to the same store.
    pub(crate) fn ledger_over(&self, client: Client) -> Ledger {
        let tables = Arc::new(assent_tests::tables(&self.base.fixture.store));
        let until = Instant::now() + Duration::from_secs(60);
        Ledger::new(client, tables, Arc::new(assent_tests::keys()), until)
    }

    /// A ledger whose every request goes over a wire that can be made to fail, and is tried so many times.
    pub(crate) fn ledger_on_a_wire(&self, attempts: u32) -> (Ledger, Wire) {
        let wire = Wire::new();
        let retries = RetryConfig::standard()
            .with_max_attempts(attempts)
            .with_initial_backoff(Duration::from_millis(1));
        let config = self.base.client().config().to_builder();
        let client = Client::from_conf(config.http_client(wire.http_client()).retry_config(retries).build());
        (self.ledger_over(client), wire)
    }

    /// People who have agreed to offers.
    pub(crate) async fn people(&self, count: usize) -> Vec<Somebody> {
        let mut people = vec![];
        for _ in 0..count {
            let somebody = self.base.somebody_asks().await;
            self.confirms(&somebody).await;
            people.push(somebody);
        }
        people
    }

    /// Somebody who was asked says yes, in a delivery that shows it.
    pub(crate) async fn confirms(&self, somebody: &Somebody) {
        let token = token(
            Action::Confirm,
            somebody.id,
            somebody.request,
            self.now(),
            &[purpose("offers")],
        );
        let yes = Act::Tapped {
            payload: signed(&token),
            message: message(7),
            context: None,
        };
        let delivery = DeliveryEvidence {
            sender: Some(assent_tests::SENDER.parse().unwrap()),
            account: assent_tests::WABA.to_owned(),
            body_sha256: "0".repeat(64),
            received_at: self.now(),
            verified_with: 0,
        };
        let event = Event {
            delivery: Some(delivery),
            ..event(self.now(), yes)
        };
        let who = Who::Person(somebody.who.clone());
        self.ledger().record(&who, &[event], &rules(self.now())).await.unwrap();
    }

    /// Somebody who is known or not says START, and confirms.
    pub(crate) async fn opts_in(&self, who: Identifiers) -> Somebody {
        let start = self.base.says(&who, "START").await;
        let OutgoingKind::Prompt { request } = start.outbox[0].kind else {
            panic!()
        };
        let id = start.contact.unwrap().id;
        let somebody = Somebody { who, id, request };
        self.confirms(&somebody).await;
        somebody
    }

    /// Nothing but its key and its aliases is left of a contact.
    pub(crate) async fn remove(&self, somebody: &Somebody) {
        let text = |text: String| AttributeValue::S(text);
        let delete = self
            .base
            .client()
            .delete_item()
            .table_name(self.base.fixture.store.ledger_table);
        let delete = delete.key("pk", text(format!("contact#{}", somebody.id)));
        delete.key("sk", text("contact".to_owned())).send().await.unwrap();
    }

    /// A backup has brought back somebody who was erased: all but the key.
    pub(crate) async fn forget_key(&self, somebody: &Somebody) {
        let delete = self
            .base
            .client()
            .delete_item()
            .table_name(self.base.fixture.store.key_table);
        let delete = delete.key("pk", AttributeValue::S(format!("contact#{}", somebody.id)));
        delete.send().await.unwrap();
    }

    pub(crate) async fn put(&self, part: u16, who: &[Identifiers]) -> PutPart {
        self.put_with_invalid(part, who, 0).await
    }

    pub(crate) async fn put_with_invalid(&self, part: u16, who: &[Identifiers], invalid: u32) -> PutPart {
        let listed = |(number, who): (usize, &Identifiers)| Listed {
            who: RecipientId::Person(who.clone()),
            reference: Some(CallerRef::new(&format!("{part}/{number}")).unwrap()),
        };
        let listed: Vec<_> = who.iter().enumerate().map(listed).collect();
        let part = PartId::try_from(part).unwrap();
        let ledger = self.ledger();
        let put = ledger.put_part(&self.campaign, part, &listed, invalid, &POLICY, self.now());
        let put = put.await.unwrap();
        assert!(matches!(put, PutPart::Stored { .. }), "{put:?}");
        put
    }

    /// Spreads people over so many parts.
    pub(crate) async fn put_in_parts(&self, people: &[Somebody], parts: usize) {
        let size = people.len().div_ceil(parts);
        for (number, people) in people.chunks(size).enumerate() {
            self.put(u16::try_from(number + 1).unwrap(), &ids(people)).await;
        }
    }

    pub(crate) async fn put_everyone(&self) {
        let everyone = Everyone {
            purpose: purpose("offers"),
            locale: None,
            country: None,
        };
        let ledger = self.ledger();
        let put = ledger.put_everyone(&self.campaign, &everyone, &POLICY, self.now());
        put.await.unwrap();
    }

    /// What somebody gets who asks for a check of the campaign.
    pub(crate) async fn demand_of(&self, ledger: &Ledger) -> CheckOutcome {
        self.check_of(ledger, Some(Stage::OnDemand), &POLICY, &|| self.now(), &|| true)
            .await
    }

    /// What the schedule gets.
    pub(crate) async fn scheduled(&self, policy: &Policy) -> CheckOutcome {
        self.check_of(&self.ledger(), None, policy, &|| self.now(), &|| true)
            .await
    }

    pub(crate) async fn check_of(
        &self,
        ledger: &Ledger,
        demand: Option<Stage>,
        policy: &Policy,
        clock: &(dyn Fn() -> Time + Sync),
        has_time: &(dyn Fn() -> bool + Sync),
    ) -> CheckOutcome {
        let health = good_health(self.now());
        let checked = ledger.check_campaign(&self.campaign, demand, &health, None, policy, clock, has_time);
        checked.await.unwrap()
    }

    /// The verdict of a check that somebody asks for.
    pub(crate) async fn verdict(&self) -> CampaignVerdict {
        verdict(self.demand_of(&self.ledger()).await)
    }

    pub(crate) async fn stored(&self) -> StoredCampaign {
        self.ledger().campaign(&self.campaign).await.unwrap().unwrap()
    }
}

pub(crate) fn ids(people: &[Somebody]) -> Vec<Identifiers> {
    people.iter().map(|somebody| somebody.who.clone()).collect()
}

pub(crate) fn finished(outcome: CheckOutcome) -> Campaign {
    match outcome {
        CheckOutcome::Finished(stored) => {
            assert!(stored.is_intact);
            stored.campaign
        }
        other => panic!("not finished: {other:?}"),
    }
}

pub(crate) fn verdict(outcome: CheckOutcome) -> CampaignVerdict {
    *finished(outcome).verdict.unwrap()
}

/// The tally of so many who may get it and so many who may not.
pub(crate) fn tally(allow: u64, denied: &[(Reason, u64)]) -> Tally {
    let mut tally = Tally {
        allow,
        ..Tally::default()
    };
    for (reason, count) in denied {
        tally.refuse(*reason, *count);
    }
    tally
}

/// Until no claim binds any more.
pub(crate) const CLAIM: Span = Span::seconds(61);
