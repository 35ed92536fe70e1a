//! What the rights of people come to where there is much of something: a long life in one copy, many guesses, many people in one
//! breach.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::io::Read;

use assent::breach::{Breach, BreachClass, affected, to_authority, to_people};
use assent::local::EXAMPLE_POLICY;
use assent_tests::{AMPLE, Fixture, ledger};
use consent::case::{CODE_LIFE, Case, CaseKind, Channel, Code, MOST_TRIES, PageLink};
use consent::event::{Act, Event};
use consent::evidence::{Actor, WithdrawalSource};
use consent::id::{CaseId, ContactId, EventId};
use consent::policy::Policy;
use consent::time::{Span, Time};
use consent::token::TokenKey;
use flate2::read::GzDecoder;
use identity::{Identifiers, PhoneNumber};
use lambda_http::http::Method;
use lambda_http::http::header::CONTENT_ENCODING;
use lambda_http::{Body, Request, Response};
use ledger::{MAX_EVENTS, NewCase, Opened, Stepped, Who};
use platform::deadline::Deadline;
use serde_json::Value;

/// What Lambda takes of an answer, whose bytes it writes in base64.
const MOST_OF_LAMBDA: usize = 6 * 1024 * 1024;

struct World {
    fixture: Fixture,
    policy: Policy,
    key: TokenKey,
}

impl World {
    async fn new() -> Self {
        Self {
            fixture: Fixture::under(EXAMPLE_POLICY).await,
            policy: Policy::parse(EXAMPLE_POLICY).unwrap(),
            key: TokenKey::from_bytes([0x33; 32]),
        }
    }

    fn now(&self) -> Time {
        self.fixture.now()
    }

    fn rules(&self) -> consent::decide::Rules<'_> {
        consent::decide::Rules {
            policy: &self.policy,
            token_keys: std::slice::from_ref(&self.key),
            now: self.now(),
        }
    }

    /// Somebody withdraws so many times.
    async fn withdraws(&self, who: &Identifiers, times: usize) -> ContactId {
        let events: Vec<_> = (0..times)
            .map(|_| Event {
                id: EventId::from_bytes(identity::random_bytes().unwrap()),
                at: self.now(),
                act: Act::Withdrew {
                    purposes: None,
                    source: WithdrawalSource::Email,
                    actor: Actor::Operator("desk".to_owned()),
                },
                delivery: None,
            })
            .collect();
        let ledger = ledger(&self.fixture.store);
        let mut id = None;
        for events in events.chunks(MAX_EVENTS) {
            let recorded = ledger
                .record(&Who::Person(who.clone()), events, &self.rules())
                .await
                .unwrap();
            id = recorded[0].contact.as_ref().map(|contact| contact.id);
        }
        id.unwrap()
    }

    /// A demand of that person, who has tapped and was sent a code.
    async fn demand(&self, who: &Identifiers) -> (CaseId, Code, PageLink) {
        let id = CaseId::from_bytes(identity::random_bytes().unwrap());
        let kind = CaseKind::Access;
        let new = NewCase {
            case: Case::new(id, kind, Channel::Email, kind.proof(None), self.now(), self.now()),
            recipient: who.clone(),
            source: None,
            actor: Actor::System,
        };
        let ledger = ledger(&self.fixture.store);
        let opened = ledger.open_case(&new, &self.policy, self.now()).await.unwrap();
        assert!(matches!(opened, Opened::Now(_)));
        let code = Code::of(&id, self.now(), &self.key);
        let hash = code.hash(&id, &self.key);
        let tap = |case: &mut Case| {
            case.tap(Some(hash), self.now())?.unwrap();
            Ok(())
        };
        let tapped = ledger
            .step_case(&id, tap, None, &self.policy, self.now())
            .await
            .unwrap();
        assert!(matches!(tapped, Stepped::Taken(_)));
        let link = PageLink {
            case: id,
            sent_at: self.now(),
        };
        (id, code, link)
    }

    async fn ask(&self, method: Method, path: &str, body: impl Into<Body>) -> Response<Body> {
        let request: Request = lambda_http::http::Request::builder()
            .method(method)
            .uri(path)
            .body(body.into())
            .unwrap();
        rights::handle(&self.fixture.service("rights"), request).await
    }

    async fn tell(&self, link: &PageLink, code: &str, form: &str) -> Response<Body> {
        let path = format!("/cases/{}", link.encode(&self.key));
        self.ask(Method::POST, &path, format!("code={code}&form={form}")).await
    }
}

fn somebody(number: usize) -> Identifiers {
    Identifiers::new(PhoneNumber::parse(&format!("+49151123{number:05}")).ok(), None).unwrap()
}

fn text(response: &Response<Body>) -> String {
    let bytes: &[u8] = response.body();
    let mut text = String::new();
    if response.headers().get(CONTENT_ENCODING).is_some() {
        GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes.to_vec()).unwrap();
    }
    text
}

#[tokio::test]
async fn ten_thousand_events_fit_into_one_copy_in_each_of_its_forms() {
    const EVENTS: usize = 10_000;
    let world = World::new().await;
    world.withdraws(&somebody(1), EVENTS).await;
    let (case, code, link) = world.demand(&somebody(1)).await;
    let response = world.tell(&link, code.expose(), "json").await;
    assert_eq!(response.status(), 200, "{}", text(&response));
    assert!(
        response.body().len() * 4 / 3 < MOST_OF_LAMBDA,
        "{} bytes",
        response.body().len()
    );
    let copy: consent::copy::Copy = serde_json::from_str(&text(&response)).unwrap();
    assert_eq!(copy.events.len(), EVENTS);
    assert_eq!(copy.verify(Some(&assent_tests::keys().chain())).findings, []);
    for form in ["html", "jsonld"] {
        let response = world
            .ask(Method::GET, &format!("/v1/cases/{case}/copy?form={form}"), Body::Empty)
            .await;
        assert_eq!(response.status(), 200, "{form}");
        assert!(
            response.body().len() * 4 / 3 < MOST_OF_LAMBDA,
            "{form}: {} bytes",
            response.body().len()
        );
        let written = text(&response);
        match form {
            "html" => assert_eq!(written.matches("Sie haben widerrufen (zählt)").count(), EVENTS),
            _ => {
                let records: Value = serde_json::from_str(&written).unwrap();
                assert_eq!(
                    records["@graph"][0]["dpv:hasConsentStatus"].as_array().unwrap().len(),
                    EVENTS
                );
            }
        }
    }
}

#[tokio::test]
async fn however_often_somebody_guesses_they_have_five_tries() {
    let world = World::new().await;
    world.withdraws(&somebody(1), 1).await;
    let (_, code, link) = world.demand(&somebody(1)).await;
    for guess in 0..usize::from(MOST_TRIES) * 20 {
        let response = world.tell(&link, &format!("{guess:08}"), "json").await;
        assert_eq!(response.status(), 403, "guess {guess}");
    }
    assert_eq!(
        world.tell(&link, code.expose(), "json").await.status(),
        403,
        "it is void by now"
    );
    world.fixture.clock.advance(CODE_LIFE.as_seconds());
    assert_eq!(world.tell(&link, code.expose(), "json").await.status(), 404);
}

#[tokio::test]
async fn a_wrong_code_says_the_same_of_everybody() {
    let world = World::new().await;
    world.withdraws(&somebody(1), 3).await;
    let (_, _, known) = world.demand(&somebody(1)).await;
    let (_, _, unknown) = world.demand(&somebody(2)).await;
    let answers = [
        world.tell(&known, "00000000", "json").await,
        world.tell(&unknown, "00000000", "json").await,
    ];
    assert_eq!(text(&answers[0]), text(&answers[1]));
    let header = |response: &Response<Body>| {
        let mut headers: Vec<_> = response
            .headers()
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        headers.sort_by_key(|(name, _)| name.to_string());
        headers
    };
    assert_eq!(header(&answers[0]), header(&answers[1]));
}

#[tokio::test]
async fn a_breach_concerns_who_was_there_before_its_end_and_names_them_to_nobody_else() {
    let world = World::new().await;
    let mut before = vec![];
    for number in 1..4 {
        before.push(world.withdraws(&somebody(number), 2).await);
    }
    let from = world.now();
    world.fixture.clock.advance(Span::days(2).as_seconds());
    let to = world.now();
    world.fixture.clock.advance(Span::days(2).as_seconds());
    world.withdraws(&somebody(9), 1).await;
    let breach = Breach {
        from,
        to,
        class: BreachClass::Stored,
        aware_at: world.now(),
    };
    let work = world
        .fixture
        .service("assent")
        .begin(Deadline::after(AMPLE))
        .await
        .unwrap();
    let concerned = affected(&work, &breach).await.unwrap();
    assert_eq!(concerned.contacts, before.iter().copied().collect());
    assert_eq!((concerned.records, concerned.unreadable), (6, 0));
    // Nothing that Meta delivered, nothing that anybody typed, and no campaign.
    for class in [BreachClass::Deliveries, BreachClass::Words, BreachClass::Sends] {
        assert_eq!(
            affected(&work, &Breach { class, ..breach })
                .await
                .unwrap()
                .contacts
                .len(),
            0,
            "{class}"
        );
    }
    let form = to_authority(&breach, &concerned, &world.policy).to_markdown();
    let due = breach.deadline().to_string();
    for said in [
        "(a) What happened",
        "(b) Whom to ask",
        "(c) What is likely",
        "(d) What was done",
        due.as_str(),
        "approximately**: 3",
        "Berliner Beauftragte",
    ] {
        assert!(form.contains(said), "{said}");
    }
    assert!(!form.contains(&before[0].to_string()));
    assert!(
        to_people(&breach, &world.policy, "de")
            .to_markdown()
            .contains("in falsche Hände geraten")
    );
}
