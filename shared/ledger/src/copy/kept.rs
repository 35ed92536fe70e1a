//! A copy that waits to be fetched: in parts that fit into items, sealed under the key of its case.
//!
//! The parts are written first and the head last, so whoever finds a head finds all of the parts that it counts.

use consent::id::CaseId;
use consent::policy::Policy;
use consent::retention::Kind;
use consent::time::Time;
use identity::{Sealed, SubjectKey};

use crate::case::StoredCase;
use crate::error::LedgerError;
use crate::schema::{self, BODY, COUNT, DUE_AT, Item, KIND, OBSERVED_AT};
use crate::store::Ledger;

/// How many bytes of a copy are in a part. An item holds 400 KB.
const PART: usize = 350 * 1024;

impl Ledger {
    /// Keeps a copy for as long as the policy says, in place of one that was made before. False if the person was erased meanwhile.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn keep_copy(
        &self,
        stored: &StoredCase,
        bytes: &[u8],
        policy: &Policy,
        now: Time,
    ) -> Result<bool, LedgerError> {
        let id = &stored.case.id;
        let (Some(key), Some(due_at)) = (&stored.key, Kind::Copy.due_at(now, policy)) else {
            return Ok(false);
        };
        let mut count = 0_u32;
        for part in bytes.chunks(PART) {
            let sealed = key.seal(&schema::copy_pk(id), &part_name(now, count), part);
            let sealed = sealed.map_err(|_| LedgerError::NoEntropy)?.into_bytes();
            let mut item = copy_item(schema::copy_part_key(id, now, count), id, now, due_at);
            item.insert(BODY.to_owned(), schema::bytes(sealed));
            self.put_item("keep a copy", item).await?;
            count += 1;
        }
        let mut head = copy_item(schema::copy_key(id), id, now, due_at);
        head.insert(COUNT.to_owned(), schema::n(count));
        self.put_item("keep a copy", head).await?;
        Ok(true)
    }

    /// The copy that was made for a case; none if there is none, or if its time is over.
    ///
    /// # Errors
    /// When DynamoDB fails, or a part is missing or was changed.
    pub async fn kept_copy(&self, stored: &StoredCase, now: Time) -> Result<Option<Vec<u8>>, LedgerError> {
        let id = &stored.case.id;
        let head = self.get("read a copy", schema::copy_key(id)).await?;
        let (Some(head), Some(key)) = (head, &stored.key) else {
            return Ok(None);
        };
        if schema::time_if_there(&head, DUE_AT)?.is_none_or(|due_at| due_at <= now) {
            return Ok(None);
        }
        let made_at = schema::time_if_there(&head, OBSERVED_AT)?.ok_or(LedgerError::corrupt(OBSERVED_AT))?;
        let mut bytes = vec![];
        for number in 0..u32::try_from(schema::number(&head, COUNT)?).map_err(|_| LedgerError::corrupt(COUNT))? {
            let part = self
                .get("read a copy", schema::copy_part_key(id, made_at, number))
                .await?;
            let part = part.ok_or(LedgerError::corrupt(COUNT))?;
            bytes.extend(open_part(key, id, made_at, number, &part)?);
        }
        Ok(Some(bytes))
    }

    /// Deletes the copies that were made for a case.
    pub(crate) async fn forget_copies(&self, id: &CaseId) -> Result<(), LedgerError> {
        let what = "delete a copy";
        for item in self.partition(what, schema::copy_pk(id)).await? {
            self.delete_item(what, schema::key_of(&item)).await?;
        }
        Ok(())
    }
}

fn part_name(made_at: Time, number: u32) -> String {
    format!("copy {made_at} {number}")
}

fn copy_item(mut item: Item, id: &CaseId, made_at: Time, due_at: Time) -> Item {
    let [first, ..] = id.as_bytes();
    item.insert(KIND.to_owned(), schema::s(schema::kind::COPY));
    item.insert(OBSERVED_AT.to_owned(), schema::time(made_at));
    schema::set_due(&mut item, Kind::Copy, schema::purge_shard(*first), due_at);
    item
}

fn open_part(key: &SubjectKey, id: &CaseId, made_at: Time, number: u32, part: &Item) -> Result<Vec<u8>, LedgerError> {
    let sealed = Sealed::from_bytes(schema::blob(part, BODY)?);
    key.open(&schema::copy_pk(id), &part_name(made_at, number), &sealed)
        .map_err(|_| LedgerError::Sealed)
}
