//! Whatever stands in a delivery, it never stops the reading and never takes a neighbour with it.
#![cfg(test)]

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use whatsapp::delivery::{Content, Delivery, Item, NotADelivery, parse};
use whatsapp::{AppSecret, sign, verify};

fn read(body: &[u8]) -> Result<Delivery, NotADelivery> {
    let secrets = [AppSecret::new("a secret of the tests").unwrap()];
    let header = sign(body, &secrets[0]);
    parse(&verify(body, Some(header.as_bytes()), &secrets).unwrap())
}

fn text(body: &str) -> Value {
    json!({"from": "4915112345678", "id": format!("wamid.{body}"), "timestamp": "1795430000", "type": "text", "text": {"body": body}})
}

fn change(messages: &[Value]) -> Value {
    let metadata = json!({"phone_number_id": "106540352242922"});
    json!({"field": "messages", "value": {"metadata": metadata, "messages": messages}})
}

fn entry(changes: &[Value]) -> Value {
    json!({"id": "102290129340398", "changes": changes})
}

fn delivery(entries: &[Value]) -> Vec<u8> {
    json!({"object": "whatsapp_business_account", "entry": entries})
        .to_string()
        .into_bytes()
}

/// The texts of the delivery in their order.
fn texts(items: &[Item]) -> Vec<&str> {
    let mut texts = Vec::new();
    for item in items {
        if let Item::Message(message) = item
            && let Content::Text(text) = &message.content
            && text.as_str().starts_with("good")
        {
            texts.push(text.as_str());
        }
    }
    texts
}

/// Any JSON, grown around the names that Meta uses.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "text",
            "button",
            "system",
            "edit",
            "interactive",
            "4915112345678",
            "DE.1",
            "0"
        ])
        .prop_map(Value::from),
    ];
    let name = prop::sample::select(vec![
        "id",
        "from",
        "from_user_id",
        "type",
        "timestamp",
        "text",
        "body",
        "button",
        "payload",
        "interactive",
        "system",
        "edit",
        "message",
        "context",
        "errors",
        "code",
        "statuses",
        "messages",
        "contacts",
        "wa_id",
        "user_id",
        "metadata",
        "standby",
        "value",
        "field",
        "changes",
        "image",
        "caption",
        "group_id",
        "status",
    ]);
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(name.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Replaces one of all the values in `json`, counted in the order of writing.
fn mutate(json: &mut Value, index: &mut usize, by: &Value) {
    if *index == 0 {
        *json = by.clone();
    }
    *index = index.wrapping_sub(1);
    match json {
        Value::Array(elements) => elements.iter_mut().for_each(|element| mutate(element, index, by)),
        Value::Object(members) => members.values_mut().for_each(|member| mutate(member, index, by)),
        _ => {}
    }
}

fn full_message() -> Value {
    json!({
        "from": "4915112345678", "from_user_id": "DE.1", "id": "wamid.X", "timestamp": "1", "type": "interactive",
        "context": {"id": "wamid.Y", "forwarded": false},
        "interactive": {"type": "button_reply", "button_reply": {"id": "c:1", "title": "Ja"}},
        "system": {"type": "user_changed_number", "wa_id": "4915187654321"},
        "edit": {"message": {"type": "text", "text": {"body": "x"}}},
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_read_or_refused(body in any::<Vec<u8>>()) {
        let _ = read(&body);
    }

    #[test]
    fn any_json_in_any_place_leaves_the_neighbours_alone(odd in any_json()) {
        let good = || change(&[text("good 0")]);
        let in_list = read(&delivery(&[entry(&[change(&[text("good 1"), odd.clone(), text("good 2")])])])).unwrap();
        prop_assert_eq!(texts(&in_list.items), ["good 1", "good 2"]);
        let as_change = read(&delivery(&[entry(&[good(), odd.clone(), good()])])).unwrap();
        prop_assert_eq!(texts(&as_change.items), ["good 0", "good 0"]);
        let as_value = json!({"field": "messages", "value": odd});
        let as_value = read(&delivery(&[entry(&[good(), as_value, good()])])).unwrap();
        prop_assert_eq!(texts(&as_value.items), ["good 0", "good 0"]);
        let as_entry = read(&delivery(&[entry(&[good()]), odd.clone(), entry(&[good()])])).unwrap();
        prop_assert_eq!(texts(&as_entry.items), ["good 0", "good 0"]);
        let _ = read(odd.to_string().as_bytes());
    }

    #[test]
    fn a_message_broken_anywhere_leaves_its_neighbours_alone(mut index in 0_usize..30, by in any_json()) {
        let mut broken = full_message();
        mutate(&mut broken, &mut index, &by);
        let read = read(&delivery(&[entry(&[change(&[text("good 1"), broken, text("good 2")])])])).unwrap();
        prop_assert_eq!(texts(&read.items), ["good 1", "good 2"]);
        prop_assert_eq!(read.items.len(), 3, "each message is one item, whatever became of it");
    }

    #[test]
    fn whatever_stands_beside_the_messages_they_are_read(
        member in prop::sample::select(vec!["metadata", "contacts", "statuses", "errors", "standby", "message_echoes"]),
        odd in any_json(),
    ) {
        let mut change = change(&[text("good 1"), text("good 2")]);
        change["value"][member] = odd;
        let read = read(&delivery(&[entry(&[change])])).unwrap();
        prop_assert_eq!(texts(&read.items), ["good 1", "good 2"]);
    }

    #[test]
    fn a_delivery_cut_or_changed_at_any_byte_is_read_or_refused(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = delivery(&[entry(&[change(&[full_message()])])]);
        let _ = read(&body[..at.index(body.len())]);
        let at = at.index(body.len());
        body[at] = byte;
        let _ = read(&body);
    }
}
