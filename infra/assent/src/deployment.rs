//! The deployment that the environment names.

use platform::{Caller, Platform, StartError, clients, logs, settings};

/// What to work on it with, as the person whom AWS's own rules find: by the environment, by a profile, or signed in.
///
/// # Errors
/// When the environment is not set up or the secret cannot be had.
pub(crate) async fn platform() -> Result<Platform, StartError> {
    logs::init(logs::level(settings::environment));
    let settings = settings::Settings::from_environment()?;
    let found = aws_config::defaults(clients::behavior_version())
        .http_client(clients::transport(&platform::authorities(&settings)?))
        .load()
        .await;
    platform::start_as("assent", &Caller::of_person(&found)?, settings).await
}
