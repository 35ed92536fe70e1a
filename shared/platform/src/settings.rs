//! The settings of a function, read once from its environment.

use std::fmt;

use lambda_http::http::Uri;

use crate::faults::{Fault, Faults};

/// Meta's Graph API in the version that the code is written for.
const GRAPH: &str = "https://graph.facebook.com/v26.0";

/// Where a function finds what it works with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `LEDGER_TABLE`: the table of contacts, evidence and all else that is not a key.
    pub ledger_table: String,
    /// `KEY_TABLE`: the table of subject keys.
    pub key_table: String,
    /// `SECRET_ID`: the name or ARN of the secret in Secrets Manager.
    pub secret_id: String,
    /// `GRAPH_BASE_URL`: the Graph API with its version; Meta's, unless set.
    pub graph_base_url: HttpUrl,
    /// `AWS_ENDPOINT_URL_DYNAMODB`: a stand-in for DynamoDB.
    pub dynamodb_endpoint: Option<HttpUrl>,
    /// `AWS_ENDPOINT_URL_SECRETS_MANAGER`: a stand-in for Secrets Manager.
    pub secrets_manager_endpoint: Option<HttpUrl>,
}

/// The settings cannot be used; the message names all that is wrong with them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment is not set up: {0}")]
pub struct SettingsError(pub Faults);

impl Settings {
    /// Reads the settings from the environment of the process.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] with everything that is missing or malformed.
    pub fn from_environment() -> Result<Self, SettingsError> {
        Self::from_lookup(environment)
    }

    /// Reads the settings from wherever `lookup` finds them by name. A blank setting counts as one that is not set.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] with everything that is missing or malformed.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let required = |name: &'static str| set(&lookup, name).ok_or(Fault::Missing(name));
        let url = |name: &'static str| set(&lookup, name).map(|text| HttpUrl::read(name, &text)).transpose();

        let mut faults = Faults::default();
        let ledger_table = faults.note(required("LEDGER_TABLE").and_then(|text| table("LEDGER_TABLE", text)));
        let key_table = faults.note(required("KEY_TABLE").and_then(|text| table("KEY_TABLE", text)));
        let secret_id = faults.note(required("SECRET_ID"));
        let graph_base_url = faults.note(url("GRAPH_BASE_URL"));
        let dynamodb_endpoint = faults.note(url("AWS_ENDPOINT_URL_DYNAMODB"));
        let secrets_manager_endpoint = faults.note(url("AWS_ENDPOINT_URL_SECRETS_MANAGER"));

        match (
            ledger_table,
            key_table,
            secret_id,
            graph_base_url,
            dynamodb_endpoint,
            secrets_manager_endpoint,
        ) {
            (
                Some(ledger_table),
                Some(key_table),
                Some(secret_id),
                Some(graph_base_url),
                Some(dynamodb_endpoint),
                Some(secrets_manager_endpoint),
            ) => Ok(Self {
                ledger_table,
                key_table,
                secret_id,
                graph_base_url: graph_base_url.unwrap_or_else(|| HttpUrl(GRAPH.into())),
                dynamodb_endpoint,
                secrets_manager_endpoint,
            }),
            _ => Err(SettingsError(faults)),
        }
    }
}

/// A setting without white space around it; none, if it is blank.
pub(crate) fn set(lookup: impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    lookup(name)
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

/// A variable of the process environment.
#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn table(name: &'static str, text: String) -> Result<String, Fault> {
    let valid = text.len() >= 3 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-:/".contains(&b));
    if valid {
        Ok(text)
    } else {
        Err(Fault::Malformed {
            name,
            form: "the name or the ARN of a DynamoDB table",
        })
    }
}

/// An `http` or `https` address without query, fragment and trailing slash, so that a path can be put behind it.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpUrl(String);

/// The text is no address that a path can be put behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an address: write {}", HttpUrl::FORM)]
pub struct InvalidUrl;

impl HttpUrl {
    const FORM: &'static str = "http:// or https://, a host and, where needed, a port and a path";

    /// Reads an address; slashes at its end are left out.
    ///
    /// # Errors
    ///
    /// [`InvalidUrl`], if the text is anything else, or holds user information, a query or a fragment.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let trimmed = text.trim_end_matches('/');
        let uri: Uri = trimmed.parse().map_err(|_| InvalidUrl)?;
        let web = matches!(uri.scheme_str(), Some("http" | "https"));
        let host = uri.host().is_some_and(|host| !host.is_empty());
        // A user would be in front of the host and a fragment is dropped by the parser, so both show in the text alone.
        if web && host && uri.query().is_none() && !trimmed.contains(['@', '#', '?']) {
            Ok(Self(trimmed.to_owned()))
        } else {
            Err(InvalidUrl)
        }
    }

    fn read(name: &'static str, text: &str) -> Result<Self, Fault> {
        Self::parse(text).map_err(|InvalidUrl| Fault::Malformed { name, form: Self::FORM })
    }

    /// The address, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether what is sent there is encrypted on its way.
    pub fn is_encrypted(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpUrl({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::from_lookup(|name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn tables_and_secret_are_enough() {
        let settings = read(&[
            ("LEDGER_TABLE", "ledger"),
            ("KEY_TABLE", "keys"),
            ("SECRET_ID", "assent"),
        ])
        .unwrap();
        assert_eq!(settings.graph_base_url.as_str(), "https://graph.facebook.com/v26.0");
        assert_eq!(settings.dynamodb_endpoint, None);
        assert_eq!(settings.secrets_manager_endpoint, None);
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once_and_no_value_is_repeated() {
        let error = read(&[
            ("LEDGER_TABLE", "  "),
            ("SECRET_ID", "assent"),
            ("KEY_TABLE", "hush hush"),
            ("GRAPH_BASE_URL", "ftp://hush"),
            ("AWS_ENDPOINT_URL_DYNAMODB", "hush:8000"),
        ])
        .unwrap_err()
        .to_string();
        for part in [
            "LEDGER_TABLE is missing",
            "KEY_TABLE is malformed: write the name",
            "GRAPH_BASE_URL is malformed: write http:// or https://",
            "AWS_ENDPOINT_URL_DYNAMODB is malformed",
        ] {
            assert!(error.contains(part), "{error}");
        }
        assert!(!error.contains("hush"), "{error}");
        assert!(!error.contains("SECRET"), "{error}");
    }

    #[test]
    fn an_address_takes_a_path_behind_it() {
        for (text, address) in [
            ("https://graph.facebook.com/v26.0/", "https://graph.facebook.com/v26.0"),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("http://127.0.0.1:8000//", "http://127.0.0.1:8000"),
        ] {
            assert_eq!(HttpUrl::parse(text).unwrap().as_str(), address);
        }
        let faulty = [
            "",
            "/",
            "https://",
            "graph.facebook.com",
            "ftp://a.b",
            "http://a.b?c=d",
            "http://a.b/#c",
            "http://a:b@c.d",
        ];
        for bad in faulty {
            assert_eq!(HttpUrl::parse(bad), Err(InvalidUrl), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in any::<String>()) {
            let _ = HttpUrl::parse(&text);
            let _ = HttpUrl::parse(&format!("https://{text}"));
            let _ = Settings::from_lookup(|_| Some(text.clone()));
        }
    }
}
