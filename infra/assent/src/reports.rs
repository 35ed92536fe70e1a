//! Reports of a deployment, from the command line: they take the time that they need.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use consent::digest::{InvalidWeek, Week};
use consent::time::Span;
use ledger::LedgerError;
use platform::StartError;
use platform::deadline::Deadline;
use rights::digest;
use service::{NotReady, Service, Work};

use crate::breach::{self, Backwards, Breach};
use crate::deployment;
use crate::documents::{DocumentError, store};

/// How long a report may take.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The deployment cannot be reached.
    #[error("the deployment that the environment names cannot be reached")]
    Start(#[from] StartError),
    /// What every function needs is not at hand.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// The ledger failed.
    #[error("the ledger failed; nothing was changed, so the command can be given again")]
    Ledger(#[from] LedgerError),
    /// The week is none.
    #[error(transparent)]
    Week(#[from] InvalidWeek),
    /// The breach is impossible.
    #[error(transparent)]
    Backwards(#[from] Backwards),
    /// A document cannot be written.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The result cannot be printed.
    #[error("the result cannot be printed")]
    Print(#[from] std::io::Error),
}

async fn begin() -> Result<Work, ReportError> {
    let service = Service::from(deployment::platform().await?);
    Ok(service.begin(Deadline::after(PATIENCE)).await?)
}

/// Writes the figures of a week into a folder; of the last week that has ended if none is named.
///
/// # Errors
/// When the deployment cannot be reached, the ledger fails, or something cannot be written.
pub async fn write_digest(week: Option<Week>, folder: &Path) -> Result<(), ReportError> {
    let work = begin().await?;
    let week = week.or_else(|| Week::of(work.now - Span::days(7))).ok_or(InvalidWeek)?;
    let weekly = digest::weekly(&work, week).await?;
    for path in store(folder, &format!("digest.{week}"), &digest::document(&weekly))? {
        writeln!(std::io::stdout(), "{}", path.display())?;
    }
    Ok(())
}

/// Lists whom a breach concerns, and fills in the forms.
///
/// # Errors
/// When the breach is impossible, the deployment cannot be reached, the ledger fails, or something cannot be written.
pub async fn write_breach(breach: Breach, folder: &Path) -> Result<(), ReportError> {
    breach.check()?;
    let work = begin().await?;
    let affected = breach::affected(&work, &breach).await?;
    Ok(breach::write(folder, &breach, &affected, &work.policy)?)
}
