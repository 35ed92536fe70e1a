//! Taking a contact out of the tables: the purge does it when the contact is due, an erasure because the person asked for it.
//!
//! What fits goes in one transaction. Else the first one deletes the key, settles the aliases and leaves *remains* in the place of
//! the contact, which say where the rest lies; from then on nothing of the contact can be read. Every later transaction deletes
//! some of the rest, on condition that it is still there, and counts what it deletes. So whoever dies on the way loses nothing and
//! repeats nothing, and whoever meets the remains finishes them.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem, Update};
use consent::id::{ContactId, ErasureId};
use consent::policy::Policy;
use consent::retention::{Counts, Kind, Outcome, Tombstone};
use consent::time::Time;
use identity::Pseudonym;

use crate::error::LedgerError;
use crate::places::Places;
use crate::schema::{
    self, BODY, CONTACT, DUE_INDEX, DUE_SHARD, ERASURE, EXPIRES_AT, Item, KIND, MENTIONS, PK, PLACES, QUARANTINE_SHARD,
    SK, STATE, UNTIL, VERSION, erasure_state,
};
use crate::store::{Ledger, action};
use crate::transaction::{ATTEMPTS, MOST_ACTIONS, Transacted, delete_action, update_action};

/// How many items of a contact's partition are looked at in one go: more do not fit into a transaction.
const PAGE: i32 = 100;

/// How many quarantined deliveries are read in one go. Each may be as large as an item can be.
const DELIVERIES: i32 = 25;

/// The most keys of one BatchGetItem.
const BATCH: usize = 100;

/// Where deletions are counted, in the very transaction that carries them out.
#[derive(Debug, Clone)]
pub(crate) enum CountedIn {
    /// In the tally of a lane of a purge: the item with this key, as long as it is there.
    Tally(Item),
    /// In this erasure, as long as it runs.
    Erasure(ErasureId),
}

/// What came of removing a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Removal {
    /// Nothing of it is left.
    Done,
    /// It cannot be read any more. Time was up before all of it was gone; its remains are due.
    Begun,
    /// Somebody changed the contact meanwhile: it must be read again.
    Overtaken,
    /// A legal hold stands.
    Held,
}

/// A contact on its way out.
#[derive(Debug, Clone)]
pub(crate) struct Leaving {
    pub(crate) id: ContactId,
    pub(crate) version: i64,
    pub(crate) places: Places,
    /// The erasure that its remains are left to.
    pub(crate) erasure: Option<ErasureId>,
    /// Half of it was deleted before.
    key_is_gone: bool,
}

impl Leaving {
    /// The contact, or what remains of it, as its item says.
    pub(crate) fn read(item: &Item) -> Result<Self, LedgerError> {
        let id = schema::text(item, PK)?.strip_prefix("contact#");
        let erasure = item
            .contains_key(ERASURE)
            .then(|| schema::parsed(item, ERASURE))
            .transpose()?;
        Ok(Self {
            id: id.and_then(|id| id.parse().ok()).ok_or(LedgerError::corrupt(PK))?,
            version: schema::number(item, VERSION)?,
            places: schema::json(item, PLACES)?,
            erasure,
            key_is_gone: false,
        })
    }

    /// What is known to remain of an erased contact where not even the remains are left.
    pub(crate) fn vanished(id: ContactId, erasure: ErasureId) -> Self {
        Self {
            id,
            version: 0,
            places: Places::default(),
            erasure: Some(erasure),
            key_is_gone: true,
        }
    }
}

/// What a legal hold says to a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// There is none.
    None,
    /// It is over, and goes with the contact.
    Over,
    /// It counts for nothing, since the contact was erased before, and goes with what a backup brought back.
    Void,
}

/// A transaction in the making.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    parts: Vec<Part>,
    pub(crate) actions: Vec<TransactWriteItem>,
    pub(crate) counts: Counts,
}

/// What an action is about, as far as it matters that its condition does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Contact,
    Key,
    Alias(Pseudonym),
    Count,
    /// It has to be looked for anew.
    Rest,
}

/// What a refused transaction says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The contact has changed.
    Overtaken,
    /// It is worth another attempt.
    Again,
}

impl Draft {
    fn add(&mut self, part: Part, action: TransactWriteItem) {
        self.parts.push(part);
        self.actions.push(action);
    }

    /// Other actions of the same transaction, whose conditions are worth another attempt.
    pub(crate) fn add_rest(&mut self, actions: impl IntoIterator<Item = TransactWriteItem>) {
        for action in actions {
            self.add(Part::Rest, action);
        }
    }

    /// Takes from the contact what turned out not to be its own any more.
    pub(crate) fn learn(&self, refused: &[bool], leaving: &mut Leaving) -> Refusal {
        for (part, _) in self.parts.iter().zip(refused).filter(|(_, refused)| **refused) {
            match part {
                // Without its tally a run has nothing more to do.
                Part::Contact | Part::Count => return Refusal::Overtaken,
                Part::Key => leaving.key_is_gone = true,
                Part::Alias(alias) => {
                    leaving.places.aliases.retain(|own| own != alias);
                }
                Part::Rest => {}
            }
        }
        Refusal::Again
    }
}

/// One record, with everything that goes with it in the same transaction.
#[derive(Debug, Clone)]
struct Deletion {
    kind: Kind,
    /// The first one holds the condition that the record is still there.
    actions: Vec<TransactWriteItem>,
}

/// A part of what lies beside a contact in its partition.
#[derive(Debug)]
struct Beside {
    records: Vec<(Kind, Item)>,
    hold: Option<Time>,
    is_all: bool,
}

impl Ledger {
    /// Takes a contact out of the tables, as its item was read. What stays of it stands at its aliases.
    ///
    /// # Errors
    /// When DynamoDB fails, the deadline comes before anything is done, or an item is not readable.
    pub(crate) async fn remove(
        &self,
        contact: &Item,
        tombstone: &Tombstone,
        counted_in: &CountedIn,
        policy: &Policy,
        now: Time,
    ) -> Result<Removal, LedgerError> {
        let mut leaving = Leaving::read(contact)?;
        for _ in 0..ATTEMPTS {
            let beside = self.beside(&leaving.id).await?;
            let hold = match beside.hold {
                None if !beside.is_all => self.hold_until(&leaving.id).await?,
                hold => hold,
            };
            if hold.is_some_and(|until| now < until) {
                return Ok(Removal::Held);
            }
            let hold = hold.map_or(Hold::None, |_| Hold::Over);
            let mut draft = Draft::default();
            self.first_steps(&mut draft, &leaving, hold, tombstone, policy, now)?;
            let messages = self.messages(&leaving.places).await?;
            let rest = beside.records.len() + messages.len();
            let at_once = beside.is_all && draft.actions.len() + rest < MOST_ACTIONS;
            if at_once {
                let records = self.records(beside.records)?.into_iter();
                for deletion in records.chain(self.outbox_deletions(messages)?) {
                    draft.counts.add(deletion.kind, Outcome::Deleted, 1);
                    draft.add_rest(deletion.actions);
                }
                draft.counts.add(Kind::Contact, Outcome::Deleted, 1);
                let delete = self.delete_contact(&leaving)?;
                draft.add(Part::Contact, delete);
            } else {
                let remains = self.put_remains(&leaving, now)?;
                draft.add(Part::Contact, remains);
            }
            if let Some(count) = self.count(counted_in, &draft.counts)? {
                draft.add(Part::Count, count);
            }
            match self.transact("remove a contact", &draft.actions).await? {
                Transacted::Committed if at_once => return Ok(Removal::Done),
                Transacted::Committed => {
                    return match self.remove_rest(&leaving, counted_in, policy, now).await {
                        Err(LedgerError::OutOfTime { .. }) => Ok(Removal::Begun),
                        done => done,
                    };
                }
                Transacted::Refused(refused) => {
                    if draft.learn(&refused, &mut leaving) == Refusal::Overtaken {
                        return Ok(Removal::Overtaken);
                    }
                }
            }
        }
        Err(LedgerError::Contended { attempts: ATTEMPTS })
    }

    /// Goes on where the removal of a contact stopped, given what remains of it. What belongs to an erasure is counted there.
    ///
    /// # Errors
    /// When DynamoDB fails or an item is not readable.
    pub(crate) async fn finish_removal(
        &self,
        remains: &Item,
        counted_in: &CountedIn,
        policy: &Policy,
        now: Time,
    ) -> Result<Removal, LedgerError> {
        let leaving = Leaving::read(remains)?;
        match self.remove_rest(&leaving, counted_in, policy, now).await {
            Err(LedgerError::OutOfTime { .. }) => Ok(Removal::Begun),
            done => done,
        }
    }

    /// Deletes all that lies anywhere of a contact whose key is gone and whose aliases are settled.
    pub(crate) async fn remove_rest(
        &self,
        leaving: &Leaving,
        counted_in: &CountedIn,
        policy: &Policy,
        now: Time,
    ) -> Result<Removal, LedgerError> {
        let running = match &leaving.erasure {
            Some(erasure) if self.is_running(erasure).await? => Some(CountedIn::Erasure(*erasure)),
            _ => None,
        };
        let counted_in = running.as_ref().unwrap_or(counted_in);
        for kind in Kind::ALL {
            let is_current = match kind {
                Kind::Evidence => self.delete_records(leaving, counted_in).await?,
                // It lies where the evidence does.
                Kind::LegalHold => true,
                Kind::Outbox => self.delete_messages(leaving, counted_in).await?,
                Kind::Quarantine if leaving.erasure.is_some() => self.delete_mentions(leaving, counted_in).await?,
                // Nobody knows what is in it, so it has a short time of its own.
                Kind::Quarantine => true,
                // The first transaction has done with these.
                Kind::SubjectKey | Kind::Alias | Kind::Tombstone => true,
                // They go last, since they say where the rest lies.
                Kind::Contact | Kind::Remains => true,
                // They lie where the evidence does.
                Kind::Send | Kind::Finding => true,
                Kind::AudiencePart if leaving.erasure.is_some() => {
                    self.forget_entries(&leaving.id, &leaving.places.aliases).await?;
                    true
                }
                // They go with their audience.
                Kind::AudiencePart => true,
                Kind::Case if leaving.erasure.is_some() => {
                    self.forget_cases(&leaving.places.aliases).await?;
                    true
                }
                // They have a time of their own.
                Kind::Case | Kind::CaseLink | Kind::Copy => true,
                // They hold nothing of a contact.
                Kind::Campaign
                | Kind::CampaignCheck
                | Kind::Audience
                | Kind::Usage
                | Kind::Policy
                | Kind::ActivePolicy
                | Kind::Health
                | Kind::Idempotency
                | Kind::Erasure
                | Kind::ErasureRegister
                | Kind::PurgeRun
                | Kind::PurgeTally
                | Kind::RetentionState => true,
            };
            if !is_current {
                return Ok(match counted_in {
                    CountedIn::Erasure(_) => Removal::Done,
                    CountedIn::Tally(_) => Removal::Overtaken,
                });
            }
        }
        match counted_in {
            CountedIn::Erasure(erasure) => self.certify(leaving, erasure, policy, now).await?,
            CountedIn::Tally(_) => {
                let last = Deletion {
                    kind: Kind::Contact,
                    actions: vec![self.delete_remains_action(leaving)?],
                };
                if !self.delete_counted(&[last], counted_in).await? {
                    return Ok(Removal::Overtaken);
                }
            }
        }
        Ok(Removal::Done)
    }

    /// What makes a contact unreadable: its key goes, its aliases become tombstones, and no hold may stand against it.
    pub(crate) fn first_steps(
        &self,
        draft: &mut Draft,
        leaving: &Leaving,
        hold: Hold,
        tombstone: &Tombstone,
        policy: &Policy,
        now: Time,
    ) -> Result<(), LedgerError> {
        if !leaving.key_is_gone {
            draft.add(Part::Key, self.delete_existing_key(schema::subject_key(&leaving.id))?);
            draft.counts.add(Kind::SubjectKey, Outcome::Deleted, 1);
        }
        match hold {
            Hold::None => draft.add(Part::Rest, self.no_hold(&leaving.id, now)?),
            Hold::Over => draft.add(Part::Rest, self.delete_past_hold(&leaving.id, now)?),
            Hold::Void => draft.add(Part::Rest, self.delete_existing(schema::legal_hold_key(&leaving.id))?),
        }
        let holds = u64::from(hold != Hold::None);
        draft.counts.add(Kind::LegalHold, Outcome::Deleted, holds);
        for alias in &leaving.places.aliases {
            let outcome = match tombstone_item(alias, tombstone, policy, now)? {
                Some(item) => {
                    let put = self
                        .put_ledger()
                        .set_item(Some(item))
                        .condition_expression("#contact = :contact")
                        .expression_attribute_names("#contact", CONTACT)
                        .expression_attribute_values(":contact", schema::s(leaving.id.to_string()));
                    draft.add(Part::Alias(*alias), action(put)?);
                    Outcome::Reduced
                }
                None => {
                    let delete = Delete::builder()
                        .table_name(&self.tables.ledger)
                        .set_key(Some(schema::alias_key(alias)))
                        .condition_expression("#contact = :contact")
                        .expression_attribute_names("#contact", CONTACT)
                        .expression_attribute_values(":contact", schema::s(leaving.id.to_string()));
                    draft.add(Part::Alias(*alias), delete_action(delete.build())?);
                    Outcome::Deleted
                }
            };
            draft.counts.add(Kind::Alias, outcome, 1);
        }
        Ok(())
    }

    /// The remains in the place of the contact.
    pub(crate) fn add_remains(&self, draft: &mut Draft, leaving: &Leaving, now: Time) -> Result<(), LedgerError> {
        let remains = self.put_remains(leaving, now)?;
        draft.add(Part::Contact, remains);
        Ok(())
    }

    fn put_remains(&self, leaving: &Leaving, now: Time) -> Result<TransactWriteItem, LedgerError> {
        let places = serde_json::to_string(&leaving.places).map_err(|_| LedgerError::corrupt(PLACES))?;
        let mut item = schema::contact_key(&leaving.id);
        item.insert(KIND.to_owned(), schema::s(schema::kind::REMAINS));
        item.insert(VERSION.to_owned(), schema::n(leaving.version + 1));
        item.insert(PLACES.to_owned(), schema::s(places));
        if let Some(erasure) = &leaving.erasure {
            item.insert(ERASURE.to_owned(), schema::s(erasure.to_string()));
        }
        schema::set_due(&mut item, Kind::Remains, schema::contact_shard(&leaving.id), now);
        let put = self
            .put_ledger()
            .set_item(Some(item))
            .condition_expression("#kind = :contact AND #version = :version")
            .expression_attribute_names("#kind", KIND)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":contact", schema::s(schema::kind::CONTACT))
            .expression_attribute_values(":version", schema::n(leaving.version));
        action(put)
    }

    fn delete_contact(&self, leaving: &Leaving) -> Result<TransactWriteItem, LedgerError> {
        let delete = Delete::builder()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::contact_key(&leaving.id)))
            .condition_expression("#kind = :contact AND #version = :version")
            .expression_attribute_names("#kind", KIND)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":contact", schema::s(schema::kind::CONTACT))
            .expression_attribute_values(":version", schema::n(leaving.version));
        delete_action(delete.build())
    }

    /// The deletion of the remains, on condition that they are there.
    pub(crate) fn delete_remains_action(&self, leaving: &Leaving) -> Result<TransactWriteItem, LedgerError> {
        let delete = Delete::builder()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::contact_key(&leaving.id)))
            .condition_expression("#kind = :remains")
            .expression_attribute_names("#kind", KIND)
            .expression_attribute_values(":remains", schema::s(schema::kind::REMAINS));
        delete_action(delete.build())
    }

    /// Adds counts to where they belong; none if there is nothing to count.
    pub(crate) fn count(
        &self,
        counted_in: &CountedIn,
        counts: &Counts,
    ) -> Result<Option<TransactWriteItem>, LedgerError> {
        if counts.is_empty() {
            return Ok(None);
        }
        let mut update = Update::builder().table_name(&self.tables.ledger);
        let mut add = vec![];
        for (number, (kind, outcome, amount)) in counts.iter().enumerate() {
            let (name, value) = (format!("#n{number}"), format!(":n{number}"));
            add.push(format!("{name} {value}"));
            update = update
                .expression_attribute_names(name, schema::tally_attribute(kind, outcome))
                .expression_attribute_values(value, AttributeValue::N(amount.to_string()));
        }
        let add = add.join(", ");
        let update = match counted_in {
            CountedIn::Tally(key) => update
                .set_key(Some(key.clone()))
                .update_expression(format!("ADD {add}"))
                .condition_expression(format!("attribute_exists({PK})")),
            // Whoever writes the certificate has to know that nothing was counted since.
            CountedIn::Erasure(erasure) => update
                .set_key(Some(schema::erasure_key(erasure)))
                .update_expression(format!("ADD #version :one, {add}"))
                .condition_expression("#state = :running")
                .expression_attribute_names("#version", VERSION)
                .expression_attribute_names("#state", STATE)
                .expression_attribute_values(":one", schema::n(1))
                .expression_attribute_values(":running", schema::s(erasure_state::RUNNING)),
        };
        update_action(update.build()).map(Some)
    }

    /// Deletes the records that are still there and counts them. False if they can be counted no more: an erasure has ended, and
    /// somebody else has deleted them all; or another run of the purge has taken over.
    async fn delete_counted(&self, deletions: &[Deletion], counted_in: &CountedIn) -> Result<bool, LedgerError> {
        let mut rest = deletions;
        while !rest.is_empty() {
            let mut actions = 0;
            let fitting = rest
                .iter()
                .take_while(|deletion| {
                    actions += deletion.actions.len();
                    actions <= MOST_ACTIONS
                })
                .count();
            let (now, later) = rest.split_at(fitting.max(1));
            if !self.delete_together(now.iter().collect(), counted_in).await? {
                return Ok(false);
            }
            rest = later;
        }
        Ok(true)
    }

    async fn delete_together(&self, mut left: Vec<&Deletion>, counted_in: &CountedIn) -> Result<bool, LedgerError> {
        for _ in 0..ATTEMPTS {
            if left.is_empty() {
                return Ok(true);
            }
            let mut counts = Counts::default();
            let mut actions = vec![];
            let mut conditions = vec![];
            for deletion in &left {
                counts.add(deletion.kind, Outcome::Deleted, 1);
                conditions.push(actions.len());
                actions.extend(deletion.actions.iter().cloned());
            }
            let count_at = actions.len();
            actions.extend(self.count(counted_in, &counts)?);
            let Transacted::Refused(refused) = self.transact("delete what is left of a contact", &actions).await?
            else {
                return Ok(true);
            };
            let is_refused = |at: usize| refused.get(at).copied().unwrap_or(false);
            if is_refused(count_at) {
                return Ok(false);
            }
            let mut gone = conditions.into_iter().map(is_refused);
            left.retain(|_| !gone.next().unwrap_or(false));
        }
        Err(LedgerError::Contended { attempts: ATTEMPTS })
    }

    async fn delete_records(&self, leaving: &Leaving, counted_in: &CountedIn) -> Result<bool, LedgerError> {
        loop {
            let mut beside = self.beside(&leaving.id).await?;
            if beside.hold.is_some() {
                let hold = (Kind::LegalHold, schema::legal_hold_key(&leaving.id));
                beside.records.push(hold);
            }
            let records = self.records(beside.records)?;
            if !self.delete_counted(&records, counted_in).await? {
                return Ok(false);
            }
            if beside.is_all {
                return Ok(true);
            }
        }
    }

    fn records(&self, records: Vec<(Kind, Item)>) -> Result<Vec<Deletion>, LedgerError> {
        let deletions = records.into_iter().map(|(kind, key)| {
            Ok(Deletion {
                kind,
                actions: vec![self.delete_existing(key)?],
            })
        });
        deletions.collect()
    }

    async fn delete_messages(&self, leaving: &Leaving, counted_in: &CountedIn) -> Result<bool, LedgerError> {
        let messages = self.messages(&leaving.places).await?;
        self.delete_counted(&self.outbox_deletions(messages)?, counted_in).await
    }

    fn outbox_deletions(&self, messages: Vec<Item>) -> Result<Vec<Deletion>, LedgerError> {
        self.records(messages.into_iter().map(|key| (Kind::Outbox, key)).collect())
    }

    /// The keys of the contact's messages that are still there.
    async fn messages(&self, places: &Places) -> Result<Vec<Item>, LedgerError> {
        let keys: Vec<_> = places.messages.keys().map(schema::outbox_key).collect();
        let mut there = vec![];
        for keys in keys.chunks(BATCH) {
            let request = vec![(self.tables.ledger.clone(), keys.to_vec())];
            let items = self.batch_get("look for the messages of a contact", request).await?;
            there.extend(items.iter().map(schema::key_of));
        }
        Ok(there)
    }

    /// Deletes quarantined deliveries that mention the contact, with their keys. They cannot be read, and may hold anything.
    async fn delete_mentions(&self, leaving: &Leaving, counted_in: &CountedIn) -> Result<bool, LedgerError> {
        let aliases: Vec<_> = leaving.places.aliases.iter().map(Pseudonym::to_string).collect();
        let mentions = |item: &Item| {
            let mentioned = item.get(MENTIONS).and_then(|mentions| mentions.as_ss().ok());
            mentioned.is_some_and(|mentioned| mentioned.iter().any(|alias| aliases.contains(alias)))
        };
        let what = "look for quarantined deliveries";
        let mut from = None;
        loop {
            let call = self
                .client
                .query()
                .table_name(&self.tables.ledger)
                .index_name(DUE_INDEX)
                .key_condition_expression("#shard = :shard")
                .expression_attribute_names("#shard", DUE_SHARD)
                .expression_attribute_values(":shard", schema::s(QUARANTINE_SHARD))
                .limit(DELIVERIES)
                .set_exclusive_start_key(from)
                .send();
            let page = self
                .within(what, call)
                .await?
                .map_err(|error| LedgerError::call(what, &error))?;
            let keys: Vec<_> = page.items.unwrap_or_default().iter().map(schema::key_of).collect();
            if !keys.is_empty() {
                let request = vec![(self.tables.ledger.clone(), keys)];
                let items = self.batch_get(what, request).await?;
                let found = items.iter().filter(|item| mentions(item));
                let deletions: Vec<_> = found
                    .map(|item| self.quarantine_deletion(item))
                    .collect::<Result<_, _>>()?;
                if !self.delete_counted(&deletions, counted_in).await? {
                    return Ok(false);
                }
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(true);
            }
        }
    }

    fn quarantine_deletion(&self, item: &Item) -> Result<Deletion, LedgerError> {
        let key = Delete::builder()
            .table_name(&self.tables.keys)
            .set_key(Some(schema::key_row(schema::text(item, PK)?)));
        Ok(Deletion {
            kind: Kind::Quarantine,
            actions: vec![self.delete_existing(schema::key_of(item))?, delete_action(key.build())?],
        })
    }

    /// What lies beside a contact in its partition, the first page of it.
    async fn beside(&self, contact: &ContactId) -> Result<Beside, LedgerError> {
        let what = "look for the records of a contact";
        let call = self
            .client
            .query()
            .table_name(&self.tables.ledger)
            .key_condition_expression("#pk = :pk")
            .projection_expression("#pk, #sk, #kind, #until")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_names("#kind", KIND)
            .expression_attribute_names("#until", UNTIL)
            .expression_attribute_values(":pk", schema::s(schema::contact_pk(contact)))
            .consistent_read(true)
            .limit(PAGE)
            .send();
        let page = self
            .within(what, call)
            .await?
            .map_err(|error| LedgerError::call(what, &error))?;
        let mut beside = Beside {
            records: vec![],
            hold: None,
            is_all: page.last_evaluated_key.is_none(),
        };
        for item in page.items.unwrap_or_default() {
            match schema::parsed(&item, KIND)? {
                Kind::Contact | Kind::Remains => {}
                Kind::LegalHold => beside.hold = Some(Time::from_unix_seconds(schema::number(&item, UNTIL)?)),
                kind @ (Kind::Evidence | Kind::Send | Kind::Finding) => {
                    beside.records.push((kind, schema::key_of(&item)))
                }
                // Nobody has said what becomes of it.
                _ => return Err(LedgerError::corrupt(KIND)),
            }
        }
        Ok(beside)
    }
}

/// What stays at an alias of a contact that is gone; none if nothing does.
pub(crate) fn tombstone_item(
    alias: &Pseudonym,
    tombstone: &Tombstone,
    policy: &Policy,
    now: Time,
) -> Result<Option<Item>, LedgerError> {
    let Some(due_at) = tombstone.due_at(policy, now) else {
        return Ok(None);
    };
    let [first, ..] = alias.as_bytes();
    let body = serde_json::to_string(tombstone).map_err(|_| LedgerError::corrupt(BODY))?;
    let mut item = schema::alias_key(alias);
    item.insert(KIND.to_owned(), schema::s(schema::kind::TOMBSTONE));
    item.insert(BODY.to_owned(), schema::s(body));
    schema::set_due(&mut item, Kind::Tombstone, schema::purge_shard(*first), due_at);
    // A wish that is looked at again, or that outlives another one, must not go because a purge is late.
    if !tombstone.clone().without_what_is_over(policy, due_at).is_empty() {
        item.remove(EXPIRES_AT);
    }
    Ok(Some(item))
}

/// The key of an item of the ledger.
/// What an item has counted.
pub(crate) fn counted(item: &Item) -> Result<Counts, LedgerError> {
    let counted: BTreeMap<_, _> = item.iter().collect();
    let mut counts = Counts::default();
    for (name, value) in counted {
        if let Some((kind, outcome)) = schema::tally_counts(name) {
            let amount = value.as_n().ok().and_then(|amount| amount.parse().ok());
            counts.add(kind, outcome, amount.ok_or(LedgerError::corrupt("count"))?);
        }
    }
    Ok(counts)
}
