//! Each kind of event, once.

use std::collections::BTreeMap;

use assent_tests::{SENDER, business};
use consent::outgoing::Reference;
use consent::time::Time;
use lambda_http::http::Method;
use platform::logs;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;
use whatsapp::compose::{Notice, StatusState};
use whatsapp::delivery::{Limit, NumberEvent};
use whatsapp::{Callback, MessageId};

use crate::kind::{AT_THE_GATE, Kind, MANY, PART};
use crate::world::{Api, Measured, Page, World, deadline, delivery, number, person};

const DAY: i64 = 24 * 60 * 60;

/// The first of those who are on the audience of a campaign.
const AUDIENCE: usize = 1_000;

/// What was played.
pub(crate) struct Played {
    pub(crate) measured: BTreeMap<Kind, Measured>,
    /// How many bytes a contact takes who has consented, with all that is kept about them.
    pub(crate) contact_bytes: usize,
    /// How many bytes one more campaign's message takes.
    pub(crate) send_bytes: usize,
}

/// A part of an audience with so many recipients, each with the tool's own name for them.
fn part(recipients: usize) -> Value {
    let recipients =
        (0..recipients).map(|row| json!({"phone": number(AUDIENCE + row), "ref": format!("customer-{row:05}")}));
    json!({"recipients": recipients.collect::<Vec<_>>()})
}

impl Played {
    fn new() -> Self {
        Self {
            measured: BTreeMap::new(),
            contact_bytes: 0,
            send_bytes: 0,
        }
    }

    async fn see<T>(&mut self, kind: Kind, world: &World, act: impl Future<Output = T>) -> T {
        let (measured, value) = world.measured(act).await;
        assert!(
            self.measured.insert(kind, measured).is_none(),
            "{kind:?} was seen before"
        );
        value
    }
}

pub(crate) async fn play() -> Played {
    let _guard = tracing::subscriber::set_default(logs::subscriber(LevelFilter::INFO, || Page));
    let mut played = Played::new();
    played.people().await;
    played.strangers_and_others().await;
    played.campaign().await;
    played.years().await;
    played.policy().await;
    played
}

fn status(ending: usize, state: &StatusState, callback: &Callback, at: i64, codes: &[u32]) -> Vec<u8> {
    let sent = MessageId::new(format!("wamid.sent-to-{}", number(ending)));
    delivery(business().status(&sent, &person(ending), state, at, Some(callback), codes))
}

impl Played {
    /// Somebody is asked, agrees, stops, and comes back; two others decline.
    async fn people(&mut self) {
        let world = World::new().await;
        let functions = &world.functions;
        let anna = self
            .see(Kind::OptInOfStranger, &world, functions.opts_in(1, "form"))
            .await;
        self.see(Kind::OptInAgain, &world, functions.opts_in(1, "form")).await;
        let [prompt] = world.waiting().await[..] else {
            panic!("one prompt waits")
        };
        self.see(Kind::Prompting, &world, functions.stream(&prompt)).await;
        let callback = Callback::new(Reference::Prompt(prompt).to_string()).unwrap();
        for (kind, state) in [
            (Kind::PromptSent, StatusState::Sent),
            (Kind::PromptDelivered, StatusState::Delivered),
            (Kind::PromptRead, StatusState::Read),
        ] {
            let status = status(1, &state, &callback, world.now(), &[]);
            self.see(kind, &world, functions.deliver(status)).await;
        }
        world.later(60);
        self.see(Kind::Confirm, &world, functions.deliver(world.taps(1, 0)))
            .await;
        let [confirmation] = world.waiting().await[..] else {
            panic!("one confirmation waits")
        };
        self.see(Kind::Answering, &world, functions.stream(&confirmation)).await;
        self.see(Kind::OptInOfContact, &world, functions.opts_in(1, "later"))
            .await;
        let recipient = json!({"recipient": {"phone": number(1)}});
        let look_up = functions.post(Api::OptIn, "/v1/contacts/lookup", recipient);
        self.see(Kind::LookUp, &world, look_up).await;
        let question = world.says(1, "Wann kommt meine Bestellung?");
        self.see(Kind::Neutral, &world, functions.deliver(question)).await;
        world.later(60);
        let stop = world.says(1, "STOP");
        self.see(Kind::StopOfContact, &world, functions.deliver(stop.clone()))
            .await;
        self.see(Kind::Redelivery, &world, functions.deliver(stop)).await;
        world.quiet.sends_all(&world).await;
        world.later(60);
        self.see(Kind::Start, &world, functions.deliver(world.says(1, "START")))
            .await;
        world.quiet.sends_all(&world).await;
        let withdrawal = functions.post(
            Api::OptIn,
            format!("/v1/contacts/{anna}/withdrawals"),
            json!({"source": "email"}),
        );
        self.see(Kind::Withdrawal, &world, withdrawal).await;
        let evidence = functions.ask(
            Api::OptIn,
            Method::GET,
            format!("/v1/contacts/{anna}/evidence"),
            Value::Null,
        );
        let evidence = self.see(Kind::Evidence, &world, evidence).await;
        assert_eq!(evidence["events"].as_array().unwrap().len(), 10, "{evidence}");
        let reason = json!({"reason": "a letter"});
        let erasure = functions.post(Api::Rights, format!("/v1/contacts/{anna}/erasure"), reason);
        self.see(Kind::Erasure, &world, erasure).await;

        for (ending, button, kind) in [(2, 1, Kind::Decline), (3, 2, Kind::NotMe)] {
            world.quiet.opts_in(ending, "form").await;
            world.quiet.sends_all(&world).await;
            world.later(60);
            let tap = world.taps(ending, button);
            self.see(kind, &world, functions.deliver(tap)).await;
            world.quiet.sends_all(&world).await;
        }
    }

    async fn strangers_and_others(&mut self) {
        let world = World::new().await;
        let functions = &world.functions;
        self.see(Kind::SweepOfNothing, &world, functions.outbox.sweep(deadline()))
            .await
            .unwrap();
        self.see(Kind::StopOfStranger, &world, functions.deliver(world.says(1, "STOP")))
            .await;
        world.quiet.sends_all(&world).await;
        world.quiet.agrees(&world, 2).await;
        self.see(Kind::Demand, &world, functions.deliver(world.says(2, "Auskunft")))
            .await;
        let [step] = world.waiting().await[..] else {
            panic!("one step waits")
        };
        self.see(Kind::Asking, &world, functions.stream(&step)).await;
        world.quiet.sends_all(&world).await;
        let case = json!({"recipient": {"phone": number(2)}, "kind": "portability", "channel": "email", "source": "mail of the 3rd"});
        self.see(Kind::Case, &world, functions.post(Api::Rights, "/v1/cases", case))
            .await;
        let notice = Notice::number(&business().number, &NumberEvent::Flagged, &Limit::People(1_000));
        let notices = business().notices(world.now(), [notice]);
        self.see(Kind::Health, &world, functions.deliver(notices)).await;
        self.see(Kind::Quarantine, &world, functions.deliver(b"{\"object\": ".to_vec()))
            .await;
    }

    /// A campaign for many, from its registration to what became of its messages.
    async fn campaign(&mut self) {
        let world = World::new().await;
        let functions = &world.functions;
        for ending in AUDIENCE..AUDIENCE + MANY {
            world.quiet.opts_in(ending, "form").await;
        }
        world.quiet.sends_all(&world).await;
        world.later(60);
        for ending in AUDIENCE..AUDIENCE + MANY {
            world.quiet.deliver(world.taps(ending, 0)).await;
        }
        world.quiet.sends_all(&world).await;

        self.see(
            Kind::CheckOfNothing,
            &world,
            functions.campaign_check.handle(deadline()),
        )
        .await
        .unwrap();
        let starts_at = world.now() - world.now() % DAY + DAY + 10 * 60 * 60;
        let plan = json!({
            "purpose": "offers", "sender": SENDER, "template": {"name": "winter_sale", "language": "de"},
            "scheduled_at": Time::from_unix_seconds(starts_at).to_string(),
        });
        let path = "/v1/campaigns/winter";
        self.see(
            Kind::Plan,
            &world,
            functions.ask(Api::Campaigns, Method::PUT, path, plan.clone()),
        )
        .await;
        world
            .quiet
            .ask(Api::Campaigns, Method::PUT, "/v1/campaigns/autumn", plan)
            .await;
        let put = functions.ask(
            Api::Campaigns,
            Method::PUT,
            "/v1/campaigns/autumn/audience/1",
            part(PART),
        );
        self.see(Kind::Audience, &world, put).await;
        let all: Vec<_> = (AUDIENCE..AUDIENCE + MANY)
            .map(|ending| json!({"phone": number(ending)}))
            .collect();
        world
            .quiet
            .ask(Api::Campaigns, Method::PUT, format!("{path}/audience/1"), part(MANY))
            .await;
        // Meta is asked how number and template are; the next checks know it.
        world
            .quiet
            .ask(Api::Campaigns, Method::POST, format!("{path}/check"), Value::Null)
            .await;
        let check = functions.ask(Api::Campaigns, Method::POST, format!("{path}/check"), Value::Null);
        let checked = self.see(Kind::Check, &world, check).await;
        assert_eq!(checked["verdict"]["clearance"], "cleared", "{checked}");
        world.later(starts_at - world.now());
        world.quiet.campaign_check.handle(deadline()).await.unwrap();

        let consents = json!({"purpose": "offers", "recipients": all});
        self.see(
            Kind::ConsentCheck,
            &world,
            functions.post(Api::Campaigns, "/v1/consent-checks", consents),
        )
        .await;
        let page = functions.ask(Api::Campaigns, Method::GET, format!("{path}/recipients"), Value::Null);
        self.see(Kind::Page, &world, page).await;

        let before = world.stored().await;
        let sends = json!({"recipients": all[..AT_THE_GATE]});
        let gate = functions.post(Api::Campaigns, format!("{path}/sends"), sends);
        let sends = self.see(Kind::Gate, &world, gate).await;
        self.send_bytes = (world.stored().await - before) / AT_THE_GATE;
        let tickets = sends["tickets"].as_array().unwrap();
        assert!(tickets.iter().all(|ticket| ticket["verdict"] == "allow"), "{sends}");

        for (row, kind, state, codes) in [
            (0, Kind::SendSent, StatusState::Sent, &[][..]),
            (0, Kind::SendDelivered, StatusState::Delivered, &[]),
            (0, Kind::SendRead, StatusState::Read, &[]),
            (1, Kind::SendFailed, StatusState::Failed, &[131_049]),
        ] {
            world.later(60);
            let callback = tickets[row]["callback_data"].as_str().unwrap();
            let callback = Callback::new(callback.to_owned()).unwrap();
            let status = status(AUDIENCE + row, &state, &callback, world.now(), codes);
            self.see(kind, &world, functions.deliver(status)).await;
        }
        let next = json!({"recipients": all[AT_THE_GATE..2 * AT_THE_GATE]});
        let sends = world.quiet.post(Api::Campaigns, format!("{path}/sends"), next).await;
        let result = |ticket: &Value| json!({"contact_id": ticket["contact_id"], "result": "sent"});
        let results: Vec<_> = sends["tickets"].as_array().unwrap().iter().map(result).collect();
        let results = functions.post(
            Api::Campaigns,
            format!("{path}/sends/results"),
            json!({"results": results}),
        );
        self.see(Kind::Results, &world, results).await;
    }

    /// What is kept of contacts, and what goes.
    async fn years(&mut self) {
        let world = World::new().await;
        let retention = &world.functions.retention;
        let purge = || retention.handle(deadline());
        self.see(Kind::PurgeOfNothing, &world, purge()).await.unwrap();

        let before = world.stored().await;
        world.quiet.agrees(&world, 1).await;
        let in_the_outbox = world.stored().await;
        world.later(20 * DAY);
        self.see(Kind::PurgeOfMessages, &world, purge()).await.unwrap();
        self.contact_bytes = world.stored().await - before;
        assert!(world.stored().await < in_the_outbox);
        world.quiet.deliver(world.says(1, "STOP")).await;
        world.quiet.sends_all(&world).await;
        world.later(20 * DAY);
        world.quiet.retention.handle(deadline()).await.unwrap();

        world.quiet.opts_in(2, "form").await;
        world.quiet.sends_all(&world).await;
        world.later(13 * DAY);
        self.see(Kind::PurgeOfUnanswered, &world, purge()).await.unwrap();
        world.later(20 * DAY);
        world.quiet.retention.handle(deadline()).await.unwrap();
        world.later(5 * 365 * DAY);
        self.see(Kind::PurgeOfStopped, &world, purge()).await.unwrap();
    }

    async fn policy(&mut self) {
        let world = World::new().await;
        let function = world.starting();
        self.see(Kind::PolicyAtStart, &world, function.begin(deadline()))
            .await
            .unwrap();
        world.age(61);
        self.see(Kind::PolicyUnchanged, &world, function.begin(deadline()))
            .await
            .unwrap();
    }
}
