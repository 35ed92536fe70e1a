//! Evidence: one record for each event, chained so that a rewritten record shows.
//!
//! Art. 7(1) GDPR asks the controller to demonstrate consent, and EDPB Guidelines 05/2020 (§§104 to 108) to show what the
//! person was told and how they agreed. The record holds that and no more; what the contact typed is sealed.

use std::fmt;

use hmac::Mac;
use serde::{Deserialize, Serialize};

use crate::id::{
    CampaignId, ContactId, EventId, Locale, MessageRef, NoticeVersion, PolicyVersion, PurposeId, RequestId, SenderId,
};
use crate::mac::keyed;
use crate::register::{Grant, RequestSource};
use crate::time::Time;

/// The version of the record's structure.
pub const SCHEMA: u32 = 1;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// Step one: consent was asked for.
    Requested,
    /// Meta accepted the prompt.
    PromptSent,
    /// The prompt reached the contact's telephone.
    PromptDelivered,
    /// The prompt did not reach the contact.
    PromptFailed,
    /// Step two: the contact agreed.
    Confirmed,
    /// The contact answered "no".
    Declined,
    /// The contact said that they never asked.
    NotMe,
    /// The contact withdrew.
    Withdrawn,
    /// The contact objected to marketing.
    Objected,
    /// The contact stopped marketing in WhatsApp's settings.
    PlatformStop,
    /// The contact allowed marketing again in WhatsApp's settings; no consent.
    PlatformResume,
    /// The contact may have meant STOP and was asked.
    Held,
    /// The contact answered that they did not mean STOP.
    Kept,
    /// The number or id changed hands, or may have.
    Invalidated,
    /// The contact was to be erased, and a legal hold stood against it.
    ErasureRefused,
    /// Nothing may be done with the contact's data but keep it (Art. 18 GDPR).
    Restricted,
    /// That is over.
    Unrestricted,
    /// What was known of the contact was corrected (Art. 16 GDPR).
    Rectified,
}

/// Who caused the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The contact.
    Contact,
    /// This system.
    System,
    /// Meta.
    Meta,
    /// Someone at the controller's, named by what API Gateway authenticated.
    Operator(String),
}

/// Where the event came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Source {
    /// A message in WhatsApp.
    Whatsapp,
    /// Meta's own notification.
    Meta,
    /// The outbox.
    Outbox,
    /// A request for consent taken by the controller.
    OptIn {
        /// How it was taken.
        via: RequestSource,
        /// The page it was taken on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// The form or advertisement it was taken with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        form: Option<String>,
    },
    /// The scheduled purge.
    Purge,
    /// A request for erasure.
    Erasure,
    /// Something else that the contact demanded about their data.
    Case,
    /// A withdrawal taken by the controller.
    Withdrawal {
        /// How it reached the controller.
        via: WithdrawalSource,
    },
}

/// How a withdrawal reached the controller outside WhatsApp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawalSource {
    /// An e-mail.
    Email,
    /// A telephone call.
    Phone,
    /// A letter.
    Letter,
    /// A conversation with someone who works for the controller.
    Agent,
    /// The contact's own account.
    Account,
    /// A form on a web site.
    WebForm,
}

/// How the contact expressed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expression {
    /// A tap on a button that carried a token.
    ButtonToken,
    /// A tap on a button without a token of ours, read by its label.
    ButtonLabel,
    /// Typed words.
    TypedWord,
    /// A form.
    Form,
}

/// Whether the event had the effect that its kind promises, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// It counts.
    Counted,
    /// No key of ours signed the token.
    TokenForged,
    /// The token was made for another contact.
    TokenOfAnotherContact,
    /// The answer came after the token had run out; it counts as a new request.
    TokenExpired,
    /// The contact stopped after the prompt was made; a later "yes" counts as a new request.
    PromptOlderThanStop,
    /// The prompt never arrived, so the words were not meant for it; they count as a new request.
    PromptFailed,
    /// The notice is no longer in force; the answer counts as a new request.
    NoticeRetired,
    /// A newer confirmation stands.
    OlderThanConfirmation,
    /// The contact has stopped, and a form that anyone could fill in does not undo that.
    OpenFormAfterStop,
    /// The contact stopped after this request.
    RequestOlderThanStop,
    /// A suppression forbids prompts.
    Suppressed,
    /// A prompt for the same purposes is waiting for an answer.
    PromptAlive,
    /// Too many prompts in the last 24 hours.
    RateLimited,
    /// Consent is given already.
    AlreadyConfirmed,
    /// The typed "yes" could mean either of several prompts; the contact was asked which.
    SeveralPrompts,
    /// The policy does not offer the purpose in this language.
    NotOffered,
}

/// The prompt that an event belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptEvidence {
    /// The request that it asks about.
    pub request: RequestId,
    /// When it was made.
    pub prompted_at: Time,
    /// From when on a "yes" is no longer a grant.
    pub expires_at: Time,
    /// Keyed hash of Meta's message id, once Meta has accepted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageRef>,
    /// Meta's error code, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<u32>,
}

/// The contact's message that carries the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Keyed hash of its id.
    pub message: MessageRef,
    /// Keyed hash of the id of the message it replies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<MessageRef>,
}

/// The signed webhook that carried the event: the proof that Meta said so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryEvidence {
    /// The phone number id that it was sent to.
    pub sender: Option<SenderId>,
    /// The WhatsApp Business account.
    pub account: String,
    /// SHA-256 of the body that was signed, hex.
    pub body_sha256: String,
    /// When it was received.
    pub received_at: Time,
    /// Which of the accepted app secrets verified it, counted from the newest.
    pub verified_with: u8,
}

/// One event, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The event's id.
    pub event: EventId,
    /// Its place in the contact's chain, from 1.
    pub sequence: u64,
    /// What happened.
    pub kind: EvidenceKind,
    /// Whether it counted.
    pub validity: Validity,
    /// When it happened, as its source says.
    pub occurred_at: Time,
    /// When the ledger recorded it.
    pub recorded_at: Time,
    /// Who caused it.
    pub actor: Actor,
    /// Where it came from.
    pub source: Source,
    /// How the contact expressed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<Expression>,
    /// The purposes it is about; empty if about all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purposes: Vec<PurposeId>,
    /// The notices that were shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<NoticeVersion>,
    /// The language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
    /// The prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<PromptEvidence>,
    /// The contact's message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Reply>,
    /// The words that the contact typed, sealed under the contact's own key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_words: Option<String>,
    /// The campaigns whose message was on its way when the contact stopped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crossed: Vec<CampaignId>,
    /// The signed webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryEvidence>,
    /// The policy in force.
    pub policy: PolicyVersion,
}

impl Evidence {
    /// Whether the record demonstrates this grant of consent to the purpose.
    ///
    /// Art. 7(1) GDPR puts the proof on the controller, and EDPB Guidelines 05/2020 (§§104 to 108) say of what: that the person
    /// was asked, what they were told and under which rules, how and when they agreed, and that it was this person who did. So the
    /// record must hold the prompt with its times, the purpose and the notice that it showed, the contact's own answer, and the
    /// webhook that Meta signed.
    pub fn shows(&self, grant: &Grant, purpose: &PurposeId) -> bool {
        let agreed = self.event == grant.event
            && self.kind == EvidenceKind::Confirmed
            && self.validity == Validity::Counted
            && self.actor == Actor::Contact;
        let told = self.purposes.contains(purpose) && self.notices.contains(&grant.notice);
        let asked = self.prompt.as_ref().is_some_and(|prompt| {
            prompt.request == grant.request
                && prompt.prompted_at == grant.prompted_at
                && grant.replied_at < prompt.expires_at
        });
        let answered = match self.expression {
            Some(Expression::ButtonToken | Expression::ButtonLabel | Expression::TypedWord) => self.reply.is_some(),
            // Nobody confirms by a form.
            Some(Expression::Form) | None => false,
        };
        let delivered = self
            .delivery
            .as_ref()
            .is_some_and(|delivery| is_sha256(&delivery.body_sha256));
        agreed && told && asked && answered && delivered
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What the contact typed. It is never shown; it is sealed before it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct TypedWords(String);

impl TypedWords {
    /// The most that is kept of a message, in characters: enough for any word of consent.
    const KEPT: usize = 200;

    /// The words, cut to what can matter.
    pub fn new(text: &str) -> Self {
        Self(text.chars().take(Self::KEPT).collect())
    }

    /// The words, to be sealed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl EvidenceKind {
    /// Whether the contact stopped something with it, or may have.
    pub fn stops(self) -> bool {
        match self {
            Self::Declined
            | Self::NotMe
            | Self::Withdrawn
            | Self::Objected
            | Self::PlatformStop
            | Self::Held
            | Self::Invalidated
            | Self::Restricted => true,
            Self::Requested
            | Self::PromptSent
            | Self::PromptDelivered
            | Self::PromptFailed
            | Self::Confirmed
            | Self::PlatformResume
            | Self::Kept
            | Self::Unrestricted
            | Self::Rectified
            | Self::ErasureRefused => false,
        }
    }
}

impl fmt::Debug for TypedWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedWords([redacted])")
    }
}

/// An event on its way into the ledger: its words are not sealed yet, and it has no place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The record.
    pub evidence: Evidence,
    /// The words to seal into it.
    pub words: Option<TypedWords>,
}

/// The key that chains a ledger's evidence.
#[derive(Clone)]
pub struct ChainKey([u8; 32]);

impl ChainKey {
    /// The key made of these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for ChainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChainKey([redacted])")
    }
}

/// A link of the chain: a keyed hash over the contact, the link before and the record's exact text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Link([u8; 32]);

impl Link {
    /// What stands before the first record.
    pub const START: Self = Self([0; 32]);

    /// The link that this record makes after the one before.
    pub fn next(self, key: &ChainKey, contact: &ContactId, record: &str) -> Self {
        let mac = keyed(&key.0, "assent evidence v1")
            .chain_update(contact.as_bytes())
            .chain_update(self.0)
            .chain_update(record.as_bytes())
            .finalize();
        Self(mac.into_bytes().into())
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({self})")
    }
}

impl std::str::FromStr for Link {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, hex::FromHexError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)?;
        Ok(Self(bytes))
    }
}

impl Serialize for Link {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Link {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Where a contact's chain ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainHead {
    /// How many records there are.
    pub length: u64,
    /// The last link.
    pub link: Link,
}

impl Default for ChainHead {
    fn default() -> Self {
        Self {
            length: 0,
            link: Link::START,
        }
    }
}

/// A record as it is stored: the exact text that was hashed, and the links around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainedRecord {
    /// The [`Evidence`] as JSON, byte for byte what the link covers.
    pub record: String,
    /// The link before.
    pub previous: Link,
    /// The link that this record makes.
    pub link: Link,
}

impl ChainedRecord {
    /// Whether the contact's record is as it was written: its link follows from its text and from the link before.
    pub fn is_genuine(&self, key: &ChainKey, contact: &ContactId) -> bool {
        self.previous.next(key, contact, &self.record) == self.link
    }
}

impl ChainHead {
    /// Appends a record: gives it its sequence number, writes it, and moves the head.
    ///
    /// # Errors
    /// When the record cannot be written as JSON, which no record that this crate makes can bring about.
    pub fn append(
        &mut self,
        key: &ChainKey,
        contact: &ContactId,
        mut evidence: Evidence,
    ) -> Result<ChainedRecord, serde_json::Error> {
        evidence.sequence = self.length + 1;
        let record = serde_json::to_string(&evidence)?;
        let previous = self.link;
        let link = previous.next(key, contact, &record);
        *self = Self {
            length: evidence.sequence,
            link,
        };
        Ok(ChainedRecord { record, previous, link })
    }
}

/// What is left of a record once nothing may be kept of it but its place in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReducedRecord {
    /// Its place in the contact's chain, from 1.
    pub sequence: u64,
    /// The link before.
    pub previous: Link,
    /// The link that the record made. Without the record it is a keyed hash of something unknown.
    pub link: Link,
    /// The proof that whoever holds the chain's key reduced it: else a record could be hidden by calling it reduced.
    pub reduction: Link,
}

impl ReducedRecord {
    /// What is left of the record of that contact at that place, between these links.
    pub fn new(key: &ChainKey, contact: &ContactId, sequence: u64, previous: Link, link: Link) -> Self {
        let mac = keyed(&key.0, "assent reduced evidence v1")
            .chain_update(contact.as_bytes())
            .chain_update(sequence.to_be_bytes())
            .chain_update(previous.0)
            .chain_update(link.0)
            .finalize();
        Self {
            sequence,
            previous,
            link,
            reduction: Link(mac.into_bytes().into()),
        }
    }
}

/// A record of the chain, as much of it as is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chained {
    /// All of it.
    Whole(ChainedRecord),
    /// Its place in the chain.
    Reduced(ReducedRecord),
}

impl Chained {
    /// The link before.
    pub fn previous(&self) -> Link {
        match self {
            Self::Whole(record) => record.previous,
            Self::Reduced(record) => record.previous,
        }
    }

    /// The link that it makes, as it says.
    pub fn link(&self) -> Link {
        match self {
            Self::Whole(record) => record.link,
            Self::Reduced(record) => record.link,
        }
    }

    /// The link that it makes after the one before, if nobody changed it.
    fn verified(&self, key: &ChainKey, contact: &ContactId, before: Link) -> Option<Link> {
        let (link, is_genuine) = match self {
            Self::Whole(record) => (record.link, record.is_genuine(key, contact)),
            Self::Reduced(record) => (
                record.link,
                ReducedRecord::new(key, contact, record.sequence, record.previous, record.link) == *record,
            ),
        };
        (is_genuine && self.previous() == before).then_some(link)
    }
}

/// Whether these are all of the contact's records, unchanged and in the order in which they were chained.
pub fn is_intact(key: &ChainKey, contact: &ContactId, head: &ChainHead, records: &[Chained]) -> bool {
    let end = records
        .iter()
        .try_fold(Link::START, |link, record| record.verified(key, contact, link));
    u64::try_from(records.len()) == Ok(head.length) && end == Some(head.link)
}
