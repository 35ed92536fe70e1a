//! Erasing a contact because the person asked for it (Art. 17 GDPR).
//!
//! An erasure is a [removal](crate::removal) that leaves nothing but the keyed hash of whom nobody may write to, and a certificate
//! that names nobody. Its first transaction deletes the key, so whatever happens afterwards, nobody can read the contact again; the
//! rest is done by whoever comes by, the purge at the latest.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use consent::decide::Rules;
use consent::event::{Act, Event};
use consent::evidence::{Actor, TypedWords};
use consent::id::{ContactId, ErasureId, SenderId};
use consent::policy::Policy;
use consent::retention::{Certificate, Kind, Outcome, Signature, Tombstone};
use consent::time::Time;
use identity::{Bsuid, PseudonymDomain};

use crate::change::Who;
use crate::contact::Subject;
use crate::error::LedgerError;
use crate::removal::{CountedIn, Draft, Hold, Leaving, Refusal, counted};
use crate::schema::{
    self, BODY, CONTACT, CONTACT_BOOK, DUE_AT, Item, KIND, OBSERVED_AT, SIGNATURE, STATE, VERSION, contact_book,
    erasure_state,
};
use crate::store::{Ledger, action};
use crate::transaction::{ATTEMPTS, Amendment, Transacted};

/// What a certificate is signed as.
const DOCUMENT: &str = "erasure";

/// Who asks for an erasure, and why. Both are recorded if it is refused, and not otherwise: they may name the person.
#[derive(Debug, Clone)]
pub struct ErasureRequest<'a> {
    /// Who asks.
    pub actor: Actor,
    /// Why.
    pub reason: &'a TypedWords,
}

/// What came of asking for an erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErasureStart {
    /// The contact cannot be read any more. What is left is to be [finished](Ledger::continue_erasure).
    Begun(ErasureId),
    /// The contact is being erased already.
    Running(ErasureId),
    /// A legal hold stands against it until then; that it was refused is recorded.
    Held {
        /// The end of the hold.
        until: Time,
    },
    /// There is no such contact.
    Unknown,
}

/// How far the deletion of an erased contact from Meta's contact book has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContactBook {
    /// Meta is still to be asked.
    Pending,
    /// Meta has no entry any more.
    Deleted,
    /// Meta did not delete it as long as it was asked.
    GaveUp,
}

impl ContactBook {
    /// The stable name, as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => contact_book::PENDING,
            Self::Deleted => contact_book::DELETED,
            Self::GaveUp => contact_book::GAVE_UP,
        }
    }
}

/// An erasure as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// What was done so far; all that there was to do, once it is finished.
    pub certificate: Certificate,
    /// What became of the entry in Meta's contact book, which may take days longer and is not under the signature; none if no id
    /// was known that could be in there.
    pub contact_book: Option<ContactBook>,
    /// The signature, once it is finished.
    pub proof: Option<Proof>,
}

/// A certificate under its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The exact text that was signed.
    pub text: String,
    /// Its signature.
    pub signature: Signature,
    /// Whether the ledger's key made it.
    pub is_genuine: bool,
}

/// How a contact is erased.
pub(crate) struct Plan {
    leaving: Leaving,
    /// When the person was erased, which is not now if a backup brought them back.
    erased_at: Time,
    /// Whether a legal hold stands in the way.
    may_be_held: bool,
    contact_book: Option<(Bsuid, SenderId)>,
}

/// Whether an erasure has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    Yes(ErasureId),
    /// The contact has changed, or is held by now: it must be read again.
    Overtaken,
}

impl Plan {
    /// Erases again whom a backup has brought back. No hold that came back with them can stand against it.
    pub(crate) fn again(contact: &Item, erased_at: Time) -> Result<Self, LedgerError> {
        Ok(Self {
            leaving: Leaving::read(contact)?,
            erased_at,
            may_be_held: false,
            contact_book: None,
        })
    }
}

impl Ledger {
    /// Begins to erase a contact: from now on nobody can read it.
    ///
    /// # Errors
    /// When DynamoDB fails, the deadline comes, others win every race, or an item is not readable. The same request can be made
    /// again.
    pub async fn begin_erasure(
        &self,
        contact: &ContactId,
        asked: &ErasureRequest<'_>,
        rules: &Rules<'_>,
    ) -> Result<ErasureStart, LedgerError> {
        for _ in 0..ATTEMPTS {
            let Some(item) = self.get("read a contact", schema::contact_key(contact)).await? else {
                return Ok(ErasureStart::Unknown);
            };
            if schema::text(&item, KIND)? != schema::kind::CONTACT {
                let running = Leaving::read(&item)?.erasure;
                return Ok(running.map_or(ErasureStart::Unknown, ErasureStart::Running));
            }
            if let Some(until) = self.held_until(contact, rules.now).await? {
                self.record_refusal(contact, asked, rules).await?;
                return Ok(ErasureStart::Held { until });
            }
            let subject = self.read(contact).await?;
            let plan = Plan {
                leaving: Leaving::read(&item)?,
                erased_at: rules.now,
                may_be_held: true,
                contact_book: subject.and_then(|subject| in_contact_book(&subject, rules)),
            };
            if let Begun::Yes(erasure) = self.begin_plan(plan, rules).await? {
                return Ok(ErasureStart::Begun(erasure));
            }
        }
        Err(LedgerError::Contended { attempts: ATTEMPTS })
    }

    /// Deletes what is left of a contact that is being erased, as far as the deadline lets it; the purge does the rest.
    ///
    /// # Errors
    /// When DynamoDB fails or an item is not readable. The purge finishes the erasure all the same.
    pub async fn continue_erasure(&self, id: &ErasureId, rules: &Rules<'_>) -> Result<(), LedgerError> {
        match self.finish_erasure(id, rules).await {
            Err(LedgerError::OutOfTime { .. }) => Ok(()),
            done => done,
        }
    }

    async fn finish_erasure(&self, id: &ErasureId, rules: &Rules<'_>) -> Result<(), LedgerError> {
        let Some(erasure) = self.get("read an erasure", schema::erasure_key(id)).await? else {
            return Ok(());
        };
        if !is_running(&erasure)? {
            return Ok(());
        }
        let contact = schema::parsed(&erasure, CONTACT)?;
        let remains = self.get("read what remains", schema::contact_key(&contact)).await?;
        let leaving = match &remains {
            Some(remains) => Leaving::read(remains)?,
            None => Leaving::vanished(contact, *id),
        };
        if leaving.erasure != Some(*id) {
            return Ok(());
        }
        let removed = self
            .remove_rest(&leaving, &CountedIn::Erasure(*id), rules.policy, rules.now)
            .await;
        removed.map(|_| ())
    }

    /// An erasure and its certificate; none if it is not known, or not kept any longer.
    ///
    /// # Errors
    /// When DynamoDB fails or the item is not readable.
    pub async fn erasure(&self, id: &ErasureId, now: Time) -> Result<Option<Erasure>, LedgerError> {
        let Some(item) = self.get("read an erasure", schema::erasure_key(id)).await? else {
            return Ok(None);
        };
        if schema::time_if_there(&item, DUE_AT)?.is_some_and(|due_at| due_at <= now) {
            return Ok(None);
        }
        let mut certificate: Certificate = schema::body(&item)?;
        let proof = if is_running(&item)? {
            certificate.counts = counted(&item)?;
            None
        } else {
            let (text, signature) = (schema::text(&item, BODY)?, schema::parsed(&item, SIGNATURE)?);
            Some(Proof {
                text: text.to_owned(),
                signature,
                is_genuine: self.keys.report().verify(DOCUMENT, text, &signature),
            })
        };
        Ok(Some(Erasure {
            certificate,
            contact_book: read_contact_book(&item)?,
            proof,
        }))
    }

    /// Records that an erasure was refused. The same request in the same second is one.
    async fn record_refusal(
        &self,
        contact: &ContactId,
        asked: &ErasureRequest<'_>,
        rules: &Rules<'_>,
    ) -> Result<(), LedgerError> {
        let at = rules.now.unix_seconds().to_be_bytes();
        let parts: [&[u8]; 4] = [
            b"erasure refused",
            contact.as_bytes(),
            &at,
            asked.reason.expose().as_bytes(),
        ];
        let event = Event {
            id: self.event_id(PseudonymDomain::Event, &parts),
            at: rules.now,
            act: Act::ErasureRefused {
                actor: asked.actor.clone(),
                reason: asked.reason.clone(),
            },
            delivery: None,
        };
        self.record(&Who::Contact(*contact), &[event], rules).await.map(|_| ())
    }

    /// The first transaction of an erasure.
    pub(crate) async fn begin_plan(&self, mut plan: Plan, rules: &Rules<'_>) -> Result<Begun, LedgerError> {
        let id = ErasureId::from_bytes(identity::random_bytes().map_err(|_| LedgerError::NoEntropy)?);
        plan.leaving.erasure = Some(id);
        let tombstone = Tombstone::erased(plan.erased_at);
        for _ in 0..ATTEMPTS {
            let hold = match self.hold_until(&plan.leaving.id).await? {
                None => Hold::None,
                Some(_) if !plan.may_be_held => Hold::Void,
                Some(until) if until <= rules.now => Hold::Over,
                Some(_) => return Ok(Begun::Overtaken),
            };
            let mut draft = Draft::default();
            self.first_steps(&mut draft, &plan.leaving, hold, &tombstone, rules.policy, rules.now)?;
            self.add_remains(&mut draft, &plan.leaving, rules.now)?;
            let mut rest = self.register(&plan.leaving, plan.erased_at, rules)?;
            rest.push(self.put_erasure(&id, &plan, &draft, rules)?);
            if let Some((bsuid, sender)) = &plan.contact_book {
                rest.extend(self.put_forget(&id, bsuid, sender, rules.now)?);
            }
            draft.add_rest(rest);
            match self.transact("begin an erasure", &draft.actions).await? {
                Transacted::Committed => return Ok(Begun::Yes(id)),
                Transacted::Refused(refused) => {
                    if draft.learn(&refused, &mut plan.leaving) == Refusal::Overtaken {
                        return Ok(Begun::Overtaken);
                    }
                }
            }
        }
        Err(LedgerError::Contended { attempts: ATTEMPTS })
    }

    fn put_erasure(
        &self,
        id: &ErasureId,
        plan: &Plan,
        draft: &Draft,
        rules: &Rules<'_>,
    ) -> Result<TransactWriteItem, LedgerError> {
        let certificate = Certificate::begun(*id, rules.now, rules.policy);
        let body = serde_json::to_string(&certificate).map_err(|_| LedgerError::corrupt(BODY))?;
        let mut item = schema::erasure_key(id);
        item.insert(KIND.to_owned(), schema::s(schema::kind::ERASURE));
        item.insert(STATE.to_owned(), schema::s(erasure_state::RUNNING));
        item.insert(VERSION.to_owned(), schema::n(1));
        item.insert(CONTACT.to_owned(), schema::s(plan.leaving.id.to_string()));
        item.insert(BODY.to_owned(), schema::s(body));
        item.insert(OBSERVED_AT.to_owned(), schema::time(rules.now));
        if plan.contact_book.is_some() {
            item.insert(CONTACT_BOOK.to_owned(), schema::s(contact_book::PENDING));
        }
        for (kind, outcome, amount) in draft.counts.iter() {
            item.insert(
                schema::tally_attribute(kind, outcome),
                AttributeValue::N(amount.to_string()),
            );
        }
        // It has no deadline yet: nobody may take it for done before it is.
        action(self.put_ledger().set_item(Some(item)))
    }

    /// Whether that erasure is still at work.
    pub(crate) async fn is_running(&self, erasure: &ErasureId) -> Result<bool, LedgerError> {
        let item = self.get("read an erasure", schema::erasure_key(erasure)).await?;
        item.map_or(Ok(false), |item| is_running(&item))
    }

    /// Ends an erasure: deletes the remains, which are the last of the contact, and signs the certificate.
    pub(crate) async fn certify(
        &self,
        leaving: &Leaving,
        erasure: &ErasureId,
        policy: &Policy,
        now: Time,
    ) -> Result<(), LedgerError> {
        let mut are_there = true;
        for _ in 0..ATTEMPTS {
            let item = self.get("read an erasure", schema::erasure_key(erasure)).await?;
            let Some(item) = item else { return Ok(()) };
            if !is_running(&item)? {
                return Ok(());
            }
            let mut actions = vec![self.put_certificate(erasure, &item, are_there, policy, now)?];
            if are_there {
                actions.push(self.delete_remains_action(leaving)?);
            }
            match self.transact("certify an erasure", &actions).await? {
                Transacted::Committed => return Ok(()),
                // Half of the contact was deleted before, and this half is gone too.
                Transacted::Refused(refused) => are_there &= !refused.get(1).copied().unwrap_or(false),
            }
        }
        Err(LedgerError::Contended { attempts: ATTEMPTS })
    }

    fn put_certificate(
        &self,
        erasure: &ErasureId,
        item: &Item,
        with_remains: bool,
        policy: &Policy,
        now: Time,
    ) -> Result<TransactWriteItem, LedgerError> {
        let mut certificate: Certificate = schema::body(item)?;
        certificate.counts = counted(item)?;
        certificate
            .counts
            .add(Kind::Contact, Outcome::Deleted, u64::from(with_remains));
        // A clock may run behind the one that it began by.
        let finished_at = now.max(certificate.began_at);
        certificate.finished_at = Some(finished_at);
        let text = serde_json::to_string(&certificate).map_err(|_| LedgerError::corrupt(BODY))?;
        let signature = self.keys.report().sign(DOCUMENT, &text);
        let update = Update::builder()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::erasure_key(erasure)))
            .condition_expression("#state = :running AND #version = :version")
            .expression_attribute_names("#state", STATE)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":running", schema::s(erasure_state::RUNNING))
            .expression_attribute_values(":version", schema::n(schema::number(item, VERSION)?));
        let mut done = Amendment {
            set: Item::from([
                (STATE.to_owned(), schema::s(erasure_state::DONE)),
                (BODY.to_owned(), schema::s(text)),
                (SIGNATURE.to_owned(), schema::s(signature.to_string())),
            ]),
            remove: vec![CONTACT],
        };
        if let Some(due_at) = Kind::Erasure.due_at(finished_at, policy) {
            let [first, ..] = erasure.as_bytes();
            schema::set_due(&mut done.set, Kind::Erasure, schema::purge_shard(*first), due_at);
        }
        done.action(update)
    }
}

fn is_running(erasure: &Item) -> Result<bool, LedgerError> {
    Ok(schema::text(erasure, STATE)? == erasure_state::RUNNING)
}

fn read_contact_book(erasure: &Item) -> Result<Option<ContactBook>, LedgerError> {
    if !erasure.contains_key(CONTACT_BOOK) {
        return Ok(None);
    }
    let name = schema::text(erasure, CONTACT_BOOK)?;
    [ContactBook::Pending, ContactBook::Deleted, ContactBook::GaveUp]
        .into_iter()
        .find(|state| state.as_str() == name)
        .map(Some)
        .ok_or(LedgerError::corrupt(CONTACT_BOOK))
}

/// What the contact is called in Meta's contact book, and the sender whose book it is in.
fn in_contact_book(subject: &Subject, rules: &Rules<'_>) -> Option<(Bsuid, SenderId)> {
    let last = subject.contact.sender.get().map(|(_, sender)| sender.clone());
    let sender = last.or_else(|| rules.policy.senders().next().map(|sender| sender.id().clone()));
    Some((subject.identity.bsuid()?.clone(), sender?))
}
