//! Retention, from the command line.

mod preview;
mod report;
mod schedule;

use std::io::Write;
use std::time::Duration;

use consent::time::{Span, Time};
use ledger::LedgerError;
use ledger::purge::SignedRun;
use platform::StartError;
use platform::deadline::Deadline;
use retention::{Purged, Retention};
use service::{NotReady, Service, Work};

use crate::deployment;

pub use schedule::table;

/// How long a command may work on the deployment. What it does is done in steps, so that it can be given again.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// How far back the last run is looked for.
const LOOKED_BACK: Span = Span::days(30);

/// How many reports are read in one go.
const PAGE: i32 = 100;

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
    /// The purge failed.
    #[error("nothing was rescheduled, or not reported; the command can be given again")]
    Purge(#[from] retention::RetentionError),
    /// The result cannot be printed.
    #[error("the result cannot be printed")]
    Print(#[from] std::io::Error),
}

/// The deployment that the environment names.
async fn deployment() -> Result<Service, RetentionError> {
    Ok(Service::from(deployment::platform().await?))
}

/// Begins to work on the deployment.
async fn begin() -> Result<Work, RetentionError> {
    Ok(deployment().await?.begin(Deadline::after(PATIENCE)).await?)
}

/// Prints what a purge at that time would do, and why. Nothing is changed.
///
/// # Errors
/// When the deployment cannot be reached or the ledger fails.
pub async fn preview(at: Time) -> Result<(), RetentionError> {
    let work = begin().await?;
    print(&preview::text(&work, at).await?)
}

/// Prints the report of the last run of the purge. False if its signature is not the ledger's own, or there is none.
///
/// # Errors
/// When the deployment cannot be reached or the ledger fails.
pub async fn report() -> Result<bool, RetentionError> {
    let work = begin().await?;
    let last = last_run(&work).await?;
    match &last {
        Some(run) => print(&report::text(run))?,
        None => print("The purge has not run in the last 30 days.\n")?,
    }
    Ok(last.is_some_and(|run| run.signature_valid))
}

async fn last_run(work: &Work) -> Result<Option<SignedRun>, RetentionError> {
    let (mut last, mut cursor) = (None, None);
    loop {
        let from = work.now - LOOKED_BACK;
        let page = work.ledger.purge_runs(from, cursor.as_deref(), PAGE, work.now).await?;
        last = page.runs.into_iter().next_back().or(last);
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok(last);
        }
    }
}

fn print(text: &str) -> Result<(), RetentionError> {
    Ok(write!(std::io::stdout(), "{text}")?)
}

/// Schedules what is stored by the policy in force, and prints the report of it. False if another run is at work or the time was
/// not enough.
///
/// # Errors
/// When the deployment cannot be reached or the ledger fails.
pub async fn reschedule() -> Result<bool, RetentionError> {
    let retention = Retention::new(deployment().await?);
    let report = match retention.reschedule_alone(Deadline::after(PATIENCE)).await? {
        Purged::Run(report) => report,
        Purged::Busy | Purged::Superseded => {
            print("Another run of the purge is at work: give the command again when it has ended.\n")?;
            return Ok(false);
        }
    };
    print(&report::table(&report))?;
    if !report.scheduled_by_policy {
        print(
            "\nNot everything is scheduled by the policy yet. It must have been in force for two minutes; then give the command again, or leave it to the purge.\n",
        )?;
    }
    Ok(report.scheduled_by_policy)
}

/// Erases again whom a restored backup has brought back, and prints what that came to.
///
/// # Errors
/// When the deployment cannot be reached or the ledger fails.
pub async fn replay_erasures() -> Result<(), RetentionError> {
    let work = begin().await?;
    let report = work.ledger.replay_erasures(&work.rules()).await?;
    print(&format!(
        "{} entries in the erasure register: {} contacts erased again, {} not there or back on their own\n",
        report.entries, report.erased_again, report.already
    ))
}
