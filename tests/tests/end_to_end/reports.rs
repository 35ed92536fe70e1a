//! What the data protection officer reads.

use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::stack::{Local, phone};

const LISA: &str = "+4915112346001";
const TOM: &str = "+4915112346002";
const ANNA: &str = "+4915112346003";

#[tokio::test]
async fn the_figures_of_a_week_say_what_people_did_and_what_is_due() {
    let local = Local::start().await;
    local.confirmed(LISA).await;
    let tom = local.confirmed(TOM).await;
    local.opt_in(ANNA, "web_form").await;
    local.writes(tom, "STOP").await;
    let demand = json!({"recipient": {"phone": LISA}, "kind": "access", "channel": "email"});
    local.post("/v1/cases", demand).await;
    local.post("/_local/run/retention", Value::Null).await;

    let week = consent::digest::Week::of(consent::time::Time::from_unix_seconds(local.now().await)).unwrap();
    let (status, digest) = local.get(&format!("/v1/reports/digest?week={week}")).await;
    assert_eq!(status, 200, "{digest}");
    assert_eq!(digest["funnel"]["requested"], 3, "{digest}");
    assert_eq!(
        (&digest["funnel"]["prompt_sent"], &digest["funnel"]["confirmed"]),
        (&json!(3), &json!(2))
    );
    assert_eq!(digest["stops"]["withdrawn"], 1);
    let offers = &digest["standing"]["offers"];
    assert_eq!(
        (&offers["confirmed"], &offers["withdrawn"], &offers["pending"]),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!(
        (&digest["incomplete_evidence"], &digest["findings"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(digest["cases"]["received"], 1);
    assert_eq!(
        (
            &digest["cases"]["open"][0]["kind"],
            &digest["cases"]["open"][0]["overdue"]
        ),
        (&json!("access"), &json!(false))
    );
    assert_eq!(digest["purge"]["runs"], 1);
    assert!(!digest.to_string().contains("1511234600"), "it names nobody");

    let (_, before) = local.get("/v1/reports/digest?week=2020-W01").await;
    assert_eq!(
        (&before["funnel"]["requested"], &before["purge"]["runs"]),
        (&json!(0), &json!(0))
    );
    let (status, problem) = local.get("/v1/reports/digest?week=2026-W54").await;
    assert_eq!((status, &problem["member"]), (400, &json!("week")));

    let page = local
        .client
        .get(format!("{}/v1/reports/digest?week={week}&form=html", local.base));
    let page = page.send().await.unwrap();
    assert_eq!(page.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
    let page = page.text().await.unwrap();
    for shown in ["<svg role=\"img\"", "asked: 3", "agreed: 2", "What needs attention"] {
        assert!(page.contains(shown), "{shown}");
    }
}

#[tokio::test]
async fn a_demand_that_is_late_and_a_purge_that_did_not_run_come_first() {
    let local = Local::start().await;
    local.confirmed(LISA).await;
    let demand = json!({"recipient": {"phone": LISA}, "kind": "access", "channel": "email"});
    local.post("/v1/cases", demand).await;
    local.advance(40 * 86_400).await;
    let page = local.client.get(format!("{}/v1/reports/digest?form=html", local.base));
    let page = page.send().await.unwrap().text().await.unwrap();
    assert!(
        page.contains("Demands that are late: 1.") && page.contains("The purge did not run."),
        "{page}"
    );
    assert_eq!(local.status(&phone(LISA)).await, "confirmed");
}
