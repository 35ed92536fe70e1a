//! A ledger in an embedded store in a process of its own, so that what it takes is not counted as what works on it takes.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use assent::store::create_tables;
use aws_sdk_dynamodb::Client;
use dynoxide::{Database, server};
use platform::clients;
use platform::settings::HttpUrl;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::apart::{self, Apart};
use super::meter::{Meter, cpu_time};
use super::tables;

/// What the process that holds the ledger is started with.
const COMMAND: &str = "store";

/// The arguments of the process that holds the ledger.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order<F> {
    pub(crate) filling: F,
    directory: PathBuf,
}

impl<F: DeserializeOwned> Order<F> {
    /// The order that these arguments are; none if this process is to do something else.
    pub(crate) fn from_arguments(arguments: &[String]) -> Option<Self> {
        apart::order(COMMAND, arguments)
    }
}

/// What the process says once the ledger is filled.
#[derive(Debug, Serialize, Deserialize)]
struct Filled {
    endpoint: String,
    items: usize,
    seconds: u64,
}

/// The process that holds the ledger. It ends when this is dropped, and the ledger is gone.
#[derive(Debug)]
pub(crate) struct Stored {
    process: Apart,
    endpoint: HttpUrl,
    _directory: TempDir,
}

impl Stored {
    pub(crate) fn start<F: Serialize>(filling: F) -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let order = Order {
            filling,
            directory: directory.path().to_owned(),
        };
        let (process, filled): (_, Filled) = Apart::start(COMMAND, &order);
        eprintln!("  {} items in {} s", filled.items, filled.seconds);
        Self {
            process,
            endpoint: HttpUrl::parse(&filled.endpoint).unwrap(),
            _directory: directory,
        }
    }

    /// A client whose use is measured.
    pub(crate) fn client(&self, meter: &Meter) -> Client {
        let config = clients::local(&self.endpoint).config().to_builder();
        Client::from_conf(config.interceptor(meter.clone()).build())
    }

    /// How long the store has been computing so far, where the system tells.
    pub(crate) fn cpu_time(&self) -> Option<Duration> {
        cpu_time(&self.process.id().to_string())
    }
}

/// Has a ledger filled, says so, and holds it until nobody listens any more. Whoever fills it says how many items there are.
pub(crate) async fn serve<F>(order: Order<F>, fill: impl AsyncFnOnce(&Database, &Client, F) -> usize) {
    let began = Instant::now();
    let file = order.directory.join("ledger.sqlite");
    let database = Database::new(file.to_str().unwrap()).unwrap();
    // Whether this file outlives a failure of the machine is nobody's concern.
    database.enable_bulk_loading().unwrap();
    let endpoint = listen(&database).await;
    let client = clients::local(&endpoint);
    let filled = Filled {
        items: fill(&database, &client, order.filling).await,
        endpoint: endpoint.as_str().to_owned(),
        seconds: began.elapsed().as_secs(),
    };
    apart::ready(&filled).await;
}

/// Serves a database with the tables, for as long as this process lives.
pub(crate) async fn listen(database: &Database) -> HttpUrl {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = HttpUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(server::serve_with_shutdown(
        listener,
        database.clone(),
        std::future::pending(),
    ));
    let tables = tables();
    let client = clients::local(&endpoint);
    create_tables(&client, &tables.ledger, &tables.keys).await.unwrap();
    endpoint
}
