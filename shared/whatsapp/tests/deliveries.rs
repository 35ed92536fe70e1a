//! What is read from the shapes that Meta's pages and its users' captures show.
#![cfg(test)]

use identity::Identifiers;
use serde_json::{Value, json};
use whatsapp::delivery::{
    AccountChange, Authored, BanState, Category, Content, Delivery, IdentityChangeKind, Item, Limit, NotADelivery,
    NumberEvent, PreferenceValue, Quality, Reason, RestrictionKind, StatusState, TemplateChange, TemplateStatus, Via,
    Why, parse,
};
use whatsapp::graph::Consequence;
use whatsapp::{AppSecret, sign, verify};

const PHONE: &str = "4915112345678";
const BSUID: &str = "DE.7201449983120557";
const AT: i64 = 1_795_430_000;

fn read(body: &[u8]) -> Result<Delivery, NotADelivery> {
    let secrets = [AppSecret::new("a secret of the tests").unwrap()];
    let header = sign(body, &secrets[0]);
    parse(&verify(body, Some(header.as_bytes()), &secrets).unwrap())
}

fn items(body: &Value) -> Vec<Item> {
    read(body.to_string().as_bytes()).unwrap().items
}

fn only(items: Vec<Item>) -> Item {
    let [item] = <[Item; 1]>::try_from(items).unwrap();
    item
}

fn change(field: &str, value: &Value) -> Value {
    json!({
        "object": "whatsapp_business_account",
        "entry": [{"id": "102290129340398", "time": AT, "changes": [{"value": value, "field": field}]}],
    })
}

fn value(members: &Value) -> Value {
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "4930123456", "phone_number_id": "106540352242922"},
        "contacts": [{"profile": {"name": "Ada"}, "wa_id": PHONE, "user_id": BSUID}],
    });
    value
        .as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    value
}

/// A message of a type, with what makes it up.
fn message(kind: &str, members: &Value) -> Value {
    let mut message = json!({"from": PHONE, "id": "wamid.IN", "timestamp": AT.to_string(), "type": kind});
    message
        .as_object_mut()
        .unwrap()
        .extend(members.as_object().unwrap().clone());
    message
}

fn text(body: &str) -> Value {
    message("text", &json!({"text": {"body": body}}))
}

fn messages(messages: &[Value]) -> Vec<Item> {
    items(&change("messages", &value(&json!({"messages": messages}))))
}

fn content(kind: &str, members: &Value) -> Content {
    let Item::Message(message) = only(messages(&[message(kind, members)])) else {
        panic!("no message")
    };
    message.content
}

fn both() -> Identifiers {
    Identifiers::from_meta(Some(PHONE), Some(BSUID)).unwrap()
}

fn only_bsuid() -> Identifiers {
    Identifiers::from_meta(None, Some(BSUID)).unwrap()
}

fn said(item: &Item) -> &str {
    match item {
        Item::Message(message) => match &message.content {
            Content::Text(text) | Content::Caption(text) => text.as_str(),
            Content::Tap(tap) => tap.payload.as_str(),
            Content::Reaction | Content::Other { .. } => "",
        },
        _ => "",
    }
}

#[test]
fn a_text_names_its_author_in_full_and_everything_that_evidence_needs() {
    let quoted = message(
        "text",
        &json!({"text": {"body": "Ja"}, "context": {"from": "4930123456", "id": "wamid.OUT"}}),
    );
    let Item::Message(message) = only(messages(&[quoted])) else {
        panic!("no message")
    };
    assert_eq!(message.waba.unwrap().as_str(), "102290129340398");
    assert_eq!(message.sender.unwrap().as_str(), "106540352242922");
    assert_eq!(message.from, both());
    assert_eq!(message.id.as_str(), "wamid.IN");
    assert_eq!(message.at, Some(AT));
    assert_eq!(message.reply_to.unwrap().as_str(), "wamid.OUT");
    assert_eq!((message.via, message.authored), (Via::Messages, Authored::Own));
    assert!(matches!(&message.content, Content::Text(text) if text.as_str() == "Ja"));
}

#[test]
fn a_tap_is_the_same_tap_on_a_template_on_a_text_and_in_a_list() {
    for (kind, members) in [
        ("button", json!({"button": {"payload": "c:1", "text": "Ja"}})),
        (
            "interactive",
            json!({"interactive": {"type": "button_reply", "button_reply": {"id": "c:1", "title": "Ja"}}}),
        ),
        (
            "interactive",
            json!({"interactive": {"type": "list_reply", "list_reply": {"id": "c:1", "title": "Ja"}}}),
        ),
    ] {
        let Content::Tap(tap) = content(kind, &members) else {
            panic!("{kind}: no tap")
        };
        assert_eq!((tap.payload.as_str(), tap.label.as_str()), ("c:1", "Ja"));
    }
    let without_payload = content("button", &json!({"button": {"text": "Ja"}}));
    assert!(matches!(without_payload, Content::Tap(tap) if tap.payload.as_str() == "Ja"));
}

#[test]
fn what_is_neither_words_nor_a_tap_is_told_apart_by_its_type_alone() {
    assert_eq!(
        content(
            "reaction",
            &json!({"reaction": {"message_id": "wamid.OUT", "emoji": "👍"}})
        ),
        Content::Reaction
    );
    assert!(
        matches!(content("image", &json!({"image": {"caption": "STOP"}})), Content::Caption(text) if text.as_str() == "STOP")
    );
    for (kind, members, name) in [
        ("image", json!({"image": {"id": "1"}}), "image"),
        ("audio", json!({"audio": {"voice": true}}), "audio"),
        ("unsupported", json!({"errors": [{"code": 131_051}]}), "unsupported"),
        (
            "revoke",
            json!({"revoke": {"original_message_id": "wamid.X"}}),
            "revoke",
        ),
        ("contacts", json!({"contacts": []}), "contacts"),
        (
            "interactive",
            json!({"interactive": {"type": "nfm_reply", "nfm_reply": {}}}),
            "interactive.nfm_reply",
        ),
        ("something_new", json!({}), "something_new"),
        ("Ada Lovelace", json!({}), "unknown"),
    ] {
        assert!(
            matches!(content(kind, &members), Content::Other { kind } if kind.as_str() == name),
            "{name}"
        );
    }
}

#[test]
fn forwarded_and_edited_words_are_marked_as_such() {
    let authored = |message| match only(messages(&[message])) {
        Item::Message(message) => (message.authored, said(&Item::Message(message)).to_owned()),
        _ => panic!("no message"),
    };
    for mark in ["forwarded", "frequently_forwarded"] {
        let forwarded = message("text", &json!({"text": {"body": "Ja"}, "context": {mark: true}}));
        assert_eq!(authored(forwarded), (Authored::Forwarded, "Ja".to_owned()));
    }
    for edited in [
        json!({"type": "text", "text": {"body": "STOP"}}),
        json!({"type": "image", "image": {"caption": "STOP"}}),
    ] {
        let edit = message(
            "edit",
            &json!({"edit": {"original_message_id": "wamid.X", "message": edited}}),
        );
        assert_eq!(authored(edit), (Authored::Edited, "STOP".to_owned()));
    }
    let tap = json!({"type": "button", "button": {"payload": "c:1", "text": "Ja"}});
    let edit = message("edit", &json!({"edit": {"message": tap}}));
    assert_eq!(authored(edit), (Authored::Edited, String::new()));
}

#[test]
fn a_person_is_recognised_with_or_without_a_number_and_in_the_wrong_member() {
    for (from, from_user_id, who) in [
        (json!(PHONE), json!(BSUID), both()),
        (json!(format!("+{PHONE}")), Value::Null, both()),
        (json!(PHONE.parse::<u64>().unwrap()), Value::Null, both()),
        (Value::Null, json!(BSUID), both()),
        (json!(""), json!(BSUID), both()),
        (json!(BSUID), Value::Null, both()),
        (json!({}), json!([]), both()),
    ] {
        let mut text = text("STOP");
        text["from"] = from.clone();
        text["from_user_id"] = from_user_id;
        let Item::Message(message) = only(messages(&[text])) else {
            panic!("{from}: no message")
        };
        assert_eq!(message.from, who, "{from}");
    }
    let mut text = text("STOP");
    text["from"] = json!("");
    text["from_user_id"] = json!(BSUID);
    let without_contacts = value(&json!({"messages": [text], "contacts": null}));
    let Item::Message(message) = only(items(&change("messages", &without_contacts))) else {
        panic!("no message")
    };
    assert_eq!(message.from, only_bsuid());
}

#[test]
fn contacts_are_matched_by_id_and_number_and_never_by_position() {
    let by = |number: &str| {
        let mut text = text("STOP");
        text["from"] = json!(number);
        text
    };
    let members = json!({
        "contacts": [
            {"wa_id": "4915122222222", "user_id": "DE.222"},
            "nonsense",
            {"wa_id": "4915111111111", "user_id": "DE.111"},
        ],
        "messages": [by("4915111111111"), by("4915122222222"), by("")],
    });
    let items = items(&change("messages", &value(&members)));
    let authors: Vec<_> = items
        .iter()
        .map(|item| match item {
            Item::Message(message) => message.from.bsuid().map(|bsuid| bsuid.as_str().to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(authors, [Some("DE.111".to_owned()), Some("DE.222".to_owned()), None]);
    assert!(matches!(&items[2], Item::Unreadable(unreadable) if unreadable.reason == Reason::NobodyNamed));
}

#[test]
fn a_stop_on_standby_is_read_like_any_other() {
    let inner = json!({
        "contacts": [{"wa_id": PHONE, "user_id": BSUID}],
        "messages": [text("STOP")],
        "statuses": [{"id": "wamid.OUT", "status": "read", "timestamp": "1"}],
        "message_echoes": [{"id": "wamid.E"}],
    });
    let metadata = json!({"phone_number_id": "106540352242922"});
    let items = items(&change("standby", &json!({"metadata": metadata, "standby": inner})));
    let Item::Message(message) = &items[0] else {
        panic!("no message")
    };
    assert_eq!((message.via, &message.from), (Via::Standby, &both()));
    assert_eq!(message.sender.as_ref().unwrap().as_str(), "106540352242922");
    assert!(matches!(&items[1], Item::Status(_)));
    assert!(matches!(&items[2], Item::Ignored(ignored) if ignored.why == Why::Echo));

    let Item::Message(owned) = only(messages(&[text("STOP")])) else {
        panic!("no message")
    };
    assert_eq!(
        owned.key(),
        message.key(),
        "the same message in two fields is one event"
    );
    assert!(self::items(&change("standby", &json!({"standby": {}}))).is_empty());
}

#[test]
fn a_status_says_what_became_of_which_message_and_why() {
    let status = |status: Value| only(items(&change("messages", &value(&json!({"statuses": [status]})))));
    let Item::Status(delivered) = status(json!({
        "id": "wamid.OUT", "status": "delivered", "timestamp": AT, "recipient_id": PHONE, "biz_opaque_callback_data": "r4nd0m",
        "conversation": {"expiration_timestamp": 1}, "pricing": {"billable": true},
    })) else {
        panic!("no status")
    };
    assert_eq!(delivered.message.as_str(), "wamid.OUT");
    assert_eq!((&delivered.state, delivered.at), (&StatusState::Delivered, Some(AT)));
    assert_eq!(delivered.recipient, Some(both()));
    assert_eq!(delivered.callback.unwrap().as_str(), "r4nd0m");

    let Item::Status(failed) = status(json!({
        "id": "wamid.OUT", "status": "failed", "timestamp": "1795430000", "recipient_id": PHONE,
        "errors": [{"code": 131_050, "title": "?"}, null, {"code": "131026"}],
    })) else {
        panic!("no status")
    };
    assert_eq!(failed.state, StatusState::Failed);
    let consequences: Vec<_> = failed.errors.iter().map(|error| error.consequence()).collect();
    assert_eq!(consequences, [Consequence::PlatformStop, Consequence::Undeliverable]);

    assert!(
        matches!(status(json!({"id": "w", "status": "deleted"})), Item::Status(s) if s.state.as_str() == "deleted")
    );
    assert!(matches!(status(json!({"status": "sent"})), Item::Unreadable(u) if u.reason == Reason::NoId));
    let group = json!({"id": "w", "status": "read", "recipient_id": "g", "recipient_type": "group"});
    assert!(matches!(status(group), Item::Ignored(i) if i.why == Why::Group));
}

#[test]
fn a_second_failure_for_another_reason_is_another_event() {
    let key = |code: u32| {
        let failed = json!({"id": "wamid.OUT", "status": "failed", "errors": [{"code": code}]});
        match only(items(&change("messages", &value(&json!({"statuses": [failed]}))))) {
            Item::Status(status) => status.key(),
            _ => panic!("no status"),
        }
    };
    assert_eq!(key(131_049), key(131_049));
    assert_ne!(key(131_049), key(131_050));
}

#[test]
fn a_preference_counts_for_whom_it_names_itself() {
    let preference = |members: Value| {
        let members = json!({
            "contacts": [{"wa_id": "4915199999999", "user_id": "DE.999"}],
            "user_preferences": [members],
        });
        match only(items(&change("user_preferences", &value(&members)))) {
            Item::Preference(preference) => preference,
            _ => panic!("no preference"),
        }
    };
    let stop = json!({"wa_id": PHONE, "category": "marketing_messages", "value": "stop", "timestamp": AT});
    let stopped = preference(stop.clone());
    assert_eq!((&stopped.value, stopped.at), (&PreferenceValue::Stop, Some(AT)));
    assert_eq!(stopped.from, Identifiers::from_meta(Some(PHONE), None).unwrap());
    assert_eq!(stopped.key(), preference(stop).key());

    let resumed = preference(json!({"user_id": BSUID, "value": "resume", "timestamp": "1795430001"}));
    assert_eq!(
        (&resumed.value, &resumed.from),
        (&PreferenceValue::Resume, &only_bsuid())
    );
    assert_ne!(stopped.key(), resumed.key());

    let signup =
        preference(json!({"wa_id": PHONE, "category": "marketing_messages", "value": "signup", "timestamp": 1}));
    assert!(matches!(signup.value, PreferenceValue::Other(_)));
    let other_category = preference(json!({"wa_id": PHONE, "category": "calls", "value": "resume", "timestamp": 1}));
    assert!(matches!(other_category.value, PreferenceValue::Other(_)));
    let unnamed = preference(json!({"value": "stop", "timestamp": 1}));
    assert_eq!(unnamed.from.bsuid().unwrap().as_str(), "DE.999");
}

#[test]
fn a_change_of_number_or_id_names_the_old_and_the_new_under_every_name_it_has_had() {
    let phone = |digits: &str| Identifiers::from_meta(Some(digits), None);
    let person = |digits: &str, bsuid: &str| Identifiers::from_meta(Some(digits), Some(bsuid));
    let bsuid = |bsuid: &str| Identifiers::from_meta(None, Some(bsuid));
    use IdentityChangeKind::{IdentityKeyChanged, NumberChanged, UserIdChanged};
    let new = "4915187654321";
    for (from, system, kind, old, now) in [
        (
            json!({"from": PHONE}),
            json!({"type": "user_changed_number", "wa_id": new, "user_id": "DE.2", "previous_user_id": "DE.1"}),
            NumberChanged,
            person(PHONE, "DE.1"),
            person(new, "DE.2"),
        ),
        (
            json!({"from": PHONE, "from_user_id": "DE.2"}),
            json!({"type": "user_changed_number", "wa_id": new, "user_id": "DE.2", "body": "A changed to B"}),
            NumberChanged,
            phone(PHONE),
            person(new, "DE.2"),
        ),
        (
            json!({"from": new}),
            json!({"type": "customer_changed_number", "customer": PHONE, "new_wa_id": new}),
            NumberChanged,
            phone(PHONE),
            phone(new),
        ),
        (
            json!({}),
            json!({"type": "user_changed_user_id", "user_id": "DE.2", "previous_user_id": "DE.1"}),
            UserIdChanged,
            bsuid("DE.1"),
            bsuid("DE.2"),
        ),
        (
            json!({"from": PHONE}),
            json!({"type": "user_changed_user_id", "wa_id": PHONE, "user_id": "DE.2"}),
            UserIdChanged,
            phone(PHONE),
            person(PHONE, "DE.2"),
        ),
        (
            json!({"from": PHONE}),
            json!({"type": "customer_identity_changed"}),
            IdentityKeyChanged,
            phone(PHONE),
            phone(PHONE),
        ),
        (
            json!({"from": PHONE}),
            json!({"type": "user_identity_changed"}),
            IdentityKeyChanged,
            phone(PHONE),
            phone(PHONE),
        ),
    ] {
        let mut notice = json!({"id": "wamid.SYS", "timestamp": AT.to_string(), "type": "system", "system": system});
        notice
            .as_object_mut()
            .unwrap()
            .extend(from.as_object().unwrap().clone());
        let bare = value(&json!({"messages": [notice], "contacts": null}));
        let Item::IdentityChange(change) = only(items(&change("messages", &bare))) else {
            panic!("{system}")
        };
        assert_eq!((change.kind, &change.old, &change.new), (kind, &old, &now), "{system}");
        assert_eq!(change.at, Some(AT));
    }
    let update =
        json!({"wa_id": PHONE, "user_id": {"previous": "DE.1", "current": "DE.2"}, "timestamp": AT.to_string()});
    let bare = value(&json!({"user_id_update": [update]}));
    let Item::IdentityChange(change) = only(items(&change("user_id_update", &bare))) else {
        panic!("no change")
    };
    assert_eq!((change.old, change.new), (person(PHONE, "DE.1"), person(PHONE, "DE.2")));
}

#[test]
fn notices_are_never_messages() {
    let notice = |system: Value| only(messages(&[message("system", &json!({"system": system}))]));
    assert!(
        matches!(notice(json!({"type": "something_new", "body": "STOP"})), Item::Ignored(i) if i.why == Why::System)
    );
    assert!(matches!(notice(json!(7)), Item::Unreadable(_)));
    let old_form = notice(json!({"type": "user_preference_changed", "marketing": "stop"}));
    assert!(matches!(old_form, Item::Preference(p) if p.value == PreferenceValue::Stop && p.from == both()));
}

#[test]
fn what_is_not_said_by_a_contact_to_the_business_never_becomes_a_message() {
    let spoken = value(&json!({
        "messages": [text("Ja")],
        "message_echoes": [text("Ja")],
        "history": [{"threads": [{"messages": [text("Ja")]}]}],
    }));
    for (field, why) in [
        ("history", Why::History),
        ("message_echoes", Why::Echo),
        ("smb_message_echoes", Why::Echo),
        ("smb_app_state_sync", Why::AppStateSync),
        ("messaging_handovers", Why::Handover),
        ("calls", Why::Call),
        ("flows", Why::Flow),
        ("group_lifecycle_update", Why::Group),
        ("something_new", Why::UnknownField),
    ] {
        let Item::Ignored(ignored) = only(items(&change(field, &spoken))) else {
            panic!("{field}")
        };
        assert_eq!((ignored.field.as_str(), ignored.why), (field, why));
    }
    let mut in_group = text("Ja");
    in_group["group_id"] = json!("G1");
    assert!(matches!(only(messages(&[in_group])), Item::Ignored(ignored) if ignored.why == Why::Group));
}

#[test]
fn the_dashboards_test_button_speaks_for_nobody() {
    for id in [json!("0"), json!(0)] {
        let mut test = change("messages", &value(&json!({"messages": [text("STOP")]})));
        test["entry"][0]["id"] = id;
        assert!(matches!(only(items(&test)), Item::Ignored(ignored) if ignored.why == Why::TestDelivery));
    }
}

#[test]
fn an_error_about_the_webhook_itself_may_hide_a_stop() {
    let error = |code: u32| match only(items(&change("messages", &value(&json!({"errors": [{"code": code}]}))))) {
        Item::ValueError(error) => error,
        _ => panic!("no error"),
    };
    assert!(error(131_035).may_hide_a_stop() && error(131_036).may_hide_a_stop());
    assert!(!error(130_429).may_hide_a_stop());
}

#[test]
fn events_of_the_account_are_typed_and_can_be_stored() {
    let account = |field: &str, value: Value| match only(items(&change(field, &value))) {
        Item::Account(event) => event,
        _ => panic!("{field}: no event"),
    };
    let restricted = account(
        "account_update",
        json!({"event": "ACCOUNT_RESTRICTION", "restriction_info": [
            {"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": AT},
            {"restriction_type": "RESTRICTED_SOMETHING", "expiration": "<TIMESTAMP>"},
        ]}),
    );
    let AccountChange::Restricted { restrictions } = &restricted.change else {
        panic!("not restricted")
    };
    assert_eq!(
        (&restrictions[0].kind, restrictions[0].until),
        (&RestrictionKind::BusinessInitiated, Some(AT))
    );
    assert_eq!(
        (restrictions[1].kind.as_str(), restrictions[1].until),
        ("RESTRICTED_SOMETHING", None)
    );
    assert_eq!(restricted.at, Some(AT));

    let banned = account(
        "account_update",
        json!({"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE"}}),
    );
    assert_eq!(
        banned.change,
        AccountChange::Banned {
            state: BanState::Disabled
        }
    );
    let partner = account(
        "account_update",
        json!({"event": "PARTNER_ADDED", "waba_info": {"waba_id": "980198427658004"}}),
    );
    assert_eq!(partner.waba.unwrap().as_str(), "980198427658004");

    let flagged = account(
        "phone_number_quality_update",
        json!({"display_phone_number": "+49 30 123456", "event": "FLAGGED", "current_limit": "TIER_10K"}),
    );
    assert_eq!(
        flagged.change,
        AccountChange::Number {
            event: NumberEvent::Flagged,
            limit: Some(Limit::People(10_000))
        }
    );
    assert_eq!(flagged.number.unwrap().as_str(), "4930123456");
    for (limit, read) in [
        (json!(2000), Limit::People(2_000)),
        (json!("TIER_2K"), Limit::People(2_000)),
        (json!("TIER_250"), Limit::People(250)),
        (json!("TIER_UNLIMITED"), Limit::Unlimited),
        (json!(-1), Limit::Unlimited),
        (json!("TIER_NOT_SET"), Limit::Other(whatsapp::Term::of("TIER_NOT_SET"))),
    ] {
        let event = account(
            "business_capability_update",
            json!({"max_daily_conversations_per_business": limit}),
        );
        assert_eq!(event.change, AccountChange::Capability { limit: Some(read) });
    }
    let alert = account(
        "account_alerts",
        json!({"entity_type": "PHONE_NUMBER", "entity_id": 5, "alert_info": {"alert_type": "X", "alert_severity": "CRITICAL", "alert_status": "ACTIVE"}}),
    );
    assert_eq!(alert.sender.unwrap().as_str(), "5");
    assert!(matches!(&alert.change, AccountChange::Alert { severity, .. } if severity.as_str() == "CRITICAL"));

    let event = account(
        "account_update",
        json!({"event": "SOMETHING_NEW", "contact": "Ada Lovelace"}),
    );
    let stored = serde_json::to_string(&event.change).unwrap();
    assert_eq!(stored, r#"{"change":"other","event":"SOMETHING_NEW"}"#);
    assert_eq!(serde_json::from_str::<AccountChange>(&stored).unwrap(), event.change);
    for change in [restricted.change, flagged.change] {
        let stored = serde_json::to_string(&change).unwrap();
        assert_eq!(serde_json::from_str::<AccountChange>(&stored).unwrap(), change);
    }
}

#[test]
fn events_of_templates_are_typed_whatever_field_they_come_in() {
    let template = |field: &str, members: Value| {
        let mut value = json!({
            "message_template_id": 1_689_556_908_129_832_u64,
            "message_template_name": "doi_confirm",
            "message_template_language": "de",
        });
        value
            .as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        match only(items(&change(field, &value))) {
            Item::Template(event) => event,
            _ => panic!("{field}: no event"),
        }
    };
    for reason in [json!("NONE"), Value::Null, json!("")] {
        let members = json!({"event": "APPROVED", "reason": reason, "message_template_category": "UTILITY"});
        let approved = template("message_template_status_update", members);
        assert_eq!(approved.id, Some(1_689_556_908_129_832));
        assert_eq!(
            (approved.name.unwrap().as_str(), approved.language.unwrap().as_str()),
            ("doi_confirm", "de")
        );
        let status = TemplateChange::Status {
            status: TemplateStatus::Approved,
            category: Some(Category::Utility),
            reason: None,
        };
        assert_eq!(approved.change, status);
    }
    let paused = template("message_template_status_update", json!({"event": "PAUSED"})).change;
    assert!(matches!(paused, TemplateChange::Status { status, .. } if !status.may_be_sent()));
    for field in ["message_template_quality_update", "message_template_status_update"] {
        let members = json!({"previous_quality_score": "GREEN", "new_quality_score": "RED"});
        let quality = TemplateChange::Quality {
            previous: Some(Quality::Green),
            now: Quality::Red,
        };
        assert_eq!(template(field, members).change, quality);
    }
    let moved = template(
        "template_category_update",
        json!({"previous_category": "UTILITY", "new_category": "MARKETING"}),
    );
    let category = TemplateChange::Category {
        previous: Some(Category::Utility),
        now: Some(Category::Marketing),
        announced: None,
    };
    assert_eq!(moved.change, category);
    assert_eq!(
        template("message_template_components_update", json!({})).change,
        TemplateChange::Components
    );
}

#[test]
fn odd_characters_and_odd_numbers_do_not_hide_a_stop() {
    for (body, stop) in [
        (r#""\u0000STOP\u0000""#, "\0STOP\0"),
        ("\"\u{202e}STOP\u{200e}\"", "\u{202e}STOP\u{200e}"),
        (r#""STOP \ud83d""#, "STOP \u{fffd}\u{fffd}\u{fffd}"),
    ] {
        let json = change("messages", &value(&json!({"messages": [text("PLACEHOLDER")]}))).to_string();
        let items = read(json.replace("\"PLACEHOLDER\"", body).as_bytes()).unwrap().items;
        assert_eq!(said(&items[0]), stop);
    }
    let mut timeless = text("STOP");
    for timestamp in [json!(null), json!([]), json!("soon"), json!(1e300)] {
        timeless["timestamp"] = timestamp;
        let Item::Message(message) = only(messages(&[timeless.clone()])) else {
            panic!("no message")
        };
        assert_eq!(message.at, None);
    }
    let without_metadata = json!({"messages": [text("STOP")], "metadata": 5, "contacts": {}});
    let Item::Message(message) = only(items(&change("messages", &without_metadata))) else {
        panic!("no message")
    };
    assert_eq!(message.sender, None);
    let mut untyped = text("STOP");
    untyped["type"] = Value::Null;
    assert_eq!(said(&only(messages(&[untyped]))), "STOP");
}

#[test]
fn nesting_without_end_costs_one_item_and_no_stack() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    for place in ["text", "context", "unknown_member"] {
        let mut odd = text("Ja");
        odd[place] = json!("PLACEHOLDER");
        let json = change(
            "messages",
            &value(&json!({"messages": [text("one"), odd, text("two")]})),
        )
        .to_string();
        let items = read(json.replace("\"PLACEHOLDER\"", &deep).as_bytes()).unwrap().items;
        assert_eq!((said(&items[0]), said(&items[2]), items.len()), ("one", "two", 3));
    }
    let whole = format!(r#"{{"object":"whatsapp_business_account","entry":{deep}}}"#);
    assert!(matches!(
        only(read(whole.as_bytes()).unwrap().items),
        Item::Unreadable(_)
    ));
    assert_eq!(read(deep.as_bytes()).unwrap_err(), NotADelivery::NotJson);
}

#[test]
fn every_list_at_every_level_is_read_to_its_end() {
    let entry = |id: &str, bodies: [&str; 2]| {
        let change =
            |body: &str| json!({"field": "messages", "value": value(&json!({"messages": [text(body), text(body)]}))});
        json!({"id": id, "changes": [change(bodies[0]), change(bodies[1])]})
    };
    let body = json!({
        "object": "whatsapp_business_account",
        "entry": [entry("1", ["a", "b"]), entry("2", ["c", "d"])],
    });
    let items = items(&body);
    assert_eq!(items.iter().map(said).collect::<String>(), "aabbccdd");
    let Item::Message(last) = &items[7] else {
        panic!("no message")
    };
    assert_eq!(last.waba.as_ref().unwrap().as_str(), "2");
}

#[test]
fn what_cannot_be_read_is_kept_as_it_came_and_says_nothing_of_itself() {
    let odd = json!({"from": PHONE, "text": {"body": "STOP"}, "type": "text"});
    let Item::Unreadable(unreadable) = only(messages(std::slice::from_ref(&odd))) else {
        panic!("readable")
    };
    assert_eq!(
        (unreadable.field.as_str(), unreadable.reason),
        ("messages", Reason::NoId)
    );
    assert_eq!(serde_json::from_str::<Value>(unreadable.raw.as_str()).unwrap(), odd);
    let shown = format!("{unreadable:?} {}", unreadable.reason);
    assert!(!shown.contains("STOP") && !shown.contains(PHONE));
}

#[test]
fn nothing_that_a_person_is_or_says_shows_in_debug() {
    let delivery = read(
        change("messages", &value(&json!({"messages": [text("Hello Ada")]})))
            .to_string()
            .as_bytes(),
    )
    .unwrap();
    let shown = format!("{delivery:?}");
    for personal in [PHONE, BSUID, "Hello", "wamid"] {
        assert!(!shown.contains(personal), "{personal}");
    }
}

#[test]
fn a_body_that_is_no_delivery_says_which_kind_of_none() {
    for body in ["", "null", "[]", "{", "STOP", "{} {}", "\u{0}"] {
        assert_eq!(read(body.as_bytes()).unwrap_err(), NotADelivery::NotJson, "{body:?}");
    }
    assert_eq!(read(b"{\"object\":\"\xff\"}").unwrap_err(), NotADelivery::NotJson);
    for body in ["{}", r#"{"object":"page","entry":[]}"#, r#"{"object":null}"#] {
        assert_eq!(read(body.as_bytes()).unwrap_err(), NotADelivery::OtherObject, "{body}");
    }
    assert!(
        read(br#" {"object":"whatsapp_business_account","entry":null} "#)
            .unwrap()
            .items
            .is_empty()
    );
}
