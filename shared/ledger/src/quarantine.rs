//! What could not be read is put aside, sealed, for someone to look at.

use consent::time::{Span, Time};
use identity::PseudonymDomain;

use crate::error::LedgerError;
use crate::schema::{self, BODY, DUE_AT, DUE_SHARD, KIND, OBSERVED_AT, PK, PURGE_SHARD, REASON};
use crate::store::Ledger;

/// How long an unreadable delivery is kept for repair.
const KEPT: Span = Span::days(14);

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
    /// Puts an unreadable delivery aside, once. False if it is there already.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn quarantine(&self, unreadable: &Quarantined<'_>) -> Result<bool, LedgerError> {
        let what = "put an unreadable delivery aside";
        let hash =
            consent::id::EventId::from_bytes(self.keys.pseudonym.of(PseudonymDomain::Quarantine, &[unreadable.raw]));
        let hash = hash.to_string();
        // It belongs to nobody that is known, so it is sealed under the ledger's own key.
        let sealed = self
            .keys
            .sealing()?
            .seal(&hash, schema::kind::QUARANTINE, unreadable.raw);
        let mut item = schema::quarantine_key(&hash);
        item.insert(KIND.to_owned(), schema::s(schema::kind::QUARANTINE));
        item.insert(
            BODY.to_owned(),
            schema::bytes(sealed.map_err(|_| LedgerError::NoEntropy)?.into_bytes()),
        );
        item.insert(REASON.to_owned(), schema::s(&*unreadable.reason));
        item.insert(OBSERVED_AT.to_owned(), schema::time(unreadable.received_at));
        item.insert(DUE_SHARD.to_owned(), schema::s(PURGE_SHARD));
        item.insert(DUE_AT.to_owned(), schema::time(unreadable.received_at + KEPT));
        let call = self
            .client
            .put_item()
            .table_name(&self.tables.ledger)
            .set_item(Some(item))
            .condition_expression(format!("attribute_not_exists({PK})"))
            .send();
        self.conditionally(what, call).await
    }
}
