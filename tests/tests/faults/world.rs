//! The functions, and what they reach only through proxies.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use assent::local::EXAMPLE_POLICY;
use assent::meta::{Meta, MetaOptions};
use assent::store::{Store, StoreKind};
use assent_tests::proxy::Proxy;
use assent_tests::secrets_manager::SecretsManager;
use assent_tests::{APP_SECRET, BEGINNING, Fixture, TestClock, business, ledger, secret, serve};
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use campaign_check::CampaignCheck;
use campaigns::Campaigns;
use consent::policy::Policy;
use outbox::Outbox;
use platform::clock::Clock;
use platform::deadline::Deadline;
use platform::metrics::{Metrics, Sink};
use platform::settings::Settings;
use platform::{Caller, Platform, StartError};
use retention::Retention;
use serde_yaml_ng::Value as Yaml;
use service::Service;
use tokio::sync::{Semaphore, SemaphorePermit};
use whatsapp::graph::Graph;

/// A clock by which things also grow old, however little time the test takes.
#[derive(Debug)]
struct AgingClock(Arc<TestClock>);

impl Clock for AgingClock {
    fn unix_seconds(&self) -> i64 {
        self.0.unix_seconds()
    }

    fn instant(&self) -> Instant {
        let passed = self.unix_seconds() - BEGINNING;
        Instant::now() + Duration::from_secs(passed.unsigned_abs())
    }
}

/// What is stored, by table, and when it was.
pub(crate) struct Stored {
    at: i64,
    items: Vec<(&'static str, Vec<HashMap<String, AttributeValue>>)>,
}

/// All that the functions reach, and the proxies before it.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) fixture: Fixture,
    pub(crate) secrets: SecretsManager,
    pub(crate) meta: Meta,
    /// Before DynamoDB.
    pub(crate) table: Proxy,
    /// Before Secrets Manager.
    pub(crate) vault: Proxy,
    /// Before the Graph API.
    pub(crate) graph: Proxy,
    _place: SemaphorePermit<'static>,
}

/// Room for as many worlds as two processors can turn at the same time: clients wait for real here, and would run out of patience in a
/// world that stands still.
static WORLDS: Semaphore = Semaphore::const_new(4);

/// Does what is no part of a test, again if the machine has too much to do.
pub(crate) async fn patiently<T, E: fmt::Debug, F>(what: impl Fn() -> F) -> T
where
    F: Future<Output = Result<T, E>>,
{
    for _ in 0..9 {
        if let Ok(done) = what().await {
            return done;
        }
    }
    what().await.unwrap()
}

impl World {
    /// A world in which all is well, with the example policy in force.
    pub(crate) async fn new() -> Self {
        let world = Self::empty().await;
        let policy = Policy::parse(EXAMPLE_POLICY).unwrap();
        let (ledger, now) = (ledger(&world.fixture.store), world.fixture.now());
        patiently(|| ledger.publish_policy(&policy, now)).await;
        world
    }

    /// The same at that time, with all that is stored in another.
    pub(crate) async fn with(stored: &Stored) -> Self {
        let world = Self::empty().await;
        world.wait(stored.at - BEGINNING);
        let client = world.fixture.store.client();
        for (table, items) in &stored.items {
            for items in items.chunks(25) {
                let puts = items.iter().map(|item| {
                    let put = PutRequest::builder().set_item(Some(item.clone())).build().unwrap();
                    WriteRequest::builder().put_request(put).build()
                });
                let write = client.batch_write_item().request_items(*table, puts.collect());
                patiently(|| write.clone().send()).await;
            }
        }
        world
    }

    /// All that is stored.
    pub(crate) async fn stored(&self) -> Stored {
        let store = &self.fixture.store;
        let mut items = vec![];
        for table in [store.ledger_table, store.key_table] {
            let scan = store.client().scan().table_name(table);
            items.push((table, patiently(|| scan.clone().send()).await.items.unwrap_or_default()));
        }
        Stored {
            at: self.unix_seconds(),
            items,
        }
    }

    async fn empty() -> Self {
        let place = WORLDS.acquire().await.unwrap();
        let fixture = Fixture {
            store: patiently(async || Store::start(StoreKind::Memory).await).await,
            clock: Arc::default(),
            tally: Arc::default(),
        };
        let secrets = SecretsManager::holding(secret(APP_SECRET)).await;
        let meta = Meta::new(MetaOptions {
            access_token: "access".to_owned(),
            business: business(),
            clock: Arc::clone(&fixture.clock) as Arc<dyn Clock>,
            policy: Arc::new(Policy::parse(EXAMPLE_POLICY).unwrap()),
        });
        let store = fixture.store.endpoint.as_str().trim_start_matches("http://");
        Self {
            table: Proxy::before(store.parse().unwrap()),
            vault: Proxy::before(secrets.address),
            graph: Proxy::before(serve(meta.router()).await),
            fixture,
            secrets,
            meta,
            _place: place,
        }
    }

    /// A function's start, up to where it asks for work.
    pub(crate) async fn start(&self, function: &'static str) -> Result<Platform, StartError> {
        let setting = |name: &str| {
            Some(match name {
                "LEDGER_TABLE" => self.fixture.store.ledger_table.to_owned(),
                "KEY_TABLE" => self.fixture.store.key_table.to_owned(),
                "SECRET_ID" => "assent".to_owned(),
                "AWS_ENDPOINT_URL_DYNAMODB" => self.table.url(),
                "AWS_ENDPOINT_URL_SECRETS_MANAGER" => self.vault.url(),
                "GRAPH_BASE_URL" => format!("{}/v26.0", self.graph.url()),
                _ => return None,
            })
        };
        let platform = platform::start_as(function, &Caller::local(), Settings::from_lookup(setting).unwrap()).await?;
        Ok(Platform {
            clock: Arc::new(AgingClock(Arc::clone(&self.fixture.clock))),
            metrics: Metrics::new(function, Sink::Tally(Arc::clone(&self.fixture.tally))),
            ..platform
        })
    }

    /// The functions, each as its `main` makes it.
    pub(crate) async fn functions(&self) -> Functions {
        let service = async |function| {
            Service::from(patiently(async || self.start(function).await).await)
                .warmed()
                .await
        };
        let graph = || Graph::new(&format!("{}/v26.0", self.graph.url())).unwrap();
        Functions {
            webhook: service("webhook").await,
            opt_in: service("opt-in").await,
            outbox: Outbox::new(service("outbox").await, graph()),
            rights: service("rights").await,
            retention: Retention::new(service("retention").await),
            campaigns: Campaigns::new(service("campaigns").await, graph()),
            campaign_check: CampaignCheck::new(service("campaign-check").await, graph()),
        }
    }

    /// Ends all faults.
    pub(crate) fn heal(&self) {
        for proxy in [&self.table, &self.vault, &self.graph] {
            proxy.heal();
        }
    }

    /// The time, in seconds since 1970.
    pub(crate) fn unix_seconds(&self) -> i64 {
        self.fixture.clock.unix_seconds()
    }

    /// Lets so many seconds pass.
    pub(crate) fn wait(&self, seconds: i64) {
        self.fixture.clock.advance(seconds);
    }
}

/// The seven functions, each with clients and caches of its own.
#[derive(Debug)]
pub(crate) struct Functions {
    pub(crate) webhook: Service,
    pub(crate) opt_in: Service,
    pub(crate) outbox: Outbox,
    pub(crate) rights: Service,
    pub(crate) retention: Retention,
    pub(crate) campaigns: Campaigns,
    pub(crate) campaign_check: CampaignCheck,
}

/// Calls a function with the deadline that Lambda would give it, and fails if it does not come back by itself before Lambda would end
/// it.
pub(crate) async fn within<T>(function: &str, call: impl AsyncFnOnce(Deadline) -> T) -> T {
    within_time(timeout(function), call).await
}

/// The same with so much time.
pub(crate) async fn within_time<T>(time: Duration, call: impl AsyncFnOnce(Deadline) -> T) -> T {
    // On the heap: a function's future is large, and whoever awaits it would carry all of it.
    let call = Box::pin(call(Deadline::after(time)));
    let answer = tokio::time::timeout(time, call).await;
    answer.unwrap_or_else(|_| panic!("a function did not come back within {time:?}"))
}

/// The time-out of a function, as the template gives it.
pub(crate) fn timeout(function: &str) -> Duration {
    static TEMPLATE: LazyLock<Yaml> =
        LazyLock::new(|| serde_yaml_ng::from_str(include_str!("../../../template.yaml")).unwrap());
    let resources = TEMPLATE["Resources"].as_mapping().unwrap();
    let is_it = |resource: &&Yaml| {
        let metadata = resource.get("Metadata");
        let binary = metadata.and_then(|metadata| metadata.get("BuildProperties")?.get("Binary")?.as_str());
        binary == Some(function)
    };
    let resource = resources.values().find(is_it).expect("a function of the template");
    Duration::from_secs(resource["Properties"]["Timeout"].as_u64().unwrap())
}
