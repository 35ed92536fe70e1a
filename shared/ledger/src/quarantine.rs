//! What could not be read is put aside, sealed, for someone to look at.
//!
//! Nobody knows whose data is in it. So it has a key of its own, which an erasure can delete, and says by keyed hashes whom it
//! mentions.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use consent::id::EventId;
use consent::policy::Policy;
use consent::retention::Kind;
use consent::time::Time;
use identity::{PseudonymDomain, SubjectKey};

use crate::error::LedgerError;
use crate::mentions;
use crate::schema::{self, BODY, KIND, MENTIONS, OBSERVED_AT, PK, QUARANTINE_SHARD, REASON};
use crate::store::{Ledger, action};
use crate::transaction::Transacted;

/// How many bytes of a delivery are kept at most. An item holds 400 KB, and the mentions need their share.
const MOST_BYTES: usize = 240 * 1024;

/// How many mentions are kept at most, of 64 bytes each.
const MOST_MENTIONS: usize = 2_000;

/// A delivery, or a part of one, that could not be read.
#[derive(Debug)]
pub struct Quarantined<'a> {
    /// The bytes as they came.
    pub raw: &'a [u8],
    /// Why it could not be read. It quotes nothing.
    pub reason: String,
    /// When it was received.
    pub received_at: Time,
}

impl Ledger {
    /// Puts an unreadable delivery aside, once. False if it is there already. Of one that is too large the beginning is kept.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn quarantine(&self, unreadable: &Quarantined<'_>, policy: &Policy) -> Result<bool, LedgerError> {
        let raw = unreadable.raw;
        let hash = EventId::from_bytes(self.keys.pseudonym.of(PseudonymDomain::Quarantine, &[raw])).to_string();
        let owner = schema::quarantine_pk(&hash);
        let key = SubjectKey::generate().map_err(|_| LedgerError::NoEntropy)?;
        let (kept, mentions) = self.what_fits(raw);
        let sealed = key.seal(&owner, BODY, kept).map_err(|_| LedgerError::NoEntropy)?;
        let mut reason = unreadable.reason.clone();
        if kept.len() < raw.len() {
            reason = format!("{reason}; kept are the first {} of {} bytes", kept.len(), raw.len());
        }
        let mut item = schema::quarantine_key(&hash);
        item.insert(KIND.to_owned(), schema::s(schema::kind::QUARANTINE));
        item.insert(BODY.to_owned(), schema::bytes(sealed.into_bytes()));
        item.insert(REASON.to_owned(), schema::s(reason));
        item.insert(OBSERVED_AT.to_owned(), schema::time(unreadable.received_at));
        if !mentions.is_empty() {
            let mentions = AttributeValue::Ss(mentions.into_iter().collect());
            item.insert(MENTIONS.to_owned(), mentions);
        }
        if let Some(due_at) = Kind::Quarantine.due_at(unreadable.received_at, policy) {
            schema::set_due(&mut item, Kind::Quarantine, QUARANTINE_SHARD.to_owned(), due_at);
        }
        let put = self
            .put_ledger()
            .set_item(Some(item))
            .condition_expression(format!("attribute_not_exists({PK})"));
        let actions = [action(put)?, self.put_key(&owner, &key)?];
        let ended = self.transact("put an unreadable delivery aside", &actions).await?;
        Ok(ended == Transacted::Committed)
    }

    /// As much of a delivery as fits into an item together with the keyed hashes of all that it mentions.
    fn what_fits<'a>(&self, raw: &'a [u8]) -> (&'a [u8], BTreeSet<String>) {
        let mut kept = mentions::beginning(raw, MOST_BYTES);
        loop {
            let mentions: BTreeSet<_> = mentions::mentions(kept)
                .iter()
                .map(|identifier| self.keys.pseudonym.alias(identifier).to_string())
                .collect();
            if mentions.len() <= MOST_MENTIONS {
                return (kept, mentions);
            }
            kept = mentions::beginning(kept, kept.len() / 2);
        }
    }
}
