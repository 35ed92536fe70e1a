//! One step of a case: take it, and then let the message out that follows from it.

use consent::case::{Case, CaseStep, Code};
use consent::evidence::Actor;
use consent::id::{CaseId, ContactId};
use consent::time::Time;
use ledger::{ClaimedStep, NewCase, Opened, OutboxChange, OutboxState, Settled, Stepped};
use service::Work;

use crate::process::Outcome;
use crate::verdict::Dropped;
use crate::{Outbox, OutboxError};

impl Outbox {
    /// Takes a step that the caller has claimed. Taken again it changes nothing, so whatever fails leaves it to the next attempt.
    pub(crate) async fn take_step(&self, claimed: &ClaimedStep, work: &Work) -> Result<Outcome, OutboxError> {
        match &claimed.pending.step {
            CaseStep::Opened { case } => {
                if !self.open_case(case, &claimed.contact, work).await? {
                    return self.drop_step(claimed, work).await;
                }
            }
            CaseStep::ItIsMe { case, at, with_code } => self.show(case, *at, *with_code, work).await?,
        }
        let is_done = work.ledger.conclude_step(claimed, work.now).await?;
        Ok(if is_done { Outcome::Sent } else { Outcome::NotDue })
    }

    /// Opens the case of a demand. False if the contact was erased, and with it whose demand it is.
    async fn open_case(&self, case: &Case, contact: &ContactId, work: &Work) -> Result<bool, OutboxError> {
        let Some(subject) = work.ledger.read(contact).await? else {
            return Ok(false);
        };
        let new = NewCase {
            case: case.clone(),
            recipient: subject.identity,
            source: None,
            actor: Actor::Contact,
        };
        if let Opened::Now(_) = work.ledger.open_case(&new, &work.policy, work.now).await? {
            self.service.metrics.count("cases_opened", 1);
        }
        Ok(true)
    }

    /// Takes note of whose the demand is, and of the code that they are sent.
    async fn show(&self, case: &CaseId, at: Time, with_code: bool, work: &Work) -> Result<(), OutboxError> {
        let Some(stored) = work.ledger.case(case).await? else {
            return Ok(());
        };
        // Whoever demanded the same twice means the case that is open.
        let id = stored.case.duplicate_of.unwrap_or(*case);
        let key = work.token_key();
        let code = with_code.then(|| Code::of(case, at, &key).hash(&id, &key));
        let show = |case: &mut Case| {
            if let Err(too_many) = case.tap(code, at)? {
                tracing::warn!(error = %too_many, "a code is not good");
            }
            Ok(())
        };
        let shown = work.ledger.step_case(&id, show, None, &work.policy, work.now).await?;
        if matches!(shown, Stepped::Taken(_)) {
            self.service.metrics.count("identities_shown", 1);
        }
        Ok(())
    }

    async fn drop_step(&self, claimed: &ClaimedStep, work: &Work) -> Result<Outcome, OutboxError> {
        let (reason, metric) = Dropped::ContactGone.names();
        let change = OutboxChange {
            id: claimed.pending.id,
            attempt: Some(claimed.attempt),
            settled: Settled::Ended(OutboxState::Dropped, reason),
            at: work.now,
        };
        work.ledger.close(&change).await?;
        self.service.metrics.count(metric, 1);
        self.service.metrics.count("outbox_dropped", 1);
        tracing::info!(outgoing = %claimed.pending.id, reason, "a step of a case was not to be taken any more");
        Ok(Outcome::Dropped)
    }
}
