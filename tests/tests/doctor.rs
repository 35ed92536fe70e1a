//! What whoever deploys is told about their deployment, and what connecting it changes.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use assent::doctor::{Finding, at_meta, recovery, store, subscribe};
use assent::local::EXAMPLE_POLICY;
use assent::meta::{APP, Meta, MetaOptions};
use assent_tests::{AMPLE, Fixture, business};
use consent::policy::{Keep, Policy};
use platform::clock::Clock;
use platform::deadline::Deadline;
use platform::settings::HttpUrl;
use serde_json::{Value, json};
use service::Work;
use tokio::net::TcpListener;
use whatsapp::AppId;
use whatsapp::graph::Graph;

struct World {
    fixture: Fixture,
    meta: Meta,
    graph: Graph,
}

impl World {
    async fn new() -> Self {
        let fixture = Fixture::under(EXAMPLE_POLICY).await;
        let meta = Meta::new(MetaOptions {
            access_token: "access".to_owned(),
            business: business(),
            clock: Arc::clone(&fixture.clock) as Arc<dyn Clock>,
            policy: Arc::new(Policy::parse(EXAMPLE_POLICY).unwrap()),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let graph = Graph::new(&format!("http://{}/v26.0", listener.local_addr().unwrap())).unwrap();
        let router: axum::Router = meta.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let world = Self { fixture, meta, graph };
        for language in ["de", "en"] {
            world.template_is(json!({"language": language, "status": "APPROVED", "category": "UTILITY"}));
        }
        world
    }

    fn template_is(&self, mut template: Value) {
        template["name"] = json!("consent_request");
        let change = json!({ "template": template });
        self.meta.change_health(serde_json::from_value(change).unwrap());
    }

    async fn work(&self) -> Work {
        self.fixture
            .service("assent")
            .begin(Deadline::after(AMPLE))
            .await
            .unwrap()
    }

    async fn to_do(&self) -> Vec<String> {
        self.to_do_of(Some(&webhook())).await
    }

    async fn to_do_of(&self, webhook: Option<&HttpUrl>) -> Vec<String> {
        let findings = at_meta(&self.work().await, &self.graph, Some(&app()), webhook).await;
        red(findings.unwrap())
    }

    async fn connect(&self) -> Vec<String> {
        subscribe(&self.work().await, &self.graph, &app(), &webhook())
            .await
            .unwrap()
    }
}

fn app() -> AppId {
    APP.parse().unwrap()
}

fn webhook() -> HttpUrl {
    HttpUrl::parse("https://webhook.example.com/webhook").unwrap()
}

fn red(findings: Vec<Finding>) -> Vec<String> {
    let red = findings.into_iter().filter(|finding| finding.to_do.is_some());
    red.map(|finding| finding.to_string()).collect()
}

#[tokio::test]
async fn a_deployment_that_nobody_connected_is_told_so_and_connecting_makes_it_green() {
    let world = World::new().await;
    let to_do = world.to_do().await;
    assert_eq!(to_do.len(), 2, "{to_do:?}");
    assert!(to_do.iter().all(|line| line.contains("assent connect")), "{to_do:?}");
    let done = world.connect().await;
    assert!(
        done.first().unwrap().contains("https://webhook.example.com/webhook"),
        "{done:?}"
    );
    assert_eq!(world.to_do().await, Vec::<String>::new());
    world.connect().await;
    assert_eq!(world.to_do().await, Vec::<String>::new(), "twice is as good as once");
}

#[tokio::test]
async fn webhooks_that_go_to_another_address_are_told_where_the_address_is_known() {
    let world = World::new().await;
    world.connect().await;
    let moved = HttpUrl::parse("https://elsewhere.example.com/webhook").unwrap();
    let to_do = world.to_do_of(Some(&moved)).await;
    assert_eq!(to_do.len(), 1, "{to_do:?}");
    assert!(
        to_do
            .first()
            .unwrap()
            .contains("another address than https://elsewhere.example.com/webhook"),
        "{to_do:?}"
    );
    assert_eq!(world.to_do_of(None).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_template_that_cannot_be_sent_or_is_advertising_is_named_with_what_to_do() {
    let world = World::new().await;
    world.connect().await;
    for (template, said) in [
        (json!({"language": "de", "missing": true}), "Meta has none"),
        (
            json!({"language": "de", "status": "PAUSED"}),
            "has not approved it (PAUSED)",
        ),
        (
            json!({"language": "de", "status": "APPROVED", "category": "MARKETING"}),
            "takes it for advertising",
        ),
    ] {
        let mut change = json!({"name": "consent_request", "language": "de"});
        change
            .as_object_mut()
            .unwrap()
            .extend(template.as_object().unwrap().clone());
        world
            .meta
            .change_health(serde_json::from_value(json!({ "template": change })).unwrap());
        let to_do = world.to_do().await;
        assert_eq!(to_do.len(), 1, "{to_do:?}");
        assert!(to_do.first().unwrap().contains(said), "{to_do:?}");
        assert!(to_do.first().unwrap().contains("consent_request in de"), "{to_do:?}");
    }
}

#[tokio::test]
async fn a_template_that_says_more_or_less_than_the_policy_is_named_with_what_to_do() {
    let world = World::new().await;
    world.connect().await;
    for (change, said) in [
        (json!({"header": "Winter sale"}), "take away its header"),
        (json!({"footer": "10 % off for all who agree"}), "take away its footer"),
        (json!({"body": "Hello {{1}}"}), "give it the body of the policy"),
        (
            json!({"buttons": ["Ja, ich stimme zu", "Nein"]}),
            "give it the buttons Ja, ich stimme zu / Nein / Das war ich nicht, in this order",
        ),
        (json!({"link": true}), "take away what else it has (URL)"),
    ] {
        let mut template = json!({"language": "de"});
        template
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        world.template_is(template);
        let line = format!("✗ template consent_request in de says what the policy says: {said}");
        assert_eq!(world.to_do().await, [line]);
    }
    world.template_is(json!({"language": "de"}));
    assert_eq!(world.to_do().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_days_for_which_the_ledger_can_be_restored_have_to_be_those_that_people_are_told() {
    for (answer, promised, said) in [
        (backups("ENABLED", Some(7)), 7, None),
        (
            backups("ENABLED", Some(35)),
            7,
            Some("it is 35 days, and backup_days says 7 days"),
        ),
        (backups("ENABLED", None), 7, Some("does not say for how many days")),
        (backups("DISABLED", None), 7, Some("point-in-time recovery is off")),
        (json!({}), 7, Some("point-in-time recovery is off")),
    ] {
        let answer = answer.to_string();
        let router = axum::Router::new().fallback(move || std::future::ready(answer.clone()));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = HttpUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let finding = recovery(&platform::clients::local(&address), "ledger", Keep::Days(promised)).await;
        match said {
            None => assert_eq!(finding.to_do, None),
            Some(said) => assert!(finding.to_do.as_deref().unwrap().contains(said), "{finding}"),
        }
    }
    // The embedded store has no such call, and what nobody knows is not green.
    let store = &World::new().await.fixture.store;
    let finding = recovery(&store.client(), store.ledger_table, Keep::Days(7)).await;
    assert!(finding.to_do.unwrap().contains("nobody can tell"));
}

/// What DynamoDB says of a table's backups.
fn backups(status: &str, days: Option<u32>) -> Value {
    let recovery = json!({"PointInTimeRecoveryStatus": status, "RecoveryPeriodInDays": days});
    json!({"ContinuousBackupsDescription": {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery}})
}

#[tokio::test]
async fn an_app_that_is_another_ones_is_told_apart_from_one_that_gets_nothing() {
    let world = World::new().await;
    let other: AppId = "1".parse().unwrap();
    let findings = at_meta(&world.work().await, &world.graph, Some(&other), None)
        .await
        .unwrap();
    assert!(red(findings).iter().any(|line| line.contains("look at the app's id")));
    let refused = subscribe(&world.work().await, &world.graph, &other, &webhook()).await;
    assert_eq!(
        refused.unwrap_err().to_string(),
        "subscribing the app: Meta did not do it"
    );
}

#[tokio::test]
async fn tables_that_are_not_there_are_named() {
    let world = World::new().await;
    let tables = [world.fixture.store.ledger_table, world.fixture.store.key_table].map(str::to_owned);
    let missing = ["no-such-table".to_owned(), "nor-this-one".to_owned()];
    let client = world.fixture.store.client();
    let red_of = async |tables| red(store(&client, tables).await);
    // A store for tests has no stream.
    assert_eq!(red_of(&tables).await.len(), 1);
    let to_do = red_of(&missing).await;
    assert_eq!(to_do.len(), 2, "{to_do:?}");
    assert!(to_do.first().unwrap().contains("LEDGER_TABLE"), "{to_do:?}");
}
