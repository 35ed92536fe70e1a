//! Tickets: the permission to send one message to one contact, now.

use crate::id::{CampaignId, ContactId, Locale, TemplateName};
use crate::signed;
use crate::time::{Span, Time};
use crate::token::TokenKey;

use super::plan::Template;

/// How long a ticket can be used.
pub const TICKET_LIFE: Span = Span::seconds(60);

/// What every ticket begins with.
const PREFIX: &str = "as1t.";

/// The permission to send a campaign's message to a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The campaign.
    pub campaign: CampaignId,
    /// The contact.
    pub contact: ContactId,
    /// What may be sent.
    pub template: Template,
    /// From when on it cannot be used any more.
    pub expires_at: Time,
}

/// Why a ticket cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// No key of ours signed it.
    #[error("the ticket is not one of ours: send what the gate answered, without a change")]
    Forged,
    /// Its time is over.
    #[error("the ticket has expired: a ticket can be used for 60 seconds; report what became of the send")]
    Expired,
}

impl Ticket {
    /// The ticket of a send that was decided then.
    pub fn new(campaign: CampaignId, contact: ContactId, template: Template, decided_at: Time) -> Self {
        Self {
            campaign,
            contact,
            template,
            expires_at: decided_at + TICKET_LIFE,
        }
    }

    /// The ticket as text.
    pub fn encode(&self, key: &TokenKey) -> String {
        let mut bytes = self.contact.as_bytes().to_vec();
        bytes.extend(signed::time_bytes(self.expires_at));
        for text in [self.campaign.as_str(), self.template.language.as_str()] {
            // Neither is longer than 64 characters.
            bytes.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(self.template.name.as_str().as_bytes());
        signed::write(PREFIX, key.mac_of_tickets(), bytes)
    }

    /// Reads a ticket that one of the keys signed.
    ///
    /// # Errors
    /// If none did, or if it cannot be used any more.
    pub fn decode(text: &str, keys: &[TokenKey], now: Time) -> Result<Self, TicketError> {
        let bytes = signed::read(PREFIX, keys.iter().map(TokenKey::mac_of_tickets), text);
        let ticket = bytes.and_then(|bytes| Self::read(&bytes)).ok_or(TicketError::Forged)?;
        if now >= ticket.expires_at {
            return Err(TicketError::Expired);
        }
        Ok(ticket)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (contact, rest) = bytes.split_first_chunk()?;
        let (expires_at, rest) = rest.split_first_chunk()?;
        let (campaign, rest) = text(rest)?;
        let (language, rest) = text(rest)?;
        Some(Self {
            campaign: campaign.parse().ok()?,
            contact: ContactId::from_bytes(*contact),
            template: Template {
                name: std::str::from_utf8(rest).ok()?.parse::<TemplateName>().ok()?,
                language: language.parse::<Locale>().ok()?,
            },
            expires_at: signed::time_from(expires_at),
        })
    }
}

/// A text that its length precedes, and what follows.
fn text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (text, rest) = rest.split_at_checked(usize::from(*length))?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: TokenKey = TokenKey::from_bytes([7; 32]);

    fn tickets() -> impl Strategy<Value = Ticket> {
        let text = ("[a-z0-9][a-z0-9_-]{0,63}", "[a-z0-9_]{1,80}", "[a-z]{2}(_[A-Z]{2})?");
        (text, any::<[u8; 16]>(), 1..Time::MAX.unix_seconds()).prop_map(|((campaign, name, language), contact, at)| {
            Ticket {
                campaign: campaign.parse().unwrap(),
                contact: ContactId::from_bytes(contact),
                template: Template {
                    name: name.parse().unwrap(),
                    language: language.parse().unwrap(),
                },
                expires_at: Time::from_unix_seconds(at),
            }
        })
    }

    proptest! {
        #[test]
        fn a_ticket_can_be_used_as_it_was_given_until_it_expires(ticket in tickets()) {
            let text = ticket.encode(&KEY);
            let keys = [TokenKey::from_bytes([8; 32]), KEY];
            let last = ticket.expires_at - Span::seconds(1);
            prop_assert_eq!(Ticket::decode(&text, &keys, last), Ok(ticket.clone()));
            prop_assert_eq!(Ticket::decode(&text, &keys, ticket.expires_at), Err(TicketError::Expired));
            prop_assert_eq!(Ticket::decode(&text, &keys[..1], last), Err(TicketError::Forged));
        }

        #[test]
        fn no_changed_ticket_is_accepted(ticket in tickets(), place in any::<prop::sample::Index>(), letter in "[A-Za-z0-9_-]") {
            let text = ticket.encode(&KEY);
            let place = PREFIX.len() + place.index(text.len() - PREFIX.len());
            let mut forged = text.clone();
            forged.replace_range(place..=place, &letter);
            prop_assume!(forged != text);
            prop_assert_eq!(Ticket::decode(&forged, &[KEY], Time::EPOCH), Err(TicketError::Forged));
        }

        #[test]
        fn no_text_makes_it_panic(text in "(as1t\\.)?.{0,200}") {
            prop_assert!(Ticket::decode(&text, &[KEY], Time::EPOCH).is_err());
        }
    }
}
