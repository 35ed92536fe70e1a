//! All that the tables hold about one person.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use consent::copy::{EventPart, Held, HeldRecord, PersonPart};
use consent::evidence::Evidence;
use consent::id::PolicyVersion;
use consent::policy::Policy;
use consent::retention::Kind;
use consent::time::Time;
use identity::{Bsuid, Identifiers, PhoneNumber, Pseudonym, Sealed};
use serde_json::{Map, Value, json};

use crate::contact::{Found, Subject, countries};
use crate::error::LedgerError;
use crate::history::StoredRecord;
use crate::schema::{
    self, ATTEMPTS, BODY, CASE, DUE_AT, KIND, MENTIONS, OBSERVED_AT, PK, QUARANTINE_SHARD, REASON, SK, STATE, UNTIL,
};
use crate::store::Ledger;

/// The most keys of one BatchGetItem.
const BATCH: usize = 100;

/// How many quarantined deliveries are read in one go. Each may be as large as an item can be.
const DELIVERIES: usize = 25;

/// Whose data it is.
#[derive(Debug)]
pub enum HeldAbout {
    /// This is all.
    One(Box<Held>),
    /// The number belongs to one contact and the id to another: who is whom has to be known first.
    Two,
}

impl Ledger {
    /// All that is held about the person with these identifiers, as it is at that time. What is sealed is opened, unless it may be
    /// about others as well.
    ///
    /// # Errors
    /// When DynamoDB fails, the deadline comes, or an item is not readable.
    pub async fn held_about(&self, who: &Identifiers, policy: &Policy, now: Time) -> Result<HeldAbout, LedgerError> {
        let subject = match self.find(who).await? {
            Found::Nobody => None,
            Found::One(subject) => Some(subject),
            Found::Two(_) => return Ok(HeldAbout::Two),
        };
        let identity = subject.as_ref().map_or(who, |subject| &subject.identity);
        let mut aliases: BTreeSet<_> = identity
            .iter()
            .map(|identifier| self.keys.pseudonym.alias(&identifier))
            .collect();
        let mut held = Held {
            person: PersonPart {
                contact_id: subject.as_ref().map(|subject| subject.contact.id),
                phone: identity.phone().map(PhoneNumber::e164),
                bsuid: identity.bsuid().map(Bsuid::as_str).map(str::to_owned),
            },
            contact: subject.as_ref().map(|subject| subject.contact.clone()),
            events: vec![],
            records: vec![],
        };
        if let Some(subject) = &subject {
            aliases.extend(subject.upkeep.places.aliases.iter().copied());
            self.hold_contact(subject, &mut held).await?;
            self.hold_messages(subject, &mut held).await?;
        }
        self.hold_aliases(identity, &aliases, &mut held).await?;
        self.hold_cases(&aliases, &mut held).await?;
        self.hold_mentions(&aliases, &mut held).await?;
        for (campaign, part, reference) in self.entries_of(held.person.contact_id.as_ref(), &aliases).await? {
            held.records.push(record(
                Kind::AudiencePart,
                None,
                json!({"campaign": campaign, "part": part, "ref": reference}),
            ));
        }
        for (alias, at) in self.erased_lately(now, policy).await? {
            if aliases.contains(&alias) {
                held.records
                    .push(record(Kind::ErasureRegister, None, json!({"erased_at": at})));
            }
        }
        held.records.sort_by_key(|record| record.kind);
        Ok(HeldAbout::One(Box::new(held)))
    }

    /// The policies that events name besides the one in force, as far as they are there and can be read.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn policies_named(&self, held: &Held, in_force: &Policy) -> Result<Vec<Policy>, LedgerError> {
        let named: BTreeSet<PolicyVersion> = held
            .events
            .iter()
            .filter_map(EventPart::evidence)
            .map(|evidence| evidence.policy)
            .filter(|version| *version != in_force.version())
            .collect();
        let mut policies = vec![];
        for version in named {
            let item = self.get("read a policy", schema::policy_key(&version)).await?;
            let text = item.as_ref().and_then(|item| schema::text(item, BODY).ok());
            policies.extend(text.and_then(|text| Policy::parse(text).ok()));
        }
        Ok(policies)
    }

    /// What lies in the contact's own partition, and its key.
    async fn hold_contact(&self, subject: &Subject, held: &mut Held) -> Result<(), LedgerError> {
        let contact = &subject.contact.id;
        let mut events = vec![];
        for item in self.partition("read a contact", schema::contact_pk(contact)).await? {
            let due_at = schema::time_if_there(&item, DUE_AT)?;
            let kind = schema::parsed(&item, KIND)?;
            let says = match kind {
                Kind::Evidence => {
                    events.push(StoredRecord::read(item));
                    continue;
                }
                Kind::Contact => json!({
                    "registers": schema::body::<Value>(&item)?,
                    "countries": countries(&item),
                    "identifiers": subject.identity,
                }),
                Kind::Send | Kind::Finding => {
                    let mut says: Map<String, Value> = schema::body(&item)?;
                    let (_, campaign) = schema::text(&item, SK)?.split_once('#').unwrap_or_default();
                    says.insert("campaign".to_owned(), json!(campaign));
                    Value::Object(says)
                }
                Kind::LegalHold => json!({
                    "until": schema::time_if_there(&item, UNTIL)?,
                    "set_at": schema::time_if_there(&item, OBSERVED_AT)?,
                    "reason": open_text(subject, REASON, schema::blob(&item, REASON)?),
                }),
                // The contact could not have been read if there were any.
                _ => return Err(LedgerError::corrupt(KIND)),
            };
            held.records.push(record(kind, due_at, says));
        }
        events.sort_by_key(|event| event.sequence.unwrap_or(u64::MAX));
        held.events = events.into_iter().map(|event| event_part(subject, event)).collect();
        let key = json!({"seals": "everything personal of this contact"});
        held.records.push(record(Kind::SubjectKey, None, key));
        Ok(())
    }

    async fn hold_messages(&self, subject: &Subject, held: &mut Held) -> Result<(), LedgerError> {
        let keys: Vec<_> = subject.upkeep.places.messages.keys().map(schema::outbox_key).collect();
        for keys in keys.chunks(BATCH) {
            let request = vec![(self.tables.ledger.clone(), keys.to_vec())];
            for item in self.batch_get("read the messages of a contact", request).await? {
                let mut says: Map<String, Value> = schema::body(&item)?;
                says.insert("state".to_owned(), json!(schema::text(&item, STATE)?));
                says.insert(
                    "attempts".to_owned(),
                    json!(schema::number(&item, ATTEMPTS).unwrap_or(0)),
                );
                says.insert("reason".to_owned(), json!(schema::text(&item, REASON).ok()));
                let due_at = schema::time_if_there(&item, DUE_AT)?;
                held.records.push(record(Kind::Outbox, due_at, Value::Object(says)));
            }
        }
        Ok(())
    }

    /// What stands at the keyed hashes of the person's numbers and ids.
    async fn hold_aliases(
        &self,
        identity: &Identifiers,
        aliases: &BTreeSet<Pseudonym>,
        held: &mut Held,
    ) -> Result<(), LedgerError> {
        let of = |hash: &Pseudonym| {
            let is = |alias: Pseudonym| alias == *hash;
            let pseudonym = &self.keys.pseudonym;
            match identity.iter().find(|identifier| is(pseudonym.alias(identifier))) {
                Some(identity::Identifier::Phone(_)) => "phone number",
                Some(identity::Identifier::Bsuid(_)) => "WhatsApp id",
                None => "earlier number or id",
            }
        };
        let keys = aliases.iter().map(schema::alias_key).collect();
        let request = vec![(self.tables.ledger.clone(), keys)];
        for item in self.batch_get("look up aliases", request).await? {
            let alias = schema::alias(schema::text(&item, PK)?).ok_or(LedgerError::corrupt(PK))?;
            let due_at = schema::time_if_there(&item, DUE_AT)?;
            let (hash, of) = (alias.to_string(), of(&alias));
            let (kind, says) = if schema::is_kind(&item, Kind::Tombstone) {
                let wishes: Value = schema::body(&item)?;
                (Kind::Tombstone, json!({"keyed_hash": hash, "of": of, "wishes": wishes}))
            } else {
                (Kind::Alias, json!({"keyed_hash": hash, "of": of}))
            };
            held.records.push(record(kind, due_at, says));
        }
        Ok(())
    }

    async fn hold_cases(&self, aliases: &BTreeSet<Pseudonym>, held: &mut Held) -> Result<(), LedgerError> {
        let mut cases = BTreeSet::new();
        for alias in aliases {
            for link in self.case_links(alias).await? {
                let case = schema::parsed(&link, CASE)?;
                cases.insert(case);
                let says = json!({"keyed_hash": alias.to_string(), "case": case});
                held.records.push(record(Kind::CaseLink, None, says));
            }
        }
        for id in cases {
            let Some(stored) = self.case(&id).await? else { continue };
            let details = stored.details.as_ref();
            let says = json!({
                "case": stored.case,
                "state": stored.case.state(),
                "recipient": details.map(|details| &details.recipient),
                "notes": details.map(|details| &details.notes),
            });
            held.records.push(record(Kind::Case, None, says));
        }
        Ok(())
    }

    /// Deliveries that could not be read and mention the person. Nobody knows whom else they are about, so they stay sealed
    /// (Art. 15(4) GDPR).
    async fn hold_mentions(&self, aliases: &BTreeSet<Pseudonym>, held: &mut Held) -> Result<(), LedgerError> {
        let aliases: BTreeSet<_> = aliases.iter().map(ToString::to_string).collect();
        let keys = self
            .indexed("look for quarantined deliveries", QUARANTINE_SHARD, Time::MAX)
            .await?;
        for keys in keys.chunks(DELIVERIES) {
            let request = vec![(self.tables.ledger.clone(), keys.to_vec())];
            for item in self.batch_get("look for quarantined deliveries", request).await? {
                let mentioned = item.get(MENTIONS).and_then(|mentions| mentions.as_ss().ok());
                if !mentioned.is_some_and(|mentioned| mentioned.iter().any(|alias| aliases.contains(alias))) {
                    continue;
                }
                let says = json!({
                    "received_at": schema::time_if_there(&item, OBSERVED_AT)?,
                    "why": schema::text(&item, REASON)?,
                });
                let due_at = schema::time_if_there(&item, DUE_AT)?;
                held.records.push(record(Kind::Quarantine, due_at, says));
            }
        }
        Ok(())
    }
}

fn record(kind: Kind, kept_until: Option<Time>, says: Value) -> HeldRecord {
    HeldRecord { kind, kept_until, says }
}

fn event_part(subject: &Subject, stored: StoredRecord) -> EventPart {
    let sealed = stored
        .evidence
        .as_ref()
        .and_then(|Evidence { sealed_words, .. }| sealed_words.as_ref());
    let sealed = sealed.and_then(|words| STANDARD_NO_PAD.decode(words).ok());
    let words = sealed.and_then(|words| open_text(subject, "words", words));
    EventPart::new(stored.sequence, stored.chained, words)
}

/// Text that was sealed under the contact's key; none if it cannot be opened.
fn open_text(subject: &Subject, name: &str, sealed: Vec<u8>) -> Option<String> {
    let owner = subject.contact.id.to_string();
    let opened = subject.key.open(&owner, name, &Sealed::from_bytes(sealed)).ok()?;
    String::from_utf8(opened).ok()
}
