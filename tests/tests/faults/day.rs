//! A day on which every function has something to do.

use consent::time::Time;
use lambda_http::http::Method;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::callers::{Answered, Api, number};
use crate::world::{Functions, Stored, World, within};

/// Asked for consent; the prompt waits in the outbox.
pub(crate) const ASKED: u32 = 1;
/// Consents, and says STOP.
pub(crate) const STOPS: u32 = 2;
/// Fills in a form.
pub(crate) const FORM: u32 = 3;
/// Is to be erased.
pub(crate) const ERASED: u32 = 4;
/// Consents, and is on the audience of two campaigns.
pub(crate) const RECIPIENT: u32 = 5;
/// Wants to know what is known, and was never heard of.
pub(crate) const DEMANDS: u32 = 6;

pub(crate) const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;

/// What is stored on a day on which every function has something to do. It is made once, for many worlds.
pub(crate) async fn a_full_day() -> &'static Stored {
    static STORED: OnceCell<Stored> = OnceCell::const_new();
    let make = async || {
        let world = World::new().await;
        let functions = world.functions().await;
        // A delivery that nobody can read, and that is to be deleted by now.
        functions.deliver_until_taken(b"{\"object\": ").await;
        world.wait(15 * DAY);
        functions.confirmed(&world, STOPS).await;
        functions.confirmed(&world, RECIPIENT).await;
        functions.opt_in_until_taken(ERASED).await;
        functions.sweep_until_done(&world).await;

        let at = world.unix_seconds() - world.unix_seconds() % DAY + DAY + 10 * HOUR;
        functions.campaign("now", at, &[number(RECIPIENT)]).await;
        let check =
            functions.ask_until_answered(Api::Campaigns, &Method::POST, "/v1/campaigns/now/check", &Value::Null);
        assert_eq!(check.await.body["verdict"]["clearance"], "cleared");
        world.wait(at - world.unix_seconds());
        functions.checked().await;
        functions.campaign("later", at + 2 * HOUR, &[number(RECIPIENT)]).await;
        functions.opt_in_until_taken(ASKED).await;
        world.stored().await
    };
    STORED.get_or_init(make).await
}

impl Functions {
    /// Registers a campaign for these numbers.
    pub(crate) async fn campaign(&self, id: &str, at: i64, audience: &[String]) {
        let plan = json!({
            "purpose": "offers", "sender": assent_tests::SENDER, "template": {"name": "winter_sale", "language": "de"},
            "scheduled_at": Time::from_unix_seconds(at).to_string(),
        });
        let audience: Vec<_> = audience.iter().map(|number| json!({"phone": number})).collect();
        let audience = json!({"recipients": audience});
        let path = format!("/v1/campaigns/{id}");
        let put = self
            .ask_until_answered(Api::Campaigns, &Method::PUT, &path, &plan)
            .await;
        assert_eq!(put.status, 201, "{put:?}");
        let path = format!("{path}/audience/1");
        let put = self
            .ask_until_answered(Api::Campaigns, &Method::PUT, &path, &audience)
            .await;
        assert_eq!(put.status, 200, "{put:?}");
    }

    /// Has the gate asked for the one recipient; their row.
    pub(crate) async fn gate(&self) -> Result<Value, Answered> {
        let body = json!({"recipients": [{"phone": number(RECIPIENT)}]});
        let answered = self
            .ask(Api::Campaigns, &Method::POST, "/v1/campaigns/now/sends", &body)
            .await;
        match answered.status {
            200 => Ok(answered.body["tickets"][0].clone()),
            _ => Err(answered),
        }
    }

    pub(crate) async fn erase(&self, contact: &str) -> Answered {
        let path = format!("/v1/contacts/{contact}/erasure");
        self.ask(Api::Rights, &Method::POST, &path, &json!({"reason": "a letter"}))
            .await
    }

    pub(crate) async fn status(&self, ending: u32) -> Value {
        self.look_up(ending).await.unwrap()["consents"][0]["status"].clone()
    }

    pub(crate) async fn ticket(&self) -> Value {
        for _ in 0..12 {
            if let Ok(row) = self.gate().await
                && row["verdict"] == "allow"
            {
                return row["ticket"].clone();
            }
        }
        panic!("nobody ever got a ticket: {:?}", self.gate().await);
    }

    /// Has a contact erased who may be already; which erasure it is.
    pub(crate) async fn erased(&self, contact: &str, before: &Answered) -> String {
        let erasure = |answered: &Answered| answered.body["erasure_id"].as_str().map(str::to_owned);
        if let Some(erasure) = erasure(before) {
            return erasure;
        }
        for _ in 0..12 {
            if let Some(erasure) = erasure(&self.erase(contact).await) {
                return erasure;
            }
        }
        panic!("the erasure never began: {:?}", self.erase(contact).await);
    }

    pub(crate) async fn checked(&self) {
        for _ in 0..12 {
            let round = within("campaign-check", async |deadline| {
                self.campaign_check.handle(deadline).await
            })
            .await;
            if round.is_ok_and(|round| round.unfinished + round.failed == 0) {
                return;
            }
        }
        panic!("the campaigns are never checked");
    }

    pub(crate) async fn purged(&self, world: &World) {
        for _ in 0..12 {
            if let Ok(retention::Purged::Run(report)) =
                within("retention", async |deadline| self.retention.handle(deadline).await).await
                && report.end == consent::retention::RunEnd::Complete
            {
                return;
            }
            world.wait(HOUR);
        }
        panic!("the purge never ends");
    }
}
