//! Audiences: whom campaigns are for, part by part.
//!
//! A person is known on every audience by one alias, so whoever is listed twice lies twice in the same bucket. A part is
//! replaced as a whole, in one transaction with what sums it up; what an audience has on its shelves beyond its present parts
//! counts for nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::RangeInclusive;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem, Update};
use consent::campaign::{AudienceSummary, Campaign, Everyone, PART_SIZE, PartId, PartSummary, State, part_digest};
use consent::id::{CampaignId, ContactId};
use consent::policy::Policy;
use consent::retention::Kind;
use consent::time::Time;
use identity::{Identifiers, Pseudonym, PseudonymDomain, Sealed, SubjectKey};
use serde::{Deserialize, Serialize};

use crate::error::LedgerError;
use crate::places::Places;
use crate::schema::{
    self, AUDIENCES_SHARD, BODY, ENTRIES, Item, KIND, PK, PLACES, REFERENCES, SK, VERSION, WRAPPED_KEY,
};
use crate::store::{Ledger, action};
use crate::transaction::{ATTEMPTS, Amendment, Transacted, delete_action};

use super::entries::{Entry, pack, pack_references, unpack, unpack_references};
use super::judge::{CHUNK, contact_keys, readable};
use super::{CallerRef, RecipientId, StoredCampaign, plan};

/// A recipient, as a campaign tool lists them.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Whom it means.
    pub who: RecipientId,
    /// What it calls them.
    pub reference: Option<CallerRef>,
}

/// What came of putting an audience, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutPart {
    /// It is the campaign's.
    Stored {
        /// How many recipients were taken.
        accepted: u32,
        /// How many of the list were on it already.
        duplicates: u32,
        /// How many of those that were taken are no contacts. They are looked up again at each check.
        unknown: u32,
        /// The whole audience.
        audience: AudienceSummary,
    },
    /// There are more than [`PART_SIZE`] recipients; make it several parts.
    TooMany,
    /// There is no such campaign.
    NoCampaign,
    /// The campaign's audience cannot be changed any more.
    Closed(State),
}

/// A set of buckets, as the bits of a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Buckets(u64);

impl Buckets {
    fn insert(&mut self, bucket: u8) {
        self.0 |= 1 << (bucket % schema::BUCKETS);
    }

    fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn iter(self) -> impl Iterator<Item = u8> {
        (0..schema::BUCKETS).filter(move |bucket| self.0 & (1 << bucket) != 0)
    }

    fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }
}

/// A part that has something on the audience's shelves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Shelved {
    /// None if the audience does not have the part any more, and it is only to be cleared away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    summary: Option<PartSummary>,
    buckets: Buckets,
}

type Parts = BTreeMap<PartId, Shelved>;

/// The recipients of a part, as they are to be stored.
struct List {
    entries: Vec<Entry>,
    duplicates: u32,
}

impl List {
    fn unknown(&self) -> u32 {
        count(self.entries.iter().filter(|entry| entry.contact.is_none()))
    }

    fn summary(&self, invalid: u32) -> PartSummary {
        PartSummary {
            accepted: count(self.entries.iter()),
            duplicates: self.duplicates,
            invalid,
            digest: part_digest(self.entries.iter().map(|entry| *entry.alias.as_bytes())),
        }
    }

    fn by_bucket(&self) -> BTreeMap<u8, Vec<Entry>> {
        let mut buckets = BTreeMap::<_, Vec<_>>::new();
        for entry in &self.entries {
            let bucket = buckets.entry(schema::bucket_of(&entry.alias));
            bucket.or_default().push(entry.clone());
        }
        buckets
    }
}

/// An audience that can be changed, as it was read.
struct Open {
    campaign: StoredCampaign,
    /// The version of the audience's item; none if there is none yet.
    version: Option<i64>,
    parts: Parts,
    /// The key of the references, if there is one yet.
    key: Option<SubjectKey>,
}

/// Whether an audience can be changed.
enum Opening {
    Open(Box<Open>),
    Refused(PutPart),
}

impl Ledger {
    /// Replaces a part of a campaign's audience as a whole, or adds it. An audience that was everyone is made of parts from then
    /// on.
    ///
    /// `invalid` is how many further recipients of the list were neither a number nor an id.
    ///
    /// # Errors
    /// When DynamoDB fails, others win every race, or an item is not readable.
    pub async fn put_part(
        &self,
        campaign: &CampaignId,
        part: PartId,
        recipients: &[Listed],
        invalid: u32,
        policy: &Policy,
        now: Time,
    ) -> Result<PutPart, LedgerError> {
        if recipients.len() > PART_SIZE {
            return Ok(PutPart::TooMany);
        }
        // Nobody is looked up for a campaign that takes no one.
        if let Opening::Refused(refused) = self.open_audience(campaign, now).await? {
            return Ok(refused);
        }
        let list = self.look_up_all(recipients, part).await?;
        let what = "put a part of an audience";
        for attempt in 0..ATTEMPTS {
            let open = match self.open_audience(campaign, now).await? {
                Opening::Open(open) => open,
                Opening::Refused(refused) => return Ok(refused),
            };
            let (actions, audience) = self.replace_part(&open, part, &list, invalid, policy)?;
            if self.transact(what, &actions).await? == Transacted::Committed {
                return Ok(PutPart::Stored {
                    accepted: count(list.entries.iter()),
                    duplicates: list.duplicates,
                    unknown: list.unknown(),
                    audience,
                });
            }
            self.back_off(attempt, what).await?;
        }
        Err(LedgerError::Contended { attempts: ATTEMPTS })
    }

    /// Makes everyone who has consented to a purpose the audience, in place of all its parts.
    ///
    /// # Errors
    /// When DynamoDB fails, others win every race, or an item is not readable.
    pub async fn put_everyone(
        &self,
        campaign: &CampaignId,
        everyone: &Everyone,
        policy: &Policy,
        now: Time,
    ) -> Result<PutPart, LedgerError> {
        let what = "put an audience";
        for attempt in 0..ATTEMPTS {
            let open = match self.open_audience(campaign, now).await? {
                Opening::Open(open) => open,
                Opening::Refused(refused) => return Ok(refused),
            };
            let audience = AudienceSummary::of_everyone(everyone.clone());
            let shelved = open.parts.iter().map(|(part, shelved)| {
                let left = Shelved {
                    summary: None,
                    ..*shelved
                };
                (*part, left)
            });
            let left = shelved.filter(|(_, left)| !left.buckets.is_empty()).collect();
            let actions = self.put_audience(&open, &left, &audience, policy)?;
            if self.transact(what, &actions).await? == Transacted::Committed {
                match self.clear_shelves(campaign).await {
                    // What is left counts for nothing, and goes with the audience at the latest.
                    Ok(()) | Err(LedgerError::OutOfTime { .. } | LedgerError::Contended { .. }) => {}
                    Err(error) => return Err(error),
                }
                return Ok(PutPart::Stored {
                    accepted: 0,
                    duplicates: 0,
                    unknown: 0,
                    audience,
                });
            }
            self.back_off(attempt, what).await?;
        }
        Err(LedgerError::Contended { attempts: ATTEMPTS })
    }

    /// The recipients of those buckets on the present audience, by bucket, part, and place in the list.
    pub(crate) async fn read_buckets(
        &self,
        campaign: &Campaign,
        buckets: RangeInclusive<u8>,
        with_references: bool,
    ) -> Result<Vec<Entry>, LedgerError> {
        if campaign.audience.is_empty() || campaign.audience.everyone.is_some() {
            return Ok(vec![]);
        }
        let audience = self.get("read an audience", schema::audience_key(&campaign.id)).await?;
        let Some(audience) = audience else {
            return Ok(vec![]);
        };
        let parts: Parts = schema::body(&audience)?;
        let is_present = |part: &PartId| parts.get(part).is_some_and(|shelved| shelved.summary.is_some());
        let mut present = vec![];
        for item in self.bucket_items(&campaign.id, buckets, with_references).await? {
            let (bucket, part) = place(&item)?;
            if is_present(&part) {
                present.push((bucket, part, item));
            }
        }
        // The table sorts part 10 before part 2.
        present.sort_by_key(|(bucket, part, _)| (*bucket, *part));
        let key = match present.iter().any(|(_, _, item)| item.contains_key(REFERENCES)) {
            true => Some(self.references_key(&campaign.id).await?.ok_or(LedgerError::Sealed)?),
            false => None,
        };
        let mut entries = vec![];
        for (_, _, item) in &present {
            entries.extend(read_bucket(&campaign.id, item, key.as_ref())?);
        }
        Ok(entries)
    }

    /// The keys of some of the items that hold an audience's recipients; none if there are none left.
    pub(crate) async fn bucket_keys(&self, campaign: &CampaignId, most: i32) -> Result<Vec<Item>, LedgerError> {
        let what = "look for the recipients of a campaign";
        let call = self
            .client
            .query()
            .table_name(&self.tables.ledger)
            .key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)")
            .projection_expression("#pk, #sk")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_values(":pk", schema::s(schema::campaign_pk(campaign)))
            .expression_attribute_values(":prefix", schema::s(schema::BUCKET_PREFIX))
            .consistent_read(true)
            .limit(most)
            .send();
        let page = self
            .within(what, call)
            .await?
            .map_err(|error| LedgerError::call(what, &error))?;
        Ok(page.items.unwrap_or_default())
    }

    /// Takes an erased contact from the audiences of all campaigns, with what callers call it. Gives back how often it was on one.
    ///
    /// What sums an audience up stays: it names nobody, and says who was checked.
    ///
    /// # Errors
    /// When DynamoDB fails, the deadline comes, or an item is not readable. Doing it again does the rest.
    pub(crate) async fn forget_entries(&self, contact: &ContactId, aliases: &[Pseudonym]) -> Result<u64, LedgerError> {
        let mut aliases: BTreeSet<_> = aliases.iter().copied().collect();
        aliases.insert(self.recipient_alias(contact));
        let buckets: BTreeSet<u8> = aliases.iter().map(schema::bucket_of).collect();
        let is_them = |entry: &Entry| entry.contact == Some(*contact) || aliases.contains(&entry.alias);
        let mut forgotten = 0;
        for campaign in self.campaigns_in(AUDIENCES_SHARD, Time::MAX).await? {
            for bucket in &buckets {
                for item in self.bucket_items(&campaign, *bucket..=*bucket, true).await? {
                    forgotten += self.forget_in(&campaign, item, is_them).await?;
                }
            }
        }
        Ok(forgotten)
    }

    /// Where a person is on audiences, and what the caller calls them there.
    pub(crate) async fn entries_of(
        &self,
        contact: Option<&ContactId>,
        aliases: &BTreeSet<Pseudonym>,
    ) -> Result<Vec<(CampaignId, PartId, Option<String>)>, LedgerError> {
        let mut aliases = aliases.clone();
        aliases.extend(contact.map(|contact| self.recipient_alias(contact)));
        let buckets: BTreeSet<u8> = aliases.iter().map(schema::bucket_of).collect();
        let is_them = |entry: &Entry| {
            entry.contact.as_ref().is_some_and(|on| Some(on) == contact) || aliases.contains(&entry.alias)
        };
        let mut entries = vec![];
        for campaign in self.campaigns_in(AUDIENCES_SHARD, Time::MAX).await? {
            let mut key = None;
            for bucket in &buckets {
                for item in self.bucket_items(&campaign, *bucket..=*bucket, true).await? {
                    if key.is_none() {
                        key = Some(self.references_key(&campaign).await?);
                    }
                    let theirs = read_bucket(&campaign, &item, key.as_ref().and_then(Option::as_ref))?;
                    entries.extend(theirs.into_iter().filter(is_them).map(|entry| {
                        let reference = entry.reference.as_ref().map(|reference| reference.expose().to_owned());
                        (campaign.clone(), entry.part, reference)
                    }));
                }
            }
        }
        Ok(entries)
    }

    /// Takes people from a bucket's item.
    async fn forget_in(
        &self,
        campaign: &CampaignId,
        mut item: Item,
        is_them: impl Fn(&Entry) -> bool,
    ) -> Result<u64, LedgerError> {
        let what = "take somebody from an audience";
        for attempt in 0..ATTEMPTS {
            let (bucket, part) = place(&item)?;
            let read = schema::blob(&item, ENTRIES)?;
            if !unpack(&read, part)
                .ok_or(LedgerError::corrupt(ENTRIES))?
                .iter()
                .any(&is_them)
            {
                return Ok(0);
            }
            let key = self.references_key(campaign).await?;
            if key.is_none() {
                // Nobody can open them any more.
                item.remove(REFERENCES);
            }
            let entries = read_bucket(campaign, &item, key.as_ref())?;
            let (gone, rest): (Vec<_>, Vec<_>) = entries.into_iter().partition(&is_them);
            let is_unchanged = "#entries = :entries";
            let read = schema::bytes(read);
            let is_done = if rest.is_empty() {
                let call = self
                    .client
                    .delete_item()
                    .table_name(&self.tables.ledger)
                    .set_key(Some(schema::bucket_key(campaign, bucket, part)))
                    .condition_expression(is_unchanged)
                    .expression_attribute_names("#entries", ENTRIES)
                    .expression_attribute_values(":entries", read);
                self.conditionally(what, call.send()).await?
            } else {
                let call = self
                    .client
                    .put_item()
                    .table_name(&self.tables.ledger)
                    .set_item(Some(bucket_item(campaign, bucket, part, &rest, key.as_ref())?))
                    .condition_expression(is_unchanged)
                    .expression_attribute_names("#entries", ENTRIES)
                    .expression_attribute_values(":entries", read);
                self.conditionally(what, call.send()).await?
            };
            if is_done {
                return Ok(u64::from(count(gone.iter())));
            }
            self.back_off(attempt, what).await?;
            let again = self.get(what, schema::bucket_key(campaign, bucket, part)).await?;
            let Some(again) = again else { return Ok(0) };
            item = again;
        }
        Err(LedgerError::Contended { attempts: ATTEMPTS })
    }

    /// Reads what a change of an audience goes by.
    async fn open_audience(&self, id: &CampaignId, now: Time) -> Result<Opening, LedgerError> {
        let owner = schema::campaign_pk(id);
        let items = vec![schema::campaign_key(id), schema::audience_key(id)];
        let keys = vec![schema::key_row(&*owner)];
        let requests = vec![(self.tables.ledger.clone(), items), (self.tables.keys.clone(), keys)];
        let items = self.batch_get("read an audience", requests).await?;
        let of_kind = |kind| items.iter().find(|item| schema::is_kind(item, kind));
        let Some(campaign) = of_kind(Kind::Campaign) else {
            return Ok(Opening::Refused(PutPart::NoCampaign));
        };
        let campaign = self.read_campaign(campaign)?;
        if !campaign.campaign.is_open(now) {
            return Ok(Opening::Refused(PutPart::Closed(campaign.campaign.state(now))));
        }
        let audience = of_kind(Kind::Audience);
        let key = items.iter().find(|item| item.contains_key(WRAPPED_KEY));
        Ok(Opening::Open(Box::new(Open {
            campaign,
            version: audience.map(|item| schema::number(item, VERSION)).transpose()?,
            parts: audience.map(schema::body).transpose()?.unwrap_or_default(),
            key: key.map(|row| self.open_key(&owner, row)).transpose()?,
        })))
    }

    /// The key that callers' references are sealed under; none if there is none, or none any more.
    async fn references_key(&self, campaign: &CampaignId) -> Result<Option<SubjectKey>, LedgerError> {
        let owner = schema::campaign_pk(campaign);
        let keys = vec![schema::key_row(&*owner)];
        let request = vec![(self.tables.keys.clone(), keys)];
        let rows = self.batch_get("read the key of an audience", request).await?;
        rows.first().map(|row| self.open_key(&owner, row)).transpose()
    }

    /// Whom the ledger knows of a list, each person once.
    async fn look_up_all(&self, listed: &[Listed], part: PartId) -> Result<List, LedgerError> {
        let aliases_of = |who: &Identifiers| -> Vec<Pseudonym> {
            let aliases = who.iter().map(|identifier| self.keys.pseudonym.alias(&identifier));
            aliases.collect()
        };
        let people = listed.iter().filter_map(|listed| match &listed.who {
            RecipientId::Person(who) => Some(aliases_of(who)),
            RecipientId::Contact(_) => None,
        });
        let owners = self.owners(&people.flatten().collect()).await?;
        let named = listed.iter().filter_map(|listed| match &listed.who {
            RecipientId::Person(_) => None,
            RecipientId::Contact(contact) => Some(*contact),
        });
        let canonical = self.canonical(owners.values().copied().chain(named).collect()).await?;
        let mut list = List {
            entries: vec![],
            duplicates: 0,
        };
        let (mut aliases, mut contacts) = (HashSet::new(), HashSet::new());
        for Listed { who, reference } in listed {
            let known = |contact: &ContactId| canonical.get(contact).map(|alias| (*alias, Some(*contact)));
            let found = match who {
                RecipientId::Contact(contact) => known(contact).or(Some((self.recipient_alias(contact), None))),
                RecipientId::Person(who) => {
                    let own = aliases_of(who);
                    let known = own.iter().find_map(|alias| known(owners.get(alias)?));
                    known.or(own.first().map(|alias| (*alias, None)))
                }
            };
            let Some((alias, contact)) = found else { continue };
            let is_new_alias = aliases.insert(alias);
            if !contact.is_none_or(|contact| contacts.insert(contact)) || !is_new_alias {
                list.duplicates += 1;
                continue;
            }
            list.entries.push(Entry {
                alias,
                contact,
                reference: reference.clone(),
                part,
            });
        }
        Ok(list)
    }

    /// The alias that stands for each contact on every audience, of those that can be read.
    async fn canonical(&self, contacts: BTreeSet<ContactId>) -> Result<HashMap<ContactId, Pseudonym>, LedgerError> {
        let contacts: Vec<_> = contacts.into_iter().collect();
        let mut canonical = HashMap::new();
        for contacts in contacts.chunks(CHUNK) {
            let (items, keys) = contact_keys(contacts.iter().copied());
            let items = self.batch_get_unopened("read recipients", items, keys).await?;
            for id in contacts {
                let Some(item) = readable(&items, id) else { continue };
                let places: Places = schema::json(item, PLACES)?;
                if let Some(first) = places.aliases.first() {
                    canonical.insert(*id, *first);
                }
            }
        }
        Ok(canonical)
    }

    /// What stands for a contact that nobody can read on an audience.
    fn recipient_alias(&self, contact: &ContactId) -> Pseudonym {
        let hash = self
            .keys
            .pseudonym
            .of(PseudonymDomain::Recipient, &[contact.as_bytes()]);
        Pseudonym::from_bytes(hash)
    }

    /// The transaction that replaces a part, and the audience after it.
    fn replace_part(
        &self,
        open: &Open,
        part: PartId,
        list: &List,
        invalid: u32,
        policy: &Policy,
    ) -> Result<(Vec<TransactWriteItem>, AudienceSummary), LedgerError> {
        let id = &open.campaign.campaign.id;
        let (key, mut actions) = match &open.key {
            Some(key) => (key.clone(), vec![]),
            None => {
                let key = SubjectKey::generate().map_err(|_| LedgerError::NoEntropy)?;
                let put = self.put_key(&schema::campaign_pk(id), &key)?;
                (key, vec![put])
            }
        };
        let mut buckets = Buckets::default();
        for (bucket, entries) in list.by_bucket() {
            buckets.insert(bucket);
            let item = bucket_item(id, bucket, part, &entries, Some(&key))?;
            actions.push(action(self.put_ledger().set_item(Some(item)))?);
        }
        let mut parts = open.parts.clone();
        let summary = Some(list.summary(invalid));
        if let Some(before) = parts.insert(part, Shelved { summary, buckets }) {
            actions.extend(self.delete_buckets(id, part, before.buckets.without(buckets))?);
        }
        let present = parts
            .iter()
            .filter_map(|(part, shelved)| Some((*part, shelved.summary?)));
        let audience = AudienceSummary::of_parts(&present.collect());
        actions.extend(self.put_audience(open, &parts, &audience, policy)?);
        Ok((actions, audience))
    }

    /// Writes of which parts an audience is made, and what it sums up to.
    fn put_audience(
        &self,
        open: &Open,
        parts: &Parts,
        audience: &AudienceSummary,
        policy: &Policy,
    ) -> Result<Vec<TransactWriteItem>, LedgerError> {
        let campaign = Campaign {
            audience: audience.clone(),
            ..open.campaign.campaign.clone()
        };
        let mut item = schema::audience_key(&campaign.id);
        item.insert(KIND.to_owned(), schema::s(schema::kind::AUDIENCE));
        item.insert(VERSION.to_owned(), schema::n(open.version.unwrap_or(0) + 1));
        item.insert(BODY.to_owned(), body(parts)?);
        plan::set_audience_due(&mut item, &campaign, policy);
        let put = self.put_ledger().set_item(Some(item));
        let put = match open.version {
            None => put.condition_expression(format!("attribute_not_exists({PK})")),
            Some(version) => put
                .condition_expression("#version = :version")
                .expression_attribute_names("#version", VERSION)
                .expression_attribute_values(":version", schema::n(version)),
        };
        Ok(vec![action(put)?, self.change_campaign(&open.campaign, &campaign)?])
    }

    fn delete_buckets(
        &self,
        id: &CampaignId,
        part: PartId,
        buckets: Buckets,
    ) -> Result<Vec<TransactWriteItem>, LedgerError> {
        let delete = |bucket| {
            let delete = Delete::builder()
                .table_name(&self.tables.ledger)
                .set_key(Some(schema::bucket_key(id, bucket, part)));
            delete_action(delete.build())
        };
        buckets.iter().map(delete).collect()
    }

    /// Deletes what is left of parts that the audience does not have any more.
    async fn clear_shelves(&self, id: &CampaignId) -> Result<(), LedgerError> {
        let what = "clear away the parts of an audience";
        let mut attempt = 0;
        loop {
            let Some(item) = self.get(what, schema::audience_key(id)).await? else {
                return Ok(());
            };
            let mut parts: Parts = schema::body(&item)?;
            let left = parts.iter().find(|(_, shelved)| shelved.summary.is_none());
            let Some((part, shelved)) = left.map(|(part, shelved)| (*part, *shelved)) else {
                return Ok(());
            };
            parts.remove(&part);
            let version = schema::number(&item, VERSION)?;
            let update = Update::builder()
                .table_name(&self.tables.ledger)
                .set_key(Some(schema::audience_key(id)))
                .condition_expression("#version = :version")
                .expression_attribute_names("#version", VERSION)
                .expression_attribute_values(":version", schema::n(version));
            let set = Item::from([
                (VERSION.to_owned(), schema::n(version + 1)),
                (BODY.to_owned(), body(&parts)?),
            ]);
            let mut actions = self.delete_buckets(id, part, shelved.buckets)?;
            actions.push(Amendment { set, remove: vec![] }.action(update)?);
            if self.transact(what, &actions).await? == Transacted::Committed {
                continue;
            }
            attempt += 1;
            if attempt == ATTEMPTS {
                return Err(LedgerError::Contended { attempts: ATTEMPTS });
            }
            self.back_off(attempt, what).await?;
        }
    }

    /// The items of some buckets, whatever part they belong to.
    async fn bucket_items(
        &self,
        id: &CampaignId,
        buckets: RangeInclusive<u8>,
        with_references: bool,
    ) -> Result<Vec<Item>, LedgerError> {
        let what = "read an audience";
        let (first, last) = buckets.into_inner();
        let (mut items, mut after) = (vec![], None);
        loop {
            let mut query = self
                .client
                .query()
                .table_name(&self.tables.ledger)
                .consistent_read(true)
                .key_condition_expression("#pk = :pk AND #sk BETWEEN :first AND :last")
                .expression_attribute_names("#pk", PK)
                .expression_attribute_names("#sk", SK)
                .expression_attribute_values(":pk", schema::s(schema::campaign_pk(id)))
                .expression_attribute_values(":first", schema::s(schema::bucket_prefix(first)))
                .expression_attribute_values(":last", schema::s(schema::bucket_end(last)))
                .set_exclusive_start_key(after);
            if !with_references {
                query = query
                    .projection_expression("#pk, #sk, #entries")
                    .expression_attribute_names("#entries", ENTRIES);
            }
            let page = self
                .within(what, query.send())
                .await?
                .map_err(|error| LedgerError::call(what, &error))?;
            items.extend(page.items.unwrap_or_default());
            after = page.last_evaluated_key;
            if after.is_none() {
                return Ok(items);
            }
        }
    }
}

fn count<T>(entries: impl Iterator<Item = T>) -> u32 {
    u32::try_from(entries.count()).unwrap_or(u32::MAX)
}

fn body(parts: &Parts) -> Result<AttributeValue, LedgerError> {
    let body = serde_json::to_string(parts).map_err(|_| LedgerError::corrupt(BODY))?;
    Ok(schema::s(body))
}

/// The bucket and the part that an item is of.
fn place(item: &Item) -> Result<(u8, PartId), LedgerError> {
    schema::bucket_place(schema::text(item, SK)?).ok_or(LedgerError::corrupt(SK))
}

/// The item of a part's entries in a bucket. Its references are bound to their place.
fn bucket_item(
    campaign: &CampaignId,
    bucket: u8,
    part: PartId,
    entries: &[Entry],
    key: Option<&SubjectKey>,
) -> Result<Item, LedgerError> {
    let mut item = schema::bucket_key(campaign, bucket, part);
    if let (Some(references), Some(key)) = (pack_references(entries), key) {
        let sealed = key.seal(&schema::campaign_pk(campaign), schema::text(&item, SK)?, &references);
        let sealed = sealed.map_err(|_| LedgerError::NoEntropy)?.into_bytes();
        item.insert(REFERENCES.to_owned(), schema::bytes(sealed));
    }
    item.insert(KIND.to_owned(), schema::s(schema::kind::AUDIENCE_PART));
    item.insert(ENTRIES.to_owned(), schema::bytes(pack(entries)));
    Ok(item)
}

/// The entries of an item, with their references if it has them.
fn read_bucket(campaign: &CampaignId, item: &Item, key: Option<&SubjectKey>) -> Result<Vec<Entry>, LedgerError> {
    let (_, part) = place(item)?;
    let mut entries = unpack(&schema::blob(item, ENTRIES)?, part).ok_or(LedgerError::corrupt(ENTRIES))?;
    if item.contains_key(REFERENCES) {
        let sealed = Sealed::from_bytes(schema::blob(item, REFERENCES)?);
        let key = key.ok_or(LedgerError::Sealed)?;
        let references = key.open(&schema::campaign_pk(campaign), schema::text(item, SK)?, &sealed);
        let references = references.map_err(|_| LedgerError::Sealed)?;
        unpack_references(&mut entries, &references).ok_or(LedgerError::corrupt(REFERENCES))?;
    }
    Ok(entries)
}
