//! Two contacts and what they do.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock, Mutex};

use consent::campaign::{
    AccountState, Category, Circumstances, Fact, Health, Judgement, Limit, Message, Proof, Quality, Recipient,
    Template, TemplateStatus, decide,
};
use consent::contact::{Contact, Status};
use consent::decide::Rules;
use consent::event::{Act, Asked, Authorship, Event, PromptOutcome, Said};
use consent::evidence::{Actor, TypedWords};
use consent::id::{CampaignId, ContactId, EventId, MessageRef, PurposeId, RequestId, SenderId};
use consent::policy::{Country, Policy};
use consent::register::{Register, RequestSource};
use consent::suppression::MessageClass;
use consent::time::{Span, Time};
use consent::token::{Action, Token, TokenKey, notice_prefix};

/// One message a month is promised.
pub(crate) static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let text = include_str!("../../../infra/policy.example.toml");
    let once = text.replace(
        "frequency = { count = 4, per = \"month\" }",
        "frequency = { count = 1, per = \"month\" }",
    );
    assert_ne!(text, once);
    Policy::parse(&once).unwrap()
});

const KEYS: [TokenKey; 1] = [TokenKey::from_bytes([1; 32])];

/// Noon in Berlin.
const NOON: Time = Time::from_unix_seconds(1_796_126_400);

/// When the gates are at work: at noon, and once every ticket of that second has run out.
pub(crate) fn at(tick: u8) -> Time {
    NOON + Span::seconds(u32::from(tick) * 61)
}

pub(crate) static OFFERS: LazyLock<PurposeId> = LazyLock::new(|| "offers".parse().unwrap());

pub(crate) static CAMPAIGNS: LazyLock<[CampaignId; 2]> =
    LazyLock::new(|| ["winter", "spring"].map(|name| name.parse().unwrap()));

/// What a person does, or what happens to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Deed {
    /// Taps "yes" on the prompt.
    Confirms,
    /// Says STOP.
    Stops,
    /// Has the first contact's number from now on, or no longer has it.
    NumberChanges,
}

/// A contact's print, a campaign and a time.
type Question = (u64, usize, u8);

/// A contact as a row of the ledger.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) contact: Arc<Contact>,
    pub(crate) version: u8,
    /// Stands for the contact's registers.
    print: u64,
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        (self.version, self.print) == (other.version, other.print)
    }
}

impl Eq for Row {}

impl Hash for Row {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.version, self.print).hash(state);
    }
}

impl Row {
    fn new(contact: Contact, version: u8) -> Self {
        let mut hasher = DefaultHasher::new();
        serde_json::to_string(&contact).unwrap().hash(&mut hasher);
        Self {
            contact: Arc::new(contact),
            version,
            print: hasher.finish(),
        }
    }

    /// The row after a change.
    pub(crate) fn then(&self, contact: Contact) -> Self {
        Self::new(contact, self.version + 1)
    }

    /// Whether the contact may get a message of the purpose: the latest stop lies before the consent, and no suppression binds.
    pub(crate) fn consents(&self, tick: u8) -> bool {
        let now = at(tick);
        self.contact.standing(&OFFERS, &POLICY, now).status == Status::Confirmed
            && self.contact.is_reachable(MessageClass::Marketing, now)
    }

    /// Whether the engine lets a campaign's message go, asked once of each contact that there can be.
    pub(crate) fn may_be_sent(&self, campaign: usize, tick: u8) -> bool {
        static KNOWN: LazyLock<Mutex<HashMap<Question, bool>>> = LazyLock::new(Mutex::default);
        let question = (self.print, campaign, tick);
        let known = KNOWN.lock().unwrap().get(&question).copied();
        known.unwrap_or_else(|| {
            let answer = self.judge(&CAMPAIGNS[campaign], tick).is_allowed();
            KNOWN.lock().unwrap().insert(question, answer);
            answer
        })
    }

    fn judge(&self, campaign: &CampaignId, tick: u8) -> Judgement {
        let (sender, template) = (&*SENDER, &*TEMPLATE);
        let message = Message {
            sender: Some(sender),
            template: Some(template),
            campaign: Some(campaign),
            at: at(tick),
        };
        let circumstances = Circumstances {
            proof: Some(Proof::Complete),
            countries: &COUNTRIES,
            health: Some(&HEALTH),
            ..Circumstances::default()
        };
        decide(
            Recipient::Known(&self.contact),
            &OFFERS,
            &message,
            &circumstances,
            &POLICY,
            at(tick),
        )
    }

    /// The contact after a deed, and the campaigns that its evidence names.
    pub(crate) fn after(&self, deed: Deed, is_first: bool, tick: u8) -> (Contact, Vec<CampaignId>) {
        let contact = (*self.contact).clone();
        let event = Event {
            id: EventId::from_bytes([10 + deed as u8; 32]),
            at: NOON - Span::seconds(50),
            act: self.act(deed, is_first),
            delivery: None,
        };
        let decision = contact.apply(&[event], &rules(at(tick)));
        let named = decision.evidence.into_iter().flat_map(|draft| draft.evidence.crossed);
        (decision.contact, named.collect())
    }

    fn act(&self, deed: Deed, is_first: bool) -> Act {
        match deed {
            Deed::Confirms => tap(self.contact.id),
            Deed::Stops => Act::Said(Said {
                meaning: POLICY.words().read("STOP"),
                words: TypedWords::new("STOP"),
                authorship: Authorship::Own,
                by_button: false,
                sender: None,
                message: MessageRef::from_bytes([1; 32]),
                context: None,
            }),
            Deed::NumberChanges if is_first => Act::Left {
                to: Some(ContactId::from_bytes([1; 16])),
            },
            Deed::NumberChanges => Act::Arrived(consenting(0).carried(NOON)),
        }
    }
}

fn rules(now: Time) -> Rules<'static> {
    Rules {
        policy: &POLICY,
        token_keys: &KEYS,
        now,
    }
}

fn prompted_at() -> Time {
    NOON - Span::seconds(200)
}

/// A tap on "yes" under the prompt that the contact got.
fn tap(contact: ContactId) -> Act {
    let german = "de".parse().unwrap();
    let notice = POLICY.notice(&OFFERS, &german, prompted_at()).unwrap();
    let token = Token {
        action: Action::Confirm,
        contact,
        request: RequestId::from_bytes([9; 16]),
        prompted_at: prompted_at(),
        expires_at: prompted_at() + Span::hours(72),
        notices: vec![notice_prefix(notice.version())],
    };
    Act::Tapped {
        payload: token.encode(&KEYS[0]),
        message: MessageRef::from_bytes([2; 32]),
        context: None,
    }
}

/// A contact who was asked.
pub(crate) fn asked(number: u8) -> Contact {
    let asked = Act::Asked(Asked {
        request: RequestId::from_bytes([9; 16]),
        purposes: vec![OFFERS.clone()],
        locale: "de".parse().unwrap(),
        source: RequestSource::Account,
        url: None,
        form: None,
        actor: Actor::System,
    });
    let accepted = Act::Prompted {
        request: RequestId::from_bytes([9; 16]),
        outcome: PromptOutcome::Accepted {
            message: MessageRef::from_bytes([3; 32]),
        },
    };
    let event = |id, act| Event {
        id: EventId::from_bytes([id; 32]),
        at: prompted_at(),
        act,
        delivery: None,
    };
    Contact::new(ContactId::from_bytes([number; 16]))
        .apply(&[event(1, asked), event(2, accepted)], &rules(prompted_at()))
        .contact
}

/// A contact who was asked, and said yes.
pub(crate) fn consenting(number: u8) -> Contact {
    let contact = asked(number);
    let event = Event {
        id: EventId::from_bytes([3; 32]),
        at: NOON - Span::seconds(100),
        act: tap(contact.id),
        delivery: None,
    };
    contact.apply(&[event], &rules(NOON - Span::seconds(100))).contact
}

pub(crate) fn row(contact: Contact) -> Row {
    Row::new(contact, 1)
}

static SENDER: LazyLock<SenderId> = LazyLock::new(|| "106540352242922".parse().unwrap());

static COUNTRIES: LazyLock<Vec<Country>> = LazyLock::new(|| vec!["DE".parse().unwrap()]);

static TEMPLATE: LazyLock<Template> = LazyLock::new(|| Template {
    name: "winter_sale".parse().unwrap(),
    language: "de".parse().unwrap(),
});

static HEALTH: LazyLock<Health> = LazyLock::new(|| {
    fn said<T: Ord>(value: T) -> Register<Fact<T>> {
        let mut fact = Register::default();
        fact.raise(Fact { at: NOON, value });
        fact
    }
    let mut health = Health::default();
    health.sender.quality = said(Quality::Green);
    health.sender.account = said(AccountState::Good);
    health.sender.limit = said(Limit::Unlimited);
    health.template.status = said(TemplateStatus::Approved);
    health.template.category = said(Category::Marketing);
    health.template.quality = said(Quality::Green);
    health
});
