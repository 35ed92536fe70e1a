//! Clients of AWS, made once per process.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region};
use aws_sdk_dynamodb::config::{Credentials, SharedHttpClient};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::settings::{HttpUrl, Settings};

/// The clients that functions work with.
#[derive(Debug, Clone)]
pub struct Clients {
    /// DynamoDB: the ledger and the subject keys.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Secrets Manager.
    pub secrets_manager: aws_sdk_secretsmanager::Client,
}

/// Makes the clients, with the region and the credentials that AWS's own rules find.
pub async fn connect(settings: &Settings) -> Clients {
    connect_as(aws_config::defaults(behavior_version()), settings).await
}

/// Makes the same clients for stand-ins on this machine, wherever the settings say that they are.
pub async fn connect_locally(settings: &Settings) -> Clients {
    let nobody = aws_config::defaults(behavior_version())
        .region(LOCAL_REGION)
        .credentials_provider(local_credentials());
    connect_as(nobody, settings).await
}

async fn connect_as(who: ConfigLoader, settings: &Settings) -> Clients {
    let (dynamodb, secrets) = (&settings.dynamodb_endpoint, &settings.secrets_manager_endpoint);
    let plain = [dynamodb, secrets]
        .iter()
        .all(|url| url.as_ref().is_some_and(|url| !url.is_encrypted()));
    let config = who
        .http_client(if plain { plain_http() } else { encrypted_http() })
        .retry_config(retries())
        .timeout_config(timeouts())
        .load()
        .await;
    let mut for_dynamodb = aws_sdk_dynamodb::config::Builder::from(&config);
    if let Some(url) = dynamodb {
        for_dynamodb = for_dynamodb.endpoint_url(url.as_str());
    }
    let mut for_secrets = aws_sdk_secretsmanager::config::Builder::from(&config);
    if let Some(url) = secrets {
        for_secrets = for_secrets.endpoint_url(url.as_str());
    }
    Clients {
        dynamodb: aws_sdk_dynamodb::Client::from_conf(for_dynamodb.build()),
        secrets_manager: aws_sdk_secretsmanager::Client::from_conf(for_secrets.build()),
    }
}

/// A client of a stand-in for DynamoDB on this machine.
pub fn local(endpoint: &HttpUrl) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(behavior_version())
        .http_client(plain_http())
        .retry_config(retries())
        .timeout_config(timeouts())
        .region(LOCAL_REGION)
        .credentials_provider(local_credentials())
        .endpoint_url(endpoint.as_str())
        .build();
    aws_sdk_dynamodb::Client::from_conf(config)
}

/// What stand-ins on this machine take for their region.
const LOCAL_REGION: Region = Region::from_static("eu-central-1");

/// Stand-ins ask for no credentials, but no request can do without any.
fn local_credentials() -> Credentials {
    Credentials::new("local", "local", None, None, "local stack")
}

/// Named, so that an update of the SDK cannot change how it behaves.
fn behavior_version() -> BehaviorVersion {
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

fn encrypted_http() -> SharedHttpClient {
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
