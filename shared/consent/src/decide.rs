//! The straight line: a contact and an event make a decision.
//!
//! Every event raises registers, whatever their present values are, and so the order of events does not matter. Messages
//! are decided afterwards, from what the registers say then.

use std::collections::{BTreeMap, BTreeSet};

use crate::contact::{Contact, Moved, Prompt, PromptState, Status, is_marketing};
use crate::event::{Act, Asked, Authorship, Event, FailureCause, PromptOutcome, Said};
use crate::evidence::{
    Actor, Draft, Evidence, EvidenceKind, Expression, PromptEvidence, Reply, SCHEMA, Source, Validity,
};
use crate::id::{Locale, MessageRef, NoticeVersion, PurposeId, RequestId, SenderId};
use crate::outgoing::{Outgoing, OutgoingKind, outgoing_id, request_id};
use crate::policy::Policy;
use crate::register::{Grant, Request, RequestSource, Stop, StopKind};
use crate::suppression::{HOLD, MessageClass, SuppressionKind};
use crate::time::{Span, Time};
use crate::token::{Action, MAX_PURPOSES, Token, TokenError, TokenKey};
use crate::words::{Meaning, RightsWord};

/// How long an answer inside the contact's 24 hours may wait before it is no longer worth sending.
const ANSWER_LIFETIME: Span = Span::hours(24);

/// The most buttons that a message can have.
const MAX_BUTTONS: usize = 3;

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

/// What follows from events: the contact as it is now, the evidence, and the messages to send. It is committed as a whole or not
/// at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The contact after the events.
    pub contact: Contact,
    /// One record for each event that is part of the contact's history.
    pub evidence: Vec<Draft>,
    /// Messages to send.
    pub outbox: Vec<Outgoing>,
}

impl Contact {
    /// Applies events, earliest first.
    pub fn apply(self, events: &[Event], rules: &Rules<'_>) -> Decision {
        let mut in_order: Vec<_> = events.iter().collect();
        in_order.sort_by_key(|event| (event.at, event.id));
        let mut decision = Decision {
            contact: self,
            evidence: vec![],
            outbox: vec![],
        };
        for event in in_order {
            let step = Step::begin(decision.contact, event, rules);
            let (contact, evidence, outbox) = step.run();
            decision.contact = contact;
            decision.evidence.extend(evidence);
            decision.outbox.extend(outbox);
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

    fn run(mut self) -> (Contact, Option<Draft>, Vec<Outgoing>) {
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
        };
        let confirmed: Vec<_> = self.confirmed().difference(&self.confirmed_before).cloned().collect();
        if !confirmed.is_empty() {
            self.send(OutgoingKind::ConsentConfirmation { purposes: confirmed });
        }
        self.contact.forget_what_is_over(self.rules.now);
        let refusals = self.prompt_where_due();
        let draft = draft.map(|draft| self.judge_request(draft, &refusals));
        (self.contact, draft, self.outbox)
    }

    // ---- what the contact did ----

    fn asked(&mut self, asked: &Asked) -> Draft {
        let source = Source::OptIn {
            via: asked.source,
            url: asked.url.clone(),
            form: asked.form.clone(),
        };
        let mut evidence = self.record(EvidenceKind::Requested, asked.actor.clone(), source);
        evidence.expression = Some(Expression::Form);
        self.contact.locale.raise((self.at, asked.locale.clone()));
        self.request(
            asked.request,
            &asked.purposes,
            asked.source,
            &asked.locale,
            &mut evidence,
        );
        Draft { evidence, words: None }
    }

    fn said(&mut self, said: &Said) -> Option<Draft> {
        if let Some(sender) = &said.sender {
            self.contact.sender.raise((self.at, sender.clone()));
        }
        self.heard_from();
        let reply = Reply {
            message: said.message,
            context: said.context,
        };
        let mut evidence = match (said.meaning.clone(), said.authorship) {
            (Meaning::Stop, _) => self.stopped(EvidenceKind::Withdrawn),
            (Meaning::StopInContext, _) if self.contact.is_answering_us(self.at) => {
                self.stopped(EvidenceKind::Withdrawn)
            }
            (Meaning::Rights(RightsWord::Delete), Authorship::Own) => {
                self.object();
                self.send(OutgoingKind::RightsReceived);
                let mut evidence = self.record_of_contact(EvidenceKind::Objected);
                evidence.validity = self.stop_validity();
                evidence
            }
            (Meaning::Ambiguous, _) | (Meaning::Rights(RightsWord::Delete), Authorship::Other) => self.held(),
            (_, Authorship::Other) | (Meaning::Nothing | Meaning::StopInContext, _) => return None,
            (Meaning::Rights(RightsWord::Access), _) => {
                self.send(OutgoingKind::RightsReceived);
                return None;
            }
            (Meaning::Help, _) => {
                self.send(OutgoingKind::Help);
                return None;
            }
            (Meaning::No { stop_in_context }, _) => self.typed_no(said, stop_in_context)?,
            (Meaning::Confirm, _) => self.typed_yes(said)?,
            (Meaning::OptIn(word), _) => {
                let locale = self.locale();
                let mut evidence = self.record_of_contact(EvidenceKind::Requested);
                for kind in [SuppressionKind::NotMe, SuppressionKind::StopAll] {
                    self.contact.suppressions.lift(kind, self.at);
                }
                let id = request_id(&self.event.id);
                self.request(id, word.purposes(), RequestSource::Whatsapp, &locale, &mut evidence);
                evidence
            }
        };
        let expression = if said.by_button {
            Expression::ButtonLabel
        } else {
            Expression::TypedWord
        };
        evidence.expression = Some(expression);
        evidence.reply = Some(reply);
        Some(Draft {
            evidence,
            words: Some(said.words.clone()),
        })
    }

    fn typed_yes(&mut self, said: &Said) -> Option<Evidence> {
        // What waits in the outbox was not read by anybody yet.
        let open = self.bound_prompts(said, |prompt| prompt.state != PromptState::Queued);
        match open.as_slice() {
            [] => None,
            [(request, prompt)] => {
                if said.context.is_some() {
                    self.arrived(request);
                }
                Some(self.confirm(&Answer::to(*request, prompt)))
            }
            _ => {
                let requests = open
                    .iter()
                    .rev()
                    .take(MAX_BUTTONS)
                    .map(|(request, _)| *request)
                    .collect();
                self.send(OutgoingKind::WhichQuestion { requests });
                let mut evidence = self.record_of_contact(EvidenceKind::Confirmed);
                evidence.validity = Validity::SeveralPrompts;
                Some(evidence)
            }
        }
    }

    fn typed_no(&mut self, said: &Said, stop_in_context: bool) -> Option<Evidence> {
        let open = self.bound_prompts(said, |_| true);
        let Some((first, prompt)) = open.first() else {
            let stop = stop_in_context && self.contact.is_answering_us(self.at);
            return stop.then(|| self.stopped(EvidenceKind::Withdrawn));
        };
        let mut evidence = self.record_of_contact(EvidenceKind::Declined);
        evidence.prompt = Some(Answer::to(*first, prompt).evidence());
        // A "no" that could mean several questions answers them all.
        let purposes: BTreeSet<_> = open
            .iter()
            .flat_map(|(_, prompt)| prompt.notices.keys().cloned())
            .collect();
        evidence.purposes = purposes.into_iter().collect();
        self.stop_purposes(&evidence.purposes, StopKind::Declined);
        evidence.validity = self.stop_validity();
        Some(evidence)
    }

    /// The prompts that a typed answer can mean, oldest first: the one it replies to, else all those that wait for an answer,
    /// if the latest is no more than a day old. A reply to any other message means none.
    ///
    /// Whether a prompt failed does not matter here, since the news may come before the answer or after it.
    fn bound_prompts(&self, said: &Said, could_be_meant: impl Fn(&Prompt) -> bool) -> Vec<(RequestId, Prompt)> {
        let mut bound: Vec<_> = self
            .contact
            .prompts
            .iter()
            .filter(|(_, prompt)| could_be_meant(prompt))
            .filter(|(_, prompt)| match said.context {
                Some(context) => prompt.message == Some(context),
                None => prompt.is_in_time(self.at),
            })
            .map(|(request, prompt)| (*request, prompt.clone()))
            .collect();
        bound.sort_by_key(|(request, prompt)| (prompt.at, *request));
        let is_recent = bound
            .last()
            .is_some_and(|(_, latest)| self.at < latest.at + crate::contact::BARE_YES);
        if said.context.is_none() && !is_recent {
            bound.clear();
        }
        bound
    }

    /// Remembers that the prompt arrived, since the contact answered this very message.
    fn arrived(&mut self, request: &RequestId) {
        if let Some(prompt) = self.contact.prompts.get_mut(request) {
            prompt.state = PromptState::Answered;
        }
    }

    fn tapped(&mut self, payload: &str, reply: Reply) -> Option<Draft> {
        self.heard_from();
        let mut evidence = match Token::decode(payload, self.rules.token_keys) {
            Err(TokenError::Foreign) => return None,
            Err(TokenError::Forged) => {
                let mut evidence = self.record_of_contact(EvidenceKind::Confirmed);
                evidence.validity = Validity::TokenForged;
                evidence
            }
            // A "yes" counts from the one who was asked. A refusal binds whoever taps it: the button may have been sent to an
            // earlier number of the same person.
            Ok(token) if token.contact != self.contact.id && !token.action.refuses() => {
                let mut evidence = self.record_of_contact(kind_of(token.action));
                evidence.validity = Validity::TokenOfAnotherContact;
                evidence
            }
            Ok(token) => self.answered(&token),
        };
        evidence.expression = Some(Expression::ButtonToken);
        evidence.reply = Some(reply);
        Some(Draft { evidence, words: None })
    }

    fn answered(&mut self, token: &Token) -> Evidence {
        match token.action {
            Action::Confirm => {
                self.arrived(&token.request);
                self.confirm(&self.answer(token))
            }
            Action::Decline => self.refused(&self.answer(token), StopKind::Declined),
            Action::NotMe => {
                self.contact.suppressions.set(SuppressionKind::NotMe, self.at);
                self.refused(&self.answer(token), StopKind::NotMe)
            }
            Action::Stop => self.stopped(EvidenceKind::Withdrawn),
            Action::Keep => {
                let mut evidence = self.record_of_contact(EvidenceKind::Kept);
                if self.at < token.expires_at {
                    self.release(self.at);
                } else {
                    evidence.validity = Validity::TokenExpired;
                }
                evidence
            }
        }
    }

    /// What a token answers. A notice that the policy no longer has stays unknown.
    fn answer(&self, token: &Token) -> Answer {
        let known = token
            .notices
            .iter()
            .map(|prefix| self.policy().notice_by_prefix(prefix));
        let notices: Option<BTreeMap<_, _>> = known
            .map(|notice| notice.map(|notice| (notice.purpose().clone(), *notice.version())))
            .collect();
        // The prompt itself may still be remembered, notices and all.
        let remembered = self.contact.prompts.get(&token.request);
        Answer {
            request: token.request,
            prompted_at: token.prompted_at,
            expires_at: token.expires_at,
            message: remembered.and_then(|prompt| prompt.message),
            notices: notices
                .or_else(|| remembered.map(|prompt| prompt.notices.clone()))
                .unwrap_or_default(),
        }
    }

    /// "Yes" to a prompt: a grant if it came in time and the notice is in force. Either way it is the contact's own
    /// act, so it also stands as a request: should a stop make the grant void, a new prompt is due.
    fn confirm(&mut self, answer: &Answer) -> Evidence {
        let mut evidence = self.record_of_contact(EvidenceKind::Confirmed);
        answer.describe(&mut evidence);
        let purposes: Vec<_> = answer.notices.keys().cloned().collect();
        let in_force = !purposes.is_empty()
            && answer.notices.values().all(|version| {
                self.policy()
                    .notice_version(version)
                    .is_some_and(|notice| notice.is_active(self.at.max(answer.prompted_at)))
            });
        let locale = answer
            .notices
            .values()
            .find_map(|version| self.policy().notice_version(version))
            .map_or_else(|| self.locale(), |notice| notice.locale().clone());
        self.ask(request_id(&self.event.id), &purposes, RequestSource::Whatsapp, &locale);
        evidence.locale = Some(locale);
        if self.at >= answer.expires_at {
            evidence.validity = Validity::TokenExpired;
            return evidence;
        }
        if !in_force {
            evidence.validity = Validity::NoticeRetired;
            return evidence;
        }
        let replied_at = self.at.max(answer.prompted_at);
        for (purpose, notice) in &answer.notices {
            let registers = self.contact.purposes.entry(purpose.clone()).or_default();
            registers.granted.raise(Grant {
                prompted_at: answer.prompted_at,
                replied_at,
                event: self.event.id,
                request: answer.request,
                notice: *notice,
            });
            registers.last_used.raise(replied_at);
            if is_marketing(purpose, self.rules.policy) {
                // Lifted as of the prompt, not of the answer: a stop between the two binds.
                self.contact
                    .suppressions
                    .lift(SuppressionKind::ObjectionMarketing, answer.prompted_at);
                self.release(answer.prompted_at);
            }
        }
        let stands = purposes.iter().any(|purpose| {
            let stop = self.contact.stop(purpose, self.rules.policy, self.now());
            stop.is_none_or(|stop| answer.prompted_at > stop.at)
        });
        evidence.validity = if self.contact.never_arrived(&answer.request) {
            Validity::PromptFailed
        } else if stands {
            Validity::Counted
        } else {
            Validity::PromptOlderThanStop
        };
        evidence
    }

    fn refused(&mut self, answer: &Answer, kind: StopKind) -> Evidence {
        let what = if kind == StopKind::NotMe {
            EvidenceKind::NotMe
        } else {
            EvidenceKind::Declined
        };
        let mut evidence = self.record_of_contact(what);
        answer.describe(&mut evidence);
        let purposes: Vec<_> = answer.notices.keys().cloned().collect();
        if purposes.is_empty() {
            // Nobody knows any more what was asked, so the refusal binds all marketing.
            self.contact.stops.marketing.raise(Stop {
                at: self.at,
                kind,
                event: self.event.id,
            });
        }
        self.stop_purposes(&purposes, kind);
        evidence.validity = self.stop_validity();
        evidence
    }

    fn stopped(&mut self, kind: EvidenceKind) -> Evidence {
        self.stop_everything();
        let mut evidence = self.record_of_contact(kind);
        evidence.validity = self.stop_validity();
        if !self.objected_before && evidence.validity == Validity::Counted {
            self.send(OutgoingKind::OptoutConfirmation);
        }
        evidence
    }

    fn held(&mut self) -> Evidence {
        let already_asked = self
            .contact
            .suppressions
            .since(&SuppressionKind::AmbiguousHold, self.now())
            .is_some();
        self.contact.suppressions.set(SuppressionKind::AmbiguousHold, self.at);
        let after_marketing = self.contact.last_marketing.get().is_some_and(|sent| {
            let prompted_since = self
                .contact
                .prompts
                .values()
                .any(|prompt| prompt.at > *sent && prompt.at <= self.at);
            *sent <= self.at && !prompted_since
        });
        if after_marketing {
            self.contact.holds.hold(self.at, self.event.id);
        }
        if !already_asked && !self.objected_before {
            self.send(OutgoingKind::HoldQuestion {
                question: request_id(&self.event.id),
                held_at: self.at,
            });
        }
        self.record_of_contact(EvidenceKind::Held)
    }

    // ---- what Meta or the outbox reported ----

    fn prompted(&mut self, request: RequestId, outcome: &PromptOutcome) -> Draft {
        let (kind, state) = match outcome {
            PromptOutcome::Accepted { .. } => (EvidenceKind::PromptSent, PromptState::Accepted),
            PromptOutcome::Delivered => (EvidenceKind::PromptDelivered, PromptState::Delivered),
            PromptOutcome::Failed { .. } => (EvidenceKind::PromptFailed, PromptState::Failed),
        };
        let mut evidence = self.record(kind, Actor::System, Source::Outbox);
        if self.event.delivery.is_some() {
            (evidence.actor, evidence.source) = (Actor::Meta, Source::Meta);
        }
        let mut purposes = vec![];
        if let Some(prompt) = self.contact.prompts.get_mut(&request) {
            prompt.state = prompt.state.max(state);
            if let PromptOutcome::Accepted { message } = outcome {
                prompt.message = prompt.message.max(Some(*message));
            }
            purposes.extend(prompt.notices.keys().cloned());
            Answer::to(request, prompt).describe(&mut evidence);
        }
        if let PromptOutcome::Failed { code, cause } = outcome {
            if let Some(prompt) = &mut evidence.prompt {
                prompt.error_code = *code;
            }
            match cause {
                FailureCause::Undeliverable => {
                    self.stop_purposes(&purposes, StopKind::Invalidated);
                    self.contact.suppressions.set(SuppressionKind::Undeliverable, self.at);
                }
                FailureCause::PlatformStop => self.platform_stop(),
                FailureCause::Other => {}
            }
        }
        Draft { evidence, words: None }
    }

    fn invalidated(&mut self) -> Draft {
        let stop = Stop {
            at: self.at,
            kind: StopKind::Invalidated,
            event: self.event.id,
        };
        self.contact.stops.everything.raise(stop);
        Draft {
            evidence: self.record_of_meta(EvidenceKind::Invalidated),
            words: None,
        }
    }

    // ---- raising registers ----

    fn heard_from(&mut self) {
        self.contact.last_inbound.raise(self.at);
        self.contact.suppressions.lift(SuppressionKind::Undeliverable, self.at);
    }

    fn stop_everything(&mut self) {
        let stop = Stop {
            at: self.at,
            kind: StopKind::Withdrawn,
            event: self.event.id,
        };
        self.contact.stops.everything.raise(stop);
        self.contact
            .suppressions
            .set(SuppressionKind::ObjectionMarketing, self.at);
    }

    /// The contact did not mean STOP.
    fn release(&mut self, at: Time) {
        self.contact.suppressions.lift(SuppressionKind::AmbiguousHold, at);
        self.contact.holds.answer(at);
    }

    fn object(&mut self) {
        let stop = Stop {
            at: self.at,
            kind: StopKind::Withdrawn,
            event: self.event.id,
        };
        self.contact.stops.marketing.raise(stop);
        self.contact
            .suppressions
            .set(SuppressionKind::ObjectionMarketing, self.at);
    }

    fn platform_stop(&mut self) {
        let stop = Stop {
            at: self.at,
            kind: StopKind::Withdrawn,
            event: self.event.id,
        };
        self.contact.stops.marketing.raise(stop);
        self.contact.suppressions.set(SuppressionKind::PlatformStop, self.at);
    }

    fn stop_purposes(&mut self, purposes: &[PurposeId], kind: StopKind) {
        for purpose in purposes {
            let stop = Stop {
                at: self.at,
                kind,
                event: self.event.id,
            };
            self.contact
                .purposes
                .entry(purpose.clone())
                .or_default()
                .stopped
                .raise(stop);
        }
    }

    fn request(
        &mut self,
        id: RequestId,
        purposes: &[PurposeId],
        source: RequestSource,
        locale: &Locale,
        evidence: &mut Evidence,
    ) {
        evidence.purposes = purposes.to_vec();
        evidence.locale = Some(locale.clone());
        evidence.notices = self.ask(id, purposes, source, locale);
    }

    /// Raises the request of every purpose that the policy offers in that language.
    fn ask(
        &mut self,
        id: RequestId,
        purposes: &[PurposeId],
        source: RequestSource,
        locale: &Locale,
    ) -> Vec<NoticeVersion> {
        let mut notices = vec![];
        for purpose in purposes.iter().take(MAX_PURPOSES) {
            let Some(notice) = self.policy().notice(purpose, locale, self.now()) else {
                continue;
            };
            notices.push(*notice.version());
            let request = Request {
                at: self.at,
                id,
                recorded_at: self.now(),
                source,
                locale: locale.clone(),
                notice: *notice.version(),
            };
            self.contact.purposes.entry(purpose.clone()).or_default().ask(request);
        }
        notices
    }

    // ---- deciding what to send ----

    /// Makes a prompt for every request that counts and has none, and says why where it does not.
    fn prompt_where_due(&mut self) -> BTreeMap<PurposeId, Validity> {
        let mut refusals = BTreeMap::new();
        let mut due: BTreeMap<RequestId, (Locale, BTreeMap<PurposeId, NoticeVersion>)> = BTreeMap::new();
        for (purpose, registers) in &self.contact.purposes {
            let stop = self.contact.stop(purpose, self.policy(), self.now());
            let standing = self.contact.standing(purpose, self.policy(), self.now());
            if standing.status == Status::Confirmed {
                refusals.insert(purpose.clone(), Validity::AlreadyConfirmed);
                continue;
            }
            let Some(request) = registers.request_after(stop.as_ref()) else {
                let open = registers
                    .asked_openly
                    .get()
                    .is_some_and(|r| stop.is_some_and(|stop| r.at > stop.at));
                let why = if open {
                    Validity::OpenFormAfterStop
                } else {
                    Validity::RequestOlderThanStop
                };
                refusals.insert(purpose.clone(), why);
                continue;
            };
            let is_new = self.now() < request.recorded_at + self.policy().prompting().token_lifetime();
            if standing.request != Some(request.id) || !is_new || self.contact.prompts.contains_key(&request.id) {
                continue;
            }
            if self.contact.prompt_alive(purpose, stop.as_ref(), self.now()).is_some() {
                refusals.insert(purpose.clone(), Validity::PromptAlive);
                continue;
            }
            if !self.contact.is_reachable(MessageClass::Prompt, self.now()) {
                refusals.insert(purpose.clone(), Validity::Suppressed);
                continue;
            }
            let (_, notices) = due
                .entry(request.id)
                .or_insert_with(|| (request.locale.clone(), BTreeMap::new()));
            notices.insert(purpose.clone(), request.notice);
        }
        for (request, (locale, notices)) in due {
            if self.contact.next_prompt_at(self.policy(), self.now()).is_some() {
                refusals.extend(notices.into_keys().map(|purpose| (purpose, Validity::RateLimited)));
                continue;
            }
            self.prompt(request, locale, notices);
        }
        refusals
    }

    fn prompt(&mut self, request: RequestId, locale: Locale, notices: BTreeMap<PurposeId, NoticeVersion>) {
        let Some(sender) = self.sender_for(notices.keys()) else {
            return;
        };
        let now = self.now();
        let expires_at = now + self.policy().prompting().token_lifetime();
        let kind = OutgoingKind::Prompt { request };
        self.outbox.push(Outgoing {
            id: outgoing_id(&kind, request.as_bytes()),
            kind,
            locale: locale.clone(),
            sender,
            created_at: now,
            expires_at,
        });
        let prompt = Prompt {
            at: now,
            expires_at,
            state: PromptState::Queued,
            notices,
            locale,
            message: None,
        };
        self.contact.prompts.insert(request, prompt);
    }

    fn send(&mut self, kind: OutgoingKind) {
        let Some(sender) = self.sender_for([].into_iter()) else {
            return;
        };
        let now = self.now();
        let lifetime = if matches!(kind, OutgoingKind::HoldQuestion { .. }) {
            HOLD
        } else {
            ANSWER_LIFETIME
        };
        self.outbox.push(Outgoing {
            id: outgoing_id(&kind, self.event.id.as_bytes()),
            kind,
            locale: self.locale(),
            sender,
            created_at: now,
            expires_at: now + lifetime,
        });
    }

    /// The sender that the contact was last in touch with, if the policy has it and it may serve these purposes; else the
    /// first that may.
    fn sender_for<'p>(&self, purposes: impl Iterator<Item = &'p PurposeId>) -> Option<SenderId> {
        let purposes: Vec<_> = purposes.filter_map(|purpose| self.policy().purpose(purpose)).collect();
        let serves = |sender: &SenderId| purposes.iter().all(|purpose| purpose.serves(sender));
        let last = self.contact.sender.get().map(|(_, sender)| sender);
        last.into_iter()
            .filter(|sender| self.policy().sender(sender).is_some())
            .chain(self.policy().senders().map(|sender| sender.id()))
            .find(|sender| serves(sender))
            .cloned()
    }

    fn locale(&self) -> Locale {
        let known = self.contact.locale.get().map(|(_, locale)| locale);
        known.unwrap_or_else(|| self.policy().default_locale()).clone()
    }

    // ---- recording ----

    /// A request counts if its prompt was made; else the record says why not.
    fn judge_request(&self, mut draft: Draft, refusals: &BTreeMap<PurposeId, Validity>) -> Draft {
        let evidence = &mut draft.evidence;
        if evidence.kind != EvidenceKind::Requested {
            return draft;
        }
        let refused: Vec<_> = evidence.purposes.iter().map(|purpose| refusals.get(purpose)).collect();
        if evidence.notices.is_empty() {
            evidence.validity = Validity::NotOffered;
        } else if let Some(Some(first)) = refused.first()
            && refused.iter().all(Option::is_some)
        {
            evidence.validity = **first;
        }
        draft
    }

    /// Whether the stop ended something, or a newer confirmation stands.
    fn stop_validity(&self) -> Validity {
        let outlived = self
            .contact
            .purposes
            .values()
            .any(|r| r.granted.get().is_some_and(|g| g.prompted_at > self.at));
        if outlived && !self.confirmed().is_empty() {
            Validity::OlderThanConfirmation
        } else {
            Validity::Counted
        }
    }

    fn confirmed(&self) -> BTreeSet<PurposeId> {
        let policy = self.policy();
        let confirmed =
            |purpose: &PurposeId| self.contact.standing(purpose, policy, self.now()).status == Status::Confirmed;
        self.contact
            .purposes
            .keys()
            .filter(|purpose| confirmed(purpose))
            .cloned()
            .collect()
    }

    fn record_of_contact(&self, kind: EvidenceKind) -> Evidence {
        self.record(kind, Actor::Contact, Source::Whatsapp)
    }

    fn record_of_meta(&self, kind: EvidenceKind) -> Evidence {
        self.record(kind, Actor::Meta, Source::Meta)
    }

    fn record(&self, kind: EvidenceKind, actor: Actor, source: Source) -> Evidence {
        Evidence {
            schema: SCHEMA,
            event: self.event.id,
            sequence: 0,
            kind,
            validity: Validity::Counted,
            occurred_at: self.event.at,
            recorded_at: self.now(),
            actor,
            source,
            expression: None,
            purposes: vec![],
            notices: vec![],
            locale: None,
            prompt: None,
            reply: None,
            sealed_words: None,
            delivery: self.event.delivery.clone(),
            policy: self.policy().version(),
        }
    }
}

/// What an answer is bound to.
struct Answer {
    request: RequestId,
    prompted_at: Time,
    expires_at: Time,
    message: Option<MessageRef>,
    notices: BTreeMap<PurposeId, NoticeVersion>,
}

impl Answer {
    fn to(request: RequestId, prompt: &Prompt) -> Self {
        Self {
            request,
            prompted_at: prompt.at,
            expires_at: prompt.expires_at,
            message: prompt.message,
            notices: prompt.notices.clone(),
        }
    }

    fn evidence(&self) -> PromptEvidence {
        PromptEvidence {
            request: self.request,
            prompted_at: self.prompted_at,
            expires_at: self.expires_at,
            message: self.message,
            error_code: None,
        }
    }

    fn describe(&self, evidence: &mut Evidence) {
        evidence.prompt = Some(self.evidence());
        evidence.purposes = self.notices.keys().cloned().collect();
        evidence.notices = self.notices.values().copied().collect();
    }
}

fn kind_of(action: Action) -> EvidenceKind {
    match action {
        Action::Confirm => EvidenceKind::Confirmed,
        Action::Decline => EvidenceKind::Declined,
        Action::NotMe => EvidenceKind::NotMe,
        Action::Stop => EvidenceKind::Withdrawn,
        Action::Keep => EvidenceKind::Kept,
    }
}
