//! What whoever deploys is told about their deployment, and what connecting it changes.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use assent::doctor::{Finding, at_meta, store, subscribe};
use assent::local::EXAMPLE_POLICY;
use assent::meta::{APP, Meta, MetaOptions};
use assent_tests::{AMPLE, Fixture, business};
use consent::policy::Policy;
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
