//! Where else something of a contact lies, so that all of it is found without opening anything.

use std::collections::BTreeMap;

use consent::id::OutgoingId;
use consent::outgoing::Outgoing;
use consent::time::{Span, Time};
use identity::Pseudonym;
use serde::{Deserialize, Serialize};

/// How long the place of a message is remembered: by then the message itself is long gone.
const MESSAGE_PLACE: Span = Span::days(30);

/// How many messages' places are remembered, the latest. Somebody who has the ledger answer without end must not make their own
/// item too large to be written; what goes unremembered goes by itself after days, and says nothing of a person.
const MOST_MESSAGES: usize = 1_000;

/// The items beside a contact's own partition that belong to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Places {
    /// Every alias that points to the contact, in the order in which they became its own. The first stands for the contact on
    /// every audience, whatever else it is known by later.
    pub(crate) aliases: Vec<Pseudonym>,
    /// Every message of the outbox that may still be there, and when it was made.
    pub(crate) messages: BTreeMap<OutgoingId, Time>,
}

impl Places {
    /// Adds aliases that become the contact's own.
    pub(crate) fn add_aliases(&mut self, aliases: impl IntoIterator<Item = Pseudonym>) {
        for alias in aliases {
            if !self.aliases.contains(&alias) {
                self.aliases.push(alias);
            }
        }
    }

    /// Adds messages that are put into the outbox, and drops those that are there no more.
    pub(crate) fn add_messages(&mut self, outbox: &[Outgoing], now: Time) {
        let new = outbox.iter().map(|outgoing| (outgoing.id, outgoing.created_at));
        self.messages.extend(new);
        self.messages.retain(|_, created_at| now <= *created_at + MESSAGE_PLACE);
        let surplus = self.messages.len().saturating_sub(MOST_MESSAGES);
        if surplus > 0 {
            let mut by_age: Vec<_> = self.messages.iter().map(|(id, at)| (*at, *id)).collect();
            by_age.sort_unstable();
            for (_, id) in by_age.into_iter().take(surplus) {
                self.messages.remove(&id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use consent::id::RequestId;
    use consent::outgoing::OutgoingKind;

    fn outgoing(number: u16, created_at: Time) -> Outgoing {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&number.to_be_bytes());
        Outgoing {
            id: OutgoingId::from_bytes(id),
            kind: OutgoingKind::Prompt {
                request: RequestId::from_bytes([0; 16]),
            },
            locale: "de".parse().unwrap(),
            sender: "1".parse().unwrap(),
            created_at,
            expires_at: created_at + Span::days(1),
        }
    }

    fn at(seconds: u16) -> Time {
        Time::from_unix_seconds(1_784_000_000) + Span::seconds(seconds.into())
    }

    #[test]
    fn messages_of_the_last_thirty_days_are_remembered() {
        let mut places = Places::default();
        places.add_messages(&[outgoing(1, at(0))], at(0));
        places.add_messages(&[outgoing(2, at(9))], at(0) + Span::days(30));
        assert_eq!(places.messages.len(), 2);
        places.add_messages(&[], at(1) + Span::days(30));
        assert_eq!(places.messages.into_values().collect::<Vec<_>>(), [at(9)]);
    }

    #[test]
    fn however_many_messages_there_are_the_latest_are_remembered_and_no_more() {
        let mut places = Places::default();
        let many: Vec<_> = (0..3_000).map(|number| outgoing(number, at(3_000 - number))).collect();
        for some in many.chunks(75) {
            places.add_messages(some, at(3_000));
        }
        assert_eq!(places.messages.len(), MOST_MESSAGES);
        assert_eq!(places.messages.values().min(), Some(&at(2_001)));
    }
}
