//! From words to a message in Meta's terms.

use consent::outgoing::{Outgoing, Rendered};
use whatsapp::{
    Button, Buttons, Callback, InvalidCallback, InvalidName, InvalidOutbound, Outbound, Payload, PhoneNumberId,
    PlainText, Template, Text,
};

/// A message that Meta would refuse whenever it was sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    #[error(transparent)]
    Name(#[from] InvalidName),
    #[error(transparent)]
    Outbound(#[from] InvalidOutbound),
    #[error(transparent)]
    Callback(#[from] InvalidCallback),
}

/// All that the Graph API is told, but for whom the message goes to.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) sender: PhoneNumberId,
    pub(crate) message: Outbound,
    pub(crate) callback: Callback,
}

impl Ready {
    pub(crate) fn new(outgoing: &Outgoing, words: Rendered) -> Result<Self, Unfit> {
        Ok(Self {
            sender: outgoing.sender.as_str().parse()?,
            message: outbound(words)?,
            callback: Callback::new(outgoing.reference().to_string())?,
        })
    }
}

fn outbound(words: Rendered) -> Result<Outbound, Unfit> {
    Ok(match words {
        Rendered::Template {
            name,
            language,
            parameters,
            payloads,
        } => Outbound::Template(Template::new(
            name.parse()?,
            language.parse()?,
            parameters.into_iter().map(Text::new).collect(),
            payloads.into_iter().map(Payload::new).collect(),
        )?),
        Rendered::Buttons { body, buttons } => {
            let buttons = buttons.into_iter().map(|(payload, title)| Button {
                payload: Payload::new(payload),
                title: Text::new(title),
            });
            Outbound::Buttons(Buttons::new(Text::new(body), buttons.collect())?)
        }
        Rendered::Text { body } => Outbound::Text(PlainText::new(Text::new(body))?),
    })
}
