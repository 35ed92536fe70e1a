//! Retention, from the command line.

mod schedule;

use std::io::Write;
use std::time::Duration;

use ledger::LedgerError;
use platform::StartError;
use platform::deadline::Deadline;
use service::{NotReady, Service, Work};

pub use schedule::table;

/// How long a command may work on the deployment. What it does is done in steps, so that it can be given again.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// The deployment cannot be reached.
    #[error("the deployment that the environment names cannot be reached")]
    Start(#[from] StartError),
    /// What every function needs is not at hand.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// The ledger failed.
    #[error("the ledger failed; the command can be given again")]
    Ledger(#[from] LedgerError),
    /// The result cannot be printed.
    #[error("the result cannot be printed")]
    Print(#[from] std::io::Error),
}

/// Begins to work on the deployment that the environment names.
async fn begin() -> Result<Work, RetentionError> {
    let deployment = Service::from(platform::start("assent").await?);
    Ok(deployment.begin(Deadline::after(PATIENCE)).await?)
}

/// Erases again whom a restored backup has brought back, and prints what that came to.
///
/// # Errors
/// When the deployment cannot be reached or the ledger fails.
pub async fn replay_erasures() -> Result<(), RetentionError> {
    let work = begin().await?;
    let report = work.ledger.replay_erasures(&work.rules()).await?;
    writeln!(
        std::io::stdout(),
        "{} entries in the erasure register: {} contacts erased again, {} not there or back on their own",
        report.entries,
        report.erased_again,
        report.already
    )?;
    Ok(())
}
