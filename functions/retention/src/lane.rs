//! One lane of a run: a record after the other, oldest first.

use std::collections::{BTreeMap, BTreeSet};

use consent::retention::{Counts, Outcome, RunEnd};
use consent::time::Time;
use ledger::LedgerError;
use ledger::purge::{Handled, Lane, Run, Walk};
use platform::logs;
use service::Work;

use crate::Halt;

/// A part of a lane, from one due time to another.
pub(crate) type Stretch = (Time, Time);

/// The way through a lane: from where the last run stopped to the end, and then what lies before.
pub(crate) fn stretches(cursor: Option<Time>, now: Time) -> Vec<Stretch> {
    match cursor {
        None => vec![(Time::EPOCH, now)],
        Some(cursor) => vec![(cursor, now), (Time::EPOCH, cursor)],
    }
}

/// How far a lane came.
#[derive(Debug)]
pub(crate) struct LaneEnd {
    end: RunEnd,
    /// From which due time on the next run goes on.
    cursor: Option<Time>,
    passed_over: Counts,
    /// Whether something is left that was due.
    has_left: bool,
}

/// How far all lanes came.
#[derive(Debug)]
pub(crate) struct Tour {
    pub(crate) end: RunEnd,
    pub(crate) cursor: BTreeMap<Lane, Time>,
    pub(crate) passed_over: Counts,
    /// The lanes in which something is left that is due.
    pub(crate) unfinished: BTreeSet<Lane>,
}

impl Tour {
    pub(crate) fn of(lanes: Vec<(Lane, LaneEnd)>) -> Self {
        let mut tour = Self {
            end: RunEnd::Complete,
            cursor: BTreeMap::new(),
            passed_over: Counts::default(),
            unfinished: BTreeSet::new(),
        };
        for (lane, lane_end) in lanes {
            if severity(lane_end.end) > severity(tour.end) {
                tour.end = lane_end.end;
            }
            tour.passed_over.merge(&lane_end.passed_over);
            if lane_end.has_left || lane_end.cursor.is_some() {
                tour.unfinished.insert(lane);
            }
            tour.cursor.extend(lane_end.cursor.map(|cursor| (lane, cursor)));
        }
        tour
    }
}

/// Which of two ends the report names.
fn severity(end: RunEnd) -> u8 {
    match end {
        RunEnd::Complete | RunEnd::Rescheduled => 0,
        RunEnd::OutOfTime => 1,
        RunEnd::Unavailable => 2,
        RunEnd::UnknownKind | RunEnd::Died => 3,
    }
}

/// Walks a lane until its end, or until the run has to stop.
pub(crate) async fn walk(
    lane: Lane,
    stretches: Vec<Stretch>,
    run: &Run,
    work: &Work,
    halt: &Halt<'_>,
) -> (Lane, LaneEnd) {
    let mut so_far = LaneEnd {
        end: RunEnd::Complete,
        cursor: None,
        passed_over: Counts::default(),
        has_left: false,
    };
    for (from, to) in stretches {
        let stopped = so_far.go(lane, Walk::new(lane, from, to), run, work, halt).await;
        if let Err((end, reached)) = stopped {
            so_far.end = end;
            so_far.cursor = Some(reached);
            break;
        }
    }
    (lane, so_far)
}

impl LaneEnd {
    /// Walks a part of the lane. The error says why it stopped, and where.
    async fn go(
        &mut self,
        lane: Lane,
        walk: Walk,
        run: &Run,
        work: &Work,
        halt: &Halt<'_>,
    ) -> Result<(), (RunEnd, Time)> {
        let mut next = Some(walk);
        while let Some(walk) = next {
            let reached = walk.reached();
            if let Some(end) = halt.reason() {
                return Err((end, reached));
            }
            let looked = work.ledger.look(&walk).await;
            let look = looked
                .map_err(|error| (stopped_by(lane, &error), reached))?
                .due(work.now);
            if look.met_unknown_kind {
                tracing::error!(%lane, "the retention schedule has no line for a record that is due; the run stops");
                halt.met_unknown_kind();
                return Err((RunEnd::UnknownKind, reached));
            }
            next = look.rest;
            for due in look.records {
                if let Some(end) = halt.reason() {
                    return Err((end, due.due_at));
                }
                let (kind, due_at) = (due.kind, due.due_at);
                match work.ledger.purge_record(run, lane, due, &work.policy, work.now).await {
                    Ok(Handled::Done) => {}
                    Ok(Handled::Held) => self.passed_over.add(kind, Outcome::LegalHold, 1),
                    Ok(Handled::SetAside) => {
                        tracing::error!(%lane, %kind, "a record failed too often and is set aside")
                    }
                    Ok(Handled::Failed | Handled::Left) => self.has_left = true,
                    Ok(Handled::Superseded) => {
                        halt.supersede();
                        return Err((RunEnd::OutOfTime, due_at));
                    }
                    // Others keep changing it. That is no reason to leave the rest.
                    Err(LedgerError::Contended { .. }) => self.has_left = true,
                    Err(error) => return Err((stopped_by(lane, &error), due_at)),
                }
            }
        }
        Ok(())
    }
}

fn stopped_by(lane: Lane, error: &LedgerError) -> RunEnd {
    if let LedgerError::OutOfTime { .. } = error {
        return RunEnd::OutOfTime;
    }
    tracing::error!(%lane, error = %logs::chain(error), "a lane of the purge stops; the next run goes on");
    RunEnd::Unavailable
}
