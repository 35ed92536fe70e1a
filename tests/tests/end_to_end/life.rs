//! A contact's life: asked, prompted, confirmed, stopped, moved.

use assent_tests::by_hand::{delivery, delivery_for, text, value};
use serde_json::json;

use crate::stack::{Local, phone};

#[tokio::test]
async fn a_contact_asks_is_prompted_confirms_and_stops() {
    let local = Local::start().await;
    let anna = phone("+4915112345678");
    let opt_in = local.opt_in("+4915112345678", "web_form").await;
    assert_eq!(opt_in["consents"][0]["status"], "requested");
    assert_eq!(local.status(&anna).await, "pending");
    let prompt = local.last_received(&anna).await;
    assert_eq!(prompt["kind"], "template");
    assert_eq!(prompt["buttons"].as_array().unwrap().len(), 3);
    local.taps(anna.clone(), &prompt, 0).await;
    assert_eq!(local.status(&anna).await, "confirmed");
    local.writes(anna.clone(), "Stop. Thank you").await;
    assert_eq!(local.status(&anna).await, "withdrawn");
    assert_eq!(local.status_of(&anna, "orders").await, "withdrawn");
    assert_eq!(local.suppressions(&anna).await, ["objection_marketing"]);
    let counted = |kind: &str| (kind.to_owned(), "counted".to_owned());
    let evidence = ["requested", "prompt_sent", "prompt_delivered", "confirmed", "withdrawn"].map(counted);
    assert_eq!(local.evidence(&anna).await, evidence);
    // The prompt, what she agreed to, and that she was stopped.
    assert_eq!(local.received(&anna).await.len(), 3);
}

#[tokio::test]
async fn no_and_then_yes_brings_a_new_prompt_in_whichever_order_they_come() {
    for reversed in [false, true] {
        let local = Local::start().await;
        let ben = phone("+4915112345601");
        local.opt_in("+4915112345601", "web_form").await;
        let prompt = local.last_received(&ben).await;
        let at = local.now().await;
        let tap = |id: &str, button: usize, at: i64| {
            let button =
                json!({"payload": prompt["buttons"][button]["payload"], "text": prompt["buttons"][button]["label"]});
            let message = json!({"from": "4915112345601", "id": id, "timestamp": at.to_string(), "type": "button", "button": button});
            delivery("messages", &value(&json!({"messages": [message]})))
        };
        let mut taps = [tap("wamid.no", 1, at + 10), tap("wamid.yes", 0, at + 20)];
        if reversed {
            taps.reverse();
        }
        local.advance(60).await;
        for tap in &taps {
            assert_eq!(local.deliver(tap).await, 200);
        }
        assert_eq!(local.status(&ben).await, "pending");
        let again = local.last_received(&ben).await;
        assert_ne!(again["id"], prompt["id"]);
        local.taps(ben.clone(), &again, 0).await;
        assert_eq!(local.status(&ben).await, "confirmed");
    }
}

#[tokio::test]
async fn a_stop_that_comes_while_an_agent_holds_the_chat_is_honoured() {
    let local = Local::start().await;
    let cleo = phone("+4915112345602");
    local.opt_in("+4915112345602", "web_form").await;
    let prompt = local.last_received(&cleo).await;
    local.taps(cleo.clone(), &prompt, 0).await;
    let at = local.now().await + 5;
    local.advance(10).await;
    let standby = json!({"standby": {"messages": [text("4915112345602", "wamid.standby", at, "STOP")]}});
    assert_eq!(local.deliver(&delivery("standby", &value(&standby))).await, 200);
    assert_eq!(local.status(&cleo).await, "withdrawn");
}

#[tokio::test]
async fn metas_own_stop_and_resume_suppress_and_release_but_never_consent() {
    let local = Local::start().await;
    let dora = phone("+4915112345603");
    local.opt_in("+4915112345603", "web_form").await;
    let prompt = local.last_received(&dora).await;
    local.taps(dora.clone(), &prompt, 0).await;
    let preference = |setting: &str, at: i64| {
        let preference =
            json!({"wa_id": "4915112345603", "category": "marketing_messages", "value": setting, "timestamp": at});
        delivery("user_preferences", &value(&json!({"user_preferences": [preference]})))
    };
    let at = local.now().await;
    local.advance(60).await;
    assert_eq!(local.deliver(&preference("stop", at + 10)).await, 200);
    assert_eq!(local.status(&dora).await, "withdrawn");
    assert_eq!(local.suppressions(&dora).await, ["platform_stop"]);
    assert_eq!(local.status_of(&dora, "orders").await, "none");
    assert_eq!(local.deliver(&preference("resume", at + 20)).await, 200);
    assert_eq!(local.status(&dora).await, "withdrawn");
    assert!(local.suppressions(&dora).await.is_empty());
}

#[tokio::test]
async fn a_message_that_meta_refused_because_the_contact_stopped_withdraws_whoever_sent_it() {
    let local = Local::start().await;
    let emil = phone("+4915112345604");
    local.opt_in("+4915112345604", "web_form").await;
    let prompt = local.last_received(&emil).await;
    local.taps(emil.clone(), &prompt, 0).await;
    let at = local.now().await + 5;
    local.advance(10).await;
    let failed = json!({"statuses": [{
        "id": "wamid.campaign", "status": "failed", "timestamp": at.to_string(), "recipient_id": "4915112345604",
        "errors": [{"code": 131_050, "title": "stopped"}],
    }]});
    assert_eq!(local.deliver(&delivery("messages", &value(&failed))).await, 200);
    assert_eq!(local.status(&emil).await, "withdrawn");
    assert_eq!(local.suppressions(&emil).await, ["platform_stop"]);
}

#[tokio::test]
async fn with_the_number_stops_travel_and_grants_do_not() {
    let local = Local::start().await;
    let (old, new) = (phone("+4915112345605"), phone("+4915112345606"));
    local.opt_in("+4915112345605", "web_form").await;
    let prompt = local.last_received(&old).await;
    local.taps(old.clone(), &prompt, 0).await;
    assert_eq!(local.status(&old).await, "confirmed");
    let at = local.now().await + 5;
    local.advance(60).await;
    let change = json!({"messages": [{
        "from": "4915112345605", "id": "wamid.moved", "timestamp": at.to_string(), "type": "system",
        "system": {"type": "user_changed_number", "body": "whatever", "wa_id": "4915112345606"},
    }]});
    assert_eq!(local.deliver(&delivery("messages", &value(&change))).await, 200);
    assert_eq!(local.status(&old).await, "invalidated");
    assert_eq!(local.status(&new).await, "invalidated");
    // A stop from before the change that comes after it travels as well.
    let late = json!({"messages": [text("4915112345605", "wamid.late-stop", at - 2, "STOP")]});
    assert_eq!(local.deliver(&delivery("messages", &value(&late))).await, 200);
    assert_eq!(local.suppressions(&new).await, ["objection_marketing"]);
}

#[tokio::test]
async fn a_known_contact_that_gets_an_id_is_found_by_the_id_alone_from_then_on() {
    let local = Local::start().await;
    let fred = phone("+4915112345607");
    local.opt_in("+4915112345607", "web_form").await;
    let prompt = local.last_received(&fred).await;
    local.taps(fred.clone(), &prompt, 0).await;
    let both = json!({"phone": "+4915112345607", "bsuid": "DE.100200300"});
    local.writes(both, "help").await;
    local.writes(json!({"bsuid": "DE.100200300"}), "stop").await;
    assert_eq!(local.status(&fred).await, "withdrawn");
}

#[tokio::test]
async fn perhaps_a_stop_is_asked_about_and_held_until_it_is_answered() {
    let local = Local::start().await;
    let gina = phone("+4915112345608");
    local.opt_in("+4915112345608", "web_form").await;
    let prompt = local.last_received(&gina).await;
    local.taps(gina.clone(), &prompt, 0).await;
    local
        .writes(gina.clone(), "please can you stop sending me the red ones")
        .await;
    assert_eq!(local.suppressions(&gina).await, ["ambiguous_hold"]);
    assert_eq!(local.status(&gina).await, "confirmed");
    let question = local.last_received(&gina).await;
    assert_eq!(question["buttons"].as_array().unwrap().len(), 2);
    local.taps(gina.clone(), &question, 1).await;
    assert!(local.suppressions(&gina).await.is_empty());
    local
        .writes(gina.clone(), "ok then stopp it all now thanks a lot")
        .await;
    let question = local.last_received(&gina).await;
    local.taps(gina.clone(), &question, 0).await;
    assert_eq!(local.status(&gina).await, "withdrawn");
}

#[tokio::test]
async fn what_the_contact_did_not_write_changes_nobody() {
    let local = Local::start().await;
    let at = local.now().await;
    let message = text("4915112345609", "wamid.not-theirs", at, "START");
    let group = {
        let mut message = message.clone();
        message["group_id"] = json!("123");
        message
    };
    let reaction = json!({"from": "4915112345609", "id": "wamid.r", "timestamp": at.to_string(), "type": "reaction", "reaction": {"message_id": "wamid.x", "emoji": "👍"}});
    let forwarded = {
        let mut message = message.clone();
        message["context"] = json!({"forwarded": true});
        message
    };
    for body in [
        delivery("history", &value(&json!({"messages": [message]}))),
        delivery("smb_message_echoes", &value(&json!({"message_echoes": [message]}))),
        delivery("message_echoes", &value(&json!({"messages": [message]}))),
        delivery("messages", &value(&json!({"messages": [group]}))),
        delivery("messages", &value(&json!({"messages": [reaction]}))),
        delivery("messages", &value(&json!({"messages": [forwarded]}))),
        delivery_for("0", "messages", &value(&json!({"messages": [message]}))),
    ] {
        assert_eq!(local.deliver(&body).await, 200);
    }
    assert_eq!(local.status(&phone("+4915112345609")).await, "unknown");
}
