//! What a delivery says.
//!
//! A delivery is a batch, and Meta repeats the whole batch until it is answered, so one item that cannot be read must
//! never hold up its neighbours: each is read by itself, and what cannot be read is one more kind of item.

mod account;
mod contacts;
mod conversation;
mod identity_change;
mod key;
mod message;
mod preference;
mod status;
mod template;

use crate::graph::GraphError;
use crate::json::{Field, read_object, record};
use crate::names::{PhoneNumberId, Term, WabaId};
use crate::personal::RawItem;
use crate::signature::Signed;

pub use self::account::{AccountChange, AccountEvent, BanState, Limit, NumberEvent, Restriction, RestrictionKind};
pub use self::identity_change::{IdentityChange, IdentityChangeKind};
pub use self::key::EventKey;
pub use self::message::{Authored, Content, InboundMessage, Tap, Via};
pub use self::preference::{Preference, PreferenceValue};
pub use self::status::{Status, StatusState};
pub use self::template::{Category, Quality, TemplateChange, TemplateEvent, TemplateStatus};

/// All that one webhook request says.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The items in the order in which they stand in the body.
    pub items: Vec<Item>,
    /// The SHA-256 of the body.
    pub body_sha256: [u8; 32],
    /// The position of the app secret that the body was signed with, in the list given to [`crate::verify`].
    pub verified_with: usize,
}

/// One thing that a delivery says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Somebody wrote to the business.
    Message(Box<InboundMessage>),
    /// Something became of a message that the business sent.
    Status(Box<Status>),
    /// Somebody stopped or resumed marketing messages in WhatsApp's own settings.
    Preference(Box<Preference>),
    /// Somebody goes by another number or id, or may be somebody else.
    IdentityChange(Box<IdentityChange>),
    /// Something changed about the business's account or one of its numbers.
    Account(Box<AccountEvent>),
    /// Something changed about a message template.
    Template(Box<TemplateEvent>),
    /// Meta could not deliver something it meant to deliver here.
    ValueError(ValueError),
    /// Something that never changes a contact, and why.
    Ignored(Ignored),
    /// Something that could not be read.
    Unreadable(Unreadable),
}

/// An error that Meta reports about a webhook itself, not about a message that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueError {
    /// The account.
    pub waba: Option<WabaId>,
    /// The business's number.
    pub sender: Option<PhoneNumberId>,
    /// What went wrong.
    pub error: GraphError,
}

impl ValueError {
    /// Whether a message of a contact may be lost for good, a stop among them: 131035 (the webhook could not be delivered
    /// in time) and 131036 (it cannot be repeated), both for numbers whose messages Meta does not store.
    pub fn may_hide_a_stop(&self) -> bool {
        matches!(self.error.code, Some(131_035 | 131_036))
    }
}

/// Something that never changes a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// The field it came in.
    pub field: Term,
    /// Why it is ignored.
    pub why: Why,
}

/// Why something is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// Messages from before the number was connected, up to months old.
    History,
    /// Written by the business itself, elsewhere.
    Echo,
    /// Said in a group.
    Group,
    /// The address book of the business's phone.
    AppStateSync,
    /// A conversation passed between people, agents and apps.
    Handover,
    /// A button in the app's dashboard made it up.
    TestDelivery,
    /// About a call.
    Call,
    /// About the health of a flow.
    Flow,
    /// A notice in a chat that is none of the known changes of identity.
    System,
    /// A field that this version does not know.
    UnknownField,
}

/// Something that could not be read. It says nothing of its content but in [`Unreadable::raw`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The field it came in; `unknown` where the delivery does not get that far.
    pub field: Term,
    /// What is wrong with it.
    pub reason: Reason,
    /// The JSON of the item.
    pub raw: RawItem,
}

/// Why something could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Reason {
    /// It is something else than an object, or an object that names a member twice.
    #[error("not an object")]
    NotAnObject,
    /// It is something else than a list.
    #[error("not a list")]
    NotAList,
    /// It does not say what it is about.
    #[error("no field is named")]
    NoField,
    /// It names no person.
    #[error("nobody is named")]
    NobodyNamed,
    /// It has no id, so that a repetition could not be told from a new one.
    #[error("no id")]
    NoId,
    /// It says of itself that it is a text or a tap, and holds none.
    #[error("no content")]
    NoContent,
}

/// A signed body that is no delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotADelivery {
    /// It is no JSON object.
    #[error("the body is not a JSON object")]
    NotJson,
    /// It is about something else than WhatsApp.
    #[error("the body is about another object than whatsapp_business_account")]
    OtherObject,
}

/// What surrounds an item: whom it was delivered to.
#[derive(Clone)]
struct Origin {
    waba: Option<WabaId>,
    sender: Option<PhoneNumberId>,
    field: Term,
}

/// The outcome of reading one element: an item, or what is wrong with the element.
type Read<T = Item> = Result<T, Reason>;

record!(Envelope { object, entry });
record!(Entry { id, time, changes });
record!(Change { field, value });

/// Reads a delivery. A member that is missing, `null` or of another type than it should be costs at most the item it is
/// part of.
///
/// # Errors
///
/// [`NotADelivery`], if the body as a whole is something else.
pub fn parse(signed: &Signed<'_>) -> Result<Delivery, NotADelivery> {
    let body = std::str::from_utf8(signed.body()).map_err(|_| NotADelivery::NotJson)?;
    let envelope: Envelope<'_> = read_object(body.trim()).ok_or(NotADelivery::NotJson)?;
    match envelope.object.text().as_deref() {
        Some("whatsapp_business_account") => {}
        // Some of Meta's examples misplace the object; what has entries and names no other object is taken for WhatsApp's.
        None if !envelope.entry.is_absent() => {}
        _ => return Err(NotADelivery::OtherObject),
    }
    let mut items = Items(Vec::new());
    items.each(&Term::of(""), envelope.entry, entry);
    Ok(Delivery {
        items: items.0,
        body_sha256: *signed.sha256(),
        verified_with: signed.secret(),
    })
}

fn entry(items: &mut Items, element: Field<'_>) -> Read<()> {
    let entry: Entry<'_> = element.object().ok_or(Reason::NotAnObject)?;
    items.each(&Term::of(""), entry.changes, |items, element| {
        change(items, &entry, element)
    });
    Ok(())
}

fn change(items: &mut Items, entry: &Entry<'_>, element: Field<'_>) -> Read<()> {
    let change: Change<'_> = element.object().ok_or(Reason::NotAnObject)?;
    let field = change.field.filled().ok_or(Reason::NoField)?;
    let origin = Origin {
        waba: entry.id.parse(),
        sender: None,
        field: Term::of(&field),
    };
    if is_test(entry) {
        items.ignore(&origin.field, Why::TestDelivery);
    } else if let Err(reason) = dispatch(items, &field, &origin, entry.time, change.value) {
        items.set_aside(&origin.field, element, reason);
    }
    Ok(())
}

/// Reads a change by the name of its field alone. What its value holds decides nothing: `history` holds messages too.
fn dispatch(items: &mut Items, field: &str, origin: &Origin, time: Field<'_>, value: Field<'_>) -> Read<()> {
    match field {
        "messages" => conversation::messages(items, origin, value),
        "standby" => conversation::standby(items, origin, value),
        "user_preferences" => conversation::user_preferences(items, origin, value),
        "user_id_update" => conversation::user_id_update(items, origin, value),
        "account_alerts"
        | "account_review_update"
        | "account_update"
        | "business_capability_update"
        | "phone_number_name_update"
        | "phone_number_quality_update"
        | "security" => {
            items.push(Item::Account(account::read(origin, time, value)?.into()));
            Ok(())
        }
        "message_template_components_update"
        | "message_template_quality_update"
        | "message_template_status_update"
        | "template_category_update" => {
            items.push(Item::Template(template::read(origin, time, value)?.into()));
            Ok(())
        }
        other => {
            items.ignore(&origin.field, why_ignored(other));
            Ok(())
        }
    }
}

/// The dashboard's test button delivers canned data for an account with the id 0.
fn is_test(entry: &Entry<'_>) -> bool {
    entry.id.text().as_deref() == Some("0")
}

fn why_ignored(field: &str) -> Why {
    match field {
        "history" => Why::History,
        "message_echoes" | "smb_message_echoes" => Why::Echo,
        "smb_app_state_sync" => Why::AppStateSync,
        "messaging_handovers" => Why::Handover,
        "calls" => Why::Call,
        "flows" => Why::Flow,
        _ if field.starts_with("group_") => Why::Group,
        _ => Why::UnknownField,
    }
}

/// The items read so far.
struct Items(Vec<Item>);

impl Items {
    fn push(&mut self, item: Item) {
        self.0.push(item);
    }

    fn ignore(&mut self, field: &Term, why: Why) {
        self.push(Item::Ignored(Ignored {
            field: field.clone(),
            why,
        }));
    }

    /// Reads each element of a list by itself, and sets aside the list or the element that cannot be read.
    fn each<'a>(&mut self, field: &Term, list: Field<'a>, mut read: impl FnMut(&mut Self, Field<'a>) -> Read<()>) {
        match list.list() {
            Some(elements) => {
                for element in elements {
                    if let Err(reason) = read(self, element) {
                        self.set_aside(field, element, reason);
                    }
                }
            }
            None => self.set_aside(field, list, Reason::NotAList),
        }
    }

    fn set_aside(&mut self, field: &Term, element: Field<'_>, reason: Reason) {
        self.push(Item::Unreadable(Unreadable {
            field: field.clone(),
            reason,
            raw: RawItem::new(element.json()),
        }));
    }
}
