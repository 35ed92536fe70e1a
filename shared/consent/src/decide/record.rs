//! The record of the event: what happened, and whether it counts.

use std::collections::{BTreeMap, BTreeSet};

use crate::contact::Status;
use crate::evidence::{Actor, Draft, Evidence, EvidenceKind, SCHEMA, Source, Validity};
use crate::id::{CampaignId, PurposeId};

use super::Step;

impl Step<'_> {
    /// A request counts if its prompt was made; else the record says why not.
    pub(super) fn judge_request(&self, mut draft: Draft, refusals: &BTreeMap<PurposeId, Validity>) -> Draft {
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
    pub(super) fn stop_validity(&self) -> Validity {
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

    pub(super) fn confirmed(&self) -> BTreeSet<PurposeId> {
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

    pub(super) fn record_of_contact(&self, kind: EvidenceKind) -> Evidence {
        self.record(kind, Actor::Contact, Source::Whatsapp)
    }

    pub(super) fn record_of_meta(&self, kind: EvidenceKind) -> Evidence {
        self.record(kind, Actor::Meta, Source::Meta)
    }

    /// The campaigns whose message was on its way when the contact stopped.
    fn crossed(&self, kind: EvidenceKind) -> Vec<CampaignId> {
        if kind.stops() {
            self.contact.sends.crossing(self.at, self.now())
        } else {
            vec![]
        }
    }

    pub(super) fn record(&self, kind: EvidenceKind, actor: Actor, source: Source) -> Evidence {
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
            crossed: self.crossed(kind),
            delivery: self.event.delivery.clone(),
            policy: self.policy().version(),
        }
    }
}
