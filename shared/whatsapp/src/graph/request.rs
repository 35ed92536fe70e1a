//! The JSON of a request to send, written for Meta and read back by a stand-in.

use identity::Identifiers;
use serde_json::{Value, json};

use super::GraphError;
use crate::json::{Field, read_object, record};
use crate::outbound::{Button, Buttons, InvalidOutbound, Outbound, PlainText, Template};
use crate::personal::{Callback, Payload, Text};

/// The body of a request. The number is used where it is known, since not every message can go to an id; the `+` keeps
/// Meta from putting the business's own country in front.
pub(super) fn body(to: &Identifiers, message: &Outbound, callback: &Callback) -> Value {
    let mut body = match message {
        Outbound::Template(template) => json!({"type": "template", "template": template_object(template)}),
        Outbound::Buttons(buttons) => json!({"type": "interactive", "interactive": interactive_object(buttons)}),
        Outbound::Text(text) => json!({"type": "text", "text": {"preview_url": false, "body": text.body().as_str()}}),
    };
    let (addressed, address) = match (to.phone(), to.bsuid()) {
        (Some(phone), _) => ("to", phone.e164()),
        (None, bsuid) => (
            "recipient",
            bsuid.map_or_else(String::new, |bsuid| bsuid.as_str().to_owned()),
        ),
    };
    if let Some(members) = body.as_object_mut() {
        members.insert("messaging_product".to_owned(), json!("whatsapp"));
        members.insert("recipient_type".to_owned(), json!("individual"));
        members.insert(addressed.to_owned(), json!(address));
        members.insert("biz_opaque_callback_data".to_owned(), json!(callback.as_str()));
    }
    body
}

fn template_object(template: &Template) -> Value {
    let mut components = Vec::new();
    if !template.body_parameters().is_empty() {
        let parameter = |text: &Text| json!({"type": "text", "text": text.as_str()});
        let parameters: Vec<_> = template.body_parameters().iter().map(parameter).collect();
        components.push(json!({"type": "body", "parameters": parameters}));
    }
    components.extend(template.quick_replies().iter().enumerate().map(|(index, payload)| {
        json!({
            "type": "button",
            "sub_type": "quick_reply",
            "index": index.to_string(),
            "parameters": [{"type": "payload", "payload": payload.as_str()}],
        })
    }));
    json!({
        "name": template.name().as_str(),
        "language": {"code": template.language().as_str()},
        "components": components,
    })
}

fn interactive_object(buttons: &Buttons) -> Value {
    let reply = |button: &Button| json!({"type": "reply", "reply": {"id": button.payload.as_str(), "title": button.title.as_str()}});
    json!({
        "type": "button",
        "body": {"text": buttons.body().as_str()},
        "action": {"buttons": buttons.buttons().iter().map(reply).collect::<Vec<_>>()},
    })
}

/// A request to send a message, as a stand-in for Meta reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMessage {
    /// Whom it is for.
    pub to: Identifiers,
    /// What it says.
    pub message: Outbound,
    /// What comes back with each status.
    pub callback: Option<Callback>,
}

record!(Request {
    messaging_product,
    to,
    recipient,
    #[serde(rename = "type")]
    kind,
    template,
    interactive,
    text,
    biz_opaque_callback_data,
});
record!(TemplateMembers {
    name,
    language,
    components
});
record!(LanguageMembers { code });
record!(Component {
    #[serde(rename = "type")]
    kind,
    sub_type,
    index,
    parameters,
});
record!(Parameter { text, payload });
record!(Interactive { body, action });
record!(Action { buttons });
record!(ButtonMembers { reply });
record!(Reply { id, title });
record!(TextMembers { body });
record!(InteractiveBody { text });

/// Meta's code for a request that is malformed.
const INVALID: GraphError = GraphError {
    code: Some(100),
    transient: false,
};
/// Meta's code for a value that is out of bounds.
const OUT_OF_BOUNDS: GraphError = GraphError {
    code: Some(131_009),
    transient: false,
};

impl From<InvalidOutbound> for GraphError {
    fn from(_: InvalidOutbound) -> Self {
        OUT_OF_BOUNDS
    }
}

impl SentMessage {
    /// Reads the body of a request to send, and refuses what Meta refuses.
    ///
    /// # Errors
    ///
    /// The error that Meta would answer with: 100 for a request that is malformed, 131009 for one that breaks a limit.
    pub fn from_request(body: &[u8]) -> Result<Self, GraphError> {
        let text = std::str::from_utf8(body).map_err(|_| INVALID)?;
        let request: Request<'_> = read_object(text.trim()).ok_or(INVALID)?;
        if request.messaging_product.text().as_deref() != Some("whatsapp") {
            return Err(INVALID);
        }
        let message = match request.kind.text().as_deref() {
            Some("template") => Outbound::Template(read_template(request.template)?),
            Some("interactive") => Outbound::Buttons(read_buttons(request.interactive)?),
            Some("text") | None => Outbound::Text(PlainText::new(read_text(request.text)?)?),
            Some(_) => return Err(INVALID),
        };
        let to = Identifiers::from_meta(request.to.text().as_deref(), None)
            .filter(|to| to.phone().is_some())
            .or_else(|| Identifiers::from_meta(None, request.recipient.text().as_deref()))
            .ok_or(INVALID)?;
        let callback = match request.biz_opaque_callback_data.text() {
            Some(text) => Some(Callback::new(text).map_err(|_| OUT_OF_BOUNDS)?),
            None => None,
        };
        Ok(Self { to, message, callback })
    }
}

fn read_text(field: Field<'_>) -> Result<Text, GraphError> {
    let members: TextMembers<'_> = field.object().ok_or(INVALID)?;
    members.body.text().map(Text::new).ok_or(INVALID)
}

fn read_buttons(field: Field<'_>) -> Result<Buttons, GraphError> {
    let interactive: Interactive<'_> = field.object().ok_or(INVALID)?;
    let body: InteractiveBody<'_> = interactive.body.object().ok_or(INVALID)?;
    let action: Action<'_> = interactive.action.object().ok_or(INVALID)?;
    let button = |element: Field<'_>| {
        let reply: Reply<'_> = element.object::<ButtonMembers<'_>>()?.reply.object()?;
        Some(Button {
            payload: Payload::new(reply.id.text()?),
            title: Text::new(reply.title.text()?),
        })
    };
    let buttons: Option<Vec<Button>> = action.buttons.list().ok_or(INVALID)?.into_iter().map(button).collect();
    Ok(Buttons::new(
        Text::new(body.text.text().ok_or(INVALID)?),
        buttons.ok_or(INVALID)?,
    )?)
}

fn read_template(field: Field<'_>) -> Result<Template, GraphError> {
    let template: TemplateMembers<'_> = field.object().ok_or(INVALID)?;
    let language: LanguageMembers<'_> = template.language.object().ok_or(INVALID)?;
    let (mut parameters, mut quick_replies) = (Vec::new(), Vec::new());
    for element in template.components.list().ok_or(INVALID)? {
        let component: Component<'_> = element.object().ok_or(INVALID)?;
        let values = component.parameters.list().ok_or(INVALID)?;
        match component.kind.text().as_deref() {
            Some("body") => parameters = read_parameters(&values, |p| p.text.text().map(Text::new))?,
            Some("button") if component.sub_type.text().as_deref() == Some("quick_reply") => {
                let index: usize = component.index.parse().ok_or(INVALID)?;
                let payloads = read_parameters(&values, |p| p.payload.text().map(Payload::new))?;
                quick_replies.extend(payloads.into_iter().map(|payload| (index, payload)));
            }
            _ => return Err(INVALID),
        }
    }
    quick_replies.sort_by_key(|(index, _)| *index);
    Ok(Template::new(
        template.name.parse().ok_or(INVALID)?,
        language.code.parse().ok_or(INVALID)?,
        parameters,
        quick_replies.into_iter().map(|(_, payload)| payload).collect(),
    )?)
}

fn read_parameters<T>(values: &[Field<'_>], read: impl Fn(Parameter<'_>) -> Option<T>) -> Result<Vec<T>, GraphError> {
    values
        .iter()
        .map(|value| value.object().and_then(&read).ok_or(INVALID))
        .collect()
}
