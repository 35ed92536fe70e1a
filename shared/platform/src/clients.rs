//! Clients of AWS, made once per process.

use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, SharedHttpClient};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_types::SdkConfig;

use crate::caller::Caller;
use crate::settings::{HttpUrl, Settings};

/// The clients that functions work with.
#[derive(Debug, Clone)]
pub struct Clients {
    /// DynamoDB: the ledger and the subject keys.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Secrets Manager.
    pub secrets_manager: aws_sdk_secretsmanager::Client,
}

/// Makes the clients, for AWS itself or for whatever stands in for it.
pub fn connect(caller: &Caller, settings: &Settings) -> Clients {
    let (dynamodb, secrets) = (&settings.dynamodb_endpoint, &settings.secrets_manager_endpoint);
    let plain = [dynamodb, secrets]
        .iter()
        .all(|url| url.as_ref().is_some_and(|url| !url.is_encrypted()));
    let config = config(caller, if plain { plain_http() } else { encrypted_http() });
    let mut for_secrets = aws_sdk_secretsmanager::config::Builder::from(&config);
    if let Some(url) = secrets {
        for_secrets = for_secrets.endpoint_url(url.as_str());
    }
    Clients {
        dynamodb: dynamodb_at(dynamodb.as_ref(), &config),
        secrets_manager: aws_sdk_secretsmanager::Client::from_conf(for_secrets.build()),
    }
}

/// A client of a stand-in for DynamoDB on this machine.
pub fn local(endpoint: &HttpUrl) -> aws_sdk_dynamodb::Client {
    dynamodb_at(Some(endpoint), &config(&Caller::local(), plain_http()))
}

fn dynamodb_at(stand_in: Option<&HttpUrl>, config: &SdkConfig) -> aws_sdk_dynamodb::Client {
    let mut config = aws_sdk_dynamodb::config::Builder::from(config);
    if let Some(url) = stand_in {
        config = config.endpoint_url(url.as_str());
    }
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// What all clients have in common.
fn config(caller: &Caller, http: SharedHttpClient) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(behavior_version())
        .region(caller.region.clone())
        .credentials_provider(caller.credentials.clone())
        .http_client(http)
        .retry_config(retries())
        .timeout_config(timeouts())
        .build()
}

/// Named, so that an update of the SDK cannot change how it behaves.
pub fn behavior_version() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// Retries as AWS recommends for DynamoDB. This behaviour version would wait up to a second before the first.
fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(4)
        .with_initial_backoff(Duration::from_millis(25))
        .with_max_backoff(Duration::from_millis(500))
}

/// A call that has not been answered after a second is better asked again.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(1))
        .operation_timeout(Duration::from_secs(3))
        .build()
}

/// How many connections are kept for later. Any of them may have died unnoticed, as while Lambda had frozen the function, and costs the
/// call that takes it an attempt. A call has time for three.
const MOST_KEPT: usize = 2;

/// For stand-ins only: it cannot reach an `https` address, and need not read the root certificates.
fn plain_http() -> SharedHttpClient {
    Builder::new().pool_max_idle_per_host(MOST_KEPT).build_http()
}

/// For everything else.
pub fn encrypted_http() -> SharedHttpClient {
    Builder::new()
        .pool_max_idle_per_host(MOST_KEPT)
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build_https()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub;

    #[test]
    fn calls_are_retried_soon_and_do_not_hang() {
        let client = local(&HttpUrl::parse("http://127.0.0.1:1").unwrap());
        let retries = client.config().retry_config().unwrap();
        assert_eq!(retries.max_attempts(), 4);
        assert_eq!(retries.initial_backoff(), Duration::from_millis(25));
        assert_eq!(retries.max_backoff(), Duration::from_millis(500));
        let timeouts = client.config().timeout_config().unwrap();
        assert_eq!(timeouts.connect_timeout(), Some(Duration::from_secs(1)));
        assert_eq!(timeouts.operation_attempt_timeout(), Some(Duration::from_secs(1)));
        assert_eq!(timeouts.operation_timeout(), Some(Duration::from_secs(3)));
    }

    #[tokio::test]
    async fn a_local_stand_in_needs_no_credentials_from_outside() {
        let client = local(&stub::serve(|_| (200, r#"{"TableNames":["ledger"]}"#.to_owned())));
        assert_eq!(client.list_tables().send().await.unwrap().table_names(), ["ledger"]);
    }
}
