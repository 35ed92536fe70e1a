//! Checks every campaign that is about to start, the nearest first, and holds what must not be sent.
//!
//! Several of these may run at once: they share the work on one audience and never do the same part of it twice. What one of them
//! leaves undone, because its time is up or because it died, another one does.

use std::time::Duration;

use consent::campaign::{Clearance, State};
use consent::id::CampaignId;
use consent::policy::Mode;
use ledger::{CheckOutcome, LedgerError, StoredCampaign};
use platform::deadline::Deadline;
use platform::logs;
use serde::Serialize;
use service::{NotReady, Service, Work, health};
use whatsapp::graph::Graph;

/// What is kept back of the time for the end of a check.
const TIME_TO_END: Duration = Duration::from_secs(10);

/// The function.
#[derive(Debug)]
pub struct CampaignCheck {
    service: Service,
    graph: Graph,
}

/// Why nothing could be checked. The next run does it.
#[derive(Debug, thiserror::Error)]
pub enum CampaignCheckError {
    /// What every invocation needs is not at hand.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// The campaigns that are due could not be found.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What an invocation came to: how many campaigns ended in which way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Round {
    /// They were checked to the end.
    pub checked: u64,
    /// Others are at work on them, or the time was up: they go on.
    pub unfinished: u64,
    /// Their last verdict is good for now.
    pub not_due: u64,
    /// Their time is over; they are left to the purge.
    pub retired: u64,
    /// They failed, which is logged. The next run tries again.
    pub failed: u64,
    /// Of all these, those that are held.
    pub held: u64,
    /// Of all these, those that are blocked.
    pub blocked: u64,
}

impl CampaignCheck {
    /// A check with that service, which asks Meta there how an account and a template are.
    pub fn new(service: Service, graph: Graph) -> Self {
        Self { service, graph }
    }

    /// Checks what is due for as long as there is time.
    ///
    /// # Errors
    /// [`CampaignCheckError`] if nothing could be done.
    pub async fn handle(&self, deadline: Deadline) -> Result<Round, CampaignCheckError> {
        let kept_back = TIME_TO_END.min(deadline.remaining() / 10);
        self.handle_while(deadline, &|| deadline.allows(kept_back)).await
    }

    /// The same for as long as a condition holds.
    ///
    /// # Errors
    /// As [`CampaignCheck::handle`].
    pub async fn handle_while(
        &self,
        deadline: Deadline,
        has_time: &(dyn Fn() -> bool + Sync),
    ) -> Result<Round, CampaignCheckError> {
        let work = self.service.begin(deadline).await?;
        let mut round = Round::default();
        for id in work.ledger.campaigns_due(&work.policy, work.now).await? {
            if !has_time() {
                round.unfinished += 1;
                continue;
            }
            if let Err(error) = self.take(&id, &work, has_time, &mut round).await {
                tracing::error!(campaign = %id, error = %logs::chain(&error), "a campaign could not be checked");
                round.failed += 1;
            }
        }
        self.measure(&round);
        tracing::info!(?round, "the campaigns are checked");
        Ok(round)
    }

    async fn take(
        &self,
        id: &CampaignId,
        work: &Work,
        has_time: &(dyn Fn() -> bool + Sync),
        round: &mut Round,
    ) -> Result<(), LedgerError> {
        let now = self.service.now();
        let Some(stored) = work.ledger.campaign(id).await? else {
            return Ok(());
        };
        if stored.campaign.state(now) == State::Over {
            round.retired += u64::from(work.ledger.retire_campaign(&stored, &work.policy).await?);
            return Ok(());
        }
        if stored.campaign.check_due(&work.policy, now).is_none() {
            round.not_due += 1;
            round.count(&stored, work);
            return Ok(());
        }
        let health = health::known(work, &self.graph, &stored.campaign.plan).await?;
        let usage = work.ledger.usage(now).await?;
        let clock = || self.service.now();
        let checked = work
            .ledger
            .check_campaign(id, None, &health, Some(usage), &work.policy, &clock, has_time);
        match checked.await? {
            CheckOutcome::Finished(checked) => {
                round.checked += 1;
                round.count(&checked, work);
            }
            CheckOutcome::Busy | CheckOutcome::OutOfTime => {
                round.unfinished += 1;
                round.count(&stored, work);
            }
            CheckOutcome::NotDue => {
                round.not_due += 1;
                round.count(&stored, work);
            }
            CheckOutcome::NoCampaign => {}
        }
        Ok(())
    }

    fn measure(&self, round: &Round) {
        self.service.metrics.counts([
            ("campaigns_checked", round.checked),
            ("campaigns_held", round.held),
            ("campaigns_blocked", round.blocked),
            ("campaign_checks_failed", round.failed),
        ]);
    }
}

impl Round {
    /// Counts what a campaign's verdict stops, for as long as it does. One that only observes raises no alarm.
    fn count(&mut self, stored: &StoredCampaign, work: &Work) {
        let campaign = &stored.campaign;
        if campaign.plan.mode(&work.policy) == Mode::Observe {
            return;
        }
        match campaign.verdict.as_ref().map(|verdict| verdict.clearance) {
            Some(Clearance::Held) => self.held += 1,
            Some(Clearance::Blocked) => self.blocked += 1,
            None | Some(Clearance::Cleared | Clearance::ClearedWithExclusions) => {}
        }
    }
}
