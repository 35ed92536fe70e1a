//! Registers that only grow, and the four that make up a consent.
//!
//! Deliveries come late, twice, concurrently and out of order. A register keeps the greatest value it has seen, so the
//! order in which values arrive does not matter, and seeing one twice changes nothing.

use serde::{Deserialize, Serialize};

use crate::id::{EventId, Locale, NoticeVersion, RequestId};
use crate::time::Time;

/// A register: empty at first, then the greatest value it was ever raised to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Register<T>(Option<T>);

impl<T> Default for Register<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Ord> Register<T> {
    /// Takes the value if it is greater than the one held.
    pub fn raise(&mut self, value: T) {
        if self.0.as_ref().is_none_or(|held| value > *held) {
            self.0 = Some(value);
        }
    }

    /// The value held.
    pub fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }

    /// Whether nothing was ever seen.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl<T: Ord + Clone> Register<T> {
    /// Takes over what the other register has seen.
    pub fn merge(&mut self, other: &Self) {
        if let Some(value) = &other.0 {
            self.raise(value.clone());
        }
    }
}

/// Where a request for consent came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestSource {
    /// A form that anyone can fill in with anyone's number.
    WebForm,
    /// A code that was scanned, or a link that was opened.
    QrCode,
    /// An advertisement that leads into the chat.
    Advertisement,
    /// A form on paper, kept as evidence.
    Paper,
    /// The contact's own account, after signing in.
    Account,
    /// The contact's own act in WhatsApp.
    Whatsapp,
}

impl RequestSource {
    /// Whether the contact themself must have been there: only such a request counts after a stop.
    pub fn is_own_act(self) -> bool {
        match self {
            Self::Account | Self::Whatsapp => true,
            Self::WebForm | Self::QrCode | Self::Advertisement | Self::Paper => false,
        }
    }
}

/// A request for consent: step one of the double opt-in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Request {
    /// When the contact asked.
    pub at: Time,
    /// The request's id.
    pub id: RequestId,
    /// When the ledger learned of it: what a form on paper says may be days old.
    pub recorded_at: Time,
    /// Where it came from.
    pub source: RequestSource,
    /// The language it was made in.
    pub locale: Locale,
    /// The notice that was shown, or that the prompt will show.
    pub notice: NoticeVersion,
}

/// The contact's confirmation, bound to one prompt.
///
/// The order of the fields is the order in which grants are compared: the later prompt, then the later reply, then the id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    /// When the prompt was made.
    pub prompted_at: Time,
    /// When the contact answered it.
    pub replied_at: Time,
    /// The event that carries the proof.
    pub event: EventId,
    /// The request that the prompt belonged to.
    pub request: RequestId,
    /// The notice that the contact agreed to.
    pub notice: NoticeVersion,
}

/// Why a consent ended, from the weakest to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopKind {
    /// The number changed hands or cannot be reached, or the notice was defective.
    Invalidated,
    /// The contact answered the prompt with "no".
    Declined,
    /// The contact stopped what they had agreed to, or might have.
    Withdrawn,
    /// The contact says that they never asked.
    NotMe,
}

/// A stop. Of two in the same second the stricter one is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stop {
    /// When it was said.
    pub at: Time,
    /// What was said.
    pub kind: StopKind,
    /// The event that carries the proof.
    pub event: EventId,
}

/// What is known of one contact's consent to one purpose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registers {
    /// The latest request that must have been the contact's own act.
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub asked_in_person: Register<Request>,
    /// The latest request that anyone could have made. It counts only while the contact has never stopped, so it must not
    /// displace a request that counts.
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub asked_openly: Register<Request>,
    /// The best grant.
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub granted: Register<Grant>,
    /// The latest stop of this purpose alone.
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub stopped: Register<Stop>,
    /// The last message sent, or act of the contact, under this consent.
    #[serde(default, skip_serializing_if = "Register::is_empty")]
    pub last_used: Register<Time>,
}

impl Registers {
    /// Records a request in the register that its source belongs to.
    pub fn ask(&mut self, request: Request) {
        if request.source.is_own_act() {
            self.asked_in_person.raise(request);
        } else {
            self.asked_openly.raise(request);
        }
    }

    /// The latest requests of both kinds, whether they count or not.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        self.asked_in_person.get().into_iter().chain(self.asked_openly.get())
    }

    /// The latest request that counts, given the latest stop that binds this purpose.
    ///
    /// After a stop an open form does not count: anyone could have filled it in.
    pub fn request_after(&self, stop: Option<&Stop>) -> Option<&Request> {
        match stop {
            Some(stop) => self.asked_in_person.get().filter(|request| request.at > stop.at),
            None => self.asked_in_person.get().max(self.asked_openly.get()),
        }
    }

    /// The grant, if its prompt is newer than the latest stop that binds this purpose.
    pub fn grant_after(&self, stop: Option<&Stop>) -> Option<&Grant> {
        self.granted
            .get()
            .filter(|grant| stop.is_none_or(|stop| grant.prompted_at > stop.at))
    }

    /// Whether anything is left of a request or a consent, and not merely of a stop.
    pub fn holds_a_consent(&self) -> bool {
        !(self.asked_in_person.is_empty()
            && self.asked_openly.is_empty()
            && self.granted.is_empty()
            && self.last_used.is_empty())
    }

    /// Takes over all that the other registers have seen.
    pub fn merge(&mut self, other: &Self) {
        self.asked_in_person.merge(&other.asked_in_person);
        self.asked_openly.merge(&other.asked_openly);
        self.granted.merge(&other.granted);
        self.stopped.merge(&other.stopped);
        self.last_used.merge(&other.last_used);
    }
}
