//! What a contact wrote or tapped.

use std::borrow::Cow;

use identity::Identifiers;

use super::contacts::{Contacts, named};
use super::key::EventKey;
use super::{Ignored, Item, Origin, Read, Reason, Why, identity_change};
use crate::json::{Field, record};
use crate::names::{PhoneNumberId, Term, WabaId};
use crate::personal::{IdentityKeyHash, MessageId, Payload, Text};

/// A message from a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundMessage {
    /// The account it was written to.
    pub waba: Option<WabaId>,
    /// The business's number it was written to.
    pub sender: Option<PhoneNumberId>,
    /// Who wrote it.
    pub from: Identifiers,
    /// What it is called.
    pub id: MessageId,
    /// When it was written, in seconds since 1970. `None`, if the delivery has no time that can be read; it counts as
    /// received now.
    pub at: Option<i64>,
    /// The field it came in.
    pub via: Via,
    /// The message that it answers, where the contact quoted one or tapped its button.
    pub reply_to: Option<MessageId>,
    /// Whose words these are.
    pub authored: Authored,
    /// The contact's identity key, where the business asked Meta to watch it.
    pub identity_key: Option<IdentityKeyHash>,
    /// What it says.
    pub content: Content,
}

impl InboundMessage {
    /// What makes the message unique. It is the same in whichever field the message comes.
    pub fn key(&self) -> EventKey {
        EventKey::of(&["message", self.id.as_str()])
    }
}

/// The field that a message came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Via {
    /// The business's app holds the conversation.
    Messages,
    /// Somebody else does, and the app is told.
    Standby,
}

/// Whose words a message holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Authored {
    /// The contact wrote them in this message.
    Own,
    /// The contact passed on what somebody wrote elsewhere.
    Forwarded,
    /// The contact replaced an earlier message with them.
    Edited,
}

/// What a message says, as far as it can matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Words.
    Text(Text),
    /// A tap on something that was offered.
    Tap(Tap),
    /// The words beneath a picture, a video or a document.
    Caption(Text),
    /// An emoji on a message.
    Reaction,
    /// Anything else: its type in Meta's words, followed by the inner type where there is one.
    Other {
        /// Such as `sticker` or `interactive.nfm_reply`.
        kind: Term,
    },
}

/// A tap on a template's quick reply, on a reply button or on an entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tap {
    /// What the sender put behind it. Where a quick reply was sent without one, Meta puts its label here.
    pub payload: Payload,
    /// What was written on it.
    pub label: Text,
}

record!(Message {
    from,
    from_user_id,
    group_id,
    id,
    timestamp,
    #[serde(rename = "type")]
    kind,
    context,
    text,
    button,
    interactive,
    image,
    video,
    document,
    reaction,
    edit,
    system,
});
record!(Context {
    id,
    forwarded,
    frequently_forwarded
});
record!(Body { body });
record!(Media { caption });
record!(Button { payload, text });
record!(Interactive {
    #[serde(rename = "type")]
    kind,
    button_reply,
    list_reply,
});
record!(Reply { id, title });
record!(Edit { message });

/// Reads one message. `author` wrote it, should it name nobody itself.
pub(super) fn read(
    origin: &Origin,
    contacts: &Contacts,
    author: Option<&Identifiers>,
    via: Via,
    element: Field<'_>,
) -> Read {
    let message: Message<'_> = element.object().ok_or(Reason::NotAnObject)?;
    if message.group_id.filled().is_some() {
        return Ok(Item::Ignored(Ignored {
            field: origin.field.clone(),
            why: Why::Group,
        }));
    }
    let named = named(message.from, message.from_user_id);
    let id = message.id.filled().map(MessageId::new);
    let kind = kind(&message);
    if kind == "system" {
        let notice = identity_change::Notice {
            from: named,
            id,
            at: message.timestamp.parse(),
        };
        return notice.read(origin, contacts, message.system);
    }
    let person = contacts.complete(named.or_else(|| author.cloned()).ok_or(Reason::NobodyNamed)?);
    let context: Context<'_> = message.context.object_or_empty();
    let (authored, content) = content(&message, &kind, &context)?;
    Ok(Item::Message(Box::new(InboundMessage {
        waba: origin.waba.clone(),
        sender: origin.sender.clone(),
        from: person.who,
        id: id.ok_or(Reason::NoId)?,
        at: message.timestamp.parse(),
        via,
        reply_to: context.id.filled().map(MessageId::new),
        authored,
        identity_key: person.identity_key,
        content,
    })))
}

/// The type of a message; where none is given, what it holds tells.
fn kind<'a>(message: &Message<'a>) -> Cow<'a, str> {
    if let Some(kind) = message.kind.filled() {
        return kind;
    }
    let held = [
        ("text", message.text),
        ("button", message.button),
        ("interactive", message.interactive),
        ("system", message.system),
        ("edit", message.edit),
    ];
    held.iter()
        .find(|(_, member)| !member.is_absent())
        .map_or("none", |(kind, _)| kind)
        .into()
}

fn content(message: &Message<'_>, kind: &str, context: &Context<'_>) -> Read<(Authored, Content)> {
    if kind == "edit" {
        let edit: Edit<'_> = message.edit.object_or_empty();
        return Ok((Authored::Edited, edited(&edit.message.object_or_empty())));
    }
    let forwarded = context.forwarded.is_true() || context.frequently_forwarded.is_true();
    let authored = if forwarded { Authored::Forwarded } else { Authored::Own };
    Ok((authored, said(message, kind)?))
}

/// What a message says after it was edited. Nothing but words can be edited.
fn edited(message: &Message<'_>) -> Content {
    match said(message, &kind(message)) {
        Ok(words @ (Content::Text(_) | Content::Caption(_))) => words,
        _ => other("edit"),
    }
}

fn said(message: &Message<'_>, kind: &str) -> Read<Content> {
    match kind {
        "text" => {
            let text: Body<'_> = message.text.object_or_empty();
            text.body
                .text()
                .map(Text::new)
                .map(Content::Text)
                .ok_or(Reason::NoContent)
        }
        "button" => {
            let button: Button<'_> = message.button.object_or_empty();
            tap(button.payload, button.text)
        }
        "interactive" => interactive(message.interactive.object().ok_or(Reason::NoContent)?),
        "image" => Ok(caption(message.image, kind)),
        "video" => Ok(caption(message.video, kind)),
        "document" => Ok(caption(message.document, kind)),
        "reaction" => Ok(Content::Reaction),
        _ => Ok(other(kind)),
    }
}

fn interactive(interactive: Interactive<'_>) -> Read<Content> {
    let kind = interactive.kind.text().unwrap_or_default();
    let reply = match &*kind {
        "button_reply" => interactive.button_reply,
        "list_reply" => interactive.list_reply,
        _ => return Ok(other(&format!("interactive.{kind}"))),
    };
    let reply: Reply<'_> = reply.object_or_empty();
    tap(reply.id, reply.title)
}

fn tap(payload: Field<'_>, label: Field<'_>) -> Read<Content> {
    let label = label.text().unwrap_or_default();
    let payload = payload.filled().unwrap_or_else(|| label.clone());
    if payload.is_empty() {
        return Err(Reason::NoContent);
    }
    Ok(Content::Tap(Tap {
        payload: Payload::new(payload),
        label: Text::new(label),
    }))
}

fn caption(media: Field<'_>, kind: &str) -> Content {
    let media: Media<'_> = media.object_or_empty();
    media
        .caption
        .filled()
        .map_or_else(|| other(kind), |caption| Content::Caption(Text::new(caption)))
}

fn other(kind: &str) -> Content {
    Content::Other { kind: Term::of(kind) }
}
