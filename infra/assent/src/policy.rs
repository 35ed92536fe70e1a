//! Policies, from the command line.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use consent::policy::{Policy, PolicyFaults};
use ledger::{LedgerError, Published};
use platform::StartError;
use platform::deadline::Deadline;
use service::{NotReady, Service};

use crate::deployment;

/// How long the deployment may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("{file} cannot be read")]
    File {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The result cannot be printed.
    #[error("the result cannot be printed")]
    Print(#[from] std::io::Error),
    /// The deployment cannot be reached.
    #[error("the deployment that the environment names cannot be reached")]
    Start(#[from] StartError),
    /// The deployment's secret cannot be read.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// The ledger did not take the policy.
    #[error("the ledger did not take the policy")]
    Ledger(#[from] LedgerError),
}

/// The text of a policy.
///
/// # Errors
/// When the file cannot be read.
pub fn read(file: &Path) -> Result<String, PolicyError> {
    std::fs::read_to_string(file).map_err(|source| PolicyError::File {
        file: file.display().to_string(),
        source,
    })
}

/// Prints every fault of a policy, each with its line. True if there is none.
///
/// # Errors
/// When the file cannot be read, or nothing printed.
pub fn check(file: &Path) -> Result<bool, PolicyError> {
    let parsed = Policy::parse(&read(file)?);
    match &parsed {
        Ok(policy) => writeln!(
            std::io::stdout(),
            "{}: no faults; version {}",
            file.display(),
            policy.version()
        )?,
        Err(faults) => print(file, faults)?,
    }
    Ok(parsed.is_ok())
}

/// Puts a policy in force in the deployment that the environment names. False if it has faults.
///
/// # Errors
/// When the file cannot be read or the deployment cannot be reached.
pub async fn publish(file: &Path) -> Result<bool, PolicyError> {
    let policy = match Policy::parse(&read(file)?) {
        Ok(policy) => policy,
        Err(faults) => {
            print(file, &faults)?;
            return Ok(false);
        }
    };
    let deployment = Service::from(deployment::platform().await?);
    let ledger = deployment.ledger(Deadline::after(PATIENCE)).await?;
    let what = match ledger.publish_policy(&policy, deployment.now()).await? {
        Published::InForce => "in force",
        Published::Unchanged => "in force already",
    };
    writeln!(
        std::io::stdout(),
        "{}: version {} is {what}",
        file.display(),
        policy.version()
    )?;
    Ok(true)
}

fn print(file: &Path, faults: &PolicyFaults) -> std::io::Result<()> {
    let mut out = std::io::stderr().lock();
    for fault in faults.iter() {
        writeln!(out, "{}: {fault}", file.display())?;
    }
    Ok(())
}
