//! A change of policy changes when things are due that are stored already.

use aws_sdk_dynamodb::types::TransactWriteItem;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use consent::id::PolicyVersion;
use consent::policy::Policy;
use consent::retention::{Counts, Kind, Outcome};
use consent::time::{Span, Time};
use identity::Sealed;
use serde::{Deserialize, Serialize};

use crate::error::LedgerError;
use crate::removal::tombstone_item;
use crate::schema::{self, DUE_AT, DUE_SHARD, Item, OBSERVED_AT, PK, SK, VERSION};
use crate::store::Ledger;
use crate::transaction::Transacted;

use super::due::{Due, Lane, Record, Walk};
use super::run::Run;

/// How long a policy must have been in force: functions use an older one for up to a minute, and write by it.
const SETTLED: Span = Span::minutes(2);

/// What the position is sealed as.
const POSITION: (&str, &str) = ("retention", "position");

/// How far a rescheduling has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The policy that it is by.
    policy: PolicyVersion,
    /// How many partitions of the index are done with.
    partitions: usize,
    /// The key after which it goes on in the next one, sealed: it may name a contact that is gone by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

/// What a step of rescheduling did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rescheduled {
    /// What has another due time now. It is not counted in the tables.
    pub counts: Counts,
    /// Whether something of it is due already.
    pub became_due: bool,
    /// What comes next.
    pub next: Next,
}

/// What comes after a step of rescheduling.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Next {
    /// Another step.
    #[default]
    Step,
    /// Nothing: all that is stored is scheduled by the policy.
    Complete,
    /// The same, later: the policy is not in force, or has not been for long enough.
    TooEarly,
    /// Nothing: another run has begun and does it.
    Overtaken,
}

/// A record that gets another due time.
struct Moved {
    action: TransactWriteItem,
    kind: Kind,
    to: Option<Time>,
}

impl Rescheduled {
    fn nothing(next: Next) -> Self {
        Self {
            next,
            ..Self::default()
        }
    }
}

impl Ledger {
    /// Goes on for a page with scheduling by the policy all that is stored, due or not, with what was set aside.
    ///
    /// # Errors
    /// When DynamoDB fails and stays away, or the deadline comes. What was done stands.
    pub async fn reschedule(&self, run: &mut Run, policy: &Policy, now: Time) -> Result<Rescheduled, LedgerError> {
        if run.is_scheduled_by(policy) {
            return Ok(Rescheduled::nothing(Next::Complete));
        }
        let version = policy.version();
        let begun = run
            .state
            .rescheduling
            .take()
            .filter(|position| position.policy == version);
        let mut position = match begun {
            Some(position) => position,
            None if self.is_settled(policy, now).await? => Position {
                policy: version,
                partitions: 0,
                after: None,
            },
            None => return Ok(Rescheduled::nothing(Next::TooEarly)),
        };
        let walk = match Lane::ALL.get(position.partitions) {
            Some(lane) => Walk::all(*lane),
            None => Walk::set_aside(),
        };
        let walk = self.resumed(walk, &position);
        let look = match self.look(&walk).await {
            Ok(look) => look,
            Err(error) => {
                run.state.rescheduling = Some(position);
                return Err(error);
            }
        };
        let mut done = Rescheduled::default();
        let what = "reschedule what is stored";
        let scheduled = self
            .patiently(what, || self.schedule_anew(&look.records, policy, now))
            .await;
        match scheduled {
            Ok((counts, became_due)) => {
                done.counts = counts;
                done.became_due = became_due;
            }
            Err(error) => {
                run.state.rescheduling = Some(position);
                return Err(error);
            }
        }
        match look.rest.and_then(|rest| rest.after) {
            Some(after) => position.after = self.sealed_position(&after)?,
            None => {
                position.partitions += 1;
                position.after = None;
            }
        }
        if position.partitions > Lane::ALL.len() {
            run.state.scheduled_by = Some(version);
            done.next = Next::Complete;
        } else {
            run.state.rescheduling = Some(position);
        }
        if !self.keep_state(run, now).await? {
            done.next = Next::Overtaken;
        }
        Ok(done)
    }

    /// Gives each record the due time that it has by the policy, unless somebody has changed it meanwhile: who does so goes by the
    /// same policy.
    async fn schedule_anew(&self, records: &[Due], policy: &Policy, now: Time) -> Result<(Counts, bool), LedgerError> {
        let mut left = vec![];
        for due in records {
            left.extend(self.moved(due, policy, now)?);
        }
        while !left.is_empty() {
            let actions: Vec<_> = left.iter().map(|moved| moved.action.clone()).collect();
            let Transacted::Refused(refused) = self.transact("reschedule what is stored", &actions).await? else {
                break;
            };
            let mut refused = refused.into_iter();
            left.retain(|_| !refused.next().unwrap_or(false));
        }
        let mut counts = Counts::default();
        let mut became_due = false;
        for moved in left {
            let outcome = moved.to.map_or(Outcome::Restricted, |_| Outcome::Rescheduled);
            counts.add(moved.kind, outcome, 1);
            became_due |= moved.to.is_some_and(|due_at| due_at <= now);
        }
        Ok((counts, became_due))
    }

    /// What gives a record its due time by the policy; none if it has it.
    fn moved(&self, due: &Due, policy: &Policy, now: Time) -> Result<Option<Moved>, LedgerError> {
        let to = due.due_by(policy, now);
        if to == Some(due.due_at) && due.home_shard.is_none() {
            return Ok(None);
        }
        let action = match &due.record {
            Ok(Record::Tombstone { alias, tombstone, body }) => {
                self.replace_tombstone(due, body, tombstone_item(alias, tombstone, policy, now)?)?
            }
            _ => self.reschedule_action(due, to)?,
        };
        let kind = due.kind;
        Ok(Some(Moved { action, kind, to }))
    }

    /// Whether the policy is in force and everybody goes by it.
    async fn is_settled(&self, policy: &Policy, now: Time) -> Result<bool, LedgerError> {
        let item = self
            .get("look up the policy in force", schema::active_policy_key())
            .await?;
        let Some(item) = item else {
            return Ok(false);
        };
        let version: PolicyVersion = schema::parsed(&item, VERSION)?;
        let since = schema::time_if_there(&item, OBSERVED_AT)?;
        Ok(version == policy.version() && since.is_none_or(|since| since + SETTLED <= now))
    }

    /// The walk from the position on. A position that does not open any more, because the keys were changed, is the beginning of its
    /// partition.
    fn resumed(&self, mut walk: Walk, position: &Position) -> Walk {
        let sealed = position
            .after
            .as_ref()
            .and_then(|after| STANDARD_NO_PAD.decode(after).ok());
        let (owner, attribute) = POSITION;
        let opened = sealed.map(Sealed::from_bytes).and_then(|sealed| {
            let mut keys = self.keys.sealing.iter();
            keys.find_map(|key| key.open(owner, attribute, &sealed).ok())
        });
        let after = opened.and_then(|opened| serde_json::from_slice::<(String, String, i64)>(&opened).ok());
        walk.after = after.map(|(pk, sk, due_at)| {
            Item::from([
                (PK.to_owned(), schema::s(pk)),
                (SK.to_owned(), schema::s(sk)),
                (DUE_SHARD.to_owned(), schema::s(walk.shard())),
                (DUE_AT.to_owned(), schema::n(due_at)),
            ])
        });
        walk
    }

    fn sealed_position(&self, after: &Item) -> Result<Option<String>, LedgerError> {
        let key = (
            schema::text(after, PK)?,
            schema::text(after, SK)?,
            schema::number(after, DUE_AT)?,
        );
        let plain = serde_json::to_vec(&key).map_err(|_| LedgerError::corrupt(PK))?;
        let (owner, attribute) = POSITION;
        let sealed = self.keys.sealing()?.seal(owner, attribute, &plain);
        let sealed = sealed.map_err(|_| LedgerError::NoEntropy)?;
        Ok(Some(STANDARD_NO_PAD.encode(sealed.as_bytes())))
    }
}
