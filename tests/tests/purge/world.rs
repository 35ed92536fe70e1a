//! A ledger with people in it, and the function that purges it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};

use assent::local::EXAMPLE_POLICY;
use assent_tests::{AMPLE, Fixture};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use consent::contact::Contact;
use consent::decide::Rules;
use consent::event::{Act, Event};
use consent::id::{ContactId, ErasureId, EventId, RequestId};
use consent::outgoing::OutgoingKind;
use consent::policy::Policy;
use consent::retention::{Kind, Outcome, RunReport};
use consent::time::{Span, Time};
use consent::token::Action;
use identity::{Bsuid, Identifiers, PhoneNumber};
use ledger::purge::{Begun, Run};
use ledger::{Ledger, Quarantined, Recorded, Who};
use platform::deadline::Deadline;
use retention::{Purged, Retention};

use crate::deeds::{POLICY, purpose, rules, said, signed, token};
use crate::mortal::Mortal;
use crate::wire::Wire;

pub(crate) const DAY: Span = Span::days(1);

pub(crate) struct World {
    pub(crate) fixture: Fixture,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self {
            fixture: Fixture::under(EXAMPLE_POLICY).await,
        }
    }

    pub(crate) fn now(&self) -> Time {
        self.fixture.now()
    }

    pub(crate) fn ledger(&self) -> Ledger {
        assent_tests::ledger(&self.fixture.store)
    }

    pub(crate) fn wait(&self, span: Span) {
        self.fixture.clock.advance(span.as_seconds());
    }

    /// Waits until a moment of the future.
    pub(crate) fn wait_until(&self, at: Time) {
        self.wait(at.since(self.now()));
    }

    pub(crate) fn retention(&self) -> Retention {
        Retention::new(self.fixture.service("retention"))
    }

    pub(crate) async fn purged(&self) -> Purged {
        self.retention().handle(Deadline::after(AMPLE)).await.unwrap()
    }

    /// Purges, and returns the report.
    pub(crate) async fn purge(&self) -> RunReport {
        report(self.purged().await)
    }

    /// The function over a wire that can be made to fail, which gives each request one try.
    pub(crate) fn retention_on_a_wire(&self) -> (Retention, Wire) {
        let wire = Wire::new();
        let once = RetryConfig::standard().with_max_attempts(1);
        let config = self.client().config().to_builder();
        let client = Client::from_conf(config.http_client(wire.http_client()).retry_config(once).build());
        (Retention::new(self.fixture.service_over(client, "retention")), wire)
    }

    pub(crate) fn mortal_retention(&self, mortal: &Mortal) -> Retention {
        let client = mortal.client(&self.client());
        Retention::new(self.fixture.service_over(client, "retention"))
    }

    pub(crate) fn client(&self) -> Client {
        self.fixture.store.client()
    }

    pub(crate) async fn begin(&self, now: Time) -> Option<Run> {
        match self.ledger().begin_purge(&POLICY, now).await.unwrap() {
            Begun::Run(run) => Some(*run),
            Begun::Busy => None,
        }
    }

    /// Every report, oldest first, each with the ledger's own signature.
    pub(crate) async fn reports(&self) -> Vec<RunReport> {
        let (mut reports, mut cursor) = (vec![], None);
        loop {
            let page = self
                .ledger()
                .purge_runs(Time::EPOCH, cursor.as_deref(), 3, self.now())
                .await
                .unwrap();
            assert!(page.runs.iter().all(|run| run.signature_valid));
            reports.extend(page.runs.into_iter().map(|run| run.report));
            cursor = page.cursor;
            if cursor.is_none() {
                return reports;
            }
        }
    }

    /// How many items of each kind there are, and how many keys.
    pub(crate) async fn there(&self) -> BTreeMap<String, u64> {
        let mut there = BTreeMap::new();
        for item in self.items(self.fixture.store.ledger_table).await {
            let kind = item["kind"].as_s().unwrap().clone();
            *there.entry(kind).or_insert(0) += 1;
        }
        let keys = self.items(self.fixture.store.key_table).await.len();
        there.insert("keys".to_owned(), keys.try_into().unwrap());
        there
    }

    pub(crate) async fn count(&self, kind: Kind) -> u64 {
        self.there().await.get(kind.as_str()).copied().unwrap_or(0)
    }

    async fn items(&self, table: &str) -> Vec<HashMap<String, AttributeValue>> {
        let pages = self.client().scan().table_name(table).into_paginator().items().send();
        pages.collect::<Result<Vec<_>, _>>().await.unwrap()
    }

    /// How many contacts have a key. Other keys are in the same table.
    pub(crate) async fn subject_keys(&self) -> u64 {
        let items = self.items(self.fixture.store.key_table).await;
        let names = items.iter().map(|item| item["pk"].as_s().unwrap());
        names.filter(|name| name.starts_with("contact#")).count() as u64
    }

    /// Every erasure, whether it is done or not.
    pub(crate) async fn erasures(&self) -> Vec<ErasureId> {
        let items = self.items(self.fixture.store.ledger_table).await;
        let names = items
            .iter()
            .filter_map(|item| item["pk"].as_s().unwrap().strip_prefix("erasure#"));
        names.map(|id| id.parse().unwrap()).collect()
    }

    /// Nothing is due but the records of those contacts.
    pub(crate) async fn assert_nothing_is_due(&self, but: &BTreeSet<ContactId>) {
        for item in self.items(self.fixture.store.ledger_table).await {
            let text = |name: &str| item.get(name).and_then(|text| text.as_s().ok());
            let is_purged = text("due_shard").is_some_and(|shard| !shard.starts_with("outbox#"));
            let is_held = but
                .iter()
                .any(|contact| text("pk").is_some_and(|pk| *pk == format!("contact#{contact}")));
            if is_purged && !is_held {
                let due_at: i64 = item["due_at"].as_n().unwrap().parse().unwrap();
                assert!(due_at > self.now().unix_seconds(), "{:?} is still there", item["kind"]);
            }
        }
    }

    /// The one item of that kind.
    pub(crate) async fn only(&self, kind: &str) -> HashMap<String, AttributeValue> {
        let items = self.items(self.fixture.store.ledger_table).await;
        let mut of_kind = items.into_iter().filter(|item| item["kind"].as_s().unwrap() == kind);
        let only = of_kind.next().unwrap();
        assert_eq!(of_kind.next(), None);
        only
    }

    /// Puts an item of some kind under that name into the first lane, due now.
    pub(crate) async fn put(&self, name: &str, kind: &str) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let due_at = AttributeValue::N(self.now().unix_seconds().to_string());
        let put = self.client().put_item().table_name(self.fixture.store.ledger_table);
        let put = put
            .item("pk", text(name))
            .item("sk", text(kind))
            .item("kind", text(kind));
        let put = put.item("due_shard", text("purge#0")).item("due_at", due_at);
        put.send().await.unwrap();
    }

    /// The item of that name.
    pub(crate) async fn only_named(&self, name: &str) -> HashMap<String, AttributeValue> {
        let items = self.items(self.fixture.store.ledger_table).await;
        let named =
            |item: &HashMap<String, AttributeValue>| item["pk"].as_s().unwrap() == name && item.contains_key("due_at");
        items.into_iter().find(named).unwrap()
    }

    /// Deletes an item that was [put](Self::put).
    pub(crate) async fn take_away(&self, name: &str) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let delete = self.client().delete_item().table_name(self.fixture.store.ledger_table);
        delete.key("pk", text(name)).key("sk", text(name)).send().await.unwrap();
    }

    pub(crate) async fn record(&self, who: &Identifiers, act: Act) -> Recorded {
        let event = event(self.now(), act);
        let who = Who::Person(who.clone());
        let recorded = self.ledger().record(&who, &[event], &rules(self.now())).await;
        recorded.unwrap().remove(0)
    }

    pub(crate) async fn says(&self, who: &Identifiers, text: &str) -> Recorded {
        self.record(who, Act::Said(said(text))).await
    }

    /// Somebody asks for news, and is asked back.
    pub(crate) async fn somebody_asks(&self) -> Somebody {
        self.somebody_asks_under(&POLICY).await
    }

    /// The same while that policy is in force.
    pub(crate) async fn somebody_asks_under(&self, policy: &Policy) -> Somebody {
        let who = somebody();
        let start = event(self.now(), Act::Said(said("START")));
        let rules = Rules {
            policy,
            ..rules(self.now())
        };
        let recorded = self.ledger().record(&Who::Person(who.clone()), &[start], &rules).await;
        let recorded = recorded.unwrap().remove(0);
        let OutgoingKind::Prompt { request } = recorded.outbox[0].kind else {
            panic!()
        };
        let id = recorded.contact.unwrap().id;
        Somebody { who, id, request }
    }

    pub(crate) async fn taps(&self, somebody: &Somebody, action: Action) -> Recorded {
        self.taps_for(somebody, action, &["offers"]).await
    }

    pub(crate) async fn taps_for(&self, somebody: &Somebody, action: Action, purposes: &[&str]) -> Recorded {
        let purposes: Vec<_> = purposes.iter().map(|id| purpose(id)).collect();
        let token = token(action, somebody.id, somebody.request, self.now(), &purposes);
        let act = Act::Tapped {
            payload: signed(&token),
            message: crate::deeds::message(7),
            context: None,
        };
        self.record(&somebody.who, act).await
    }

    /// A message went out under the consent, as whoever sends campaigns will record it.
    pub(crate) async fn marketing_was_sent_to(&self, somebody: &Somebody) {
        let text = |text: String| AttributeValue::S(text);
        let (pk, sk) = (text(format!("contact#{}", somebody.id)), text("contact".to_owned()));
        let table = self.fixture.store.ledger_table;
        let get = self.client().get_item().table_name(table).key("pk", pk.clone());
        let item = get.key("sk", sk.clone()).send().await.unwrap().item.unwrap();
        let mut contact: Contact = serde_json::from_str(item["body"].as_s().unwrap()).unwrap();
        contact.sent(&purpose("offers"), &POLICY, self.now());
        let update = self
            .client()
            .update_item()
            .table_name(table)
            .key("pk", pk)
            .key("sk", sk);
        let update = update.update_expression("SET body = :body");
        let body = serde_json::to_string(&contact).unwrap();
        update
            .expression_attribute_values(":body", text(body))
            .send()
            .await
            .unwrap();
    }

    /// Something that nobody can read comes in.
    pub(crate) async fn puzzle(&self, raw: &[u8]) {
        let unreadable = Quarantined {
            raw,
            reason: "no JSON".to_owned(),
            received_at: self.now(),
        };
        assert!(self.ledger().quarantine(&unreadable, &POLICY).await.unwrap());
    }

    pub(crate) async fn publish(&self, policy: &str) {
        assent_tests::publish(&self.fixture.store, policy, self.now()).await;
        // Until everybody goes by it.
        self.wait(Span::minutes(3));
    }
}

/// Somebody who asked for news.
pub(crate) struct Somebody {
    pub(crate) who: Identifiers,
    pub(crate) id: ContactId,
    pub(crate) request: RequestId,
}

pub(crate) fn report(purged: Purged) -> RunReport {
    match purged {
        Purged::Run(report) => *report,
        other => panic!("no run: {other:?}"),
    }
}

pub(crate) fn event(at: Time, act: Act) -> Event {
    Event {
        id: EventId::from_bytes(identity::random_bytes().unwrap()),
        at,
        act,
        delivery: None,
    }
}

pub(crate) fn somebody() -> Identifiers {
    static NEXT: AtomicU32 = AtomicU32::new(10_000_000);
    let digits = NEXT.fetch_add(1, Ordering::SeqCst);
    let phone = PhoneNumber::parse(&format!("+49151{digits}")).unwrap();
    let bsuid = Bsuid::parse(&format!("DE.7{digits}")).unwrap();
    Identifiers::new(Some(phone), Some(bsuid)).unwrap()
}

/// The sum over all reports.
pub(crate) fn total(reports: &[RunReport], kind: Kind, outcome: Outcome) -> u64 {
    reports.iter().map(|report| report.counts.get(kind, outcome)).sum()
}

/// The example policy with one period changed.
pub(crate) fn policy_with(key: &str, from: u32, to: u32) -> String {
    let line = format!("{key} = {from}");
    assert!(EXAMPLE_POLICY.contains(&line));
    let policy = EXAMPLE_POLICY.replace(&line, &format!("{key} = {to}"));
    Policy::parse(&policy).unwrap();
    policy
}
