//! The purge, as the tables see it: what is due, what is done with it, and what each run leaves behind.
//!
//! A run has the purge to itself for as long as its lease. It walks the lanes of the index `due` at the same time, looks at each
//! record anew, and does what is to be done in the transaction that counts it. The counts stand in one item for each lane, which
//! must be there: once another run has summed up what this one left, nothing of this one can be written any more. So a run may
//! die anywhere, and nothing is lost or counted twice.

mod carry_out;
mod due;
mod preview;
mod reschedule;
mod run;

pub use carry_out::Handled;
pub use due::{Due, Lane, Look, Walk};
pub use preview::{Preview, Previewed};
pub use reschedule::{Next, Rescheduled};
pub use run::{Begun, Ending, Run, RunPage, SignedRun};

use crate::error::LedgerError;
use crate::store::Ledger;

/// How often something is tried while DynamoDB is busy or away, beside what its client does.
const ATTEMPTS: u32 = 5;

impl Ledger {
    /// Does something that may be done again, until it succeeds or DynamoDB stays away.
    async fn patiently<T, W: Future<Output = Result<T, LedgerError>>>(
        &self,
        what: &'static str,
        work: impl Fn() -> W,
    ) -> Result<T, LedgerError> {
        for attempt in 1..ATTEMPTS {
            match work().await {
                Err(error) if is_passing(&error) => self.back_off(attempt, what).await?,
                other => return other,
            }
        }
        work().await
    }
}

/// Whether it may be better in a moment.
fn is_passing(error: &LedgerError) -> bool {
    matches!(error, LedgerError::Unavailable { .. } | LedgerError::Contended { .. }) && !lies_in_the_record(error)
}

/// Whether the record itself is the reason, so that it will be no better next time.
fn lies_in_the_record(error: &LedgerError) -> bool {
    match error {
        LedgerError::Corrupt { .. } | LedgerError::Sealed => true,
        LedgerError::Unavailable { code, .. } => matches!(
            code.as_str(),
            "ValidationException" | "ValidationError" | "ItemCollectionSizeLimitExceeded" | "request not built"
        ),
        LedgerError::OutOfTime { .. } | LedgerError::Contended { .. } | LedgerError::NoEntropy => false,
    }
}
