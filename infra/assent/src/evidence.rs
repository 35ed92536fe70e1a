//! Evidence that was exported, from the command line.

use std::io::Write;
use std::path::Path;

use consent::copy::Copy;
use consent::evidence::ChainKey;
use platform::secrets::{SecretError, SecretSet};

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// A file cannot be read.
    #[error("{file} cannot be read")]
    File {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no copy.
    #[error("{file} is no copy as it was exported: it must be the JSON file, unchanged")]
    NoCopy {
        /// The file.
        file: String,
        /// Where it is something else.
        source: serde_json::Error,
    },
    /// The secret cannot be used.
    #[error("the secret cannot be used")]
    Secret(#[from] SecretError),
    /// The result cannot be printed.
    #[error("the result cannot be printed")]
    Print(#[from] std::io::Error),
}

/// Prints whether the evidence in a copy is complete and unchanged. With the deployment's secret, which is the JSON object that
/// Secrets Manager holds, every link is computed anew. True if nothing is wrong.
///
/// # Errors
/// When a file cannot be read, or nothing printed.
pub fn verify(file: &Path, secret: Option<&Path>) -> Result<bool, EvidenceError> {
    let text = read(file)?;
    let copy: Copy = serde_json::from_str(&text).map_err(|source| EvidenceError::NoCopy {
        file: file.display().to_string(),
        source,
    })?;
    let secret = secret.map(read).transpose()?;
    let key = secret.map(|secret| SecretSet::parse(&secret)).transpose()?;
    let key = key.map(|secret| ChainKey::from_bytes(*secret.pseudonym_key.chain_key().as_bytes()));
    let verified = copy.verify(key.as_ref());
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "A copy of {}: {} events, {} notices.",
        copy.made_at, verified.events, verified.notices
    )?;
    for finding in &verified.findings {
        writeln!(out, "✗ {finding}")?;
    }
    let is_sound = verified.findings.is_empty();
    match (is_sound, &key) {
        (true, Some(_)) => writeln!(
            out,
            "✓ Every record is as the ledger wrote it, none is missing, and every notice has the words of its name."
        )?,
        (true, None) => writeln!(
            out,
            "✓ The events follow each other without a gap and every notice has the words of its name. Whether a record was \
             changed shows only with the ledger's key: give the secret with --secret."
        )?,
        (false, _) => writeln!(out, "The copy is not as the ledger made it.")?,
    }
    Ok(is_sound)
}

fn read(file: &Path) -> Result<String, EvidenceError> {
    std::fs::read_to_string(file).map_err(|source| EvidenceError::File {
        file: file.display().to_string(),
        source,
    })
}

/// Prints the JSON Schema of a copy.
///
/// # Errors
/// When it cannot be printed.
pub fn schema() -> Result<(), EvidenceError> {
    Ok(write!(std::io::stdout(), "{}", consent::copy::JSON_SCHEMA)?)
}
