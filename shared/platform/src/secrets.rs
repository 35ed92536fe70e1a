//! The secrets of the deployment: one JSON object in Secrets Manager, in its current and its previous version.

use std::sync::Arc;
use std::time::{Duration, Instant};

use identity::{PseudonymKey, SealingKey, SecretKey};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::cached::{Cached, LoadError, Unavailable};
use crate::faults::{Fault, Faults};

/// How long the secrets are kept before they are read again.
const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// How often at most a signature that does not match makes them be read again. Anybody can send such a signature.
const RENEWED: Duration = Duration::from_secs(60);

/// One version of the secrets.
#[derive(Debug, Clone)]
pub struct SecretSet {
    /// The secrets of the Meta app that may have signed a delivery, newest first; never empty.
    pub app_secrets: Vec<SecretString>,
    /// What Meta sends back when it checks the address of the webhook.
    pub verify_token: SecretString,
    /// The token for the Graph API.
    pub access_token: SecretString,
    /// The key of all pseudonyms.
    pub pseudonym_key: PseudonymKey,
    /// The key over the subject keys.
    pub sealing_key: SealingKey,
    /// The key that signs the tokens of the double opt-in.
    pub token_key: SecretKey,
}

/// The secret cannot be used; the message names all that is wrong with it and repeats nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the secret is not complete: {0}")]
pub struct SecretError(pub Faults);

impl SecretSet {
    /// Reads the JSON object that the secret holds. Members that it does not know are passed over.
    ///
    /// # Errors
    ///
    /// [`SecretError`] with everything that is missing or malformed.
    pub fn parse(json: &str) -> Result<Self, SecretError> {
        let malformed = Fault::Malformed {
            name: "the secret",
            form: "one JSON object",
        };
        let fields: Map<String, Value> = serde_json::from_str(json).map_err(|_| SecretError(malformed.into()))?;

        let mut faults = Faults::default();
        let app_secrets = faults.note(texts(&fields, "app_secrets"));
        let verify_token = faults.note(text(&fields, "verify_token"));
        let access_token = faults.note(text(&fields, "access_token"));
        let pseudonym_key = faults.note(key(&fields, "pseudonym_key"));
        let sealing_key = faults.note(key(&fields, "sealing_key"));
        let token_key = faults.note(key(&fields, "token_key"));

        match (
            app_secrets,
            verify_token,
            access_token,
            pseudonym_key,
            sealing_key,
            token_key,
        ) {
            (
                Some(app_secrets),
                Some(verify_token),
                Some(access_token),
                Some(pseudonym_key),
                Some(sealing_key),
                Some(token_key),
            ) => Ok(Self {
                app_secrets,
                verify_token,
                access_token,
                pseudonym_key: pseudonym_key.into(),
                sealing_key: sealing_key.into(),
                token_key,
            }),
            _ => Err(SecretError(faults)),
        }
    }
}

fn text(fields: &Map<String, Value>, name: &'static str) -> Result<SecretString, Fault> {
    read_text(fields.get(name).unwrap_or(&Value::Null), name)
}

fn texts(fields: &Map<String, Value>, name: &'static str) -> Result<Vec<SecretString>, Fault> {
    match fields.get(name) {
        None | Some(Value::Null) => Err(Fault::Missing(name)),
        Some(Value::Array(values)) if values.is_empty() => Err(Fault::Missing(name)),
        Some(Value::Array(values)) => values.iter().map(|value| read_text(value, name)).collect(),
        Some(_) => Err(Fault::Malformed {
            name,
            form: "a list of texts, the newest first",
        }),
    }
}

fn read_text(value: &Value, name: &'static str) -> Result<SecretString, Fault> {
    match value {
        Value::Null => Err(Fault::Missing(name)),
        Value::String(text) if text.trim().is_empty() => Err(Fault::Missing(name)),
        Value::String(text) if text.trim() == text => Ok(text.as_str().into()),
        _ => Err(Fault::Malformed {
            name,
            form: "text without white space around it",
        }),
    }
}

fn key(fields: &Map<String, Value>, name: &'static str) -> Result<SecretKey, Fault> {
    let digits = text(fields, name)?;
    SecretKey::from_hex(digits.expose_secret()).map_err(|_| Fault::Malformed {
        name,
        form: "64 hex digits",
    })
}

/// The secrets that hold now, and those that held before the last rotation.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// The version to write with, and to try first when reading.
    pub current: SecretSet,
    /// The version before it, if there is one that can be read.
    pub previous: Option<SecretSet>,
}

impl Secrets {
    /// The app secrets that may have signed a delivery, in the order in which to try them, each once.
    pub fn app_secrets(&self) -> Vec<&SecretString> {
        let mut secrets: Vec<&SecretString> = Vec::new();
        for secret in self.versions().flat_map(|set| &set.app_secrets) {
            if secrets
                .iter()
                .all(|known| known.expose_secret() != secret.expose_secret())
            {
                secrets.push(secret);
            }
        }
        secrets
    }

    /// The current version, then the previous one.
    pub fn versions(&self) -> impl Iterator<Item = &SecretSet> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

/// The secrets, kept for five minutes, and for longer while Secrets Manager does not answer.
#[derive(Debug)]
pub struct SecretCache(Cached<Secrets>);

impl SecretCache {
    /// Secrets that Secrets Manager holds under this name or ARN.
    pub fn from_secrets_manager(client: aws_sdk_secretsmanager::Client, id: String) -> Self {
        let id: Arc<str> = id.into();
        Self(Cached::new("the secret", LIFETIME, move |_| {
            let fetched = fetch(client.clone(), Arc::clone(&id));
            async { fetched.await.map(Arc::new) }
        }))
    }

    /// Secrets that never change, for the local stack and for tests.
    pub fn fixed(secrets: Secrets) -> Self {
        let secrets = Arc::new(secrets);
        Self(Cached::new("the secret", LIFETIME, move |_| {
            std::future::ready(Ok(Arc::clone(&secrets)))
        }))
    }

    /// The secrets.
    ///
    /// # Errors
    ///
    /// [`Unavailable`], if they have never been loaded and cannot be now.
    pub async fn get(&self, now: Instant) -> Result<Arc<Secrets>, Unavailable> {
        self.0.get(now).await
    }

    /// The secrets, read again: for when a signature does not match, because it may have been made with a secret that is
    /// newer than those kept here. Within a minute of the last time it gives the secrets as they are.
    ///
    /// # Errors
    ///
    /// [`Unavailable`], if they cannot be read now: whether those kept here are the newest, nobody knows.
    pub async fn renew_once_a_minute(&self, now: Instant) -> Result<Arc<Secrets>, Unavailable> {
        self.0.renew(now, RENEWED).await
    }
}

async fn fetch(client: aws_sdk_secretsmanager::Client, id: Arc<str>) -> Result<Secrets, LoadError> {
    let (current, previous) = tokio::join!(
        version(&client, &id, "AWSCURRENT"),
        version(&client, &id, "AWSPREVIOUS")
    );
    let current = current?.ok_or("Secrets Manager has no current version of the secret")?;
    let previous = previous?.and_then(|json| match SecretSet::parse(&json) {
        Ok(set) => Some(set),
        Err(error) => {
            tracing::warn!(error = %error, "the previous version of the secret is passed over");
            None
        }
    });
    Ok(Secrets {
        current: SecretSet::parse(&current)?,
        previous,
    })
}

/// The text of one version; `None`, if there is no such version.
async fn version(client: &aws_sdk_secretsmanager::Client, id: &str, stage: &str) -> Result<Option<String>, LoadError> {
    match client
        .get_secret_value()
        .secret_id(id)
        .version_stage(stage)
        .send()
        .await
    {
        // A secret without text has bytes; as empty text it is reported as no JSON object.
        Ok(output) => Ok(Some(output.secret_string.unwrap_or_default())),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|error| error.is_resource_not_found_exception()) =>
        {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::stub;

    fn complete() -> Value {
        json!({
            "app_secrets": ["new", "old"],
            "verify_token": "verify",
            "access_token": "access",
            "pseudonym_key": "0a".repeat(32),
            "sealing_key": "0b".repeat(32),
            "token_key": "0c".repeat(32),
        })
    }

    fn set(app_secrets: &[&str]) -> SecretSet {
        let mut value = complete();
        value["app_secrets"] = json!(app_secrets);
        SecretSet::parse(&value.to_string()).unwrap()
    }

    #[test]
    fn a_complete_secret_is_read() {
        let set = SecretSet::parse(&complete().to_string()).unwrap();
        assert_eq!(set.verify_token.expose_secret(), "verify");
        assert_eq!(set.access_token.expose_secret(), "access");
        assert_eq!(set.token_key.as_bytes(), &[0x0c; 32]);
        assert_eq!(set.app_secrets.len(), 2);
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once_and_no_value_is_repeated() {
        let faulty = json!({
            "app_secrets": ["hush", ""],
            "verify_token": " hush",
            "access_token": "\t",
            "pseudonym_key": "hush",
            "sealing_key": 49151123456_i64,
        });
        let error = SecretSet::parse(&faulty.to_string()).unwrap_err();
        let all = [
            "app_secrets is missing",
            "verify_token is malformed: write text without white space around it",
            "access_token is missing",
            "pseudonym_key is malformed: write 64 hex digits",
            "sealing_key is malformed: write text without white space around it",
            "token_key is missing",
        ];
        assert_eq!(
            error.to_string(),
            format!("the secret is not complete: {}", all.join("; "))
        );
    }

    #[test]
    fn what_is_no_object_is_said_to_be_none_and_not_repeated() {
        for text in ["", "hush", "\"hush\"", "[\"hush\"]", "{\"hush\": "] {
            let error = SecretSet::parse(text).unwrap_err().to_string();
            assert_eq!(
                error,
                "the secret is not complete: the secret is malformed: write one JSON object"
            );
        }
    }

    #[test]
    fn app_secrets_of_both_versions_are_tried_newest_first_and_each_once() {
        let secrets = Secrets {
            current: set(&["c", "b"]),
            previous: Some(set(&["b", "a"])),
        };
        let order: Vec<&str> = secrets
            .app_secrets()
            .iter()
            .map(|secret| secret.expose_secret())
            .collect();
        assert_eq!(order, ["c", "b", "a"]);
    }

    #[tokio::test]
    async fn fixed_secrets_are_there_at_once() {
        let cache = SecretCache::fixed(Secrets {
            current: set(&["a"]),
            previous: None,
        });
        let now = Instant::now();
        assert_eq!(cache.get(now).await.unwrap().app_secrets().len(), 1);
        assert_eq!(cache.renew_once_a_minute(now).await.unwrap().app_secrets().len(), 1);
    }

    const NOT_FOUND: &str = r#"{"__type":"ResourceNotFoundException","message":"-"}"#;
    const DENIED: &str = r#"{"__type":"AccessDeniedException","message":"-"}"#;

    fn holding(secret: &str) -> (u16, String) {
        (200, json!({ "SecretString": secret }).to_string())
    }

    /// Secrets Manager with these answers for the current and for the previous version.
    fn manager(current: (u16, String), previous: (u16, String)) -> SecretCache {
        let answers = [("AWSCURRENT", current), ("AWSPREVIOUS", previous)];
        let url = stub::serve(move |body| {
            answers
                .iter()
                .find(|(stage, _)| body.contains(stage))
                .unwrap()
                .1
                .clone()
        });
        let config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(crate::clients::behavior_version())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .region(aws_sdk_secretsmanager::config::Region::from_static("eu-central-1"))
            .credentials_provider(aws_sdk_secretsmanager::config::Credentials::new(
                "-", "-", None, None, "test",
            ))
            .endpoint_url(url.as_str())
            .build();
        SecretCache::from_secrets_manager(aws_sdk_secretsmanager::Client::from_conf(config), "assent".to_owned())
    }

    #[tokio::test]
    async fn both_versions_are_taken_from_secrets_manager() {
        let older = complete().to_string().replace("\"verify\"", "\"earlier\"");
        let cache = manager(holding(&complete().to_string()), holding(&older));
        let secrets = cache.get(Instant::now()).await.unwrap();
        let tokens: Vec<&str> = secrets.versions().map(|set| set.verify_token.expose_secret()).collect();
        assert_eq!(tokens, ["verify", "earlier"]);
    }

    #[tokio::test]
    async fn a_previous_version_that_cannot_be_read_is_passed_over() {
        let cache = manager(holding(&complete().to_string()), holding("{}"));
        assert!(cache.get(Instant::now()).await.unwrap().previous.is_none());
    }

    #[tokio::test]
    async fn a_secret_that_was_never_rotated_has_no_previous_version() {
        let cache = manager(holding(&complete().to_string()), (400, NOT_FOUND.to_owned()));
        assert!(cache.get(Instant::now()).await.unwrap().previous.is_none());
    }

    #[tokio::test]
    async fn without_a_current_version_that_can_be_read_there_are_no_secrets() {
        for current in [holding("{}"), (400, NOT_FOUND.to_owned()), (400, DENIED.to_owned())] {
            let cache = manager(current, holding(&complete().to_string()));
            assert!(cache.get(Instant::now()).await.is_err());
        }
    }

    #[tokio::test]
    async fn a_previous_version_that_is_withheld_is_not_taken_for_none() {
        let cache = manager(holding(&complete().to_string()), (400, DENIED.to_owned()));
        assert!(cache.get(Instant::now()).await.is_err());
    }

    proptest! {
        #[test]
        fn debug_of_secrets_shows_none(secret in "[g-z]{12}", key in "[0-9]{64}") {
            let mut value = complete();
            value["app_secrets"] = json!([&secret]);
            value["access_token"] = json!(&secret);
            value["token_key"] = json!(&key);
            let current = SecretSet::parse(&value.to_string()).unwrap();
            let shown = format!("{:?}", Secrets { current, previous: None });
            prop_assert!(!shown.contains(&secret));
            prop_assert!(!shown.contains(&key[..8]));
        }

        #[test]
        fn no_text_makes_reading_panic(text in any::<String>()) {
            let _ = SecretSet::parse(&text);
        }
    }
}
