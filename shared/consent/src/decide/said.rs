//! What the contact asked for, wrote, or stopped.

use crate::case::{Case, CaseKind, CaseStep, Channel, IdentityProof};
use crate::event::{Asked, Authorship, Said};
use crate::evidence::{Draft, Evidence, EvidenceKind, Expression, Reply, Source, Validity};
use crate::id::CaseId;
use crate::outgoing::{OutgoingKind, case_id, request_id};
use crate::register::RequestSource;
use crate::suppression::SuppressionKind;
use crate::words::{Meaning, RightsWord};

use super::Step;

impl Step<'_> {
    pub(super) fn asked(&mut self, asked: &Asked) -> Draft {
        let source = Source::OptIn {
            via: asked.source,
            url: asked.url.clone(),
            form: asked.form.clone(),
        };
        let mut evidence = self.record(EvidenceKind::Requested, asked.actor.clone(), source);
        evidence.expression = Some(Expression::Form);
        self.contact.locale.raise((self.at, asked.locale.clone()));
        if asked.source.is_own_act() {
            self.begin_anew();
        }
        self.request(
            asked.request,
            &asked.purposes,
            asked.source,
            &asked.locale,
            &mut evidence,
        );
        Draft { evidence, words: None }
    }

    pub(super) fn said(&mut self, said: &Said) -> Option<Draft> {
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
                self.open_case(CaseKind::Erasure);
                let mut evidence = self.record_of_contact(EvidenceKind::Objected);
                evidence.validity = self.stop_validity();
                evidence
            }
            (Meaning::Ambiguous, _) | (Meaning::Rights(RightsWord::Delete), Authorship::Other) => self.held(),
            (_, Authorship::Other) | (Meaning::Nothing | Meaning::StopInContext, _) => return None,
            (Meaning::Rights(RightsWord::Access), _) => {
                self.open_case(CaseKind::Access);
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

    /// Opens the case of a demand, and then asks whether it is theirs.
    fn open_case(&mut self, kind: CaseKind) {
        let proof = kind.proof(self.contact.changed_hands_ago(self.at));
        let id = case_id(&self.event.id);
        let mut case = Case::new(id, kind, Channel::Whatsapp, proof, self.at, self.now());
        if case.ask_identity(self.at).is_ok() {
            let case = Box::new(case);
            self.take(CaseStep::Opened { case }, Some(self.identity_question(id, proof)));
        }
    }

    /// Asks the contact whether a demand is theirs that is registered already.
    pub(super) fn ask_identity(&mut self, case: CaseId, kind: CaseKind) {
        let proof = kind.proof(self.contact.changed_hands_ago(self.at));
        self.send(self.identity_question(case, proof));
    }

    fn identity_question(&self, case: CaseId, proof: IdentityProof) -> OutgoingKind {
        OutgoingKind::RightsReceived {
            case,
            proof,
            received_at: self.at,
        }
    }

    pub(super) fn stopped(&mut self, kind: EvidenceKind) -> Evidence {
        self.stop_everything();
        let mut evidence = self.record_of_contact(kind);
        evidence.validity = self.stop_validity();
        if !self.objected_before && evidence.validity == Validity::Counted {
            self.send(OutgoingKind::OptoutConfirmation);
        }
        evidence
    }

    pub(super) fn held(&mut self) -> Evidence {
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
}
