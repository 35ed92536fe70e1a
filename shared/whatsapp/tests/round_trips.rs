//! What a stand-in for Meta says is read as it was meant.
#![cfg(test)]

use identity::Identifiers;
use proptest::prelude::*;
use whatsapp::compose::{Business, Change, Envelope, message_id};
use whatsapp::delivery::{Authored, Content, IdentityChangeKind, Item, PreferenceValue, StatusState, parse};
use whatsapp::{AppSecret, Callback, MessageId, Payload, Text, sign, verify};

fn business() -> Business {
    Business {
        waba: "102290129340398".parse().unwrap(),
        sender: "106540352242922".parse().unwrap(),
        number: "4930123456".parse().unwrap(),
    }
}

fn items(changes: Vec<Change>) -> Vec<Item> {
    let secrets = [AppSecret::new("a secret of the tests").unwrap()];
    let body = business().delivery(changes);
    assert!(body.is_ascii(), "Meta escapes everything else");
    let header = sign(&body, &secrets[0]);
    parse(&verify(&body, Some(header.as_bytes()), &secrets).unwrap())
        .unwrap()
        .items
}

fn item(change: Change) -> Item {
    let [item] = <[Item; 1]>::try_from(items(vec![change])).unwrap();
    item
}

fn person() -> impl Strategy<Value = Identifiers> {
    (
        prop::option::of("[1-9][0-9]{6,14}"),
        prop::option::of("[A-Z]{2}\\.[0-9]{1,30}"),
    )
        .prop_filter_map("nobody", |(phone, bsuid)| {
            Identifiers::from_meta(phone.as_deref(), bsuid.as_deref())
        })
}

fn envelope() -> impl Strategy<Value = Envelope> {
    (
        person(),
        "[!-~]{1,40}",
        0..4_000_000_000_i64,
        prop::option::of("[!-~]{1,40}"),
    )
        .prop_map(|(from, id, at, quoted)| Envelope {
            from,
            id: MessageId::new(id),
            at,
            reply_to: quoted.map(MessageId::new),
        })
}

proptest! {
    #[test]
    fn a_text(envelope in envelope(), body in any::<String>()) {
        let body = Text::new(body);
        let Item::Message(message) = item(business().text(&envelope, &body)) else { panic!("no message") };
        prop_assert_eq!(&message.from, &envelope.from);
        prop_assert_eq!(&message.id, &envelope.id);
        prop_assert_eq!(message.at, Some(envelope.at));
        prop_assert_eq!(&message.reply_to, &envelope.reply_to);
        prop_assert_eq!(message.waba, Some(business().waba));
        prop_assert_eq!(message.sender, Some(business().sender));
        prop_assert_eq!(message.authored, Authored::Own);
        prop_assert_eq!(message.content, Content::Text(body));
    }

    #[test]
    fn a_tap_of_either_kind(envelope in envelope(), payload in ".{1,256}", label in ".{1,20}") {
        let (payload, label) = (Payload::new(payload), Text::new(label));
        for change in [
            business().template_tap(&envelope, &payload, &label),
            business().button_tap(&envelope, &payload, &label),
        ] {
            let Item::Message(message) = item(change) else { panic!("no message") };
            prop_assert_eq!(&message.from, &envelope.from);
            let Content::Tap(tap) = message.content else { panic!("no tap") };
            prop_assert_eq!((&tap.payload, &tap.label), (&payload, &label));
        }
    }

    #[test]
    fn a_status(
        to in person(),
        state in prop::sample::select(vec![StatusState::Sent, StatusState::Delivered, StatusState::Read, StatusState::Failed]),
        codes in prop::collection::vec(any::<u32>(), 0..3),
        callback in prop::option::of(".{1,512}"),
    ) {
        let (id, callback) = (message_id(to.phone(), [3; 10]), callback.map(|text| Callback::new(text).unwrap()));
        let Item::Status(status) = item(business().status(&id, &to, &state, 7, callback.as_ref(), &codes)) else {
            panic!("no status")
        };
        prop_assert_eq!((status.message, status.recipient, status.state), (id, Some(to), state));
        prop_assert_eq!((status.callback, status.at), (callback, Some(7)));
        prop_assert_eq!(status.errors.iter().filter_map(|error| error.code).collect::<Vec<_>>(), codes);
    }

    #[test]
    fn a_preference(from in person(), stop in any::<bool>(), at in 0..4_000_000_000_i64) {
        let value = if stop { PreferenceValue::Stop } else { PreferenceValue::Resume };
        let Item::Preference(read) = item(business().preference(&from, &value, at)) else { panic!("no preference") };
        prop_assert_eq!((read.from, read.value, read.at), (from, value, Some(at)));
    }

    #[test]
    fn a_change_of_number(mut envelope in envelope(), old in "[1-9][0-9]{6,14}", new in "1[0-9]{6,14}") {
        let new = Identifiers::from_meta(Some(&new), Some("XX.1")).unwrap();
        envelope.from = Identifiers::from_meta(Some(&old), envelope.from.bsuid().map(|bsuid| bsuid.as_str())).unwrap();
        let Item::IdentityChange(change) = item(business().number_change(&envelope, &new)) else { panic!("no change") };
        prop_assert_eq!(change.kind, IdentityChangeKind::NumberChanged);
        prop_assert_eq!((change.old, change.new), (Some(envelope.from), Some(new)));
    }

    #[test]
    fn a_batch_is_read_in_the_order_it_was_written(envelope in envelope(), bodies in prop::collection::vec(any::<String>(), 0..20)) {
        let changes = bodies.iter().map(|body| business().text(&envelope, &Text::new(body.as_str()))).collect();
        let read: Vec<_> = items(changes)
            .into_iter()
            .map(|item| match item {
                Item::Message(message) => match message.content {
                    Content::Text(text) => text.as_str().to_owned(),
                    _ => panic!("no text"),
                },
                _ => panic!("no message"),
            })
            .collect();
        prop_assert_eq!(read, bodies);
    }
}

#[test]
fn a_message_id_holds_the_number_in_base64_as_metas_do() {
    let ada = Identifiers::from_meta(Some("16505551234"), None).unwrap();
    let id = message_id(ada.phone(), [0xab; 10]);
    assert!(
        id.as_str().starts_with("wamid.HBgLMTY1MDU1NTEyMzQVAgASGBR"),
        "{}",
        id.as_str()
    );
    assert_ne!(id, message_id(ada.phone(), [0xac; 10]));
}
