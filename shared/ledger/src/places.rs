//! Where else something of a contact lies, so that all of it is found without opening anything.

use std::collections::BTreeMap;

use consent::id::OutgoingId;
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
    /// Every message, and every step of a case, that may be in the outbox, and when it was decided.
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

    /// Adds what is put into the outbox, and drops what is there no more.
    pub(crate) fn add_messages(&mut self, entries: impl IntoIterator<Item = (OutgoingId, Time)>, now: Time) {
        self.messages.extend(entries);
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

    fn entry(number: u16, created_at: Time) -> (OutgoingId, Time) {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&number.to_be_bytes());
        (OutgoingId::from_bytes(id), created_at)
    }

    fn at(seconds: u16) -> Time {
        Time::from_unix_seconds(1_784_000_000) + Span::seconds(seconds.into())
    }

    #[test]
    fn messages_of_the_last_thirty_days_are_remembered() {
        let mut places = Places::default();
        places.add_messages([entry(1, at(0))], at(0));
        places.add_messages([entry(2, at(9))], at(0) + Span::days(30));
        assert_eq!(places.messages.len(), 2);
        places.add_messages([], at(1) + Span::days(30));
        assert_eq!(places.messages.into_values().collect::<Vec<_>>(), [at(9)]);
    }

    #[test]
    fn however_many_messages_there_are_the_latest_are_remembered_and_no_more() {
        let mut places = Places::default();
        let many: Vec<_> = (0..3_000).map(|number| entry(number, at(3_000 - number))).collect();
        for some in many.chunks(75) {
            places.add_messages(some.iter().copied(), at(3_000));
        }
        assert_eq!(places.messages.len(), MOST_MESSAGES);
        assert_eq!(places.messages.values().min(), Some(&at(2_001)));
    }
}
