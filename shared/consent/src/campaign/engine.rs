//! The engine: a recipient, a message and the circumstances make a judgement.

use serde::Serialize;

use crate::contact::{Contact, Status, is_marketing};
use crate::id::PurposeId;
use crate::policy::{Class, Policy, Purpose};
use crate::suppression::{MessageClass, SuppressionKind};
use crate::time::{Span, Time};

use super::cap;
use super::health::{self, Category, Fact, Health, Limit, Quality, TemplateStatus};
use super::message::{Circumstances, Listing, Message, Proof, Recipient, Usage};
use super::quiet::{self, Rest};
use super::reason::{Group, Reason, Reasons};
use crate::register::{Grant, Register};

/// For how long nothing is sent after Meta refused a message to protect the person from too much marketing: error 131049 is
/// not to be tried again within 24 hours.
const PLATFORM_CAP: Span = Span::hours(24);

/// Whether a message may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict", content = "until")]
pub enum Verdict {
    /// It may.
    Allow,
    /// Not before then.
    Defer(Time),
    /// Not before somebody has looked at it.
    Review,
    /// It may not.
    Deny,
}

impl Verdict {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Defer(_) => "defer",
            Self::Review => "review",
            Self::Deny => "deny",
        }
    }
}

/// The engine's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    verdict: Verdict,
    reasons: Reasons,
    lead: Option<Reason>,
}

impl Judgement {
    /// The answer where not even the question could be read: what is not known denies.
    pub fn unread() -> Self {
        let mut hits = Hits::default();
        hits.deny(Reason::LedgerUnavailable);
        hits.judgement()
    }

    /// Whether the message may be sent.
    pub fn verdict(self) -> Verdict {
        self.verdict
    }

    /// Whether it may be sent now.
    pub fn is_allowed(self) -> bool {
        self.verdict == Verdict::Allow
    }

    /// Everything that stands against it.
    pub fn reasons(self) -> Reasons {
        self.reasons
    }

    /// The reason that decided: of the first group that hit, the first with that group's verdict. None if it is allowed. Counted by it,
    /// judgements add up.
    pub fn lead(self) -> Option<Reason> {
        self.lead
    }
}

/// Whether a message may be sent to a recipient for a purpose, and all that stands against it.
///
/// The first group of reasons that hits decides; within a group a denial counts more than a review, and that more than a
/// delay. What is not known denies.
pub fn decide(
    recipient: Recipient<'_>,
    purpose: &PurposeId,
    message: &Message<'_>,
    circumstances: &Circumstances<'_>,
    policy: &Policy,
    now: Time,
) -> Judgement {
    let mut hits = Hits::default();
    if circumstances.listing == Listing::Duplicate {
        hits.deny(Reason::DuplicateRecipient);
    }
    match recipient {
        Recipient::Bad => hits.deny(Reason::BadIdentifier),
        Recipient::Unknown => hits.deny(Reason::UnknownContact),
        Recipient::Unread => hits.deny(Reason::LedgerUnavailable),
        Recipient::Known(contact) => {
            suppressions(&mut hits, contact, purpose, policy, now);
            consent(&mut hits, contact, purpose, circumstances, policy, now);
            rules(&mut hits, contact, purpose, message, circumstances, policy);
        }
    }
    scope(&mut hits, purpose, message, policy);
    template(&mut hits, purpose, message, circumstances.health, policy, now);
    account(&mut hits, message, circumstances, policy, now);
    hits.judgement()
}

/// What stands against the message whoever gets it.
pub(super) fn against_all(
    purpose: &PurposeId,
    message: &Message<'_>,
    circumstances: &Circumstances<'_>,
    policy: &Policy,
    now: Time,
) -> Reasons {
    let mut hits = Hits::default();
    scope(&mut hits, purpose, message, policy);
    template(&mut hits, purpose, message, circumstances.health, policy, now);
    account(&mut hits, message, circumstances, policy, now);
    hits.reasons
}

/// What was found so far.
#[derive(Debug, Default)]
struct Hits {
    reasons: Reasons,
    /// What the first group says that hit, and the reason for that.
    first: Option<(Group, Verdict, Reason)>,
}

impl Hits {
    fn deny(&mut self, reason: Reason) {
        self.hit(reason, Verdict::Deny);
    }

    fn hit(&mut self, reason: Reason, verdict: Verdict) {
        self.reasons.add(reason);
        let group = reason.group();
        let decides = self.first.is_none_or(|(first, strictest, lead)| {
            group < first || group == first && (verdict > strictest || verdict == strictest && reason < lead)
        });
        if decides {
            self.first = Some((group, verdict, reason));
        }
    }

    fn judgement(self) -> Judgement {
        Judgement {
            verdict: self.first.map_or(Verdict::Allow, |(_, verdict, _)| verdict),
            reasons: self.reasons,
            lead: self.first.map(|(_, _, reason)| reason),
        }
    }
}

fn suppressions(hits: &mut Hits, contact: &Contact, purpose: &PurposeId, policy: &Policy, now: Time) {
    let class = if is_marketing(purpose, policy) {
        MessageClass::Marketing
    } else {
        MessageClass::Service
    };
    for (kind, _) in contact.suppressions.active(now).filter(|(kind, _)| kind.binds(class)) {
        hits.deny(match kind {
            SuppressionKind::ObjectionMarketing => Reason::ObjectionMarketing,
            SuppressionKind::PlatformStop => Reason::PlatformStop,
            SuppressionKind::AmbiguousHold => Reason::AmbiguousHold,
            SuppressionKind::NotMe => Reason::NotMe,
            SuppressionKind::StopAll => Reason::StopAll,
            SuppressionKind::RestrictionArt18 => Reason::RestrictionArt18,
            SuppressionKind::Undeliverable => Reason::Undeliverable,
            SuppressionKind::Erased => Reason::Erased,
            SuppressionKind::Unknown(_) => Reason::UnknownSuppression,
        });
    }
}

fn consent(
    hits: &mut Hits,
    contact: &Contact,
    purpose: &PurposeId,
    circumstances: &Circumstances<'_>,
    policy: &Policy,
    now: Time,
) {
    let reason = match contact.standing(purpose, policy, now).status {
        Status::Confirmed => {
            let granted = contact
                .purposes
                .get(purpose)
                .and_then(|registers| registers.granted.get());
            return grant(hits, granted, purpose, circumstances.proof, policy);
        }
        Status::None => Reason::NoConsent,
        Status::Requested | Status::Pending => Reason::PendingUnconfirmed,
        Status::Expired => Reason::Expired,
        Status::Declined => Reason::Declined,
        Status::Withdrawn => Reason::Withdrawn,
        Status::Lapsed => Reason::Lapsed,
        Status::Invalidated => Reason::Invalidated,
    };
    hits.deny(reason);
}

/// Whether a grant that stands is one to this purpose, and can be shown.
fn grant(hits: &mut Hits, grant: Option<&Grant>, purpose: &PurposeId, proof: Option<Proof>, policy: &Policy) {
    match grant.and_then(|grant| policy.notice_version(&grant.notice)) {
        None => hits.deny(Reason::NoticeMissing),
        Some(notice) if notice.purpose() != purpose => hits.deny(Reason::PurposeMismatch),
        Some(_) => {}
    }
    match proof {
        Some(Proof::Registers | Proof::Complete) => {}
        Some(Proof::Imported) => hits.deny(Reason::ImportedUnverified),
        Some(Proof::Broken) => hits.hit(Reason::ChainBroken, Verdict::Review),
        None | Some(Proof::Incomplete) => hits.deny(Reason::EvidenceIncomplete),
    }
}

/// Whether the purpose is there, and the sender may send for it.
fn scope(hits: &mut Hits, purpose: &PurposeId, message: &Message<'_>, policy: &Policy) {
    let Some(purpose) = policy.purpose(purpose) else {
        return hits.deny(Reason::PurposeRetired);
    };
    let is_covered = match message.sender {
        Some(sender) => policy.sender(sender).is_some() && purpose.serves(sender),
        None => policy.senders().all(|sender| purpose.serves(sender.id())),
    };
    if !is_covered {
        hits.deny(Reason::SenderOutOfScope);
    }
}

fn rules(
    hits: &mut Hits,
    contact: &Contact,
    purpose: &PurposeId,
    message: &Message<'_>,
    circumstances: &Circumstances<'_>,
    policy: &Policy,
) {
    match quiet::rest(circumstances.countries, policy.campaigns(), message.at) {
        Rest::Awake => {}
        Rest::Until(until) => hits.hit(Reason::QuietHours, Verdict::Defer(until)),
        Rest::Unknown => hits.deny(Reason::QuietHours),
    }
    let promise = policy.purpose(purpose).and_then(Purpose::frequency);
    let sends = || contact.sends.times(purpose, message.campaign);
    if let Some(again) = promise.and_then(|promise| cap::allows_again_at(promise, sends(), message.at)) {
        hits.hit(Reason::FrequencyCap, Verdict::Defer(again));
    }
    let refused = contact.refused_131049.get().map(|refused| *refused + PLATFORM_CAP);
    if let Some(again) = refused.filter(|again| is_marketing(purpose, policy) && message.at < *again) {
        hits.hit(Reason::PlatformCap131049, Verdict::Defer(again));
    }
    if message
        .campaign
        .is_some_and(|campaign| contact.sends.of(campaign).is_some())
    {
        hits.deny(Reason::AlreadySent);
    }
}

fn template(
    hits: &mut Hits,
    purpose: &PurposeId,
    message: &Message<'_>,
    health: Option<&Health>,
    policy: &Policy,
    now: Time,
) {
    if message.template.is_none() {
        return;
    }
    let template = health.map(|health| &health.template);
    if !template.is_some_and(|template| template.is_fresh(policy.campaigns().health_lifetime(), now)) {
        hits.deny(Reason::PolicyStale);
    }
    let Some(template) = template else { return };
    match value(&template.status) {
        Some(TemplateStatus::Paused) => hits.deny(Reason::TemplatePaused),
        Some(TemplateStatus::NotApproved) => hits.deny(Reason::TemplateNotApproved),
        None | Some(TemplateStatus::Approved) => {}
    }
    if value(&template.quality) == Some(Quality::Red) {
        hits.deny(Reason::TemplateRed);
    }
    let class = policy.purpose(purpose).map(Purpose::class);
    if let (Some(class), Some(category)) = (class, value(&template.category))
        && !fits(category, class)
    {
        hits.hit(Reason::CategoryMismatch, Verdict::Review);
    }
}

/// Whether Meta's category is one for messages of that class. Marketing under a utility template is abuse of it, and a
/// template that Meta takes for marketing is not one for a purpose that contacts were told is service.
fn fits(category: Category, class: Class) -> bool {
    match class {
        Class::Marketing => category == Category::Marketing,
        Class::Survey => matches!(category, Category::Marketing | Category::Utility),
        Class::Service => matches!(category, Category::Utility | Category::Authentication),
    }
}

fn account(hits: &mut Hits, message: &Message<'_>, circumstances: &Circumstances<'_>, policy: &Policy, now: Time) {
    if message.sender.is_none() {
        return;
    }
    let sender = circumstances.health.map(|health| &health.sender);
    if !sender.is_some_and(|sender| sender.is_fresh(policy.campaigns().health_lifetime(), now)) {
        hits.deny(Reason::PolicyStale);
    }
    let Some(sender) = sender else { return };
    if value(&sender.quality) == Some(Quality::Red) {
        hits.deny(Reason::QualityRed);
    }
    if value(&sender.account).is_some_and(|state| !health::may_begin(state, now)) {
        hits.deny(Reason::AccountRestricted);
    }
    match (value(&sender.limit), circumstances.usage) {
        (Some(Limit::People(most)), Some(Usage { people, frees_at })) if people >= most.0 => {
            hits.hit(Reason::PortfolioLimit, Verdict::Defer(frees_at));
        }
        (Some(Limit::People(_)), None) => hits.deny(Reason::PortfolioLimit),
        _ => {}
    }
}

fn value<T: Ord + Copy>(fact: &Register<Fact<T>>) -> Option<T> {
    fact.get().map(|fact| fact.value)
}
