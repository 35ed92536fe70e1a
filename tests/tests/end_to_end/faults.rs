//! Meta slow, silent, or refusing.

use assent::local::Options;
use assent_tests::by_hand::{delivery, text, value};
use serde_json::json;

use crate::stack::{Local, phone};

#[tokio::test]
async fn a_prompt_that_meta_took_without_answering_is_settled_by_its_status_and_never_sent_twice() {
    let local = Local::start().await;
    let jana = phone("+4915112345620");
    assert_eq!(
        local
            .post("/_local/meta/fault", json!({"fault": "taken_unanswered"}))
            .await
            .0,
        204
    );
    local.opt_in("+4915112345620", "web_form").await;
    for _ in 0..4 {
        local.advance(3_600).await;
    }
    assert_eq!(local.received(&jana).await.len(), 1);
    assert_eq!(local.status(&jana).await, "pending");
    let prompt = local.last_received(&jana).await;
    local.taps(jana.clone(), &prompt, 0).await;
    assert_eq!(local.status(&jana).await, "confirmed");
}

#[tokio::test]
async fn a_prompt_that_meta_had_no_capacity_for_goes_out_later() {
    let local = Local::start().await;
    let karl = phone("+4915112345621");
    let fault = json!({"fault": {"error": {"code": 130_429}}, "times": 2});
    assert_eq!(local.post("/_local/meta/fault", fault).await.0, 204);
    local.opt_in("+4915112345621", "web_form").await;
    assert!(local.received(&karl).await.is_empty());
    assert_eq!(local.status(&karl).await, "requested");
    for _ in 0..3 {
        local.advance(600).await;
    }
    assert_eq!(local.received(&karl).await.len(), 1);
    assert_eq!(local.status(&karl).await, "pending");
}

#[tokio::test]
async fn a_number_that_is_not_on_whatsapp_is_suppressed_until_it_writes() {
    let local = Local::start().await;
    let lena = phone("+4915112345622");
    let fault = json!({"fault": {"error": {"code": 131_026}}});
    assert_eq!(local.post("/_local/meta/fault", fault).await.0, 204);
    local.opt_in("+4915112345622", "web_form").await;
    assert_eq!(local.status(&lena).await, "invalidated");
    assert_eq!(local.suppressions(&lena).await, ["undeliverable"]);
    local.writes(lena.clone(), "START").await;
    assert!(local.suppressions(&lena).await.is_empty());
    let prompt = local.last_received(&lena).await;
    local.taps(lena.clone(), &prompt, 0).await;
    assert_eq!(local.status(&lena).await, "confirmed");
}

#[tokio::test]
async fn a_stop_that_comes_while_the_prompt_waits_keeps_it_from_going_out() {
    let local = Local::start().await;
    let mia = phone("+4915112345623");
    let fault = json!({"fault": {"error": {"code": 130_429}}, "times": 1});
    assert_eq!(local.post("/_local/meta/fault", fault).await.0, 204);
    local.opt_in("+4915112345623", "web_form").await;
    local.writes(mia.clone(), "STOP").await;
    local.advance(3_600).await;
    let received = local.received(&mia).await;
    assert!(
        received
            .iter()
            .all(|message| message["buttons"].as_array().unwrap().is_empty()),
        "{received:?}"
    );
    assert_eq!(local.status(&mia).await, "withdrawn");
}

#[tokio::test]
async fn data_that_is_kept_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let options = || Options {
        data: Some(directory.path().to_owned()),
        app_secret: Some(crate::stack::APP_SECRET.to_owned()),
        ..Options::default()
    };
    let nora = phone("+4915112345624");
    {
        let local = Local::with(options()).await;
        let stop = json!({"messages": [text("4915112345624", "wamid.kept", local.now().await, "STOP")]});
        assert_eq!(local.deliver(&delivery("messages", &value(&stop))).await, 200);
    }
    let local = Local::with(options()).await;
    assert_eq!(local.status(&nora).await, "withdrawn");
    assert_eq!(local.evidence(&nora).await.len(), 1);
}
