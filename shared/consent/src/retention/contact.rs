//! When a contact is due, and what is left of it then.

use crate::contact::{Contact, idle_limit};
use crate::decide::Rules;
use crate::event::{Act, Event};
use crate::evidence::{Draft, Evidence};
use crate::hold::Silence;
use crate::id::PurposeId;
use crate::policy::Policy;
use crate::register::{Registers, StopKind};
use crate::suppression::SuppressionKind;
use crate::time::Time;

use super::{REDELIVERY, Setting, Tombstone};

/// What is to be done with a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purge {
    /// Nothing yet. It is due then; never, as long as processing is restricted (Art. 18 GDPR): that is to keep it.
    NotDue(Option<Time>),
    /// Something of it goes, and the rest lives on.
    Trim {
        /// What is left. Evidence that it [has done with](Contact::has_done_with) is reduced.
        contact: Box<Contact>,
        /// What silence has come to mean.
        evidence: Vec<Draft>,
    },
    /// All of it goes.
    Remove {
        /// What stays at its keyed hashes; nothing, if it is empty.
        tombstone: Tombstone,
    },
}

impl Contact {
    /// When something is to be done with the contact; none if it is kept as it is, because processing is restricted.
    pub fn due_at(&self, policy: &Policy) -> Option<Time> {
        if self.is_restricted() {
            return None;
        }
        let consents = self
            .purposes
            .iter()
            .filter_map(|(purpose, registers)| self.consent_until(purpose, registers, policy));
        let first = consents.chain(self.holds.due_at()).min();
        let Some(first) = first else {
            return Some(self.last_act() + REDELIVERY);
        };
        let refusals = self
            .purposes
            .values()
            .filter_map(|registers| refusal_until(registers, policy));
        refusals.chain([first]).min()
    }

    /// What is to be done with the contact at that time.
    pub fn purge(self, policy: &Policy, now: Time) -> Purge {
        let due_at = self.due_at(policy);
        if due_at.is_none_or(|due_at| due_at > now) {
            return Purge::NotDue(due_at);
        }
        let (mut contact, evidence) = self.after_silence(policy, now);
        contact.forget_what_is_over(now);
        contact.drop_what_is_over(policy, now);
        let is_used = contact.holds.due_at().is_some() || contact.purposes.values().any(Registers::holds_a_consent);
        if !is_used && contact.last_act() + REDELIVERY <= now {
            return Purge::Remove {
                tombstone: Tombstone::of(&contact, policy, now),
            };
        }
        Purge::Trim {
            contact: Box::new(contact),
            evidence,
        }
    }

    /// Whether a record is about consents alone of which nothing is left here.
    pub fn has_done_with(&self, evidence: &Evidence) -> bool {
        let is_left = |purpose| self.purposes.get(purpose).is_some_and(Registers::holds_a_consent);
        !evidence.purposes.is_empty() && !evidence.purposes.iter().any(is_left)
    }

    fn is_restricted(&self) -> bool {
        self.suppressions
            .since(&SuppressionKind::RestrictionArt18, Time::MAX)
            .is_some()
    }

    /// Until when what was asked and agreed for a purpose is kept; none if nothing of it is there.
    fn consent_until(&self, purpose: &PurposeId, registers: &Registers, policy: &Policy) -> Option<Time> {
        let unconfirmed = policy.retention().keep(Setting::Unconfirmed);
        let request = [&registers.asked_in_person, &registers.asked_openly]
            .into_iter()
            .filter_map(|register| register.get())
            .map(|request| {
                // Whoever is asked can answer for as long as the prompt says, however soon the request would be due.
                let answerable = request.recorded_at + policy.prompting().token_lifetime();
                unconfirmed.until(request.recorded_at).max(answerable)
            });
        let prompts = self
            .prompts
            .values()
            .filter(|prompt| prompt.notices.contains_key(purpose))
            .map(|prompt| prompt.expires_at);
        let request = request.max().map(|until| prompts.fold(until, Time::max));
        let grant = registers
            .granted
            .get()
            .filter(|grant| !self.never_arrived(&grant.request));
        let proof = grant.map(|grant| {
            let last_used = registers.last_used.get().copied().unwrap_or(grant.replied_at);
            let lapsed = last_used.max(grant.replied_at) + idle_limit(purpose, policy);
            let stopped = self.recorded_stop(purpose, policy);
            let ended = stopped
                .filter(|stop| stop.at >= grant.prompted_at)
                .map_or(lapsed, |stop| stop.at.min(lapsed));
            policy.retention().proof_until(ended)
        });
        // What was used without being asked for is nothing that this version writes; it goes at once.
        let used = registers.last_used.get().copied();
        request.max(proof).or(used)
    }

    /// The last time that anybody did something which Meta might deliver once more.
    fn last_act(&self) -> Time {
        let stops = [&self.stops.everything, &self.stops.marketing]
            .into_iter()
            .chain(self.purposes.values().map(|registers| &registers.stopped))
            .filter_map(|register| register.get().map(|stop| stop.at));
        let suppressions = self
            .suppressions
            .iter()
            .flat_map(|(_, suppression)| [suppression.set.get(), suppression.lifted.get()])
            .flatten()
            .copied();
        let inbound = self.last_inbound.get().copied();
        let moved = self.moved.get().map(|moved| moved.at);
        stops
            .chain(suppressions)
            .chain(inbound)
            .chain(moved)
            .max()
            .unwrap_or(Time::EPOCH)
    }

    /// The contact once every question has come to its end that nobody answered in time.
    fn after_silence(self, policy: &Policy, now: Time) -> (Self, Vec<Draft>) {
        let silences = self.holds.silences(now);
        let events: Vec<_> = silences
            .iter()
            .map(|Silence { at, event }| Event {
                id: *event,
                at: *at,
                act: Act::WentUnanswered,
                delivery: None,
            })
            .collect();
        let rules = Rules {
            policy,
            token_keys: &[],
            now,
        };
        let decision = self.apply(&events, &rules);
        (decision.contact, decision.evidence)
    }

    /// Drops what was asked and agreed for purposes whose time is over, and refusals that need not be respected any longer. Stops
    /// stay as long as the contact does.
    fn drop_what_is_over(&mut self, policy: &Policy, now: Time) {
        let over: Vec<_> = self
            .purposes
            .iter()
            .filter(|(purpose, registers)| {
                self.consent_until(purpose, registers, policy)
                    .is_some_and(|until| until <= now)
            })
            .map(|(purpose, _)| purpose.clone())
            .collect();
        for purpose in over {
            if let Some(registers) = self.purposes.get_mut(&purpose) {
                *registers = Registers {
                    stopped: registers.stopped.clone(),
                    ..Registers::default()
                };
            }
        }
        for registers in self.purposes.values_mut() {
            if refusal_until(registers, policy).is_some_and(|until| until <= now) {
                registers.stopped = crate::register::Register::default();
            }
        }
        self.purposes.retain(|_, registers| *registers != Registers::default());
        let is_left = |purpose: &PurposeId| self.purposes.get(purpose).is_some_and(Registers::holds_a_consent);
        self.prompts
            .retain(|_, prompt| now < prompt.expires_at || prompt.notices.keys().any(is_left));
    }
}

/// Until when a refusal keeps a contact from being asked again; none for a stop that has no such end. A refusal stays as long as
/// what it refuses: without it an older consent would stand again.
fn refusal_until(registers: &Registers, policy: &Policy) -> Option<Time> {
    let stop = registers.stopped.get().filter(|_| !registers.holds_a_consent())?;
    let setting = match stop.kind {
        StopKind::Declined => Setting::Declined,
        StopKind::NotMe => Setting::NotMe,
        StopKind::Withdrawn | StopKind::Invalidated => return None,
    };
    Some(policy.retention().keep(setting).until(stop.at))
}
