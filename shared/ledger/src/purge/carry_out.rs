//! What is to be done with a record that is due, and doing it: one transaction, with its count.

use aws_sdk_dynamodb::types::{ConditionCheck, Delete, TransactWriteItem, Update};
use consent::contact::Contact;
use consent::evidence::Draft;
use consent::id::{CampaignId, ContactId};
use consent::policy::Policy;
use consent::retention::{Counts, Kind, Outcome, Purge, Tombstone};
use consent::time::Time;

use crate::error::LedgerError;
use crate::removal::{CountedIn, Removal, tombstone_item};
use crate::schema::{
    self, BODY, DUE_AT, DUE_SHARD, EXPIRES_AT, FAILURES, HOME_SHARD, Item, KIND, PK, SET_ASIDE_SHARD, VERSION,
};
use crate::store::{Ledger, action};
use crate::transaction::{Amendment, MOST_ACTIONS, Transacted, check_action, delete_action};

use super::due::{Due, DueContact, Lane, Record};
use super::lies_in_the_record;
use super::run::Run;

/// How often a record may fail before it is set aside.
const MOST_FAILURES: u32 = 10;

/// How many buckets of an audience go together: the condition and the count want their places in the transaction as well.
const MOST_BUCKETS: i32 = 98;

/// What is to be done with a record.
#[derive(Debug, Clone)]
pub(super) enum Disposition {
    /// It stays because of a legal hold.
    Held,
    /// By the policy in force it is due at another time; never, as long as processing is restricted.
    Later(Option<Time>),
    /// Something of the contact goes.
    Trim {
        contact: Box<Contact>,
        evidence: Vec<Draft>,
    },
    /// The contact goes.
    Remove(Tombstone),
    /// The removal of the contact goes on.
    Finish,
    /// This is left of the tombstone.
    Shorten(Tombstone),
    /// It goes.
    Delete,
    /// It cannot be read.
    Fail,
}

impl Disposition {
    /// What becomes of the record in the end.
    pub(super) fn outcome(&self, policy: &Policy, now: Time, due: &Due) -> Outcome {
        match self {
            Self::Held => Outcome::LegalHold,
            Self::Later(Some(_)) => Outcome::Rescheduled,
            Self::Later(None) => Outcome::Restricted,
            Self::Trim { .. } => Outcome::Trimmed,
            Self::Remove(_) | Self::Finish | Self::Delete => Outcome::Deleted,
            Self::Shorten(left) => match &due.record {
                _ if left.due_at(policy, now).is_none() => Outcome::Deleted,
                Ok(Record::Tombstone { tombstone, .. }) if tombstone == left => Outcome::Rescheduled,
                _ => Outcome::Trimmed,
            },
            Self::Fail => Outcome::Failed,
        }
    }
}

/// What is to be done with a record at that time. Nothing is read for it, and nothing written.
pub(super) fn plan(due: &Due, policy: &Policy, now: Time) -> Disposition {
    match &due.record {
        Err(_) => Disposition::Fail,
        Ok(Record::Contact(contact)) => plan_contact(contact, policy, now),
        Ok(Record::Remains(_)) => Disposition::Finish,
        Ok(Record::Tombstone { tombstone, .. }) => {
            Disposition::Shorten(tombstone.clone().without_what_is_over(policy, now))
        }
        Ok(
            Record::Message(_)
            | Record::Decision(..)
            | Record::Campaign(..)
            | Record::Audience(_)
            | Record::Case { .. }
            | Record::Delivery(_)
            | Record::Register(_)
            | Record::Since(_)
            | Record::Fixed
            | Record::WithKey,
        ) => match due.due_by(policy, now) {
            Some(due_at) if due_at <= now => Disposition::Delete,
            later => Disposition::Later(later),
        },
    }
}

fn plan_contact(due: &DueContact, policy: &Policy, now: Time) -> Disposition {
    if due.held_until.is_some_and(|until| now < until) {
        return Disposition::Held;
    }
    match due.contact.clone().purge(policy, now) {
        Purge::NotDue(due_at) => Disposition::Later(due_at),
        Purge::Trim { contact, evidence } => Disposition::Trim { contact, evidence },
        Purge::Remove { tombstone } => Disposition::Remove(tombstone),
    }
}

/// What came of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handled {
    /// What was to be done is done and counted.
    Done,
    /// A legal hold stands: it is left as it is, and its lane has not counted it.
    Held,
    /// It failed for a reason of its own, which is counted.
    Failed,
    /// It failed once too often and stands aside now, which is counted.
    SetAside,
    /// It is gone, or somebody changed it meanwhile.
    Left,
    /// Another run has begun and declared this one dead, which must not do anything more.
    Superseded,
}

/// What came of one attempt.
enum Attempt {
    Handled(Handled),
    /// Somebody has changed the record.
    Overtaken,
}

/// What a record is dealt with by.
struct Means<'a> {
    tally: CountedIn,
    policy: &'a Policy,
    now: Time,
}

/// What becomes of one record in a transaction.
struct Change {
    /// The first one is conditional on the record being as it was read.
    actions: Vec<TransactWriteItem>,
    /// Which of them is conditional on there being no legal hold.
    hold_at: Option<usize>,
    counts: Counts,
}

impl Change {
    fn new(action: TransactWriteItem, kind: Kind, outcome: Outcome) -> Self {
        let mut counts = Counts::default();
        counts.add(kind, outcome, 1);
        Self {
            actions: vec![action],
            hold_at: None,
            counts,
        }
    }

    fn unless_held(mut self, check: TransactWriteItem) -> Self {
        self.hold_at = Some(self.actions.len());
        self.and(check)
    }

    fn and(mut self, action: TransactWriteItem) -> Self {
        self.actions.push(action);
        self
    }
}

impl Ledger {
    /// Does with a record what is to be done, unless somebody has changed it since it was looked at: then it is looked at once
    /// more. What a record itself is the reason of fails with it alone.
    ///
    /// # Errors
    /// When DynamoDB fails and stays away, or the deadline comes.
    pub async fn purge_record(
        &self,
        run: &Run,
        lane: Lane,
        due: Due,
        policy: &Policy,
        now: Time,
    ) -> Result<Handled, LedgerError> {
        let means = Means {
            tally: CountedIn::Tally(run.open.tally_key(lane)),
            policy,
            now,
        };
        let what = "purge a record";
        let mut current = Some(due);
        for _ in 0..2 {
            let Some(due) = current.filter(|due| due.due_at <= now) else {
                return Ok(Handled::Left);
            };
            // On the heap: what all clients nest would be too deep for the compiler.
            let attempt = self.patiently(what, || Box::pin(self.carry_out(&due, &means))).await;
            match attempt {
                Ok(Attempt::Handled(handled)) => return Ok(handled),
                Ok(Attempt::Overtaken) => current = self.patiently(what, || self.look_again(&due)).await?,
                Err(error) if lies_in_the_record(&error) => {
                    return self.patiently(what, || self.note_failure(&due, &means)).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Handled::Left)
    }

    async fn carry_out(&self, due: &Due, means: &Means<'_>) -> Result<Attempt, LedgerError> {
        let Means { tally, policy, now } = means;
        let disposition = plan(due, policy, *now);
        let outcome = disposition.outcome(policy, *now, due);
        let change = match (disposition, &due.record) {
            (Disposition::Held, _) => return Ok(Attempt::Handled(Handled::Held)),
            (Disposition::Remove(tombstone), Ok(Record::Contact(contact))) => {
                return Ok(removed(
                    self.remove(&contact.item, &tombstone, tally, policy, *now).await?,
                ));
            }
            (Disposition::Finish, Ok(Record::Remains(item))) => {
                return Ok(removed(self.finish_removal(item, tally, policy, *now).await?));
            }
            (Disposition::Trim { contact, evidence }, Ok(Record::Contact(before))) => {
                return self.trim(due, before, *contact, evidence, means).await;
            }
            (Disposition::Shorten(left), Ok(Record::Tombstone { alias, body, .. })) => {
                let item = tombstone_item(alias, &left, policy, *now)?;
                Change::new(self.replace_tombstone(due, body, item)?, due.kind, outcome)
            }
            (Disposition::Later(due_at), Ok(_)) => Change::new(self.reschedule_action(due, due_at)?, due.kind, outcome),
            (Disposition::Delete, Ok(Record::Audience(campaign))) => {
                if let Some(stopped) = self.empty_audience(due, campaign, tally).await? {
                    return Ok(stopped);
                }
                Change::new(self.delete_still(due)?, due.kind, outcome).and(self.delete_key_of(due)?)
            }
            (Disposition::Delete, Ok(record)) => {
                let change = Change::new(self.delete_still(due)?, due.kind, outcome);
                match record {
                    Record::Message(contact) | Record::Decision(contact, _) => {
                        change.unless_held(self.no_hold(contact, *now)?)
                    }
                    // What its last check has counted goes with it.
                    Record::Campaign(campaign, _) => change.and(self.delete_at(schema::check_key(campaign))?),
                    Record::Case {
                        id, aliases, contact, ..
                    } => {
                        let mut change = change.and(self.delete_key_of(due)?);
                        for alias in aliases {
                            change = change.and(self.delete_at(schema::case_link_key(alias, id))?);
                        }
                        match contact {
                            Some(contact) => change.unless_held(self.no_hold(contact, *now)?),
                            None => change,
                        }
                    }
                    Record::Delivery(_) | Record::Register(_) | Record::WithKey => change.and(self.delete_key_of(due)?),
                    _ => change,
                }
            }
            // The record cannot be read; a plan that does not fit its record is none either.
            _ => return Err(LedgerError::corrupt(BODY)),
        };
        self.commit_change(change, tally).await
    }

    async fn commit_change(&self, change: Change, tally: &CountedIn) -> Result<Attempt, LedgerError> {
        let Change {
            mut actions,
            hold_at,
            counts,
        } = change;
        actions.extend(self.count(tally, &counts)?);
        let Transacted::Refused(refused) = self.transact("purge a record", &actions).await? else {
            return Ok(Attempt::Handled(Handled::Done));
        };
        let is_refused = |at: usize| refused.get(at).copied().unwrap_or(false);
        if !counts.is_empty() && is_refused(actions.len() - 1) {
            return Ok(Attempt::Handled(Handled::Superseded));
        }
        Ok(if !is_refused(0) && hold_at.is_some_and(is_refused) {
            Attempt::Handled(Handled::Held)
        } else {
            Attempt::Overtaken
        })
    }

    /// Writes what is left of a contact, puts on record what silence has come to mean, and reduces the evidence of what is gone.
    async fn trim(
        &self,
        due: &Due,
        before: &DueContact,
        mut contact: Contact,
        evidence: Vec<Draft>,
        means: &Means<'_>,
    ) -> Result<Attempt, LedgerError> {
        let id = contact.id;
        let mut reductions = vec![];
        if contact.purposes != before.contact.purposes {
            for record in self.stored_records(&id).await? {
                let is_over = |evidence| contact.has_done_with(evidence);
                if record.evidence.as_ref().is_some_and(is_over) {
                    reductions.extend(self.reduce_record(&id, &record)?);
                }
            }
        }
        // What does not fit beside the contact goes before it: whoever dies in between leaves the contact due.
        let most = MOST_ACTIONS.saturating_sub(evidence.len());
        while reductions.len() > most {
            let some = reductions.split_off(reductions.len() - most);
            let unchanged = Change {
                actions: vec![self.contact_check(due, before)?],
                hold_at: None,
                counts: Counts::default(),
            };
            match self.commit_with(unchanged, some, &id, means).await? {
                Attempt::Handled(Handled::Done) => {}
                other => return Ok(other),
            }
        }
        let mut silences = vec![];
        for draft in evidence {
            silences.push(self.put_chained(&mut contact, draft.evidence)?);
        }
        let left = self.update_contact(due, before, &contact, means.policy)?;
        let mut change = Change::new(left, Kind::Contact, Outcome::Trimmed);
        change.actions.extend(silences);
        self.commit_with(change, reductions, &id, means).await
    }

    async fn commit_with(
        &self,
        mut change: Change,
        reductions: Vec<TransactWriteItem>,
        contact: &ContactId,
        means: &Means<'_>,
    ) -> Result<Attempt, LedgerError> {
        let reduced = u64::try_from(reductions.len()).unwrap_or(u64::MAX);
        change.counts.add(Kind::Evidence, Outcome::Reduced, reduced);
        change.actions.extend(reductions);
        let change = change.unless_held(self.no_hold(contact, means.now)?);
        self.commit_change(change, &means.tally).await
    }

    fn update_contact(
        &self,
        due: &Due,
        before: &DueContact,
        contact: &Contact,
        policy: &Policy,
    ) -> Result<TransactWriteItem, LedgerError> {
        let body = serde_json::to_string(contact).map_err(|_| LedgerError::corrupt(BODY))?;
        let mut change = other_dates(due, contact.due_at(policy));
        change.set.insert(BODY.to_owned(), schema::s(body));
        change.set.insert(VERSION.to_owned(), schema::n(before.version + 1));
        self.amend(due, Some(before), change)
    }

    /// Gives a record another due time, or none, in the partition of the index where it belongs.
    pub(super) fn reschedule_action(&self, due: &Due, due_at: Option<Time>) -> Result<TransactWriteItem, LedgerError> {
        self.amend(due, None, other_dates(due, due_at))
    }

    /// Counts on the record itself that nothing could be done with it, and sets it aside when that was once too often.
    async fn note_failure(&self, due: &Due, means: &Means<'_>) -> Result<Handled, LedgerError> {
        let failures = due.failures + 1;
        let mut change = Amendment::default();
        change.set.insert(FAILURES.to_owned(), schema::n(failures));
        let is_last = failures >= MOST_FAILURES;
        if is_last {
            change.set.insert(DUE_SHARD.to_owned(), schema::s(SET_ASIDE_SHARD));
            change.set.insert(HOME_SHARD.to_owned(), schema::s(&*due.shard));
        }
        let (outcome, handled) = if is_last {
            (Outcome::SetAside, Handled::SetAside)
        } else {
            (Outcome::Failed, Handled::Failed)
        };
        let change = Change::new(self.amend(due, None, change)?, due.kind, outcome);
        Ok(match self.commit_change(change, &means.tally).await? {
            Attempt::Handled(Handled::Done) => handled,
            Attempt::Handled(other) => other,
            Attempt::Overtaken => Handled::Left,
        })
    }

    /// Changes a record, on condition that it is as it was read.
    fn amend(
        &self,
        due: &Due,
        contact: Option<&DueContact>,
        change: Amendment,
    ) -> Result<TransactWriteItem, LedgerError> {
        let mut update = Update::builder()
            .table_name(&self.tables.ledger)
            .set_key(Some(due.key.clone()))
            .condition_expression(STILL)
            .expression_attribute_names("#kind", KIND)
            .expression_attribute_names("#due_at", DUE_AT)
            .expression_attribute_values(":kind", schema::s(due.kind.as_str()))
            .expression_attribute_values(":due_at", schema::time(due.due_at));
        if let Some(contact) = contact {
            update = update
                .condition_expression(format!("{STILL} AND #version = :version"))
                .expression_attribute_names("#version", VERSION)
                .expression_attribute_values(":version", schema::n(contact.version));
        }
        change.action(update)
    }

    /// The condition that a contact is as it was read.
    fn contact_check(&self, due: &Due, contact: &DueContact) -> Result<TransactWriteItem, LedgerError> {
        let check = ConditionCheck::builder()
            .table_name(&self.tables.ledger)
            .set_key(Some(due.key.clone()))
            .condition_expression("#kind = :kind AND #version = :version")
            .expression_attribute_names("#kind", KIND)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":kind", schema::s(due.kind.as_str()))
            .expression_attribute_values(":version", schema::n(contact.version));
        check_action(check.build())
    }

    fn delete_still(&self, due: &Due) -> Result<TransactWriteItem, LedgerError> {
        let delete = Delete::builder()
            .table_name(&self.tables.ledger)
            .set_key(Some(due.key.clone()))
            .condition_expression(STILL)
            .expression_attribute_names("#kind", KIND)
            .expression_attribute_names("#due_at", DUE_AT)
            .expression_attribute_values(":kind", schema::s(due.kind.as_str()))
            .expression_attribute_values(":due_at", schema::time(due.due_at));
        delete_action(delete.build())
    }

    /// Deletes the recipients on an audience, bucket by bucket, as long as the audience is as it was read. None once there are no
    /// more.
    async fn empty_audience(
        &self,
        due: &Due,
        campaign: &CampaignId,
        tally: &CountedIn,
    ) -> Result<Option<Attempt>, LedgerError> {
        loop {
            let keys = self.bucket_keys(campaign, MOST_BUCKETS).await?;
            if keys.is_empty() {
                return Ok(None);
            }
            let mut change = Change {
                actions: vec![self.check_still(due)?],
                hold_at: None,
                counts: Counts::default(),
            };
            for key in keys {
                change.actions.push(self.delete_at(key)?);
                change.counts.add(Kind::AudiencePart, Outcome::Deleted, 1);
            }
            match self.commit_change(change, tally).await? {
                Attempt::Handled(Handled::Done) => {}
                stopped => return Ok(Some(stopped)),
            }
        }
    }

    fn check_still(&self, due: &Due) -> Result<TransactWriteItem, LedgerError> {
        let check = ConditionCheck::builder()
            .table_name(&self.tables.ledger)
            .set_key(Some(due.key.clone()))
            .condition_expression(STILL)
            .expression_attribute_names("#kind", KIND)
            .expression_attribute_names("#due_at", DUE_AT)
            .expression_attribute_values(":kind", schema::s(due.kind.as_str()))
            .expression_attribute_values(":due_at", schema::time(due.due_at));
        check_action(check.build())
    }

    /// The deletion of an item, whether it is there or not.
    fn delete_at(&self, key: Item) -> Result<TransactWriteItem, LedgerError> {
        let delete = Delete::builder().table_name(&self.tables.ledger).set_key(Some(key));
        delete_action(delete.build())
    }

    /// The deletion of the key that was made for this record alone.
    fn delete_key_of(&self, due: &Due) -> Result<TransactWriteItem, LedgerError> {
        let delete = Delete::builder()
            .table_name(&self.tables.keys)
            .set_key(Some(schema::key_row(schema::text(&due.key, PK)?)));
        delete_action(delete.build())
    }

    /// Puts what is left of a tombstone in its place, or deletes it if nothing is.
    pub(super) fn replace_tombstone(
        &self,
        due: &Due,
        body: &str,
        left: Option<Item>,
    ) -> Result<TransactWriteItem, LedgerError> {
        let condition = format!("{STILL} AND #body = :body");
        match left {
            None => {
                let delete = Delete::builder()
                    .table_name(&self.tables.ledger)
                    .set_key(Some(due.key.clone()))
                    .condition_expression(condition)
                    .expression_attribute_names("#kind", KIND)
                    .expression_attribute_names("#due_at", DUE_AT)
                    .expression_attribute_names("#body", BODY)
                    .expression_attribute_values(":kind", schema::s(due.kind.as_str()))
                    .expression_attribute_values(":due_at", schema::time(due.due_at))
                    .expression_attribute_values(":body", schema::s(body));
                delete_action(delete.build())
            }
            Some(item) => action(
                self.put_ledger()
                    .set_item(Some(item))
                    .condition_expression(condition)
                    .expression_attribute_names("#kind", KIND)
                    .expression_attribute_names("#due_at", DUE_AT)
                    .expression_attribute_names("#body", BODY)
                    .expression_attribute_values(":kind", schema::s(due.kind.as_str()))
                    .expression_attribute_values(":due_at", schema::time(due.due_at))
                    .expression_attribute_values(":body", schema::s(body)),
            ),
        }
    }
}

/// The condition that a record is still what it was, and due when it was.
const STILL: &str = "#kind = :kind AND #due_at = :due_at";

/// Another due time, or none. What failed before may fail as often again.
fn other_dates(due: &Due, due_at: Option<Time>) -> Amendment {
    let mut change = Amendment {
        set: Item::new(),
        remove: vec![FAILURES, HOME_SHARD],
    };
    match due_at {
        Some(due_at) => {
            let home = due.home_shard.as_ref().unwrap_or(&due.shard);
            schema::set_due(&mut change.set, due.kind, home.clone(), due_at);
        }
        None => change.remove.extend([DUE_SHARD, DUE_AT, EXPIRES_AT]),
    }
    change
}

fn removed(removal: Removal) -> Attempt {
    match removal {
        Removal::Done => Attempt::Handled(Handled::Done),
        // Its remains are due, and are met in another run at the latest.
        Removal::Begun => Attempt::Handled(Handled::Left),
        Removal::Overtaken => Attempt::Overtaken,
        Removal::Held => Attempt::Handled(Handled::Held),
    }
}
