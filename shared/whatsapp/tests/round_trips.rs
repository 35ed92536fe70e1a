//! What a stand-in for Meta says is read as it was meant.
#![cfg(test)]

use identity::Identifiers;
use proptest::prelude::*;
use whatsapp::compose::{Business, Change, Envelope, Notice, message_id};
use whatsapp::delivery::{
    AccountChange, AccountEvent, Authored, BanState, Category, Content, IdentityChangeKind, Item, Limit, NumberEvent,
    PreferenceValue, Quality, Restriction, RestrictionKind, StatusState, TemplateChange, TemplateEvent, TemplateStatus,
    parse,
};
use whatsapp::{AppSecret, Callback, Language, MessageId, Payload, TemplateName, Text, sign, verify};

fn business() -> Business {
    Business {
        waba: "102290129340398".parse().unwrap(),
        sender: "106540352242922".parse().unwrap(),
        number: "4930123456".parse().unwrap(),
    }
}

fn items(changes: Vec<Change>) -> Vec<Item> {
    read(&business().delivery(changes))
}

fn read(body: &[u8]) -> Vec<Item> {
    let secrets = [AppSecret::new("a secret of the tests").unwrap()];
    assert!(body.is_ascii(), "Meta escapes everything else");
    let header = sign(body, &secrets[0]);
    parse(&verify(body, Some(header.as_bytes()), &secrets).unwrap())
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

const AT: i64 = 1_763_890_200;

fn account_event(notice: Notice) -> AccountEvent {
    let [Item::Account(event)] = <[Item; 1]>::try_from(read(&business().notices(AT, [notice]))).unwrap() else {
        panic!("no event of an account")
    };
    assert_eq!((&event.waba, event.at), (&Some(business().waba), Some(AT)));
    *event
}

fn template_event(notice: Notice) -> TemplateEvent {
    let [Item::Template(event)] = <[Item; 1]>::try_from(read(&business().notices(AT, [notice]))).unwrap() else {
        panic!("no event of a template")
    };
    let (name, language) = template();
    assert_eq!((&event.waba, event.at), (&Some(business().waba), Some(AT)));
    assert_eq!((&event.name, &event.language), (&Some(name), &Some(language)));
    assert!(event.id.unwrap() > u64::from(u32::MAX), "Meta's ids are that long");
    *event
}

fn template() -> (TemplateName, Language) {
    ("advent_offer".parse().unwrap(), "de".parse().unwrap())
}

#[test]
fn a_notice_about_a_number_names_it_as_it_is_displayed() {
    let limit = Limit::People(2_000);
    let event = account_event(Notice::number(&business().number, &NumberEvent::Flagged, &limit));
    assert_eq!(event.number, Some(business().number));
    assert_eq!(
        event.change,
        AccountChange::Number {
            event: NumberEvent::Flagged,
            limit: Some(limit)
        }
    );
}

#[test]
fn a_notice_about_the_account() {
    for state in [BanState::Disabled, BanState::Reinstated, BanState::Scheduled] {
        assert_eq!(
            account_event(Notice::ban(&state)).change,
            AccountChange::Banned { state }
        );
    }
    let kind = RestrictionKind::BusinessInitiated;
    let restrictions = vec![Restriction {
        kind: kind.clone(),
        until: Some(AT + 60),
    }];
    assert_eq!(
        account_event(Notice::restriction(&kind, AT + 60)).change,
        AccountChange::Restricted { restrictions }
    );
}

#[test]
fn a_notice_about_a_template() {
    let (name, language) = template();
    let (paused, marketing) = (TemplateStatus::Paused, Category::Marketing);
    let status = Notice::template_status(&name, &language, &paused, Some(&marketing));
    assert_eq!(
        template_event(status).change,
        TemplateChange::Status {
            status: paused,
            category: Some(Category::Marketing),
            reason: None
        }
    );
    let quality = Notice::template_quality(&name, &language, Some(&Quality::Green), &Quality::Red);
    assert_eq!(
        template_event(quality).change,
        TemplateChange::Quality {
            previous: Some(Quality::Green),
            now: Quality::Red
        }
    );
    let category = Notice::template_category(&name, &language, Some(&Category::Utility), &marketing);
    assert_eq!(
        template_event(category).change,
        TemplateChange::Category {
            previous: Some(Category::Utility),
            now: Some(Category::Marketing),
            announced: None
        }
    );
}

proptest! {
    #[test]
    fn a_messaging_limit_is_read_as_it_was_written(people in any::<u32>()) {
        for limit in [Limit::People(people), Limit::Unlimited] {
            prop_assert_eq!(&Limit::of(&limit.tier()), &limit);
            let change = account_event(Notice::limit(&limit)).change;
            prop_assert_eq!(change, AccountChange::Capability { limit: Some(limit) });
        }
    }
}
