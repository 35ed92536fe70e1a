//! Campaigns, as the tool that runs them meets the API.

use assent_tests::by_hand::{delivery, value};
use consent::time::{Span, Time};
use reqwest::Method;
use serde_json::{Value, json};

use crate::stack::{Local, Log, phone};

const BEN: &str = "+4915112340001";
const CLEO: &str = "+4915112340002";
const STRANGER: &str = "+4915112340003";

impl Local {
    async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Method::PUT, path, Some(body)).await
    }

    /// Lets somebody ask for offers and confirm.
    async fn agrees(&self, number: &str) {
        self.opt_in(number, "web_form").await;
        let prompt = self.last_received(&phone(number)).await;
        self.taps(phone(number), &prompt, 0).await;
        assert_eq!(self.status(&phone(number)).await, "confirmed");
    }

    /// Late in the morning of a day to come, when contacts are not left alone.
    async fn late_morning(&self) -> Time {
        let now = self.now().await;
        Time::from_unix_seconds(now - now % 86_400) + Span::hours(24 + 10)
    }

    async fn wait_until(&self, at: Time) {
        let seconds = at.unix_seconds() - self.now().await;
        self.advance(u32::try_from(seconds).unwrap()).await;
    }

    /// Registers a campaign, and says when it starts.
    async fn campaign(&self, id: &str) -> Time {
        let at = self.late_morning().await;
        let (status, answer) = self.put(&format!("/v1/campaigns/{id}"), plan(at)).await;
        assert_eq!(status, 201, "{answer}");
        at
    }

    async fn part(&self, id: &str, recipients: Value) -> Value {
        let path = format!("/v1/campaigns/{id}/audience/1");
        let (status, answer) = self.put(&path, json!({"recipients": recipients})).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    async fn check(&self, id: &str) -> Value {
        let (status, answer) = self
            .send(Method::POST, &format!("/v1/campaigns/{id}/check"), None)
            .await;
        assert_eq!(status, 200, "{answer}");
        answer["verdict"].clone()
    }

    async fn gate(&self, id: &str, recipients: Value) -> (u16, Value) {
        let path = format!("/v1/campaigns/{id}/sends");
        self.post(&path, json!({"recipients": recipients})).await
    }

    async fn says_of_health(&self, change: Value) {
        let (status, answer) = self.post("/_local/meta/health", change).await;
        assert_eq!((status, &answer["webhook"]), (200, &json!(200)), "{answer}");
    }
}

fn plan(at: Time) -> Value {
    json!({
        "purpose": "offers", "sender": "106540352242922", "template": {"name": "winter_sale", "language": "de"},
        "scheduled_at": at.to_string(),
    })
}

fn causes(verdict: &Value) -> Vec<&str> {
    let causes = verdict["causes"].as_array().unwrap();
    causes.iter().map(|cause| cause["cause"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_campaign_is_registered_checked_and_let_go_to_whom_it_may() {
    let local = Local::start().await;
    local.agrees(BEN).await;
    local.agrees(CLEO).await;
    let others = ["+4915112340011", "+4915112340012", "+4915112340013", "+4915112340014"];
    for other in others {
        local.agrees(other).await;
    }
    let at = local.campaign("winter").await;
    assert_eq!(local.put("/v1/campaigns/winter", plan(at)).await.0, 200);

    let mut list = vec![
        json!({"phone": BEN, "ref": "customer 1"}),
        json!({"phone": "12"}),
        json!({"phone": CLEO, "ref": "customer 2"}),
        json!({"phone": BEN, "ref": "customer 1 again"}),
    ];
    list.extend(others.map(|other| json!({"phone": other, "ref": "another customer"})));
    let taken = local.part("winter", json!(list)).await;
    assert_eq!(
        (&taken["accepted"], &taken["duplicates"]),
        (&json!(6), &json!(1)),
        "{taken}"
    );
    assert_eq!(taken["invalid"][0]["position"], 1);
    let verdict = local.check("winter").await;
    assert_eq!(verdict["clearance"], "cleared_with_exclusions", "{verdict}");
    assert_eq!(verdict["signature_valid"], true);

    local.wait_until(at).await;
    let ran = local.post("/_local/run/campaign-check", Value::Null).await.1;
    assert_eq!(ran["campaigns"]["checked"], 1, "{ran}");
    let (_, page) = local.get("/v1/campaigns/winter/recipients?verdict=allow").await;
    let references: Vec<_> = page["recipients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|recipient| recipient["ref"].as_str().unwrap())
        .collect();
    assert_eq!(references.len(), 6, "{page}");
    assert!(references.contains(&"customer 1") && references.contains(&"customer 2"));

    // Somebody leaves before it comes to sending.
    local.writes(phone(CLEO), "STOP").await;
    let all = json!([{"phone": BEN}, {"phone": CLEO}, {"phone": STRANGER}, {"phone": "12"}]);
    let (status, sends) = local.gate("winter", all.clone()).await;
    assert_eq!(status, 200, "{sends}");
    let rows = sends["tickets"].as_array().unwrap();
    let verdicts: Vec<_> = rows.iter().map(|row| row["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["allow", "deny", "deny", "deny"]);
    assert_eq!(rows[1]["reasons"][0], "objection_marketing");
    assert_eq!(rows[2]["reasons"], json!(["unknown_contact"]));
    assert_eq!(rows[3]["reasons"], json!(["bad_identifier"]));
    let again = local.gate("winter", all).await.1;
    assert_eq!(again["tickets"][0]["ticket"], rows[0]["ticket"]);

    let ticket = rows[0]["ticket"].as_str().unwrap();
    let verify = async |ticket: &str| local.post("/v1/tickets/verify", json!({"ticket": ticket})).await.1;
    let valid = verify(ticket).await;
    assert_eq!((&valid["valid"], &valid["campaign"]), (&json!(true), &json!("winter")));
    assert_eq!(valid["contact_id"], rows[0]["contact_id"]);
    let changed = if ticket.ends_with('A') { 'B' } else { 'A' };
    let forged = format!("{}{changed}", &ticket[..ticket.len() - 1]);
    assert_eq!(verify(&forged).await["reason"], "forged");
    local.advance(60).await;
    assert_eq!(verify(ticket).await["reason"], "expired");

    let results = json!({"results": [{"contact_id": rows[0]["contact_id"], "result": "sent"}]});
    for outcome in ["recorded", "known"] {
        let (_, taken) = local.post("/v1/campaigns/winter/sends/results", results.clone()).await;
        assert_eq!(taken["results"][0]["outcome"], outcome);
    }
    let (status, closed) = local
        .put(
            "/v1/campaigns/winter/audience/1",
            json!({"recipients": [{"phone": BEN}]}),
        )
        .await;
    assert_eq!(
        (status, closed["type"].as_str().unwrap().ends_with("already-sending")),
        (409, true),
        "{closed}"
    );

    let (_, shown) = local.get("/v1/campaigns/winter").await;
    let answers = [taken, verdict, page, sends, again, valid, shown].map(|answer| answer.to_string());
    let log = Log::of_this_process().text();
    for number in [BEN, CLEO, STRANGER] {
        let digits = &number[1..];
        assert!(answers.iter().all(|answer| !answer.contains(digits)), "{answers:?}");
        assert!(!log.contains(digits));
    }
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_in_words_that_help() {
    let local = Local::start().await;
    let at = local.campaign("winter").await;
    let with = |member: &str, value: Value| {
        let mut plan = plan(at);
        plan[member] = value;
        plan
    };
    for (body, status, kind, member) in [
        (
            with("scheduled_at", json!("2020-01-01T10:00:00+01:00")),
            400,
            "past-time",
            "scheduled_at",
        ),
        (
            with("scheduled_at", json!("2099-01-01T10:00:00+01:00")),
            400,
            "distant-time",
            "scheduled_at",
        ),
        (
            with("scheduled_at", json!("tomorrow")),
            400,
            "malformed",
            "scheduled_at",
        ),
        (with("purpose", json!("weather")), 422, "unknown-purpose", "purpose"),
        (with("sender", json!("1234567")), 422, "unknown-sender", "sender"),
        (with("mode", json!("loud")), 400, "malformed", "mode"),
        (
            with("template", json!({"name": "Winter!", "language": "de"})),
            400,
            "malformed",
            "template.name",
        ),
    ] {
        let (got, answer) = local.put("/v1/campaigns/other", body).await;
        assert_eq!(got, status, "{answer}");
        assert!(answer["type"].as_str().unwrap().ends_with(kind), "{answer}");
        assert_eq!(answer["member"], member, "{answer}");
        assert!(!answer["detail"].as_str().unwrap().is_empty());
    }
    let many: Vec<_> = (0..5_001)
        .map(|number| json!({"phone": format!("+49151{number:08}")}))
        .collect();
    let (status, answer) = local
        .put("/v1/campaigns/winter/audience/1", json!({"recipients": many}))
        .await;
    assert_eq!((status, &answer["member"]), (400, &json!("recipients")), "{answer}");
    let unknown = local.get("/v1/campaigns/autumn").await;
    assert_eq!(unknown.0, 404, "{unknown:?}");
    let (status, answer) = local.gate("winter", json!([{"phone": BEN}])).await;
    assert_eq!(status, 409, "{answer}");
    assert!(answer["type"].as_str().unwrap().ends_with("not-started"), "{answer}");
    let many: Vec<_> = (0..26).map(|_| json!({"phone": BEN})).collect();
    assert_eq!(local.gate("winter", json!(many)).await.0, 400);
    let (status, answer) = local.get("/v1/campaigns/winter/recipients?cursor=nonsense").await;
    assert_eq!((status, &answer["member"]), (400, &json!("cursor")), "{answer}");
}

#[tokio::test]
async fn nobody_on_the_list_and_nobody_who_agreed_stop_a_campaign() {
    let local = Local::start().await;
    local.campaign("winter").await;
    let verdict = local.check("winter").await;
    assert_eq!(
        (verdict["clearance"].as_str(), causes(&verdict)),
        (Some("blocked"), vec!["empty_audience"])
    );
    local.part("winter", json!([{"phone": STRANGER}])).await;
    let verdict = local.check("winter").await;
    assert_eq!(causes(&verdict), ["nobody_eligible"], "{verdict}");
    assert!(verdict["causes"][0]["release"].as_str().unwrap().contains("agreed"));
}

#[tokio::test]
async fn a_red_rating_holds_the_campaign_until_it_is_gone() {
    let local = Local::start().await;
    local.agrees(BEN).await;
    let at = local.campaign("winter").await;
    local.part("winter", json!([{"phone": BEN}])).await;
    assert_eq!(local.check("winter").await["clearance"], "cleared");
    local.says_of_health(json!({"quality": "RED"})).await;
    local.wait_until(at).await;
    local.post("/_local/run/campaign-check", Value::Null).await;
    let (_, shown) = local.get("/v1/campaigns/winter").await;
    assert_eq!(shown["verdict"]["clearance"], "held", "{shown}");
    assert_eq!(causes(&shown["verdict"]), ["quality_red"]);
    assert!(local.metric("campaign-check", "campaigns_held").await > 0.0);
    let (status, refused) = local.gate("winter", json!([{"phone": BEN}])).await;
    assert_eq!(status, 409);
    assert!(
        refused["type"].as_str().unwrap().ends_with("campaign-held"),
        "{refused}"
    );

    local.says_of_health(json!({"quality": "GREEN"})).await;
    assert_eq!(local.gate("winter", json!([{"phone": BEN}])).await.0, 409);
    assert_eq!(local.check("winter").await["clearance"], "cleared");
    let (_, passed) = local.gate("winter", json!([{"phone": BEN}])).await;
    assert_eq!(passed["tickets"][0]["verdict"], "allow");
    // From one second to the next the rating falls, and the gate knows it without a check.
    local.says_of_health(json!({"quality": "RED"})).await;
    local.advance(120).await;
    let (_, refused) = local.gate("winter", json!([{"phone": BEN}])).await;
    assert_eq!(refused["tickets"][0]["verdict"], "deny", "{refused}");
}

#[tokio::test]
async fn a_template_that_meta_does_not_have_stops_the_campaign() {
    let local = Local::start().await;
    local.agrees(BEN).await;
    local.campaign("winter").await;
    local.part("winter", json!([{"phone": BEN}])).await;
    let missing = json!({"template": {"name": "winter_sale", "language": "de", "missing": true}});
    local.says_of_health(missing).await;
    local.advance(2 * 3_600).await;
    let verdict = local.check("winter").await;
    assert_eq!(verdict["clearance"], "blocked");
    assert_eq!(causes(&verdict)[0], "template_not_approved", "{verdict}");
}

#[tokio::test]
async fn metas_statuses_close_sends_and_a_stop_that_was_missed_is_found() {
    let local = Local::start().await;
    local.agrees(BEN).await;
    local.agrees(CLEO).await;
    let at = local.campaign("winter").await;
    local.part("winter", json!([{"phone": BEN}, {"phone": CLEO}])).await;
    local.wait_until(at).await;
    local.check("winter").await;
    let (_, passed) = local.gate("winter", json!([{"phone": BEN}, {"phone": CLEO}])).await;
    let callback = |row: usize| passed["tickets"][row]["callback_data"].clone();
    local.advance(10).await;
    let now = local.now().await.to_string();
    let delivered = json!({"id": "wamid.one", "status": "delivered", "timestamp": now, "recipient_id": &BEN[1..],
        "biz_opaque_callback_data": callback(0)});
    let refused = json!({"id": "wamid.two", "status": "failed", "timestamp": now, "recipient_id": &CLEO[1..],
        "biz_opaque_callback_data": callback(1), "errors": [{"code": 131050, "title": "stopped"}]});
    let statuses = delivery("messages", &value(&json!({"statuses": [delivered, refused]})));
    assert_eq!(local.deliver(&statuses).await, 200);
    assert_eq!(local.deliver(&statuses).await, 200);
    assert_eq!(local.suppressions(&phone(CLEO)).await, ["platform_stop"]);
    assert_eq!(local.metric("webhook", "findings").await, 1.0);
    assert_eq!(local.get("/v1/campaigns/winter").await.1["findings"], 1);
    local.advance(60).await;
    let (_, rows) = local.gate("winter", json!([{"phone": BEN}])).await;
    assert_eq!(rows["tickets"][0]["reasons"], json!(["already_sent"]));
}

#[tokio::test]
async fn a_tool_with_campaigns_of_its_own_asks_about_each_recipient() {
    let local = Local::start().await;
    local.agrees(BEN).await;
    local.wait_until(local.late_morning().await).await;
    let mut recipients = vec![json!({"phone": STRANGER}); 3];
    recipients[1] = json!({"phone": BEN});
    recipients[2] = json!({"phone": "no number"});
    let asked = json!({"purpose": "offers", "recipients": recipients});
    let (status, answer) = local.post("/v1/consent-checks", asked).await;
    assert_eq!(status, 200, "{answer}");
    let verdicts: Vec<_> = answer["decisions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["verdict"])
        .collect();
    assert_eq!(verdicts, ["deny", "allow", "deny"], "{answer}");
    let many = vec![json!({"phone": BEN}); 1_001];
    let asked = json!({"purpose": "offers", "recipients": many});
    let (status, answer) = local.post("/v1/consent-checks", asked).await;
    assert_eq!((status, &answer["member"]), (400, &json!("recipients")), "{answer}");
}
