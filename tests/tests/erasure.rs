//! Erasing somebody: what is left afterwards, what a crash at any point leaves, and what comes back.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[allow(dead_code, reason = "the ledger's own tests use the rest")]
#[path = "ledger/wire.rs"]
mod wire;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use assent::local::EXAMPLE_POLICY;
use assent::store::create_tables;
use assent_tests::by_hand::{delivery, value};
use assent_tests::{AMPLE, APP_SECRET, Fixture, business, keys, signed, tables};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use consent::case::{Case, CaseKind, Channel};
use consent::copy::{Copy, Demanded, Finding};
use consent::decide::Rules;
use consent::event::{Act, Asked, Authorship, Event, Said};
use consent::evidence::{Actor, EvidenceKind, TypedWords};
use consent::id::{CaseId, ContactId, ErasureId, EventId, MessageRef, OutgoingId, RequestId};
use consent::policy::Policy;
use consent::register::RequestSource;
use consent::retention::{Counts, Kind, Outcome, RunReport};
use consent::suppression::{MessageClass, SuppressionKind};
use consent::time::{Span, Time};
use identity::{Bsuid, Identifiers, PhoneNumber, Sealed, SubjectKey, WrappedKey};
use ledger::{
    CallerRef, Claim, ClaimId, ContactBook, Erasure, ErasureRequest, ErasureStart, Found, HeldAbout, HoldReason,
    Ledger, LedgerError, LegalHold, Listed, NewCase, PutPart, RecipientId, ReplayReport, Tables, Who,
};
use platform::deadline::Deadline;
use retention::{Purged, Retention};
use serde_json::json;
use tokio::time::Instant;
use whatsapp::Text;
use whatsapp::compose::{Envelope, message_id};
use wire::{Fault, Wire};

const PHONE: &str = "+4915199887766";
const BSUID: &str = "DE.998877665544";
const WORDS: &str = "Halt, bitte stopp mit der Zebrastreifenwerbung";

static POLICY: LazyLock<Policy> = LazyLock::new(|| Policy::parse(EXAMPLE_POLICY).unwrap());
static REASON: LazyLock<TypedWords> = LazyLock::new(|| TypedWords::new("Ottokar Zeisig hat geschrieben"));

type Item = HashMap<String, AttributeValue>;

/// Everything that both tables hold.
#[derive(Debug, Clone)]
struct Dump {
    ledger: Vec<Item>,
    keys: Vec<Item>,
}

struct World {
    fixture: Fixture,
}

/// The ledger and its counterpart that a backup brings back.
const RESTORED: &str = "assent-ledger-restored";

impl World {
    async fn new() -> Self {
        Self {
            fixture: Fixture::under(EXAMPLE_POLICY).await,
        }
    }

    fn client(&self) -> Client {
        self.fixture.store.client()
    }

    fn now(&self) -> Time {
        self.fixture.now()
    }

    fn advance(&self, span: Span) {
        self.fixture.clock.advance(span.as_seconds());
    }

    fn rules(&self) -> Rules<'static> {
        Rules {
            policy: &POLICY,
            token_keys: &[],
            now: self.now(),
        }
    }

    fn ledger(&self) -> Ledger {
        assent_tests::ledger(&self.fixture.store)
    }

    /// A ledger that gives every request one try, over a wire that can be made to fail.
    fn ledger_on_a_wire(&self) -> (Ledger, Wire) {
        let wire = Wire::new();
        let config = self.client().config().to_builder();
        let once = RetryConfig::standard().with_max_attempts(1);
        let client = Client::from_conf(config.http_client(wire.http_client()).retry_config(once).build());
        (self.ledger_of(client, tables(&self.fixture.store)), wire)
    }

    fn ledger_of(&self, client: Client, tables: Tables) -> Ledger {
        Ledger::new(client, Arc::new(tables), Arc::new(keys()), Instant::now() + AMPLE)
    }

    /// A ledger whose time is over.
    fn ledger_without_time(&self) -> Ledger {
        let tables = Arc::new(tables(&self.fixture.store));
        Ledger::new(self.client(), tables, Arc::new(keys()), Instant::now())
    }

    async fn record(&self, who: &Identifiers, act: Act) -> ContactId {
        let event = event(self.now(), act);
        let recorded = self
            .ledger()
            .record(&Who::Person(who.clone()), &[event], &self.rules())
            .await
            .unwrap();
        recorded[0].contact.as_ref().unwrap().id
    }

    async fn webhook(&self, body: Vec<u8>) {
        let answer = webhook::handle(&self.fixture.service("webhook"), signed(body, APP_SECRET)).await;
        assert_eq!(answer.status(), 200);
    }

    /// The contact asks, is prompted, writes, demands their data, stops, sends something unreadable, and was under a legal hold.
    async fn full_life(&self) -> ContactId {
        let contact = self.record(&person(), asked()).await;
        self.record(&person(), said(WORDS)).await;
        self.record(&person(), said("Auskunft")).await;
        self.webhook(self.stop()).await;
        let from = PHONE.trim_start_matches('+');
        let contacts = json!([{"profile": {"name": "Ottokar Zeisig"}, "wa_id": from}]);
        let unreadable = json!([{"from": from, "type": "text", "text": {"body": "Kirschkuchen"}}]);
        let body = delivery(
            "messages",
            &value(&json!({"contacts": contacts, "messages": unreadable})),
        );
        self.webhook(body.to_string().into_bytes()).await;
        self.hold(&contact, Span::hours(1)).await;
        self.demand().await;
        self.advance(Span::hours(2));
        contact
    }

    /// A campaign lists the person, and calls them something.
    async fn lists_on_a_campaign(&self) {
        let campaign = "summer".parse().unwrap();
        let plan = assent_tests::campaigns::plan("2026-08-14T12:00:00[Europe/Berlin]");
        let ledger = self.ledger();
        ledger
            .put_campaign(&campaign, &plan, &POLICY, self.now())
            .await
            .unwrap();
        let listed = [Listed {
            who: RecipientId::Person(person()),
            reference: CallerRef::new("Stammkundin").ok(),
        }];
        let part = "1".parse().unwrap();
        let put = ledger.put_part(&campaign, part, &listed, 0, &POLICY, self.now());
        assert!(matches!(put.await.unwrap(), PutPart::Stored { accepted: 1, .. }));
    }

    /// The person demands to know what is held about them.
    async fn demand(&self) -> CaseId {
        let demand = self.demand_of(person(), Some("Brief von Ottokar Zeisig".to_owned()));
        let opened = self
            .ledger()
            .open_case(&demand, &POLICY, self.now())
            .await
            .unwrap()
            .into_case();
        opened.case.id
    }

    fn demand_of(&self, recipient: Identifiers, source: Option<String>) -> NewCase {
        let (id, kind) = (CaseId::from_bytes(identity::random_bytes().unwrap()), CaseKind::Access);
        NewCase {
            case: Case::new(id, kind, Channel::Post, kind.proof(None), self.now(), self.now()),
            recipient,
            source,
            actor: Actor::System,
        }
    }

    /// A STOP, the same at every delivery.
    fn stop(&self) -> Vec<u8> {
        let envelope = Envelope {
            from: person(),
            id: message_id(person().phone(), [7; 10]),
            at: assent_tests::BEGINNING,
            reply_to: None,
        };
        business().delivery([business().text(&envelope, &Text::new("STOP"))])
    }

    async fn hold(&self, contact: &ContactId, so_long: Span) {
        let hold = LegalHold {
            until: self.now() + so_long,
            reason: HoldReason::new("Klage von Ottokar Zeisig"),
        };
        assert!(self.ledger().hold(contact, &hold, self.now()).await.unwrap());
    }

    async fn ask(&self, ledger: &Ledger, contact: &ContactId) -> Result<ErasureStart, LedgerError> {
        let asked = ErasureRequest {
            actor: Actor::Operator("desk".to_owned()),
            reason: &REASON,
        };
        ledger.begin_erasure(contact, &asked, &self.rules()).await
    }

    async fn begin(&self, contact: &ContactId) -> ErasureId {
        match self.ask(&self.ledger(), contact).await.unwrap() {
            ErasureStart::Begun(id) => id,
            other => panic!("not begun: {other:?}"),
        }
    }

    async fn erase(&self, contact: &ContactId) -> Erasure {
        let id = self.begin(contact).await;
        self.ledger().continue_erasure(&id, &self.rules()).await.unwrap();
        self.erasure(&id).await
    }

    async fn erasure(&self, id: &ErasureId) -> Erasure {
        self.ledger().erasure(id, self.now()).await.unwrap().unwrap()
    }

    /// The scheduled purge.
    async fn purge(&self) -> RunReport {
        let retention = Retention::new(self.fixture.service("retention"));
        match retention.handle(Deadline::after(AMPLE)).await.unwrap() {
            Purged::Run(report) => *report,
            other => panic!("no run: {other:?}"),
        }
    }

    async fn is_unknown(&self, contact: &ContactId) -> bool {
        let ledger = self.ledger();
        let found = ledger.find(&person()).await.unwrap();
        ledger.read(contact).await.unwrap().is_none() && matches!(found, Found::Nobody)
    }

    async fn known(&self, who: &Identifiers) -> ledger::Subject {
        match self.ledger().find(who).await.unwrap() {
            Found::One(subject) => *subject,
            other => panic!("not one: {other:?}"),
        }
    }

    async fn dump(&self) -> Dump {
        Dump {
            ledger: self.scan(self.fixture.store.ledger_table).await,
            keys: self.scan(self.fixture.store.key_table).await,
        }
    }

    async fn scan(&self, table: &str) -> Vec<Item> {
        let pages = self.client().scan().table_name(table).into_paginator().items().send();
        pages.collect::<Result<Vec<_>, _>>().await.unwrap()
    }

    async fn delete(&self, table: &str, pk: &str, sk: Option<&str>) {
        let delete = self.client().delete_item().table_name(table).key("pk", text(pk));
        let delete = match sk {
            Some(sk) => delete.key("sk", text(sk)),
            None => delete,
        };
        delete.send().await.unwrap();
    }

    async fn delete_record(&self, pk: &str, sk: &str) {
        self.delete(self.fixture.store.ledger_table, pk, Some(sk)).await;
    }

    /// A backup of the ledger comes back, and the key table stays as it is.
    async fn restore(&self, backup: &[Item]) -> Ledger {
        let client = self.client();
        let mut tables = tables(&self.fixture.store);
        tables.ledger = RESTORED.to_owned();
        create_tables(&client, &tables.ledger, &tables.keys).await.unwrap();
        for item in backup {
            let put = client.put_item().table_name(RESTORED).set_item(Some(item.clone()));
            put.send().await.unwrap();
        }
        self.ledger_of(client, tables)
    }
}

fn person() -> Identifiers {
    Identifiers::new(PhoneNumber::parse(PHONE).ok(), Bsuid::parse(BSUID).ok()).unwrap()
}

fn somebody_else() -> Identifiers {
    Identifiers::new(PhoneNumber::parse("+4915111122233").ok(), None).unwrap()
}

fn event(at: Time, act: Act) -> Event {
    Event {
        id: EventId::from_bytes(identity::random_bytes().unwrap()),
        at,
        act,
        delivery: None,
    }
}

fn asked() -> Act {
    Act::Asked(Asked {
        request: RequestId::from_bytes(identity::random_bytes().unwrap()),
        purposes: vec!["offers".parse().unwrap()],
        locale: "de".parse().unwrap(),
        source: RequestSource::WebForm,
        url: None,
        form: None,
        actor: Actor::System,
    })
}

fn said(words: &str) -> Act {
    Act::Said(Said {
        meaning: POLICY.words().read(words),
        words: TypedWords::new(words),
        authorship: Authorship::Own,
        by_button: false,
        sender: None,
        message: MessageRef::from_bytes([9; 32]),
        context: None,
    })
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn string<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name)
        .and_then(|value| value.as_s().ok())
        .map_or("", String::as_str)
}

fn of_kind<'a>(items: &'a [Item], kind: &str) -> Vec<&'a Item> {
    items.iter().filter(|item| string(item, "kind") == kind).collect()
}

/// Every form in which something of the person could stand somewhere.
fn traces() -> Vec<Vec<u8>> {
    let plain = [
        "4915199887766",
        "15199887766",
        "+49 151 99887766",
        "99887766",
        "998877665544",
        "Ottokar",
        "Zeisig",
        "Zebrastreifen",
        "Kirschkuchen",
    ];
    let mut traces: Vec<_> = plain.iter().map(|trace| trace.as_bytes().to_vec()).collect();
    for trace in plain {
        // In base64 a text has three forms, by where in a group of three bytes it begins.
        for shift in 0..3 {
            let shifted = [&vec![0; shift], trace.as_bytes()].concat();
            let whole = shifted.len() / 3 * 3;
            let encoded = STANDARD.encode(&shifted[..whole]).into_bytes();
            let own = if shift == 0 { 0 } else { 4 };
            traces.push(encoded[own..].to_vec());
        }
    }
    traces
}

fn bytes_of(value: &AttributeValue) -> Vec<u8> {
    match value {
        AttributeValue::B(bytes) => bytes.as_ref().to_vec(),
        AttributeValue::S(text) | AttributeValue::N(text) => text.clone().into_bytes(),
        AttributeValue::Ss(texts) => texts.join(" ").into_bytes(),
        AttributeValue::L(values) => values.iter().flat_map(bytes_of).collect(),
        other => panic!("the ledger writes no such value: {other:?}"),
    }
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|window| window == needle)
}

fn has_trace(bytes: &[u8]) -> bool {
    traces().iter().any(|trace| contains(bytes, trace))
}

impl Dump {
    /// What of the person can be read without any key.
    fn in_the_open(&self) -> Vec<(String, String)> {
        let items = self.ledger.iter().chain(&self.keys);
        items
            .flat_map(|item| item.iter().map(|(name, value)| (string(item, "pk"), name, value)))
            .filter(|(_, name, value)| has_trace(&bytes_of(value)) || has_trace(name.as_bytes()))
            .map(|(pk, name, _)| (pk.to_owned(), name.clone()))
            .collect()
    }

    /// Every sealed value, with every name that it may have been sealed for.
    fn sealed(&self) -> Vec<(String, &'static str, Vec<u8>)> {
        let mut sealed = vec![];
        for item in &self.ledger {
            let pk = string(item, "pk");
            let contact = pk.strip_prefix("contact#").unwrap_or(pk);
            for (name, value) in item {
                let (name, bytes) = match (name.as_str(), value) {
                    ("identity", AttributeValue::B(bytes)) => ("identity", bytes.as_ref().to_vec()),
                    ("body", AttributeValue::B(bytes)) => ("body", bytes.as_ref().to_vec()),
                    ("reason", AttributeValue::B(bytes)) => ("reason", bytes.as_ref().to_vec()),
                    ("details", AttributeValue::B(bytes)) => ("details", bytes.as_ref().to_vec()),
                    ("body", AttributeValue::S(body)) => {
                        let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
                        let Some(words) = body["sealed_words"].as_str() else {
                            continue;
                        };
                        ("words", STANDARD_NO_PAD.decode(words).unwrap())
                    }
                    (_, AttributeValue::B(bytes)) => {
                        panic!("{} bytes that no test opens: {name}", bytes.as_ref().len())
                    }
                    _ => continue,
                };
                sealed.push((contact.to_owned(), name, bytes));
            }
        }
        sealed
    }

    /// All that can be opened of this dump's ledger with these rows of the key table.
    fn opened_with(&self, rows: &[Item]) -> Vec<Vec<u8>> {
        let master = keys().sealing.remove(0);
        let wrapped = rows.iter().filter_map(|row| match row.get("wrapped_key")? {
            AttributeValue::B(bytes) => Some((string(row, "pk"), WrappedKey::from_bytes(bytes.as_ref().to_vec()))),
            _ => None,
        });
        let left: Vec<SubjectKey> = wrapped.map(|(pk, key)| master.unwrap(&key, pk).unwrap()).collect();
        let mut opened = vec![];
        for (owner, name, bytes) in self.sealed() {
            let sealed = Sealed::from_bytes(bytes);
            opened.extend(master.open(&owner, name, &sealed).ok());
            opened.extend(left.iter().filter_map(|key| key.open(&owner, name, &sealed).ok()));
        }
        opened
    }
}

fn readable(opened: &[Vec<u8>]) -> usize {
    opened.iter().filter(|plain| has_trace(plain)).count()
}

#[tokio::test]
async fn after_an_erasure_nothing_of_the_person_is_found_and_nothing_sealed_before_can_be_opened() {
    let world = World::new().await;
    let other = world.record(&somebody_else(), said("START")).await;
    let contact = world.full_life().await;
    let before = world.dump().await;
    // What the search finds where there is something to find.
    assert_eq!(
        readable(&before.opened_with(&before.keys)),
        5,
        "identity, words, reason, delivery and case"
    );
    assert_eq!(before.in_the_open(), []);
    let erasure = world.erase(&contact).await;
    let after = world.dump().await;
    assert_eq!(after.in_the_open(), []);
    assert_eq!(readable(&before.opened_with(&after.keys)), 0);
    assert!(
        !before.opened_with(&after.keys).is_empty(),
        "somebody else is still there"
    );
    for kind in ["quarantine", "legal_hold", "remains", "case_link"] {
        assert!(of_kind(&after.ledger, kind).is_empty(), "{kind}");
    }
    let id = contact.to_string();
    let mentions = |item: &&Item| item.values().any(|value| contains(&bytes_of(value), id.as_bytes()));
    let all: Vec<_> = after.ledger.iter().chain(&after.keys).filter(mentions).collect();
    assert!(all.is_empty(), "{all:?}");
    let certificate = erasure.certificate;
    assert!(certificate.key_deleted);
    assert_eq!(certificate.finished_at, Some(world.now()));
    assert_eq!(certificate.backups_until, world.now() + Span::days(7));
    let deleted = |kind| certificate.counts.get(kind, Outcome::Deleted);
    let count = |kind| u64::try_from(of_kind(&before.ledger, kind).len()).unwrap();
    assert_eq!(deleted(Kind::Contact), 1);
    assert_eq!(deleted(Kind::SubjectKey), 1);
    assert_eq!(deleted(Kind::LegalHold), 1);
    assert_eq!(deleted(Kind::Quarantine), 1);
    assert_eq!(deleted(Kind::Evidence), count("evidence") - 1);
    assert_eq!(deleted(Kind::Outbox), count("outbox") - 1);
    assert_eq!(certificate.counts.get(Kind::Alias, Outcome::Reduced), 2);
    assert_eq!(erasure.contact_book, Some(ContactBook::Pending));
    assert!(world.ledger().read(&other).await.unwrap().is_some());
}

#[tokio::test]
async fn a_copy_has_every_record_that_an_erasure_takes_and_everything_that_is_sealed_of_the_person() {
    let world = World::new().await;
    let other = world.record(&somebody_else(), said("START")).await;
    let contact = world.full_life().await;
    world.lists_on_a_campaign().await;
    let held = world
        .ledger()
        .held_about(&person(), &POLICY, world.now())
        .await
        .unwrap();
    let HeldAbout::One(held) = held else { panic!("not one") };
    let before = world.dump().await;
    world.erase(&contact).await;
    let after = world.dump().await;

    // Whatever an erasure has to take or change is about the person.
    let mut taken = BTreeMap::<&str, usize>::new();
    for item in before.ledger.iter().filter(|item| !after.ledger.contains(item)) {
        *taken.entry(string(item, "kind")).or_default() += 1;
    }
    let mut copied = BTreeMap::from([("evidence", held.events.len())]);
    for record in held.records.iter().filter(|record| record.kind != Kind::SubjectKey) {
        *copied.entry(record.kind.as_str()).or_default() += 1;
    }
    // The certificate of the erasure that ran is no record of before.
    assert_eq!(copied, taken);
    for kind in [
        "contact",
        "alias",
        "outbox",
        "legal_hold",
        "quarantine",
        "case",
        "case_link",
        "audience_part",
    ] {
        assert!(copied.contains_key(kind), "{kind}");
    }

    let demanded = Demanded {
        case: CaseId::from_bytes([1; 16]),
        kind: CaseKind::Access,
        received_at: world.now(),
    };
    let registers = held.contact.clone();
    let copy = Copy::new(*held, demanded, &[&POLICY], world.now()).unwrap();
    let text = serde_json::to_string(&copy).unwrap();
    for opened in [
        PHONE,
        BSUID,
        WORDS,
        "Klage von Ottokar Zeisig",
        "Brief von Ottokar Zeisig",
        "Stammkundin",
    ] {
        assert!(text.contains(opened), "{opened}");
    }
    let schema: serde_json::Value = serde_json::from_str(consent::copy::JSON_SCHEMA).unwrap();
    let written: serde_json::Value = serde_json::from_str(&text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(&written).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let copied: consent::contact::Contact = copy
        .of_kind(Kind::Contact)
        .map(|record| serde_json::from_value(record.says["registers"].clone()).unwrap())
        .next()
        .unwrap();
    assert_eq!(Some(copied), registers);
    assert!(
        !text.contains("4915111122233") && !text.contains(&other.to_string()),
        "nothing of anybody else"
    );
    // What could not be read may be about others as well.
    assert!(!text.contains("Kirschkuchen"));
    // Whoever has the key finds nothing wrong with it, and something with every change.
    let chain = keys().chain();
    assert_eq!(copy.verify(Some(&chain)).findings, []);
    let mut changed: serde_json::Value = serde_json::from_str(&text).unwrap();
    changed["events"][0]["record"]["recorded_at"] = json!("2020-01-01T00:00:00Z");
    let changed: Copy = serde_json::from_str(&changed.to_string()).unwrap();
    assert!(changed.verify(Some(&chain)).findings.contains(&Finding::Forged));
}

#[tokio::test]
async fn the_certificate_is_signed_names_nobody_and_is_kept_for_three_years() {
    let world = World::new().await;
    let contact = world.full_life().await;
    let id = world.begin(&contact).await;
    let running = world.erasure(&id).await;
    assert_eq!((running.certificate.finished_at, running.proof), (None, None));
    assert_eq!(running.certificate.counts.get(Kind::SubjectKey, Outcome::Deleted), 1);
    world.ledger().continue_erasure(&id, &world.rules()).await.unwrap();
    let proof = world.erasure(&id).await.proof.unwrap();
    assert!(proof.is_genuine);
    for secret in [&*contact.to_string(), REASON.expose(), "desk"] {
        assert!(!proof.text.contains(secret));
    }
    let forged = proof.text.replace("\"key_deleted\":true", "\"key_deleted\":false");
    let update = world
        .client()
        .update_item()
        .table_name(world.fixture.store.ledger_table);
    let update = update
        .key("pk", text(&format!("erasure#{id}")))
        .key("sk", text("erasure"));
    let update = update.update_expression("SET body = :body");
    update
        .expression_attribute_values(":body", text(&forged))
        .send()
        .await
        .unwrap();
    assert!(!world.erasure(&id).await.proof.unwrap().is_genuine);
    let years_later: Time = "2029-07-14T05:33:20Z".parse().unwrap();
    assert_eq!(world.ledger().erasure(&id, years_later).await.unwrap(), None);
}

#[tokio::test]
async fn whatever_call_fails_the_contact_is_unreadable_once_anything_is_gone_and_the_rest_is_done_and_counted_once() {
    for fault in [Fault::NotSent, Fault::AnswerLost] {
        let mut without_crash = None;
        for call in 0.. {
            let world = World::new().await;
            let contact = world.full_life().await;
            long_history(&world, 120).await;
            let (ledger, wire) = world.ledger_on_a_wire();
            let nothing = std::iter::repeat_n(Fault::Nothing, call);
            if without_crash.is_some() {
                wire.fail(nothing.chain([fault]));
            }
            if let Ok(ErasureStart::Begun(id)) = world.ask(&ledger, &contact).await {
                let _ = ledger.continue_erasure(&id, &world.rules()).await;
            }
            let requests = wire.requests();
            let dump = world.dump().await;
            let id = match &of_kind(&dump.ledger, "erasure")[..] {
                [] => {
                    assert!(!world.is_unknown(&contact).await);
                    world.begin(&contact).await
                }
                [erasure] => {
                    assert!(world.is_unknown(&contact).await, "{fault:?} at {call}");
                    string(erasure, "pk").strip_prefix("erasure#").unwrap().parse().unwrap()
                }
                several => panic!("{several:?}"),
            };
            // What was begun is due at once.
            assert_eq!(
                world.purge().await.counts,
                Counts::default(),
                "it is counted in the erasure"
            );
            let erasure = world.erasure(&id).await;
            assert!(erasure.proof.unwrap().is_genuine);
            let left = world.dump().await;
            assert!(of_kind(&left.ledger, "evidence").is_empty() && of_kind(&left.ledger, "remains").is_empty());
            let counts = erasure.certificate.counts;
            match &without_crash {
                None => without_crash = Some((counts, requests)),
                Some((expected, calls)) => {
                    assert_eq!(&counts, expected, "{fault:?} at {call}");
                    if call >= *calls {
                        break;
                    }
                }
            }
        }
    }
}

/// The person writes so much that no transaction holds it all.
async fn long_history(world: &World, messages: usize) {
    let events: Vec<_> = (0..messages).map(|_| event(world.now(), said("STOP"))).collect();
    for events in events.chunks(25) {
        let who = Who::Person(person());
        world.ledger().record(&who, events, &world.rules()).await.unwrap();
    }
}

#[tokio::test]
async fn without_time_nothing_is_begun_and_what_was_begun_waits() {
    let world = World::new().await;
    let contact = world.full_life().await;
    let refused = world.ask(&world.ledger_without_time(), &contact).await;
    assert!(matches!(refused, Err(LedgerError::OutOfTime { .. })));
    assert!(!world.is_unknown(&contact).await);
    let id = world.begin(&contact).await;
    // Its time is over before it has looked at anything.
    let out_of_time = world.ledger_without_time();
    out_of_time.continue_erasure(&id, &world.rules()).await.unwrap();
    assert_eq!(world.erasure(&id).await.proof, None);
    let dump = world.dump().await;
    let [remains] = of_kind(&dump.ledger, "remains")[..] else {
        panic!("no remains");
    };
    assert!(string(remains, "due_shard").starts_with("purge#"));
    assert_eq!(
        remains["due_at"],
        AttributeValue::N(world.now().unix_seconds().to_string())
    );
    world.ledger().continue_erasure(&id, &world.rules()).await.unwrap();
    assert!(world.erasure(&id).await.proof.is_some());
}

#[tokio::test]
async fn a_prompt_that_waits_goes_with_the_contact_and_is_never_sent() {
    let world = World::new().await;
    let contact = world.record(&person(), asked()).await;
    let dump = world.dump().await;
    let [prompt] = of_kind(&dump.ledger, "outbox")[..] else {
        panic!("no prompt");
    };
    let prompt: OutgoingId = string(prompt, "pk").strip_prefix("outbox#").unwrap().parse().unwrap();
    let erasure = world.erase(&contact).await;
    assert_eq!(erasure.certificate.counts.get(Kind::Outbox, Outcome::Deleted), 1);
    let claim = world
        .ledger()
        .claim(&prompt, ClaimId::new().unwrap(), world.now(), Span::minutes(2))
        .await
        .unwrap();
    assert!(matches!(claim, Claim::NotDue), "{claim:?}");
}

#[tokio::test]
async fn whoever_is_being_erased_is_erased_once_and_unknown_afterwards() {
    let world = World::new().await;
    let contact = world.full_life().await;
    let id = world.begin(&contact).await;
    let again = world.ask(&world.ledger(), &contact).await.unwrap();
    assert_eq!(again, ErasureStart::Running(id));
    world.ledger().continue_erasure(&id, &world.rules()).await.unwrap();
    let done = world.erasure(&id).await;
    world.ledger().continue_erasure(&id, &world.rules()).await.unwrap();
    assert_eq!(world.erasure(&id).await, done);
    let afterwards = world.ask(&world.ledger(), &contact).await.unwrap();
    assert_eq!(afterwards, ErasureStart::Unknown);
}

#[tokio::test]
async fn two_who_finish_the_same_erasure_count_everything_once() {
    let world = World::new().await;
    let contact = world.full_life().await;
    long_history(&world, 120).await;
    let evidence = of_kind(&world.dump().await.ledger, "evidence").len();
    let id = world.begin(&contact).await;
    let (ledger, wire) = world.ledger_on_a_wire();
    let rival = world.ledger();
    let rules = world.rules();
    wire.before_the_next_transaction(Box::pin(async move {
        rival.continue_erasure(&id, &rules).await.unwrap();
    }));
    ledger.continue_erasure(&id, &rules).await.unwrap();
    let counts = world.erasure(&id).await.certificate.counts;
    assert_eq!(
        counts.get(Kind::Evidence, Outcome::Deleted),
        u64::try_from(evidence).unwrap()
    );
    assert_eq!(counts.get(Kind::Contact, Outcome::Deleted), 1);
}

#[tokio::test]
async fn a_legal_hold_refuses_an_erasure_which_is_recorded_with_its_reason_sealed() {
    let world = World::new().await;
    let contact = world.full_life().await;
    world.hold(&contact, Span::days(30)).await;
    let until = world.now() + Span::days(30);
    let refused = world.ask(&world.ledger(), &contact).await.unwrap();
    assert_eq!(refused, ErasureStart::Held { until });
    let subject = world.known(&person()).await;
    let history = world.ledger().history(&subject).await.unwrap();
    assert!(history.intact);
    let refusals: Vec<_> = history
        .entries
        .iter()
        .filter(|entry| entry.evidence.kind == EvidenceKind::ErasureRefused)
        .collect();
    let [refusal] = refusals[..] else {
        panic!("{} refusals", refusals.len());
    };
    assert_eq!(refusal.words.as_deref(), Some(REASON.expose()));
    assert_eq!(refusal.evidence.actor, Actor::Operator("desk".to_owned()));
    assert_eq!(world.dump().await.in_the_open(), []);
    assert!(world.ledger().release_hold(&contact).await.unwrap());
    assert!(!world.ledger().release_hold(&contact).await.unwrap());
    world.erase(&contact).await;
}

#[tokio::test]
async fn a_hold_that_comes_just_before_the_erasure_still_stops_it() {
    let world = World::new().await;
    for past in [false, true] {
        let contact = world.record(&person(), said("START")).await;
        if past {
            // The erasure means to take this one along.
            world.hold(&contact, Span::seconds(0)).await;
        }
        let (ledger, wire) = world.ledger_on_a_wire();
        let (rival, now) = (world.ledger(), world.now());
        let until = now + Span::days(1);
        wire.before_the_next_transaction(Box::pin(async move {
            let reason = HoldReason::new("Klage");
            assert!(rival.hold(&contact, &LegalHold { until, reason }, now).await.unwrap());
        }));
        let refused = world.ask(&ledger, &contact).await.unwrap();
        assert_eq!(refused, ErasureStart::Held { until });
        assert!(world.ledger().release_hold(&contact).await.unwrap());
    }
}

#[tokio::test]
async fn a_hold_needs_a_contact_and_ends_by_itself() {
    let world = World::new().await;
    let nobody = ContactId::from_bytes([1; 16]);
    let hold = LegalHold {
        until: world.now() + Span::days(1),
        reason: HoldReason::new("Klage"),
    };
    assert!(!world.ledger().hold(&nobody, &hold, world.now()).await.unwrap());
    assert_eq!(format!("{:?}", hold.reason), "HoldReason([redacted])");
    let contact = world.record(&person(), said("START")).await;
    world.hold(&contact, Span::days(1)).await;
    let ledger = world.ledger();
    let held = async |at| ledger.held_until(&contact, at).await.unwrap();
    let until = world.now() + Span::days(1);
    assert_eq!(held(world.now()).await, Some(until));
    assert_eq!(held(until).await, None);
    assert!(ledger.release_hold(&contact).await.unwrap());
    world.begin(&contact).await;
    assert!(!world.ledger().hold(&contact, &hold, world.now()).await.unwrap());
}

#[tokio::test]
async fn a_hold_that_comes_just_after_the_erasure_finds_nobody() {
    let world = World::new().await;
    let contact = world.record(&person(), said("START")).await;
    let (ledger, wire) = world.ledger_on_a_wire();
    let (rival, rules) = (world.ledger(), world.rules());
    wire.before_the_next_transaction(Box::pin(async move {
        let asked = ErasureRequest {
            actor: Actor::System,
            reason: &REASON,
        };
        let begun = rival.begin_erasure(&contact, &asked, &rules).await.unwrap();
        assert!(matches!(begun, ErasureStart::Begun(_)));
    }));
    let hold = LegalHold {
        until: world.now() + Span::days(1),
        reason: HoldReason::new("Klage"),
    };
    assert!(!ledger.hold(&contact, &hold, world.now()).await.unwrap());
    assert!(of_kind(&world.dump().await.ledger, "legal_hold").is_empty());
}

#[tokio::test]
async fn a_webhook_that_comes_first_is_erased_as_well() {
    let world = World::new().await;
    let contact = world.full_life().await;
    let (ledger, wire) = world.ledger_on_a_wire();
    let (rival, rules) = (world.ledger(), world.rules());
    let stop = event(world.now(), said("STOP"));
    wire.before_the_next_transaction(Box::pin(async move {
        rival.record(&Who::Person(person()), &[stop], &rules).await.unwrap();
    }));
    let ErasureStart::Begun(id) = world.ask(&ledger, &contact).await.unwrap() else {
        panic!("not begun");
    };
    world.ledger().continue_erasure(&id, &world.rules()).await.unwrap();
    assert!(world.is_unknown(&contact).await);
    assert!(of_kind(&world.dump().await.ledger, "evidence").is_empty());
}

#[tokio::test]
async fn what_meta_delivers_again_recreates_nothing_and_a_new_start_begins_from_nothing() {
    let world = World::new().await;
    let contact = world.full_life().await;
    world.begin(&contact).await;
    // Before the rest is gone, and after.
    world.webhook(world.stop()).await;
    assert!(world.is_unknown(&contact).await);
    let dump = world.dump().await;
    let erasure = string(of_kind(&dump.ledger, "erasure")[0], "pk").to_owned();
    let id = erasure.strip_prefix("erasure#").unwrap().parse().unwrap();
    world.ledger().continue_erasure(&id, &world.rules()).await.unwrap();
    world.webhook(world.stop()).await;
    assert!(world.is_unknown(&contact).await);
    let dump = world.dump().await;
    assert_eq!(of_kind(&dump.ledger, "tombstone").len(), 2);
    assert!(of_kind(&dump.ledger, "evidence").is_empty());
    world.advance(Span::minutes(1));
    let back = world.record(&person(), said("START")).await;
    assert_ne!(back, contact);
    let subject = world.known(&person()).await;
    assert_eq!(world.ledger().history(&subject).await.unwrap().entries.len(), 1);
    assert!(subject.contact.stops.marketing.get().is_none());
    assert!(subject.contact.is_reachable(MessageClass::Prompt, world.now()));
    assert!(
        subject
            .contact
            .suppressions
            .since(&SuppressionKind::Erased, world.now())
            .is_none()
    );
    assert_eq!(subject.contact.erased_at(), Some(world.now() - Span::minutes(1)));
}

#[tokio::test]
async fn an_open_form_does_not_bring_back_whom_nobody_may_write_to() {
    let world = World::new().await;
    let contact = world.full_life().await;
    world.erase(&contact).await;
    world.advance(Span::minutes(1));
    let outbox = of_kind(&world.dump().await.ledger, "outbox").len();
    world.record(&person(), asked()).await;
    let subject = world.known(&person()).await;
    assert!(subject.contact.suppressions.forbid(MessageClass::Prompt, world.now()));
    assert_eq!(of_kind(&world.dump().await.ledger, "outbox").len(), outbox);
}

#[tokio::test]
async fn a_restored_backup_is_erased_again_and_who_came_back_on_their_own_stays() {
    let world = World::new().await;
    let gone_and_back = world.record(&somebody_else(), said("START")).await;
    world.erase(&gone_and_back).await;
    world.advance(Span::minutes(1));
    let back = world.record(&somebody_else(), said("START")).await;
    let contact = world.full_life().await;
    let backup = world.dump().await.ledger;
    world.advance(Span::days(2));
    let erased_at = world.now();
    world.erase(&contact).await;
    world.advance(Span::days(6));
    let restored = world.restore(&backup).await;
    assert!(restored.read(&contact).await.unwrap().is_none(), "its key is gone");
    let report = restored.replay_erasures(&world.rules()).await.unwrap();
    let expected = ReplayReport {
        entries: 3,
        erased_again: 1,
        already: 2,
    };
    assert_eq!(report, expected);
    assert!(restored.read(&back).await.unwrap().is_some());
    let left = world.scan(RESTORED).await;
    let id = contact.to_string();
    let mentions = |item: &&Item| item.values().any(|value| contains(&bytes_of(value), id.as_bytes()));
    assert_eq!(left.iter().filter(mentions).count(), 0);
    assert_eq!(of_kind(&left, "quarantine").len(), 0);
    let tombstones = of_kind(&left, "tombstone");
    assert_eq!(tombstones.len(), 2);
    for tombstone in tombstones {
        // What the person does after the first erasure is new, and the wish is kept as long as there is marketing.
        assert!(string(tombstone, "body").contains(&erased_at.to_string()));
        assert!(!tombstone.contains_key("expires_at"));
    }
    let erased = of_kind(&left, "erasure");
    assert!(erased.iter().all(|erasure| string(erasure, "state") == "done"));
    // The day of the first erasure, of the second, and of the replay.
    let rows = world.dump().await.keys;
    let rows: Vec<_> = rows
        .iter()
        .map(|row| string(row, "pk"))
        .filter(|pk| pk.starts_with("erased#"))
        .collect();
    let deadlines: Vec<_> = of_kind(&left, "erasure_register")
        .into_iter()
        .map(|item| string(item, "pk"))
        .collect();
    assert!(
        rows.len() >= 3 && rows.iter().all(|row| deadlines.contains(row)),
        "{rows:?} {deadlines:?}"
    );
    // Once more does nothing more.
    let again = restored.replay_erasures(&world.rules()).await.unwrap();
    assert_eq!(
        again,
        ReplayReport {
            entries: 3,
            erased_again: 0,
            already: 3
        }
    );
}

#[tokio::test]
async fn a_replay_that_dies_anywhere_is_completed_by_the_next() {
    for call in 0.. {
        let world = World::new().await;
        let contact = world.full_life().await;
        let backup = world.dump().await.ledger;
        world.erase(&contact).await;
        let restored = world.restore(&backup).await;
        let (_, wire) = world.ledger_on_a_wire();
        let config = world.client().config().to_builder();
        let once = RetryConfig::standard().with_max_attempts(1);
        let client = Client::from_conf(config.http_client(wire.http_client()).retry_config(once).build());
        let mut tables = tables(&world.fixture.store);
        tables.ledger = RESTORED.to_owned();
        let dying = world.ledger_of(client, tables);
        wire.fail(std::iter::repeat_n(Fault::Nothing, call).chain([Fault::AnswerLost]));
        let died = dying.replay_erasures(&world.rules()).await.is_err();
        restored.replay_erasures(&world.rules()).await.unwrap();
        let left = world.scan(RESTORED).await;
        let erasures = of_kind(&left, "erasure");
        for erasure in &erasures {
            let id = string(erasure, "pk").strip_prefix("erasure#").unwrap().parse().unwrap();
            restored.continue_erasure(&id, &world.rules()).await.unwrap();
        }
        let left = world.scan(RESTORED).await;
        assert_eq!(of_kind(&left, "tombstone").len(), 2, "at {call}");
        assert!(
            of_kind(&left, "contact").is_empty() && of_kind(&left, "evidence").is_empty(),
            "at {call}"
        );
        assert!(
            of_kind(&left, "erasure")
                .iter()
                .all(|erasure| string(erasure, "state") == "done")
        );
        if !died {
            break;
        }
    }
}

#[tokio::test]
async fn a_tombstone_that_the_backup_has_lost_is_put_back_and_the_register_ends_behind_the_backups() {
    let world = World::new().await;
    let contact = world.full_life().await;
    world.erase(&contact).await;
    let restored = world.restore(&[]).await;
    let report = restored.replay_erasures(&world.rules()).await.unwrap();
    assert_eq!((report.entries, report.already), (2, 2));
    let left = world.scan(RESTORED).await;
    assert_eq!(of_kind(&left, "tombstone").len(), 2);
    let [deadline] = of_kind(&left, "erasure_register")[..] else {
        panic!("no deadline");
    };
    // The day ends at midnight; then come seven days of backups and seven more.
    let midnight = (world.now().unix_seconds() / 86_400 + 1) * 86_400;
    let ends = Time::from_unix_seconds(midnight) + Span::days(14);
    assert_eq!(deadline["due_at"], AttributeValue::N(ends.unix_seconds().to_string()));
    let later = Rules {
        now: ends,
        ..world.rules()
    };
    assert_eq!(restored.replay_erasures(&later).await.unwrap(), ReplayReport::default());
}

#[tokio::test]
async fn half_deleted_contacts_are_erased_as_far_as_they_are_there() {
    let store = |world: &World| (world.fixture.store.ledger_table, world.fixture.store.key_table);
    // Without its key.
    let world = World::new().await;
    let contact = world.full_life().await;
    world.delete(store(&world).1, &format!("contact#{contact}"), None).await;
    let counts = world.erase(&contact).await.certificate.counts;
    assert_eq!(counts.get(Kind::SubjectKey, Outcome::Deleted), 0);
    assert_eq!(counts.get(Kind::Contact, Outcome::Deleted), 1);
    // Without its messages, and without one of its records.
    let world = World::new().await;
    let contact = world.full_life().await;
    let dump = world.dump().await;
    for message in of_kind(&dump.ledger, "outbox") {
        world.delete_record(string(message, "pk"), "outbox").await;
    }
    let evidence = of_kind(&dump.ledger, "evidence");
    world
        .delete_record(string(evidence[0], "pk"), string(evidence[0], "sk"))
        .await;
    let counts = world.erase(&contact).await.certificate.counts;
    assert_eq!(counts.get(Kind::Outbox, Outcome::Deleted), 0);
    let left = u64::try_from(evidence.len() - 1).unwrap();
    assert_eq!(counts.get(Kind::Evidence, Outcome::Deleted), left);
    // With an alias that belongs to somebody else by now.
    let world = World::new().await;
    let contact = world.full_life().await;
    let dump = world.dump().await;
    let mut alias = of_kind(&dump.ledger, "alias")[0].clone();
    let other = ContactId::from_bytes([3; 16]).to_string();
    alias.insert("contact".to_owned(), text(&other));
    let put = world.client().put_item().table_name(store(&world).0);
    put.set_item(Some(alias.clone())).send().await.unwrap();
    let counts = world.erase(&contact).await.certificate.counts;
    assert_eq!(counts.get(Kind::Alias, Outcome::Reduced), 1);
    assert!(world.dump().await.ledger.contains(&alias));
    // Without the contact itself: nobody knows that it was ever there.
    let world = World::new().await;
    let contact = world.full_life().await;
    world.delete_record(&format!("contact#{contact}"), "contact").await;
    let asked = world.ask(&world.ledger(), &contact).await.unwrap();
    assert_eq!(asked, ErasureStart::Unknown);
    // Without what remained of it.
    let world = World::new().await;
    let contact = world.full_life().await;
    let id = world.begin(&contact).await;
    world.delete_record(&format!("contact#{contact}"), "contact").await;
    world.ledger().continue_erasure(&id, &world.rules()).await.unwrap();
    let erasure = world.erasure(&id).await;
    assert!(erasure.proof.unwrap().is_genuine);
    assert_eq!(erasure.certificate.counts.get(Kind::Contact, Outcome::Deleted), 0);
    assert!(of_kind(&world.dump().await.ledger, "evidence").is_empty());
}

fn counted(counts: &Counts) -> Vec<(Kind, Outcome, u64)> {
    counts.iter().collect()
}

#[tokio::test]
async fn a_contact_that_no_transaction_holds_is_purged_in_several_and_counted_once() {
    let world = World::new().await;
    let contact = world.record(&person(), asked()).await;
    long_history(&world, 120).await;
    let evidence = u64::try_from(of_kind(&world.dump().await.ledger, "evidence").len()).unwrap();
    assert!(evidence > 100);
    world.advance(Span::days(8));
    let counts = world.purge().await.counts;
    let expected = [
        (Kind::Contact, Outcome::Deleted, 1),
        (Kind::SubjectKey, Outcome::Deleted, 1),
        (Kind::Alias, Outcome::Reduced, 2),
        (Kind::Evidence, Outcome::Deleted, evidence),
    ];
    for expected in expected {
        assert!(counted(&counts).contains(&expected), "{expected:?} {counts:?}");
    }
    assert!(world.is_unknown(&contact).await);
    let left = world.dump().await;
    for kind in ["contact", "remains", "alias", "evidence", "outbox"] {
        assert!(of_kind(&left.ledger, kind).is_empty(), "{kind}");
    }
    assert_eq!(of_kind(&left.ledger, "tombstone").len(), 2);
}

#[tokio::test]
async fn half_deleted_contacts_are_purged_as_far_as_they_are_there() {
    // Nobody confirmed, so nothing stays of it.
    let all = [
        (Kind::Contact, Outcome::Deleted, 1),
        (Kind::SubjectKey, Outcome::Deleted, 1),
        (Kind::Alias, Outcome::Deleted, 2),
        (Kind::Evidence, Outcome::Deleted, 1),
        (Kind::Outbox, Outcome::Deleted, 1),
    ];
    for missing in ["nothing", "key", "evidence", "outbox", "alias"] {
        let world = World::new().await;
        let contact = world.record(&person(), asked()).await;
        let dump = world.dump().await;
        let mut expected = all.to_vec();
        match missing {
            "key" => {
                world
                    .delete(world.fixture.store.key_table, &format!("contact#{contact}"), None)
                    .await;
                expected.retain(|(kind, _, _)| *kind != Kind::SubjectKey);
            }
            "evidence" | "outbox" => {
                let item = of_kind(&dump.ledger, missing)[0];
                world.delete_record(string(item, "pk"), string(item, "sk")).await;
                expected.retain(|(kind, _, _)| kind.as_str() != missing);
            }
            "alias" => {
                let item = of_kind(&dump.ledger, missing)[0];
                world.delete_record(string(item, "pk"), string(item, "sk")).await;
                expected[2].2 = 1;
            }
            _ => {}
        }
        world.advance(Span::days(8));
        assert_eq!(counted(&world.purge().await.counts), expected, "without {missing}");
        let left = world.dump().await;
        let kinds: Vec<_> = left.ledger.iter().map(|item| string(item, "kind")).collect();
        assert!(
            !kinds
                .iter()
                .any(|kind| ["contact", "alias", "evidence", "outbox"].contains(kind)),
            "{kinds:?}"
        );
    }
}

#[tokio::test]
async fn a_purge_leaves_a_held_contact_however_long_its_history() {
    let world = World::new().await;
    let contact = world.record(&person(), asked()).await;
    long_history(&world, 120).await;
    world.hold(&contact, Span::days(30)).await;
    let before = world.dump().await;
    world.advance(Span::days(8));
    assert_eq!(world.purge().await.counts.get(Kind::Contact, Outcome::LegalHold), 1);
    let after = world.dump().await;
    for kind in ["contact", "evidence", "alias", "legal_hold"] {
        assert_eq!(
            of_kind(&after.ledger, kind).len(),
            of_kind(&before.ledger, kind).len(),
            "{kind}"
        );
    }
    world.advance(Span::days(30));
    let counts = world.purge().await.counts;
    assert_eq!(counts.get(Kind::Contact, Outcome::Deleted), 1);
    assert_eq!(counts.get(Kind::LegalHold, Outcome::Deleted), 1);
    assert!(of_kind(&world.dump().await.ledger, "evidence").is_empty());
}

#[tokio::test]
async fn whose_id_is_known_is_deleted_from_metas_contact_book_and_nobody_else() {
    let world = World::new().await;
    let contact = world.record(&person(), said("START")).await;
    world.erase(&contact).await;
    let due = world.ledger().due_messages(world.now(), 10).await.unwrap();
    let [entry] = due[..] else { panic!("{due:?}") };
    let claim = world
        .ledger()
        .claim(&entry, ClaimId::new().unwrap(), world.now(), Span::minutes(2))
        .await
        .unwrap();
    let Claim::Forget(forget) = claim else {
        panic!("{claim:?}")
    };
    let bsuid = world.ledger().person_to_forget(&forget).await.unwrap();
    assert_eq!(bsuid, Bsuid::parse(BSUID).ok());
    let contact = world.record(&somebody_else(), said("START")).await;
    assert_eq!(world.erase(&contact).await.contact_book, None);
}

#[tokio::test]
async fn the_cases_of_who_is_erased_stay_without_anything_about_them() {
    let world = World::new().await;
    let contact = world.record(&person(), asked()).await;
    let theirs = world.demand().await;
    let stranger = world.demand_of(somebody_else(), None);
    let others = world
        .ledger()
        .open_case(&stranger, &POLICY, world.now())
        .await
        .unwrap()
        .into_case();
    let before = world.ledger().case(&theirs).await.unwrap().unwrap();
    world.erase(&contact).await;

    let after = world.ledger().case(&theirs).await.unwrap().unwrap();
    assert_eq!(after.case, before.case);
    assert_eq!((after.contact, after.details), (None, None));
    let mut closed = before.case.clone();
    closed.close(consent::case::Outcome::Withdrawn, world.now()).unwrap();
    let late = world
        .ledger()
        .change_case(&before, closed, None, &POLICY, world.now())
        .await;
    assert!(late.unwrap().is_none(), "nobody brings back what was read before");
    let dump = world.dump().await;
    assert_eq!(of_kind(&dump.ledger, "case_link").len(), 2, "the stranger's");
    let others = world.ledger().case(&others.case.id).await.unwrap().unwrap();
    assert_eq!(others.details.unwrap().recipient, somebody_else());
}
