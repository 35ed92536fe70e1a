//! What leaves the outbox, how often, and what is recorded of it: against the real tables and a Graph API that does as it is
//! told.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use assent::local::EXAMPLE_POLICY;
use assent_tests::{AMPLE, APP_SECRET, Fixture, SENDER, business, keys, signed};
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::routing::{delete, post};
use consent::case::{Case, CaseState, CaseStep, Code};
use consent::contact::{Carried, PromptState, Status};
use consent::event::{Act, Asked, Authorship, Event, Said};
use consent::evidence::{Actor, Evidence, EvidenceKind, TypedWords, WithdrawalSource};
use consent::id::{ContactId, ErasureId, EventId, MessageRef, OutgoingId, RequestId};
use consent::outgoing::ForgetContact;
use consent::register::RequestSource;
use consent::suppression::SuppressionKind;
use consent::time::{Span, Time};
use consent::words::{Meaning, RightsWord};
use identity::{Bsuid, Identifier, Identifiers, PhoneNumber, SubjectKey};
use ledger::{CaseFilter, Claim, ClaimId, Found, Ledger, NewCase, OutboxState, PromptPhase, Who};
use outbox::{Outbox, Swept};
use platform::deadline::Deadline;
use serde_json::{Value, json};
use service::{Service, Work};
use tokio::sync::Notify;
use whatsapp::compose::{SentMessage, StatusState, acceptance, deletion, message_id, refusal};
use whatsapp::graph::{Graph, GraphError};
use whatsapp::{MessageId, Outbound};

const RECONCILIATION: i64 = 15 * 60;
const LEASE: i64 = 2 * 60;

/// How the Graph API answers one request.
#[derive(Debug, Clone)]
enum Answer {
    /// Takes it.
    Accept,
    /// Takes it, and knows the contact by these identifiers.
    AcceptAs(Identifiers),
    /// Refuses it with that code.
    Refuse(u32),
    /// Takes it and answers with something that is no answer.
    AcceptUnreadably,
    /// Takes it and never answers.
    AcceptSilently,
    /// Takes it and, once told to, answers that it refused it with that code.
    RefuseLate(u32),
}

/// A Graph API that answers as it was told, and takes everything once it was told nothing more.
#[derive(Debug, Default)]
struct GraphStub {
    answers: Mutex<VecDeque<Answer>>,
    taken: Mutex<Vec<(MessageId, SentMessage)>>,
    deleted: Mutex<Vec<String>>,
    reached: Notify,
    answer_late: Notify,
}

fn refuse(code: u32) -> (StatusCode, String) {
    let (status, body) = refusal(GraphError::of(code));
    (StatusCode::from_u16(status).unwrap(), body)
}

async fn contact_book(
    State(stub): State<Arc<GraphStub>>,
    Path(number): Path<String>,
    RawQuery(query): RawQuery,
) -> (StatusCode, String) {
    let answer = stub.answers.lock().unwrap().pop_front().unwrap_or(Answer::Accept);
    if let Answer::Refuse(code) = answer {
        return refuse(code);
    }
    let deleted = format!("{number}?{}", query.unwrap_or_default());
    stub.deleted.lock().unwrap().push(deleted);
    stub.reached.notify_one();
    match answer {
        Answer::Accept => (StatusCode::OK, deletion(true)),
        Answer::AcceptUnreadably => (StatusCode::OK, "<html>".to_owned()),
        Answer::AcceptSilently => std::future::pending().await,
        other => panic!("no answer to a deletion: {other:?}"),
    }
}

async fn messages(State(stub): State<Arc<GraphStub>>, body: Bytes) -> (StatusCode, String) {
    let sent = SentMessage::from_request(&body).expect("a request that Meta understands");
    let answer = stub.answers.lock().unwrap().pop_front().unwrap_or(Answer::Accept);
    if let Answer::Refuse(code) = answer {
        return refuse(code);
    }
    let id = {
        let mut taken = stub.taken.lock().unwrap();
        let id = message_id(sent.to.phone(), [u8::try_from(taken.len()).unwrap(); 10]);
        taken.push((id.clone(), sent.clone()));
        id
    };
    stub.reached.notify_one();
    match answer {
        Answer::AcceptUnreadably => (StatusCode::OK, "<html>".to_owned()),
        Answer::AcceptSilently => std::future::pending().await,
        Answer::RefuseLate(code) => {
            stub.answer_late.notified().await;
            refuse(code)
        }
        Answer::AcceptAs(contact) => (StatusCode::OK, acceptance(&sent.to, &contact, &id)),
        Answer::Accept | Answer::Refuse(_) => (StatusCode::OK, acceptance(&sent.to, &sent.to, &id)),
    }
}

struct World {
    fixture: Fixture,
    meta: Arc<GraphStub>,
    graph: Graph,
}

impl World {
    async fn new() -> Self {
        let meta = Arc::new(GraphStub::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let graph = Graph::new(&format!("http://{}/v26.0", listener.local_addr().unwrap())).unwrap();
        let router = axum::Router::new()
            .route("/v26.0/{number}/messages", post(messages))
            .route("/v26.0/{number}/contact_book", delete(contact_book));
        let served = axum::serve(listener, router.with_state(Arc::clone(&meta)));
        tokio::spawn(async { served.await.unwrap() });
        Self {
            fixture: Fixture::under(EXAMPLE_POLICY).await,
            meta,
            graph,
        }
    }

    fn service(&self, function: &'static str) -> Service {
        self.fixture.service(function)
    }

    fn ledger(&self) -> Ledger {
        assent_tests::ledger(&self.fixture.store)
    }

    fn outbox(&self) -> Outbox {
        Outbox::new(self.service("outbox"), self.graph.clone())
    }

    async fn work(&self) -> Work {
        self.service("test").begin(deadline()).await.unwrap()
    }

    fn now(&self) -> Time {
        self.fixture.now()
    }

    fn advance(&self, seconds: i64) {
        self.fixture.clock.advance(seconds);
    }

    fn meta_answers(&self, answers: impl IntoIterator<Item = Answer>) {
        self.meta.answers.lock().unwrap().extend(answers);
    }

    fn taken(&self) -> Vec<(MessageId, SentMessage)> {
        self.meta.taken.lock().unwrap().clone()
    }

    fn measured(&self, name: &str) -> f64 {
        self.fixture.tally.total("outbox", name)
    }

    async fn record(&self, who: &Who, act: Act) -> ledger::Recorded {
        let work = self.work().await;
        let event = Event {
            id: EventId::from_bytes(identity::random_bytes().unwrap()),
            at: work.now,
            act,
            delivery: None,
        };
        work.ledger
            .record(who, &[event], &work.rules())
            .await
            .unwrap()
            .remove(0)
    }

    /// Somebody fills in a form: a prompt waits in the outbox.
    async fn prompt(&self, number: &str) -> Waiting {
        let recorded = self.record(&Who::Person(person(number)), asked()).await;
        Waiting::of(&recorded)
    }

    /// A contact writes HELP: an answer waits in the outbox.
    async fn answer(&self, number: &str) -> Waiting {
        let said = Said {
            meaning: Meaning::Help,
            words: TypedWords::new("help"),
            authorship: Authorship::Own,
            by_button: false,
            sender: None,
            message: MessageRef::from_bytes([9; 32]),
            context: None,
        };
        let recorded = self.record(&Who::Person(person(number)), Act::Said(said)).await;
        Waiting::of(&recorded)
    }

    /// A contact writes something to be read as a word: a step of a case waits in the outbox.
    async fn demands(&self, number: &str, right: RightsWord) {
        let said = Said {
            meaning: Meaning::Rights(right),
            words: TypedWords::new("a demand"),
            authorship: Authorship::Own,
            by_button: false,
            sender: None,
            message: MessageRef::from_bytes([9; 32]),
            context: None,
        };
        let recorded = self.record(&Who::Person(person(number)), Act::Said(said)).await;
        assert_eq!(recorded.steps.len(), 1);
    }

    /// The contact taps the button of the message that Meta took last.
    async fn taps_last(&self, number: &str) {
        let (_, sent) = self.taken().pop().expect("a message with a button");
        let Outbound::Buttons(buttons) = sent.message else {
            panic!("no buttons: {:?}", sent.message)
        };
        let tapped = Act::Tapped {
            payload: buttons.buttons()[0].payload.as_str().to_owned(),
            message: MessageRef::from_bytes([8; 32]),
            context: None,
        };
        let recorded = self.record(&Who::Person(person(number)), tapped).await;
        assert_eq!(recorded.steps.len(), 1);
    }

    /// The cases that are open.
    async fn cases(&self) -> Vec<Case> {
        let page = self.ledger().cases(CaseFilter::default(), None).await.unwrap();
        page.cases.into_iter().map(|(case, _)| case).collect()
    }

    async fn state(&self, message: &Waiting) -> OutboxState {
        self.ledger().outbox_message(&message.id).await.unwrap().unwrap().state
    }

    async fn contact(&self, message: &Waiting) -> consent::contact::Contact {
        self.ledger().read(&message.contact).await.unwrap().unwrap().contact
    }

    async fn status(&self, message: &Waiting) -> Status {
        let work = self.work().await;
        let contact = self.contact(message).await;
        contact
            .standing(&"offers".parse().unwrap(), &work.policy, work.now)
            .status
    }

    /// The contact's evidence of that kind.
    async fn evidence(&self, message: &Waiting, kind: EvidenceKind) -> Vec<Evidence> {
        let ledger = self.ledger();
        let subject = ledger.read(&message.contact).await.unwrap().unwrap();
        let history = ledger.history(&subject).await.unwrap();
        assert!(history.intact);
        let all = history.entries.into_iter().map(|entry| entry.evidence);
        all.filter(|evidence| evidence.kind == kind).collect()
    }

    /// Somebody known by that id was erased: Meta's contact book waits to be told.
    async fn erased(&self, bsuid: &str) -> Erased {
        let erasure = ErasureId::from_bytes(identity::random_bytes().unwrap());
        let forget = ForgetContact::new(erasure, SENDER.parse().unwrap(), self.now());
        let erased = Erased {
            erasure,
            entry: forget.id(),
        };
        let id = forget.id();
        let pk = format!("outbox#{id}");
        let key = SubjectKey::generate().unwrap();
        let sealed = key.seal(&pk, "identity", json!(bsuid).to_string().as_bytes()).unwrap();
        let wrapped = keys().sealing[0].wrap(&key, &pk).unwrap();
        let store = &self.fixture.store;
        let put = |table: &str| store.client().put_item().table_name(table);
        let entry = put(store.ledger_table)
            .item("pk", text(&pk))
            .item("sk", text("outbox"))
            .item("kind", text("outbox"))
            .item("body", text(&json!(forget).to_string()))
            .item("erasure", text(&erasure.to_string()))
            .item("identity", bytes(sealed.into_bytes()))
            .item("state", text("waiting"))
            .item("attempts", number(0))
            .item("due_shard", text(&format!("outbox#{}", id.as_bytes()[0] % 4)))
            .item("due_at", number(self.now().unix_seconds()));
        let certificate = put(store.ledger_table)
            .item("pk", text(&format!("erasure#{erasure}")))
            .item("sk", text("erasure"))
            .item("contact_book", text("pending"));
        let key = put(store.key_table)
            .item("pk", text(&pk))
            .item("wrapped_key", bytes(wrapped.into_bytes()));
        for put in [entry, certificate, key] {
            put.send().await.unwrap();
        }
        erased
    }

    async fn ledger_item(&self, pk: String, sk: &str) -> Option<Item> {
        let store = &self.fixture.store;
        let get = store.client().get_item().table_name(store.ledger_table);
        let get = get.key("pk", text(&pk)).key("sk", text(sk));
        get.consistent_read(true).send().await.unwrap().item
    }

    async fn entry(&self, erased: &Erased) -> Item {
        let entry = self.ledger_item(format!("outbox#{}", erased.entry), "outbox").await;
        entry.unwrap()
    }

    /// What the certificate says of Meta's contact book.
    async fn certified(&self, erased: &Erased) -> Option<String> {
        let item = self
            .ledger_item(format!("erasure#{}", erased.erasure), "erasure")
            .await?;
        Some(item["contact_book"].as_s().unwrap().clone())
    }

    async fn has_key(&self, erased: &Erased) -> bool {
        let store = &self.fixture.store;
        let get = store.client().get_item().table_name(store.key_table);
        let get = get.key("pk", text(&format!("outbox#{}", erased.entry)));
        get.consistent_read(true).send().await.unwrap().item.is_some()
    }

    /// What Meta deleted.
    fn deleted(&self) -> Vec<String> {
        self.meta.deleted.lock().unwrap().clone()
    }

    /// Meta's status webhook about a message that it has taken.
    async fn status_webhook(&self, index: usize, state: StatusState) {
        let (id, sent) = self.taken().remove(index);
        let at = self.now().unix_seconds();
        let change = business().status(&id, &sent.to, &state, at, sent.callback.as_ref(), &[]);
        let body = business().delivery([change]);
        let answer = webhook::handle(&self.service("webhook"), signed(body, APP_SECRET)).await;
        assert_eq!(answer.status(), 200);
    }
}

/// A message in the outbox.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    id: OutgoingId,
    contact: ContactId,
}

impl Waiting {
    fn of(recorded: &ledger::Recorded) -> Self {
        Self {
            id: recorded.outbox.first().expect("a message in the outbox").id,
            contact: recorded.contact.as_ref().unwrap().id,
        }
    }
}

/// An erasure, and the entry of the outbox that has Meta forget its contact.
#[derive(Debug, Clone, Copy)]
struct Erased {
    erasure: ErasureId,
    entry: OutgoingId,
}

type Item = std::collections::HashMap<String, AttributeValue>;

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn bytes(bytes: Vec<u8>) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
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

fn person(number: &str) -> Identifiers {
    Identifier::from(PhoneNumber::parse(number).unwrap()).into()
}

fn deadline() -> Deadline {
    Deadline::after(AMPLE)
}

/// A record of the table's stream, as Lambda delivers it.
fn record(id: &str, number: &str) -> Value {
    let keys = json!({"pk": {"S": id}, "sk": {"S": "outbox"}});
    json!({"eventName": "INSERT", "dynamodb": {"Keys": keys, "SequenceNumber": number}})
}

fn batch(messages: &[Waiting]) -> Value {
    let records = messages.iter().zip(1..);
    let records = records.map(|(message, number)| record(&format!("outbox#{}", message.id), &number.to_string()));
    json!({"Records": records.collect::<Vec<_>>()})
}

fn swept(counts: impl FnOnce(&mut Swept)) -> Swept {
    let mut swept = Swept::default();
    counts(&mut swept);
    swept
}

const ADA: &str = "+4915112345678";
const BOB: &str = "+4915112345679";
const CEM: &str = "+4915112345670";

#[tokio::test]
async fn a_prompt_is_sent_once_however_often_its_record_comes() {
    let world = World::new().await;
    let prompt = world.prompt(ADA).await;
    assert_eq!(world.status(&prompt).await, Status::Requested);
    let outbox = world.outbox();
    for _ in 0..3 {
        let answer = outbox.handle_stream(&batch(&[prompt, prompt]), deadline()).await;
        assert_eq!(answer, json!({"batchItemFailures": []}));
        assert_eq!(outbox.sweep(deadline()).await.unwrap(), Swept::default());
        world.advance(3_600);
    }

    let [(id, sent)] = &world.taken()[..] else {
        panic!("{} messages were sent", world.taken().len());
    };
    assert_eq!(sent.to, person(ADA));
    assert!(matches!(sent.message, Outbound::Template(_)), "outside of the 24 hours");
    assert_eq!(
        sent.callback.as_ref().unwrap().as_str(),
        format!("prompt.{}", prompt.id)
    );
    assert_eq!(world.state(&prompt).await, OutboxState::Sent);
    assert_eq!(world.status(&prompt).await, Status::Pending);
    let evidence = world.evidence(&prompt, EvidenceKind::PromptSent).await;
    let message = MessageRef::from_bytes(world.ledger().keys().pseudonym.message(id.as_str()));
    assert_eq!(evidence.len(), 1);
    assert_eq!(evidence[0].prompt.as_ref().unwrap().message, Some(message));
    assert_eq!(world.measured("outbox_sent"), 1.0);
}

#[tokio::test]
async fn many_workers_at_the_same_time_send_a_message_once() {
    let world = World::new().await;
    let prompts = [world.prompt(ADA).await, world.prompt(BOB).await];
    let batch = batch(&prompts);
    let workers: Vec<_> = (0..6).map(|_| world.outbox()).collect();
    let answers = futures::future::join_all(workers.iter().map(|worker| async {
        let (stream, swept) = tokio::join!(worker.handle_stream(&batch, deadline()), worker.sweep(deadline()));
        (stream, swept.unwrap().left)
    }))
    .await;
    for answer in answers {
        assert_eq!(answer, (json!({"batchItemFailures": []}), 0));
    }
    assert_eq!(world.taken().len(), 2);
    for prompt in prompts {
        assert_eq!(world.evidence(&prompt, EvidenceKind::PromptSent).await.len(), 1);
    }
}

#[tokio::test]
async fn the_schedule_takes_up_what_the_stream_did_not_bring() {
    let world = World::new().await;
    let prompts = [
        world.prompt(ADA).await,
        world.prompt(BOB).await,
        world.prompt(CEM).await,
    ];
    let scheduled = json!({"version": "0", "detail-type": "Scheduled Event", "detail": {}});
    let answer = world.outbox().handle(&scheduled, deadline()).await.unwrap();
    assert_eq!(answer["sent"], 3);
    let to: BTreeSet<_> = world
        .taken()
        .iter()
        .map(|(_, sent)| sent.to.phone().unwrap().e164())
        .collect();
    assert_eq!(to, [ADA, BOB, CEM].map(str::to_owned).into());
    for prompt in prompts {
        assert_eq!(world.state(&prompt).await, OutboxState::Sent);
    }
}

#[tokio::test]
async fn a_batch_names_the_first_record_that_failed_and_goes_no_further() {
    let world = World::new().await;
    let prompts = [world.prompt(ADA).await, world.prompt(BOB).await];
    let unreadable = format!("outbox#{}", "ab".repeat(16));
    let store = &world.fixture.store;
    let put = store.client().put_item().table_name(store.ledger_table);
    put.item("pk", text(&unreadable))
        .item("sk", text("outbox"))
        .send()
        .await
        .unwrap();

    let records = [
        record("contact#00", "100"),
        json!({"eventName": "INSERT"}),
        record(&format!("outbox#{}", prompts[0].id), "200"),
        record(&unreadable, "300"),
        record(&format!("outbox#{}", prompts[1].id), "400"),
    ];
    let outbox = world.outbox();
    let answer = outbox.handle(&json!({"Records": records}), deadline()).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "300"}]}));
    assert_eq!(world.state(&prompts[0]).await, OutboxState::Sent);
    assert_eq!(world.state(&prompts[1]).await, OutboxState::Waiting);

    let no_time = Deadline::after(Duration::ZERO);
    let answer = outbox.handle_stream(&batch(&prompts[1..]), no_time).await;
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "1"}]}));
    assert_eq!(world.state(&prompts[1]).await, OutboxState::Waiting);
    assert_eq!(world.taken().len(), 1);
}

#[tokio::test]
async fn a_stop_that_comes_before_the_sending_keeps_the_prompt_back() {
    let world = World::new().await;
    let prompt = world.prompt(ADA).await;
    world.advance(1);
    let withdrew = Act::Withdrew {
        purposes: None,
        source: WithdrawalSource::Email,
        actor: Actor::System,
    };
    world.record(&Who::Contact(prompt.contact), withdrew).await;

    let swept_counts = world.outbox().sweep(deadline()).await.unwrap();
    assert_eq!(swept_counts, swept(|swept| swept.dropped = 1));
    assert_eq!(world.taken(), []);
    assert_eq!(world.state(&prompt).await, OutboxState::Dropped);
    assert_eq!(world.status(&prompt).await, Status::Withdrawn);
    assert_eq!(world.evidence(&prompt, EvidenceKind::PromptFailed).await, []);
    assert_eq!(world.measured("outbox_dropped_superseded"), 1.0);
}

#[tokio::test]
async fn a_suppression_at_the_moment_of_sending_keeps_the_prompt_back_and_leaves_nobody_waiting() {
    let world = World::new().await;
    let prompt = world.prompt(ADA).await;
    world.advance(1);
    let arrived = Act::Arrived(Carried {
        everything: None,
        marketing: None,
        purposes: vec![],
        suppressions: vec![(SuppressionKind::StopAll, world.now())],
    });
    world.record(&Who::Contact(prompt.contact), arrived).await;

    world.outbox().sweep(deadline()).await.unwrap();
    assert_eq!(world.taken(), []);
    assert_eq!(world.state(&prompt).await, OutboxState::Dropped);
    assert_eq!(world.evidence(&prompt, EvidenceKind::PromptFailed).await.len(), 1);
    let prompts = world.contact(&prompt).await.prompts;
    assert!(prompts.values().all(|prompt| prompt.state == PromptState::Failed));
    assert_eq!(world.measured("outbox_dropped_suppressed"), 1.0);
}

#[tokio::test]
async fn a_prompt_that_expired_unsent_is_not_sent_and_does_not_count_as_asked() {
    let world = World::new().await;
    let prompt = world.prompt(ADA).await;
    world.advance(30 * 86_400);
    world.outbox().sweep(deadline()).await.unwrap();
    assert_eq!(world.taken(), []);
    assert_eq!(world.state(&prompt).await, OutboxState::Dropped);
    assert_eq!(world.status(&prompt).await, Status::Expired);
    assert_eq!(world.measured("outbox_dropped_expired"), 1.0);
}

#[tokio::test]
async fn a_sender_that_crashes_after_sending_sends_nothing_again_and_metas_word_settles_it() {
    let world = World::new().await;
    let prompt = world.prompt(ADA).await;
    world.meta_answers([Answer::AcceptSilently]);
    tokio::select! {
        _ = async { world.outbox().handle_stream(&batch(&[prompt]), deadline()).await } => panic!("Meta answered"),
        () = world.meta.reached.notified() => {}
    }
    assert_eq!(world.state(&prompt).await, OutboxState::Claimed);

    let outbox = world.outbox();
    outbox.handle_stream(&batch(&[prompt]), deadline()).await;
    world.advance(LEASE);
    let first = outbox.sweep(deadline()).await.unwrap();
    assert_eq!(first, swept(|swept| swept.uncertain = 1));
    world.advance(RECONCILIATION - 1);
    assert_eq!(outbox.sweep(deadline()).await.unwrap(), Swept::default());
    assert_eq!(world.status(&prompt).await, Status::Requested);

    for _ in 0..2 {
        world.status_webhook(0, StatusState::Sent).await;
    }
    world.advance(86_400);
    assert_eq!(outbox.sweep(deadline()).await.unwrap(), Swept::default());
    assert_eq!(world.taken().len(), 1);
    assert_eq!(world.state(&prompt).await, OutboxState::Sent);
    assert_eq!(world.status(&prompt).await, Status::Pending);
    let evidence = world.evidence(&prompt, EvidenceKind::PromptSent).await;
    assert_eq!(evidence.len(), 1);
    assert_eq!(
        evidence[0].event,
        world.ledger().prompt_event(&prompt.id, PromptPhase::Accepted)
    );
}

#[tokio::test]
async fn metas_word_that_comes_before_its_answer_is_recorded_once() {
    let world = World::new().await;
    let prompt = world.prompt(ADA).await;
    world.meta_answers([Answer::AcceptSilently]);
    tokio::select! {
        _ = async { world.outbox().sweep(deadline()).await } => panic!("Meta answered"),
        () = world.meta.reached.notified() => {}
    }
    for state in [StatusState::Delivered, StatusState::Sent] {
        world.status_webhook(0, state).await;
    }
    world.advance(LEASE);
    assert_eq!(world.outbox().sweep(deadline()).await.unwrap(), Swept::default());
    assert_eq!(world.state(&prompt).await, OutboxState::Sent);
    for kind in [EvidenceKind::PromptSent, EvidenceKind::PromptDelivered] {
        assert_eq!(world.evidence(&prompt, kind).await.len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn what_a_sender_concludes_after_metas_word_counts_for_nothing() {
    let world = World::new().await;
    let prompt = world.prompt(ADA).await;
    world.meta_answers([Answer::RefuseLate(131_026)]);
    let outbox = world.outbox();
    let (sent, ()) = tokio::join!(outbox.sweep(deadline()), async {
        world.meta.reached.notified().await;
        world.status_webhook(0, StatusState::Delivered).await;
        world.meta.answer_late.notify_one();
    });
    sent.unwrap();
    assert_eq!(world.state(&prompt).await, OutboxState::Sent);
    assert_eq!(world.status(&prompt).await, Status::Pending);
    assert_eq!(world.evidence(&prompt, EvidenceKind::PromptFailed).await, []);
    assert_eq!(
        world
            .contact(&prompt)
            .await
            .suppressions
            .since(&SuppressionKind::Undeliverable, world.now()),
        None
    );
}

#[tokio::test]
async fn a_send_that_nobody_can_account_for_fails_in_the_end_and_can_be_asked_for_again() {
    let world = World::new().await;
    for (answer, number) in [(Answer::AcceptUnreadably, ADA), (Answer::Refuse(131_000), BOB)] {
        let prompt = world.prompt(number).await;
        world.meta_answers([answer]);
        let outbox = world.outbox();
        let first = outbox.sweep(deadline()).await.unwrap();
        assert_eq!(first, swept(|swept| swept.uncertain = 1));
        world.advance(RECONCILIATION);
        let last = outbox.sweep(deadline()).await.unwrap();
        assert_eq!(last, swept(|swept| swept.failed = 1));
        assert_eq!(world.state(&prompt).await, OutboxState::Failed);
        assert_eq!(world.status(&prompt).await, Status::Expired);
        assert_eq!(world.evidence(&prompt, EvidenceKind::PromptFailed).await.len(), 1);

        let again = world.record(&Who::Contact(prompt.contact), asked()).await;
        assert_ne!(Waiting::of(&again).id, prompt.id);
        outbox.sweep(deadline()).await.unwrap();
    }
    assert_eq!(world.measured("outbox_unreconciled"), 2.0);
    // The unreadable one, and the two that were asked for again.
    assert_eq!(world.taken().len(), 3);
}

#[tokio::test]
async fn what_meta_refuses_for_now_is_sent_once_the_wait_is_over() {
    let world = World::new().await;
    for (code, wait, number) in [(130_429, 2, ADA), (131_056, 4, BOB), (190, 300, CEM)] {
        let prompt = world.prompt(number).await;
        let sent_before = world.taken().len();
        world.meta_answers([Answer::Refuse(code)]);
        let outbox = world.outbox();
        let first = outbox.sweep(deadline()).await.unwrap();
        assert_eq!(first, swept(|swept| swept.retried = 1), "{code}");
        world.advance(wait - 1);
        assert_eq!(outbox.sweep(deadline()).await.unwrap(), Swept::default(), "{code}");
        world.advance(1);
        let then = outbox.sweep(deadline()).await.unwrap();
        assert_eq!(then, swept(|swept| swept.sent = 1), "{code}");
        assert_eq!(world.taken().len(), sent_before + 1);
        assert_eq!(world.status(&prompt).await, Status::Pending, "{code}");
        assert_eq!(world.evidence(&prompt, EvidenceKind::PromptFailed).await, []);
    }
    assert_eq!(world.measured("outbox_blocked"), 1.0);
    assert_eq!(world.measured("outbox_retried"), 3.0);
}

#[tokio::test]
async fn what_cannot_reach_meta_waits_and_goes_out_later() {
    let world = World::new().await;
    let prompt = world.prompt(ADA).await;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let cut_off = Outbox::new(
        world.service("outbox"),
        Graph::new(&format!("http://{nobody}/v26.0")).unwrap(),
    );
    let first = cut_off.sweep(deadline()).await.unwrap();
    assert_eq!(first, swept(|swept| swept.retried = 1));
    world.advance(2);
    world.outbox().sweep(deadline()).await.unwrap();
    assert_eq!(world.status(&prompt).await, Status::Pending);
    assert_eq!(world.taken().len(), 1);
}

#[tokio::test]
async fn a_prompt_that_meta_refuses_for_good_fails_and_says_what_it_means_for_the_contact() {
    let world = World::new().await;
    for (code, number, suppression) in [
        (131_026, ADA, Some(SuppressionKind::Undeliverable)),
        (131_050, BOB, Some(SuppressionKind::PlatformStop)),
        (131_047, CEM, None),
    ] {
        let prompt = world.prompt(number).await;
        world.meta_answers([Answer::Refuse(code)]);
        let counts = world.outbox().sweep(deadline()).await.unwrap();
        assert_eq!(counts, swept(|swept| swept.failed = 1), "{code}");
        assert_eq!(world.state(&prompt).await, OutboxState::Failed);
        let failed = world.evidence(&prompt, EvidenceKind::PromptFailed).await;
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].prompt.as_ref().unwrap().error_code, Some(code));
        let contact = world.contact(&prompt).await;
        let active: Vec<_> = contact
            .suppressions
            .active(world.now())
            .map(|(kind, _)| kind.clone())
            .collect();
        assert_eq!(active, Vec::from_iter(suppression), "{code}");
        assert_ne!(world.status(&prompt).await, Status::Requested, "{code}");
    }
    world.advance(86_400);
    assert_eq!(world.outbox().sweep(deadline()).await.unwrap(), Swept::default());
    assert_eq!(world.measured("outbox_failed"), 3.0);
}

#[tokio::test]
async fn metas_stop_is_heard_from_the_refusal_of_any_message() {
    let world = World::new().await;
    let answer = world.answer(ADA).await;
    world.meta_answers([Answer::Refuse(131_050)]);
    world.outbox().sweep(deadline()).await.unwrap();
    assert_eq!(world.state(&answer).await, OutboxState::Failed);
    assert_eq!(world.evidence(&answer, EvidenceKind::PlatformStop).await.len(), 1);
    let contact = world.contact(&answer).await;
    let since = contact.suppressions.since(&SuppressionKind::PlatformStop, world.now());
    assert!(since.is_some());
}

#[tokio::test]
async fn an_answer_goes_out_as_text_and_only_while_the_window_is_open() {
    let world = World::new().await;
    let in_time = world.answer(ADA).await;
    world.outbox().sweep(deadline()).await.unwrap();
    assert_eq!(world.state(&in_time).await, OutboxState::Sent);
    let (_, sent) = world.taken().remove(0);
    assert!(matches!(sent.message, Outbound::Text(_)));
    assert_eq!(sent.callback.unwrap().as_str(), format!("message.{}", in_time.id));

    let too_late = world.answer(BOB).await;
    world.advance(Span::hours(24).as_seconds());
    world.outbox().sweep(deadline()).await.unwrap();
    assert_eq!(world.state(&too_late).await, OutboxState::Dropped);
    assert_eq!(world.taken().len(), 1);
}

#[tokio::test]
async fn what_meta_knows_a_contact_by_is_learned_unless_it_is_somebody_elses() {
    let world = World::new().await;
    let bsuid = |text| Bsuid::parse(text).unwrap();
    let known_as = |number, id| Identifiers::new(Some(PhoneNumber::parse(number).unwrap()), Some(bsuid(id))).unwrap();

    let ada = world.prompt(ADA).await;
    world.meta_answers([Answer::AcceptAs(known_as(ADA, "DE.1"))]);
    world.outbox().sweep(deadline()).await.unwrap();
    let found = world
        .ledger()
        .find(&Identifier::from(bsuid("DE.1")).into())
        .await
        .unwrap();
    let Found::One(subject) = found else {
        panic!("{found:?}")
    };
    assert_eq!(subject.contact.id, ada.contact);
    assert_eq!(subject.identity, known_as(ADA, "DE.1"));

    let bob = world.prompt(BOB).await;
    world.meta_answers([Answer::AcceptAs(known_as(BOB, "DE.1"))]);
    world.outbox().sweep(deadline()).await.unwrap();
    assert_eq!(world.status(&bob).await, Status::Pending);
    let subject = world.ledger().read(&bob.contact).await.unwrap().unwrap();
    assert_eq!(subject.identity, person(BOB));
    assert_eq!(world.evidence(&ada, EvidenceKind::PromptSent).await.len(), 1);
}

const FORGOTTEN: &str = "DE.7201449983120557";

fn deletion_of(bsuid: &str) -> String {
    format!("{SENDER}?messaging_product=whatsapp&bsuid={bsuid}")
}

#[tokio::test]
async fn whoever_was_erased_is_deleted_from_metas_contact_book_once_and_the_certificate_says_so() {
    let world = World::new().await;
    let erased = world.erased(FORGOTTEN).await;
    let records = json!({"Records": [record(&format!("outbox#{}", erased.entry), "1")]});
    let outbox = world.outbox();
    for _ in 0..3 {
        let answer = outbox.handle(&records, deadline()).await.unwrap();
        assert_eq!(answer, json!({"batchItemFailures": []}));
        assert_eq!(outbox.sweep(deadline()).await.unwrap(), Swept::default());
        world.advance(3_600);
    }
    assert_eq!(world.deleted(), [deletion_of(FORGOTTEN)]);
    assert_eq!(world.certified(&erased).await.as_deref(), Some("deleted"));
    assert!(!world.has_key(&erased).await, "nothing opens the entry any more");
    assert_eq!(world.measured("contact_book_deleted"), 1.0);
    assert_eq!(world.taken(), [], "it is no message");
}

#[tokio::test]
async fn many_workers_at_the_same_time_conclude_a_deletion_once() {
    let world = World::new().await;
    let erased = world.erased(FORGOTTEN).await;
    let workers: Vec<_> = (0..6).map(|_| world.outbox()).collect();
    let swept = futures::future::join_all(workers.iter().map(|worker| worker.sweep(deadline()))).await;
    assert!(swept.into_iter().all(|swept| swept.unwrap().left == 0));
    assert_eq!(world.deleted().len(), 1);
    assert_eq!(world.certified(&erased).await.as_deref(), Some("deleted"));
    assert_eq!(world.measured("contact_book_deleted"), 1.0);
}

#[tokio::test]
async fn a_deletion_that_meta_did_not_confirm_is_asked_for_again() {
    let world = World::new().await;
    for (answer, wait) in [
        (Answer::Refuse(131_000), 2),
        (Answer::Refuse(130_429), 2),
        (Answer::Refuse(190), 300),
        (Answer::AcceptUnreadably, 2),
    ] {
        let erased = world.erased(FORGOTTEN).await;
        world.meta_answers([answer.clone()]);
        let outbox = world.outbox();
        let first = outbox.sweep(deadline()).await.unwrap();
        assert_eq!(first, swept(|swept| swept.retried = 1), "{answer:?}");
        assert_eq!(world.certified(&erased).await.as_deref(), Some("pending"));
        assert!(world.has_key(&erased).await);
        world.advance(wait - 1);
        assert_eq!(outbox.sweep(deadline()).await.unwrap(), Swept::default(), "{answer:?}");
        world.advance(1);
        let then = outbox.sweep(deadline()).await.unwrap();
        assert_eq!(then, swept(|swept| swept.sent = 1), "{answer:?}");
        assert_eq!(world.certified(&erased).await.as_deref(), Some("deleted"));
        assert!(!world.has_key(&erased).await);
    }
    assert_eq!(world.measured("contact_book_retried"), 4.0);
    assert_eq!(world.measured("outbox_blocked"), 1.0);
}

#[tokio::test]
async fn a_deletion_whose_worker_crashed_is_taken_up_again_when_its_lease_is_over() {
    let world = World::new().await;
    let erased = world.erased(FORGOTTEN).await;
    world.meta_answers([Answer::AcceptSilently]);
    let crashing = world.outbox();
    tokio::select! {
        swept = crashing.sweep(deadline()) => panic!("{swept:?}"),
        () = world.meta.reached.notified() => {}
    }
    let outbox = world.outbox();
    world.advance(LEASE - 1);
    assert_eq!(outbox.sweep(deadline()).await.unwrap(), Swept::default());
    world.advance(1);
    outbox.sweep(deadline()).await.unwrap();
    assert_eq!(world.deleted().len(), 2);
    assert_eq!(world.certified(&erased).await.as_deref(), Some("deleted"));
}

#[tokio::test]
async fn a_deletion_that_meta_refuses_for_good_is_given_up_and_the_certificate_says_so() {
    let world = World::new().await;
    let erased = world.erased(FORGOTTEN).await;
    world.meta_answers([Answer::Refuse(100)]);
    let counts = world.outbox().sweep(deadline()).await.unwrap();
    assert_eq!(counts, swept(|swept| swept.failed = 1));
    world.advance(86_400);
    assert_eq!(world.outbox().sweep(deadline()).await.unwrap(), Swept::default());
    assert_eq!(world.deleted(), [""; 0]);
    assert_eq!(world.certified(&erased).await.as_deref(), Some("gave_up"));
    assert!(!world.has_key(&erased).await);
    assert_eq!(world.entry(&erased).await["reason"], text("refused"));
    assert_eq!(world.measured("contact_book_gave_up"), 1.0);
}

#[tokio::test]
async fn meta_is_asked_for_thirty_days_and_then_no_more() {
    let world = World::new().await;
    let erased = world.erased(FORGOTTEN).await;
    let outbox = world.outbox();
    let days = [10, 10, 9];
    for day in days {
        world.meta_answers([Answer::Refuse(131_000)]);
        assert_eq!(
            outbox.sweep(deadline()).await.unwrap(),
            swept(|swept| swept.retried = 1)
        );
        world.advance(day * 86_400);
    }
    assert_eq!(world.certified(&erased).await.as_deref(), Some("pending"));
    world.advance(86_400);
    assert_eq!(outbox.sweep(deadline()).await.unwrap(), swept(|swept| swept.failed = 1));
    assert_eq!(world.deleted(), [""; 0]);
    assert_eq!(world.certified(&erased).await.as_deref(), Some("gave_up"));
    assert_eq!(world.entry(&erased).await["reason"], text("expired"));
    assert!(!world.has_key(&erased).await);
}

#[tokio::test]
async fn a_deletion_outlives_its_certificate_and_its_key_still_goes() {
    let world = World::new().await;
    let erased = world.erased(FORGOTTEN).await;
    let store = &world.fixture.store;
    let delete = store.client().delete_item().table_name(store.ledger_table);
    let delete = delete.key("pk", text(&format!("erasure#{}", erased.erasure)));
    delete.key("sk", text("erasure")).send().await.unwrap();
    let counts = world.outbox().sweep(deadline()).await.unwrap();
    assert_eq!(counts, swept(|swept| swept.sent = 1));
    assert_eq!(world.certified(&erased).await, None, "nothing is made of what is gone");
    assert!(!world.has_key(&erased).await);
}

#[tokio::test]
async fn a_deletion_that_a_backup_brought_back_is_not_asked_for_without_its_key() {
    let world = World::new().await;
    let erased = world.erased(FORGOTTEN).await;
    let store = &world.fixture.store;
    let delete = store.client().delete_item().table_name(store.key_table);
    let delete = delete.key("pk", text(&format!("outbox#{}", erased.entry)));
    delete.send().await.unwrap();
    let counts = world.outbox().sweep(deadline()).await.unwrap();
    assert_eq!(counts, swept(|swept| swept.failed = 1));
    assert_eq!(world.deleted(), [""; 0]);
    assert_eq!(world.certified(&erased).await.as_deref(), Some("gave_up"));
}

#[tokio::test]
async fn what_is_final_waits_for_the_purge_and_is_remembered_for_fourteen_days() {
    let world = World::new().await;
    let erased = world.erased(FORGOTTEN).await;
    let prompt = world.prompt(ADA).await;
    let dropped = world.answer(BOB).await;
    world.advance(Span::hours(24).as_seconds());
    world.outbox().sweep(deadline()).await.unwrap();
    for (id, state) in [(erased.entry, "sent"), (prompt.id, "sent"), (dropped.id, "dropped")] {
        let item = world.ledger_item(format!("outbox#{id}"), "outbox").await.unwrap();
        assert_eq!(item["state"], text(state));
        assert_eq!(item["due_shard"], text(&format!("purge#{}", id.as_bytes()[0] % 8)));
        let due = world.now().unix_seconds() + Span::days(14).as_seconds();
        assert_eq!(item["due_at"], number(due));
    }
    world.advance(Span::days(15).as_seconds());
    assert_eq!(world.outbox().sweep(deadline()).await.unwrap(), Swept::default());
}

#[derive(Debug, Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

thread_local! {
    static PAGE: Page = Page::default();
}

/// What is logged on this thread, which is all that a test does. One subscriber serves all threads: one for a thread alone would
/// miss what other threads have looked up before it was there.
fn log_of_this_thread() -> Page {
    static BEGUN: std::sync::Once = std::sync::Once::new();
    BEGUN.call_once(|| {
        let finest = tracing::level_filters::LevelFilter::TRACE;
        let logs = platform::logs::subscriber(finest, || PAGE.with(Page::clone));
        tracing::subscriber::set_global_default(logs).unwrap();
    });
    PAGE.with(Page::clone)
}

#[tokio::test]
async fn no_line_of_the_log_names_whom_meta_is_to_forget() {
    let page = log_of_this_thread();
    let world = World::new().await;
    world.erased(FORGOTTEN).await;
    let outbox = world.outbox();
    world.meta_answers([Answer::Refuse(190), Answer::AcceptUnreadably, Answer::Refuse(100)]);
    for _ in 0..3 {
        outbox.sweep(deadline()).await.unwrap();
        world.advance(3_600);
    }
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    world.erased(FORGOTTEN).await;
    let cut_off = Graph::new(&format!("http://{address}/v26.0")).unwrap();
    Outbox::new(world.service("outbox"), cut_off)
        .sweep(deadline())
        .await
        .unwrap();

    let lines = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    assert!(lines.matches("did not delete").count() == 4, "{lines}");
    assert!(lines.contains("may still be at Meta"), "{lines}");
    assert!(!lines.contains("7201449983120557"), "{lines}");
}

// ---- steps of cases ----

#[tokio::test]
async fn a_case_is_open_before_the_question_goes_out_and_a_code_is_good_when_it_arrives() {
    let world = World::new().await;
    world.demands(ADA, RightsWord::Access).await;
    let outbox = world.outbox();
    assert_eq!(outbox.sweep(deadline()).await.unwrap(), swept(|swept| swept.sent = 1));
    let [case] = <[Case; 1]>::try_from(world.cases().await).unwrap();
    assert_eq!(case.state(), CaseState::IdentityPending);
    assert!(world.taken().is_empty(), "the question comes after the case");
    outbox.sweep(deadline()).await.unwrap();
    assert_eq!(world.taken().len(), 1);

    world.advance(60);
    world.taps_last(ADA).await;
    outbox.sweep(deadline()).await.unwrap();
    assert_eq!(world.taken().len(), 1, "the code comes after the note of it");
    let work = world.work().await;
    let code = Code::of(&case.id, work.now, &work.token_key());
    let mut noted = world.cases().await.remove(0);
    let told = noted.tell_code(&[code.hash(&case.id, &work.token_key())], work.now);
    assert_eq!(told, Ok(Ok(())));
    outbox.sweep(deadline()).await.unwrap();
    let (_, sent) = world.taken().pop().unwrap();
    let Outbound::Text(text) = sent.message else {
        panic!("no text: {:?}", sent.message)
    };
    assert!(text.body().as_str().contains(code.expose()));
    assert_eq!(
        (world.measured("cases_opened"), world.measured("identities_shown")),
        (1.0, 1.0)
    );
}

#[tokio::test]
async fn a_step_whose_taker_died_is_taken_again_and_opens_one_case() {
    let world = World::new().await;
    world.demands(ADA, RightsWord::Delete).await;
    let work = world.work().await;
    let [step] = <[OutgoingId; 1]>::try_from(work.ledger.due_messages(work.now, 10).await.unwrap()).unwrap();
    // It dies when the case is open and before that is written down.
    let Claim::Step(claimed) = work
        .ledger
        .claim(&step, ClaimId::new().unwrap(), work.now, Span::seconds(120))
        .await
        .unwrap()
    else {
        panic!("no step")
    };
    let CaseStep::Opened { case } = &claimed.pending.step else {
        panic!("{claimed:?}")
    };
    let new = NewCase {
        case: (**case).clone(),
        recipient: person(ADA),
        source: None,
        actor: Actor::Contact,
    };
    work.ledger.open_case(&new, &work.policy, work.now).await.unwrap();
    let outbox = world.outbox();
    assert_eq!(outbox.sweep(deadline()).await.unwrap(), Swept::default());
    world.advance(LEASE);
    for _ in 0..2 {
        assert_eq!(outbox.sweep(deadline()).await.unwrap(), swept(|swept| swept.sent = 1));
    }
    assert_eq!((world.cases().await.len(), world.taken().len()), (1, 1));
    assert_eq!(
        world.measured("cases_opened"),
        0.0,
        "it was counted, or not, by whoever opened it"
    );
}

/// Fails the next transaction.
#[derive(Debug, Clone, Default)]
struct Fault(Arc<AtomicBool>);

impl Intercept for Fault {
    fn name(&self) -> &'static str {
        "Fault"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target").unwrap_or_default();
        if target.ends_with("TransactWriteItems") && self.0.swap(false, Ordering::SeqCst) {
            return Err("the network is gone".into());
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_step_that_failed_is_taken_when_the_stream_delivers_it_again() {
    let world = World::new().await;
    world.demands(ADA, RightsWord::Access).await;
    let work = world.work().await;
    let [id] = <[OutgoingId; 1]>::try_from(work.ledger.due_messages(work.now, 10).await.unwrap()).unwrap();
    let fault = Fault::default();
    let config = world.fixture.store.client().config().to_builder();
    let client = aws_sdk_dynamodb::Client::from_conf(config.interceptor(fault.clone()).build());
    let outbox = Outbox::new(world.fixture.service_over(client, "outbox"), world.graph.clone());
    fault.0.store(true, Ordering::SeqCst);
    let step = Waiting {
        id,
        contact: ContactId::from_bytes([0; 16]),
    };
    let batch = batch(&[step]);
    let failed = outbox.handle_stream(&batch, deadline()).await;
    assert_eq!(failed["batchItemFailures"].as_array().unwrap().len(), 1);
    assert!(world.cases().await.is_empty());
    let taken = outbox.handle_stream(&batch, deadline()).await;
    assert_eq!(taken["batchItemFailures"], json!([]));
    assert_eq!(world.cases().await.len(), 1);
}

#[tokio::test]
async fn whoever_has_stopped_everything_still_has_their_case_opened_and_is_asked() {
    let world = World::new().await;
    let stop = Act::Withdrew {
        purposes: None,
        source: WithdrawalSource::Email,
        actor: Actor::System,
    };
    world.record(&Who::Person(person(ADA)), stop).await;
    world.demands(ADA, RightsWord::Delete).await;
    let outbox = world.outbox();
    for _ in 0..2 {
        outbox.sweep(deadline()).await.unwrap();
    }
    assert_eq!((world.cases().await.len(), world.taken().len()), (1, 1));
}

#[tokio::test]
async fn the_step_of_somebody_who_can_be_read_no_more_is_dropped() {
    let world = World::new().await;
    world.demands(ADA, RightsWord::Access).await;
    let Found::One(subject) = world.ledger().find(&person(ADA)).await.unwrap() else {
        panic!()
    };
    let store = &world.fixture.store;
    let delete = store.client().delete_item().table_name(store.key_table);
    let delete = delete.key("pk", text(&format!("contact#{}", subject.contact.id)));
    delete.send().await.unwrap();
    let outbox = world.outbox();
    assert_eq!(
        outbox.sweep(deadline()).await.unwrap(),
        swept(|swept| swept.dropped = 1)
    );
    assert_eq!(outbox.sweep(deadline()).await.unwrap(), Swept::default());
    assert!(world.cases().await.is_empty() && world.taken().is_empty());
}
