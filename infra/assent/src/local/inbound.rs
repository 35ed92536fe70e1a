//! Speaking as a contact: what they write or tap, as Meta would deliver it.

use consent::time::Time;
use identity::{Bsuid, Identifiers, PhoneNumber, random_bytes};
use serde::Deserialize;
use whatsapp::compose::{Business, Envelope, message_id};
use whatsapp::{MessageId, Payload, Text};

use crate::meta::Meta;

/// What a contact does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Inbound {
    /// Who does it.
    from: Sender,
    /// What they write.
    text: Option<String>,
    /// What they tap.
    tap: Option<Tap>,
    /// When; now, if it is not said.
    timestamp: Option<Timestamp>,
    /// The message that they reply to, by its id in the list of what they received.
    reply_to: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sender {
    phone: Option<String>,
    bsuid: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tap {
    /// The message that holds the button, by its id in the list of what the contact received.
    message: String,
    /// Which of its buttons, counted from 0.
    button: usize,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Timestamp {
    Seconds(i64),
    Text(Time),
}

/// Why nobody can do that.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidInbound {
    /// Nobody does it.
    #[error("from: {0}")]
    From(String),
    /// It is neither words nor a tap, or both.
    #[error("give either `text` or `tap`")]
    Nothing,
    /// There is no such message.
    #[error("tap.message: no message with that id was sent to anybody; see GET /_local/outbound")]
    NoMessage,
    /// It has no such button.
    #[error("tap.button: the message has {0} buttons, counted from 0")]
    NoButton(usize),
    /// The system has no randomness for a message id.
    #[error(transparent)]
    NoEntropy(#[from] identity::NoEntropy),
}

impl Inbound {
    /// When it happened, if that was said.
    pub(super) fn at(&self) -> Option<i64> {
        self.timestamp.map(|timestamp| match timestamp {
            Timestamp::Seconds(seconds) => seconds,
            Timestamp::Text(time) => time.unix_seconds(),
        })
    }

    /// The body of Meta's delivery, not signed yet, and the id of the message in it.
    ///
    /// # Errors
    /// [`InvalidInbound`] says what is missing or wrong.
    pub(super) fn delivery(
        &self,
        business: &Business,
        meta: &Meta,
        at: i64,
    ) -> Result<(Vec<u8>, MessageId), InvalidInbound> {
        let from = self.from.identifiers()?;
        meta.saw(&from);
        let id = message_id(from.phone(), random_bytes()?);
        let reply_to = self
            .reply_to
            .as_deref()
            .or(self.tap.as_ref().map(|tap| tap.message.as_str()));
        let envelope = Envelope {
            from,
            id: id.clone(),
            at,
            reply_to: reply_to.map(MessageId::new),
        };
        let change = match (&self.text, &self.tap) {
            (Some(text), None) => business.text(&envelope, &Text::new(text.as_str())),
            (None, Some(tap)) => {
                let sent = meta.message(&tap.message).ok_or(InvalidInbound::NoMessage)?;
                let button = sent
                    .buttons
                    .get(tap.button)
                    .ok_or(InvalidInbound::NoButton(sent.buttons.len()))?;
                let (payload, label) = (Payload::new(button.payload.as_str()), Text::new(button.label.as_str()));
                if sent.is_template() {
                    business.template_tap(&envelope, &payload, &label)
                } else {
                    business.button_tap(&envelope, &payload, &label)
                }
            }
            _ => return Err(InvalidInbound::Nothing),
        };
        Ok((business.delivery([change]), id))
    }
}

impl Sender {
    fn identifiers(&self) -> Result<Identifiers, InvalidInbound> {
        let invalid = |error: &dyn std::fmt::Display| InvalidInbound::From(error.to_string());
        let phone = self
            .phone
            .as_deref()
            .map(PhoneNumber::parse)
            .transpose()
            .map_err(|error| invalid(&error))?;
        let bsuid = self
            .bsuid
            .as_deref()
            .map(Bsuid::parse)
            .transpose()
            .map_err(|error| invalid(&error))?;
        Identifiers::new(phone, bsuid).map_err(|error| invalid(&error))
    }
}
