//! What is asked, and what has to be known to answer.

use serde::{Deserialize, Serialize};

use crate::contact::Contact;
use crate::id::{CampaignId, SenderId};
use crate::policy::Country;
use crate::time::Time;

use super::health::Health;
use super::plan::Template;

/// Whom a message is for.
#[derive(Debug, Clone, Copy)]
pub enum Recipient<'a> {
    /// Neither a phone number nor an id.
    Bad,
    /// Somebody whom the ledger does not know.
    Unknown,
    /// Somebody about whom the ledger could not be asked.
    Unread,
    /// This contact.
    Known(&'a Contact),
}

/// A message that somebody would like to send.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Who sends it. If nobody says, every sender of the policy must be covered.
    pub sender: Option<&'a SenderId>,
    /// The template; nothing where only the consent is asked for.
    pub template: Option<&'a Template>,
    /// The campaign that it belongs to.
    pub campaign: Option<&'a CampaignId>,
    /// When it would go out: now at the gate, at the campaign's start in a check before it.
    pub at: Time,
}

/// Whether the recipient was met before in the same audience.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Listing {
    /// Not before.
    #[default]
    First,
    /// Before.
    Duplicate,
}

/// What is known of the evidence behind a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// What the contact's registers say of it; the record itself was not read. Enough for a check, never for the gate.
    Registers,
    /// The record was read. It holds all that it must show, and its link in the chain is right.
    Complete,
    /// The record lacks something that it must show, or is not there.
    Incomplete,
    /// The record is of what another system knew.
    Imported,
    /// The record was changed after it was written.
    Broken,
}

/// How much of the portfolio's messaging limit is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// How many people were written to first within 24 hours, messages that are on their way included.
    pub people: u32,
    /// When the first of them no longer count.
    pub frees_at: Time,
}

/// What has to be known beside the contact. The default knows nothing, and therefore denies.
#[derive(Debug, Clone, Copy, Default)]
pub struct Circumstances<'a> {
    /// Whether the recipient was met before.
    pub listing: Listing,
    /// What is known of the evidence.
    pub proof: Option<Proof>,
    /// The countries that the contact may be in: those that share the number's calling code. None if that is unknown.
    pub countries: &'a [Country],
    /// How the account and the template are, if that is known.
    pub health: Option<&'a Health>,
    /// How much of the messaging limit is used, if that is known.
    pub usage: Option<Usage>,
}
