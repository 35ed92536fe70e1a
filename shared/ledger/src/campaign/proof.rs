//! Whether the evidence behind a consent is there, is as it was written, and shows what it must.

use std::collections::HashMap;

use consent::campaign::Proof;
use consent::contact::Contact;
use consent::evidence::Chained;
use consent::id::{ContactId, PurposeId};
use consent::register::Grant;

use crate::error::LedgerError;
use crate::history::StoredRecord;
use crate::read::{MOST_KEYS, ReadItems};
use crate::schema::{self, Item};
use crate::store::Ledger;

impl Ledger {
    /// What is known of the evidence behind the contacts' consents to a purpose. Whoever never gave one has none.
    pub(crate) async fn proofs(
        &self,
        contacts: &[&Contact],
        purpose: &PurposeId,
    ) -> Result<HashMap<ContactId, Proof>, LedgerError> {
        let granted: HashMap<ContactId, &Grant> = contacts
            .iter()
            .filter_map(|contact| Some((contact.id, contact.purposes.get(purpose)?.granted.get()?)))
            .collect();
        let keys: Vec<Item> = granted
            .iter()
            .map(|(contact, grant)| schema::evidence_key(contact, &grant.event))
            .collect();
        let mut items = vec![];
        for keys in keys.chunks(MOST_KEYS) {
            let request = vec![(self.tables.ledger.clone(), keys.to_vec())];
            items.extend(self.batch_get("read the evidence of consents", request).await?);
        }
        let items = ReadItems::of(items);
        let proof = |(contact, grant): (ContactId, &Grant)| {
            let item = items.get(&schema::evidence_key(&contact, &grant.event));
            (contact, self.proof(&contact, grant, purpose, item))
        };
        Ok(granted.into_iter().map(proof).collect())
    }

    fn proof(&self, contact: &ContactId, grant: &Grant, purpose: &PurposeId, item: Option<&Item>) -> Proof {
        let Some(item) = item else {
            return Proof::Incomplete;
        };
        let stored = StoredRecord::read(item.clone());
        match (stored.chained, stored.evidence) {
            (Some(Chained::Reduced(_)), _) => Proof::Incomplete,
            (Some(Chained::Whole(record)), evidence) if record.is_genuine(&self.keys.chain(), contact) => {
                let is_shown = evidence.is_some_and(|evidence| evidence.shows(grant, purpose));
                if is_shown { Proof::Complete } else { Proof::Incomplete }
            }
            (Some(Chained::Whole(_)) | None, _) => Proof::Broken,
        }
    }
}
