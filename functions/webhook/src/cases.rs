//! What people do in the chat about their cases.

use consent::case::{Case, CaseStep};
use consent::evidence::Actor;
use identity::Identifiers;
use ledger::{LedgerError, NewCase, Opened, Stepped};
use platform::metrics::Metrics;
use service::Work;

/// Opens the case of a demand, or takes note of whose it is. Doing it again changes nothing.
pub(crate) async fn carry_out(
    step: CaseStep,
    who: &Identifiers,
    work: &Work,
    metrics: &Metrics,
) -> Result<(), LedgerError> {
    match step {
        CaseStep::Opened(case) => {
            let new = NewCase {
                case: *case,
                recipient: who.clone(),
                source: None,
                actor: Actor::Contact,
            };
            if let Opened::Now(_) = work.ledger.open_case(&new, &work.policy, work.now).await? {
                metrics.count("cases_opened", 1);
            }
        }
        CaseStep::ItIsMe { case, at, code } => {
            let Some(stored) = work.ledger.case(&case).await? else {
                return Ok(());
            };
            // Whoever demanded the same twice means the case that is open.
            let id = stored.case.duplicate_of.unwrap_or(case);
            let code = code.map(|code| code.hash(&id, &work.token_key()));
            let show = |case: &mut Case| {
                if let Err(too_many) = case.tap(code, at)? {
                    tracing::warn!(error = %too_many, "a code is not good");
                }
                Ok(())
            };
            let shown = work.ledger.step_case(&id, show, None, &work.policy, work.now).await?;
            if matches!(shown, Stepped::Taken(_)) {
                metrics.count("identities_shown", 1);
            }
        }
    }
    Ok(())
}
