//! What a decision asks of Meta: the outbox holds it until Meta has it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::case::{Code, IdentityProof, PERIOD, PageLink, TAP_LIFE, end_of_months};
use crate::contact::Contact;
use crate::id::{
    CampaignId, CaseId, ContactId, ErasureId, EventId, Locale, OutgoingId, PurposeId, RequestId, SenderId,
};
use crate::policy::{Notice, Policy};
use crate::suppression::{HOLD, MessageClass};
use crate::time::{Span, Time};
use crate::token::{Action, Token, TokenKey, notice_prefix};

/// What a message is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum OutgoingKind {
    /// Asks for consent: step two of the double opt-in.
    Prompt {
        /// The request it is made for.
        request: RequestId,
    },
    /// Says what the contact has agreed to and how to stop.
    ConsentConfirmation {
        /// The purposes agreed to.
        purposes: Vec<PurposeId>,
    },
    /// Says that the contact was stopped.
    OptoutConfirmation,
    /// Asks whether the contact meant STOP.
    HoldQuestion {
        /// The question's own id, derived from the message that it asks about.
        question: RequestId,
        /// When that message was written.
        held_at: Time,
    },
    /// Asks which of several prompts a "yes" was meant for.
    WhichQuestion {
        /// The requests whose prompts are open.
        requests: Vec<RequestId>,
    },
    /// Says who is writing, how to stop and whom to ask.
    Help,
    /// Says that a demand about the contact's data was received, and asks whether it is theirs.
    RightsReceived {
        /// The case that it opens.
        case: CaseId,
        /// What has to show that it is theirs.
        proof: IdentityProof,
        /// When it was received.
        received_at: Time,
    },
    /// Tells the contact a code, by which they show elsewhere that a demand is theirs.
    IdentityCode {
        /// The case that it is for.
        case: CaseId,
        /// When it was asked for.
        sent_at: Time,
    },
    /// Says that a restriction is about to end (Art. 18(3) GDPR).
    RestrictionEnds {
        /// The case that it was demanded in.
        case: CaseId,
    },
}

impl OutgoingKind {
    /// What it is as far as suppressions care.
    pub fn class(&self) -> MessageClass {
        match self {
            Self::Prompt { .. } | Self::WhichQuestion { .. } => MessageClass::Prompt,
            Self::ConsentConfirmation { .. } => MessageClass::ConsentConfirmation,
            Self::OptoutConfirmation => MessageClass::OptoutConfirmation,
            Self::HoldQuestion { .. } | Self::Help => MessageClass::ServiceReply,
            Self::RightsReceived { .. } | Self::IdentityCode { .. } | Self::RestrictionEnds { .. } => {
                MessageClass::PrivacyNotice
            }
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Prompt { .. } => "prompt",
            Self::ConsentConfirmation { .. } => "consent_confirmation",
            Self::OptoutConfirmation => "optout_confirmation",
            Self::HoldQuestion { .. } => "hold_question",
            Self::WhichQuestion { .. } => "which_question",
            Self::Help => "help",
            Self::RightsReceived { .. } => "rights_received",
            Self::IdentityCode { .. } => "identity_code",
            Self::RestrictionEnds { .. } => "restriction_ends",
        }
    }
}

/// A message that waits to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Its id, derived from what caused it, so that the same cause never sends twice.
    pub id: OutgoingId,
    /// What it is for.
    #[serde(flatten)]
    pub kind: OutgoingKind,
    /// Its language.
    pub locale: Locale,
    /// The sender it goes out from.
    pub sender: SenderId,
    /// When it was decided.
    pub created_at: Time,
    /// From when on it must not go out any more.
    pub expires_at: Time,
}

/// How long Meta is asked to forget somebody before it is given up.
const FORGETTING: Span = Span::days(30);

/// A deletion from Meta's contact book that waits to be asked for: the part of an erasure that only Meta can carry out
/// (Art. 17 and 19 GDPR). It is no message. Nobody receives it, no suppression forbids it, and it stands beside a contact
/// that is no longer there, so it names the erasure and not the contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForgetContact {
    erasure: ErasureId,
    sender: SenderId,
    expires_at: Time,
}

impl ForgetContact {
    /// The deletion that is a part of this erasure, asked for in the name of one of the business's numbers.
    pub fn new(erasure: ErasureId, sender: SenderId, now: Time) -> Self {
        Self {
            erasure,
            sender,
            expires_at: now + FORGETTING,
        }
    }

    /// Its place in the outbox, of which each erasure has one.
    pub fn id(&self) -> OutgoingId {
        OutgoingId::from_bytes(derived("forget_contact", self.erasure.as_bytes()))
    }

    /// The erasure that it is a part of.
    pub fn erasure(&self) -> &ErasureId {
        &self.erasure
    }

    /// The sender in whose name Meta is asked.
    pub fn sender(&self) -> &SenderId {
        &self.sender
    }

    /// From when on Meta is not asked any more.
    pub fn expires_at(&self) -> Time {
        self.expires_at
    }
}

/// The id of the message of that kind that this cause sends.
pub(crate) fn outgoing_id(kind: &OutgoingKind, cause: &[u8]) -> OutgoingId {
    OutgoingId::from_bytes(derived(kind.name(), cause))
}

/// The id of the step of a case that follows from an event.
pub(crate) fn step_id(event: &EventId) -> OutgoingId {
    OutgoingId::from_bytes(derived("case_step", event.as_bytes()))
}

/// The id of the message that tells a contact that the restriction of a case is about to end, given the event that says so.
pub fn restriction_ends_id(case: CaseId, event: &EventId) -> OutgoingId {
    outgoing_id(&OutgoingKind::RestrictionEnds { case }, event.as_bytes())
}

/// The id of the request, or question, that an event makes.
pub fn request_id(event: &EventId) -> RequestId {
    RequestId::from_bytes(derived("request", event.as_bytes()))
}

/// The id of the case that an event opens.
pub fn case_id(event: &EventId) -> CaseId {
    CaseId::from_bytes(derived("case", event.as_bytes()))
}

/// What the token of a case's question names.
pub(crate) fn question_of(case: &CaseId) -> RequestId {
    RequestId::from_bytes(*case.as_bytes())
}

fn derived(what: &str, cause: &[u8]) -> [u8; 16] {
    let digest = Sha256::new()
        .chain_update(what)
        .chain_update([0])
        .chain_update(cause)
        .finalize();
    let mut id = [0; 16];
    id.iter_mut().zip(digest).for_each(|(slot, byte)| *slot = byte);
    id
}

/// Why a message that was decided is not sent after all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Unsendable {
    /// Its time has run out.
    #[error("the message expired before it could be sent")]
    Expired,
    /// A suppression forbids it.
    #[error("a suppression forbids the message")]
    Suppressed,
    /// The contact stopped, answered or was prompted again since.
    #[error("the question it asks is no longer open")]
    Superseded,
    /// The contact has not written within 24 hours, and there is no template for it.
    #[error("the 24 hours after the contact's last message are over")]
    WindowClosed,
    /// The policy in force no longer has what the message shows.
    #[error("the policy no longer has the texts for the message")]
    NotInPolicy,
}

/// A message with its words, ready for Meta.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rendered {
    /// A template, for use at any time.
    Template {
        /// The template's name.
        name: String,
        /// Its language, as Meta names it.
        language: String,
        /// The values of the body's placeholders.
        parameters: Vec<String>,
        /// The payloads of its quick-reply buttons, in the order of the template.
        payloads: Vec<String>,
    },
    /// Text with reply buttons, inside the 24 hours.
    Buttons {
        /// The text.
        body: String,
        /// Payload and label of each button.
        buttons: Vec<(String, String)>,
    },
    /// Text, inside the 24 hours.
    Text {
        /// The text.
        body: String,
    },
}

impl Outgoing {
    /// The words of the message, if it may still go out: suppressions and stops are looked at once more.
    ///
    /// # Errors
    /// [`Unsendable`] with the reason why it may not.
    pub fn render(
        &self,
        contact: &Contact,
        policy: &Policy,
        key: &TokenKey,
        now: Time,
    ) -> Result<Rendered, Unsendable> {
        if now >= self.expires_at {
            return Err(Unsendable::Expired);
        }
        if !contact.is_reachable(self.kind.class(), now) {
            return Err(Unsendable::Suppressed);
        }
        let in_window = contact.window_is_open(now);
        let texts = policy.texts(&self.locale);
        let plain = |body: &str| Ok(Rendered::Text { body: body.to_owned() });
        match &self.kind {
            OutgoingKind::Prompt { request } => self.render_prompt(*request, contact, policy, key, now, in_window),
            _ if !in_window => Err(Unsendable::WindowClosed),
            OutgoingKind::ConsentConfirmation { purposes } => {
                let labels: Vec<_> = purposes
                    .iter()
                    .filter_map(|purpose| policy.purpose(purpose))
                    .map(|purpose| purpose.label(&self.locale))
                    .collect();
                Ok(Rendered::Text {
                    body: texts.consent_confirmation(&labels),
                })
            }
            OutgoingKind::OptoutConfirmation => plain(texts.optout_confirmation()),
            OutgoingKind::Help => plain(texts.help()),
            OutgoingKind::RestrictionEnds { .. } => plain(texts.restriction_ends()),
            OutgoingKind::IdentityCode { case, sent_at } => {
                let code = Code::of(case, *sent_at, key);
                let link = PageLink {
                    case: *case,
                    sent_at: *sent_at,
                };
                let link = format!("{}/cases/{}", policy.rights().page_url(), link.encode(key));
                plain(&texts.identity_code(code.expose(), &link))
            }
            OutgoingKind::RightsReceived {
                case,
                proof,
                received_at,
            } => {
                let action = match proof {
                    IdentityProof::None | IdentityProof::Tap => Action::ItIsMe,
                    IdentityProof::Code => Action::ItIsMeWithCode,
                };
                let token = Token {
                    action,
                    contact: contact.id,
                    request: question_of(case),
                    prompted_at: *received_at,
                    expires_at: *received_at + TAP_LIFE,
                    notices: vec![],
                };
                let received = texts.rights_received();
                Ok(Rendered::Buttons {
                    body: received.body(&due_day(*received_at, policy)),
                    buttons: vec![(token.encode(key), received.it_is_me().to_owned())],
                })
            }
            OutgoingKind::HoldQuestion { question, held_at } => {
                let payload = |action| {
                    Token {
                        action,
                        contact: contact.id,
                        request: *question,
                        prompted_at: *held_at,
                        expires_at: *held_at + HOLD,
                        notices: vec![],
                    }
                    .encode(key)
                };
                let question = texts.hold_question();
                Ok(Rendered::Buttons {
                    body: question.body().to_owned(),
                    buttons: vec![
                        (payload(Action::Stop), question.stop().to_owned()),
                        (payload(Action::Keep), question.keep().to_owned()),
                    ],
                })
            }
            OutgoingKind::WhichQuestion { requests } => {
                let buttons: Vec<_> = requests
                    .iter()
                    .filter_map(|request| {
                        let token = prompt_token(*request, Action::Confirm, contact, now)?;
                        let prompt = contact.prompts.get(request)?;
                        let first = policy.purpose(prompt.notices.keys().next()?)?;
                        Some((token.encode(key), first.label(&prompt.locale).to_owned()))
                    })
                    .collect();
                if buttons.is_empty() {
                    return Err(Unsendable::Superseded);
                }
                Ok(Rendered::Buttons {
                    body: texts.which_question().to_owned(),
                    buttons,
                })
            }
        }
    }

    fn render_prompt(
        &self,
        request: RequestId,
        contact: &Contact,
        policy: &Policy,
        key: &TokenKey,
        now: Time,
        in_window: bool,
    ) -> Result<Rendered, Unsendable> {
        let prompt = contact.prompts.get(&request).ok_or(Unsendable::Superseded)?;
        let still_asked = prompt.notices.keys().any(|purpose| {
            let stop = contact.stop(purpose, policy, now);
            stop.is_none_or(|stop| prompt.at > stop.at)
                && contact
                    .purposes
                    .get(purpose)
                    .is_some_and(|registers| registers.request_after(stop.as_ref()).is_some())
        });
        let payload = |action| {
            prompt_token(request, action, contact, now)
                .map(|token| token.encode(key))
                .ok_or(Unsendable::Superseded)
        };
        if !still_asked {
            return Err(Unsendable::Superseded);
        }
        let template = policy.prompt(&prompt.locale, now).ok_or(Unsendable::NotInPolicy)?;
        let notices: Vec<&Notice> = prompt
            .notices
            .values()
            .filter_map(|version| policy.notice_version(version))
            .collect();
        if notices.len() != prompt.notices.len() || !notices.iter().all(|notice| notice.is_active(now)) {
            return Err(Unsendable::NotInPolicy);
        }
        let payloads = [
            payload(Action::Confirm)?,
            payload(Action::Decline)?,
            payload(Action::NotMe)?,
        ];
        if !in_window {
            return Ok(Rendered::Template {
                name: template.name().to_owned(),
                language: template.language().to_string(),
                parameters: template.parameters(&notices),
                payloads: payloads.into(),
            });
        }
        let labels = [
            template.buttons().confirm(),
            template.buttons().no(),
            template.buttons().not_me(),
        ];
        Ok(Rendered::Buttons {
            body: template.body(&notices),
            buttons: payloads.into_iter().zip(labels.map(str::to_owned)).collect(),
        })
    }
}

/// The day by which a demand that was received then is answered.
fn due_day(received_at: Time, policy: &Policy) -> String {
    // The day ends where the controller is; twelve hours before, it is that day in UTC as well, or nearly so everywhere.
    let due = (end_of_months(received_at, PERIOD, policy.controller()) - Span::hours(12)).to_string();
    let (day, _) = due.split_once('T').unwrap_or((&due, ""));
    day.to_owned()
}

fn prompt_token(request: RequestId, action: Action, contact: &Contact, now: Time) -> Option<Token> {
    let prompt = contact
        .prompts
        .get(&request)
        .filter(|prompt| prompt.can_be_answered(now))?;
    Some(Token {
        action,
        contact: contact.id,
        request,
        prompted_at: prompt.at,
        expires_at: prompt.expires_at,
        notices: prompt.notices.values().map(notice_prefix).collect(),
    })
}

/// What a message carries through Meta and back on every status: which message it was. It holds nothing personal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reference {
    /// A prompt, whose statuses are part of the proof.
    Prompt(OutgoingId),
    /// Any other message of the outbox, whose statuses change nothing.
    Other(OutgoingId),
    /// A message of a campaign that the gate let go, sent by the tool that runs the campaign.
    Send {
        /// Whom it went to.
        contact: ContactId,
        /// The campaign.
        campaign: CampaignId,
    },
}

impl Reference {
    /// The reference that a status brought back; none if the message is neither the outbox's nor one that the gate let go.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once('.')?;
        match kind {
            "prompt" => rest.parse().ok().map(Self::Prompt),
            "message" => rest.parse().ok().map(Self::Other),
            "send" => {
                // No id has a dot in it.
                let (contact, campaign) = rest.split_once('.')?;
                Some(Self::Send {
                    contact: contact.parse().ok()?,
                    campaign: campaign.parse().ok()?,
                })
            }
            _ => None,
        }
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Prompt(id) => write!(f, "prompt.{id}"),
            Self::Other(id) => write!(f, "message.{id}"),
            Self::Send { contact, campaign } => write!(f, "send.{contact}.{campaign}"),
        }
    }
}

impl Outgoing {
    /// The message's reference.
    pub fn reference(&self) -> Reference {
        match self.kind {
            OutgoingKind::Prompt { .. } => Reference::Prompt(self.id),
            OutgoingKind::ConsentConfirmation { .. }
            | OutgoingKind::OptoutConfirmation
            | OutgoingKind::HoldQuestion { .. }
            | OutgoingKind::WhichQuestion { .. }
            | OutgoingKind::Help
            | OutgoingKind::RightsReceived { .. }
            | OutgoingKind::IdentityCode { .. }
            | OutgoingKind::RestrictionEnds { .. } => Reference::Other(self.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn references() -> impl Strategy<Value = Reference> {
        let outgoing = || any::<[u8; 16]>().prop_map(OutgoingId::from_bytes);
        prop_oneof![
            outgoing().prop_map(Reference::Prompt),
            outgoing().prop_map(Reference::Other),
            (any::<[u8; 16]>(), "[a-z0-9][a-z0-9_-]{0,63}").prop_map(|(contact, campaign)| Reference::Send {
                contact: ContactId::from_bytes(contact),
                campaign: campaign.parse().unwrap(),
            }),
        ]
    }

    proptest! {
        #[test]
        fn a_reference_comes_back_as_it_went(reference in references()) {
            prop_assert_eq!(Reference::parse(&reference.to_string()), Some(reference));
        }

        #[test]
        fn what_another_program_attached_is_no_reference(text in r"(send|prompt|message)?[.]?[a-zA-Z0-9._-]{0,100}") {
            let read = Reference::parse(&text);
            prop_assert!(read.is_none_or(|reference| reference.to_string() == text));
        }
    }

    #[test]
    fn a_reference_to_a_send_names_a_contact_and_a_campaign() {
        let contact = "0b".repeat(16);
        assert!(Reference::parse(&format!("send.{contact}.summer-sale_2")).is_some());
        for foreign in [
            format!("send.{contact}"),
            format!("send.{contact}."),
            format!("send.{contact}.summer.sale"),
            format!("send.{contact}.Summer"),
            format!("send..{contact}"),
            format!("sent.{contact}.summer-sale"),
        ] {
            assert_eq!(Reference::parse(&foreign), None, "{foreign}");
        }
    }
}
