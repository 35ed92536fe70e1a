//! Committing decisions: one transaction each, repeated where a race was lost.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use consent::case::PendingStep;
use consent::contact::Contact;
use consent::decide::{Decision, Rules};
use consent::event::Event;
use consent::evidence::{Draft, Evidence};
use consent::id::{ContactId, EventId, OutgoingId};
use consent::outgoing::Outgoing;
use identity::{Identifiers, PseudonymDomain};

use crate::alias::{Alias, FreeAlias};
use crate::contact::{Owner, Subject, Upkeep, free_aliases};
use crate::error::LedgerError;
use crate::outbox::OutboxChange;
use crate::schema::{self, BODY, KIND, LINK, PK, PREVIOUS, VERSION};
use crate::store::{Ledger, action};

/// How many events of one contact can be committed in one go: a transaction holds 100 actions, and an event makes at
/// most three.
pub const MAX_EVENTS: usize = 25;

/// How often a decision is made anew because others changed the contact meanwhile.
const ATTEMPTS: u32 = 12;

/// Whose events these are.
#[derive(Debug, Clone)]
pub enum Who {
    /// The person with these identifiers, to be known from now on if nobody did.
    Person(Identifiers),
    /// The person with these identifiers, if they are known.
    IfKnown(Identifiers),
    /// The contact with that id, if there is one.
    Contact(ContactId),
}

/// What became of events.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The contact as it is now; none if nobody is known and nothing had to be.
    pub contact: Option<Contact>,
    /// The records that were written; an event that was known already, or changes nothing, has none.
    pub evidence: Vec<Draft>,
    /// The messages that were put into the outbox.
    pub outbox: Vec<Outgoing>,
    /// The steps of cases that were, with the messages that follow.
    pub steps: Vec<PendingStep>,
}

/// How far a prompt has come. Each phase is recorded once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PromptPhase {
    /// Meta accepted it.
    Accepted,
    /// It is on the contact's telephone.
    Delivered,
    /// It will not arrive.
    Failed,
}

impl PromptPhase {
    /// The name that goes into the event's id. Stored records depend on it: it never changes.
    const fn label(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

impl Recorded {
    /// Nothing was written.
    fn nothing(contact: Option<Contact>) -> Self {
        Self {
            contact,
            evidence: vec![],
            outbox: vec![],
            steps: vec![],
        }
    }
}

/// How one attempt ended.
enum Attempt {
    Committed(Box<Recorded>),
    /// These events were recorded, and these messages put into the outbox, before.
    Known {
        events: BTreeSet<EventId>,
        messages: BTreeSet<OutgoingId>,
        /// Whether the contact is as it was read; else it must be read again before anything is made of it.
        is_current: bool,
    },
    /// The message of the outbox is not in the state that the change expects.
    Overtaken,
    /// Someone else changed the contact, or DynamoDB asks to try again.
    Again,
}

/// What an action of a transaction is for, in the order of the actions: cancellation reasons come in that order.
enum Part {
    Contact,
    Alias,
    Key,
    Evidence(EventId),
    Outgoing(OutgoingId),
    Settle,
}

impl Ledger {
    /// Applies events, at most [`MAX_EVENTS`], and commits what follows: at most three round trips unless a race is lost.
    ///
    /// An event that is recorded already is left out; the others are committed all the same. Where the phone number and
    /// the id belong to two contacts, a stop binds both.
    ///
    /// # Errors
    /// When DynamoDB fails, the deadline comes, or others win every race. Nothing is half-written, and the same events can be
    /// given again.
    pub async fn record(&self, who: &Who, events: &[Event], rules: &Rules<'_>) -> Result<Vec<Recorded>, LedgerError> {
        loop {
            let mut outcome = vec![];
            for part in self.parts(who, events).await? {
                outcome.push(self.commit_part(part, rules, None).await?);
            }
            if let Some(recorded) = outcome.into_iter().collect() {
                return Ok(recorded);
            }
        }
    }

    /// The same for a contact that is known by its id, together with a change of a message in the outbox.
    ///
    /// If the message was settled by somebody else meanwhile, the events stand without the change. But those that follow from
    /// one attempt fall with it: who settled the message knew more than that attempt did.
    ///
    /// # Errors
    /// As [`Ledger::record`].
    pub async fn settle(
        &self,
        contact: &ContactId,
        events: &[Event],
        rules: &Rules<'_>,
        change: &OutboxChange,
    ) -> Result<Recorded, LedgerError> {
        let subject = self.read(contact).await?;
        let part = PartOfEvents::new(Who::Contact(*contact), subject, vec![], events.to_vec());
        let recorded = self.commit_part(part, rules, Some(change)).await?;
        Ok(recorded.unwrap_or_else(|| Recorded::nothing(None)))
    }

    /// Makes known that a contact has these identifiers too, such as the way in which Meta writes its number. What somebody
    /// else is known by is left alone, and so is everything if the contact is changed by others at the same time.
    ///
    /// # Errors
    /// When DynamoDB fails or an item is not readable.
    pub async fn learn(&self, contact: &ContactId, identifiers: &Identifiers) -> Result<(), LedgerError> {
        let Some(mut subject) = self.read(contact).await? else {
            return Ok(());
        };
        let aliases = self.read_aliases(identifiers).await?;
        let owner = |(_, alias): &(_, Option<Alias>)| alias.as_ref().and_then(Alias::owner);
        if aliases.iter().filter_map(owner).any(|owner| owner != *contact) {
            return Ok(());
        }
        let free = free_aliases(aliases, &[]);
        let known = subject.identity.clone();
        subject.identity.learn(identifiers);
        if free.is_empty() && subject.identity == known {
            return Ok(());
        }
        let mut decision = Decision {
            contact: subject.contact.clone(),
            evidence: vec![],
            outbox: vec![],
            steps: vec![],
        };
        for alias in &free {
            if let Some(tombstone) = alias.tombstone()? {
                decision.contact.remember(&tombstone);
            }
        }
        subject.new_aliases = free;
        // It did nothing. Whatever a tombstone adds is looked at when the contact is due.
        let upkeep = subject.upkeep.clone();
        self.commit(&subject, decision, upkeep, None).await.map(|_| ())
    }

    /// The events of each contact that they concern.
    async fn parts(&self, who: &Who, events: &[Event]) -> Result<Vec<PartOfEvents>, LedgerError> {
        let found = match who {
            Who::Contact(id) => self
                .read(id)
                .await?
                .map_or(Owner::Nobody(vec![]), |subject| Owner::One(Box::new(subject))),
            Who::Person(identifiers) | Who::IfKnown(identifiers) => self.look_up(identifiers).await?,
        };
        Ok(match found {
            Owner::Nobody(free) => vec![PartOfEvents::new(who.clone(), None, free, events.to_vec())],
            Owner::One(subject) => {
                vec![PartOfEvents::new(who.clone(), Some(*subject), vec![], events.to_vec())]
            }
            Owner::Two(subjects) => {
                let ids = subjects.each_ref().map(|subject| subject.contact.id);
                let [first_id, second_id] = ids;
                let concerns = |id: ContactId| {
                    let other = if id == first_id { second_id } else { first_id };
                    events
                        .iter()
                        .filter(|event| match event.addressee() {
                            _ if event.binds_the_person() => true,
                            Some(addressee) if addressee == other => false,
                            Some(addressee) if addressee == id => true,
                            _ => id == first_id,
                        })
                        .cloned()
                        .collect()
                };
                subjects
                    .into_iter()
                    .map(|subject| {
                        let id = subject.contact.id;
                        PartOfEvents::new(Who::Contact(id), Some(subject), vec![], concerns(id))
                    })
                    .collect()
            }
        })
    }

    /// Commits the events of one contact. None if the identifiers turned out to belong to two, who were made known meanwhile:
    /// then the events are to be divided anew.
    async fn commit_part(
        &self,
        mut part: PartOfEvents,
        rules: &Rules<'_>,
        change: Option<&OutboxChange>,
    ) -> Result<Option<Recorded>, LedgerError> {
        let mut change = change;
        for attempt in 0..ATTEMPTS {
            match self.attempt(&part, rules, change).await? {
                Attempt::Committed(recorded) => return Ok(Some(*recorded)),
                Attempt::Known {
                    events,
                    messages,
                    is_current,
                } => {
                    part.events.retain(|event| !events.contains(&event.id));
                    part.queued.extend(messages);
                    if part.events.is_empty() && change.is_none() && is_current {
                        return Ok(Some(Recorded::nothing(part.subject.map(|subject| subject.contact))));
                    }
                    // What was read still stands, and so does what follows from it without these.
                    if is_current {
                        continue;
                    }
                }
                Attempt::Overtaken if change.is_some_and(|change| change.attempt.is_some()) => {
                    return Ok(Some(Recorded::nothing(part.subject.map(|subject| subject.contact))));
                }
                Attempt::Overtaken => change = None,
                Attempt::Again => self.back_off(attempt, "win a race for a contact").await?,
            }
            (part.subject, part.free) = match &part.who {
                Who::Contact(id) => (self.read(id).await?, vec![]),
                Who::Person(identifiers) | Who::IfKnown(identifiers) => match self.look_up(identifiers).await? {
                    Owner::Nobody(free) => (None, free),
                    Owner::One(subject) => (Some(*subject), vec![]),
                    Owner::Two(_) => return Ok(None),
                },
            };
        }
        Err(LedgerError::Contended { attempts: ATTEMPTS })
    }

    async fn attempt(
        &self,
        part: &PartOfEvents,
        rules: &Rules<'_>,
        change: Option<&OutboxChange>,
    ) -> Result<Attempt, LedgerError> {
        let nothing = Recorded::nothing;
        let unknown;
        let subject = match (&part.subject, &part.who) {
            (Some(subject), _) => subject,
            (None, Who::Person(identifiers)) => {
                let id = identity::random_bytes().map_err(|_| LedgerError::NoEntropy)?;
                unknown = Subject::new(ContactId::from_bytes(id), identifiers, part.free.clone())?;
                &unknown
            }
            (None, Who::IfKnown(_) | Who::Contact(_)) => match change {
                None => return Ok(Attempt::Committed(Box::new(nothing(None)))),
                // The contact is gone; what is left is to close the message.
                Some(change) => {
                    self.close(change).await?;
                    return Ok(Attempt::Committed(Box::new(nothing(None))));
                }
            },
        };
        let mut decision = subject.remembering(rules)?.apply(&part.events, rules);
        decision.outbox.retain(|outgoing| !part.queued.contains(&outgoing.id));
        decision.steps.retain(|step| !part.queued.contains(&step.id));
        if decision.is_nothing() && change.is_none() {
            let known = part.subject.as_ref().map(|subject| subject.contact.clone());
            return Ok(Attempt::Committed(Box::new(nothing(known))));
        }
        let mut upkeep = Upkeep {
            due_at: decision.contact.due_at(rules.policy),
            places: subject.upkeep.places.clone(),
        };
        upkeep.places.add_messages(decision.entries(), rules.now);
        self.commit(subject, decision, upkeep, change).await
    }

    async fn commit(
        &self,
        subject: &Subject,
        decision: Decision,
        upkeep: Upkeep,
        change: Option<&OutboxChange>,
    ) -> Result<Attempt, LedgerError> {
        let (parts, actions, recorded) = self.transaction(subject, decision, upkeep, change)?;
        let what = "commit a decision";
        let call = self
            .client
            .transact_write_items()
            .set_transact_items(Some(actions))
            .send();
        let Err(error) = self.within(what, call).await? else {
            return Ok(Attempt::Committed(Box::new(recorded)));
        };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
            return Err(LedgerError::call(what, &error));
        };
        let (mut events, mut messages) = (BTreeSet::new(), BTreeSet::new());
        let mut overtaken = false;
        let mut is_current = true;
        for (part, reason) in parts.iter().zip(cancelled.cancellation_reasons()) {
            match (reason.code(), part) {
                (None | Some("None"), _) => {}
                (Some("ConditionalCheckFailed"), Part::Evidence(event)) => {
                    events.insert(*event);
                }
                (Some("ConditionalCheckFailed"), Part::Outgoing(message)) => {
                    messages.insert(*message);
                }
                (Some("ConditionalCheckFailed"), Part::Settle) => overtaken = true,
                // Another delivery wrote the contact or an alias first, or DynamoDB is busy with it.
                (Some("ConditionalCheckFailed"), Part::Contact | Part::Alias | Part::Key)
                | (Some("TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded"), _) => {
                    is_current = false;
                }
                (Some(code), _) => {
                    return Err(LedgerError::Unavailable {
                        what,
                        code: code.to_owned(),
                    });
                }
            }
        }
        if !events.is_empty() || !messages.is_empty() {
            return Ok(Attempt::Known {
                events,
                messages,
                is_current,
            });
        }
        Ok(if overtaken { Attempt::Overtaken } else { Attempt::Again })
    }

    fn transaction(
        &self,
        subject: &Subject,
        decision: Decision,
        upkeep: Upkeep,
        change: Option<&OutboxChange>,
    ) -> Result<(Vec<Part>, Vec<TransactWriteItem>, Recorded), LedgerError> {
        let Decision {
            mut contact,
            evidence,
            outbox,
            steps,
        } = decision;
        let mut parts = vec![];
        let mut actions = vec![];
        let mut add = |part: Part, action: TransactWriteItem| {
            parts.push(part);
            actions.push(action);
        };
        for draft in &evidence {
            let event = draft.evidence.event;
            add(
                Part::Evidence(event),
                self.put_evidence(subject, &mut contact, draft.clone())?,
            );
        }
        for outgoing in &outbox {
            add(Part::Outgoing(outgoing.id), self.put_outgoing(&contact.id, outgoing)?);
        }
        for step in &steps {
            add(Part::Outgoing(step.id), self.put_step(&contact.id, step)?);
        }
        add(Part::Contact, self.put_contact(subject, &contact, upkeep)?);
        for action in self.put_aliases(&subject.new_aliases, &contact.id)? {
            add(Part::Alias, action);
        }
        if subject.version.is_none() {
            add(Part::Key, self.put_key(&schema::contact_pk(&contact.id), &subject.key)?);
        }
        if let Some(change) = change {
            add(Part::Settle, self.settlement(change)?);
        }
        Ok((
            parts,
            actions,
            Recorded {
                contact: Some(contact),
                evidence,
                outbox,
                steps,
            },
        ))
    }

    fn put_contact(
        &self,
        subject: &Subject,
        contact: &Contact,
        upkeep: Upkeep,
    ) -> Result<TransactWriteItem, LedgerError> {
        let put = self.put_ledger().set_item(Some(subject.item(contact, upkeep)?));
        action(match subject.version {
            None => put.condition_expression(format!("attribute_not_exists({PK})")),
            Some(version) => put
                .condition_expression("#version = :version")
                .expression_attribute_names("#version", VERSION)
                .expression_attribute_values(":version", schema::n(version)),
        })
    }

    fn put_evidence(
        &self,
        subject: &Subject,
        contact: &mut Contact,
        draft: Draft,
    ) -> Result<TransactWriteItem, LedgerError> {
        let Draft { mut evidence, words } = draft;
        if let Some(words) = words {
            let sealed = subject
                .key
                .seal(&contact.id.to_string(), "words", words.expose().as_bytes());
            let sealed = sealed.map_err(|_| LedgerError::NoEntropy)?;
            evidence.sealed_words = Some(STANDARD_NO_PAD.encode(sealed.as_bytes()));
        }
        self.put_chained(contact, evidence)
    }

    /// Appends a record to the contact's chain, on condition that the event is not recorded yet.
    pub(crate) fn put_chained(
        &self,
        contact: &mut Contact,
        evidence: Evidence,
    ) -> Result<TransactWriteItem, LedgerError> {
        let mut item = schema::evidence_key(&contact.id, &evidence.event);
        let id = contact.id;
        let chained = contact.chain.append(&self.keys.chain(), &id, evidence);
        let chained = chained.map_err(|_| LedgerError::corrupt(BODY))?;
        item.insert(KIND.to_owned(), schema::s(schema::kind::EVIDENCE));
        item.insert(BODY.to_owned(), schema::s(chained.record));
        item.insert(PREVIOUS.to_owned(), schema::s(chained.previous.to_string()));
        item.insert(LINK.to_owned(), schema::s(chained.link.to_string()));
        action(
            self.put_ledger()
                .set_item(Some(item))
                .condition_expression(format!("attribute_not_exists({PK})")),
        )
    }

    /// The id of what became of a prompt: the same, whether its sender says so or Meta's status webhook.
    pub fn prompt_event(&self, prompt: &OutgoingId, phase: PromptPhase) -> EventId {
        self.event_id(
            PseudonymDomain::Outgoing,
            &[prompt.as_bytes(), phase.label().as_bytes()],
        )
    }

    /// The id of an event made of those parts.
    pub fn event_id(&self, domain: PseudonymDomain, parts: &[&[u8]]) -> EventId {
        EventId::from_bytes(self.keys.pseudonym.of(domain, parts))
    }
}

/// The events of one contact.
struct PartOfEvents {
    who: Who,
    subject: Option<Subject>,
    events: Vec<Event>,
    /// What stands at the person's aliases, if nobody is known.
    free: Vec<FreeAlias>,
    /// Messages and steps of cases that are in the outbox already.
    queued: BTreeSet<OutgoingId>,
}

impl PartOfEvents {
    /// An event that comes twice in one delivery is one event.
    fn new(who: Who, subject: Option<Subject>, free: Vec<FreeAlias>, mut events: Vec<Event>) -> Self {
        let mut seen = BTreeSet::new();
        events.retain(|event| seen.insert(event.id));
        Self {
            who,
            subject,
            free,
            events,
            queued: BTreeSet::new(),
        }
    }
}
