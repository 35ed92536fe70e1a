//! Who calls the functions: Meta, Lambda's poller of the stream, schedules, and the controller's own programs. Each repeats what did
//! not succeed.

use std::time::Duration;

use assent_tests::{APP_SECRET, business, signed};
use aws_sdk_dynamodb::types::AttributeValue;
use identity::{Identifiers, PhoneNumber};
use lambda_http::http::Method;
use lambda_http::{Body, Request, RequestExt, Response};
use lambda_runtime::Context;
use platform::deadline::Deadline;
use serde_json::{Value, json};
use whatsapp::compose::{Change, Envelope};
use whatsapp::{MessageId, Payload, Text};

use crate::world::{Functions, World, patiently, timeout, within, within_time};

/// How often a caller repeats at most what does not succeed.
const REPETITIONS: usize = 12;

/// A function behind HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    OptIn,
    Rights,
    Campaigns,
}

impl Api {
    fn name(self) -> &'static str {
        match self {
            Self::OptIn => "opt-in",
            Self::Rights => "rights",
            Self::Campaigns => "campaigns",
        }
    }
}

/// What a request came to: its status, its content type, and its body.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Value,
}

impl Answered {
    fn of(response: &Response<Body>) -> Self {
        let content_type = response.headers().get("content-type");
        Self {
            status: response.status().as_u16(),
            content_type: content_type.map_or("", |value| value.to_str().unwrap()).to_owned(),
            body: serde_json::from_slice(response.body()).unwrap_or(Value::Null),
        }
    }

    /// Whether the caller is told, in the way of RFC 9457, that it is not its fault.
    pub(crate) fn is_trouble(&self) -> bool {
        self.status >= 500 && self.content_type == "application/problem+json"
    }
}

/// The same request as Lambda hands it over.
fn on_lambda(request: Request, deadline: Deadline) -> Request {
    let mut context = Context::default();
    context.deadline = unix_millis(deadline);
    request.with_lambda_context(context)
}

#[expect(clippy::disallowed_methods, reason = "Lambda sets deadlines by the time of day")]
fn unix_millis(deadline: Deadline) -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from((now.unwrap() + deadline.remaining()).as_millis()).unwrap()
}

/// The number that ends in those digits.
pub(crate) fn number(ending: u32) -> String {
    format!("+49151555{ending:05}")
}

pub(crate) fn person(ending: u32) -> Identifiers {
    let phone = PhoneNumber::parse(&number(ending)).unwrap();
    Identifiers::new(Some(phone), None).unwrap()
}

impl World {
    /// Meta's delivery of a text.
    pub(crate) fn says(&self, ending: u32, text: &str) -> Vec<u8> {
        let envelope = self.envelope(ending, text, None);
        delivery(business().text(&envelope, &Text::new(text)))
    }

    /// Meta's delivery of a tap on a button of the last message with buttons that this person got; none if they got none.
    pub(crate) fn taps(&self, ending: u32, button: usize) -> Option<Vec<u8>> {
        let received = self.received(ending);
        let id = |message: &Value| message["id"].as_str().unwrap().to_owned();
        let messages = received.iter().filter_map(|message| self.meta.message(&id(message)));
        let message = messages.filter(|message| !message.buttons.is_empty()).last()?;
        let envelope = self.envelope(ending, "tap", Some(MessageId::new(message.id.as_str())));
        let button = message.buttons.get(button).or(message.buttons.last())?;
        let (payload, label) = (Payload::new(button.payload.as_str()), Text::new(button.label.as_str()));
        Some(delivery(if message.is_template() {
            business().template_tap(&envelope, &payload, &label)
        } else {
            business().button_tap(&envelope, &payload, &label)
        }))
    }

    pub(crate) fn envelope(&self, ending: u32, what: &str, reply_to: Option<MessageId>) -> Envelope {
        let at = self.unix_seconds();
        Envelope {
            from: person(ending),
            id: MessageId::new(format!("wamid.{ending}.{at}.{}", what.len())),
            at,
            reply_to,
        }
    }

    /// What this person has received.
    pub(crate) fn received(&self, ending: u32) -> Vec<Value> {
        let outbound = self.meta.outbound(None);
        let messages = outbound["messages"].as_array().unwrap().clone();
        let to = json!(person(ending));
        messages.into_iter().filter(|message| message["to"] == to).collect()
    }

    /// The stream's batch for what is in the outbox, in the shape in which DynamoDB hands it to Lambda.
    pub(crate) async fn stream_batch(&self) -> Value {
        let scan = self
            .fixture
            .store
            .client()
            .scan()
            .table_name(self.fixture.store.ledger_table);
        let outbox = scan
            .filter_expression("kind = :kind")
            .expression_attribute_values(":kind", AttributeValue::S("outbox".to_owned()));
        let items = patiently(|| outbox.clone().send()).await;
        let text = |value: &AttributeValue| value.as_s().unwrap().clone();
        let records: Vec<_> = items
            .items()
            .iter()
            .enumerate()
            .map(|(number, item)| {
                json!({
                    "eventName": "INSERT",
                    "dynamodb": {
                        "Keys": {"pk": {"S": text(&item["pk"])}, "sk": {"S": text(&item["sk"])}},
                        "SequenceNumber": number.to_string(),
                    },
                })
            })
            .collect();
        json!({ "Records": records })
    }
}

fn delivery(change: Change) -> Vec<u8> {
    business().delivery([change])
}

impl Functions {
    /// Delivers once, as Meta does.
    pub(crate) async fn deliver(&self, body: &[u8]) -> Answered {
        self.deliver_signed(body, APP_SECRET).await
    }

    /// The same, signed with that secret.
    pub(crate) async fn deliver_signed(&self, body: &[u8], app_secret: &str) -> Answered {
        let request = signed(body.to_vec(), app_secret);
        let response = within("webhook", async |deadline| {
            webhook::handle(&self.webhook, on_lambda(request, deadline)).await
        });
        Answered::of(&response.await)
    }

    /// Delivers until it is taken, as Meta does.
    pub(crate) async fn deliver_until_taken(&self, body: &[u8]) {
        for _ in 0..REPETITIONS {
            if self.deliver(body).await.status == 200 {
                return;
            }
        }
        panic!("a delivery was never taken");
    }

    /// Asks once.
    pub(crate) async fn ask(&self, api: Api, method: &Method, path: &str, body: &Value) -> Answered {
        self.ask_within(timeout(api.name()), api, method, path, body).await
    }

    /// Asks once, with so much time for the answer.
    pub(crate) async fn ask_within(
        &self,
        time: Duration,
        api: Api,
        method: &Method,
        path: &str,
        body: &Value,
    ) -> Answered {
        let request = lambda_http::http::Request::builder().method(method).uri(path);
        let body = match body {
            Value::Null => Body::Empty,
            body => Body::Text(body.to_string()),
        };
        let request = request.body(body).unwrap();
        let response = within_time(time, async |deadline| {
            let request = on_lambda(request, deadline);
            match api {
                Api::OptIn => opt_in::handle(&self.opt_in, request).await,
                Api::Rights => rights::handle(&self.rights, request).await,
                Api::Campaigns => self.campaigns.handle(request).await,
            }
        });
        Answered::of(&response.await)
    }

    /// Asks until that is answered which is no trouble.
    pub(crate) async fn ask_until_answered(&self, api: Api, method: &Method, path: &str, body: &Value) -> Answered {
        for _ in 0..REPETITIONS {
            let answered = self.ask(api, method, path, body).await;
            if answered.status < 500 {
                return answered;
            }
        }
        panic!("{path} was never answered");
    }

    /// Hands a batch of the stream over, as Lambda does; is what could not be dealt with.
    pub(crate) async fn stream(&self, batch: &Value) -> Value {
        let answer = within("outbox", async |deadline| self.outbox.handle(batch, deadline).await);
        answer.await.expect("a batch is always answered")["batchItemFailures"].clone()
    }

    /// Sweeps the outbox until nothing is left of what was due. A minute passes between two sweeps, as by the schedule.
    pub(crate) async fn sweep_until_done(&self, world: &World) {
        for _ in 0..REPETITIONS {
            let swept = within("outbox", async |deadline| self.outbox.sweep(deadline).await).await;
            if swept.is_ok_and(|swept| swept.changed() + swept.left == 0) {
                return;
            }
            world.wait(60);
        }
        panic!("the outbox is never done");
    }

    /// Delivers what Meta has to say about the messages it took.
    pub(crate) async fn deliver_statuses(&self, world: &World) {
        for status in world.meta.take_statuses() {
            self.deliver_until_taken(&delivery(status)).await;
        }
    }

    /// Step one of the double opt-in; with the same key it is the same.
    pub(crate) fn form(ending: u32, key: &str) -> Value {
        json!({
            "recipient": {"phone": number(ending)}, "purposes": ["offers"], "locale": "de",
            "source": {"kind": "web_form"}, "idempotency_key": format!("{ending} {key}"),
        })
    }

    /// Takes step one.
    pub(crate) async fn opt_in(&self, ending: u32) -> Answered {
        let form = Self::form(ending, "first");
        self.ask(Api::OptIn, &Method::POST, "/v1/opt-ins", &form).await
    }

    /// Takes step one until it is taken.
    pub(crate) async fn opt_in_until_taken(&self, ending: u32) {
        self.form_until_taken(&Self::form(ending, "first")).await;
    }

    /// The same once more, as another request.
    pub(crate) async fn opt_in_anew(&self, ending: u32) {
        self.form_until_taken(&Self::form(ending, "anew")).await;
    }

    async fn form_until_taken(&self, form: &Value) {
        let taken = self
            .ask_until_answered(Api::OptIn, &Method::POST, "/v1/opt-ins", form)
            .await;
        assert_eq!(taken.status, 202, "{taken:?}");
    }

    /// Asks for somebody's consent, and lets them give it.
    pub(crate) async fn confirmed(&self, world: &World, ending: u32) {
        self.opt_in_until_taken(ending).await;
        self.sweep_until_done(world).await;
        self.deliver_until_taken(&world.taps(ending, 0).unwrap()).await;
        self.sweep_until_done(world).await;
        assert_eq!(
            self.look_up(ending).await.unwrap()["consents"][0]["status"],
            "confirmed"
        );
    }

    /// What is known of somebody; none if nothing is.
    pub(crate) async fn look_up(&self, ending: u32) -> Option<Value> {
        let body = json!({"recipient": {"phone": number(ending)}});
        let answered = self
            .ask_until_answered(Api::OptIn, &Method::POST, "/v1/contacts/lookup", &body)
            .await;
        (answered.status != 404).then_some(answered.body)
    }

    /// The kinds of somebody's evidence, in order; the chain must be intact.
    pub(crate) async fn evidence(&self, ending: u32) -> Vec<String> {
        let contact = self.look_up(ending).await.unwrap();
        let path = format!("/v1/contacts/{}/evidence", contact["contact_id"].as_str().unwrap());
        let evidence = self
            .ask_until_answered(Api::OptIn, &Method::GET, &path, &Value::Null)
            .await
            .body;
        assert_eq!(evidence["intact"], true, "{evidence}");
        let events = evidence["events"].as_array().unwrap();
        events
            .iter()
            .map(|event| event["kind"].as_str().unwrap().to_owned())
            .collect()
    }
}
