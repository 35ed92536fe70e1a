//! Stand-ins for what functions call: DynamoDB, which is the embedded store with the example policy in force, and Secrets Manager;
//! each in the clear and behind TLS. They run in a process of their own, so that they are not measured.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use assent::local::EXAMPLE_POLICY;
use assent::store::{Store, StoreKind};
use assent_tests::secrets_manager::SecretsManager;
use assent_tests::{APP_SECRET, publish, secret};
use consent::time::Time;
use platform::clock::{Clock, SystemClock};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

use crate::apart::{self, Apart};
use crate::tls::{Authority, OF_DYNAMODB, OF_SECRETS_MANAGER, Roots};

const COMMAND: &str = "stand-ins";

/// The setting that says where Secrets Manager is.
const FOR_SECRETS: &str = "AWS_ENDPOINT_URL_SECRETS_MANAGER";

/// How a function reaches what it calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Http,
    Tls,
}

impl Form {
    pub(crate) const BOTH: [Self; 2] = [Self::Http, Self::Tls];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Tls => "TLS",
        }
    }

    fn url(self, address: SocketAddr) -> String {
        match self {
            Self::Http => format!("http://{address}"),
            Self::Tls => format!("https://{address}"),
        }
    }
}

/// What a program finds in its environment to reach what it calls.
pub(crate) type Settings = Vec<(&'static str, String)>;

/// A service that takes a call and does not answer.
pub(crate) struct Silent(TcpListener);

impl Silent {
    pub(crate) async fn listening() -> Self {
        Self(TcpListener::bind((OF_SECRETS_MANAGER, 0)).await.unwrap())
    }

    /// Waits for a call; who calls is kept waiting for as long as the connection is held.
    pub(crate) async fn called(&self) -> TcpStream {
        let (caller, _) = self.0.accept().await.unwrap();
        caller.readable().await.unwrap();
        caller
    }
}

/// The process with the stand-ins.
pub(crate) struct StandIns {
    process: Apart,
    reached: Reached,
    _directory: TempDir,
}

/// Where the stand-ins are.
#[derive(Debug, Serialize, Deserialize)]
struct Reached {
    dynamodb: Addresses,
    secrets_manager: Addresses,
    ledger_table: String,
    key_table: String,
    roots: Roots,
}

#[derive(Debug, Serialize, Deserialize)]
struct Addresses {
    http: SocketAddr,
    tls: SocketAddr,
}

impl Addresses {
    async fn of(http: SocketAddr, authority: &Authority, at: Ipv4Addr) -> Self {
        let tls = authority.in_front_of(http, at).await;
        Self { http, tls }
    }

    fn url(&self, form: Form) -> String {
        form.url(match form {
            Form::Http => self.http,
            Form::Tls => self.tls,
        })
    }
}

impl StandIns {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (process, reached) = Apart::start(COMMAND, &directory.path());
        Self {
            process,
            reached,
            _directory: directory,
        }
    }

    /// The process that does the store's work.
    pub(crate) fn process(&self) -> u32 {
        self.process.id()
    }

    /// The address of DynamoDB.
    pub(crate) fn dynamodb(&self, form: Form) -> String {
        self.reached.dynamodb.url(form)
    }

    pub(crate) fn ledger_table(&self) -> &str {
        &self.reached.ledger_table
    }

    /// What a program finds in its environment to reach them.
    pub(crate) fn settings(&self, form: Form) -> Settings {
        let roots = &self.reached.roots;
        let (all, own) = (roots.all.to_str().unwrap(), roots.own.to_str().unwrap());
        vec![
            ("AWS_ENDPOINT_URL_DYNAMODB", self.dynamodb(form)),
            (FOR_SECRETS, self.reached.secrets_manager.url(form)),
            ("LEDGER_TABLE", self.reached.ledger_table.clone()),
            ("KEY_TABLE", self.reached.key_table.clone()),
            // Each language looks for roots in its own way; Node has the others built in.
            ("SSL_CERT_FILE", all.to_owned()),
            ("AWS_CA_BUNDLE", all.to_owned()),
            ("NODE_EXTRA_CA_CERTS", own.to_owned()),
        ]
    }

    /// The same, except that nobody answers who asks for the secret.
    pub(crate) fn settings_without_secret(&self, form: Form, silent: &Silent) -> Settings {
        let url = form.url(silent.0.local_addr().unwrap());
        let mut settings = self.settings(form);
        settings.retain(|(name, _)| *name != FOR_SECRETS);
        settings.push((FOR_SECRETS, url));
        settings
    }
}

/// Whether these arguments are the order to be the stand-ins. If so, it was until nobody listened any more.
pub(crate) async fn were_ordered(arguments: &[String]) -> bool {
    let Some(directory) = apart::order::<PathBuf>(COMMAND, arguments) else {
        return false;
    };
    let authority = Authority::in_directory(&directory);
    let store = Store::start(StoreKind::Memory).await.unwrap();
    let now = Time::from_unix_seconds(SystemClock.unix_seconds());
    publish(&store, EXAMPLE_POLICY, now).await;
    let secrets_manager = SecretsManager::holding(secret(APP_SECRET)).await;
    let dynamodb = store.endpoint.as_str().strip_prefix("http://").unwrap();
    let reached = Reached {
        dynamodb: Addresses::of(dynamodb.parse().unwrap(), &authority, OF_DYNAMODB).await,
        secrets_manager: Addresses::of(secrets_manager.address, &authority, OF_SECRETS_MANAGER).await,
        ledger_table: store.ledger_table.to_owned(),
        key_table: store.key_table.to_owned(),
        roots: authority.roots,
    };
    apart::ready(&reached).await;
    true
}
