//! Facts under which a message may be sent, for each test to spoil.

use std::sync::LazyLock;

use consent::campaign::{
    AccountState, Category, Circumstances, Fact, Health, Judgement, Limit, Listing, Message, Proof, Quality, Recipient,
    Template, TemplateStatus, Usage, decide,
};
use consent::contact::Contact;
use consent::id::{CampaignId, ContactId, EventId, NoticeVersion, PurposeId, RequestId, SenderId};
use consent::policy::{Country, Policy};
use consent::register::{Grant, Register, Registers};
use consent::time::{Span, Time};

pub(crate) static POLICY: LazyLock<Policy> =
    LazyLock::new(|| Policy::parse(include_str!("../../../../infra/policy.example.toml")).unwrap());

pub(crate) fn time(text: &str) -> Time {
    text.parse().unwrap()
}

/// Noon in Berlin, in the middle of the week.
pub(crate) fn now() -> Time {
    time("2026-12-01T12:00:00Z")
}

pub(crate) fn hours_ago(hours: u32) -> Time {
    now() - Span::hours(hours)
}

/// Whom the message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Bad,
    Unknown,
    Unread,
    Known,
}

/// All that a judgement goes by.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) who: Who,
    pub(crate) contact: Contact,
    pub(crate) purpose: PurposeId,
    pub(crate) sender: Option<SenderId>,
    pub(crate) template: Option<Template>,
    pub(crate) campaign: CampaignId,
    pub(crate) at: Time,
    pub(crate) listing: Listing,
    pub(crate) proof: Option<Proof>,
    pub(crate) countries: Vec<Country>,
    pub(crate) health: Option<Health>,
    pub(crate) usage: Option<Usage>,
}

impl Facts {
    /// Nothing stands against the message.
    pub(crate) fn fine() -> Self {
        let purpose: PurposeId = "offers".parse().unwrap();
        let mut contact = Contact::new(ContactId::from_bytes([1; 16]));
        contact.purposes.insert(purpose.clone(), granted(notice("offers")));
        Self {
            who: Who::Known,
            contact,
            purpose,
            sender: Some("106540352242922".parse().unwrap()),
            template: Some(Template {
                name: "winter_sale".parse().unwrap(),
                language: "de".parse().unwrap(),
            }),
            campaign: "winter".parse().unwrap(),
            at: now(),
            listing: Listing::First,
            proof: Some(Proof::Complete),
            countries: vec!["DE".parse().unwrap()],
            health: Some(healthy()),
            usage: None,
        }
    }

    pub(crate) fn registers(&mut self) -> &mut Registers {
        self.contact.purposes.entry(self.purpose.clone()).or_default()
    }

    pub(crate) fn health(&mut self) -> &mut Health {
        self.health.get_or_insert_with(healthy)
    }

    pub(crate) fn message(&self) -> Message<'_> {
        Message {
            sender: self.sender.as_ref(),
            template: self.template.as_ref(),
            campaign: Some(&self.campaign),
            at: self.at,
        }
    }

    pub(crate) fn circumstances(&self) -> Circumstances<'_> {
        Circumstances {
            listing: self.listing,
            proof: self.proof,
            countries: &self.countries,
            health: self.health.as_ref(),
            usage: self.usage,
        }
    }

    pub(crate) fn recipient(&self) -> Recipient<'_> {
        match self.who {
            Who::Bad => Recipient::Bad,
            Who::Unknown => Recipient::Unknown,
            Who::Unread => Recipient::Unread,
            Who::Known => Recipient::Known(&self.contact),
        }
    }

    pub(crate) fn judge(&self) -> Judgement {
        let (message, circumstances) = (self.message(), self.circumstances());
        decide(
            self.recipient(),
            &self.purpose,
            &message,
            &circumstances,
            &POLICY,
            now(),
        )
    }
}

pub(crate) fn notice(purpose: &str) -> NoticeVersion {
    let (purpose, locale) = (purpose.parse().unwrap(), "de".parse().unwrap());
    *POLICY.notice(&purpose, &locale, now()).unwrap().version()
}

pub(crate) fn granted(notice: NoticeVersion) -> Registers {
    let mut registers = Registers::default();
    registers.granted.raise(Grant {
        prompted_at: hours_ago(48),
        replied_at: hours_ago(47),
        event: EventId::from_bytes([2; 32]),
        request: RequestId::from_bytes([3; 16]),
        notice,
    });
    registers
}

/// What Meta said an hour ago.
pub(crate) fn said<T: Ord>(value: T) -> Register<Fact<T>> {
    let mut fact = Register::default();
    fact.raise(Fact {
        at: hours_ago(1),
        value,
    });
    fact
}

pub(crate) fn healthy() -> Health {
    let mut health = Health::default();
    health.sender.quality = said(Quality::Green);
    health.sender.account = said(AccountState::Good);
    health.sender.limit = said(Limit::Unlimited);
    health.template.status = said(TemplateStatus::Approved);
    health.template.category = said(Category::Marketing);
    health.template.quality = said(Quality::Unrated);
    health
}
