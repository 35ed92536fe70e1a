//! Demands about data, as whoever answers them meets the API.

use serde_json::{Value, json};

use crate::stack::{Local, phone};

const LISA: &str = "+4915112345801";
const STRANGER: &str = "+4915112345802";

/// A little more than a month.
const OVER_A_MONTH: u32 = 36 * 86_400;

impl Local {
    async fn demand(&self, number: &str, kind: &str) -> Value {
        let body = json!({
            "recipient": {"phone": number},
            "kind": kind,
            "channel": "email",
            "source": "mail of the 3rd",
        });
        let (status, case) = self.post("/v1/cases", body).await;
        assert_eq!(status, 201, "{case}");
        case
    }

    async fn step(&self, case: &Value, step: &str, body: Value) -> (u16, Value) {
        self.post(&format!("/v1/cases/{}/{step}", case["case_id"].as_str().unwrap()), body)
            .await
    }

    async fn listed(&self, query: &str) -> Vec<Value> {
        let (status, page) = self.get(&format!("/v1/cases{query}")).await;
        assert_eq!(status, 200, "{page}");
        page["cases"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn an_objection_counts_when_it_is_registered_whether_its_author_is_known_or_not() {
    let local = Local::start().await;
    local.confirmed(LISA).await;
    for number in [LISA, STRANGER] {
        let case = local.demand(number, "objection").await;
        assert_eq!(local.suppressions(&phone(number)).await, ["objection_marketing"]);
        let (status, closed) = local.step(&case, "fulfil", json!({})).await;
        assert_eq!((status, &closed["state"]), (200, &json!("fulfilled")), "{closed}");
        let (status, problem) = local.step(&case, "fulfil", json!({})).await;
        assert_eq!(status, 409);
        assert_eq!(problem["type"], "urn:assent:problem:case-closed", "{problem}");
    }
    assert_eq!(local.status(&phone(LISA)).await, "withdrawn");
    let sent = local.received(&phone(STRANGER)).await.len();
    local.opt_in(STRANGER, "web_form").await;
    assert_eq!(
        local.received(&phone(STRANGER)).await.len(),
        sent,
        "no form brings them back"
    );
}

#[tokio::test]
async fn the_answer_to_a_demand_does_not_tell_who_is_a_contact() {
    let local = Local::start().await;
    local.confirmed(LISA).await;
    for kind in [
        "access",
        "portability",
        "rectification",
        "erasure",
        "restriction",
        "objection",
    ] {
        let mut answers = vec![];
        for number in [LISA, STRANGER] {
            let mut opened = local.demand(number, kind).await;
            let (status, mut shown) = local
                .get(&format!("/v1/cases/{}", opened["case_id"].as_str().unwrap()))
                .await;
            assert_eq!(status, 200);
            for answer in [&mut opened, &mut shown] {
                assert_eq!(answer["recipient"]["phone"].take(), number);
                assert_eq!(answer["case_id"].take().as_str().unwrap().len(), 32);
                for note in answer["notes"].as_array_mut().unwrap() {
                    note["at"].take();
                }
                answer["received_at"].take();
                answer["due_at"].take();
            }
            answers.push((opened, shown));
        }
        assert_eq!(answers[0], answers[1], "{kind}");
    }
}

#[tokio::test]
async fn nothing_is_erased_for_somebody_who_has_not_shown_who_they_are() {
    let local = Local::start().await;
    local.confirmed(LISA).await;
    let case = local.demand(LISA, "erasure").await;
    let (status, problem) = local.step(&case, "fulfil", json!({})).await;
    assert_eq!(status, 409);
    assert_eq!(problem["type"], "urn:assent:problem:not-verified", "{problem}");
    assert_eq!(local.status(&phone(LISA)).await, "confirmed");
}

#[tokio::test]
async fn who_demands_the_same_twice_has_one_case_open() {
    let local = Local::start().await;
    let first = local.demand(LISA, "access").await;
    let second = local.demand(LISA, "access").await;
    assert_eq!(second["state"], "duplicate");
    assert_eq!(second["duplicate_of"], first["case_id"]);
    assert_eq!(local.step(&first, "withdraw", json!({})).await.1["state"], "withdrawn");
    assert_eq!(local.demand(LISA, "access").await["state"], "received");
}

#[tokio::test]
async fn whoever_answers_sees_what_is_due_and_what_is_late_and_may_take_longer_once_and_in_time() {
    let local = Local::start().await;
    let late = local.demand(LISA, "access").await;
    let extended = local.demand(STRANGER, "access").await;
    let reason = json!({"reason": "many letters at once"});
    let (status, answer) = local.step(&extended, "extend", reason.clone()).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["notes"][1]["text"], "many letters at once");
    let (status, problem) = local.step(&extended, "extend", reason.clone()).await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (409, Some("urn:assent:problem:extended-before"))
    );

    local.advance(OVER_A_MONTH).await;
    let listed = local.listed("").await;
    let overdue: Vec<_> = listed.iter().map(|case| (&case["case_id"], &case["overdue"])).collect();
    assert_eq!(
        overdue,
        [(&late["case_id"], &json!(true)), (&extended["case_id"], &json!(false))]
    );
    assert!(!json!(listed).to_string().contains("4915112345"), "a list names nobody");
    let (status, problem) = local.step(&late, "extend", reason.clone()).await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (409, Some("urn:assent:problem:too-late"))
    );
    let (status, refused) = local.step(&late, "refuse", reason).await;
    assert_eq!((status, &refused["state"]), (200, &json!("refused")));
    assert_eq!(local.listed("?state=refused").await[0]["case_id"], late["case_id"]);
    assert_eq!(local.listed("").await.len(), 1);
    assert!(local.listed("?due_by=2026-01-01T00:00:00Z").await.is_empty());
}

#[tokio::test]
async fn each_mistake_has_an_answer_that_names_it() {
    let local = Local::start().await;
    let unknown = format!("/v1/cases/{}", "0".repeat(32));
    assert_eq!(local.get(&unknown).await.0, 404);
    assert_eq!(local.post(&format!("{unknown}/fulfil"), json!({})).await.0, 404);
    for (query, member) in [
        ("?state=done", "state"),
        ("?due_by=soon", "due_by"),
        ("?cursor=x", "cursor"),
    ] {
        let (status, problem) = local.get(&format!("/v1/cases{query}")).await;
        assert_eq!((status, problem["member"].as_str()), (400, Some(member)), "{problem}");
    }
    let case = local.demand(LISA, "access").await;
    for step in ["extend", "refuse"] {
        let (status, problem) = local.step(&case, step, json!({"reason": " "})).await;
        assert_eq!((status, problem["member"].as_str()), (400, Some("reason")), "{problem}");
    }
}
