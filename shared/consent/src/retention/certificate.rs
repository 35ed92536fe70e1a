//! What an erasure leaves behind: a certificate that says what was deleted, and nothing about whom.

use serde::{Deserialize, Serialize};

use crate::id::ErasureId;
use crate::policy::Policy;
use crate::time::Time;

use super::{Counts, Setting};

/// The version of the certificate's structure.
const SCHEMA: u32 = 1;

/// Proof that a request for erasure was fulfilled (Art. 5(2) and 17 GDPR). It names no person and no contact, and not the reason that
/// was given either, for that may name the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The version of its structure.
    pub schema: u32,
    /// The erasure.
    #[serde(rename = "erasure_id")]
    pub erasure: ErasureId,
    /// When it began. From then on nothing of the contact could be read any more.
    pub began_at: Time,
    /// When nothing was left to delete; none as long as something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// What was deleted, and what was reduced to a keyed hash.
    pub counts: Counts,
    /// That the key is gone with which everything personal of the contact was sealed.
    pub key_deleted: bool,
    /// Until then backups may hold what was sealed, which nobody can open.
    pub backups_until: Time,
}

impl Certificate {
    /// The certificate of an erasure that begins with deleting the key.
    pub fn begun(erasure: ErasureId, began_at: Time, policy: &Policy) -> Self {
        Self {
            schema: SCHEMA,
            erasure,
            began_at,
            finished_at: None,
            counts: Counts::default(),
            key_deleted: true,
            backups_until: policy.retention().keep(Setting::Backup).until(began_at),
        }
    }
}
