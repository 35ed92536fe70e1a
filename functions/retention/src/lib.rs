//! Purges what may no longer be kept, every hour, and leaves a signed report of each run.
//!
//! What is due is walked lane by lane and oldest first, as long as there is time. What is left of the time goes into scheduling
//! anew what is stored, if another policy has come into force. Since it runs every hour, it also says how many cases are late.

mod cases;
mod lane;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use consent::retention::{Outcome, RunEnd, RunReport};
use consent::time::Time;
use futures::future::join_all;
use ledger::LedgerError;
use ledger::purge::{Begun, Ending, Lane, Next, Rescheduled, Run};
use platform::deadline::Deadline;
use platform::logs;
use serde::Serialize;
use service::{NotReady, Service, Work};

use lane::{Stretch, Tour};

/// What is kept back of the time for the report.
const TIME_TO_REPORT: Duration = Duration::from_secs(10);

/// The function.
#[derive(Debug)]
pub struct Retention {
    service: Service,
}

/// Why nothing was purged. The next run does it.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// What every invocation needs is not at hand.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// The run could not begin, or its report could not be written; what it counted is summed up by the next one.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What came of an invocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purged {
    /// The run has ended, and this is its report.
    Run(Box<RunReport>),
    /// Another run is at work.
    Busy,
    /// Another run has taken this one for dead, and has summed it up.
    Superseded,
}

/// Whether a run may go on: until its time is up, or one of its lanes meets what stops them all.
pub(crate) struct Halt<'a> {
    has_time: &'a (dyn Fn() -> bool + Sync),
    reason: AtomicU8,
}

impl<'a> Halt<'a> {
    const NONE: u8 = 0;
    const UNKNOWN_KIND: u8 = 1;
    const SUPERSEDED: u8 = 2;

    fn new(has_time: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self {
            has_time,
            reason: AtomicU8::new(Self::NONE),
        }
    }

    fn by(&self, reason: u8) {
        self.reason.store(reason, Ordering::SeqCst);
    }

    /// Why no further step may be taken; none if it may.
    pub(crate) fn reason(&self) -> Option<RunEnd> {
        match self.reason.load(Ordering::SeqCst) {
            Self::NONE if (self.has_time)() => None,
            Self::UNKNOWN_KIND => Some(RunEnd::UnknownKind),
            _ => Some(RunEnd::OutOfTime),
        }
    }

    pub(crate) fn met_unknown_kind(&self) {
        self.by(Self::UNKNOWN_KIND);
    }

    pub(crate) fn supersede(&self) {
        self.by(Self::SUPERSEDED);
    }
}

impl Retention {
    /// A purge with that service.
    pub fn new(service: Service) -> Self {
        Self { service }
    }

    /// Runs the purge for as long as there is time.
    ///
    /// # Errors
    /// [`RetentionError`] if nothing could be done, or not be reported.
    pub async fn handle(&self, deadline: Deadline) -> Result<Purged, RetentionError> {
        let kept_back = TIME_TO_REPORT.min(deadline.remaining() / 10);
        self.handle_while(deadline, &|| deadline.allows(kept_back)).await
    }

    /// The same for as long as a condition holds.
    ///
    /// # Errors
    /// As [`Retention::handle`].
    pub async fn handle_while(
        &self,
        deadline: Deadline,
        has_time: &(dyn Fn() -> bool + Sync),
    ) -> Result<Purged, RetentionError> {
        let work = self.service.begin(deadline).await?;
        let purged = match work.ledger.begin_purge(&work.policy, work.now).await? {
            Begun::Busy => Purged::Busy,
            Begun::Run(run) => self.purge(*run, &work, has_time).await?,
        };
        self.measure(&purged);
        cases::watch(&self.service, &work).await;
        tracing::info!(?purged, "the purge has ended");
        Ok(purged)
    }

    /// Schedules what is stored by the policy in force, and purges nothing. A policy that has been in force for less than two minutes is
    /// left to a later run, because functions may still write by the one before.
    ///
    /// # Errors
    /// As [`Retention::handle`].
    pub async fn reschedule_alone(&self, deadline: Deadline) -> Result<Purged, RetentionError> {
        let work = self.service.begin(deadline).await?;
        let mut run = match work.ledger.begin_purge(&work.policy, work.now).await? {
            Begun::Busy => return Ok(Purged::Busy),
            Begun::Run(run) => *run,
        };
        let has_time = || deadline.allows(TIME_TO_REPORT);
        let halt = Halt::new(&has_time);
        let rescheduled = self.reschedule(&mut run, &work, &halt).await;
        let cursor: BTreeMap<_, _> = Lane::ALL
            .into_iter()
            .filter_map(|lane| run.cursor(lane).map(|cursor| (lane, cursor)))
            .collect();
        let ending = Ending {
            end: RunEnd::Rescheduled,
            oldest_due: oldest_due(&Lane::ALL, &cursor, &work).await,
            passed_over: rescheduled.counts,
            cursor,
        };
        self.end(run, ending, &work).await
    }

    async fn purge(
        &self,
        mut run: Run,
        work: &Work,
        has_time: &(dyn Fn() -> bool + Sync),
    ) -> Result<Purged, RetentionError> {
        let halt = Halt::new(has_time);
        let mut tour = Tour::of(walk(&run, work, &halt, |lane| lane::stretches(run.cursor(lane), work.now)).await);
        if tour.end == RunEnd::Complete {
            let rescheduled = self.reschedule(&mut run, work, &halt).await;
            if rescheduled.became_due {
                // What the first tour passed over is passed over again.
                tour = Tour::of(walk(&run, work, &halt, |_| lane::stretches(None, work.now)).await);
            }
            tour.passed_over.merge(&rescheduled.counts);
        }
        let ending = Ending {
            end: tour.end,
            oldest_due: oldest_due(&tour.unfinished, &tour.cursor, work).await,
            passed_over: tour.passed_over,
            cursor: tour.cursor,
        };
        self.end(run, ending, work).await
    }

    /// Goes on with scheduling by the policy what is stored, until that is done or the run has to stop.
    async fn reschedule(&self, run: &mut Run, work: &Work, halt: &Halt<'_>) -> Rescheduled {
        let mut so_far = Rescheduled::default();
        while so_far.next == Next::Step && halt.reason().is_none() {
            match work.ledger.reschedule(run, &work.policy, self.service.now()).await {
                Ok(step) => {
                    so_far.counts.merge(&step.counts);
                    so_far.became_due |= step.became_due;
                    so_far.next = step.next;
                    if step.next == Next::Overtaken {
                        halt.supersede();
                    }
                }
                Err(error) => {
                    tracing::warn!(error = %logs::chain(&error), "rescheduling goes on with the next run");
                    break;
                }
            }
        }
        so_far
    }

    async fn end(&self, run: Run, ending: Ending, work: &Work) -> Result<Purged, RetentionError> {
        let ended_at = self.service.now();
        let ended = work.ledger.end_purge(run, ending, &work.policy, ended_at).await?;
        Ok(ended.map_or(Purged::Superseded, |report| Purged::Run(Box::new(report))))
    }

    fn measure(&self, purged: &Purged) {
        let metrics = &self.service.metrics;
        let report = match purged {
            Purged::Run(report) => report,
            Purged::Busy => return metrics.count("purge_runs_busy", 1),
            Purged::Superseded => return metrics.count("purge_runs_superseded", 1),
        };
        metrics.count(run_metric(report.end), 1);
        if report.end == RunEnd::UnknownKind {
            metrics.count("purge_unknown_kind", 1);
        }
        let mut by_name = BTreeMap::new();
        for (_, outcome, amount) in report.counts.iter() {
            if let Some(name) = outcome_metric(outcome) {
                *by_name.entry(name).or_insert(0) += amount;
            }
        }
        metrics.counts(by_name);
        // Whole seconds of even a thousand years are exact.
        let lag = Duration::from_secs(report.lag_seconds.try_into().unwrap_or(0));
        metrics.seconds("purge_lag_seconds", lag.as_secs_f64());
    }
}

fn run_metric(end: RunEnd) -> &'static str {
    match end {
        RunEnd::Complete => "purge_runs_complete",
        RunEnd::OutOfTime => "purge_runs_out_of_time",
        RunEnd::UnknownKind => "purge_runs_unknown_kind",
        RunEnd::Unavailable => "purge_runs_unavailable",
        RunEnd::Rescheduled => "purge_runs_rescheduled",
        RunEnd::Died => "purge_runs_died",
    }
}

fn outcome_metric(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Deleted => Some("purge_deleted"),
        Outcome::Reduced => Some("purge_reduced"),
        Outcome::LegalHold | Outcome::Restricted => Some("purge_held"),
        Outcome::Failed => Some("purge_failed"),
        Outcome::SetAside => Some("purge_set_aside"),
        Outcome::Trimmed | Outcome::Rescheduled => None,
    }
}

/// Walks all lanes at the same time.
async fn walk(
    run: &Run,
    work: &Work,
    halt: &Halt<'_>,
    way: impl Fn(Lane) -> Vec<Stretch>,
) -> Vec<(Lane, lane::LaneEnd)> {
    let lanes = Lane::ALL
        .into_iter()
        .map(|lane| lane::walk(lane, way(lane), run, work, halt));
    join_all(lanes).await
}

/// The oldest due time that is left and that nothing but time stands against.
async fn oldest_due(
    unfinished: impl IntoIterator<Item = &Lane>,
    cursor: &BTreeMap<Lane, Time>,
    work: &Work,
) -> Option<Time> {
    let lanes = unfinished.into_iter().map(async |lane| {
        let oldest = work.ledger.oldest_due(*lane, work.now).await;
        // Where it cannot be found out, the lane got as far as this.
        oldest.unwrap_or_else(|_| cursor.get(lane).copied())
    });
    join_all(lanes).await.into_iter().flatten().min()
}
