//! Secrets for the local stack: made up at the first start, and kept beside the data if the data is kept.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use identity::random_bytes;
use platform::secrets::{SecretError, SecretSet};
use serde::{Deserialize, Serialize};

/// The secret, in the form in which Secrets Manager would hold it.
#[derive(Clone, Serialize, Deserialize)]
pub struct LocalSecrets {
    app_secrets: Vec<String>,
    verify_token: String,
    access_token: String,
    pseudonym_key: String,
    sealing_key: String,
    token_key: String,
}

impl std::fmt::Debug for LocalSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalSecrets([redacted])")
    }
}

/// Why there are no secrets.
#[derive(Debug, thiserror::Error)]
pub enum LocalSecretsError {
    /// The file beside the data cannot be read or written.
    #[error("secrets.json in the data directory cannot be read or written")]
    File(#[from] std::io::Error),
    /// The file holds something else.
    #[error(
        "secrets.json in the data directory is not as it was written; restore it, or begin with an empty directory"
    )]
    Form,
    /// A secret has a fault.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The system has no randomness to give.
    #[error(transparent)]
    NoEntropy(#[from] identity::NoEntropy),
}

impl LocalSecrets {
    /// The secrets kept in the directory, or new ones, which are kept there from now on.
    ///
    /// # Errors
    /// When the file cannot be read or written, or the system has no randomness.
    pub fn in_directory(directory: Option<&Path>) -> Result<Self, LocalSecretsError> {
        let Some(directory) = directory else {
            return Self::made_up();
        };
        fs::create_dir_all(directory)?;
        let file = directory.join("secrets.json");
        match fs::read(&file) {
            Ok(kept) => serde_json::from_slice(&kept).map_err(|_| LocalSecretsError::Form),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let secrets = Self::made_up()?;
                let text = serde_json::to_vec_pretty(&secrets).map_err(|_| LocalSecretsError::Form)?;
                let mut file = fs::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(file)?;
                file.write_all(&text)?;
                Ok(secrets)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn made_up() -> Result<Self, LocalSecretsError> {
        let key = || random_bytes::<32>().map(hex::encode);
        let word = || random_bytes::<16>().map(hex::encode);
        Ok(Self {
            app_secrets: vec![word()?],
            verify_token: word()?,
            access_token: word()?,
            pseudonym_key: key()?,
            sealing_key: key()?,
            token_key: key()?,
        })
    }

    /// The same with the secrets that were given in place of those that were made up.
    #[must_use]
    pub fn with(mut self, app_secret: Option<String>, verify_token: Option<String>) -> Self {
        if let Some(app_secret) = app_secret {
            self.app_secrets = vec![app_secret];
        }
        if let Some(verify_token) = verify_token {
            self.verify_token = verify_token;
        }
        self
    }

    /// The app secret that webhooks are signed with.
    pub fn app_secret(&self) -> &str {
        self.app_secrets.first().map_or("", String::as_str)
    }

    /// The token of the handshake.
    pub fn verify_token(&self) -> &str {
        &self.verify_token
    }

    /// The token that the Graph API is called with.
    pub fn access_token(&self) -> &str {
        &self.access_token
    }

    /// The secrets as functions hold them.
    ///
    /// # Errors
    /// When one of them has a fault, such as being blank.
    pub fn parsed(&self) -> Result<SecretSet, LocalSecretsError> {
        let text = serde_json::to_string(self).map_err(|_| LocalSecretsError::Form)?;
        Ok(SecretSet::parse(&text)?)
    }
}
