//! Cases whose answers are due soon, or were: an alarm goes by how many there are (Art. 12(3) GDPR).

use consent::time::Span;
use ledger::{CaseFilter, LedgerError};
use platform::logs;
use service::{Service, Work};

/// How long before its deadline a case counts as nearly due.
const NEARLY: Span = Span::days(7);

/// How many open cases are late, or nearly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Deadlines {
    overdue: u64,
    nearly_due: u64,
}

/// Measures how many cases are late, or nearly. That it cannot be told holds up nothing else.
pub(crate) async fn watch(service: &Service, work: &Work) {
    match deadlines(work).await {
        Ok(Deadlines { overdue, nearly_due }) => {
            let counts = [("cases_overdue", overdue), ("cases_nearly_due", nearly_due)];
            service.metrics.counts(counts);
        }
        Err(error) => tracing::error!(error = %logs::chain(&error), "the deadlines of cases cannot be told"),
    }
}

async fn deadlines(work: &Work) -> Result<Deadlines, LedgerError> {
    let soon = work.now + NEARLY;
    let filter = CaseFilter {
        state: None,
        due_by: Some(soon),
    };
    let (mut deadlines, mut after) = (Deadlines::default(), None);
    loop {
        let page = work.ledger.cases(filter, after).await?;
        // While the time stands still, so does the deadline.
        for (case, _) in page.cases.iter().filter(|(case, _)| !case.stands_still()) {
            match case.due_at(work.policy.controller(), work.now) {
                due_at if due_at < work.now => deadlines.overdue += 1,
                due_at if due_at <= soon => deadlines.nearly_due += 1,
                _ => {}
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(deadlines);
        }
    }
}
