//! What a delivery asks of the ledger: Meta's items translated into events of the domain, grouped by person.

use std::collections::BTreeMap;

use consent::campaign::SendResult;
use consent::event::{Act, Authorship, Event, FailureCause, Said};
use consent::evidence::{DeliveryEvidence, TypedWords};
use consent::id::{CampaignId, ContactId, EventId, MessageRef, OutgoingId, SenderId};
use consent::outgoing::Reference;
use consent::time::Time;
use consent::token::Token;
use consent::words::Meaning;
use identity::{Identifiers, PseudonymDomain};
use ledger::{HealthReport, Move};
use service::Work;
use whatsapp::delivery::{
    Authored, Content, Delivery, EventKey, IdentityChange, InboundMessage, Item, NotADelivery, Preference,
    PreferenceValue, Status, StatusState, Tap,
};
use whatsapp::graph::Consequence;
use whatsapp::{MessageId, PhoneNumberId, WabaId};

use crate::health;

/// What a delivery asks of the ledger.
#[derive(Debug)]
pub(crate) struct Plan {
    /// What people did, each person's events together.
    pub(crate) people: Vec<Person>,
    /// What became of prompts.
    pub(crate) prompts: BTreeMap<OutgoingId, Vec<PromptStatus>>,
    /// What became of messages that the gate let go.
    pub(crate) sends: Vec<SendStatus>,
    /// Numbers and ids that changed hands.
    pub(crate) moves: Vec<Move>,
    /// What Meta reported about accounts, numbers and templates.
    pub(crate) reports: Vec<HealthReport>,
    /// What could not be read, with the reason.
    pub(crate) unreadable: Vec<(Box<[u8]>, String)>,
    /// How many of what, for the metrics.
    pub(crate) counts: BTreeMap<&'static str, u64>,
    /// When the delivery was received.
    pub(crate) received_at: Time,
}

/// One person's events.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) who: Identifiers,
    pub(crate) events: Vec<Event>,
}

/// What became of a prompt.
#[derive(Debug)]
pub(crate) struct PromptStatus {
    pub(crate) at: Time,
    pub(crate) message: MessageRef,
    pub(crate) state: PromptProgress,
    pub(crate) delivery: DeliveryEvidence,
}

/// How far a prompt has come.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PromptProgress {
    Accepted,
    Delivered,
    Failed { code: Option<u32>, cause: FailureCause },
}

/// What became of a campaign's message to a contact.
#[derive(Debug)]
pub(crate) struct SendStatus {
    pub(crate) contact: ContactId,
    pub(crate) campaign: CampaignId,
    pub(crate) result: SendResult,
    pub(crate) code: Option<u32>,
    pub(crate) at: Time,
}

/// Translates the items of one delivery.
struct Translator<'a> {
    work: &'a Work,
    body_sha256: String,
    verified_with: u8,
    plan: Plan,
}

impl Plan {
    pub(crate) fn of(delivery: &Delivery, work: &Work) -> Self {
        let mut translator = Translator {
            work,
            body_sha256: hex::encode(delivery.body_sha256),
            verified_with: u8::try_from(delivery.verified_with).unwrap_or(u8::MAX),
            plan: Self::received_at(work.now),
        };
        for item in &delivery.items {
            translator.item(item);
        }
        translator.plan
    }

    pub(crate) fn of_unreadable(body: &[u8], reason: &NotADelivery, received_at: Time) -> Self {
        let mut plan = Self::received_at(received_at);
        plan.unreadable.push((body.into(), reason.to_string()));
        plan
    }

    fn received_at(received_at: Time) -> Self {
        Self {
            people: vec![],
            prompts: BTreeMap::new(),
            sends: vec![],
            moves: vec![],
            reports: vec![],
            unreadable: vec![],
            counts: BTreeMap::from([("deliveries", 1)]),
            received_at,
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Adds an event to the person that shares a number or id with these identifiers.
    fn add(&mut self, who: &Identifiers, event: Event) {
        let is_same = |person: &&mut Person| {
            who.iter()
                .any(|identifier| person.who.iter().any(|known| known == identifier))
        };
        match self.people.iter_mut().find(is_same) {
            Some(person) => {
                person.who.learn(who);
                person.events.push(event);
            }
            None => self.people.push(Person {
                who: who.clone(),
                events: vec![event],
            }),
        }
    }
}

impl Translator<'_> {
    fn item(&mut self, item: &Item) {
        match item {
            Item::Message(message) => {
                self.plan.count("messages");
                if let Some(act) = self.act(message) {
                    let delivery = self.delivery(message.waba.as_ref(), message.sender.as_ref());
                    let event = self.event(&message.key(), message.at, act, delivery);
                    self.plan.add(&message.from, event);
                }
            }
            Item::Status(status) => {
                self.plan.count("statuses");
                self.status(status);
            }
            Item::Preference(preference) => {
                self.plan.count("preferences");
                self.preference(preference);
            }
            Item::IdentityChange(change) => {
                self.plan.count("identity_changes");
                self.identity_change(change);
            }
            Item::Account(event) => {
                self.plan.count("account_events");
                let at = self.time(event.at);
                self.plan
                    .reports
                    .extend(health::of_account(event, at, &self.work.policy));
            }
            Item::Template(event) => {
                self.plan.count("template_events");
                let at = self.time(event.at);
                self.plan.reports.extend(health::of_template(event, at));
            }
            Item::ValueError(error) => {
                let what = if error.may_hide_a_stop() {
                    "deliveries_lost"
                } else {
                    "errors_reported"
                };
                self.plan.count(what);
            }
            Item::Ignored(_) => self.plan.count("ignored"),
            Item::Unreadable(unreadable) => {
                self.plan.count("unreadable");
                let reason = format!("{}: {}", unreadable.field, unreadable.reason);
                self.plan
                    .unreadable
                    .push((unreadable.raw.as_str().as_bytes().into(), reason));
            }
        }
    }

    /// What a message does; none if it is none of the ledger's business, which costs no call.
    fn act(&self, message: &InboundMessage) -> Option<Act> {
        let own = message.authored == Authored::Own;
        let authorship = if own { Authorship::Own } else { Authorship::Other };
        match &message.content {
            Content::Text(text) => self.said(message, text.as_str(), authorship, false),
            Content::Caption(text) => self.said(message, text.as_str(), Authorship::Other, false),
            Content::Tap(tap) if Token::is_claimed_by(tap.payload.as_str()) => Some(Act::Tapped {
                payload: tap.payload.as_str().to_owned(),
                message: self.reference(&message.id),
                context: message.reply_to.as_ref().map(|id| self.reference(id)),
            }),
            Content::Tap(tap) => self.said_by_button(message, tap),
            Content::Reaction | Content::Other { .. } => None,
        }
    }

    fn said(&self, message: &InboundMessage, text: &str, authorship: Authorship, by_button: bool) -> Option<Act> {
        let meaning = self.work.policy.words().read(text);
        if meaning == Meaning::Nothing {
            return None;
        }
        Some(Act::Said(Said {
            meaning,
            words: TypedWords::new(text),
            authorship,
            by_button,
            sender: message.sender.as_ref().and_then(sender),
            message: self.reference(&message.id),
            context: message.reply_to.as_ref().map(|id| self.reference(id)),
        }))
    }

    /// A button of another program: a stop is a stop wherever it stands, but a "yes" answers that program's question.
    fn said_by_button(&self, message: &InboundMessage, tap: &Tap) -> Option<Act> {
        let label = self.said(message, tap.label.as_str(), Authorship::Own, true);
        let said = label.or_else(|| self.said(message, tap.payload.as_str(), Authorship::Own, true))?;
        let answers = |said: &Said| matches!(said.meaning, Meaning::Confirm | Meaning::No { .. });
        (!matches!(&said, Act::Said(said) if answers(said))).then_some(said)
    }

    fn status(&mut self, status: &Status) {
        let delivery = self.delivery(status.waba.as_ref(), status.sender.as_ref());
        let failed = status.state == StatusState::Failed;
        let consequence = status
            .errors
            .iter()
            .map(|error| error.consequence())
            .find(|c| *c != Consequence::None);
        let reference = status
            .callback
            .as_ref()
            .and_then(|callback| Reference::parse(callback.as_str()));
        if let Some(Reference::Prompt(id)) = reference {
            let state = match &status.state {
                StatusState::Sent => PromptProgress::Accepted,
                StatusState::Delivered | StatusState::Read | StatusState::Played => PromptProgress::Delivered,
                StatusState::Failed => PromptProgress::Failed {
                    code: status.errors.iter().find_map(|error| error.code),
                    cause: cause(consequence),
                },
                StatusState::Other(_) => return,
            };
            let message = self.reference(&status.message);
            let status = PromptStatus {
                at: self.time(status.at),
                message,
                state,
                delivery,
            };
            self.plan.prompts.entry(id).or_default().push(status);
            return;
        }
        if let Some(Reference::Send { contact, campaign }) = reference {
            self.send_status(status, contact, campaign);
        }
        // Of all other messages only those matter that Meta refused for the contact's sake.
        let (Some(recipient), true) = (&status.recipient, failed) else {
            return;
        };
        match consequence {
            Some(Consequence::PlatformStop) => {
                let event = self.event(&status.key(), status.at, Act::PlatformStopped, delivery);
                self.plan.add(recipient, event);
            }
            Some(Consequence::ReconfirmIdentity) => {
                let (event, at) = (self.event_id(&status.key()), self.time(status.at));
                self.plan.moves.push(Move {
                    event,
                    at,
                    from: Some(recipient.clone()),
                    to: None,
                    delivery: Some(delivery),
                });
            }
            Some(Consequence::Alert) => self.plan.count("sends_refused"),
            _ => {}
        }
    }

    /// That somebody has read what arrived changes nothing, and costs no call.
    fn send_status(&mut self, status: &Status, contact: ContactId, campaign: CampaignId) {
        let result = match &status.state {
            StatusState::Sent | StatusState::Delivered => SendResult::Sent,
            StatusState::Failed => SendResult::Failed,
            StatusState::Read | StatusState::Played | StatusState::Other(_) => return,
        };
        let code = status.errors.iter().find_map(|error| error.code);
        self.plan.sends.push(SendStatus {
            contact,
            campaign,
            result,
            code: code.filter(|_| result == SendResult::Failed),
            at: self.time(status.at),
        });
    }

    fn preference(&mut self, preference: &Preference) {
        let act = match &preference.value {
            PreferenceValue::Stop => Act::PlatformStopped,
            PreferenceValue::Resume => Act::PlatformResumed,
            PreferenceValue::Other(_) => return self.plan.count("ignored"),
        };
        let delivery = self.delivery(preference.waba.as_ref(), preference.sender.as_ref());
        let event = self.event(&preference.key(), preference.at, act, delivery);
        self.plan.add(&preference.from, event);
    }

    fn identity_change(&mut self, change: &IdentityChange) {
        let delivery = self.delivery(change.waba.as_ref(), change.sender.as_ref());
        let (event, at) = (self.event_id(&change.key()), self.time(change.at));
        self.plan.moves.push(Move {
            event,
            at,
            from: change.old.clone(),
            to: change.new.clone(),
            delivery: Some(delivery),
        });
    }

    fn event(&self, key: &EventKey, at: Option<i64>, act: Act, delivery: DeliveryEvidence) -> Event {
        Event {
            id: self.event_id(key),
            at: self.time(at),
            act,
            delivery: Some(delivery),
        }
    }

    fn event_id(&self, key: &EventKey) -> EventId {
        self.work.ledger.event_id(PseudonymDomain::Event, &[key.as_bytes()])
    }

    fn time(&self, at: Option<i64>) -> Time {
        at.map_or(self.work.now, Time::from_unix_seconds)
    }

    fn reference(&self, id: &MessageId) -> MessageRef {
        MessageRef::from_bytes(self.work.ledger.keys().pseudonym.message(id.as_str()))
    }

    fn delivery(&self, account: Option<&WabaId>, number: Option<&PhoneNumberId>) -> DeliveryEvidence {
        DeliveryEvidence {
            sender: number.and_then(sender),
            account: account.map(ToString::to_string).unwrap_or_default(),
            body_sha256: self.body_sha256.clone(),
            received_at: self.work.now,
            verified_with: self.verified_with,
        }
    }
}

fn sender(number: &PhoneNumberId) -> Option<SenderId> {
    number.as_str().parse().ok()
}

fn cause(consequence: Option<Consequence>) -> FailureCause {
    match consequence {
        Some(Consequence::Undeliverable) => FailureCause::Undeliverable,
        Some(Consequence::PlatformStop) => FailureCause::PlatformStop,
        _ => FailureCause::Other,
    }
}
