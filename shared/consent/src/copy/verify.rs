//! Whether a copy is as the ledger made it.

use std::collections::BTreeSet;

use crate::evidence::{ChainKey, Chained, ChainedRecord, Link, ReducedRecord, is_intact};
use crate::id::{ContactId, NoticeVersion};

use super::{Copy, EventPart};

/// What came of looking at a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many events there are.
    pub events: usize,
    /// How many notices there are.
    pub notices: usize,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// The events do not follow each other from the first to the last.
    #[error("event {at}: the link before it is not the one that the event before it makes")]
    Gap {
        /// Which event of the file, from 1.
        at: usize,
    },
    /// An event cannot be read.
    #[error("event {at}: it cannot be read")]
    Unreadable {
        /// Which event of the file, from 1.
        at: usize,
    },
    /// An event is numbered otherwise than it lies.
    #[error("event {at}: it does not say that it is number {at} of the chain")]
    Misnumbered {
        /// Which event of the file, from 1.
        at: usize,
    },
    /// The chain ends elsewhere than the copy says.
    #[error("the chain ends at another link, or after another number of events, than the copy says")]
    End,
    /// There are events, and nothing says where they end.
    #[error("there are events, and nothing says whose they are or where they end")]
    NoEnd,
    /// A link does not follow from its record under the key.
    #[error(
        "the links are not those that the key makes of these records: a record was changed, or the key is another one"
    )]
    Forged,
    /// A notice shows something else than under its name.
    #[error("notice {0}: it shows something else than what has this name")]
    OtherWords(NoticeVersion),
    /// An event names a notice that is not there.
    #[error("notice {0}: an event names it, and its words are not in the copy")]
    MissingNotice(NoticeVersion),
}

impl Copy {
    /// Looks at whether the events follow each other without a gap and the notices are those that they name; and, with the chain's
    /// key, whether anything in them was changed.
    pub fn verify(&self, key: Option<&ChainKey>) -> Verified {
        let mut findings = vec![];
        let chain: Vec<Option<Chained>> = self.events.iter().map(EventPart::chained).collect();
        let mut before = Link::START;
        for (at, (event, chained)) in (1..).zip(self.events.iter().zip(&chain)) {
            let Some(chained) = chained else {
                findings.push(Finding::Unreadable { at });
                continue;
            };
            if chained.previous() != before {
                findings.push(Finding::Gap { at });
            }
            let says = event.evidence().map(|evidence| evidence.sequence).or(event.sequence);
            if says != u64::try_from(at).ok() || event.sequence != says {
                findings.push(Finding::Misnumbered { at });
            }
            before = chained.link();
        }
        match (&self.chain, self.person.contact_id) {
            (Some(end), Some(contact)) => {
                if end.link != before || u64::try_from(self.events.len()) != Ok(end.length) {
                    findings.push(Finding::End);
                }
                if let Some(key) = key
                    && !self.is_genuine(key, &contact, chain)
                {
                    findings.push(Finding::Forged);
                }
            }
            _ if !self.events.is_empty() => findings.push(Finding::NoEnd),
            _ => {}
        }
        self.verify_notices(&mut findings);
        Verified {
            events: self.events.len(),
            notices: self.notices.len(),
            findings,
        }
    }

    fn is_genuine(&self, key: &ChainKey, contact: &ContactId, chain: Vec<Option<Chained>>) -> bool {
        let chain: Option<Vec<Chained>> = chain.into_iter().collect();
        match (chain, &self.chain) {
            (Some(chain), Some(end)) => is_intact(key, contact, end, &chain),
            _ => false,
        }
    }

    fn verify_notices(&self, findings: &mut Vec<Finding>) {
        for notice in &self.notices {
            if notice.name() != notice.version {
                findings.push(Finding::OtherWords(notice.version));
            }
        }
        let there: BTreeSet<_> = self.notices.iter().map(|notice| notice.version).collect();
        let events = self.events.iter().filter_map(EventPart::evidence);
        let named: BTreeSet<_> = events.flat_map(|evidence| evidence.notices).collect();
        findings.extend(named.difference(&there).map(|missing| Finding::MissingNotice(*missing)));
    }
}

impl EventPart {
    /// The event as it lies in the chain; none if it cannot be read.
    fn chained(&self) -> Option<Chained> {
        let (previous, link) = (self.previous?, self.link?);
        match (&self.record, self.reduction) {
            (Some(record), None) => Some(Chained::Whole(ChainedRecord {
                record: record.get().to_owned(),
                previous,
                link,
            })),
            (None, Some(reduction)) => Some(Chained::Reduced(ReducedRecord {
                sequence: self.sequence?,
                previous,
                link,
                reduction,
            })),
            _ => None,
        }
    }
}
