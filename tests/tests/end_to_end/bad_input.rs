//! Bad input gets a clear answer and loses nothing.

use assent_tests::by_hand::{delivery, text, value};
use serde_json::{Value, json};

use crate::stack::{Local, VERIFY_TOKEN, phone, signature};

#[tokio::test]
async fn nothing_is_taken_that_meta_did_not_sign() {
    let local = Local::start().await;
    let at = local.now().await;
    let body = delivery(
        "messages",
        &value(&json!({"messages": [text("4915112345610", "wamid.1", at, "STOP")]})),
    )
    .to_string()
    .into_bytes();
    let good = signature(&body);
    let digits = good.trim_start_matches("sha256=").to_owned();
    let wrong = signature(b"another body");
    for header in [
        None,
        Some(String::new()),
        Some(digits.clone()),
        Some(format!("sha1={digits}")),
        Some(format!("sha256={}", digits.to_uppercase())),
        Some(format!("sha256={}", &digits[..62])),
        Some(format!("sha256={digits}00")),
        Some(format!("SHA256={digits}")),
        Some(wrong),
    ] {
        assert_eq!(
            local.post_signed(body.clone(), header.as_deref()).await.as_u16(),
            401,
            "{header:?}"
        );
    }
    assert_eq!(local.status(&phone("+4915112345610")).await, "unknown");
    assert_eq!(local.post_signed(body, Some(&good)).await.as_u16(), 200);
    assert_eq!(local.status(&phone("+4915112345610")).await, "withdrawn");
}

#[tokio::test]
async fn what_is_too_large_unreadable_or_of_another_kind_is_told_apart() {
    let local = Local::start().await;
    let large = vec![b' '; 3 * 1024 * 1024 + 1];
    let header = signature(&large);
    assert_eq!(local.post_signed(large, Some(&header)).await.as_u16(), 413);
    assert_eq!(local.deliver_bytes(b"this is not JSON".to_vec()).await, 200);
    assert_eq!(local.deliver_bytes(b"\xff\xfe".to_vec()).await, 200);
    assert_eq!(local.deliver(&json!({"object": "instagram", "entry": []})).await, 200);
    assert_eq!(local.metric("webhook", "quarantined").await, 2.0);
    assert_eq!(local.metric("webhook", "deliveries_of_other_objects").await, 1.0);
    // Meta repeats what it likes; it is put aside once.
    assert_eq!(local.deliver_bytes(b"this is not JSON".to_vec()).await, 200);
    assert_eq!(local.metric("webhook", "quarantined").await, 2.0);
}

#[tokio::test]
async fn a_broken_item_holds_up_none_of_its_neighbours() {
    let local = Local::start().await;
    let at = local.now().await;
    let mut messages: Vec<Value> = vec![
        json!(null),
        json!(7),
        json!({"type": "text"}),
        json!({"from": "4915112345611", "id": "wamid.n", "timestamp": null, "type": "text", "text": null}),
        json!({"from": {"nested": [1, 2, 3]}, "id": [], "timestamp": {}, "type": 9}),
        json!({"from": "4915112345611", "id": "wamid.k", "timestamp": at.to_string(), "type": "hologram", "hologram": {}}),
    ];
    messages.push(text("4915112345612", "wamid.good", at, "\u{202e}\u{0}STOP\u{200f}"));
    messages.extend((0..990).map(|n| text("4915112345613", &format!("wamid.many{n}"), at, "hello")));
    let deep = format!("{}1{}", "[".repeat(400), "]".repeat(400));
    let body = delivery(
        "messages",
        &value(&json!({"messages": messages, "statuses": [null, {"id": 5}], "contacts": "none"})),
    );
    let body = body
        .to_string()
        .replacen("\"hologram\":{}", &format!("\"hologram\":{deep}"), 1);
    assert_eq!(local.deliver_bytes(body.into_bytes()).await, 200);
    assert_eq!(local.status(&phone("+4915112345612")).await, "withdrawn");
    assert_eq!(local.status(&phone("+4915112345613")).await, "unknown");
    assert!(local.metric("webhook", "unreadable").await >= 4.0);
}

#[tokio::test]
async fn one_delivery_with_the_same_message_twice_counts_it_once() {
    let local = Local::start().await;
    let at = local.now().await;
    let stop = text("4915112345614", "wamid.twice", at, "STOP");
    let body = delivery("messages", &value(&json!({"messages": [stop, stop]})));
    assert_eq!(local.deliver(&body).await, 200);
    assert_eq!(local.deliver(&body).await, 200);
    assert_eq!(local.evidence(&phone("+4915112345614")).await.len(), 1);
}

#[tokio::test]
async fn the_handshake_echoes_the_challenge_to_whoever_knows_the_token() {
    let local = Local::start().await;
    let ask = async |query: &str| {
        let answer = local
            .client
            .get(format!("{}/webhook{query}", local.base))
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let good = format!("?hub.mode=subscribe&hub.challenge=0042%20%2b&hub.verify_token={VERIFY_TOKEN}");
    assert_eq!(ask(&good).await, (200, "0042 +".to_owned()));
    for bad in [
        String::new(),
        format!("?hub.mode=subscribe&hub.verify_token={VERIFY_TOKEN}"),
        format!("?hub.challenge=1&hub.verify_token={VERIFY_TOKEN}"),
        "?hub.mode=subscribe&hub.challenge=1&hub.verify_token=guess".to_owned(),
        "?hub.mode=subscribe&hub.challenge=1".to_owned(),
    ] {
        assert_eq!(ask(&bad).await.0, 403, "{bad}");
    }
}

#[tokio::test]
async fn tokens_that_are_forged_stolen_or_late_grant_nothing() {
    let local = Local::start().await;
    let (hans, ida) = (phone("+4915112345615"), phone("+4915112345616"));
    local.opt_in("+4915112345615", "web_form").await;
    let prompt = local.last_received(&hans).await;
    let payload = prompt["buttons"][0]["payload"].as_str().unwrap().to_owned();
    let tap = |from: &str, id: &str, at: i64, payload: &str| {
        let button = json!({"payload": payload, "text": "Ja, ich stimme zu"});
        delivery(
            "messages",
            &value(
                &json!({"messages": [{"from": from, "id": id, "timestamp": at.to_string(), "type": "button", "button": button}]}),
            ),
        )
    };
    let at = local.now().await;
    local.advance(10).await;
    let mut forged = payload.clone().into_bytes();
    let last = forged.len() - 1;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    assert_eq!(
        local
            .deliver(&tap("4915112345615", "wamid.forged", at + 1, &forged))
            .await,
        200
    );
    assert_eq!(
        local
            .deliver(&tap("4915112345616", "wamid.stolen", at + 2, &payload))
            .await,
        200
    );
    assert_eq!(local.status(&hans).await, "pending");
    assert_eq!(
        local.evidence(&ida).await,
        [("confirmed".to_owned(), "token_of_another_contact".to_owned())]
    );
    assert!(
        local
            .evidence(&hans)
            .await
            .contains(&("confirmed".to_owned(), "token_forged".to_owned()))
    );
    // Three days later the same tap is a request of its own, and brings a new prompt.
    local.advance(73 * 3_600).await;
    let at = local.now().await;
    assert_eq!(local.status(&hans).await, "expired");
    assert_eq!(
        local.deliver(&tap("4915112345615", "wamid.late", at, &payload)).await,
        200
    );
    assert_eq!(local.status(&hans).await, "pending");
    assert!(
        local
            .evidence(&hans)
            .await
            .contains(&("confirmed".to_owned(), "token_expired".to_owned()))
    );
    assert_ne!(local.last_received(&hans).await["id"], prompt["id"]);
}

#[tokio::test]
async fn the_local_routes_say_what_is_wrong() {
    let local = Local::start().await;
    for (path, body) in [
        ("/_local/inbound", json!({"from": {"phone": "0151"}, "text": "x"})),
        ("/_local/inbound", json!({"from": {"phone": "+4915112345617"}})),
        (
            "/_local/inbound",
            json!({"from": {"phone": "+4915112345617"}, "tap": {"message": "none", "button": 0}}),
        ),
        ("/_local/clock", json!({"advance": 1})),
        ("/_local/meta/fault", json!({"fault": "unknown"})),
    ] {
        let (status, answer) = local.post(path, body).await;
        assert_eq!(status, 400, "{path}");
        assert!(answer["detail"].as_str().unwrap().len() > 10, "{answer}");
    }
    assert_eq!(local.get("/nowhere").await.0, 404);
}
