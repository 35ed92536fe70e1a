//! A contact's evidence, read back and checked.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use consent::evidence::{Chained, ChainedRecord, Evidence, is_intact};
use consent::id::ContactId;
use identity::Sealed;

use crate::contact::Subject;
use crate::error::LedgerError;
use crate::schema::{self, BODY, EVIDENCE_PREFIX, LINK, PK, PREVIOUS, SK};
use crate::store::Ledger;

/// All that happened to a contact.
#[derive(Debug)]
pub struct History {
    /// The records in the order in which they were chained.
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

impl Ledger {
    /// A contact's evidence.
    ///
    /// # Errors
    /// When DynamoDB fails. A record that cannot be read makes the history not intact; it is no error.
    pub async fn history(&self, subject: &Subject) -> Result<History, LedgerError> {
        let id = subject.contact.id;
        let records = self.records(&id).await?;
        let mut read: Vec<(Option<Evidence>, ChainedRecord)> = records
            .into_iter()
            .map(|record| (serde_json::from_str(&record.record).ok(), record))
            .collect();
        read.sort_by_key(|(evidence, _)| evidence.as_ref().map_or(u64::MAX, |evidence| evidence.sequence));
        let (evidence, chain): (Vec<_>, Vec<_>) = read.into_iter().unzip();
        let intact = is_intact(
            &self.keys.chain(),
            &id,
            &subject.contact.chain,
            &chain.into_iter().map(Chained::Whole).collect::<Vec<_>>(),
        );
        let entries = evidence
            .into_iter()
            .flatten()
            .map(|evidence| entry(subject, evidence))
            .collect();
        Ok(History { entries, intact })
    }

    async fn records(&self, id: &ContactId) -> Result<Vec<ChainedRecord>, LedgerError> {
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
            for item in page.items.unwrap_or_default() {
                records.push(ChainedRecord {
                    record: schema::text(&item, BODY)?.to_owned(),
                    previous: schema::parsed(&item, PREVIOUS)?,
                    link: schema::parsed(&item, LINK)?,
                });
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(records);
            }
        }
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
