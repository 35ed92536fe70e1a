//! Keys and attributes, the only place that names them.
//!
//! | access pattern | keys | call |
//! |---|---|---|
//! | whose phone number or id is this | `alias#<keyed hash>` / `alias` | BatchGetItem, both identifiers at once |
//! | a contact and its key | `contact#<id>` / `contact`, and `contact#<id>` in the key table | BatchGetItem over both tables |
//! | contacts, and whether their keys are there | the same, of the keys the names alone | BatchGetItem over both tables |
//! | commit a decision | contact, aliases, key, evidence, outbox | TransactWriteItems |
//! | a contact's history | `contact#<id>` / `evidence#<event id>` | Query, all pages |
//! | a message of the outbox | `outbox#<id>` / `outbox` | GetItem, UpdateItem with a lease |
//! | a deletion from Meta's contact book and its key | `outbox#<id>` / `outbox`, and `outbox#<id>` in the key table | UpdateItem with a lease, GetItem |
//! | a step of a case, and the message that follows from it | `outbox#<id>` / `outbox` of both, the contact | UpdateItem with a lease, TransactWriteItems |
//! | settle that deletion | outbox, its key, `erasure#<id>` / `erasure` | TransactWriteItems |
//! | messages of the outbox that are due | index `due`: `outbox#<shard>` / due time | Query |
//! | the policy in force, or whether it is another one now | `policy` / `active` | GetItem |
//! | publish a policy | that and `policy#<version>` / `policy` | TransactWriteItems |
//! | a policy of earlier, for the words that somebody agreed to | `policy#<version>` / `policy` | GetItem |
//! | the health of an account, number, portfolio or template | `health#<subject>` / facet | PutItem unless newer is there, or as new and as strict |
//! | how a sender and a template are | `health#<subject>` / facet of all of them | BatchGetItem |
//! | bind a caller's idempotency key | `idempotency#<keyed hash>` / `idempotency` | PutItem unless a live one is there |
//! | put an unreadable delivery aside | `quarantine#<keyed hash>` / `quarantine`, and its key in the key table | TransactWriteItems unless it is there |
//! | what is due, oldest first | index `due`: `purge#<shard>`, `quarantine#0` / due time | Query |
//! | look at what is due | the items that the index names, and the legal hold of a contact | BatchGetItem |
//! | purge a contact | contact, key, aliases, evidence, outbox, tally of the run | TransactWriteItems |
//! | hold a contact's records, release them | `contact#<id>` / `legal_hold` | TransactWriteItems, DeleteItem |
//! | begin an erasure | contact, key, aliases, `erasure#<id>` / `erasure`, register, contact book | TransactWriteItems |
//! | what is left of a contact on its way out | `contact#<id>`; `outbox#<id>` / `outbox` of each message it had | Query, BatchGetItem |
//! | delete some of it | those, and what counts them: a tally or `erasure#<id>` / `erasure` | TransactWriteItems |
//! | end an erasure | what remains of the contact, `erasure#<id>` / `erasure` | TransactWriteItems |
//! | an erasure and its certificate | `erasure#<id>` / `erasure` | GetItem |
//! | who was erased lately | `erased#<day>#<shard>` in the key table; its deadline: `erased#<day>#<shard>` / `erasure_register` | UpdateItem, GetItem |
//! | quarantined deliveries that mention an erased contact | index `due`: `quarantine#0` | Query, BatchGetItem |
//! | where the purge stands, and its lease | `retention` / `state` | UpdateItem |
//! | what a lane of a run has counted | `purge_runs` / `<began at>#<run id>#<lane>` | UpdateItem in each transaction |
//! | reports of the purge | `purge_runs` / `<began at>#<run id>` | Query |
//! | a campaign | `campaign#<id>` / `campaign` | GetItem, TransactWriteItems |
//! | campaigns that may be due for a check, nearest first | index `due`: `campaigns#0` / start | Query |
//! | a part of an audience, replaced as a whole | `campaign#<id>` / `bucket#<bucket>#<part>`, `audience`, `campaign`; `campaign#<id>` in the key table | TransactWriteItems |
//! | everyone on some buckets of an audience | `campaign#<id>` / `bucket#<bucket>#<part>` | Query |
//! | everyone there is | `contact#<id>` / `contact` | Scan by segments |
//! | a hundred contacts | `contact#<id>` / `contact` | BatchGetItem |
//! | the check in progress, and each worker's share of it | `campaign#<id>` / `check` | conditional PutItem, UpdateItem |
//! | end a check | `campaign#<id>` / `check`, `campaign` | TransactWriteItems |
//! | let a campaign's message go | contact, `contact#<id>` / `send#<campaign>` | TransactWriteItems |
//! | what became of it | the same, `contact#<id>` / `finding#<campaign>` | UpdateItem, TransactWriteItems |
//! | a case | `case#<id>` / `case`, and its key in the key table | BatchGetItem over both tables |
//! | register a case, unless the person has one open for the same | `case#<id>` / `case`, its key, `cases#<keyed hash>` / `case#<id>`, `open#<what>` | TransactWriteItems |
//! | a step of a case | `case#<id>` / `case`; at its end `cases#<keyed hash>` / `open#<what>` as well | TransactWriteItems |
//! | the cases of a person | `cases#<keyed hash>` / `case#<id>` | Query |
//! | open cases by deadline, closed ones by how long they are kept | index `due`: `open_cases#0`, `closed_cases#0` | Query, BatchGetItem |
//! | a copy of what is held about a person | `copy#<case>` / `copy`, `<made at>#<number>`; the case's key | PutItem, GetItem |
//! | all that is held about a person | `contact#<id>`, its aliases, messages and cases; the indexes of audiences and quarantined deliveries | Query, BatchGetItem |
//! | figures of a week, or whom a breach concerns | everything | Scan by segments |
//! | how many people were written to first | `usage#<hour>` / `usage` | BatchGetItem, UpdateItem |
//!
//! Every item carries `kind`, so that a stream filter or a purge knows it without looking at its key. What belongs to the
//! domain is JSON in `body`, and an attribute of its own exists only where a condition, an index or a filter needs it.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use consent::campaign::{PartId, Template};
use consent::case::CaseKind;
use consent::id::{CampaignId, CaseId, ContactId, ErasureId, EventId, OutgoingId, PolicyVersion, RunId, SenderId};
use consent::retention::{Kind, Outcome};
use consent::time::{Span, Time};
use identity::Pseudonym;
use serde::de::DeserializeOwned;

use crate::error::LedgerError;

/// Partition key of both tables.
pub(crate) const PK: &str = "pk";
/// Sort key of the ledger.
pub(crate) const SK: &str = "sk";
/// What the item is.
pub(crate) const KIND: &str = "kind";
/// What the domain keeps, as JSON; sealed bytes where it is personal.
pub(crate) const BODY: &str = "body";
/// How often the item was written; every change is conditional on it.
pub(crate) const VERSION: &str = "version";
/// A contact's identifiers, sealed under its key.
pub(crate) const IDENTITY: &str = "identity";
/// The countries that a contact's number may be of, as a list of their codes, for those who do not open the identity. They
/// tell no more than a calling code does.
pub(crate) const COUNTRIES: &str = "countries";
/// The contact that an item belongs to.
pub(crate) const CONTACT: &str = "contact";
/// A contact's data key, wrapped.
pub(crate) const WRAPPED_KEY: &str = "wrapped_key";
/// The link of the chain before a record of evidence.
pub(crate) const PREVIOUS: &str = "previous";
/// The link that a record of evidence makes.
pub(crate) const LINK: &str = "link";
/// The state of a message in the outbox.
pub(crate) const STATE: &str = "state";
/// How often sending was tried.
pub(crate) const ATTEMPTS: &str = "attempts";
/// Under which claim a message of the outbox was taken last.
pub(crate) const CLAIM: &str = "claim";
/// Why a message of the outbox ended without being sent.
pub(crate) const REASON: &str = "reason";
/// The erasure that a deletion from Meta's contact book is a part of; what has it is no message.
pub(crate) const ERASURE: &str = "erasure";
/// What an erasure knows of Meta's contact book: one of [`contact_book`].
pub(crate) const CONTACT_BOOK: &str = "contact_book";
/// The keyed hash of the request that a caller's idempotency key stands for.
pub(crate) const REQUEST: &str = "request";
/// When something was observed, in seconds.
pub(crate) const OBSERVED_AT: &str = "observed_at";
/// How strict a report of health is: of two of the same second the greater counts.
pub(crate) const STRICTNESS: &str = "strictness";
/// Partition key of the index of what is due.
pub(crate) const DUE_SHARD: &str = "due_shard";
/// Sort key of the index of what is due, in seconds.
pub(crate) const DUE_AT: &str = "due_at";
/// DynamoDB's own expiry, in seconds: the second net behind the purge.
pub(crate) const EXPIRES_AT: &str = "expires_at";
/// Where else something of a contact lies: its aliases and its messages.
pub(crate) const PLACES: &str = "places";
/// A record's place in its contact's chain, kept where the record itself is reduced.
pub(crate) const SEQUENCE: &str = "sequence";
/// The proof that a record was reduced by the ledger.
pub(crate) const REDUCTION: &str = "reduction";
/// Keyed hashes of every number and id that a quarantined delivery mentions, or that a case is about.
pub(crate) const MENTIONS: &str = "mentions";
/// Who was erased: keyed hashes, each with when, in seconds.
pub(crate) const ERASED: &str = "erased";
/// Until when a legal hold lasts, in seconds.
pub(crate) const UNTIL: &str = "until";
/// How often the purge could do nothing with a record.
pub(crate) const FAILURES: &str = "failures";
/// The partition of the index that a record was in before it was set aside.
pub(crate) const HOME_SHARD: &str = "home_shard";
/// The signature of a report or certificate.
pub(crate) const SIGNATURE: &str = "signature";
/// Until when the purge is one run's alone, in seconds.
pub(crate) const LEASE_UNTIL: &str = "lease_until";
/// The run of the purge that has the lease.
pub(crate) const HOLDER: &str = "holder";
/// The run of the purge whose counts are not summed up yet, as JSON.
pub(crate) const OPEN_RUN: &str = "open_run";
/// The recipients of a bucket, packed.
pub(crate) const ENTRIES: &str = "entries";
/// What the caller calls each of them, sealed under the campaign's key.
pub(crate) const REFERENCES: &str = "references";
/// The verdict on a campaign, exactly as it was signed.
pub(crate) const VERDICT: &str = "verdict";
/// How many of something there are.
pub(crate) const COUNT: &str = "count";
/// The id of the check in progress; every change of it is conditional on it.
pub(crate) const CHECK: &str = "check";
/// What is personal of a case, sealed under its key.
pub(crate) const DETAILS: &str = "details";
/// The case that something leads to. Of the outbox, what has it is a step of that case and no message.
pub(crate) const CASE: &str = "case";
/// The index of what is due.
pub(crate) const DUE_INDEX: &str = "due";

/// How many partitions of the index hold the outbox's deadlines.
pub(crate) const OUTBOX_SHARDS: u8 = 4;

/// How many partitions of the index hold the deadlines that the purge walks.
pub(crate) const PURGE_SHARDS: u8 = 8;

/// An item's attributes.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The kinds of item, as the retention schedule names them.
pub(crate) mod kind {
    use consent::retention::Kind;

    pub(crate) const CONTACT: &str = Kind::Contact.as_str();
    pub(crate) const ALIAS: &str = Kind::Alias.as_str();
    pub(crate) const TOMBSTONE: &str = Kind::Tombstone.as_str();
    pub(crate) const REMAINS: &str = Kind::Remains.as_str();
    pub(crate) const EVIDENCE: &str = Kind::Evidence.as_str();
    pub(crate) const OUTBOX: &str = Kind::Outbox.as_str();
    pub(crate) const POLICY: &str = Kind::Policy.as_str();
    pub(crate) const ACTIVE_POLICY: &str = Kind::ActivePolicy.as_str();
    pub(crate) const HEALTH: &str = Kind::Health.as_str();
    pub(crate) const IDEMPOTENCY: &str = Kind::Idempotency.as_str();
    pub(crate) const QUARANTINE: &str = Kind::Quarantine.as_str();
    pub(crate) const LEGAL_HOLD: &str = Kind::LegalHold.as_str();
    pub(crate) const ERASURE: &str = Kind::Erasure.as_str();
    pub(crate) const ERASURE_REGISTER: &str = Kind::ErasureRegister.as_str();
    pub(crate) const PURGE_RUN: &str = Kind::PurgeRun.as_str();
    pub(crate) const PURGE_TALLY: &str = Kind::PurgeTally.as_str();
    pub(crate) const RETENTION_STATE: &str = Kind::RetentionState.as_str();
    pub(crate) const CAMPAIGN: &str = Kind::Campaign.as_str();
    pub(crate) const CAMPAIGN_CHECK: &str = Kind::CampaignCheck.as_str();
    pub(crate) const AUDIENCE: &str = Kind::Audience.as_str();
    pub(crate) const AUDIENCE_PART: &str = Kind::AudiencePart.as_str();
    pub(crate) const SEND: &str = Kind::Send.as_str();
    pub(crate) const FINDING: &str = Kind::Finding.as_str();
    pub(crate) const USAGE: &str = Kind::Usage.as_str();
    pub(crate) const CASE: &str = Kind::Case.as_str();
    pub(crate) const CASE_LINK: &str = Kind::CaseLink.as_str();
    pub(crate) const COPY: &str = Kind::Copy.as_str();
}

/// How far an erasure has come.
pub(crate) mod erasure_state {
    /// The contact cannot be read any more; something of it is still there.
    pub(crate) const RUNNING: &str = "running";
    /// Nothing of the contact is left.
    pub(crate) const DONE: &str = "done";
}

/// How far the deletion of an erased contact from Meta's contact book has come.
pub(crate) mod contact_book {
    /// Meta is still to be asked.
    pub(crate) const PENDING: &str = "pending";
    /// Meta has no entry any more.
    pub(crate) const DELETED: &str = "deleted";
    /// Meta did not delete it as long as it was asked.
    pub(crate) const GAVE_UP: &str = "gave_up";
}

/// The sort key before each record of evidence.
pub(crate) const EVIDENCE_PREFIX: &str = "evidence#";

pub(crate) fn contact_pk(id: &ContactId) -> String {
    format!("contact#{id}")
}

pub(crate) fn contact_id(pk: &str) -> Option<ContactId> {
    pk.strip_prefix("contact#")?.parse().ok()
}

/// The partition of the purge's index that a contact's deadline stands in.
pub(crate) fn contact_shard(id: &ContactId) -> String {
    let [first, ..] = id.as_bytes();
    purge_shard(*first)
}

pub(crate) fn contact_key(id: &ContactId) -> Item {
    key(contact_pk(id), kind::CONTACT)
}

pub(crate) fn subject_key(id: &ContactId) -> Item {
    key_row(contact_pk(id))
}

pub(crate) fn alias_key(alias: &Pseudonym) -> Item {
    key(format!("alias#{alias}"), kind::ALIAS)
}

pub(crate) fn alias(pk: &str) -> Option<Pseudonym> {
    pk.strip_prefix("alias#")?.parse().ok()
}

/// An event is recorded once for each contact, whatever time a repetition of it says: some come without one.
pub(crate) fn evidence_key(contact: &ContactId, event: &EventId) -> Item {
    key(contact_pk(contact), &format!("{EVIDENCE_PREFIX}{event}"))
}

pub(crate) fn outbox_pk(id: &OutgoingId) -> String {
    format!("outbox#{id}")
}

pub(crate) fn outbox_key(id: &OutgoingId) -> Item {
    key(outbox_pk(id), kind::OUTBOX)
}

pub(crate) fn outbox_id(pk: &str) -> Option<OutgoingId> {
    pk.strip_prefix("outbox#")?.parse().ok()
}

/// The partition of the index that a message's deadline stands in.
pub(crate) fn outbox_shard(id: &OutgoingId) -> String {
    let [first, ..] = id.as_bytes();
    outbox_shard_name(first % OUTBOX_SHARDS)
}

pub(crate) fn outbox_shard_name(shard: u8) -> String {
    format!("outbox#{shard}")
}

/// The one-off key of a deletion from Meta's contact book, in the key table.
pub(crate) fn one_off_key(id: &OutgoingId) -> Item {
    key_row(outbox_pk(id))
}

/// The partition of the purge's index for what has this first byte in its id or hash.
pub(crate) fn purge_shard(first_byte: u8) -> String {
    format!("purge#{}", first_byte % PURGE_SHARDS)
}

pub(crate) fn erasure_key(id: &ErasureId) -> Item {
    key(format!("erasure#{id}"), kind::ERASURE)
}

/// The key of a part of a day's erasure register in the key table, and the partition key of its deadline in the ledger.
pub(crate) fn erasure_register_pk(day: &str, shard: u8) -> String {
    format!("erased#{day}#{shard}")
}

pub(crate) fn erasure_register_key(pk: &str) -> Item {
    key(pk.to_owned(), kind::ERASURE_REGISTER)
}

/// A row of the key table by its key.
pub(crate) fn key_row(pk: impl Into<String>) -> Item {
    Item::from([(PK.to_owned(), s(pk))])
}

pub(crate) fn retention_state_key() -> Item {
    key("retention".to_owned(), "state")
}

/// The partition that holds the reports of the purge and what runs in progress have counted.
pub(crate) const PURGE_RUNS: &str = "purge_runs";

/// The sort key of a run's report, and what the sort keys of its tallies begin with.
pub(crate) fn purge_run_sk(began_at: Time, run: &RunId) -> String {
    format!("{began_at}#{run}")
}

pub(crate) fn purge_run_key(began_at: Time, run: &RunId) -> Item {
    key(PURGE_RUNS.to_owned(), &purge_run_sk(began_at, run))
}

pub(crate) fn purge_tally_key(began_at: Time, run: &RunId, lane: &str) -> Item {
    key(
        PURGE_RUNS.to_owned(),
        &format!("{}#{lane}", purge_run_sk(began_at, run)),
    )
}

/// The attribute of a tally that counts records of that kind with that outcome.
pub(crate) fn tally_attribute(kind: Kind, outcome: Outcome) -> String {
    format!("{kind} {outcome}")
}

/// What an attribute of a tally counts; none if it is no count.
pub(crate) fn tally_counts(attribute: &str) -> Option<(Kind, Outcome)> {
    let (kind, outcome) = attribute.split_once(' ')?;
    let outcome = Outcome::ALL.into_iter().find(|known| known.as_str() == outcome)?;
    Some((kind.parse().ok()?, outcome))
}

pub(crate) fn legal_hold_key(id: &ContactId) -> Item {
    key(contact_pk(id), kind::LEGAL_HOLD)
}

/// How many buckets the recipients of an audience are sorted into.
pub(crate) const BUCKETS: u8 = 64;

/// The partition of the index that holds the campaigns that may have to be checked, by their start.
pub(crate) const CAMPAIGNS_SHARD: &str = "campaigns#0";

/// The partition of the index that holds the audiences' deadlines: one of their own, so that an erasure can go through all of them.
pub(crate) const AUDIENCES_SHARD: &str = "audiences#0";

/// The partition of a campaign, and the row of its key in the key table.
pub(crate) fn campaign_pk(id: &CampaignId) -> String {
    format!("campaign#{id}")
}

pub(crate) fn campaign_id(pk: &str) -> Option<CampaignId> {
    pk.strip_prefix("campaign#")?.parse().ok()
}

pub(crate) fn campaign_key(id: &CampaignId) -> Item {
    key(campaign_pk(id), kind::CAMPAIGN)
}

pub(crate) fn audience_key(id: &CampaignId) -> Item {
    key(campaign_pk(id), kind::AUDIENCE)
}

/// The bucket of an audience that a recipient belongs to.
pub(crate) fn bucket_of(alias: &Pseudonym) -> u8 {
    let [first, ..] = alias.as_bytes();
    first % BUCKETS
}

/// What the sort keys of all buckets' items begin with.
pub(crate) const BUCKET_PREFIX: &str = "bucket#";

/// What the sort keys of a bucket's items begin with. They sort by bucket.
pub(crate) fn bucket_prefix(bucket: u8) -> String {
    format!("{BUCKET_PREFIX}{bucket:02x}#")
}

/// What comes after every sort key of the bucket's items: they end with digits.
pub(crate) fn bucket_end(bucket: u8) -> String {
    format!("{}~", bucket_prefix(bucket))
}

pub(crate) fn bucket_key(id: &CampaignId, bucket: u8, part: PartId) -> Item {
    key(campaign_pk(id), &format!("{}{part}", bucket_prefix(bucket)))
}

/// The bucket and the part that a sort key names.
pub(crate) fn bucket_place(sk: &str) -> Option<(u8, PartId)> {
    let (bucket, part) = sk.strip_prefix(BUCKET_PREFIX)?.split_once('#')?;
    Some((u8::from_str_radix(bucket, 16).ok()?, part.parse().ok()?))
}

/// The check of a campaign that is in progress: there is one at a time.
pub(crate) fn check_key(id: &CampaignId) -> Item {
    key(campaign_pk(id), "check")
}

/// The attribute of a check that says who is at work on a unit of it, and until when.
pub(crate) fn unit_claim(unit: u8) -> String {
    format!("claim {unit:02x}")
}

/// The attribute of a check that holds what a unit of it came to.
pub(crate) fn unit_tally(unit: u8) -> String {
    format!("tally {unit:02x}")
}

pub(crate) fn send_key(contact: &ContactId, campaign: &CampaignId) -> Item {
    key(contact_pk(contact), &format!("send#{campaign}"))
}

pub(crate) fn finding_key(contact: &ContactId, campaign: &CampaignId) -> Item {
    key(contact_pk(contact), &format!("finding#{campaign}"))
}

/// The partition of the index that holds the open cases, by when their answers are due.
pub(crate) const OPEN_CASES_SHARD: &str = "open_cases#0";

/// The partition of the index that holds the closed ones, by when they are no longer kept.
pub(crate) const CLOSED_CASES_SHARD: &str = "closed_cases#0";

/// The partition of a case, and the row of its key in the key table.
pub(crate) fn case_pk(id: &CaseId) -> String {
    format!("case#{id}")
}

pub(crate) fn case_id(pk: &str) -> Option<CaseId> {
    pk.strip_prefix("case#")?.parse().ok()
}

pub(crate) fn case_key(id: &CaseId) -> Item {
    key(case_pk(id), kind::CASE)
}

/// The partition of what leads to the cases of a person.
pub(crate) fn cases_pk(alias: &Pseudonym) -> String {
    format!("cases#{alias}")
}

/// What leads from a person to a case.
pub(crate) fn case_link_key(alias: &Pseudonym, id: &CaseId) -> Item {
    key(cases_pk(alias), &case_pk(id))
}

/// What leads from a person to the one case about something that is open.
pub(crate) fn open_case_key(alias: &Pseudonym, what: CaseKind) -> Item {
    key(cases_pk(alias), &format!("open#{}", what.as_str()))
}

/// The partition of a case's copies.
pub(crate) fn copy_pk(case: &CaseId) -> String {
    format!("copy#{case}")
}

pub(crate) fn copy_key(case: &CaseId) -> Item {
    key(copy_pk(case), kind::COPY)
}

pub(crate) fn copy_part_key(case: &CaseId, made_at: Time, number: u32) -> Item {
    key(copy_pk(case), &format!("{made_at}#{number:04}"))
}

/// The item that counts the hour that begins then.
pub(crate) fn usage_key(hour: Time) -> Item {
    key(format!("usage#{hour}"), kind::USAGE)
}

pub(crate) fn policy_key(version: &PolicyVersion) -> Item {
    key(format!("policy#{version}"), kind::POLICY)
}

pub(crate) fn active_policy_key() -> Item {
    key("policy".to_owned(), "active")
}

pub(crate) fn account_state_key(waba: &str) -> Item {
    health_key(&format!("account#{waba}"), "state")
}

pub(crate) fn number_quality_key(sender: &SenderId) -> Item {
    health_key(&format!("number#{sender}"), "quality")
}

/// The limit is the portfolio's, and a deployment serves one portfolio.
pub(crate) fn messaging_limit_key() -> Item {
    health_key("portfolio", "limit")
}

pub(crate) fn template_status_key(waba: &str, template: &Template) -> Item {
    template_key(waba, template, "status")
}

pub(crate) fn template_category_key(waba: &str, template: &Template) -> Item {
    template_key(waba, template, "category")
}

pub(crate) fn template_quality_key(waba: &str, template: &Template) -> Item {
    template_key(waba, template, "quality")
}

/// A template is its account's: two accounts may have different ones of the same name.
fn template_key(waba: &str, template: &Template, facet: &str) -> Item {
    let Template { name, language } = template;
    health_key(&format!("template#{waba}#{name}#{language}"), facet)
}

fn health_key(subject: &str, facet: &str) -> Item {
    key(format!("health#{subject}"), facet)
}

pub(crate) fn idempotency_key(hash: &EventId) -> Item {
    key(format!("idempotency#{hash}"), kind::IDEMPOTENCY)
}

pub(crate) fn quarantine_pk(hash: &str) -> String {
    format!("quarantine#{hash}")
}

pub(crate) fn quarantine_key(hash: &str) -> Item {
    key(quarantine_pk(hash), kind::QUARANTINE)
}

/// The partition of the index that holds the deadlines of what belongs to no contact, which the purge walks.
pub(crate) const PURGE_SHARD: &str = "purge#0";

/// The partition of the index that holds the quarantined deliveries' deadlines: one of their own, so that an erasure can go
/// through all of them.
pub(crate) const QUARANTINE_SHARD: &str = "quarantine#0";

/// The partition of the index that holds what the purge could do nothing with ten times.
pub(crate) const SET_ASIDE_SHARD: &str = "set_aside";

fn key(pk: String, sk: &str) -> Item {
    Item::from([(PK.to_owned(), s(pk)), (SK.to_owned(), s(sk))])
}

pub(crate) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn n(number: impl Into<i64>) -> AttributeValue {
    AttributeValue::N(number.into().to_string())
}

pub(crate) fn time(time: Time) -> AttributeValue {
    n(time.unix_seconds())
}

pub(crate) fn bytes(bytes: Vec<u8>) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

/// How long after it is due a record that may expire is left to the purge.
const PURGE_GRACE: Span = Span::days(3);

/// Writes when a record is due, and where the purge finds it. Behind the purge DynamoDB's own expiry is the second net, where
/// deleting is all there is to do.
pub(crate) fn set_due(item: &mut Item, kind: Kind, shard: String, due_at: Time) {
    item.insert(DUE_SHARD.to_owned(), s(shard));
    item.insert(DUE_AT.to_owned(), time(due_at));
    if kind.may_expire() {
        item.insert(EXPIRES_AT.to_owned(), time(due_at + PURGE_GRACE));
    }
}

/// An item's key alone.
pub(crate) fn key_of(item: &Item) -> Item {
    let part = |name: &str| item.get(name).map(|value| (name.to_owned(), value.clone()));
    [PK, SK].into_iter().filter_map(part).collect()
}

/// An item's text attribute.
pub(crate) fn text<'a>(item: &'a Item, name: &'static str) -> Result<&'a str, LedgerError> {
    item.get(name)
        .and_then(|value| value.as_s().ok())
        .map(String::as_str)
        .ok_or(LedgerError::corrupt(name))
}

/// Whether the item is of that kind.
pub(crate) fn is_kind(item: &Item, kind: Kind) -> bool {
    text(item, KIND).is_ok_and(|name| name == kind.as_str())
}

/// An item's number attribute.
pub(crate) fn number(item: &Item, name: &'static str) -> Result<i64, LedgerError> {
    let digits = item.get(name).and_then(|value| value.as_n().ok());
    digits
        .and_then(|digits| digits.parse().ok())
        .ok_or(LedgerError::corrupt(name))
}

/// An item's time attribute, if it has it.
pub(crate) fn time_if_there(item: &Item, name: &'static str) -> Result<Option<Time>, LedgerError> {
    item.contains_key(name)
        .then(|| number(item, name).map(Time::from_unix_seconds))
        .transpose()
}

/// An item's bytes attribute.
pub(crate) fn blob(item: &Item, name: &'static str) -> Result<Vec<u8>, LedgerError> {
    let blob = item.get(name).and_then(|value| value.as_b().ok());
    blob.map(|blob| blob.as_ref().to_vec())
        .ok_or(LedgerError::corrupt(name))
}

/// An item's text attribute, read as what it stands for.
pub(crate) fn parsed<T: std::str::FromStr>(item: &Item, name: &'static str) -> Result<T, LedgerError> {
    text(item, name)?.parse().map_err(|_| LedgerError::corrupt(name))
}

/// An item's body, read from JSON.
pub(crate) fn body<T: DeserializeOwned>(item: &Item) -> Result<T, LedgerError> {
    json(item, BODY)
}

/// An item's attribute, read from JSON.
pub(crate) fn json<T: DeserializeOwned>(item: &Item, name: &'static str) -> Result<T, LedgerError> {
    serde_json::from_str(text(item, name)?).map_err(|_| LedgerError::corrupt(name))
}
