//! Who calls AWS: in which region, and with which credentials.

use aws_sdk_dynamodb::config::{Credentials, Region, SharedCredentialsProvider};
use aws_types::SdkConfig;

use crate::faults::{Fault, Faults};
use crate::settings::{SettingsError, set};

/// Whoever signs requests to AWS.
#[derive(Debug, Clone)]
pub struct Caller {
    pub(crate) region: Region,
    pub(crate) credentials: SharedCredentialsProvider,
}

impl Caller {
    /// A function, which Lambda tells who it is by its environment, once for as long as it runs. Nothing else is looked at: the places where
    /// AWS's tools look on other machines cost a start more than all the rest of its clients.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] with everything that is missing.
    pub fn of_function(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut faults = Faults::default();
        let mut required = |name| faults.note(set(&lookup, name).ok_or(Fault::Missing(name)));
        let (region, id, secret) = (
            required("AWS_REGION"),
            required("AWS_ACCESS_KEY_ID"),
            required("AWS_SECRET_ACCESS_KEY"),
        );
        let (Some(region), Some(id), Some(secret)) = (region, id, secret) else {
            return Err(SettingsError(faults));
        };
        let token = set(&lookup, "AWS_SESSION_TOKEN");
        Ok(Self {
            region: Region::new(region),
            credentials: SharedCredentialsProvider::new(Credentials::new(id, secret, token, None, "environment")),
        })
    }

    /// A person, whom AWS's own rules have found.
    ///
    /// # Errors
    ///
    /// [`SettingsError`], if they have found no region or nobody.
    pub fn of_person(found: &SdkConfig) -> Result<Self, SettingsError> {
        let missing = |name| SettingsError(Fault::Missing(name).into());
        Ok(Self {
            region: found.region().cloned().ok_or_else(|| missing("AWS_REGION"))?,
            credentials: found
                .credentials_provider()
                .ok_or_else(|| missing("AWS_ACCESS_KEY_ID"))?,
        })
    }

    /// Anybody: stand-ins on this machine ask for no credentials, but no request can do without any.
    pub fn local() -> Self {
        let nobody = Credentials::new("local", "local", None, None, "local stack");
        Self {
            region: Region::from_static("eu-central-1"),
            credentials: SharedCredentialsProvider::new(nobody),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::ProvideCredentials;

    use super::*;

    fn lambda(name: &str) -> Option<String> {
        let value = match name {
            "AWS_REGION" => "eu-central-1",
            "AWS_ACCESS_KEY_ID" => "AKIA",
            "AWS_SECRET_ACCESS_KEY" => "wJalr",
            "AWS_SESSION_TOKEN" => "IQoJb",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[tokio::test]
    async fn a_function_is_who_lambda_says_it_is() {
        let caller = Caller::of_function(lambda).unwrap();
        let credentials = caller.credentials.provide_credentials().await.unwrap();
        assert_eq!(credentials.access_key_id(), "AKIA");
        assert_eq!(credentials.secret_access_key(), "wJalr");
        assert_eq!(credentials.session_token(), Some("IQoJb"));
        assert_eq!(caller.region.as_ref(), "eu-central-1");
    }

    #[test]
    fn a_function_that_nobody_told_who_it_is_names_all_that_is_missing() {
        let error = Caller::of_function(|name| (name == "AWS_REGION").then(|| " ".to_owned())).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the environment is not set up: AWS_REGION is missing; AWS_ACCESS_KEY_ID is missing; \
             AWS_SECRET_ACCESS_KEY is missing"
        );
    }
}
