//! Meta's side, for stand-ins and tests: deliveries as Meta writes them, and answers as the Graph API gives them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::{Identifiers, PhoneNumber};
use serde_json::{Map, Value, json};

use crate::delivery::{BanState, Category, Limit, NumberEvent, Quality, RestrictionKind, TemplateStatus};
pub use crate::delivery::{PreferenceValue, StatusState};
use crate::graph::template_id;
pub use crate::graph::{
    SentMessage, acceptance, account_answer, apps_answer, deletion, number_answer, refusal, subscription_answer,
    template_answer,
};
use crate::names::{BusinessNumber, Language, PhoneNumberId, TemplateName, WabaId};
use crate::personal::{Callback, MessageId, Payload, Text};

/// The business that deliveries go to.
#[derive(Debug, Clone)]
pub struct Business {
    /// Its account.
    pub waba: WabaId,
    /// The id of its number.
    pub sender: PhoneNumberId,
    /// Its number.
    pub number: BusinessNumber,
}

/// What all messages from a contact have in common.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// Who writes.
    pub from: Identifiers,
    /// What the message is called.
    pub id: MessageId,
    /// When, in seconds since 1970.
    pub at: i64,
    /// The message it answers.
    pub reply_to: Option<MessageId>,
}

/// One change of a delivery.
#[derive(Debug, Clone)]
pub struct Change(Value);

/// One change to an account, a number or a template. Unlike one in a conversation it has no time of its own.
#[derive(Debug, Clone)]
pub struct Notice {
    field: &'static str,
    value: Map<String, Value>,
}

impl Business {
    /// The body of a delivery that holds these changes, with everything but ASCII escaped as on Meta's wire.
    pub fn delivery(&self, changes: impl IntoIterator<Item = Change>) -> Vec<u8> {
        let changes: Vec<Value> = changes.into_iter().map(|Change(change)| change).collect();
        body(&json!({"id": self.waba.as_str(), "changes": changes}))
    }

    /// The body of a delivery that holds these notices, all of one time in seconds since 1970.
    pub fn notices(&self, at: i64, notices: impl IntoIterator<Item = Notice>) -> Vec<u8> {
        let change = |notice: Notice| json!({"field": notice.field, "value": notice.value});
        let changes: Vec<Value> = notices.into_iter().map(change).collect();
        body(&json!({"id": self.waba.as_str(), "time": at, "changes": changes}))
    }

    /// A contact writes a text.
    pub fn text(&self, envelope: &Envelope, body: &Text) -> Change {
        self.message(envelope, "text", json!({"body": body.as_str()}))
    }

    /// A contact taps a quick reply of a template.
    pub fn template_tap(&self, envelope: &Envelope, payload: &Payload, label: &Text) -> Change {
        self.message(
            envelope,
            "button",
            json!({"payload": payload.as_str(), "text": label.as_str()}),
        )
    }

    /// A contact taps a button under a text.
    pub fn button_tap(&self, envelope: &Envelope, payload: &Payload, label: &Text) -> Change {
        let reply = json!({"id": payload.as_str(), "title": label.as_str()});
        self.message(
            envelope,
            "interactive",
            json!({"type": "button_reply", "button_reply": reply}),
        )
    }

    /// A message has come so far; if it failed, with these codes.
    pub fn status(
        &self,
        message: &MessageId,
        recipient: &Identifiers,
        state: &StatusState,
        at: i64,
        callback: Option<&Callback>,
        codes: &[u32],
    ) -> Change {
        let mut status = Map::new();
        status.insert("id".to_owned(), json!(message.as_str()));
        status.insert("status".to_owned(), json!(state.as_str()));
        status.insert("timestamp".to_owned(), json!(at.to_string()));
        insert_person(&mut status, recipient, "recipient_id", "recipient_user_id");
        if let Some(callback) = callback {
            status.insert("biz_opaque_callback_data".to_owned(), json!(callback.as_str()));
        }
        if !codes.is_empty() {
            let error = |code: &u32| json!({"code": code, "title": "refused", "message": "refused"});
            status.insert("errors".to_owned(), codes.iter().map(error).collect());
        }
        self.change("messages", [("statuses", json!([status]))])
    }

    /// A contact stops or resumes marketing messages in WhatsApp's settings.
    pub fn preference(&self, from: &Identifiers, value: &PreferenceValue, at: i64) -> Change {
        let mut preference = Map::new();
        insert_person(&mut preference, from, "wa_id", "user_id");
        preference.insert("category".to_owned(), json!("marketing_messages"));
        preference.insert("value".to_owned(), json!(value.as_str()));
        preference.insert("timestamp".to_owned(), json!(at));
        let members = [
            ("contacts", json!([contact(from)])),
            ("user_preferences", json!([preference])),
        ];
        self.change("user_preferences", members)
    }

    /// A contact goes by another number from now on. The envelope is from the old one.
    pub fn number_change(&self, envelope: &Envelope, new: &Identifiers) -> Change {
        let mut system = Map::new();
        system.insert("type".to_owned(), json!("user_changed_number"));
        insert_person(&mut system, new, "wa_id", "user_id");
        if let Some(bsuid) = envelope.from.bsuid() {
            system.insert("previous_user_id".to_owned(), json!(bsuid.as_str()));
        }
        let mut message = message(envelope, "system", Value::Object(system));
        message.remove("from_user_id");
        self.change("messages", [("messages", json!([message]))])
    }

    fn message(&self, envelope: &Envelope, kind: &str, content: Value) -> Change {
        let mut message = message(envelope, kind, content);
        if let Some(quoted) = &envelope.reply_to {
            message.insert(
                "context".to_owned(),
                json!({"from": self.number.as_str(), "id": quoted.as_str()}),
            );
        }
        self.change(
            "messages",
            [
                ("contacts", json!([contact(&envelope.from)])),
                ("messages", json!([message])),
            ],
        )
    }

    fn change<const N: usize>(&self, field: &str, members: [(&str, Value); N]) -> Change {
        let mut value = Map::new();
        value.insert("messaging_product".to_owned(), json!("whatsapp"));
        let metadata = json!({"display_phone_number": self.number.as_str(), "phone_number_id": self.sender.as_str()});
        value.insert("metadata".to_owned(), metadata);
        value.extend(members.map(|(name, member)| (name.to_owned(), member)));
        Change(json!({"field": field, "value": value}))
    }
}

impl Notice {
    /// Something happened to one of the business's numbers, from which so many people may be written to first.
    pub fn number(number: &BusinessNumber, event: &NumberEvent, limit: &Limit) -> Self {
        let members = [
            ("display_phone_number", json!(number)),
            ("event", json!(event)),
            ("max_daily_conversations_per_business", json!(limit.tier())),
        ];
        Self::of("phone_number_quality_update", members)
    }

    /// So many people may be written to first from now on.
    pub fn limit(limit: &Limit) -> Self {
        let members = [("max_daily_conversations_per_business", json!(limit.tier()))];
        Self::of("business_capability_update", members)
    }

    /// The account is banned, about to be, or no longer.
    pub fn ban(state: &BanState) -> Self {
        let ban = json!({"waba_ban_state": state, "waba_ban_date": "November 23, 2025"});
        let members = [("event", json!("DISABLED_UPDATE")), ("ban_info", ban)];
        Self::of("account_update", members)
    }

    /// The account may not do something until then, in seconds since 1970.
    pub fn restriction(kind: &RestrictionKind, until: i64) -> Self {
        let restriction = json!({"restriction_type": kind, "expiration": until});
        let members = [
            ("event", json!("ACCOUNT_RESTRICTION")),
            ("restriction_info", json!([restriction])),
        ];
        Self::of("account_update", members)
    }

    /// The state of a template is another one.
    pub fn template_status(
        name: &TemplateName,
        language: &Language,
        status: &TemplateStatus,
        category: Option<&Category>,
    ) -> Self {
        let members = [
            ("event", json!(status)),
            ("reason", json!("NONE")),
            ("message_template_category", json!(category)),
        ];
        Self::of("message_template_status_update", members).about(name, language)
    }

    /// Contacts take a template otherwise than before.
    pub fn template_quality(name: &TemplateName, language: &Language, before: Option<&Quality>, now: &Quality) -> Self {
        let members = [
            ("previous_quality_score", json!(before)),
            ("new_quality_score", json!(now)),
        ];
        Self::of("message_template_quality_update", members).about(name, language)
    }

    /// Meta put a template into another category than before.
    pub fn template_category(
        name: &TemplateName,
        language: &Language,
        before: Option<&Category>,
        now: &Category,
    ) -> Self {
        let members = [("previous_category", json!(before)), ("new_category", json!(now))];
        Self::of("template_category_update", members).about(name, language)
    }

    fn of<const N: usize>(field: &'static str, members: [(&str, Value); N]) -> Self {
        Self {
            field,
            value: members
                .map(|(name, member)| (name.to_owned(), member))
                .into_iter()
                .collect(),
        }
    }

    fn about(mut self, name: &TemplateName, language: &Language) -> Self {
        self.value.extend([
            ("message_template_id".to_owned(), json!(template_id(name, language))),
            ("message_template_name".to_owned(), json!(name)),
            ("message_template_language".to_owned(), json!(language)),
        ]);
        self
    }
}

fn body(entry: &Value) -> Vec<u8> {
    let body = json!({"object": "whatsapp_business_account", "entry": [entry]});
    ascii(&body.to_string()).into_bytes()
}

fn message(envelope: &Envelope, kind: &str, content: Value) -> Map<String, Value> {
    let mut message = Map::new();
    insert_person(&mut message, &envelope.from, "from", "from_user_id");
    message.insert("id".to_owned(), json!(envelope.id.as_str()));
    message.insert("timestamp".to_owned(), json!(envelope.at.to_string()));
    message.insert("type".to_owned(), json!(kind));
    message.insert(kind.to_owned(), content);
    message
}

fn contact(who: &Identifiers) -> Value {
    let mut contact = Map::new();
    contact.insert("profile".to_owned(), json!({"name": "Local contact"}));
    insert_person(&mut contact, who, "wa_id", "user_id");
    Value::Object(contact)
}

fn insert_person(object: &mut Map<String, Value>, who: &Identifiers, phone_name: &str, bsuid_name: &str) {
    object.extend(who.phone().map(|phone| (phone_name.to_owned(), json!(phone.digits()))));
    object.extend(who.bsuid().map(|bsuid| (bsuid_name.to_owned(), json!(bsuid.as_str()))));
}

/// The same JSON in ASCII. A compact text of JSON has other characters only within strings.
fn ascii(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for unit in json.encode_utf16() {
        match u8::try_from(unit) {
            Ok(b'/') => escaped.push_str("\\/"),
            Ok(ascii) if ascii.is_ascii() => escaped.push(char::from(ascii)),
            _ => escaped.push_str(&format!("\\u{unit:04x}")),
        }
    }
    escaped
}

/// An id as Meta makes them for a message to or from this number, which it holds in base64; unique as far as `unique` is.
pub fn message_id(number: Option<&PhoneNumber>, unique: [u8; 10]) -> MessageId {
    let digits = number.map_or("", PhoneNumber::digits);
    let length = u8::try_from(digits.len()).unwrap_or_default();
    let mut bytes = vec![0x1c, 0x18, length];
    bytes.extend_from_slice(digits.as_bytes());
    bytes.extend_from_slice(&[0x15, 0x02, 0x00, 0x12, 0x18, 0x14]);
    bytes.extend_from_slice(hex::encode_upper(unique).as_bytes());
    bytes.push(0);
    MessageId::new(format!("wamid.{}", STANDARD.encode(bytes)))
}
