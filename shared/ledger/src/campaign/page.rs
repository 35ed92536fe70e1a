//! The recipients of a campaign, page by page, each judged with everything that a decision needs as the page is read.
//!
//! A page names the place where the next one begins, which is good as long as the audience is the same. Nobody is passed over:
//! who is erased meanwhile may at most show somebody else twice.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use consent::campaign::{Campaign, Everyone, Health, Judgement, Listing, Recipient, Usage};
use consent::id::ContactId;
use consent::policy::Policy;
use consent::time::Time;
use identity::Pseudonym;

use crate::error::LedgerError;
use crate::schema::BUCKETS;
use crate::store::Ledger;

use super::candidates::{Candidate, Question, id_of};
use super::entries::Entry;
use super::judge::Reading;
use super::{Judged, RecipientId, StoredCampaign};

/// About how many recipients a page has.
const SIZE: usize = 100;

/// The most that a page has, so that no page is left with a handful.
const MOST: usize = SIZE + SIZE / 2;

/// Of how many items of the table a page of everyone is made: a contact has several.
const ITEMS: i32 = 400;

/// Some recipients.
#[derive(Debug)]
pub struct Page {
    /// The recipients with the engine's answers. There may be none though there is another page.
    pub judged: Vec<Judged>,
    /// Where the next page begins; none if this is the last.
    pub next: Option<Cursor>,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The cursor is of another audience.
    #[error("the audience has changed since the page before; begin with the first page")]
    AudienceChanged,
    /// The ledger could not be asked.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    audience: Fingerprint,
    place: Place,
}

/// The text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor: write what the page before gave, or leave it out")]
pub struct InvalidCursor;

/// The beginning of an audience's digest.
type Fingerprint = [u8; 16];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// From this bucket on, before the last so many of it and of those that are read with it.
    Bucket { first: u8, left: u32 },
    /// Behind this contact in the table.
    After(ContactId),
}

impl Place {
    const BEGINNING: Self = Self::Bucket {
        first: 0,
        left: u32::MAX,
    };
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.audience.to_vec();
        match self.place {
            Place::Bucket { first, left } => {
                bytes.push(first);
                bytes.extend(left.to_be_bytes());
            }
            Place::After(contact) => bytes.extend(contact.as_bytes()),
        }
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let (audience, place) = bytes.split_first_chunk().ok_or(InvalidCursor)?;
        let place = match *place {
            [first, a, b, c, d] if first < BUCKETS => Place::Bucket {
                first,
                left: u32::from_be_bytes([a, b, c, d]),
            },
            _ => Place::After(ContactId::from_bytes(place.try_into().map_err(|_| InvalidCursor)?)),
        };
        Ok(Self {
            audience: *audience,
            place,
        })
    }
}

fn fingerprint(campaign: &Campaign) -> Fingerprint {
    let digest = campaign.audience.digest;
    digest.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// Whom a row of a page is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whom {
    Contact(ContactId),
    Unknown,
    Unread,
}

impl Ledger {
    /// About a hundred recipients of a campaign, from the cursor on, with the engine's answers as of now.
    ///
    /// # Errors
    /// When the cursor is of another audience, DynamoDB fails, or an item is not readable. A recipient who cannot be read is
    /// denied as such.
    pub async fn recipients(
        &self,
        stored: &StoredCampaign,
        from: Option<&Cursor>,
        health: &Health,
        usage: Option<Usage>,
        policy: &Policy,
        now: Time,
    ) -> Result<Page, PageError> {
        let campaign = &stored.campaign;
        let audience = fingerprint(campaign);
        if from.is_some_and(|cursor| cursor.audience != audience) {
            return Err(PageError::AudienceChanged);
        }
        let place = from.map_or(Place::BEGINNING, |cursor| cursor.place);
        let question = Question::of(campaign, health, usage, policy, now);
        let (judged, next) = match (&campaign.audience.everyone, place) {
            (None, Place::Bucket { first, left }) => self.listed(campaign, first, left, &question).await?,
            (Some(everyone), place) => {
                let after = match place {
                    Place::Bucket { .. } => None,
                    Place::After(contact) => Some(contact),
                };
                self.some_of(campaign, everyone, after.as_ref(), &question, policy, now)
                    .await?
            }
            (None, Place::After(_)) => return Err(PageError::AudienceChanged),
        };
        let next = next.map(|place| Cursor { audience, place });
        Ok(Page { judged, next })
    }

    /// Recipients of an audience of parts.
    async fn listed(
        &self,
        campaign: &Campaign,
        mut first: u8,
        mut left: u32,
        question: &Question<'_>,
    ) -> Result<(Vec<Judged>, Option<Place>), LedgerError> {
        let width = read_together(campaign.audience.recipients);
        loop {
            let last = first.saturating_add(width - 1).min(BUCKETS - 1);
            let entries = self.read_buckets(campaign, first..=last, true).await?;
            // Counted from the end: who is taken from the audience before that changes nothing.
            let begin = entries
                .len()
                .saturating_sub(usize::try_from(left).unwrap_or(usize::MAX));
            let rest = entries.len() - begin;
            let size = if rest <= MOST { rest } else { SIZE };
            let next = if size < rest {
                Some(Place::Bucket {
                    first,
                    left: u32::try_from(rest - size).unwrap_or(u32::MAX),
                })
            } else {
                (last + 1 < BUCKETS).then_some(Place::Bucket {
                    first: last + 1,
                    left: u32::MAX,
                })
            };
            match next {
                Some(Place::Bucket { first: on, left: all }) if size == 0 => (first, left) = (on, all),
                next => {
                    let judged = self
                        .judge_entries(campaign, &entries, begin..begin + size, question)
                        .await?;
                    return Ok((judged, next));
                }
            }
        }
    }

    /// Judges some of the entries that were read together.
    async fn judge_entries(
        &self,
        campaign: &Campaign,
        entries: &[Entry],
        shown: std::ops::Range<usize>,
        question: &Question<'_>,
    ) -> Result<Vec<Judged>, LedgerError> {
        let duplicates = Duplicates::among(entries);
        let shown: Vec<(usize, &Entry)> = shown.filter_map(|place| Some((place, entries.get(place)?))).collect();
        let strangers = shown.iter().filter(|(_, entry)| entry.contact.is_none());
        let owners = self.whom(strangers.map(|(_, entry)| entry.alias).collect()).await?;
        let mut whom: Vec<Whom> = shown
            .iter()
            .map(|(_, entry)| match entry.contact {
                Some(contact) => Whom::Contact(contact),
                None => owners.get(&entry.alias).copied().unwrap_or(Whom::Unknown),
            })
            .collect();
        let mut read = self.read_people(&whom, campaign).await?;
        // Whoever was removed since may have come back as another contact.
        let is_gone = |entry: &Entry, whom: &Whom| match whom {
            Whom::Contact(id) => entry.contact.is_some() && matches!(read.get(id), Some(Reading::Unknown)),
            Whom::Unknown | Whom::Unread => false,
        };
        let gone: Vec<_> = shown
            .iter()
            .zip(&whom)
            .map(|((_, entry), whom)| is_gone(entry, whom))
            .collect();
        let aliases = shown.iter().zip(&gone).filter(|(_, gone)| **gone);
        let owners = self.whom(aliases.map(|((_, entry), _)| entry.alias).collect()).await?;
        if !owners.is_empty() {
            for (((_, entry), gone), whom) in shown.iter().zip(gone).zip(&mut whom) {
                if gone {
                    *whom = owners.get(&entry.alias).copied().unwrap_or(Whom::Unknown);
                }
            }
            read.extend(self.read_people(&whom, campaign).await?);
        }
        let mut turned_out = HashSet::new();
        let row = |((place, entry), whom): (&(usize, &Entry), Whom)| {
            let is_met = match whom {
                // Somebody who was listed as a stranger, and is on the list as a contact too.
                Whom::Contact(id) if entry.contact != Some(id) => {
                    duplicates.contacts.contains(&id) || !turned_out.insert(id)
                }
                Whom::Contact(_) | Whom::Unknown | Whom::Unread => false,
            };
            let listing = if is_met || duplicates.places.contains(place) {
                Listing::Duplicate
            } else {
                Listing::First
            };
            let reading = match whom {
                Whom::Contact(id) => read.get(&id),
                Whom::Unknown => Some(&Reading::Unknown),
                Whom::Unread => None,
            };
            let (contact, judgement) = answer(question, reading, listing);
            Judged {
                contact,
                reference: entry.reference.clone(),
                judgement,
            }
        };
        Ok(shown.iter().zip(whom).map(row).collect())
    }

    /// Whom the aliases belong to now.
    async fn whom(&self, aliases: BTreeSet<Pseudonym>) -> Result<HashMap<Pseudonym, Whom>, LedgerError> {
        if aliases.is_empty() {
            return Ok(HashMap::new());
        }
        let owners = match self.owners(&aliases).await {
            Ok(owners) => owners,
            Err(error @ LedgerError::OutOfTime { .. }) => return Err(error),
            Err(_) => return Ok(aliases.into_iter().map(|alias| (alias, Whom::Unread)).collect()),
        };
        let whom = |alias: Pseudonym| {
            let owner = owners.get(&alias);
            (alias, owner.map_or(Whom::Unknown, |owner| Whom::Contact(*owner)))
        };
        Ok(aliases.into_iter().map(whom).collect())
    }

    /// What is there of the contacts among some people, with what proves their consents.
    async fn read_people(
        &self,
        whom: &[Whom],
        campaign: &Campaign,
    ) -> Result<HashMap<ContactId, Reading>, LedgerError> {
        let contact = |whom: &Whom| match whom {
            Whom::Contact(id) => Some(*id),
            Whom::Unknown | Whom::Unread => None,
        };
        let ids: BTreeSet<ContactId> = whom.iter().filter_map(contact).collect();
        let who: Vec<_> = ids.iter().map(|id| Some(RecipientId::Contact(*id))).collect();
        let read = self.read_recipients(&who, &campaign.plan.purpose).await;
        Ok(ids
            .into_iter()
            .zip(read.into_iter().map(|(_, reading)| reading))
            .collect())
    }

    /// Some of everyone who has consented to a purpose.
    async fn some_of(
        &self,
        campaign: &Campaign,
        everyone: &Everyone,
        after: Option<&ContactId>,
        question: &Question<'_>,
        policy: &Policy,
        now: Time,
    ) -> Result<(Vec<Judged>, Option<Place>), LedgerError> {
        let crowd = self.crowd_after(after, ITEMS).await?;
        let (mut whom, mut last, mut is_cut) = (vec![], None, false);
        for item in &crowd.items {
            if whom.len() == MOST {
                is_cut = true;
                break;
            }
            let id = id_of(item)?;
            last = Some(id);
            let is_one = Candidate::read(item)
                .is_ok_and(|Candidate { contact, countries }| everyone.includes(&contact, &countries, policy, now));
            if is_one {
                whom.push(Whom::Contact(id));
            }
        }
        let read = self.read_people(&whom, campaign).await?;
        let row = |whom: &Whom| {
            let reading = match whom {
                Whom::Contact(id) => read.get(id),
                Whom::Unknown | Whom::Unread => None,
            };
            let (contact, judgement) = answer(question, reading, Listing::First);
            Judged {
                contact,
                reference: None,
                judgement,
            }
        };
        let goes_on = is_cut || crowd.next.is_some();
        let next = last.filter(|_| goes_on).map(Place::After);
        Ok((whom.iter().map(row).collect(), next))
    }
}

/// The engine's answer on somebody as they were read; not at all, if they could not be.
fn answer(question: &Question<'_>, reading: Option<&Reading>, listing: Listing) -> (Option<ContactId>, Judgement) {
    match reading {
        Some(Reading::Known(known, proof)) => {
            let judgement = question.on(&known.contact, &known.countries, *proof, listing);
            (Some(known.contact.id), judgement)
        }
        Some(Reading::Unknown) => (None, question.on_nobody(Recipient::Unknown, listing)),
        Some(Reading::Bad) => (None, question.on_nobody(Recipient::Bad, listing)),
        Some(Reading::Unread) | None => (None, question.on_nobody(Recipient::Unread, listing)),
    }
}

/// Who of some entries was met before.
struct Duplicates {
    places: HashSet<usize>,
    contacts: HashSet<ContactId>,
}

impl Duplicates {
    fn among(entries: &[Entry]) -> Self {
        let (mut met, mut contacts, mut places) = (HashSet::new(), HashSet::new(), HashSet::new());
        for (place, entry) in entries.iter().enumerate() {
            let is_new = met.insert(entry.alias) && entry.contact.is_none_or(|contact| contacts.insert(contact));
            if !is_new {
                places.insert(place);
            }
        }
        Self { places, contacts }
    }
}

/// How many buckets have about as many recipients as a page.
fn read_together(recipients: u64) -> u8 {
    let width = u64::from(BUCKETS) * SIZE as u64 / recipients.max(1);
    u8::try_from(width).unwrap_or(BUCKETS).clamp(1, BUCKETS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place() -> impl Strategy<Value = Place> {
        prop_oneof![
            (0..BUCKETS, any::<u32>()).prop_map(|(first, left)| Place::Bucket { first, left }),
            any::<[u8; 16]>().prop_map(|id| Place::After(ContactId::from_bytes(id))),
        ]
    }

    proptest! {
        #[test]
        fn a_cursor_is_read_as_it_was_written(audience in any::<[u8; 16]>(), place in place()) {
            let cursor = Cursor { audience, place };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn no_text_makes_reading_a_cursor_panic(text in "\\PC{0,60}") {
            let _ = text.parse::<Cursor>();
        }
    }

    #[test]
    fn what_is_read_together_makes_about_a_page() {
        assert_eq!(read_together(0), 64);
        assert_eq!(read_together(100), 64);
        assert_eq!(read_together(5_000), 1);
        assert_eq!(read_together(1_000_000), 1);
    }
}
