//! A contact's evidence, read back and checked.

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use consent::evidence::{Chained, ChainedRecord, Evidence, ReducedRecord, is_intact};
use consent::id::ContactId;
use identity::Sealed;

use crate::contact::Subject;
use crate::error::LedgerError;
use crate::schema::{self, BODY, EVIDENCE_PREFIX, Item, LINK, PK, PREVIOUS, REDUCTION, SEQUENCE, SK};
use crate::store::Ledger;

/// All that happened to a contact.
#[derive(Debug)]
pub struct History {
    /// The records that are whole, in the order in which they were chained. Of others there is but the place.
    pub entries: Vec<HistoryEntry>,
    /// Whether the chain holds: no record was changed, removed or added outside the ledger.
    pub intact: bool,
}

/// One record.
#[derive(Debug)]
pub struct HistoryEntry {
    /// The record.
    pub evidence: Evidence,
    /// The contact's own words, opened.
    pub words: Option<String>,
}

/// A record of evidence as it lies in the table.
#[derive(Debug)]
pub(crate) struct StoredRecord {
    /// The key of its item.
    pub(crate) key: Item,
    /// Its place in the contact's chain; none if the item does not say it.
    pub(crate) sequence: Option<u64>,
    /// What it says; none if it was reduced or cannot be read.
    pub(crate) evidence: Option<Evidence>,
    /// The link of the chain that it makes; none if the item is not readable.
    pub(crate) chained: Option<Chained>,
}

impl StoredRecord {
    pub(crate) fn read(mut item: Item) -> Self {
        let chained = if item.contains_key(BODY) {
            whole(&item).map(Chained::Whole)
        } else {
            reduced(&item).map(Chained::Reduced)
        };
        let chained = chained.ok();
        let evidence: Option<Evidence> = match &chained {
            Some(Chained::Whole(record)) => serde_json::from_str(&record.record).ok(),
            Some(Chained::Reduced(_)) | None => None,
        };
        let sequence = match &chained {
            Some(Chained::Reduced(record)) => Some(record.sequence),
            Some(Chained::Whole(_)) | None => evidence.as_ref().map(|evidence| evidence.sequence),
        };
        item.retain(|name, _| name == PK || name == SK);
        Self {
            key: item,
            sequence,
            evidence,
            chained,
        }
    }
}

fn whole(item: &Item) -> Result<ChainedRecord, LedgerError> {
    Ok(ChainedRecord {
        record: schema::text(item, BODY)?.to_owned(),
        previous: schema::parsed(item, PREVIOUS)?,
        link: schema::parsed(item, LINK)?,
    })
}

fn reduced(item: &Item) -> Result<ReducedRecord, LedgerError> {
    Ok(ReducedRecord {
        sequence: u64::try_from(schema::number(item, SEQUENCE)?).map_err(|_| LedgerError::corrupt(SEQUENCE))?,
        previous: schema::parsed(item, PREVIOUS)?,
        link: schema::parsed(item, LINK)?,
        reduction: schema::parsed(item, REDUCTION)?,
    })
}

impl Ledger {
    /// A contact's evidence.
    ///
    /// # Errors
    /// When DynamoDB fails. A record that cannot be read makes the history not intact; it is no error.
    pub async fn history(&self, subject: &Subject) -> Result<History, LedgerError> {
        let id = subject.contact.id;
        let (evidence, chain): (Vec<_>, Vec<_>) = self
            .stored_records(&id)
            .await?
            .into_iter()
            .map(|record| (record.evidence, record.chained))
            .unzip();
        let chain: Option<Vec<_>> = chain.into_iter().collect();
        let intact = chain.is_some_and(|chain| is_intact(&self.keys.chain(), &id, &subject.contact.chain, &chain));
        let entries = evidence
            .into_iter()
            .flatten()
            .map(|evidence| entry(subject, evidence))
            .collect();
        Ok(History { entries, intact })
    }

    /// Every record of a contact in the order in which they were chained, what is not readable last.
    pub(crate) async fn stored_records(&self, id: &ContactId) -> Result<Vec<StoredRecord>, LedgerError> {
        let what = "read evidence";
        let mut records = vec![];
        let mut from = None;
        loop {
            let call = self
                .client
                .query()
                .table_name(&self.tables.ledger)
                .key_condition_expression("#pk = :pk AND begins_with(#sk, :prefix)")
                .expression_attribute_names("#pk", PK)
                .expression_attribute_names("#sk", SK)
                .expression_attribute_values(":pk", schema::s(schema::contact_pk(id)))
                .expression_attribute_values(":prefix", schema::s(EVIDENCE_PREFIX))
                .consistent_read(true)
                .set_exclusive_start_key(from)
                .send();
            let page = self
                .within(what, call)
                .await?
                .map_err(|error| LedgerError::call(what, &error))?;
            records.extend(page.items.unwrap_or_default().into_iter().map(StoredRecord::read));
            from = page.last_evaluated_key;
            if from.is_none() {
                records.sort_by_key(|record| record.sequence.unwrap_or(u64::MAX));
                return Ok(records);
            }
        }
    }

    /// Reduces a record to its place in the chain, on condition that nobody has done it yet. None if there is nothing to reduce,
    /// or nothing that could be read.
    pub(crate) fn reduce_record(
        &self,
        contact: &ContactId,
        stored: &StoredRecord,
    ) -> Result<Option<TransactWriteItem>, LedgerError> {
        let (Some(Chained::Whole(record)), Some(sequence)) = (&stored.chained, stored.sequence) else {
            return Ok(None);
        };
        let reduced = ReducedRecord::new(&self.keys.chain(), contact, sequence, record.previous, record.link);
        let number = i64::try_from(sequence).map_err(|_| LedgerError::corrupt(SEQUENCE))?;
        let update = Update::builder()
            .table_name(&self.tables.ledger)
            .set_key(Some(stored.key.clone()))
            .update_expression("SET #sequence = :sequence, #reduction = :reduction REMOVE #body")
            .condition_expression("attribute_exists(#body)")
            .expression_attribute_names("#sequence", SEQUENCE)
            .expression_attribute_names("#reduction", REDUCTION)
            .expression_attribute_names("#body", BODY)
            .expression_attribute_values(":sequence", schema::n(number))
            .expression_attribute_values(":reduction", schema::s(reduced.reduction.to_string()))
            .build()
            .map_err(|_| LedgerError::corrupt(BODY))?;
        Ok(Some(TransactWriteItem::builder().update(update).build()))
    }
}

fn entry(subject: &Subject, evidence: Evidence) -> HistoryEntry {
    let sealed = evidence
        .sealed_words
        .as_ref()
        .and_then(|words| STANDARD_NO_PAD.decode(words).ok());
    let opened = sealed.and_then(|sealed| {
        subject
            .key
            .open(&subject.contact.id.to_string(), "words", &Sealed::from_bytes(sealed))
            .ok()
    });
    HistoryEntry {
        words: opened.and_then(|words| String::from_utf8(words).ok()),
        evidence,
    }
}
