//! The gate: lets a campaign's message go to a recipient, or says why not.
//!
//! All recipients are read together, in three round trips. Then each that may get the message has a transaction of their own, on
//! condition that the contact is as it was read: a withdrawal that was committed before makes it fail, and one that comes after
//! finds the send recorded. Nobody gets a ticket that is not recorded, and whatever fails denies.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use consent::campaign::{
    Campaign, Circumstances, Health, Judgement, Limit, Listing, NotClear, Proof, Recipient, Send, SendResult, Template,
    Ticket, Usage, decide,
};
use consent::contact::Contact;
use consent::id::{CampaignId, ContactId, EventId, PolicyVersion, PurposeId, SenderId};
use consent::outgoing::Reference;
use consent::policy::{Country, Policy};
use consent::retention::Kind;
use consent::time::Time;
use consent::token::TokenKey;
use futures::future;
use serde::{Deserialize, Serialize};

use crate::error::LedgerError;
use crate::health::{health_keys, read_health};
use crate::places::Places;
use crate::read::ReadItems;
use crate::schema::{self, BODY, DUE_AT, DUE_SHARD, FAILURES, HOME_SHARD, Item, KIND, PK, PLACES, VERSION};
use crate::store::{Ledger, action};
use crate::transaction::{Amendment, Transacted};

use super::judge::{Known, Met, Whom, contact_keys, contacts_of, read_known};
use super::usage::{Counted, takes_from_limit, usage_keys};
use super::{Judged, RecipientId, StoredCampaign};

/// The most recipients that the gate answers for at a time.
pub const GATE_SIZE: usize = 25;

/// How often a recipient is read and decided on anew because others changed the contact meanwhile.
const ATTEMPTS: u32 = 5;

/// The gate's answer.
#[derive(Debug, Clone)]
pub enum Gated {
    /// There is no such campaign.
    NoCampaign,
    /// Nothing of the campaign may go.
    NotClear(NotClear),
    /// What was decided on each recipient, in order.
    Answered(Vec<GateAnswer>),
}

/// What was decided on a recipient.
#[derive(Debug, Clone)]
pub struct GateAnswer {
    /// Whether the message may be sent to them.
    pub judged: Judged,
    /// The permission to send it, if it may.
    pub ticket: Option<IssuedTicket>,
}

/// A ticket, for the tool that runs the campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedTicket {
    /// The ticket itself.
    pub text: String,
    /// From when on it cannot be used any more.
    pub expires_at: Time,
    /// What the tool sends along as Meta's callback data, so that the message's statuses find the send.
    pub callback: String,
}

/// A send as its item keeps it: what was decided, by what, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredSend {
    pub(super) purpose: PurposeId,
    pub(super) template: Template,
    pub(super) sender: SenderId,
    pub(super) decided_at: Time,
    /// The policy that it was decided by.
    pub(super) policy: PolicyVersion,
    /// The event that carries the proof of the consent.
    pub(super) grant: Option<EventId>,
    /// What became of it, as far as anybody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<StoredResult>,
    /// When it was said that an earlier send to the same contact came to nothing: what is older is about that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) instead_of: Option<Time>,
}

/// What became of a send. Of two results the later counts, and of two of one second the one that something arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct StoredResult {
    pub(super) at: Time,
    pub(super) result: SendResult,
    /// Meta's error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<u32>,
}

impl StoredSend {
    /// The send as the contact remembers it.
    pub(super) fn remembered(&self) -> Send {
        Send {
            purpose: self.purpose.clone(),
            at: self.decided_at,
        }
    }

    /// When it came to nothing, if it did.
    pub(super) fn void_since(&self) -> Option<Time> {
        let void = self.result.filter(|result| result.result.is_void());
        void.map(|result| result.at)
    }
}

/// A send item as it was read.
#[derive(Debug)]
pub(super) struct ReadSend {
    pub(super) send: StoredSend,
    /// Its exact text: it changes with every change.
    pub(super) body: String,
}

impl ReadSend {
    pub(super) fn read(item: &Item) -> Result<Self, LedgerError> {
        Ok(Self {
            send: schema::body(item)?,
            body: schema::text(item, BODY)?.to_owned(),
        })
    }
}

/// A contact on the audience, and the campaign's send to them.
#[derive(Debug)]
struct Candidate {
    known: Known,
    send: Option<ReadSend>,
}

/// How a message would be let go that may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By a new send.
    Anew,
    /// By the ticket that was made then and still lives.
    Again(Time),
}

impl Candidate {
    /// The candidate as these items say it; none if the contact is not there.
    fn read(items: &ReadItems, id: &ContactId, campaign: &CampaignId) -> Result<Option<Self>, LedgerError> {
        let Some(known) = read_known(items, id)? else {
            return Ok(None);
        };
        let send = items.get(&schema::send_key(id, campaign)).map(ReadSend::read);
        Ok(Some(Self {
            known,
            send: send.transpose()?,
        }))
    }

    fn by_id(&self) -> (ContactId, &Contact) {
        (self.known.contact.id, &self.known.contact)
    }

    /// The contact as the decision has to see it, and how the message would be let go. A ticket that lives does not stand in its own
    /// way; whatever else was let go and did not come to nothing does.
    fn as_asked(&self, campaign: &CampaignId, now: Time) -> (Cow<'_, Contact>, Way) {
        let contact = &self.known.contact;
        let send = self.send.as_ref().map(|read| &read.send);
        let Some(send) = send.filter(|send| send.void_since().is_none()) else {
            return (Cow::Borrowed(contact), Way::Anew);
        };
        let mut contact = contact.clone();
        let is_remembered = contact
            .sends
            .of(campaign)
            .is_some_and(|sent| sent.at == send.decided_at);
        if is_remembered && send.result.is_none() && send.remembered().is_in_flight(now) {
            contact.sends.forget(campaign, send.decided_at);
            return (Cow::Owned(contact), Way::Again(send.decided_at));
        }
        contact.sends.record(campaign.clone(), send.remembered());
        (Cow::Owned(contact), Way::Anew)
    }
}

/// A recipient at the gate.
#[derive(Debug)]
struct Row {
    listing: Listing,
    who: Who,
}

#[derive(Debug, Clone)]
enum Who {
    Bad,
    Unread,
    Unknown,
    Candidate(Arc<Candidate>),
}

impl Row {
    fn candidate(&self) -> Option<&Candidate> {
        match &self.who {
            Who::Candidate(candidate) => Some(candidate),
            Who::Bad | Who::Unread | Who::Unknown => None,
        }
    }
}

/// What all recipients have in common.
struct Session<'a> {
    ledger: &'a Ledger,
    campaign: &'a Campaign,
    health: Health,
    policy: &'a Policy,
    token_key: &'a TokenKey,
    now: Time,
}

/// What is known of a candidate apart from the contact itself.
#[derive(Debug, Clone, Copy)]
struct Facts {
    listing: Listing,
    proof: Option<Proof>,
    usage: Usage,
}

impl GateAnswer {
    fn denied(contact: Option<ContactId>, judgement: Judgement) -> Self {
        Self {
            judged: Judged {
                contact,
                reference: None,
                judgement,
            },
            ticket: None,
        }
    }

    fn unread(contact: Option<ContactId>) -> Self {
        Self::denied(contact, Judgement::unread())
    }
}

impl Ledger {
    /// Lets a campaign's message go to those of at most [`GATE_SIZE`] recipients who may get it, and says for everyone else why not.
    ///
    /// There is an answer for everyone whatever fails: who could not be asked about is denied.
    pub async fn gate(
        &self,
        campaign: &CampaignId,
        who: &[Option<RecipientId>],
        policy: &Policy,
        token_key: &TokenKey,
        now: Time,
    ) -> Gated {
        let gated = self.try_gate(campaign, who, policy, token_key, now).await;
        gated.unwrap_or_else(|_| Gated::Answered(who.iter().map(|_| GateAnswer::unread(None)).collect()))
    }

    async fn try_gate(
        &self,
        campaign: &CampaignId,
        who: &[Option<RecipientId>],
        policy: &Policy,
        token_key: &TokenKey,
        now: Time,
    ) -> Result<Gated, LedgerError> {
        let mut keys = self.alias_keys(who);
        keys.push(schema::campaign_key(campaign));
        keys.extend(usage_keys(now));
        let first = self.batch_get_unopened("look up recipients", keys, vec![]).await?;
        let Some(item) = first.get(&schema::campaign_key(campaign)) else {
            return Ok(Gated::NoCampaign);
        };
        let stored = self.read_campaign(item)?;
        if let Err(why) = is_clear(&stored, policy, now) {
            return Ok(Gated::NotClear(why));
        }
        let counted = Counted::read(&first, now)?;
        let whom = self.resolve(who, &first);

        let plan = &stored.campaign.plan;
        let (mut items, keys) = contact_keys(contacts_of(&whom));
        items.extend(contacts_of(&whom).map(|id| schema::send_key(&id, campaign)));
        let sender = policy.sender(&plan.sender);
        let of_health = sender.map_or_else(Vec::new, |sender| health_keys(sender, &plan.template));
        items.extend(of_health.iter().cloned());
        let second = self.batch_get_unopened("read recipients", items, keys).await?;
        let health: Vec<_> = of_health.iter().filter_map(|key| second.get(key).cloned()).collect();
        let health = sender
            .map(|sender| read_health(&health, sender, &plan.template))
            .transpose()?;
        let session = Session {
            ledger: self,
            campaign: &stored.campaign,
            health: health.unwrap_or_default(),
            policy,
            token_key,
            now,
        };
        session.answer(&stored, rows(&whom, &second, campaign), &counted).await
    }

    /// Closes the plan and the audience, before the first message goes: from then on nobody changes what was checked. Says why
    /// not if somebody did so meanwhile.
    async fn begin_sending(
        &self,
        read: &StoredCampaign,
        policy: &Policy,
        now: Time,
    ) -> Result<Result<(), NotClear>, LedgerError> {
        let mut reread: Option<StoredCampaign> = None;
        for attempt in 0..ATTEMPTS {
            let read = reread.as_ref().unwrap_or(read);
            if let Err(why) = is_clear(read, policy, now) {
                return Ok(Err(why));
            }
            if read.campaign.sending_since.is_some() {
                return Ok(Ok(()));
            }
            let sending = Campaign {
                sending_since: Some(now),
                ..read.campaign.clone()
            };
            if self.update_campaign(read, &sending).await? {
                return Ok(Ok(()));
            }
            self.back_off(attempt, "begin to send a campaign").await?;
            // Another gate was first, or the campaign is another one now.
            let Some(campaign) = self.campaign(&sending.id).await? else {
                return Ok(Err(NotClear::AudienceChanged));
            };
            reread = Some(campaign);
        }
        Err(LedgerError::Contended { attempts: ATTEMPTS })
    }

    async fn update_campaign(&self, read: &StoredCampaign, campaign: &Campaign) -> Result<bool, LedgerError> {
        let action = self.change_campaign(read, campaign)?;
        Ok(self.transact("begin to send a campaign", &[action]).await? == Transacted::Committed)
    }

    /// Reads one candidate and the proof of their consent again.
    async fn reread(
        &self,
        id: &ContactId,
        campaign: &Campaign,
    ) -> Result<Option<(Candidate, Option<Proof>)>, LedgerError> {
        let items = vec![schema::contact_key(id), schema::send_key(id, &campaign.id)];
        let keys = vec![schema::subject_key(id)];
        let items = self.batch_get_unopened("read a recipient again", items, keys).await?;
        let Some(candidate) = Candidate::read(&items, id, &campaign.id)? else {
            return Ok(None);
        };
        let proofs = self.proofs(&[&candidate.known.contact], &campaign.plan.purpose).await?;
        let proof = proofs.get(id).copied();
        Ok(Some((candidate, proof)))
    }

    /// Writes the contact on condition that nobody did since it was read, and where else something of it lies if that has changed.
    /// What it is known by stays as it is sealed.
    pub(super) fn amend_contact(
        &self,
        contact: &Contact,
        version: i64,
        places: Option<&Places>,
        policy: &Policy,
    ) -> Result<TransactWriteItem, LedgerError> {
        let body = serde_json::to_string(contact).map_err(|_| LedgerError::corrupt(BODY))?;
        let mut set = Item::from([
            (BODY.to_owned(), schema::s(body)),
            (VERSION.to_owned(), schema::n(version + 1)),
        ]);
        if let Some(places) = places {
            let places = serde_json::to_string(places).map_err(|_| LedgerError::corrupt(PLACES))?;
            set.insert(PLACES.to_owned(), schema::s(places));
        }
        // What the purge could not do with the contact as it was, it may with the contact as it is.
        let mut remove = vec![FAILURES, HOME_SHARD];
        match contact.due_at(policy) {
            Some(due_at) => schema::set_due(&mut set, Kind::Contact, schema::contact_shard(&contact.id), due_at),
            None => remove.extend([DUE_SHARD, DUE_AT]),
        }
        let update = Update::builder()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::contact_key(&contact.id)))
            .condition_expression("#kind = :contact AND #version = :version")
            .expression_attribute_names("#kind", KIND)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":contact", schema::s(schema::kind::CONTACT))
            .expression_attribute_values(":version", schema::n(version));
        Amendment { set, remove }.action(update)
    }

    /// Records a send, on condition that there is none, or the one that was read and came to nothing.
    fn put_send(
        &self,
        contact: &ContactId,
        campaign: &CampaignId,
        send: &StoredSend,
        void: Option<&ReadSend>,
        policy: &Policy,
    ) -> Result<TransactWriteItem, LedgerError> {
        let mut item = schema::send_key(contact, campaign);
        let body = serde_json::to_string(send).map_err(|_| LedgerError::corrupt(BODY))?;
        item.insert(KIND.to_owned(), schema::s(schema::kind::SEND));
        item.insert(BODY.to_owned(), schema::s(body));
        if let Some(due_at) = Kind::Send.due_at(send.decided_at, policy) {
            schema::set_due(&mut item, Kind::Send, schema::contact_shard(contact), due_at);
        }
        let put = self.put_ledger().set_item(Some(item));
        action(match void {
            None => put.condition_expression(format!("attribute_not_exists({PK})")),
            Some(void) => put
                .condition_expression("#body = :void")
                .expression_attribute_names("#body", BODY)
                .expression_attribute_values(":void", schema::s(&void.body)),
        })
    }
}

impl Session<'_> {
    /// The third round trip, and then a transaction for each who may get the message.
    async fn answer(&self, stored: &StoredCampaign, rows: Vec<Row>, counted: &Counted) -> Result<Gated, LedgerError> {
        let ways: Vec<_> = rows.iter().map(|row| self.hope(row, counted.usage)).collect();
        let takes = |(row, way): (&Row, &Option<Way>)| {
            let contact = row.candidate().map(|candidate| &candidate.known.contact);
            *way == Some(Way::Anew) && contact.is_some_and(|contact| takes_from_limit(contact, self.now))
        };
        let taking: Vec<bool> = rows.iter().zip(&ways).map(takes).collect();
        let wanted = taking.iter().map(|takes| u32::from(*takes)).sum();
        let reserved = self.room(counted.usage).min(wanted);
        let contacts: BTreeMap<_, _> = rows.iter().filter_map(Row::candidate).map(Candidate::by_id).collect();
        let contacts: Vec<_> = contacts.into_values().collect();
        let (proofs, present, begun) = future::join3(
            self.ledger.proofs(&contacts, &self.campaign.plan.purpose),
            self.reserve(reserved),
            self.begin(stored, ways.contains(&Some(Way::Anew))),
        )
        .await;
        if let Err(why) = begun? {
            return Ok(Gated::NotClear(why));
        }
        let (proofs, present) = (proofs?, present.ok());
        let mut taken = 0;
        let mut answers = vec![];
        for (row, takes) in rows.into_iter().zip(taking) {
            let usage = match (takes, present) {
                (false, _) => Some(counted.usage),
                // Whom nobody has counted is not written to.
                (true, None) => None,
                (true, Some(present)) => Some(counted.before(reserved, present, taken)),
            };
            taken += u32::from(takes);
            answers.push(self.answer_row(row, &proofs, usage));
        }
        Ok(Gated::Answered(future::join_all(answers).await))
    }

    /// How the message could go to the recipient, if the evidence says nothing else.
    fn hope(&self, row: &Row, usage: Usage) -> Option<Way> {
        let candidate = row.candidate()?;
        let (contact, way) = candidate.as_asked(&self.campaign.id, self.now);
        let facts = Facts {
            listing: row.listing,
            proof: Some(Proof::Registers),
            usage,
        };
        let judgement = self.decide(Recipient::Known(&contact), &candidate.known.countries, facts);
        judgement.is_allowed().then_some(way)
    }

    /// How many more people may be written to first.
    fn room(&self, usage: Usage) -> u32 {
        match self.health.sender.limit.get().map(|limit| limit.value) {
            Some(Limit::People(most)) => most.0.saturating_sub(usage.people),
            Some(Limit::Unlimited) | None => u32::MAX,
        }
    }

    async fn reserve(&self, people: u32) -> Result<u32, LedgerError> {
        match people {
            0 => Ok(0),
            people => self.ledger.reserve(people, self.policy, self.now).await,
        }
    }

    async fn begin(&self, stored: &StoredCampaign, is_first: bool) -> Result<Result<(), NotClear>, LedgerError> {
        if is_first {
            self.ledger.begin_sending(stored, self.policy, self.now).await
        } else {
            Ok(Ok(()))
        }
    }

    async fn answer_row(&self, row: Row, proofs: &HashMap<ContactId, Proof>, usage: Option<Usage>) -> GateAnswer {
        let id = row.candidate().map(|candidate| candidate.known.contact.id);
        let Some(usage) = usage else {
            return GateAnswer::unread(id);
        };
        let facts = Facts {
            listing: row.listing,
            proof: id.and_then(|id| proofs.get(&id).copied()),
            usage,
        };
        let deny = |recipient| GateAnswer::denied(None, self.decide(recipient, &[], facts));
        match row.who {
            Who::Bad => deny(Recipient::Bad),
            Who::Unread => deny(Recipient::Unread),
            Who::Unknown => deny(Recipient::Unknown),
            Who::Candidate(candidate) => {
                let answer = self.answer_candidate(&candidate, facts).await;
                answer.unwrap_or_else(|_| GateAnswer::unread(id))
            }
        }
    }

    /// Decides, and records the send. If the contact was changed meanwhile, it is read and decided on anew.
    async fn answer_candidate(&self, first: &Candidate, mut facts: Facts) -> Result<GateAnswer, LedgerError> {
        let id = first.known.contact.id;
        let mut reread = None;
        for attempt in 0..ATTEMPTS {
            let candidate = reread.as_ref().unwrap_or(first);
            let (contact, way) = candidate.as_asked(&self.campaign.id, self.now);
            let judgement = self.decide(Recipient::Known(&contact), &candidate.known.countries, facts);
            let mut answer = GateAnswer::denied(Some(id), judgement);
            let decided_at = match way {
                _ if !judgement.is_allowed() => return Ok(answer),
                Way::Again(decided_at) => Some(decided_at),
                Way::Anew => self.let_go(candidate).await?.then_some(self.now),
            };
            if let Some(decided_at) = decided_at {
                answer.ticket = Some(self.ticket(id, decided_at));
                return Ok(answer);
            }
            self.ledger.back_off(attempt, "win a race for a recipient").await?;
            let Some((candidate, proof)) = self.ledger.reread(&id, self.campaign).await? else {
                let judgement = self.decide(Recipient::Unknown, &[], facts);
                return Ok(GateAnswer::denied(None, judgement));
            };
            (reread, facts.proof) = (Some(candidate), proof);
        }
        Err(LedgerError::Contended { attempts: ATTEMPTS })
    }

    fn decide(&self, recipient: Recipient<'_>, countries: &[Country], facts: Facts) -> Judgement {
        let plan = &self.campaign.plan;
        let circumstances = Circumstances {
            listing: facts.listing,
            proof: facts.proof,
            countries,
            health: Some(&self.health),
            usage: Some(facts.usage),
        };
        let message = plan.message(&self.campaign.id, self.now);
        decide(
            recipient,
            &plan.purpose,
            &message,
            &circumstances,
            self.policy,
            self.now,
        )
    }

    /// Records the send with the contact. False if somebody changed either since they were read.
    async fn let_go(&self, candidate: &Candidate) -> Result<bool, LedgerError> {
        let Campaign { id, plan, .. } = self.campaign;
        let known = &candidate.known;
        let granted = known.contact.purposes.get(&plan.purpose);
        let send = StoredSend {
            purpose: plan.purpose.clone(),
            template: plan.template.clone(),
            sender: plan.sender.clone(),
            decided_at: self.now,
            policy: self.policy.version(),
            grant: granted.and_then(|registers| Some(registers.granted.get()?.event)),
            result: None,
            instead_of: candidate.send.as_ref().and_then(|void| void.send.void_since()),
        };
        let mut contact = known.contact.clone();
        contact.send(id.clone(), send.remembered(), self.policy);
        let actions = [
            self.ledger.amend_contact(&contact, known.version, None, self.policy)?,
            self.ledger
                .put_send(&contact.id, id, &send, candidate.send.as_ref(), self.policy)?,
        ];
        let ended = self.ledger.transact("let a message go", &actions).await?;
        Ok(ended == Transacted::Committed)
    }

    fn ticket(&self, contact: ContactId, decided_at: Time) -> IssuedTicket {
        let campaign = &self.campaign.id;
        let template = self.campaign.plan.template.clone();
        let ticket = Ticket::new(campaign.clone(), contact, template, decided_at);
        let callback = Reference::Send {
            contact,
            campaign: campaign.clone(),
        };
        IssuedTicket {
            text: ticket.encode(self.token_key),
            expires_at: ticket.expires_at,
            callback: callback.to_string(),
        }
    }
}

/// The recipients with what was read about them.
fn rows(whom: &[Whom], items: &ReadItems, campaign: &CampaignId) -> Vec<Row> {
    let read = |id| match Candidate::read(items, &id, campaign) {
        Ok(Some(candidate)) => (id, Who::Candidate(Arc::new(candidate))),
        Ok(None) => (id, Who::Unknown),
        Err(_) => (id, Who::Unread),
    };
    let contacts: HashMap<_, _> = contacts_of(whom).map(read).collect();
    let mut met = Met::default();
    let row = |whom: &Whom| Row {
        listing: met.listing(*whom),
        who: match whom {
            Whom::Bad => Who::Bad,
            Whom::Unread => Who::Unread,
            Whom::Stranger(_) => Who::Unknown,
            Whom::Contact(id) => contacts.get(id).cloned().unwrap_or(Who::Unread),
        },
    };
    whom.iter().map(row).collect()
}

/// Whether anything of the campaign may go. A verdict that nobody signed so is none.
fn is_clear(stored: &StoredCampaign, policy: &Policy, now: Time) -> Result<(), NotClear> {
    if stored.is_intact {
        return stored.campaign.is_clear(policy, now);
    }
    let unchecked = Campaign {
        verdict: None,
        ..stored.campaign.clone()
    };
    unchecked.is_clear(policy, now)
}
