//! What a purge would do, without doing it.

use consent::policy::Policy;
use consent::retention::{After, Kind, Line, Outcome, Then, schedule};
use consent::time::Time;

use crate::error::LedgerError;
use crate::store::Ledger;

use super::carry_out::{Disposition, plan};
use super::due::{Due, Lane, Record, Walk};

/// A way through all that will be due by a time, lane by lane.
#[derive(Debug, Clone)]
pub struct Preview {
    at: Time,
    lanes: std::slice::Iter<'static, Lane>,
    walk: Option<Walk>,
}

impl Preview {
    /// The preview of a purge at that time.
    pub fn new(at: Time) -> Self {
        Self {
            at,
            lanes: Lane::ALL.iter(),
            walk: None,
        }
    }

    fn next_walk(&mut self) -> Option<Walk> {
        let at = self.at;
        let of_lane = |lane: &Lane| Walk::new(*lane, Time::EPOCH, at);
        self.walk.take().or_else(|| self.lanes.next().map(of_lane))
    }
}

/// What a purge would do with one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Previewed {
    /// A record that the schedule has a line for.
    Known {
        /// What it is.
        kind: Kind,
        /// What would become of it.
        outcome: Outcome,
        /// When it is due.
        due_at: Time,
        /// The line of the schedule by which it is; the first of its kind where the record does not say which.
        line: &'static Line,
    },
    /// Records that the schedule has no line for: the purge would stop there.
    Unknown,
}

impl Ledger {
    /// Goes on for a page with the preview. None at its end. Nothing is written.
    ///
    /// # Errors
    /// When DynamoDB fails and stays away.
    pub async fn preview(&self, preview: &mut Preview, policy: &Policy) -> Result<Option<Vec<Previewed>>, LedgerError> {
        let Some(walk) = preview.next_walk() else {
            return Ok(None);
        };
        let look = self.look(&walk).await?.due(preview.at);
        preview.walk = look.rest;
        let known = look.records.iter().filter_map(|due| previewed(due, policy, preview.at));
        let unknown = look.met_unknown_kind.then_some(Previewed::Unknown);
        Ok(Some(known.chain(unknown).collect()))
    }
}

fn previewed(due: &Due, policy: &Policy, at: Time) -> Option<Previewed> {
    let disposition = plan(due, policy, at);
    let is_why = |line: &&Line| line.kind == due.kind && is_by(line, &disposition, due, policy);
    let mut lines = schedule().iter();
    let line = lines
        .clone()
        .find(is_why)
        .or_else(|| lines.find(|line| line.kind == due.kind))?;
    Some(Previewed::Known {
        kind: due.kind,
        outcome: disposition.outcome(policy, at, due),
        due_at: due.due_at,
        line,
    })
}

/// Whether a line is why that is to be done with a record, where its kind has several.
fn is_by(line: &Line, disposition: &Disposition, due: &Due, policy: &Policy) -> bool {
    let before = match &due.record {
        Ok(Record::Contact(before)) => before,
        Ok(Record::Tombstone { tombstone, .. }) => {
            let by = tombstone.due_by(policy, due.due_at);
            return matches!(line.after, After::Setting(setting, _) if Some(setting) == by);
        }
        _ => return false,
    };
    let had_consented = before
        .contact
        .purposes
        .values()
        .any(|registers| registers.granted.get().is_some());
    match disposition {
        Disposition::Trim { evidence, .. } if !evidence.is_empty() => line.then == Then::WithdrawOrEnd,
        Disposition::Trim { .. } | Disposition::Remove(_) if had_consented => {
            matches!(line.after, After::EndOfYear(..))
        }
        Disposition::Remove(tombstone) if !tombstone.is_empty() => {
            matches!(line.after, After::Fixed(..)) && line.then == Then::Reduce
        }
        _ => line.then == Then::Delete,
    }
}
