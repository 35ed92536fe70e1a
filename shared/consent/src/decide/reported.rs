//! What Meta or the outbox reported.

use crate::contact::PromptState;
use crate::event::{FailureCause, PromptOutcome};
use crate::evidence::{Actor, Draft, EvidenceKind, Source};
use crate::id::RequestId;
use crate::register::{Stop, StopKind};
use crate::suppression::SuppressionKind;

use super::Step;
use super::answer::Answer;

impl Step<'_> {
    pub(super) fn prompted(&mut self, request: RequestId, outcome: &PromptOutcome) -> Draft {
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

    pub(super) fn invalidated(&mut self) -> Draft {
        let stop = Stop {
            at: self.at,
            kind: StopKind::Invalidated,
            event: self.event.id,
        };
        self.contact.stops.everything.raise(stop);
        self.contact.changed_hands.raise(self.at);
        let mut evidence = self.record_of_meta(EvidenceKind::Invalidated);
        if self.event.delivery.is_none() {
            // Nothing of Meta's says so: the person had it corrected.
            (evidence.actor, evidence.source) = (Actor::System, Source::Case);
        }
        Draft { evidence, words: None }
    }
}
