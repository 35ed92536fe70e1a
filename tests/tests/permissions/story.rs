//! A story in which every function does everything it can, told over HTTP on the local stack.
//!
//! What happens seldom happens here too: contacts of which half is gone, records that cannot be read, runs that died. Where only a
//! fault brings it about, the story puts the fault into the table itself.

use std::path::Path;
use std::sync::Mutex;

use assent::local::{EXAMPLE_POLICY, Options};
use assent_tests::by_hand::{delivery, text, value};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use consent::time::Time;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::observe::{chapter, overtake, was_overtaken, watched};
use crate::policy::Tables;
use crate::stack::{APP_SECRET, Local, VERIFY_TOKEN, phone};
use crate::years;

pub(crate) const DAY: u32 = 86_400;

/// The store's own client, which nobody watches.
static STORE: Mutex<Option<Client>> = Mutex::new(None);

fn watch(function: &'static str, client: Client) -> Client {
    if function == "assent" {
        *STORE.lock().unwrap() = Some(client.clone());
        return client;
    }
    watched(function, &client)
}

/// Tells the story, and says what the tables are called in it.
pub(crate) async fn play() -> Tables {
    let directory = tempfile::tempdir().unwrap();
    let story = Story::begin(directory.path(), EXAMPLE_POLICY, 0).await;
    chapter("the purge runs");
    story.purges().await;
    story.people_agree_and_stop().await;
    story.meta_is_silent_or_refuses().await;
    story.people_are_known_by_more_or_by_something_else().await;
    story.half_of_somebody_is_gone().await;
    story.meta_tells_how_things_are().await;
    story.people_demand_in_the_chat().await;
    story.people_demand_by_letter().await;
    story.a_campaign_is_sent().await;
    story.everyone_is_an_audience().await;
    story.records_are_held().await;
    story.whoever_is_everywhere_is_erased().await;
    story.figures_are_read().await;
    let now = story.local.now().await;
    drop(story);

    chapter("another policy comes into force");
    let story = Story::begin(directory.path(), &years::shorter(EXAMPLE_POLICY), now + 3_600).await;
    story.purges().await;
    // What happened before names the policy that was in force then.
    story.gets_a_copy(&phone("+4915112340003")).await;
    story.the_purge_finishes_what_others_began(directory.path()).await;
    story.records_cannot_be_read().await;
    story.wishes_outlive_what_else_was_known().await;
    story.years_pass().await;
    story.tables.clone()
}

/// The story so far.
pub(crate) struct Story {
    pub(crate) local: Local,
    pub(crate) store: Client,
    pub(crate) tables: Tables,
}

impl Story {
    /// The stack starts, at that time at the earliest.
    async fn begin(directory: &Path, policy: &str, at: i64) -> Self {
        let options = Options {
            data: Some(directory.to_owned()),
            app_secret: Some(APP_SECRET.to_owned()),
            verify_token: Some(VERIFY_TOKEN.to_owned()),
            policy: Some(policy.to_owned()),
            watch: Some(watch),
            ..Options::default()
        };
        let local = Local::with(options).await;
        let store = STORE.lock().unwrap().clone().unwrap();
        let names = store.list_tables().send().await.unwrap().table_names.unwrap();
        let (keys, ledger): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| name.ends_with("keys"));
        let tables = Tables::from([("Ledger", ledger.concat()), ("SubjectKeys", keys.concat())]);
        let story = Self { local, store, tables };
        let ahead = at - story.local.now().await;
        story.wait(u32::try_from(ahead.max(0)).unwrap()).await;
        story
    }

    // ---- how it is told ----

    pub(crate) async fn wait(&self, seconds: u32) {
        self.local.advance(seconds).await;
    }

    async fn ok(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let (status, answer) = self.local.send(method, path, body).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        self.ok(Method::POST, path, Some(body)).await
    }

    async fn get(&self, path: &str) -> Value {
        self.ok(Method::GET, path, None).await
    }

    async fn put(&self, path: &str, body: Value) -> Value {
        self.ok(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn contact_id(&self, who: &Value) -> String {
        self.local.look_up(who).await.1["contact_id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Somebody is asked and says yes.
    pub(crate) async fn agrees(&self, number: &str) -> Value {
        let who = phone(number);
        self.local.opt_in(number, "web_form").await;
        let prompt = self.local.last_received(&who).await;
        self.local.taps(who.clone(), &prompt, 0).await;
        assert_eq!(self.local.status(&who).await, "confirmed", "{number}");
        who
    }

    pub(crate) async fn deliver(&self, field: &str, members: Value) {
        assert_eq!(self.local.deliver(&delivery(field, &value(&members))).await, 200);
    }

    /// Meta says that a number is another one now.
    async fn moves(&self, from: &str, to: &str) {
        let at = self.local.now().await;
        self.deliver(
            "messages",
            json!({"messages": [{
                "from": &from[1..], "id": format!("wamid.moved-{from}"), "timestamp": at.to_string(), "type": "system",
                "system": {"type": "user_changed_number", "body": "whatever", "wa_id": &to[1..]},
            }]}),
        )
        .await;
        self.wait(60).await;
    }

    async fn fault(&self, fault: Value) {
        self.local.send(Method::POST, "/_local/meta/fault", Some(fault)).await;
    }

    async fn demand(&self, recipient: Value, kind: &str) -> Value {
        let body = json!({"recipient": recipient, "kind": kind, "channel": "email", "source": "mail of the 3rd"});
        self.post("/v1/cases", body).await
    }

    async fn step(&self, case: &Value, step: &str, body: Value) -> Value {
        self.post(&format!("/v1/cases/{}/{step}", case["case_id"].as_str().unwrap()), body)
            .await
    }

    /// Somebody demands something elsewhere, and shows in the chat that it is them.
    async fn shown_demand(&self, who: &Value, kind: &str) -> Value {
        let case = self.demand(who.clone(), kind).await;
        self.step(&case, "verify", json!({})).await;
        let question = self.local.last_received(who).await;
        self.local.taps(who.clone(), &question, 0).await;
        case
    }

    /// Deletes a contact's item, or its key, behind everybody's back.
    async fn halve(&self, contact: &str, table: &str) {
        let pk = AttributeValue::S(format!("contact#{contact}"));
        let delete = self.store.delete_item().table_name(&self.tables[table]).key("pk", pk);
        let delete = match table {
            "Ledger" => delete.key("sk", AttributeValue::S("contact".to_owned())),
            _ => delete,
        };
        delete.send().await.unwrap();
    }

    // ---- what happens ----

    async fn people_agree_and_stop(&self) {
        chapter("people agree and stop");
        let handshake = format!("/webhook?hub.mode=subscribe&hub.challenge=1&hub.verify_token={VERIFY_TOKEN}");
        self.local.get(&handshake).await;
        let anna = self.agrees("+4915112340001").await;
        self.local.writes(anna.clone(), "STOP").await;
        self.local.writes(anna.clone(), "START").await;
        let body = json!({
            "recipient": {"phone": "+4915112340002"}, "purposes": ["offers"], "locale": "de",
            "source": {"kind": "web_form"}, "idempotency_key": "form-1",
        });
        for _ in 0..2 {
            self.post("/v1/opt-ins", body.clone()).await;
        }
        let id = self.contact_id(&anna).await;
        self.get(&format!("/v1/contacts/{id}")).await;
        self.get(&format!("/v1/contacts/{id}/evidence")).await;
        self.post(&format!("/v1/contacts/{id}/withdrawals"), json!({"source": "email"}))
            .await;
        // Perhaps a stop: Anna is asked, and answers.
        let berta = self.agrees("+4915112340003").await;
        self.local
            .writes(berta.clone(), "please can you stop sending me the red ones")
            .await;
        let question = self.local.last_received(&berta).await;
        self.local.taps(berta, &question, 1).await;
    }

    async fn meta_is_silent_or_refuses(&self) {
        chapter("Meta is silent or refuses");
        for (number, fault) in [
            ("+4915112340011", json!({"fault": "taken_unanswered"})),
            (
                "+4915112340012",
                json!({"fault": {"error": {"code": 130_429}}, "times": 2}),
            ),
            ("+4915112340013", json!({"fault": {"error": {"code": 131_026}}})),
            ("+4915112340014", json!({"fault": {"error": {"code": 131_050}}})),
        ] {
            self.fault(fault).await;
            self.local.opt_in(number, "web_form").await;
            for _ in 0..3 {
                self.wait(1_200).await;
            }
        }
    }

    async fn people_are_known_by_more_or_by_something_else(&self) {
        chapter("people are known by more, or by something else");
        // Meta knows both of a stranger, and says so when it takes the message.
        let both = json!({"phone": "+4915112340021", "bsuid": "DE.100200300"});
        self.local.writes(both, "Haben Sie morgen geöffnet?").await;
        self.local.opt_in("+4915112340021", "web_form").await;
        self.agrees("+4915112340022").await;
        let both = json!({"phone": "+4915112340022", "bsuid": "DE.100200301"});
        self.local.writes(both, "help").await;
        self.agrees("+4915112340023").await;
        self.moves("+4915112340023", "+4915112340024").await;
        let at = self.local.now().await;
        let late = text("4915112340023", "wamid.late-stop", at - 120, "STOP");
        self.deliver("messages", json!({"messages": [late]})).await;
    }

    async fn half_of_somebody_is_gone(&self) {
        chapter("half of somebody is gone");
        for (place, table) in ["Ledger", "SubjectKeys"].into_iter().enumerate() {
            let number = |way: usize| format!("+491511234003{}", 2 * way + place);
            for way in 0..3 {
                self.local.opt_in(&number(way), "web_form").await;
                let contact = self.contact_id(&phone(&number(way))).await;
                self.halve(&contact, table).await;
            }
            self.local.writes(phone(&number(0)), "START").await;
            self.local.opt_in(&number(1), "web_form").await;
            self.demand(phone(&number(2)), "objection").await;
        }
    }

    async fn meta_tells_how_things_are(&self) {
        chapter("Meta tells how things are");
        for change in [
            json!({"quality": "RED"}),
            json!({"quality": "GREEN", "limit": "TIER_1K"}),
            json!({"template": {"name": "winter_sale", "language": "de", "quality": "GREEN"}}),
        ] {
            self.post("/_local/meta/health", change).await;
        }
        assert_eq!(
            self.local
                .deliver_bytes(b"this is not JSON, and is about +4915112340091".to_vec())
                .await,
            200
        );
    }

    async fn people_demand_in_the_chat(&self) {
        chapter("people demand in the chat");
        let carl = self.agrees("+4915112340041").await;
        self.local.writes(carl.clone(), "Auskunft").await;
        self.gets_a_copy(&carl).await;
        let closed = self.get("/v1/cases?state=fulfilled").await["cases"][0].clone();
        let case = closed["case_id"].as_str().unwrap();
        self.get(&format!("/v1/cases/{case}/copy?form=json")).await;
        let dora = self.agrees("+4915112340042").await;
        self.local.writes(dora.clone(), "Bitte meine Daten löschen").await;
        let question = self.local.last_received(&dora).await;
        self.local.taps(dora, &question, 0).await;
        let case = self.get("/v1/cases?state=verified").await["cases"][0].clone();
        self.step(&case, "fulfil", json!({})).await;
    }

    /// Somebody demands their data in the chat, and fetches them.
    pub(crate) async fn gets_a_copy(&self, who: &Value) {
        self.local.writes(who.clone(), "Auskunft").await;
        let question = self.local.last_received(who).await;
        self.local.taps(who.clone(), &question, 0).await;
        let message = self.local.last_received(who).await;
        let message = message["text"].as_str().unwrap();
        let mut numbers = message.split(|c: char| !c.is_ascii_digit());
        let code = numbers.find(|number| number.len() == 8).unwrap();
        let (_, page) = message.split_once("https://consent.example.com").unwrap();
        let page = page.split_whitespace().next().unwrap();
        self.local.get(page).await;
        for code in ["00000000", code] {
            let told = self.local.client.post(format!("{}{page}", self.local.base));
            let told = told.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            told.body(format!("code={code}&form=json")).send().await.unwrap();
        }
    }

    async fn people_demand_by_letter(&self) {
        chapter("people demand by letter");
        let emil = self.agrees("+4915112340051").await;
        for who in [emil.clone(), phone("+4915112340052")] {
            let objection = self.demand(who, "objection").await;
            self.step(&objection, "fulfil", json!({})).await;
        }
        let access = self.demand(emil.clone(), "access").await;
        self.demand(emil.clone(), "access").await;
        self.step(&access, "extend", json!({"reason": "many letters"})).await;
        self.get("/v1/cases").await;
        self.get(&format!("/v1/cases/{}", access["case_id"].as_str().unwrap()))
            .await;
        self.step(&access, "withdraw", json!({})).await;
        let refused = self.demand(emil, "portability").await;
        self.step(&refused, "refuse", json!({"reason": "not theirs"})).await;

        let frieda = self.agrees("+4915112340053").await;
        let restriction = self.shown_demand(&frieda, "restriction").await;
        self.step(&restriction, "fulfil", json!({})).await;
        for _ in 0..2 {
            self.step(&restriction, "lift", json!({})).await;
        }
        let gustav = self.agrees("+4915112340054").await;
        let rectification = self.shown_demand(&gustav, "rectification").await;
        let right = json!({"locale": "en", "phone": "+4915112340055", "partly": "the name is not ours"});
        self.step(&rectification, "fulfil", right).await;
    }

    async fn campaign(&self, id: &str) -> Time {
        let now = self.local.now().await;
        let at = Time::from_unix_seconds(now - now % i64::from(DAY) + i64::from(DAY) + 10 * 3_600);
        let plan = json!({
            "purpose": "offers", "sender": "106540352242922", "template": {"name": "winter_sale", "language": "de"},
            "scheduled_at": at.to_string(),
        });
        self.put(&format!("/v1/campaigns/{id}"), plan).await;
        at
    }

    async fn wait_until(&self, at: Time) {
        let seconds = at.unix_seconds() - self.local.now().await;
        self.wait(u32::try_from(seconds.max(0)).unwrap()).await;
    }

    async fn a_campaign_is_sent(&self) {
        chapter("a campaign is sent");
        let numbers: Vec<_> = (0..8).map(|number| format!("+491511234006{number}")).collect();
        for number in &numbers {
            self.agrees(number).await;
        }
        self.waits_for_a_prompt(&numbers[2]).await;
        let at = self.campaign("winter").await;
        let list = |numbers: &[String]| {
            let listed = numbers
                .iter()
                .map(|number| json!({"phone": number, "ref": format!("customer {number}")}));
            json!({"recipients": listed.collect::<Vec<_>>()})
        };
        let audience = "/v1/campaigns/winter/audience";
        self.put(&format!("{audience}/1"), list(&numbers)).await;
        self.put(&format!("{audience}/1"), list(&numbers[..6])).await;
        self.put(&format!("{audience}/2"), list(&["+4915112340099".to_owned()]))
            .await;
        self.post("/v1/campaigns/winter/check", json!({})).await;
        self.wait_until(at).await;
        self.post("/_local/run/campaign-check", Value::Null).await;
        self.get("/v1/campaigns/winter").await;
        self.get("/v1/campaigns/winter/recipients").await;
        let check = json!({"purpose": "offers", "recipients": [{"phone": numbers[0]}, {"phone": "+4915112340099"}]});
        self.post("/v1/consent-checks", check).await;
        let all: Vec<_> = numbers.iter().map(|number| json!({"phone": number})).collect();
        let sends = self
            .post("/v1/campaigns/winter/sends", json!({"recipients": all}))
            .await;
        let ticket = |row: usize, member: &str| sends["tickets"][row][member].clone();
        assert_eq!(ticket(5, "verdict"), "allow", "{sends}");
        self.post("/v1/tickets/verify", json!({"ticket": ticket(0, "ticket")}))
            .await;
        let result = |row: usize, result: &str, code: Option<u32>| {
            let mut result = json!({"contact_id": ticket(row, "contact_id"), "result": result});
            if let Some(code) = code {
                result["code"] = json!(code);
            }
            result
        };
        self.wait(10).await;
        let results = [result(0, "sent", None), result(1, "failed", Some(131_049))];
        self.post("/v1/campaigns/winter/sends/results", json!({"results": results}))
            .await;
        let now = self.local.now().await.to_string();
        let status = |row: usize, status: &str, errors: Value| {
            json!({
                "id": format!("wamid.row{row}"), "status": status, "timestamp": now,
                "recipient_id": &numbers[row][1..], "biz_opaque_callback_data": ticket(row, "callback_data"),
                "errors": errors,
            })
        };
        let stopped = json!([{"code": 131_050, "title": "stopped"}]);
        let statuses = [status(3, "delivered", json!([])), status(4, "failed", stopped)];
        self.deliver("messages", json!({"statuses": statuses})).await;
        self.local.writes(phone(&numbers[5]), "STOP").await;
        // A stop that only Meta knew of, passed on when the prompt may be made that had to wait.
        self.wait(DAY).await;
        let results = [result(2, "failed", Some(131_050))];
        self.post("/v1/campaigns/winter/sends/results", json!({"results": results}))
            .await;
    }

    /// Somebody asks for so much within a day that the last prompt has to wait.
    async fn waits_for_a_prompt(&self, number: &str) {
        let who = phone(number);
        for answer in [1, 0] {
            self.local.writes(who.clone(), "STOP").await;
            self.local.writes(who.clone(), "Angebote").await;
            let prompt = self.local.last_received(&who).await;
            self.local.taps(who.clone(), &prompt, answer).await;
        }
        let received = self.local.received(&who).await.len();
        self.local.writes(who.clone(), "Bestellungen").await;
        assert_eq!(self.local.received(&who).await.len(), received);
        assert_eq!(self.local.status_of(&who, "offers").await, "confirmed");
    }

    async fn everyone_is_an_audience(&self) {
        chapter("everyone is an audience");
        let at = self.campaign("everyone").await;
        let one = json!({"recipients": [{"phone": "+4915112340060"}]});
        self.put("/v1/campaigns/everyone/audience/1", one).await;
        self.put(
            "/v1/campaigns/everyone/audience/1",
            json!({"all": {"purpose": "offers"}}),
        )
        .await;
        self.post("/v1/campaigns/everyone/check", json!({})).await;
        self.get("/v1/campaigns/everyone/recipients").await;
        self.wait_until(at).await;
        self.post("/_local/run/campaign-check", Value::Null).await;
        self.wait(2 * 3_600).await;
        self.post("/_local/run/campaign-check", Value::Null).await;
        self.wait(8 * DAY).await;
        self.post("/_local/run/campaign-check", Value::Null).await;
    }

    async fn records_are_held(&self) {
        chapter("records are held");
        let hans = self.agrees("+4915112340071").await;
        let path = format!("/v1/contacts/{}", self.contact_id(&hans).await);
        let until = Time::from_unix_seconds(self.local.now().await + i64::from(2 * DAY));
        let hold = json!({"reason": "a claim", "until": until});
        self.put(&format!("{path}/legal-hold"), hold.clone()).await;
        let (status, _) = self
            .local
            .post(&format!("{path}/erasure"), json!({"reason": "he asked"}))
            .await;
        assert_eq!(status, 409);
        self.ok(Method::DELETE, &format!("{path}/legal-hold"), None).await;
        self.put(&format!("{path}/legal-hold"), hold).await;
        self.wait(3 * DAY).await;
        self.post(&format!("{path}/erasure"), json!({"reason": "he asked"}))
            .await;
    }

    /// Somebody is known by number and id, on audiences alone and with others, in a delivery that nobody could read, and has a copy.
    pub(crate) async fn is_everywhere(&self, number: &str, bsuid: &str, campaign: &str) -> String {
        let who = self.agrees(number).await;
        self.local
            .writes(json!({"phone": number, "bsuid": bsuid}), "help")
            .await;
        self.campaign(campaign).await;
        let alone = json!({"recipients": [{"phone": number, "ref": "alone"}]});
        self.put(&format!("/v1/campaigns/{campaign}/audience/1"), alone).await;
        let others = (0..200).map(|other| json!({"phone": format!("+49151123{other:05}"), "ref": "x"}));
        let theirs = json!({"phone": number, "ref": "with others"});
        let crowd: Vec<_> = others.chain([theirs]).collect();
        self.put(
            &format!("/v1/campaigns/{campaign}/audience/2"),
            json!({"recipients": crowd}),
        )
        .await;
        let raw = format!("{{\"broken\": \"{}\"", &number[1..]);
        assert_eq!(self.local.deliver_bytes(raw.into_bytes()).await, 200);
        self.gets_a_copy(&who).await;
        self.contact_id(&who).await
    }

    async fn whoever_is_everywhere_is_erased(&self) {
        chapter("whoever is everywhere is erased");
        let contact = self.is_everywhere("+4915112340081", "DE.100200302", "spring").await;
        let erasure = format!("/v1/contacts/{contact}/erasure");
        overtake("rights");
        let erased = self.post(&erasure, json!({"reason": "she asked"})).await;
        let erasure = format!("/v1/erasures/{}", erased["erasure_id"].as_str().unwrap());
        assert_eq!(self.get(&erasure).await["state"], "done");
        assert!(was_overtaken());
        self.wait(60).await;
    }

    async fn figures_are_read(&self) {
        chapter("figures are read");
        self.get("/v1/reports/digest").await;
        self.get("/v1/retention/runs").await;
    }
}
