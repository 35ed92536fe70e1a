//! What must not be logged is not logged.

use assent_tests::by_hand::{delivery, text, value};
use reqwest::Method;
use serde_json::json;

use crate::stack::{Local, Log, phone};

#[tokio::test]
async fn no_log_line_holds_a_number_an_id_a_name_or_a_text() {
    let local = Local::start().await;
    let otto = phone("+4915199887766");
    local.opt_in("+4915199887766", "web_form").await;
    let prompt = local.last_received(&otto).await;
    local.taps(otto.clone(), &prompt, 0).await;
    local
        .writes(otto.clone(), "Halt, bitte stoppt die Zebrastreifenwerbung")
        .await;
    local.writes(json!({"bsuid": "DE.998877665544"}), "START").await;
    let at = local.now().await;
    let contacts = json!([{"profile": {"name": "Ottokar Zeisig"}, "wa_id": "4915199887766"}]);
    let messages = json!([text("4915199887766", "wamid.geheimnis", at, "STOP"), {"type": "text", "text": {"body": "Kirschkuchen"}}]);
    let body = delivery("messages", &value(&json!({"contacts": contacts, "messages": messages})));
    assert_eq!(local.deliver(&body).await, 200);
    assert_eq!(
        local.deliver_bytes(b"{\"object\": \"4915199887766\"".to_vec()).await,
        200
    );
    let (status, answer) = local
        .post("/v1/opt-ins", json!({"recipient": {"phone": "015199887766"}}))
        .await;
    assert_eq!(status, 400);
    let (_, known) = local.look_up(&otto).await;
    let contact = known["contact_id"].as_str().unwrap();
    let reason = json!({"reason": "Quittenbrot, sagt er", "until": "2100-01-01T00:00:00Z"});
    let hold = format!("/v1/contacts/{contact}/legal-hold");
    assert_eq!(local.send(Method::PUT, &hold, Some(reason)).await.0, 200);
    let erasure = format!("/v1/contacts/{contact}/erasure");
    let (_, held) = local.post(&erasure, json!({"reason": "Quittenbrot"})).await;
    assert_eq!(local.send(Method::DELETE, &hold, None).await.0, 200);
    assert_eq!(local.post(&erasure, json!({"reason": "Quittenbrot"})).await.0, 202);
    local.advance(30 * 86_400).await;
    let (_, purged) = local.post("/_local/run/retention", json!(null)).await;
    let (_, unknown) = local.look_up(&phone("+4915199887700")).await;
    let log = Log::of_this_process().text();
    assert!(!log.is_empty(), "a run at the finest level logs something");
    let secrets = [
        "15199887766",
        "15199887700",
        "998877665544",
        "geheimnis",
        "Ottokar",
        "Zeisig",
        "Kirschkuchen",
        "Zebra",
        "Quitten",
        "wamid.",
        prompt["buttons"][0]["payload"].as_str().unwrap(),
        prompt["id"].as_str().unwrap(),
    ];
    for (place, text) in [
        ("log", log),
        ("problem", answer.to_string()),
        ("problem", unknown.to_string()),
        ("problem", held.to_string()),
        ("report", purged.to_string()),
    ] {
        for secret in secrets {
            let found = text.lines().find(|line| line.contains(secret));
            assert_eq!(found, None, "a {place} holds {secret}");
        }
    }
}
