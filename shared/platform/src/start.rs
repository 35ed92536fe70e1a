//! The start of a function.

use std::sync::Arc;
use std::time::Instant;

use connection::{Authorities, InvalidAuthorities};

use crate::cached::Unavailable;
use crate::caller::Caller;
use crate::clients;
use crate::clock::{Clock, SystemClock};
use crate::logs;
use crate::metrics::{Metrics, Sink};
use crate::secrets::SecretCache;
use crate::settings::{self, Settings, SettingsError};

/// What a function works with.
#[derive(Debug)]
pub struct Platform {
    /// Where things are.
    pub settings: Settings,
    /// Whom to believe who a server is.
    pub authorities: Authorities,
    /// DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The secrets, loaded once already.
    pub secrets: SecretCache,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// What the function measures of itself.
    pub metrics: Metrics,
}

/// The function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The environment is not as it must be.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The file of authorities cannot be read.
    #[error("the file that SSL_CERT_FILE names cannot be read")]
    Unreadable(#[from] std::io::Error),
    /// The file of authorities holds none.
    #[error("the file that SSL_CERT_FILE names cannot be used")]
    Authorities(#[from] InvalidAuthorities),
    /// The secrets cannot be had.
    #[error(transparent)]
    Secrets(#[from] Unavailable),
}

/// Starts a function: turns on logging, reads the settings, makes the clients and loads the secrets.
///
/// # Errors
///
/// [`StartError`], after it was logged with all that is wrong. `main` hands it on, so that the process ends with a failure
/// and Lambda tries again.
pub async fn start(function: &'static str) -> Result<Platform, StartError> {
    logs::init(logs::level(settings::environment));
    let started = prepare(function).await;
    if let Err(error) = &started {
        tracing::error!(function, error = %logs::chain(error), "the function cannot start");
    }
    started
}

async fn prepare(function: &'static str) -> Result<Platform, StartError> {
    let (settings, caller) = match (Settings::from_environment(), Caller::of_function(settings::environment)) {
        (Ok(settings), Ok(caller)) => (settings, caller),
        (Err(SettingsError(faults)), Err(SettingsError(more))) => Err(SettingsError(faults.and(more)))?,
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error)?,
    };
    start_as(function, &caller, settings).await
}

/// The same without logging, for that caller and with those settings: what people work with who are no function, and functions that share
/// a process.
///
/// # Errors
///
/// [`StartError`], if the secrets cannot be loaded.
pub async fn start_as(function: &'static str, caller: &Caller, settings: Settings) -> Result<Platform, StartError> {
    let authorities = authorities(&settings)?;
    let clients = clients::connect(caller, &settings, &authorities);
    let secrets = SecretCache::from_secrets_manager(clients.secrets_manager, settings.secret_id.clone());
    // Loaded here and not with the first request, because a starting function has the most CPU for the TLS handshake.
    secrets.get(Instant::now()).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let metrics = Metrics::new(function, Sink::stdout(Arc::clone(&clock)));
    Ok(Platform {
        settings,
        authorities,
        dynamodb: clients.dynamodb,
        secrets,
        clock,
        metrics,
    })
}

/// Whom the settings say to believe who a server is.
///
/// # Errors
///
/// [`StartError`], if they name a file in which there is no authority.
pub fn authorities(settings: &Settings) -> Result<Authorities, StartError> {
    Ok(match &settings.authorities {
        Some(file) => Authorities::from_pem(&std::fs::read(file)?)?,
        None => Authorities::of_browsers(),
    })
}
