//! The straight line: a contact and an event make a decision.
//!
//! Every event raises registers, whatever their present values are, and so the order of events does not matter. Messages
//! are decided afterwards, from what the registers say then.

mod answer;
mod raise;
mod record;
mod reported;
mod said;
mod send;

use std::collections::BTreeSet;

use crate::case::PendingStep;
use crate::contact::{Contact, Moved};
use crate::event::{Act, Event};
use crate::evidence::{Actor, Draft, EvidenceKind, Expression, Reply, Source};
use crate::id::{OutgoingId, PurposeId};
use crate::outgoing::{Outgoing, OutgoingKind};
use crate::policy::Policy;
use crate::register::StopKind;
use crate::suppression::SuppressionKind;
use crate::time::Time;
use crate::token::TokenKey;

/// What a decision is made by.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The policy in force.
    pub policy: &'a Policy,
    /// The keys that tokens may be signed with, newest first.
    pub token_keys: &'a [TokenKey],
    /// The time.
    pub now: Time,
}

/// What follows from events: the contact as it is now, the evidence, the messages to send, and steps of the contact's cases. It is
/// committed as a whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The contact after the events.
    pub contact: Contact,
    /// One record for each event that is part of the contact's history.
    pub evidence: Vec<Draft>,
    /// Messages to send.
    pub outbox: Vec<Outgoing>,
    /// Steps of cases to take, with the messages that follow.
    pub steps: Vec<PendingStep>,
}

impl Decision {
    /// Whether nothing follows from the events that has to be kept.
    pub fn is_nothing(&self) -> bool {
        self.evidence.is_empty() && self.outbox.is_empty() && self.steps.is_empty()
    }

    /// All that it puts into the outbox, now or later, each with the time when it was decided.
    pub fn entries(&self) -> impl Iterator<Item = (OutgoingId, Time)> {
        let messages = self.outbox.iter().map(|message| (message.id, message.created_at));
        messages.chain(self.steps.iter().flat_map(PendingStep::entries))
    }
}

impl Contact {
    /// Applies events, earliest first.
    pub fn apply(self, events: &[Event], rules: &Rules<'_>) -> Decision {
        // What was erased stays erased, though Meta may deliver it once more.
        let begun_after = self.begun_after.get().copied();
        let mut in_order: Vec<_> = events
            .iter()
            .filter(|event| begun_after.is_none_or(|erased_at| event.at > erased_at))
            .collect();
        in_order.sort_by_key(|event| (event.at, event.id));
        let mut decision = Decision {
            contact: self,
            evidence: vec![],
            outbox: vec![],
            steps: vec![],
        };
        for event in in_order {
            let step = Step::begin(decision.contact, event, rules);
            let (evidence, done) = step.run();
            decision.contact = done.contact;
            decision.evidence.extend(evidence);
            decision.outbox.extend(done.outbox);
            decision.steps.extend(done.case_step);
        }
        decision
    }
}

/// One event on its way through the rules.
struct Step<'a> {
    contact: Contact,
    event: &'a Event,
    rules: &'a Rules<'a>,
    /// The event's time, not later than now.
    at: Time,
    confirmed_before: BTreeSet<PurposeId>,
    objected_before: bool,
    outbox: Vec<Outgoing>,
    case_step: Option<PendingStep>,
}

impl<'a> Step<'a> {
    fn begin(contact: Contact, event: &'a Event, rules: &'a Rules<'a>) -> Self {
        let mut step = Self {
            at: event.at.min(rules.now),
            confirmed_before: BTreeSet::new(),
            objected_before: contact
                .suppressions
                .since(&SuppressionKind::ObjectionMarketing, rules.now)
                .is_some(),
            contact,
            event,
            rules,
            outbox: vec![],
            case_step: None,
        };
        step.confirmed_before = step.confirmed();
        step
    }

    fn policy(&self) -> &'a Policy {
        self.rules.policy
    }

    fn now(&self) -> Time {
        self.rules.now
    }

    /// Goes through the rules. What they leave beside the record is in the step itself.
    fn run(mut self) -> (Option<Draft>, Self) {
        let draft = match &self.event.act {
            Act::Asked(asked) => Some(self.asked(asked)),
            Act::Said(said) => self.said(said),
            Act::Tapped {
                payload,
                message,
                context,
            } => {
                let reply = Reply {
                    message: *message,
                    context: *context,
                };
                self.tapped(payload, reply)
            }
            Act::Withdrew {
                purposes,
                source,
                actor,
            } => {
                let mut evidence = self.record(
                    EvidenceKind::Withdrawn,
                    actor.clone(),
                    Source::Withdrawal { via: *source },
                );
                evidence.expression = Some(Expression::Form);
                match purposes {
                    None => self.stop_everything(),
                    Some(purposes) => {
                        evidence.purposes.clone_from(purposes);
                        self.stop_purposes(purposes, StopKind::Withdrawn);
                    }
                }
                evidence.validity = self.stop_validity();
                Some(Draft { evidence, words: None })
            }
            Act::PlatformStopped => {
                self.platform_stop();
                let evidence = self.record_of_meta(EvidenceKind::PlatformStop);
                Some(Draft { evidence, words: None })
            }
            Act::PlatformResumed => {
                self.contact.suppressions.lift(SuppressionKind::PlatformStop, self.at);
                let evidence = self.record_of_meta(EvidenceKind::PlatformResume);
                Some(Draft { evidence, words: None })
            }
            Act::Prompted { request, outcome } => Some(self.prompted(*request, outcome)),
            Act::Left { to } => {
                if let Some(to) = to {
                    self.contact.moved.raise(Moved { at: self.at, to: *to });
                }
                Some(self.invalidated())
            }
            Act::Arrived(carried) => {
                if let Some(stop) = carried.everything {
                    self.contact.stops.everything.raise(stop);
                }
                if let Some(stop) = carried.marketing {
                    self.contact.stops.marketing.raise(stop);
                }
                for (purpose, stop) in &carried.purposes {
                    self.contact
                        .purposes
                        .entry(purpose.clone())
                        .or_default()
                        .stopped
                        .raise(*stop);
                }
                for (kind, set) in &carried.suppressions {
                    self.contact.suppressions.set(kind.clone(), *set);
                }
                Some(self.invalidated())
            }
            Act::WentUnanswered => {
                self.contact.holds.note(self.event.id);
                let evidence = self.record(EvidenceKind::Withdrawn, Actor::System, Source::Purge);
                Some(Draft { evidence, words: None })
            }
            Act::IdentityAsked { case, kind } => {
                self.ask_identity(*case, *kind);
                None
            }
            Act::Restricted { actor } => {
                self.contact
                    .suppressions
                    .set(SuppressionKind::RestrictionArt18, self.at);
                let evidence = self.record(EvidenceKind::Restricted, actor.clone(), Source::Case);
                Some(Draft { evidence, words: None })
            }
            Act::RestrictionEnds { case } => {
                self.send(OutgoingKind::RestrictionEnds { case: *case });
                None
            }
            Act::Unrestricted { actor } => {
                self.contact
                    .suppressions
                    .lift(SuppressionKind::RestrictionArt18, self.at);
                let evidence = self.record(EvidenceKind::Unrestricted, actor.clone(), Source::Case);
                Some(Draft { evidence, words: None })
            }
            Act::Rectified { locale, actor } => {
                self.contact.locale.raise((self.at, locale.clone()));
                let mut evidence = self.record(EvidenceKind::Rectified, actor.clone(), Source::Case);
                evidence.locale = Some(locale.clone());
                Some(Draft { evidence, words: None })
            }
            Act::ErasureRefused { actor, reason } => {
                let evidence = self.record(EvidenceKind::ErasureRefused, actor.clone(), Source::Erasure);
                Some(Draft {
                    evidence,
                    words: Some(reason.clone()),
                })
            }
        };
        let confirmed: Vec<_> = self.confirmed().difference(&self.confirmed_before).cloned().collect();
        if !confirmed.is_empty() {
            self.send(OutgoingKind::ConsentConfirmation { purposes: confirmed });
        }
        self.contact.forget_what_is_over(self.rules.now);
        let refusals = self.prompt_where_due();
        let draft = draft.map(|draft| self.judge_request(draft, &refusals));
        (draft, self)
    }
}
