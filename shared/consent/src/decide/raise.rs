//! Raising registers: whatever their present values are, and so the order of events does not matter.

use crate::evidence::Evidence;
use crate::id::{Locale, NoticeVersion, PurposeId, RequestId};
use crate::register::{Request, RequestSource, Stop, StopKind};
use crate::suppression::SuppressionKind;
use crate::time::Time;
use crate::token::MAX_PURPOSES;

use super::Step;

impl Step<'_> {
    pub(super) fn heard_from(&mut self) {
        self.contact.last_inbound.raise(self.at);
        self.contact.suppressions.lift(SuppressionKind::Undeliverable, self.at);
        self.begin_anew();
    }

    /// The contact acts: if they were erased, they are somebody new from here on.
    pub(super) fn begin_anew(&mut self) {
        if self.contact.erased_at().is_some() {
            self.contact.suppressions.lift(SuppressionKind::Erased, self.at);
        }
    }

    pub(super) fn stop_everything(&mut self) {
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
    pub(super) fn release(&mut self, at: Time) {
        self.contact.suppressions.lift(SuppressionKind::AmbiguousHold, at);
        self.contact.holds.answer(at);
    }

    pub(super) fn object(&mut self) {
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

    pub(super) fn platform_stop(&mut self) {
        let stop = Stop {
            at: self.at,
            kind: StopKind::Withdrawn,
            event: self.event.id,
        };
        self.contact.stops.marketing.raise(stop);
        self.contact.suppressions.set(SuppressionKind::PlatformStop, self.at);
    }

    pub(super) fn stop_purposes(&mut self, purposes: &[PurposeId], kind: StopKind) {
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

    pub(super) fn request(
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
    pub(super) fn ask(
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
}
