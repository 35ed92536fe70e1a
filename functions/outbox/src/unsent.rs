//! Claims under which nothing has gone out, although the table may say that somebody is sending.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use consent::id::OutgoingId;
use ledger::{ClaimId, LedgerError};

/// What this process knows better than the table: it claimed these entries, or may have, and has sent nothing since. The table would
/// not say so, because its answer to the claim got lost, or because it did not take what came of the attempt. Without this the
/// message would count as one that may have gone out, and never would.
#[derive(Debug, Default)]
pub(crate) struct Unsent(Mutex<BTreeMap<OutgoingId, ClaimId>>);

impl Unsent {
    /// By what to claim the entry: as before, if nothing has gone out since.
    pub(crate) fn claim(&self, id: &OutgoingId) -> Result<ClaimId, LedgerError> {
        let before = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        before.map_or_else(ClaimId::new, Ok)
    }

    /// Takes note that nothing has gone out under the claim.
    pub(crate) fn keep(&self, id: OutgoingId, claim: ClaimId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, claim);
    }
}
