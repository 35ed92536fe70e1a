//! What every function works with: the ledger, the policy in force, the secrets and the time.
//!
//! The platform knows nothing of consent and the ledger nothing of Lambda; here the two meet, once for all functions. What only functions behind
//! HTTP have in common is in [`http`]; how Meta says that senders and
//! templates are, in [`health`].

pub mod health;
pub mod http;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use consent::decide::Rules;
use consent::policy::Policy;
use consent::time::Time;
use consent::token::TokenKey;
use ledger::{Keys, Ledger, Tables};
use platform::Platform;
use platform::cached::{Cached, Unavailable};
use platform::clock::Clock;
use platform::deadline::Deadline;
use platform::metrics::Metrics;
use platform::secrets::{SecretCache, Secrets};

/// How long a policy is used before the ledger is asked whether another one is in force.
const POLICY_LIFETIME: Duration = Duration::from_secs(60);

/// What is left of an invocation's time for the answer, once the ledger has used up its share.
const TIME_TO_ANSWER: Duration = Duration::from_millis(250);

/// What a function holds between invocations.
#[derive(Debug)]
pub struct Service {
    dynamodb: Client,
    tables: Arc<Tables>,
    secrets: Arc<SecretCache>,
    policy: Cached<Policy>,
    clock: Arc<dyn Clock>,
    /// What the function measures of itself.
    pub metrics: Metrics,
}

/// What one invocation works with.
#[derive(Debug)]
pub struct Work {
    /// The ledger, bound to the invocation's deadline.
    pub ledger: Ledger,
    /// The policy in force.
    pub policy: Arc<Policy>,
    /// The secrets.
    pub secrets: Arc<Secrets>,
    /// The time at which the invocation began.
    pub now: Time,
    /// When it must be over.
    pub deadline: Deadline,
    token_keys: Vec<TokenKey>,
}

/// Why an invocation cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// The secrets cannot be loaded, and no older ones are at hand.
    #[error("the secrets are not at hand")]
    Secrets(#[source] Unavailable),
    /// The policy cannot be loaded, and no older one is at hand.
    #[error("no policy is at hand")]
    Policy(#[source] Unavailable),
}

/// Why the policy cannot be loaded.
#[derive(Debug, thiserror::Error)]
enum PolicyUnavailable {
    #[error("no policy has been published: run `assent policy publish`")]
    NeverPublished,
    #[error("the policy in force has faults:\n{0}")]
    Faulty(consent::policy::PolicyFaults),
}

impl From<Platform> for Service {
    fn from(platform: Platform) -> Self {
        let tables = Tables {
            ledger: platform.settings.ledger_table,
            keys: platform.settings.key_table,
        };
        Self::new(
            platform.dynamodb,
            tables,
            platform.secrets,
            platform.clock,
            platform.metrics,
        )
    }
}

impl Service {
    /// A service made of its parts.
    pub fn new(
        dynamodb: Client,
        tables: Tables,
        secrets: SecretCache,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
    ) -> Self {
        let tables = Arc::new(tables);
        let secrets = Arc::new(secrets);
        let source = (
            dynamodb.clone(),
            Arc::clone(&tables),
            Arc::clone(&secrets),
            Arc::clone(&clock),
        );
        let policy = Cached::new("the policy", POLICY_LIFETIME, move |old: Option<Arc<Policy>>| {
            let (dynamodb, tables, cache, clock) = source.clone();
            async move {
                let secrets = cache.get(clock.instant()).await?;
                let until = tokio::time::Instant::now() + Duration::from_secs(3);
                let ledger = Ledger::new(dynamodb, tables, Arc::new(keys(&secrets)), until);
                if let Some(old) = old
                    && ledger.active_policy_version().await? == Some(old.version())
                {
                    return Ok(old);
                }
                let active = ledger.active_policy().await?.ok_or(PolicyUnavailable::NeverPublished)?;
                let policy = Policy::parse(&active.text).map_err(PolicyUnavailable::Faulty)?;
                Ok(Arc::new(policy))
            }
        });
        Self {
            dynamodb,
            tables,
            secrets,
            policy,
            clock,
            metrics,
        }
    }

    /// Loads the policy ahead of the first request: a starting function has the most CPU for the handshake with DynamoDB. If that
    /// fails, the first request tries again.
    #[must_use]
    pub async fn warmed(self) -> Self {
        if let Err(error) = self.policy.get(self.clock.instant()).await {
            tracing::warn!(error = %platform::logs::chain(&error), "the first request has to load the policy");
        }
        self
    }

    /// The time.
    pub fn now(&self) -> Time {
        Time::from_unix_seconds(self.clock.unix_seconds())
    }

    /// The secrets.
    ///
    /// # Errors
    /// When they cannot be loaded and no older ones are at hand.
    pub async fn secrets(&self) -> Result<Arc<Secrets>, NotReady> {
        self.secrets.get(self.clock.instant()).await.map_err(NotReady::Secrets)
    }

    /// The secrets, loaded anew unless that was done within the last minute: what did not verify may have been signed with
    /// a secret that is newer than those at hand.
    ///
    /// # Errors
    /// When they cannot be loaded: then nobody can say that it was not.
    pub async fn newest_secrets(&self) -> Result<Arc<Secrets>, NotReady> {
        self.secrets
            .renew_once_a_minute(self.clock.instant())
            .await
            .map_err(NotReady::Secrets)
    }

    /// The ledger alone, for what has to work before any policy is in force.
    ///
    /// # Errors
    /// When the secrets cannot be loaded and no older ones are at hand.
    pub async fn ledger(&self, deadline: Deadline) -> Result<Ledger, NotReady> {
        Ok(self.ledger_with(&*self.secrets().await?, deadline))
    }

    fn ledger_with(&self, secrets: &Secrets, deadline: Deadline) -> Ledger {
        let until = tokio::time::Instant::now() + deadline.remaining().saturating_sub(TIME_TO_ANSWER);
        Ledger::new(
            self.dynamodb.clone(),
            Arc::clone(&self.tables),
            Arc::new(keys(secrets)),
            until,
        )
    }

    /// Begins an invocation.
    ///
    /// # Errors
    /// When the secrets or the policy cannot be loaded and no older ones are at hand.
    pub async fn begin(&self, deadline: Deadline) -> Result<Work, NotReady> {
        let secrets = self.secrets().await?;
        let policy = self.policy.get(self.clock.instant()).await.map_err(NotReady::Policy)?;
        let ledger = self.ledger_with(&secrets, deadline);
        let token_keys = secrets
            .versions()
            .map(|version| TokenKey::from_bytes(*version.token_key.as_bytes()))
            .collect();
        Ok(Work {
            ledger,
            policy,
            secrets,
            now: self.now(),
            deadline,
            token_keys,
        })
    }
}

impl Work {
    /// What decisions are made by.
    pub fn rules(&self) -> Rules<'_> {
        Rules {
            policy: &self.policy,
            token_keys: &self.token_keys,
            now: self.now,
        }
    }

    /// The key that new tokens are signed with.
    pub fn token_key(&self) -> TokenKey {
        TokenKey::from_bytes(*self.secrets.current.token_key.as_bytes())
    }
}

fn keys(secrets: &Secrets) -> Keys {
    Keys {
        pseudonym: secrets.current.pseudonym_key.clone(),
        sealing: secrets.versions().map(|version| version.sealing_key.clone()).collect(),
    }
}
