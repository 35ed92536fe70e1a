//! What people do: they are asked, they agree, they leave.

use assent_tests::{SENDER, WABA};
use consent::contact::Contact;
use consent::decide::Rules;
use consent::event::{Act, Asked, Authorship, Event, Said};
use consent::evidence::{Actor, DeliveryEvidence, TypedWords};
use consent::id::{ContactId, EventId, Locale, MessageRef, PurposeId, RequestId};
use consent::policy::Policy;
use consent::register::RequestSource;
use consent::time::Time;
use consent::token::{Action, Token, TokenKey, notice_prefix};
use identity::{Identifiers, PhoneNumber};
use ledger::{Ledger, Who};

const TOKEN_KEY: TokenKey = TokenKey::from_bytes([1; 32]);

const REQUEST: RequestId = RequestId::from_bytes([7; 16]);

/// Somebody, as the ledger gets to know them.
pub(crate) struct Person<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) policy: &'a Policy,
    pub(crate) phone: &'a PhoneNumber,
}

impl Person<'_> {
    /// A form asks them whether they want offers.
    pub(crate) async fn is_asked(&self, at: Time) -> Contact {
        let asked = Asked {
            request: REQUEST,
            purposes: vec![offers()],
            locale: german(),
            source: RequestSource::WebForm,
            url: Some("https://www.example.com/newsletter".to_owned()),
            form: Some("footer".to_owned()),
            actor: Actor::System,
        };
        self.record(at, Act::Asked(asked), None).await
    }

    /// They tap "yes", in a delivery that shows it.
    pub(crate) async fn agrees(&self, contact: ContactId, at: Time) -> Contact {
        let notice = self.policy.notice(&offers(), &german(), at).unwrap();
        let token = Token {
            action: Action::Confirm,
            contact,
            request: REQUEST,
            prompted_at: at,
            expires_at: at + self.policy.prompting().token_lifetime(),
            notices: vec![notice_prefix(notice.version())],
        };
        let yes = Act::Tapped {
            payload: token.encode(&TOKEN_KEY),
            message: MessageRef::from_bytes([2; 32]),
            context: None,
        };
        let delivery = DeliveryEvidence {
            sender: Some(SENDER.parse().unwrap()),
            account: WABA.to_owned(),
            body_sha256: "0".repeat(64),
            received_at: at,
            verified_with: 0,
        };
        self.record(at, yes, Some(delivery)).await
    }

    /// They write STOP.
    pub(crate) async fn leaves(&self, at: Time) -> Contact {
        let stop = Act::Said(Said {
            meaning: self.policy.words().read("STOP"),
            words: TypedWords::new("STOP"),
            authorship: Authorship::Own,
            by_button: false,
            sender: None,
            message: MessageRef::from_bytes([3; 32]),
            context: None,
        });
        self.record(at, stop, None).await
    }

    async fn record(&self, now: Time, act: Act, delivery: Option<DeliveryEvidence>) -> Contact {
        let rules = Rules {
            policy: self.policy,
            token_keys: &[TOKEN_KEY],
            now,
        };
        let event = Event {
            id: EventId::from_bytes(identity::random_bytes().unwrap()),
            at: now,
            act,
            delivery,
        };
        let who = Who::Person(Identifiers::new(Some(self.phone.clone()), None).unwrap());
        let recorded = self.ledger.record(&who, &[event], &rules).await.unwrap();
        recorded.into_iter().find_map(|recorded| recorded.contact).unwrap()
    }
}

pub(crate) fn offers() -> PurposeId {
    "offers".parse().unwrap()
}

pub(crate) fn german() -> Locale {
    "de".parse().unwrap()
}
