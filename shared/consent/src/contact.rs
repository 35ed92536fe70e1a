//! A contact: all that is known of one person, and what follows from it.
//!
//! The registers are kept; the status is derived from them and the time, every time it is asked for.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::campaign::{Send, Sends};
use crate::evidence::ChainHead;
use crate::hold::Holds;
use crate::id::{CampaignId, ContactId, Locale, MessageRef, NoticeVersion, PurposeId, RequestId, SenderId};
use crate::policy::{Class, Policy};
use crate::register::{Grant, Register, Registers, Request, Stop, StopKind};
use crate::suppression::{HOLD, MessageClass, SuppressionKind, Suppressions};
use crate::time::{Span, Time};

/// How long after the contact's last message a free-form message may be sent (Meta's customer service window).
pub const SERVICE_WINDOW: Span = Span::hours(24);

/// How long after a prompt a bare "yes" can still mean it, if no other prompt is waiting.
pub const BARE_YES: Span = Span::hours(24);

/// How long a prompt is remembered after its token ran out.
const PROMPT_MEMORY: Span = Span::days(7);

/// What became of a prompt. Later states are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptState {
    /// Waiting in the outbox.
    Queued,
    /// Accepted by Meta.
    Accepted,
    /// On the contact's telephone.
    Delivered,
    /// It will not arrive.
    Failed,
    /// The contact answered it, so it arrived whatever was reported.
    Answered,
}

/// A prompt that was made for a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// When it was made.
    pub at: Time,
    /// When its token runs out.
    pub expires_at: Time,
    /// What became of it.
    pub state: PromptState,
    /// The notices that it shows, by purpose.
    pub notices: BTreeMap<PurposeId, NoticeVersion>,
    /// Its language.
    pub locale: Locale,
    /// Keyed hash of Meta's message id, once Meta has accepted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageRef>,
}

impl Prompt {
    /// Whether an answer at that time would still be in time.
    pub fn can_be_answered(&self, at: Time) -> bool {
        self.state != PromptState::Failed && self.is_in_time(at)
    }

    /// Whether an answer at that time lies within the token's life, whatever became of the prompt.
    pub(crate) fn is_in_time(&self, at: Time) -> bool {
        self.at <= at && at < self.expires_at
    }

    /// Takes over what another copy has seen. Of two prompts for one request the later stays, so that neither answers for the
    /// other.
    fn merge(&mut self, other: &Self) {
        let made = |prompt: &Self| {
            (
                prompt.at,
                prompt.expires_at,
                prompt.notices.clone(),
                prompt.locale.clone(),
            )
        };
        let (state, message) = (self.state.max(other.state), self.message.max(other.message));
        if made(other) > made(self) {
            self.clone_from(other);
        }
        (self.state, self.message) = (state, message);
    }
}

/// Where a contact went when the number or id changed hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moved {
    /// When it changed.
    pub at: Time,
    /// The contact that has the new number or id.
    pub to: ContactId,
}

/// Stops that bind more than one purpose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stops {
    /// The latest stop that binds every purpose, also one that the policy adds later.
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub everything: Register<Stop>,
    /// The latest stop that binds every marketing purpose.
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub marketing: Register<Stop>,
}

/// One person, as the ledger knows them: registers that only grow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The contact's own id.
    pub id: ContactId,
    /// The registers of each purpose.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub purposes: BTreeMap<PurposeId, Registers>,
    /// Stops that bind several purposes.
    #[serde(default)]
    pub stops: Stops,
    /// Suppressions.
    #[serde(default)]
    pub suppressions: Suppressions,
    /// Messages after marketing that may have meant STOP: unanswered, they become a withdrawal.
    #[serde(default, skip_serializing_if = "Holds::is_empty")]
    pub holds: Holds,
    /// Prompts that may still be answered, and those that ran out a short while ago.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prompts: BTreeMap<RequestId, Prompt>,
    /// The last marketing message that was sent.
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub last_marketing: Register<Time>,
    /// The campaigns' messages of the last 30 days.
    #[serde(default, skip_serializing_if = "Sends::is_empty")]
    pub sends: Sends,
    /// When Meta last refused a message to protect the person from too much marketing (error 131049).
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub refused_131049: Register<Time>,
    /// The contact's last message that the ledger had to remember.
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub last_inbound: Register<Time>,
    /// The sender that the contact was last in touch with.
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub sender: Register<(Time, SenderId)>,
    /// The language that the contact last used.
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub locale: Register<(Time, Locale)>,
    /// Where the contact went.
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub moved: Register<Moved>,
    /// When the number or id last changed hands, or may have.
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub changed_hands: Register<Time>,
    /// When the person was erased who was known by the same number or id before: the contact's story begins after that.
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub begun_after: Register<Time>,
    /// Where the contact's evidence ends.
    #[serde(default)]
    pub chain: ChainHead,
}

/// The standing of a consent. Only [`Status::Confirmed`] allows a message.
///
/// The names in brackets are those of the W3C Data Privacy Vocabulary, which ISO/IEC TS 27560 records use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nothing is known (ConsentUnknown).
    None,
    /// Step one is recorded; Meta has not accepted the prompt yet (ConsentRequested).
    Requested,
    /// The prompt waits for the contact's answer (ConsentRequested).
    Pending,
    /// The contact agreed, after every stop (ConsentGiven).
    Confirmed,
    /// No answer came in time.
    Expired,
    /// The contact said "no" (ConsentRefused).
    Declined,
    /// The contact stopped (ConsentWithdrawn).
    Withdrawn,
    /// The consent was not used for too long (ConsentExpired).
    Lapsed,
    /// The number changed hands, or the consent was void (ConsentInvalidated).
    Invalidated,
}

/// The standing of one consent at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What it is.
    pub status: Status,
    /// Since when.
    pub since: Option<Time>,
    /// The notice that the contact was shown.
    pub notice: Option<NoticeVersion>,
    /// The request that is open, or that the consent came from.
    pub request: Option<RequestId>,
    /// Whether a refresh may be asked for, because the idle limit is near.
    pub refresh_due: bool,
}

impl Standing {
    fn of(status: Status, since: Time) -> Self {
        Self {
            status,
            since: Some(since),
            notice: None,
            request: None,
            refresh_due: false,
        }
    }

    fn of_request(status: Status, since: Time, request: &Request) -> Self {
        Self {
            notice: Some(request.notice),
            request: Some(request.id),
            ..Self::of(status, since)
        }
    }

    fn of_grant(status: Status, since: Time, grant: &Grant) -> Self {
        Self {
            notice: Some(grant.notice),
            request: Some(grant.request),
            ..Self::of(status, since)
        }
    }
}

impl Contact {
    /// A contact of whom nothing is known.
    pub fn new(id: ContactId) -> Self {
        Self {
            id,
            purposes: BTreeMap::new(),
            stops: Stops::default(),
            suppressions: Suppressions::default(),
            holds: Holds::default(),
            prompts: BTreeMap::new(),
            last_marketing: Register::default(),
            sends: Sends::default(),
            refused_131049: Register::default(),
            changed_hands: Register::default(),
            last_inbound: Register::default(),
            sender: Register::default(),
            locale: Register::default(),
            moved: Register::default(),
            begun_after: Register::default(),
            chain: ChainHead::default(),
        }
    }

    /// The latest stop that binds the purpose at that time.
    ///
    /// A purpose that the policy does not know is bound by marketing stops too.
    pub fn stop(&self, purpose: &PurposeId, policy: &Policy, now: Time) -> Option<Stop> {
        let own = self
            .purposes
            .get(purpose)
            .and_then(|registers| registers.stopped.get().copied());
        let everything = self.stops.everything.get().copied();
        let marketing = self.stops.marketing.get().copied().max(self.holds.withdrawal(now));
        let marketing = marketing.filter(|_| is_marketing(purpose, policy));
        own.max(everything).max(marketing)
    }

    /// The latest stop that is on record for the purpose: what silence has come to mean is not, until it is settled.
    pub(crate) fn recorded_stop(&self, purpose: &PurposeId, policy: &Policy) -> Option<Stop> {
        self.stop(purpose, policy, Time::EPOCH)
    }

    /// The standing of the contact's consent to the purpose.
    pub fn standing(&self, purpose: &PurposeId, policy: &Policy, now: Time) -> Standing {
        let unknown = Standing {
            status: Status::None,
            since: None,
            notice: None,
            request: None,
            refresh_due: false,
        };
        let stop = self.stop(purpose, policy, now);
        let stopped = stop.map_or(unknown, |stop| {
            let status = match stop.kind {
                StopKind::Withdrawn => Status::Withdrawn,
                StopKind::Declined | StopKind::NotMe => Status::Declined,
                StopKind::Invalidated => Status::Invalidated,
            };
            Standing::of(status, stop.at)
        });
        let Some(registers) = self.purposes.get(purpose) else {
            return stopped;
        };
        let grant = registers
            .grant_after(stop.as_ref())
            .filter(|grant| !self.never_arrived(&grant.request));
        if let Some(standing) = grant.and_then(|grant| Self::confirmed(grant, registers, purpose, policy, now)) {
            return standing;
        }
        let request = registers
            .request_after(stop.as_ref())
            .filter(|request| grant.is_none_or(|grant| request.at > grant.replied_at))
            .map(|request| self.asked(request, purpose, stop.as_ref(), policy, now));
        match (request, grant) {
            (Some(request), None) => request,
            (Some(request), Some(_)) if request.status != Status::Expired => request,
            (_, Some(grant)) => {
                let idle_since = registers.last_used.get().copied().unwrap_or(grant.replied_at);
                Standing::of_grant(Status::Lapsed, idle_since + idle_limit(purpose, policy), grant)
            }
            (None, None) => stopped,
        }
    }

    fn confirmed(grant: &Grant, used: &Registers, purpose: &PurposeId, policy: &Policy, now: Time) -> Option<Standing> {
        let last_used = used
            .last_used
            .get()
            .copied()
            .unwrap_or(grant.replied_at)
            .max(grant.replied_at);
        let lapses_at = last_used + idle_limit(purpose, policy);
        let refresh_from = policy
            .purpose(purpose)
            .map_or(lapses_at, |purpose| lapses_at - purpose.refresh_before());
        (now < lapses_at).then(|| Standing {
            refresh_due: now >= refresh_from,
            ..Standing::of_grant(Status::Confirmed, grant.replied_at, grant)
        })
    }

    fn asked(
        &self,
        request: &Request,
        purpose: &PurposeId,
        stop: Option<&Stop>,
        policy: &Policy,
        now: Time,
    ) -> Standing {
        match self.prompt_alive(purpose, stop, now) {
            Some(prompt) if prompt.state == PromptState::Queued => {
                Standing::of_request(Status::Requested, request.at, request)
            }
            Some(_) => Standing::of_request(Status::Pending, request.at, request),
            None => {
                let prompt = self.prompts.get(&request.id);
                let expires_at = prompt.map_or(request.recorded_at + policy.prompting().token_lifetime(), |prompt| {
                    prompt.expires_at
                });
                let status = if now < expires_at && prompt.is_none() {
                    Status::Requested
                } else {
                    Status::Expired
                };
                let since = if status == Status::Expired {
                    expires_at.min(now)
                } else {
                    request.at
                };
                Standing::of_request(status, since, request)
            }
        }
    }

    /// Whether Meta reported that the prompt would not arrive, and no answer shows that it did: then a "yes" was not meant for it.
    pub(crate) fn never_arrived(&self, prompt: &RequestId) -> bool {
        self.prompts
            .get(prompt)
            .is_some_and(|prompt| prompt.state == PromptState::Failed)
    }

    /// The prompt for this purpose that is newer than the stop and can still be answered.
    pub fn prompt_alive(&self, purpose: &PurposeId, stop: Option<&Stop>, now: Time) -> Option<&Prompt> {
        self.prompts
            .values()
            .filter(|prompt| prompt.can_be_answered(now) && prompt.notices.contains_key(purpose))
            .filter(|prompt| stop.is_none_or(|stop| prompt.at > stop.at))
            .max_by_key(|prompt| prompt.at)
    }

    /// When the oldest of the prompts that fill the day's limit leaves it, if the limit is reached.
    pub fn next_prompt_at(&self, policy: &Policy, now: Time) -> Option<Time> {
        const DAY: Span = Span::days(1);
        let mut recent: Vec<_> = self
            .prompts
            .values()
            .map(|prompt| prompt.at)
            .filter(|at| *at + DAY > now)
            .collect();
        recent.sort_unstable_by(|a, b| b.cmp(a));
        let limit = usize::try_from(policy.prompting().prompts_per_day()).unwrap_or(usize::MAX);
        recent.get(limit.checked_sub(1)?).map(|oldest| *oldest + DAY)
    }

    /// Every purpose of the policy and of the registers.
    pub fn purposes_of_interest<'a>(&'a self, policy: &'a Policy) -> BTreeSet<&'a PurposeId> {
        policy
            .purposes()
            .map(|purpose| purpose.id())
            .chain(self.purposes.keys())
            .collect()
    }

    /// Whether a message of that class may go to the contact as far as suppressions are concerned.
    pub fn is_reachable(&self, class: MessageClass, now: Time) -> bool {
        !self.suppressions.forbid(class, now)
    }

    /// How long ago the number or id changed hands, if it ever did.
    pub fn changed_hands_ago(&self, now: Time) -> Option<Span> {
        self.changed_hands.get().map(|at| now.since(*at))
    }

    /// Whether a free-form message may be sent: the contact wrote within the last 24 hours.
    pub fn window_is_open(&self, now: Time) -> bool {
        self.last_inbound
            .get()
            .is_some_and(|inbound| now < *inbound + SERVICE_WINDOW)
    }

    /// Whether a marketing message or a prompt went out in the 72 hours before that time: then "cancel" means stop.
    pub(crate) fn is_answering_us(&self, at: Time) -> bool {
        let prompted = self
            .prompts
            .values()
            .any(|prompt| prompt.at <= at && at < prompt.at + HOLD);
        // Only the latest marketing message is known, so one that is later than the message itself counts as well: an
        // earlier one may lie behind it, and the doubt resolves to the stop.
        prompted || self.last_marketing.get().is_some_and(|sent| at < *sent + HOLD)
    }

    /// Records that a campaign's message was let go.
    pub fn send(&mut self, campaign: CampaignId, send: Send, policy: &Policy) {
        self.sent(&send.purpose, policy, send.at);
        self.sends.record(campaign, send);
    }

    /// Records that a message went out under the consent to a purpose.
    pub fn sent(&mut self, purpose: &PurposeId, policy: &Policy, at: Time) {
        self.purposes.entry(purpose.clone()).or_default().last_used.raise(at);
        if is_marketing(purpose, policy) {
            self.last_marketing.raise(at);
        }
    }

    /// Takes over what another contact's registers have seen: the two were one person all along.
    ///
    /// The other contact's evidence stays where it is.
    pub fn merge(&mut self, other: &Self) {
        for (purpose, theirs) in &other.purposes {
            self.purposes.entry(purpose.clone()).or_default().merge(theirs);
        }
        self.stops.everything.merge(&other.stops.everything);
        self.stops.marketing.merge(&other.stops.marketing);
        self.suppressions.merge(&other.suppressions);
        self.holds.merge(&other.holds);
        self.last_marketing.merge(&other.last_marketing);
        self.sends.merge(&other.sends);
        self.refused_131049.merge(&other.refused_131049);
        self.changed_hands.merge(&other.changed_hands);
        self.last_inbound.merge(&other.last_inbound);
        self.sender.merge(&other.sender);
        self.locale.merge(&other.locale);
        self.moved.merge(&other.moved);
        self.begun_after.merge(&other.begun_after);
        for (request, theirs) in &other.prompts {
            match self.prompts.get_mut(request) {
                Some(ours) => ours.merge(theirs),
                None => {
                    self.prompts.insert(*request, theirs.clone());
                }
            }
        }
    }

    /// What travels to the contact that has the new number or id: stops, never grants.
    ///
    /// Everything is dated no later than the change: what the old number's next owner says binds the old number alone.
    pub fn carried(&self, at: Time) -> Carried {
        let clip = |stop: &Stop| Stop {
            at: stop.at.min(at),
            ..*stop
        };
        Carried {
            everything: self.stops.everything.get().map(clip),
            marketing: self.stops.marketing.get().map(clip),
            purposes: self
                .purposes
                .iter()
                .filter_map(|(purpose, registers)| registers.stopped.get().map(|stop| (purpose.clone(), clip(stop))))
                .collect(),
            suppressions: self
                .suppressions
                .iter()
                .filter(|(kind, _)| !matches!(kind, SuppressionKind::Undeliverable | SuppressionKind::Erased))
                .filter_map(|(kind, suppression)| {
                    let set = (*suppression.set.get()?).min(at);
                    // What lifted it stays behind: it must not lift what the new contact has set.
                    let lifted = suppression
                        .lifted
                        .get()
                        .is_some_and(|lifted| *lifted > set && *lifted <= at);
                    (!lifted).then(|| (kind.clone(), set))
                })
                .collect(),
        }
    }

    /// Forgets prompts whose token ran out long ago, unless one makes a grant void; and holds that nothing can change any more.
    pub(crate) fn forget_what_is_over(&mut self, now: Time) {
        let granted: BTreeSet<RequestId> = self
            .purposes
            .values()
            .filter_map(|registers| registers.granted.get().map(|grant| grant.request))
            .collect();
        self.prompts.retain(|request, prompt| {
            now < prompt.expires_at + PROMPT_MEMORY
                || (prompt.state == PromptState::Failed && granted.contains(request))
        });
        if let Some(withdrawal) = self.holds.settle(now) {
            self.stops.marketing.raise(withdrawal);
        }
    }
}

/// Stops and suppressions on their way from an old number or id to the new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The stop that binds every purpose.
    pub everything: Option<Stop>,
    /// The stop that binds every marketing purpose.
    pub marketing: Option<Stop>,
    /// Stops of single purposes.
    pub purposes: Vec<(PurposeId, Stop)>,
    /// Suppressions that bind, each with when it was set.
    pub suppressions: Vec<(SuppressionKind, Time)>,
}

impl Carried {
    /// Whether there is nothing to take along.
    pub fn is_empty(&self) -> bool {
        self.everything.is_none()
            && self.marketing.is_none()
            && self.purposes.is_empty()
            && self.suppressions.is_empty()
    }
}

/// How long a consent may go unused before it lapses; the hard limit for a purpose that the policy does not know.
pub(crate) fn idle_limit(purpose: &PurposeId, policy: &Policy) -> Span {
    policy
        .purpose(purpose)
        .map_or(Span::months(24), |purpose| purpose.idle_limit())
}

/// Whether marketing's stops and suppressions bind the purpose. Surveys count as marketing (BGH VI ZR 225/17), and so does
/// a purpose that the policy does not know.
pub fn is_marketing(purpose: &PurposeId, policy: &Policy) -> bool {
    policy
        .purpose(purpose)
        .is_none_or(|purpose| purpose.class() != Class::Service)
}
