//! What to send, decided from what the registers say after the event.

use std::collections::BTreeMap;

use crate::case::{CaseStep, PendingStep};
use crate::contact::{Prompt, PromptState, Status};
use crate::evidence::Validity;
use crate::id::{Locale, NoticeVersion, PurposeId, RequestId, SenderId};
use crate::outgoing::{Outgoing, OutgoingKind, outgoing_id};
use crate::suppression::{HOLD, MessageClass};
use crate::time::Span;

use super::Step;

/// How long an answer inside the contact's 24 hours may wait before it is no longer worth sending.
const ANSWER_LIFETIME: Span = Span::hours(24);

impl Step<'_> {
    /// Makes a prompt for every request that counts and has none, and says why where it does not.
    pub(super) fn prompt_where_due(&mut self) -> BTreeMap<PurposeId, Validity> {
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

    pub(super) fn prompt(&mut self, request: RequestId, locale: Locale, notices: BTreeMap<PurposeId, NoticeVersion>) {
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

    pub(super) fn send(&mut self, kind: OutgoingKind) {
        self.outbox.extend(self.message(kind));
    }

    /// Has a step of a case taken, and then a message sent.
    pub(super) fn take(&mut self, step: CaseStep, then: Option<OutgoingKind>) {
        let then = then.and_then(|kind| self.message(kind));
        self.case_step = Some(PendingStep::of(&self.event.id, step, then, self.now()));
    }

    /// A message of that kind; none if the policy has no sender for it.
    fn message(&self, kind: OutgoingKind) -> Option<Outgoing> {
        let sender = self.sender_for([].into_iter())?;
        let now = self.now();
        let lifetime = if matches!(kind, OutgoingKind::HoldQuestion { .. }) {
            HOLD
        } else {
            ANSWER_LIFETIME
        };
        Some(Outgoing {
            id: outgoing_id(&kind, self.event.id.as_bytes()),
            kind,
            locale: self.locale(),
            sender,
            created_at: now,
            expires_at: now + lifetime,
        })
    }

    /// The sender that the contact was last in touch with, if the policy has it and it may serve these purposes; else the
    /// first that may.
    pub(super) fn sender_for<'p>(&self, purposes: impl Iterator<Item = &'p PurposeId>) -> Option<SenderId> {
        let purposes: Vec<_> = purposes.filter_map(|purpose| self.policy().purpose(purpose)).collect();
        let serves = |sender: &SenderId| purposes.iter().all(|purpose| purpose.serves(sender));
        let last = self.contact.sender.get().map(|(_, sender)| sender);
        last.into_iter()
            .filter(|sender| self.policy().sender(sender).is_some())
            .chain(self.policy().senders().map(|sender| sender.id()))
            .find(|sender| serves(sender))
            .cloned()
    }

    pub(super) fn locale(&self) -> Locale {
        let known = self.contact.locale.get().map(|(_, locale)| locale);
        known.unwrap_or_else(|| self.policy().default_locale()).clone()
    }
}
