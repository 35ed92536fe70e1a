//! An embedded DynamoDB with the tables that the template describes, in memory or in a directory.

mod schema;

use std::path::PathBuf;

use aws_sdk_dynamodb::Client;
use dynoxide::{Database, server};
use platform::clients;
use platform::settings::{HttpUrl, InvalidUrl};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use schema::create_tables;

/// Where the embedded store keeps its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreKind {
    /// Gone when the store stops.
    Memory,
    /// In this directory, made if it is missing. What was answered has reached the disk.
    Directory(PathBuf),
}

/// Why the store does not run or has not the tables it should have.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory could not be made or no port could be had.
    #[error("the embedded store cannot start: {0}")]
    Io(#[from] std::io::Error),
    /// The address of the listener cannot be written as a URL.
    #[error("the embedded store has no address: {0}")]
    Address(#[from] InvalidUrl),
    /// The database file is not readable, or the server ended with an error.
    #[error("the embedded store failed: {0}")]
    Database(String),
    /// The template does not describe a table that can be created.
    #[error("template.yaml: {0}")]
    Template(String),
    /// A table is there and is not the one that the template describes.
    #[error("the table {0} has other keys, indexes or expiry than template.yaml; start with an empty data directory")]
    Differs(String),
    /// A call to DynamoDB failed.
    #[error("the tables cannot be made ready: {}", aws_sdk_dynamodb::error::DisplayErrorContext(.0.as_ref()))]
    Service(#[source] Box<aws_sdk_dynamodb::Error>),
}

/// A running embedded DynamoDB. It stops when it is dropped; [`Store::stop`] also waits for the requests in flight.
#[derive(Debug)]
pub struct Store {
    /// Its address, `http://127.0.0.1:<port>`.
    pub endpoint: HttpUrl,
    /// Name of the ledger's table.
    pub ledger_table: &'static str,
    /// Name of the table of subject keys.
    pub key_table: &'static str,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), String>>,
}

impl Store {
    /// Starts the store on a free port of the loopback address and creates the tables that are missing.
    ///
    /// The tables have no stream here, whatever the template says: the embedded store pays for a stream with time that
    /// grows with every record, and never forgets one. Whoever runs the store passes on what was written.
    ///
    /// # Errors
    /// See [`StoreError`]; in particular tables kept from earlier that differ from the template.
    pub async fn start(kind: StoreKind) -> Result<Self, StoreError> {
        let database = open(kind)?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let endpoint = HttpUrl::parse(&format!("http://{}", listener.local_addr()?))?;
        let (stop, stopped) = oneshot::channel::<()>();
        let store = Self {
            endpoint,
            ledger_table: "assent-ledger",
            key_table: "assent-subject-keys",
            stop,
            // The sender sends or is dropped; both mean that it is over.
            server: tokio::spawn(server::serve_with_shutdown(listener, database, async {
                let _ = stopped.await;
            })),
        };
        create_tables(&store.client(), store.ledger_table, store.key_table).await?;
        Ok(store)
    }

    /// A client of this store.
    pub fn client(&self) -> Client {
        clients::local(&self.endpoint)
    }

    /// Stops the store once the requests in flight are answered and the data is closed.
    ///
    /// # Errors
    /// [`StoreError::Database`] if the server had failed.
    pub async fn stop(self) -> Result<(), StoreError> {
        drop(self.stop);
        match self.server.await {
            Ok(ended) => ended.map_err(StoreError::Database),
            Err(gone) => Err(StoreError::Database(gone.to_string())),
        }
    }
}

/// The database's own settings stay: every write is synchronised, so that a store that is killed loses nothing that it has
/// answered. The faster bulk mode would.
fn open(kind: StoreKind) -> Result<Database, StoreError> {
    let database = match kind {
        StoreKind::Memory => Database::memory(),
        StoreKind::Directory(directory) => {
            std::fs::create_dir_all(&directory)?;
            let file = directory.join("dynamodb.sqlite");
            let Some(path) = file.to_str() else {
                return Err(StoreError::Database(
                    "the path of the data directory must be UTF-8".into(),
                ));
            };
            Database::new(path)
        }
    };
    database.map_err(|error| StoreError::Database(error.to_string()))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;

    fn text(value: &str) -> AttributeValue {
        AttributeValue::S(value.into())
    }

    #[tokio::test]
    async fn a_new_store_has_both_tables_and_no_stream() {
        let store = Store::start(StoreKind::Memory).await.unwrap();
        for name in [store.ledger_table, store.key_table] {
            let table = store
                .client()
                .describe_table()
                .table_name(name)
                .send()
                .await
                .unwrap()
                .table
                .unwrap();
            assert!(table.stream_specification.is_none(), "{name}");
        }
        store.stop().await.unwrap();
    }

    #[tokio::test]
    async fn data_in_a_directory_survives_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let kind = StoreKind::Directory(directory.path().join("made/on/demand"));

        let store = Store::start(kind.clone()).await.unwrap();
        let put = store
            .client()
            .put_item()
            .table_name(store.key_table)
            .item("pk", text("a"));
        put.item("value", text("kept")).send().await.unwrap();
        store.stop().await.unwrap();

        let store = Store::start(kind).await.unwrap();
        let got = store
            .client()
            .get_item()
            .table_name(store.key_table)
            .key("pk", text("a"))
            .send()
            .await
            .unwrap();
        assert_eq!(got.item.unwrap()["value"], text("kept"));
        store.stop().await.unwrap();
    }

    #[tokio::test]
    async fn a_store_that_is_dropped_stops() {
        let store = Store::start(StoreKind::Memory).await.unwrap();
        let Store { stop, server, .. } = store;
        drop(stop);
        server.await.unwrap().unwrap();
    }
}
