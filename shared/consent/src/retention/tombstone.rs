//! What stays of a contact: the wishes that must outlive it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::contact::{Carried, Contact};
use crate::id::{ContactId, PurposeId};
use crate::policy::{Keep, Policy};
use crate::register::{Register, Stop, StopKind};
use crate::suppression::SuppressionKind;
use crate::time::Time;

use super::Setting;

/// How often it is looked at whether the controller still markets, where a wish is kept for as long as that.
const REVIEW: Keep = Keep::Years(1);

/// Stops and suppressions of a contact that is not there any more. It is found by the keyed hash of a number or id and says
/// neither whose it was nor what they had agreed to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    everything: Register<Stop>,
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    marketing: Register<Stop>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    purposes: BTreeMap<PurposeId, Register<Stop>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    suppressions: BTreeMap<SuppressionKind, Register<Time>>,
}

/// How long a wish is kept.
#[derive(Clone, Copy)]
struct Wish {
    setting: Setting,
    at: Time,
}

impl Wish {
    fn of_stop(stop: &Stop) -> Self {
        let setting = match stop.kind {
            StopKind::Declined => Setting::Declined,
            StopKind::NotMe => Setting::NotMe,
            StopKind::Withdrawn | StopKind::Invalidated => Setting::Suppression,
        };
        Self { setting, at: stop.at }
    }

    fn of_suppression(kind: &SuppressionKind, at: Time) -> Self {
        let setting = match kind {
            SuppressionKind::NotMe => Setting::NotMe,
            _ => Setting::Suppression,
        };
        Self { setting, at }
    }

    fn lasts_while_marketing(self) -> bool {
        self.setting == Setting::Suppression
    }

    fn is_over(self, policy: &Policy, now: Time) -> bool {
        self.until(policy) <= now && !(self.lasts_while_marketing() && policy.markets())
    }

    fn until(self, policy: &Policy) -> Time {
        policy.retention().keep(self.setting).until(self.at)
    }

    /// When to look at it next.
    fn due_at(self, policy: &Policy, now: Time) -> Time {
        let until = self.until(policy);
        if until <= now && !self.is_over(policy, now) {
            return REVIEW.until(now);
        }
        until
    }
}

impl Tombstone {
    /// What stays of a contact that was erased: that nobody may write to it.
    pub fn erased(at: Time) -> Self {
        let mut tombstone = Self::default();
        tombstone.suppress(SuppressionKind::Erased, at);
        tombstone
    }

    /// The wishes of a contact that are not over yet.
    pub(super) fn of(contact: &Contact, policy: &Policy, now: Time) -> Self {
        let mut tombstone = Self {
            everything: contact.stops.everything.clone(),
            marketing: contact.stops.marketing.clone(),
            ..Self::default()
        };
        if let Some(withdrawal) = contact.holds.withdrawal(now) {
            tombstone.marketing.raise(withdrawal);
        }
        for (purpose, registers) in &contact.purposes {
            tombstone.purposes.insert(purpose.clone(), registers.stopped.clone());
        }
        for (kind, since) in contact.suppressions.active(now) {
            // That an address could not be reached is nobody's wish.
            if *kind != SuppressionKind::Undeliverable {
                tombstone.suppress(kind.clone(), since);
            }
        }
        tombstone.without_invalidations().without_what_is_over(policy, now)
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// When a wish in it is due; none if it holds nothing.
    pub fn due_at(&self, policy: &Policy, now: Time) -> Option<Time> {
        self.wishes().map(|wish| wish.due_at(policy, now)).min()
    }

    /// The period that the wish is kept for which is due first; none if it holds nothing.
    pub fn due_by(&self, policy: &Policy, now: Time) -> Option<Setting> {
        let first = self.wishes().min_by_key(|wish| wish.due_at(policy, now));
        first.map(|wish| wish.setting)
    }

    /// What is left of it at that time.
    #[must_use]
    pub fn without_what_is_over(mut self, policy: &Policy, now: Time) -> Self {
        let is_over = |register: &Register<Stop>| {
            register
                .get()
                .is_none_or(|stop| Wish::of_stop(stop).is_over(policy, now))
        };
        for register in [&mut self.everything, &mut self.marketing] {
            if is_over(register) {
                *register = Register::default();
            }
        }
        self.purposes.retain(|_, register| !is_over(register));
        self.suppressions.retain(|kind, since| {
            since
                .get()
                .is_some_and(|since| !Wish::of_suppression(kind, *since).is_over(policy, now))
        });
        self
    }

    /// Takes over what the other holds: both are about one person.
    pub fn merge(&mut self, other: &Self) {
        self.everything.merge(&other.everything);
        self.marketing.merge(&other.marketing);
        for (purpose, stop) in &other.purposes {
            self.purposes.entry(purpose.clone()).or_default().merge(stop);
        }
        for (kind, since) in &other.suppressions {
            self.suppressions.entry(kind.clone()).or_default().merge(since);
        }
    }

    /// What travels from here to the contact that has the new number or id; none if nothing does. An erasure stays behind: it is about
    /// this number, and the person's data is to be nowhere.
    pub fn carried(&self, at: Time) -> Option<Carried> {
        let mut contact = Contact::new(ContactId::from_bytes([0; 16]));
        contact.remember(self);
        Some(contact.carried(at)).filter(|carried| !carried.is_empty())
    }

    fn suppress(&mut self, kind: SuppressionKind, at: Time) {
        self.suppressions.entry(kind).or_default().raise(at);
    }

    /// That a number changed hands ended consents which are gone now, and is nobody's wish. But where a wish stands beside it, it
    /// may have taken the place of an older stop in the same register.
    fn without_invalidations(mut self) -> Self {
        if self.suppressions.is_empty() {
            let is_wish =
                |register: &Register<Stop>| register.get().is_some_and(|stop| stop.kind != StopKind::Invalidated);
            for register in [&mut self.everything, &mut self.marketing] {
                if !is_wish(register) {
                    *register = Register::default();
                }
            }
            self.purposes.retain(|_, register| is_wish(register));
        }
        self
    }

    fn wishes(&self) -> impl Iterator<Item = Wish> {
        let stops = [&self.everything, &self.marketing]
            .into_iter()
            .chain(self.purposes.values())
            .filter_map(|register| register.get().map(Wish::of_stop));
        let suppressions = self
            .suppressions
            .iter()
            .filter_map(|(kind, since)| since.get().map(|since| Wish::of_suppression(kind, *since)));
        stops.chain(suppressions)
    }
}

impl Contact {
    /// Begins with what stayed of an earlier contact with the same number or id. If that one was erased, nothing that happened up to
    /// then has happened to this one.
    pub fn begin_after(&mut self, tombstone: &Tombstone) {
        self.remember(tombstone);
        if let Some(erased_at) = self.erased_at() {
            self.begun_after.raise(erased_at);
        }
    }

    /// Takes over what stayed of another contact, whose number or id turns out to be this one's too. What this contact did before the
    /// other one was erased did happen, a stop above all.
    pub fn remember(&mut self, tombstone: &Tombstone) {
        self.stops.everything.merge(&tombstone.everything);
        self.stops.marketing.merge(&tombstone.marketing);
        for (purpose, stop) in &tombstone.purposes {
            self.purposes.entry(purpose.clone()).or_default().stopped.merge(stop);
        }
        for (kind, since) in &tombstone.suppressions {
            if let Some(since) = since.get() {
                self.suppressions.set(kind.clone(), *since);
            }
        }
    }

    /// The wishes of the contact that are not over yet: what must outlive it.
    pub fn wishes(&self, policy: &Policy, now: Time) -> Tombstone {
        Tombstone::of(self, policy, now)
    }

    /// When the person was last erased, under whatever contact.
    pub fn erased_at(&self) -> Option<Time> {
        self.suppressions.last_set(&SuppressionKind::Erased)
    }
}
