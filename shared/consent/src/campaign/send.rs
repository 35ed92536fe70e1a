//! Sends: the decisions that a campaign's message may go to a contact, as the contact remembers them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{CampaignId, PurposeId};
use crate::time::{Span, Time};

use super::ticket::TICKET_LIFE;

/// How long a contact remembers a send: as long as the longest period that a frequency promise can have.
const MEMORY: Span = Span::days(30);

/// The decision that a campaign's message may go to a contact. From the ticket on it counts as sent, since nobody can know
/// that it was not, until its sender says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Send {
    /// The purpose that it serves.
    pub purpose: PurposeId,
    /// When the ticket was made.
    pub at: Time,
}

impl Send {
    /// Whether its ticket can still be used.
    pub fn is_in_flight(&self, now: Time) -> bool {
        now < self.at + TICKET_LIFE
    }
}

/// What became of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendResult {
    /// The ticket was not used.
    NotSent,
    /// Meta did not take it, or it did not arrive.
    Failed,
    /// Meta took it.
    Sent,
}

impl SendResult {
    /// Whether the contact got nothing, so that the send counts for nothing.
    pub fn is_void(self) -> bool {
        match self {
            Self::NotSent | Self::Failed => true,
            Self::Sent => false,
        }
    }
}

/// The sends of the last 30 days, by campaign.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sends(BTreeMap<CampaignId, Send>);

impl Sends {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The send of a campaign.
    pub fn of(&self, campaign: &CampaignId) -> Option<&Send> {
        self.0.get(campaign)
    }

    /// Records a send, in place of an earlier one of the same campaign that came to nothing, and forgets those that count
    /// for nothing any more.
    pub fn record(&mut self, campaign: CampaignId, send: Send) {
        let now = send.at;
        self.0.retain(|_, sent| now < sent.at + MEMORY);
        self.0.insert(campaign, send);
    }

    /// Forgets a send that came to nothing, if it is the one of that time.
    pub fn forget(&mut self, campaign: &CampaignId, at: Time) {
        if self.of(campaign).is_some_and(|send| send.at == at) {
            self.0.remove(campaign);
        }
    }

    /// When messages for a purpose went out, apart from those of one campaign.
    pub(super) fn times<'a>(
        &'a self,
        purpose: &'a PurposeId,
        except: Option<&'a CampaignId>,
    ) -> impl Iterator<Item = Time> + Clone + 'a {
        let others = self.0.iter().filter(move |(campaign, _)| Some(*campaign) != except);
        others
            .filter(move |(_, send)| send.purpose == *purpose)
            .map(|(_, send)| send.at)
    }

    /// The latest send.
    pub fn last(&self) -> Option<Time> {
        self.0.values().map(|send| send.at).max()
    }

    /// The campaigns whose message may still reach the contact after a stop of that time: it was let go at or after the stop,
    /// before anybody knew of it, or its ticket can still be used.
    pub(crate) fn crossing(&self, stop: Time, now: Time) -> Vec<CampaignId> {
        let crossing = |send: &Send| send.at >= stop || send.is_in_flight(now);
        let crossing = self.0.iter().filter(|(_, send)| crossing(send));
        crossing.map(|(campaign, _)| campaign.clone()).collect()
    }

    /// Takes over what another copy has seen.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (campaign, theirs) in &other.0 {
            if self.of(campaign).is_none_or(|ours| ours.at < theirs.at) {
                self.0.insert(campaign.clone(), theirs.clone());
            }
        }
    }
}
