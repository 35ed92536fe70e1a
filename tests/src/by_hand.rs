//! Meta's JSON written by hand, for what the stand-in for Meta does not compose.

use serde_json::{Value, json};

use crate::{NUMBER, SENDER, WABA};

/// A delivery with one change.
pub fn delivery(field: &str, value: &Value) -> Value {
    delivery_for(WABA, field, value)
}

/// A delivery with one change, for that WhatsApp Business account.
pub fn delivery_for(account: &str, field: &str, value: &Value) -> Value {
    json!({"object": "whatsapp_business_account", "entry": [{"id": account, "changes": [{"field": field, "value": value}]}]})
}

/// A change's value with these members beside what every value has.
pub fn value(members: &Value) -> Value {
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": NUMBER, "phone_number_id": SENDER},
    });
    value
        .as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    value
}

/// A text message; `from` has no plus.
pub fn text(from: &str, id: &str, at: i64, body: &str) -> Value {
    json!({"from": from, "id": id, "timestamp": at.to_string(), "type": "text", "text": {"body": body}})
}
