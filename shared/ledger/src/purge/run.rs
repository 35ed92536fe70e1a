//! The runs: one at a time, each with a report.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{Delete, ReturnValue, TransactWriteItem, Update};
use consent::id::{PolicyVersion, RunId};
use consent::policy::Policy;
use consent::retention::{Counts, Kind, RunEnd, RunReport, SCHEMA, Signature};
use consent::time::{Span, Time};
use serde::{Deserialize, Serialize};

use crate::error::LedgerError;
use crate::removal::counted;
use crate::schema::{
    self, BODY, HOLDER, Item, KIND, LEASE_UNTIL, OPEN_RUN, PK, PURGE_RUNS, SIGNATURE, SK, purge_run_key,
    purge_tally_key,
};
use crate::store::{Ledger, action};
use crate::transaction::{Transacted, delete_action, update_action};

use super::due::Lane;
use super::reschedule;

/// How long a run has the purge to itself: longer than an invocation of Lambda can last, which is 15 minutes.
pub(super) const LEASE: Span = Span::minutes(16);

/// What a report is signed as.
const DOCUMENT: &str = "purge run";

/// A run of the purge, which nobody else is running at the same time.
#[derive(Debug)]
pub struct Run {
    pub(super) open: OpenRun,
    pub(super) state: State,
}

/// What is known of a run while it is not summed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OpenRun {
    pub(super) run: RunId,
    pub(super) began_at: Time,
    policy: PolicyVersion,
}

/// What one run hands on to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// From which due time on each lane is to be walked that was not walked to its end.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) cursor: BTreeMap<Lane, Time>,
    /// The policy by which all that is stored is scheduled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scheduled_by: Option<PolicyVersion>,
    /// How far the rescheduling by another policy has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rescheduling: Option<reschedule::Position>,
}

/// What came of beginning a run.
#[derive(Debug)]
pub enum Begun {
    /// The run has begun.
    Run(Box<Run>),
    /// Another run is at work.
    Busy,
}

/// How a run ends, and how far it came.
#[derive(Debug, Clone)]
pub struct Ending {
    /// How.
    pub end: RunEnd,
    /// What was passed over and hence is not counted in the tables, such as records under a legal hold.
    pub passed_over: Counts,
    /// From which due time on each lane is to be walked by the next run that was not walked to its end.
    pub cursor: BTreeMap<Lane, Time>,
    /// The oldest due time that is left and that nothing but time stands against.
    pub oldest_due: Option<Time>,
}

impl Ending {
    fn of_the_dead() -> Self {
        Self {
            end: RunEnd::Died,
            passed_over: Counts::default(),
            cursor: BTreeMap::new(),
            oldest_due: None,
        }
    }
}

/// A report, and whether it is what the run wrote.
#[derive(Debug, Clone)]
pub struct SignedRun {
    /// The report.
    pub report: RunReport,
    /// Whether its signature is the ledger's own.
    pub signature_valid: bool,
}

/// Some reports, oldest first.
#[derive(Debug, Clone, Default)]
pub struct RunPage {
    /// The reports.
    pub runs: Vec<SignedRun>,
    /// What to ask for the next ones with; none if there are no more.
    pub cursor: Option<String>,
}

impl Run {
    /// Its id.
    pub fn id(&self) -> RunId {
        self.open.run
    }

    /// When it began.
    pub fn began_at(&self) -> Time {
        self.open.began_at
    }

    /// From which due time on a lane is to be walked, because the last run did not get any further.
    pub fn cursor(&self, lane: Lane) -> Option<Time> {
        self.state.cursor.get(&lane).copied()
    }

    /// Whether all that is stored is scheduled by that policy.
    pub fn is_scheduled_by(&self, policy: &Policy) -> bool {
        self.state.scheduled_by == Some(policy.version())
    }
}

impl OpenRun {
    fn text(&self) -> Result<String, LedgerError> {
        serde_json::to_string(self).map_err(|_| LedgerError::corrupt(OPEN_RUN))
    }

    pub(super) fn tally_key(&self, lane: Lane) -> Item {
        purge_tally_key(self.began_at, &self.run, &lane.to_string())
    }
}

impl Ledger {
    /// Begins a run, unless another one is at work. What a run counted that died is summed up first.
    ///
    /// # Errors
    /// When DynamoDB fails or an item is not readable.
    pub async fn begin_purge(&self, policy: &Policy, now: Time) -> Result<Begun, LedgerError> {
        let id = identity::random_bytes().map_err(|_| LedgerError::NoEntropy)?;
        let open = OpenRun {
            run: RunId::from_bytes(id),
            began_at: now,
            policy: policy.version(),
        };
        let Some(item) = self.take_lease(&open.run, now).await? else {
            return Ok(Begun::Busy);
        };
        let state = match item.contains_key(BODY) {
            true => schema::body(&item)?,
            false => State::default(),
        };
        let mut actions = vec![self.open_run(&open)?];
        for lane in Lane::ALL {
            let mut tally = open.tally_key(lane);
            tally.insert(KIND.to_owned(), schema::s(schema::kind::PURGE_TALLY));
            actions.push(action(self.put_ledger().set_item(Some(tally)))?);
        }
        if item.contains_key(OPEN_RUN) {
            let dead: OpenRun = schema::json(&item, OPEN_RUN)?;
            let (_, fold) = self.fold(&dead, Ending::of_the_dead(), &state, policy, now).await?;
            actions.extend(fold);
        }
        let begun = self.transact("begin a run of the purge", &actions).await?;
        Ok(match begun {
            Transacted::Committed => Begun::Run(Box::new(Run { open, state })),
            // The lease ran out before it was used.
            Transacted::Refused(_) => Begun::Busy,
        })
    }

    /// Ends a run: sums up what it counted in a signed report, and lets the next one begin. None if another run has declared this
    /// one dead and summed it up.
    ///
    /// # Errors
    /// When DynamoDB fails or an item is not readable. The next run sums up what this one counted.
    pub async fn end_purge(
        &self,
        run: Run,
        ending: Ending,
        policy: &Policy,
        now: Time,
    ) -> Result<Option<RunReport>, LedgerError> {
        let Run { open, mut state } = run;
        state.cursor.clone_from(&ending.cursor);
        let (report, mut actions) = self.fold(&open, ending, &state, policy, now).await?;
        let body = serde_json::to_string(&state).map_err(|_| LedgerError::corrupt(BODY))?;
        let close = self
            .change_state(&open.run)
            .update_expression("SET #body = :body REMOVE #open, #until, #holder")
            .expression_attribute_names("#body", BODY)
            .expression_attribute_names("#open", OPEN_RUN)
            .expression_attribute_names("#until", LEASE_UNTIL)
            .expression_attribute_values(":body", schema::s(body));
        actions.push(update_action(close.build())?);
        let ended = self.transact("end a run of the purge", &actions).await?;
        Ok((ended == Transacted::Committed).then_some(report))
    }

    /// Writes down how far a run has come with what it hands on, and takes the lease anew. False if another run has begun.
    pub(super) async fn keep_state(&self, run: &Run, now: Time) -> Result<bool, LedgerError> {
        let body = serde_json::to_string(&run.state).map_err(|_| LedgerError::corrupt(BODY))?;
        let update = self
            .change_state(&run.open.run)
            .update_expression("SET #body = :body, #until = :until")
            .expression_attribute_names("#body", BODY)
            .expression_attribute_names("#until", LEASE_UNTIL)
            .expression_attribute_values(":body", schema::s(body))
            .expression_attribute_values(":until", schema::time(now + LEASE));
        let kept = self
            .transact("write down how far the purge is", &[update_action(update.build())?])
            .await?;
        Ok(kept == Transacted::Committed)
    }

    /// The reports of runs that began at or after that time, oldest first, about so many at once.
    ///
    /// # Errors
    /// When DynamoDB fails or an item is not readable.
    pub async fn purge_runs(
        &self,
        from: Time,
        cursor: Option<&str>,
        most: i32,
        now: Time,
    ) -> Result<RunPage, LedgerError> {
        let what = "list runs of the purge";
        let call = self
            .client
            .query()
            .table_name(&self.tables.ledger)
            .key_condition_expression("#pk = :pk AND #sk > :after")
            // A purge that is late shows nothing for longer.
            .filter_expression("#kind = :kind AND #due_at > :now")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_names("#kind", KIND)
            .expression_attribute_names("#due_at", schema::DUE_AT)
            .expression_attribute_values(":pk", schema::s(PURGE_RUNS))
            .expression_attribute_values(
                ":after",
                schema::s(cursor.map_or_else(|| from.to_string(), str::to_owned)),
            )
            .expression_attribute_values(":kind", schema::s(schema::kind::PURGE_RUN))
            .expression_attribute_values(":now", schema::time(now))
            .limit(most)
            .send();
        let page = self
            .within(what, call)
            .await?
            .map_err(|error| LedgerError::call(what, &error))?;
        let last = page.last_evaluated_key();
        Ok(RunPage {
            runs: page
                .items()
                .iter()
                .map(|item| self.signed_run(item))
                .collect::<Result<_, _>>()?,
            cursor: last.map(|last| schema::text(last, SK).map(str::to_owned)).transpose()?,
        })
    }

    fn signed_run(&self, item: &Item) -> Result<SignedRun, LedgerError> {
        let text = schema::text(item, BODY)?;
        let signature: Option<Signature> = schema::parsed(item, SIGNATURE).ok();
        let is_ours = |signature| self.keys.report().verify(DOCUMENT, text, &signature);
        Ok(SignedRun {
            report: serde_json::from_str(text).map_err(|_| LedgerError::corrupt(BODY))?,
            signature_valid: signature.is_some_and(is_ours),
        })
    }

    /// Takes the lease, if nobody has it. A lease that ends later than any can was taken by a clock that ran ahead, and binds
    /// nobody.
    async fn take_lease(&self, run: &RunId, now: Time) -> Result<Option<Item>, LedgerError> {
        let what = "take the lease of the purge";
        let call = self
            .client
            .update_item()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::retention_state_key()))
            .update_expression("SET #kind = :kind, #holder = :run, #until = :until")
            .condition_expression("attribute_not_exists(#until) OR #until <= :now OR #until > :until OR #holder = :run")
            .expression_attribute_names("#kind", KIND)
            .expression_attribute_names("#holder", HOLDER)
            .expression_attribute_names("#until", LEASE_UNTIL)
            .expression_attribute_values(":kind", schema::s(schema::kind::RETENTION_STATE))
            .expression_attribute_values(":run", schema::s(run.to_string()))
            .expression_attribute_values(":now", schema::time(now))
            .expression_attribute_values(":until", schema::time(now + LEASE))
            .return_values(ReturnValue::AllNew)
            .send();
        match self.within(what, call).await? {
            Ok(answer) => Ok(Some(answer.attributes.unwrap_or_default())),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(None)
            }
            Err(error) => Err(LedgerError::call(what, &error)),
        }
    }

    /// A change of the state by that run, as long as it has the lease.
    fn change_state(&self, run: &RunId) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        Update::builder()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::retention_state_key()))
            .condition_expression("#holder = :run")
            .expression_attribute_names("#holder", HOLDER)
            .expression_attribute_values(":run", schema::s(run.to_string()))
    }

    fn open_run(&self, open: &OpenRun) -> Result<TransactWriteItem, LedgerError> {
        let update = self
            .change_state(&open.run)
            .update_expression("SET #open = :open")
            .expression_attribute_names("#open", OPEN_RUN)
            .expression_attribute_values(":open", schema::s(open.text()?));
        update_action(update.build())
    }

    /// The report of a run, and what puts it in the place of the tallies.
    async fn fold(
        &self,
        open: &OpenRun,
        ending: Ending,
        state: &State,
        policy: &Policy,
        now: Time,
    ) -> Result<(RunReport, Vec<TransactWriteItem>), LedgerError> {
        let mut counts = self.tallied(open).await?;
        counts.merge(&ending.passed_over);
        let cursor = ending.cursor.iter().map(|(lane, until)| (lane.to_string(), *until));
        let report = RunReport {
            schema: SCHEMA,
            run: open.run,
            began_at: open.began_at,
            ended_at: now,
            duration_seconds: now.since(open.began_at).as_seconds(),
            policy: open.policy,
            end: ending.end,
            counts,
            oldest_due: ending.oldest_due,
            lag_seconds: ending.oldest_due.map_or(0, |oldest| now.since(oldest).as_seconds()),
            cursor: cursor.collect(),
            scheduled_by_policy: state.scheduled_by == Some(open.policy),
        };
        let text = serde_json::to_string(&report).map_err(|_| LedgerError::corrupt(BODY))?;
        let mut item = purge_run_key(open.began_at, &open.run);
        let signature = self.keys.report().sign(DOCUMENT, &text);
        item.insert(KIND.to_owned(), schema::s(schema::kind::PURGE_RUN));
        item.insert(BODY.to_owned(), schema::s(text));
        item.insert(SIGNATURE.to_owned(), schema::s(signature.to_string()));
        if let Some(due_at) = Kind::PurgeRun.due_at(open.began_at, policy) {
            let [first, ..] = open.run.as_bytes();
            schema::set_due(&mut item, Kind::PurgeRun, schema::purge_shard(*first), due_at);
        }
        let mut actions = vec![action(self.put_ledger().set_item(Some(item)))?];
        for lane in Lane::ALL {
            let delete = Delete::builder()
                .table_name(&self.tables.ledger)
                .set_key(Some(open.tally_key(lane)));
            actions.push(delete_action(delete.build())?);
        }
        Ok((report, actions))
    }

    /// What the lanes of a run have counted.
    async fn tallied(&self, open: &OpenRun) -> Result<Counts, LedgerError> {
        let what = "sum up a run of the purge";
        let call = self
            .client
            .query()
            .table_name(&self.tables.ledger)
            .key_condition_expression("#pk = :pk AND begins_with(#sk, :run)")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_values(":pk", schema::s(PURGE_RUNS))
            .expression_attribute_values(":run", schema::s(schema::purge_run_sk(open.began_at, &open.run)))
            .consistent_read(true)
            .send();
        let page = self
            .within(what, call)
            .await?
            .map_err(|error| LedgerError::call(what, &error))?;
        let mut counts = Counts::default();
        for tally in page.items() {
            counts.merge(&counted(tally)?);
        }
        Ok(counts)
    }
}
