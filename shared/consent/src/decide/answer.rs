//! Answers to a prompt: taps and typed words, and what they are bound to.

use std::collections::{BTreeMap, BTreeSet};

use crate::case::CaseStep;
use crate::contact::{Prompt, PromptState, is_marketing};
use crate::event::Said;
use crate::evidence::{Draft, Evidence, EvidenceKind, Expression, PromptEvidence, Reply, Validity};
use crate::id::{CaseId, MessageRef, NoticeVersion, PurposeId, RequestId};
use crate::outgoing::{OutgoingKind, request_id};
use crate::register::{Grant, RequestSource, Stop, StopKind};
use crate::suppression::SuppressionKind;
use crate::time::Time;
use crate::token::{Action, Token, TokenError};

use super::Step;

/// The most buttons that a message can have.
const MAX_BUTTONS: usize = 3;

impl Step<'_> {
    pub(super) fn typed_yes(&mut self, said: &Said) -> Option<Evidence> {
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

    pub(super) fn typed_no(&mut self, said: &Said, stop_in_context: bool) -> Option<Evidence> {
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
    pub(super) fn bound_prompts(
        &self,
        said: &Said,
        could_be_meant: impl Fn(&Prompt) -> bool,
    ) -> Vec<(RequestId, Prompt)> {
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
    pub(super) fn arrived(&mut self, request: &RequestId) {
        if let Some(prompt) = self.contact.prompts.get_mut(request) {
            prompt.state = PromptState::Answered;
        }
    }

    pub(super) fn tapped(&mut self, payload: &str, reply: Reply) -> Option<Draft> {
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
                let mut evidence = self.record_of_contact(kind_of(token.action)?);
                evidence.validity = Validity::TokenOfAnotherContact;
                evidence
            }
            Ok(token) => self.answered(&token)?,
        };
        evidence.expression = Some(Expression::ButtonToken);
        evidence.reply = Some(reply);
        Some(Draft { evidence, words: None })
    }

    pub(super) fn answered(&mut self, token: &Token) -> Option<Evidence> {
        Some(match token.action {
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
            // It shows whose case it is, and is no part of any consent.
            Action::ItIsMe | Action::ItIsMeWithCode => {
                if self.at < token.expires_at {
                    self.it_is_me(CaseId::from_bytes(*token.request.as_bytes()), token.action);
                }
                return None;
            }
        })
    }

    fn it_is_me(&mut self, case: CaseId, action: Action) {
        let (at, with_code) = (self.at, action == Action::ItIsMeWithCode);
        let code = with_code.then_some(OutgoingKind::IdentityCode { case, sent_at: at });
        self.take(CaseStep::ItIsMe { case, at, with_code }, code);
    }

    /// What a token answers. A notice that the policy no longer has stays unknown.
    pub(super) fn answer(&self, token: &Token) -> Answer {
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
    pub(super) fn confirm(&mut self, answer: &Answer) -> Evidence {
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

    pub(super) fn refused(&mut self, answer: &Answer, kind: StopKind) -> Evidence {
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
}

/// What an answer is bound to.
pub(super) struct Answer {
    request: RequestId,
    prompted_at: Time,
    expires_at: Time,
    message: Option<MessageRef>,
    notices: BTreeMap<PurposeId, NoticeVersion>,
}

impl Answer {
    pub(super) fn to(request: RequestId, prompt: &Prompt) -> Self {
        Self {
            request,
            prompted_at: prompt.at,
            expires_at: prompt.expires_at,
            message: prompt.message,
            notices: prompt.notices.clone(),
        }
    }

    pub(super) fn evidence(&self) -> PromptEvidence {
        PromptEvidence {
            request: self.request,
            prompted_at: self.prompted_at,
            expires_at: self.expires_at,
            message: self.message,
            error_code: None,
        }
    }

    pub(super) fn describe(&self, evidence: &mut Evidence) {
        evidence.prompt = Some(self.evidence());
        evidence.purposes = self.notices.keys().cloned().collect();
        evidence.notices = self.notices.values().copied().collect();
    }
}

/// What an answer is recorded as; none if it is no part of any consent.
fn kind_of(action: Action) -> Option<EvidenceKind> {
    match action {
        Action::Confirm => Some(EvidenceKind::Confirmed),
        Action::Decline => Some(EvidenceKind::Declined),
        Action::NotMe => Some(EvidenceKind::NotMe),
        Action::Stop => Some(EvidenceKind::Withdrawn),
        Action::Keep => Some(EvidenceKind::Kept),
        Action::ItIsMe | Action::ItIsMeWithCode => None,
    }
}
