//! What can happen to a contact, made up at random, over what happened to it before.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use consent::contact::{Contact, Prompt, PromptState};
use consent::decide::Rules;
use consent::event::{Act, Asked, Authorship, Event, FailureCause, PromptOutcome, Said};
use consent::evidence::{Actor, TypedWords, WithdrawalSource};
use consent::id::{ContactId, EventId, Locale, MessageRef, PurposeId, RequestId};
use consent::policy::Policy;
use consent::register::RequestSource;
use consent::time::{Span, Time};
use consent::token::{Action, Token, TokenKey, notice_prefix};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// When the deeds begin.
pub(crate) const BEGIN: Time = Time::from_unix_seconds(1_770_000_000);
/// The last hour of a deed.
pub(crate) const LAST_HOUR: u32 = 96;
/// When the first delivery is carried out: after every deed, so that none lies in the future.
pub(crate) const FIRST_DELIVERY: Time = Time::from_unix_seconds(1_770_000_000 + 100 * 3_600);

/// Thousands of cases, and none remembered in a file: a failure shows its smallest case, which becomes an example.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

const KEYS: [TokenKey; 2] = [TokenKey::from_bytes([1; 32]), TokenKey::from_bytes([2; 32])];
const ANOTHER_KEY: TokenKey = TokenKey::from_bytes([3; 32]);

pub(crate) static POLICY: LazyLock<Policy> =
    LazyLock::new(|| Policy::parse(include_str!("../../../../infra/policy.example.toml")).expect("no faults"));

pub(crate) fn rules(now: Time) -> Rules<'static> {
    Rules {
        policy: &POLICY,
        token_keys: &KEYS,
        now,
    }
}

pub(crate) fn purpose(id: &str) -> PurposeId {
    id.parse().unwrap()
}

pub(crate) fn hour(hours: u32) -> Time {
    BEGIN + Span::hours(hours)
}

pub(crate) fn event_id(number: u8) -> EventId {
    EventId::from_bytes([number; 32])
}

pub(crate) fn message(number: u8) -> MessageRef {
    MessageRef::from_bytes([number; 32])
}

pub(crate) fn german() -> Locale {
    "de".parse().unwrap()
}

/// The token of a button of ours.
pub(crate) fn token(action: Action, contact: ContactId, request: RequestId, at: Time, purposes: &[PurposeId]) -> Token {
    let notices = purposes
        .iter()
        .filter_map(|purpose| POLICY.notice(purpose, &german(), at));
    Token {
        action,
        contact,
        request,
        prompted_at: at,
        expires_at: at + Span::hours(72),
        notices: notices.map(|notice| notice_prefix(notice.version())).collect(),
    }
}

pub(crate) fn signed(token: &Token) -> String {
    token.encode(&KEYS[1])
}

pub(crate) fn forged(token: &Token) -> String {
    token.encode(&ANOTHER_KEY)
}

pub(crate) fn said(text: &str) -> Said {
    Said {
        meaning: POLICY.words().read(text),
        words: TypedWords::new(text),
        authorship: Authorship::Own,
        by_button: false,
        sender: None,
        message: message(0),
        context: None,
    }
}

/// What happened before.
#[derive(Debug, Clone)]
pub(crate) struct Before {
    /// Whether the contact agreed to everything a month ago.
    pub(crate) agreed: bool,
    /// The hour in which each prompt was made, and what it asks for.
    pub(crate) prompts: Vec<(u32, Vec<&'static str>)>,
    /// The hour in which marketing was sent.
    pub(crate) marketing: Option<u32>,
    /// Tells the ids of one story from those of another.
    pub(crate) salt: u64,
}

pub(crate) fn before() -> impl Strategy<Value = Before> {
    let purposes = select(vec![vec!["offers"], vec!["orders"], vec!["offers", "orders"]]);
    (
        any::<bool>(),
        vec((0..=24_u32, purposes), 0..=3),
        proptest::option::of(0..=48_u32),
    )
        .prop_map(|(agreed, prompts, marketing)| Before {
            agreed,
            prompts,
            marketing,
            salt: 0,
        })
}

impl Before {
    pub(crate) fn request(&self, number: usize) -> Option<RequestId> {
        let number = u8::try_from(number.checked_rem(self.prompts.len())?).unwrap();
        let mut id = [number + 1; 16];
        id[8..].copy_from_slice(&self.salt.to_be_bytes());
        Some(RequestId::from_bytes(id))
    }

    fn event_id(&self, number: u8) -> EventId {
        let mut id = [number; 32];
        id[24..].copy_from_slice(&self.salt.to_be_bytes());
        EventId::from_bytes(id)
    }

    fn purposes(&self, number: usize) -> Option<Vec<PurposeId>> {
        let (_, purposes) = self.prompts.get(number.checked_rem(self.prompts.len())?)?;
        Some(purposes.iter().map(|id| purpose(id)).collect())
    }

    fn message(&self, number: usize) -> Option<MessageRef> {
        Some(message(
            100 + u8::try_from(number.checked_rem(self.prompts.len())?).unwrap(),
        ))
    }

    fn prompted_at(&self, number: usize) -> Option<Time> {
        let (hours, _) = self.prompts.get(number.checked_rem(self.prompts.len())?)?;
        Some(hour(*hours))
    }

    /// The contact as all this left it.
    pub(crate) fn contact(&self, id: ContactId) -> Contact {
        let mut contact = Contact::new(id);
        if self.agreed {
            let month_ago = BEGIN - Span::days(30);
            let all = [purpose("offers"), purpose("orders")];
            let token = token(Action::Confirm, id, RequestId::from_bytes([99; 16]), month_ago, &all);
            let act = Act::Tapped {
                payload: signed(&token),
                message: message(99),
                context: None,
            };
            let event = Event {
                id: event_id(199),
                at: month_ago,
                act,
                delivery: None,
            };
            contact = contact.apply(&[event], &rules(month_ago)).contact;
        }
        for number in 0..self.prompts.len() {
            contact = self.prompted(contact, number);
        }
        if let Some(hours) = self.marketing {
            contact.sent(&purpose("offers"), &POLICY, hour(hours));
        }
        contact
    }

    fn prompted(&self, contact: Contact, number: usize) -> Contact {
        let at = self.prompted_at(number).unwrap();
        let (request, purposes) = (self.request(number).unwrap(), self.purposes(number).unwrap());
        let [asked, accepted] = self.prompting(number);
        let mut contact = contact.apply(&[asked], &rules(at)).contact;
        // Who has agreed, or has a prompt already, is not asked again by itself; here it is, as if by an older version.
        let notice = |purpose: &PurposeId| *POLICY.notice(purpose, &german(), at).unwrap().version();
        let prompt = Prompt {
            at,
            expires_at: at + Span::hours(72),
            state: PromptState::Queued,
            notices: purposes
                .iter()
                .map(|purpose| (purpose.clone(), notice(purpose)))
                .collect(),
            locale: german(),
            message: None,
        };
        contact.prompts.insert(request, prompt);
        contact.apply(&[accepted], &rules(at)).contact
    }

    /// What led to one of the prompts: the request, and Meta's word that the prompt was taken.
    pub(crate) fn prompting(&self, number: usize) -> [Event; 2] {
        let at = self.prompted_at(number).unwrap();
        let request = self.request(number).unwrap();
        let asked = Asked {
            request,
            purposes: self.purposes(number).unwrap(),
            locale: german(),
            source: RequestSource::Account,
            url: None,
            form: None,
            actor: Actor::System,
        };
        let accepted = PromptOutcome::Accepted {
            message: self.message(number).unwrap(),
        };
        let event = |base, act| Event {
            id: self.event_id(base + u8::try_from(number).unwrap()),
            at,
            act,
            delivery: None,
        };
        let accepted = Act::Prompted {
            request,
            outcome: accepted,
        };
        [event(200, Act::Asked(asked)), event(210, accepted)]
    }
}

/// What a message replies to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ReplyTo {
    Nothing,
    Prompt(usize),
    AnotherMessage,
}

/// Which question a button belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Question {
    Prompt(usize),
    /// A prompt of long ago that nobody remembers.
    Forgotten,
    /// "Did you mean stop?", about a message of that hour.
    Hold(u32),
}

/// What is wrong with a button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    Nothing,
    MadeForAnother,
    Forged,
}

#[derive(Debug, Clone)]
pub(crate) enum Deed {
    Says(&'static str, ReplyTo, Authorship),
    Taps(Action, Question, Flaw),
    WithdrawsElsewhere(Option<&'static str>),
    StopsInSettings,
    ResumesInSettings,
    PromptArrives(usize),
    PromptFails(usize, FailureCause),
}

/// What is typed, and what it is meant as.
const WORDS: [&str; 9] = [
    "STOP",
    "ende",
    "nein",
    "no",
    "ja",
    "start",
    "löschen",
    "stip",
    "bitte nicht immer stop sagen",
];

pub(crate) fn deed() -> impl Strategy<Value = Deed> {
    let reply_to = prop_oneof![
        3 => Just(ReplyTo::Nothing),
        2 => (0..3_usize).prop_map(ReplyTo::Prompt),
        1 => Just(ReplyTo::AnotherMessage),
    ];
    let authorship = prop_oneof![4 => Just(Authorship::Own), 1 => Just(Authorship::Other)];
    let actions = vec![
        Action::Confirm,
        Action::Confirm,
        Action::Decline,
        Action::NotMe,
        Action::Stop,
        Action::Keep,
    ];
    let question = prop_oneof![
        4 => (0..3_usize).prop_map(Question::Prompt),
        1 => Just(Question::Forgotten),
        2 => (0..=LAST_HOUR).prop_map(Question::Hold),
    ];
    let flaw = prop_oneof![4 => Just(Flaw::Nothing), 1 => Just(Flaw::MadeForAnother), 1 => Just(Flaw::Forged)];
    let elsewhere = select(vec![None, Some("offers"), Some("orders")]);
    let causes = vec![
        FailureCause::Undeliverable,
        FailureCause::PlatformStop,
        FailureCause::Other,
    ];
    prop_oneof![
        6 => (select(&WORDS), reply_to, authorship).prop_map(|(word, to, by)| Deed::Says(word, to, by)),
        6 => (select(actions), question, flaw).prop_map(|(action, to, flaw)| Deed::Taps(action, to, flaw)),
        1 => elsewhere.prop_map(Deed::WithdrawsElsewhere),
        1 => Just(Deed::StopsInSettings),
        1 => Just(Deed::ResumesInSettings),
        1 => (0..3_usize).prop_map(Deed::PromptArrives),
        2 => (0..3_usize, select(causes)).prop_map(|(number, cause)| Deed::PromptFails(number, cause)),
    ]
}

/// Deeds, each with its hour.
pub(crate) fn deeds(most: usize) -> impl Strategy<Value = Vec<(u32, Deed)>> {
    vec((0..=LAST_HOUR, deed()), 0..=most)
}

/// The deed as an event. None if there is no prompt that it could be about.
pub(crate) fn event(before: &Before, contact: ContactId, number: u8, hours: u32, deed: &Deed) -> Option<Event> {
    let act = match deed {
        Deed::Says(text, reply_to, authorship) => Act::Said(Said {
            authorship: *authorship,
            context: match reply_to {
                ReplyTo::Nothing => None,
                ReplyTo::Prompt(number) => Some(before.message(*number)?),
                ReplyTo::AnotherMessage => Some(message(250)),
            },
            ..said(text)
        }),
        Deed::Taps(action, question, flaw) => {
            let whose = if *flaw == Flaw::MadeForAnother {
                ContactId::from_bytes([255; 16])
            } else {
                contact
            };
            let token = question.token(before, *action, whose)?;
            let payload = if *flaw == Flaw::Forged {
                forged(&token)
            } else {
                signed(&token)
            };
            Act::Tapped {
                payload,
                message: message(0),
                context: None,
            }
        }
        Deed::WithdrawsElsewhere(only) => Act::Withdrew {
            purposes: only.map(|id| vec![purpose(id)]),
            source: WithdrawalSource::Email,
            actor: Actor::System,
        },
        Deed::StopsInSettings => Act::PlatformStopped,
        Deed::ResumesInSettings => Act::PlatformResumed,
        Deed::PromptArrives(number) => Act::Prompted {
            request: before.request(*number)?,
            outcome: PromptOutcome::Delivered,
        },
        Deed::PromptFails(number, cause) => Act::Prompted {
            request: before.request(*number)?,
            outcome: PromptOutcome::Failed {
                code: None,
                cause: *cause,
            },
        },
    };
    Some(Event {
        id: before.event_id(number),
        at: hour(hours),
        act,
        delivery: None,
    })
}

/// The events that the deeds are, each under its own id.
pub(crate) fn events(before: &Before, contact: ContactId, deeds: &[(u32, Deed)]) -> Vec<Event> {
    let numbered = (1_u8..).zip(deeds);
    numbered
        .filter_map(|(number, (hours, deed))| event(before, contact, number, *hours, deed))
        .collect()
}

impl Question {
    fn token(self, before: &Before, action: Action, contact: ContactId) -> Option<Token> {
        let long_ago = BEGIN - Span::days(20);
        Some(match self {
            Self::Prompt(number) => {
                let (at, purposes) = (before.prompted_at(number)?, before.purposes(number)?);
                token(action, contact, before.request(number)?, at, &purposes)
            }
            Self::Forgotten => token(
                action,
                contact,
                RequestId::from_bytes([98; 16]),
                long_ago,
                &[purpose("offers")],
            ),
            Self::Hold(hours) => token(action, contact, RequestId::from_bytes([97; 16]), hour(hours), &[]),
        })
    }
}

/// The deed's stop: the purposes that it ends.
pub(crate) fn ends(before: &Before, deed: &Deed) -> Vec<PurposeId> {
    let all = || vec![purpose("offers"), purpose("orders")];
    let marketing = || vec![purpose("offers")];
    match deed {
        Deed::Says("STOP", ..) => all(),
        Deed::Says("löschen", _, Authorship::Own) => marketing(),
        Deed::Says("nein", ReplyTo::Prompt(number), Authorship::Own) => before.purposes(*number).unwrap_or_default(),
        Deed::Taps(Action::Stop, _, Flaw::Nothing | Flaw::MadeForAnother) => all(),
        Deed::Taps(Action::Decline | Action::NotMe, question, Flaw::Nothing | Flaw::MadeForAnother) => match question {
            Question::Prompt(number) => before.purposes(*number).unwrap_or_default(),
            Question::Forgotten | Question::Hold(_) => marketing(),
        },
        Deed::WithdrawsElsewhere(None) => all(),
        Deed::WithdrawsElsewhere(Some(id)) => vec![purpose(id)],
        Deed::StopsInSettings => marketing(),
        Deed::PromptFails(number, FailureCause::Undeliverable) => before.purposes(*number).unwrap_or_default(),
        Deed::PromptFails(_, FailureCause::PlatformStop) => marketing(),
        Deed::Says(..)
        | Deed::Taps(..)
        | Deed::ResumesInSettings
        | Deed::PromptArrives(_)
        | Deed::PromptFails(_, FailureCause::Other) => vec![],
    }
}

/// Whether the deed could be a "yes" to a prompt of ours.
pub(crate) fn could_confirm(deed: &Deed) -> bool {
    matches!(
        deed,
        Deed::Says("ja", ReplyTo::Nothing | ReplyTo::Prompt(_), Authorship::Own)
            | Deed::Taps(Action::Confirm, Question::Prompt(_), Flaw::Nothing)
    )
}

/// Applies deliveries one after the other, a minute apart, leaving out events whose evidence exists.
pub(crate) fn deliver(contact: Contact, deliveries: &[Vec<Event>]) -> (Contact, BTreeSet<EventId>) {
    let mut known = BTreeSet::new();
    let mut contact = contact;
    for (minutes, delivery) in (0..).zip(deliveries) {
        let mut seen = known.clone();
        let fresh: Vec<_> = delivery.iter().filter(|event| seen.insert(event.id)).cloned().collect();
        let decision = contact.apply(&fresh, &rules(FIRST_DELIVERY + Span::minutes(minutes)));
        known.extend(decision.evidence.iter().map(|draft| draft.evidence.event));
        contact = decision.contact;
    }
    (contact, known)
}

/// What must not depend on how events came: everything but the ledger's own steps, which have their own time.
pub(crate) fn lasting(contact: &Contact) -> Contact {
    let mut contact = contact.clone();
    contact.prompts.clear();
    contact.chain = consent::evidence::ChainHead::default();
    for registers in contact.purposes.values_mut() {
        for register in [&mut registers.asked_in_person, &mut registers.asked_openly] {
            if let Some(request) = register.get().cloned() {
                *register = consent::register::Register::default();
                register.raise(consent::register::Request {
                    recorded_at: Time::EPOCH,
                    ..request
                });
            }
        }
    }
    contact
}
