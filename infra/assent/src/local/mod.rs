//! The whole of Assent on one machine: the same handlers that Lambda calls, on an embedded store, with a stand-in for Meta.

mod clock;
mod inbound;
mod lambda;
mod routes;
mod secrets;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use campaign_check::{CampaignCheck, CampaignCheckError, Round};
use campaigns::Campaigns;
use consent::policy::{Policy, PolicyFaults};
use consent::time::Time;
use ledger::{LedgerError, Tables};
use outbox::Outbox;
use platform::clock::Clock;
use platform::deadline::Deadline;
use platform::metrics::{Metrics, Sink, Tally};
use platform::secrets::{SecretCache, Secrets};
use retention::{Purged, Retention, RetentionError};
use service::{NotReady, Service};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use whatsapp::compose::Business;
use whatsapp::{AppSecret, sign};

pub use clock::LocalClock;
pub use secrets::{LocalSecrets, LocalSecretsError};

use crate::meta::{Fault, FaultKind, Meta, MetaOptions};
use crate::store::{Store, StoreError, StoreKind};

/// The policy that runs when no other is given.
pub const EXAMPLE_POLICY: &str = include_str!("../../../policy.example.toml");

/// The address that the stack is served on unless another port is asked for.
pub const DEFAULT_PORT: u16 = 8787;

/// How long a request waits for the messages that it caused to go out, so that who asks next sees them.
const SETTLING: Duration = Duration::from_secs(2);

/// How long the embedded store may take to take the policy.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often the purge runs.
const PURGE_EVERY: Duration = Duration::from_secs(60 * 60);

/// How long a run of the purge may take, as on Lambda.
const PURGE_LIMIT: Duration = Duration::from_secs(15 * 60);

/// How often campaigns are checked.
const CHECK_EVERY: Duration = Duration::from_secs(15 * 60);

/// How long a round of checks may take, as long as Lambda lets it.
const CHECK_LIMIT: Duration = Duration::from_secs(15 * 60);

/// How often the outbox is looked at when nothing happens, for messages whose next attempt has come.
const POLL: Duration = Duration::from_secs(1);

/// How the stack is to run.
#[derive(Debug, Default)]
pub struct Options {
    /// The port; 0 picks one.
    pub port: u16,
    /// Where data is kept; in memory, if nowhere.
    pub data: Option<PathBuf>,
    /// The policy's text.
    pub policy: Option<String>,
    /// The app secret; made up, if not given.
    pub app_secret: Option<String>,
    /// The token of the handshake; made up, if not given.
    pub verify_token: Option<String>,
    /// What goes wrong with every message that is sent to the stand-in for Meta.
    pub fault: Option<FaultKind>,
    /// Makes the client that a function asks the store with of the one that it would have: for who wants to see what it asks.
    pub watch: Option<fn(&'static str, Client) -> Client>,
}

/// Why the stack cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The port cannot be had.
    #[error("127.0.0.1:{port} cannot be listened on")]
    Listen {
        /// The port.
        port: u16,
        /// Why.
        source: std::io::Error,
    },
    /// The policy has faults.
    #[error("the policy has faults:\n{0}")]
    Policy(PolicyFaults),
    /// The embedded store does not run.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There are no secrets.
    #[error(transparent)]
    Secrets(#[from] LocalSecretsError),
    /// The policy cannot be published.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What every function needs is not at hand.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// The stand-in for Meta cannot be set up.
    #[error("the stand-in for Meta: {0}")]
    Meta(String),
    /// The server failed.
    #[error("the server failed")]
    Serve(#[source] std::io::Error),
}

/// The stack, listening.
#[derive(Debug)]
pub struct Stack {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its secrets.
    pub secrets: LocalSecrets,
    /// Its parts.
    pub parts: Arc<Parts>,
    listener: TcpListener,
}

/// What the stack is made of.
#[derive(Debug)]
pub struct Parts {
    pub(crate) webhook: Service,
    pub(crate) opt_in: Service,
    pub(crate) rights: Service,
    pub(crate) outbox: Outbox,
    pub(crate) retention: Retention,
    pub(crate) campaigns: Campaigns,
    pub(crate) campaign_check: CampaignCheck,
    pub(crate) meta: Meta,
    pub(crate) business: Business,
    pub(crate) clock: Arc<LocalClock>,
    pub(crate) tally: Arc<Tally>,
    app_secret: AppSecret,
    sweeping: Mutex<()>,
    /// Held because it stops when it is dropped.
    _store: Store,
}

impl Stack {
    /// Makes everything ready to serve.
    ///
    /// # Errors
    /// [`StackError`] says what is in the way.
    pub async fn start(options: Options) -> Result<Self, StackError> {
        let policy = Policy::parse(options.policy.as_deref().unwrap_or(EXAMPLE_POLICY)).map_err(StackError::Policy)?;
        let listen = TcpListener::bind(("127.0.0.1", options.port)).await;
        let listener = listen.map_err(|source| StackError::Listen {
            port: options.port,
            source,
        })?;
        let address = listener.local_addr().map_err(StackError::Serve)?;
        let secrets =
            LocalSecrets::in_directory(options.data.as_deref())?.with(options.app_secret, options.verify_token);
        let store = Store::start(options.data.map_or(StoreKind::Memory, StoreKind::Directory)).await?;
        let clock = Arc::new(LocalClock::default());
        let tally = Arc::new(Tally::default());
        let watch = options.watch.unwrap_or(|_, client| client);
        let service = |function| -> Result<Service, StackError> {
            Ok(Service::new(
                watch(function, store.client()),
                tables(&store),
                SecretCache::fixed(Secrets {
                    current: secrets.parsed()?,
                    previous: None,
                }),
                Arc::clone(&clock) as Arc<dyn Clock>,
                Metrics::new(function, Sink::Tally(Arc::clone(&tally))),
            ))
        };
        let publisher = service("assent")?;
        let ledger = publisher.ledger(Deadline::after(PATIENCE)).await?;
        ledger.publish_policy(&policy, publisher.now()).await?;
        let business = business(&policy)?;
        let graph = whatsapp::graph::Graph::new(&format!("http://{address}/_meta/v26.0"))
            .map_err(|error| StackError::Meta(error.to_string()))?;
        let app_secret = AppSecret::new(secrets.app_secret()).map_err(|error| StackError::Meta(error.to_string()))?;
        let parts = Parts {
            webhook: service("webhook")?,
            opt_in: service("opt-in")?,
            rights: service("rights")?,
            retention: Retention::new(service("retention")?),
            campaigns: Campaigns::new(service("campaigns")?, graph.clone()),
            campaign_check: CampaignCheck::new(service("campaign-check")?, graph.clone()),
            outbox: Outbox::new(service("outbox")?, graph),
            meta: Meta::new(MetaOptions {
                access_token: secrets.access_token().to_owned(),
                business: business.clone(),
                clock: Arc::clone(&clock) as Arc<dyn Clock>,
                policy: Arc::new(policy),
            }),
            business,
            clock,
            tally,
            app_secret,
            sweeping: Mutex::default(),
            _store: store,
        };
        if let Some(fault) = options.fault {
            parts.meta.set_fault(Fault::always(fault));
        }
        Ok(Self {
            address,
            secrets,
            parts: Arc::new(parts),
            listener,
        })
    }

    /// Serves until the future ends.
    ///
    /// # Errors
    /// When the server cannot go on.
    pub async fn serve(self, until: impl Future<Output = ()> + Send + 'static) -> Result<(), StackError> {
        let polling = tokio::spawn(poll(Arc::clone(&self.parts)));
        let purging = tokio::spawn(purge_hourly(Arc::clone(&self.parts)));
        let checking = tokio::spawn(check_quarter_hourly(Arc::clone(&self.parts)));
        let router = routes::router(Arc::clone(&self.parts));
        let served = axum::serve(self.listener, router).with_graceful_shutdown(until).await;
        polling.abort();
        purging.abort();
        checking.abort();
        served.map_err(StackError::Serve)
    }
}

impl Parts {
    /// The time on the stack's clock.
    pub fn now(&self) -> Time {
        Time::from_unix_seconds(self.clock.unix_seconds())
    }

    /// Sends what waits in the outbox and delivers what Meta has to say about it, until nothing is left or the time is up. The
    /// table's stream would do that on Lambda; the emulated one is too slow to be of use.
    pub(crate) async fn settle(self: &Arc<Self>) {
        let parts = Arc::clone(self);
        // A task of its own: if Meta takes its time, the request is answered and the sending goes on, never cut off half-way.
        let settling = tokio::spawn(async move {
            let _one_at_a_time = parts.sweeping.lock().await;
            while parts.sweep().await + parts.deliver_statuses().await > 0 {}
        });
        let _ = tokio::time::timeout(SETTLING, settling).await;
    }

    /// Runs the purge once.
    pub(crate) async fn purge(&self) -> Result<Purged, RetentionError> {
        self.retention.handle(Deadline::after(PURGE_LIMIT)).await
    }

    /// Checks the campaigns that are due once.
    pub(crate) async fn check_campaigns(&self) -> Result<Round, CampaignCheckError> {
        self.campaign_check.handle(Deadline::after(CHECK_LIMIT)).await
    }

    async fn sweep(&self) -> usize {
        match self.outbox.sweep(Deadline::after(Duration::from_secs(30))).await {
            Ok(swept) => swept.changed(),
            Err(error) => {
                tracing::error!(error = %platform::logs::chain(&error), "the outbox cannot be swept");
                0
            }
        }
    }

    async fn deliver_statuses(&self) -> usize {
        let statuses = self.meta.take_statuses();
        let amount = statuses.len();
        for status in statuses {
            self.deliver(self.business.delivery([status])).await;
        }
        amount
    }

    /// Signs a delivery as Meta would and hands it to the webhook.
    pub(crate) async fn deliver(&self, body: Vec<u8>) -> lambda_http::http::StatusCode {
        let request = lambda_http::http::Request::builder()
            .method("POST")
            .uri("/webhook")
            .header(whatsapp::SIGNATURE_HEADER, sign(&body, &self.app_secret))
            .body(lambda_http::Body::Binary(body));
        match request {
            Ok(request) => webhook::handle(&self.webhook, request).await.status(),
            Err(_) => lambda_http::http::StatusCode::BAD_REQUEST,
        }
    }

    /// The business that Meta's webhooks come to.
    pub fn business(&self) -> &Business {
        &self.business
    }
}

async fn poll(parts: Arc<Parts>) {
    loop {
        tokio::time::sleep(POLL).await;
        parts.settle().await;
    }
}

/// The schedule of the purge, by this machine's own clock: the stack's may be put forward by years.
async fn purge_hourly(parts: Arc<Parts>) {
    loop {
        tokio::time::sleep(PURGE_EVERY).await;
        if let Err(error) = parts.purge().await {
            tracing::error!(error = %platform::logs::chain(&error), "nothing was purged; the next run does it");
        }
    }
}

/// The schedule of the campaigns' checks, by this machine's own clock.
async fn check_quarter_hourly(parts: Arc<Parts>) {
    loop {
        tokio::time::sleep(CHECK_EVERY).await;
        if let Err(error) = parts.check_campaigns().await {
            tracing::error!(error = %platform::logs::chain(&error), "no campaign was checked; the next run does it");
        }
    }
}

fn tables(store: &Store) -> Tables {
    Tables {
        ledger: store.ledger_table.to_owned(),
        keys: store.key_table.to_owned(),
    }
}

/// The controller's first number, as Meta knows it.
fn business(policy: &Policy) -> Result<Business, StackError> {
    let invalid = |what: &str| StackError::Meta(format!("the policy's first sender has no usable {what}"));
    let sender = policy.senders().next().ok_or_else(|| invalid("phone number id"))?;
    let number: String = sender
        .display_number()
        .unwrap_or("15550783881")
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    Ok(Business {
        waba: sender.waba_id().parse().map_err(|_| invalid("account id"))?,
        sender: sender.id().as_str().parse().map_err(|_| invalid("phone number id"))?,
        number: number.parse().map_err(|_| invalid("display number"))?,
    })
}
