//! The function binaries themselves, behind Lambda's own interface: run by `.ci/emulators functions`, which starts them
//! with the embedded store and a stand-in for Secrets Manager, publishes the example policy, and names their address.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;

use assent::local::EXAMPLE_POLICY;
use assent::meta::{Meta, MetaOptions};
use assent_tests::business;
use assent_tests::by_hand::{delivery, text, value};
use aws_sdk_dynamodb::types::AttributeValue;
use consent::policy::Policy;
use consent::time::{Span, Time};
use platform::clock::SystemClock;
use platform::settings::HttpUrl;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use whatsapp::{AppSecret, sign};

/// As `.ci/emulators` puts them into the secret.
const APP_SECRET: &str = "test_app_secret";
const ACCESS_TOKEN: &str = "test_access_token";

const PHONE: &str = "+4915112349876";

fn setting(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.into_string().expect("a setting in UTF-8"))
}

/// The functions, as their callers reach them.
struct Functions {
    client: Client,
    url: String,
}

impl Functions {
    fn request(&self, method: Method, function: &str, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}/lambda-url/{function}{path}", self.url))
    }

    async fn http(&self, function: &str, path: &str, body: Vec<u8>, header: (&str, &str)) -> (u16, Value) {
        let request = self.request(Method::POST, function, path);
        answered(request.header(header.0, header.1).body(body)).await
    }

    async fn api(&self, path: &str, body: &Value) -> (u16, Value) {
        answered(self.request(Method::POST, "opt-in", path).json(body)).await
    }

    async fn rights(&self, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let request = self.request(method, "rights", path);
        answered(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }

    async fn deliver(&self, message: &Value) -> u16 {
        let body = delivery("messages", &value(&json!({"messages": [message]})));
        let body = body.to_string().into_bytes();
        let signature = sign(&body, &AppSecret::new(APP_SECRET).unwrap());
        self.http("webhook", "/webhook", body, ("x-hub-signature-256", &signature))
            .await
            .0
    }

    async fn invoke(&self, function: &str, event: &Value) -> Value {
        let url = format!("{}/2015-03-31/functions/{function}/invocations", self.url);
        let answer = self.client.post(url).json(event).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        answer.json().await.unwrap()
    }

    async fn campaigns(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        answered(self.request(method, "campaigns", path).json(body)).await
    }

    /// A campaign that starts before a day is over is checked by the schedule, and let go by nobody before it starts.
    async fn check_a_campaign(&self, now: Time) {
        let path = "/v1/campaigns/emulated";
        let plan = json!({
            "purpose": "offers", "sender": business().sender.as_str(),
            "template": {"name": "winter_sale", "language": "de"}, "scheduled_at": now + Span::hours(20),
        });
        let (status, campaign) = self.campaigns(Method::PUT, path, &plan).await;
        assert_eq!(status, 201, "{campaign}");
        let list = json!({"recipients": [{"phone": PHONE, "ref": "customer 1"}]});
        let (status, part) = self.campaigns(Method::PUT, &format!("{path}/audience/1"), &list).await;
        assert_eq!((status, &part["unknown"]), (200, &json!(0)), "{part}");
        let round = self.invoke("campaign-check", &json!({"source": "aws.scheduler"})).await;
        assert_eq!((&round["checked"], &round["failed"]), (&json!(1), &json!(0)), "{round}");
        let (_, page) = answered(self.request(Method::GET, "campaigns", &format!("{path}/recipients"))).await;
        assert_eq!(page["recipients"][0]["ref"], "customer 1", "{page}");
        let (_, campaign) = answered(self.request(Method::GET, "campaigns", path)).await;
        assert_eq!(campaign["verdict"]["signature_valid"], true, "{campaign}");
        let asked = json!({"recipients": [{"phone": PHONE}]});
        let (status, refused) = self.campaigns(Method::POST, &format!("{path}/sends"), &asked).await;
        assert_eq!(status, 409, "{refused}");
    }

    async fn look_up(&self) -> (u16, Value) {
        self.api("/v1/contacts/lookup", &json!({"recipient": {"phone": PHONE}}))
            .await
    }

    async fn status(&self) -> Value {
        let (status, contact) = self.look_up().await;
        assert_eq!(status, 200, "{contact}");
        let consents = contact["consents"].as_array().unwrap();
        consents.iter().find(|consent| consent["purpose"] == "offers").unwrap()["status"].clone()
    }
}

async fn answered(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
}

/// The stream's batch for what is in the outbox, in the shape in which DynamoDB hands it to Lambda.
async fn stream_batch() -> Value {
    let store = platform::clients::local(&HttpUrl::parse(&setting("AWS_ENDPOINT_URL_DYNAMODB").unwrap()).unwrap());
    let items = store
        .scan()
        .table_name(setting("LEDGER_TABLE").unwrap())
        .filter_expression("kind = :kind")
        .expression_attribute_values(":kind", AttributeValue::S("outbox".to_owned()))
        .send()
        .await
        .unwrap();
    let text = |value: &AttributeValue| value.as_s().unwrap().clone();
    let records: Vec<_> = items
        .items()
        .iter()
        .enumerate()
        .map(|(number, item)| {
            json!({
                "eventID": format!("{number}"), "eventName": "INSERT", "eventVersion": "1.1",
                "eventSource": "aws:dynamodb", "awsRegion": "eu-central-1",
                "dynamodb": {
                    "ApproximateCreationDateTime": 1_763_890_200.0,
                    "Keys": {"pk": {"S": text(&item["pk"])}, "sk": {"S": text(&item["sk"])}},
                    "SequenceNumber": format!("{}", 100 + number), "SizeBytes": 512, "StreamViewType": "NEW_IMAGE",
                },
            })
        })
        .collect();
    json!({ "Records": records })
}

/// A stand-in for the Graph API where the functions expect it.
async fn meta() -> Meta {
    let meta = Meta::new(MetaOptions {
        access_token: ACCESS_TOKEN.to_owned(),
        business: business(),
        clock: Arc::new(SystemClock),
        policy: Arc::new(Policy::parse(EXAMPLE_POLICY).unwrap()),
    });
    let address = setting("ASSENT_META_ADDRESS").expect("where the functions expect the Graph API");
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let router: axum::Router = meta.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    meta
}

#[tokio::test]
async fn the_binaries_carry_a_contact_from_the_form_to_the_stop_and_to_nothing() {
    let Some(url) = setting("ASSENT_LAMBDA_URL") else {
        return;
    };
    let functions = Functions {
        client: Client::builder().no_proxy().build().unwrap(),
        url,
    };
    let meta = meta().await;

    let opt_in = json!({
        "recipient": {"phone": PHONE}, "purposes": ["offers"], "locale": "de", "source": {"kind": "web_form"},
    });
    let (status, answer) = functions.api("/v1/opt-ins", &opt_in).await;
    assert_eq!(
        (status, &answer["consents"][0]["status"]),
        (202, &json!("requested")),
        "{answer}"
    );

    let batch = stream_batch().await;
    assert_eq!(
        functions.invoke("outbox", &batch).await,
        json!({"batchItemFailures": []})
    );
    assert_eq!(
        functions.invoke("outbox", &batch).await,
        json!({"batchItemFailures": []})
    );
    let outbound = meta.outbound(None);
    assert_eq!(outbound["messages"].as_array().unwrap().len(), 1, "{outbound}");
    assert_eq!(functions.status().await, "pending");

    let now = consent::time::Time::from_unix_seconds(platform::clock::Clock::unix_seconds(&SystemClock));
    let at = now.unix_seconds().to_string();
    let from = PHONE.trim_start_matches('+');
    let button = &outbound["messages"][0]["buttons"][0];
    let tap = json!({
        "from": from, "id": "wamid.tap", "timestamp": at, "type": "button",
        "button": {"payload": button["payload"], "text": button["label"]},
    });
    let unsigned = functions
        .http("webhook", "/webhook", tap.to_string().into_bytes(), ("x-other", "none"))
        .await;
    assert_eq!(unsigned.0, 401);
    assert_eq!(functions.deliver(&tap).await, 200);
    assert_eq!(functions.deliver(&tap).await, 200);
    assert_eq!(functions.status().await, "confirmed");

    functions.check_a_campaign(now).await;

    let stop = text(from, "wamid.stop", now.unix_seconds(), "Stop. Thank you");
    assert_eq!(functions.deliver(&stop).await, 200);
    assert_eq!(functions.status().await, "withdrawn");

    // The schedule sends what the stream was not asked for: the stop's confirmation, and no longer that of the consent.
    functions.invoke("outbox", &json!({"source": "aws.scheduler"})).await;
    let outbound = meta.outbound(None);
    let texts = outbound["messages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|message| message["kind"] == "text")
        .count();
    assert!(texts >= 1, "{outbound}");

    let contact = functions.look_up().await.1["contact_id"].as_str().unwrap().to_owned();
    let hold = format!("/v1/contacts/{contact}/legal-hold");
    let erasure = format!("/v1/contacts/{contact}/erasure");
    let (reason, asked) = (
        json!({"reason": "a request"}),
        json!({"reason": "a claim", "until": "2100-01-01T00:00:00Z"}),
    );
    assert_eq!(functions.rights(Method::PUT, &hold, Some(&asked)).await.0, 200);
    assert_eq!(functions.rights(Method::POST, &erasure, Some(&reason)).await.0, 409);
    assert_eq!(functions.rights(Method::DELETE, &hold, None).await.0, 200);
    let (status, accepted) = functions.rights(Method::POST, &erasure, Some(&reason)).await;
    assert_eq!(status, 202, "{accepted}");
    let certificate = format!("/v1/erasures/{}", accepted["erasure_id"].as_str().unwrap());
    let (_, certificate) = functions.rights(Method::GET, &certificate, None).await;
    assert_eq!(
        (&certificate["state"], &certificate["signature_valid"]),
        (&json!("done"), &json!(true)),
        "{certificate}"
    );
    assert_eq!(functions.look_up().await.0, 404);

    let purged = functions.invoke("retention", &json!({"source": "aws.scheduler"})).await;
    assert_eq!(purged["run"]["end"], "complete", "{purged}");
    let (_, listed) = functions.rights(Method::GET, "/v1/retention/runs", None).await;
    assert_eq!(listed["runs"][0]["signature_valid"], true, "{listed}");
}

/// What each function is asked for, and what its answer has to say.
fn smallest_requests() -> [(&'static str, Value, &'static str, Value); 7] {
    let http = |method: &str, path: &str, query: &str| {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": {},
            "requestContext": {
                "accountId": "1", "apiId": "a", "domainName": "d", "domainPrefix": "d", "requestId": "r",
                "routeKey": "$default", "stage": "$default", "time": "23/Nov/2026:00:00:00 +0000",
                "timeEpoch": 1_763_890_200_000_i64,
                "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "t"},
            },
            "isBase64Encoded": false,
        })
    };
    let handshake = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=test_verify_token";
    let nobody = "/v1/contacts/00000000000000000000000000000000";
    let no_case = "/v1/cases/00000000000000000000000000000000";
    [
        (
            "webhook",
            http("GET", "/webhook", handshake),
            "/body",
            json!("1158201444"),
        ),
        ("opt-in", http("GET", nobody, ""), "/statusCode", json!(404)),
        ("rights", http("GET", no_case, ""), "/statusCode", json!(404)),
        (
            "campaigns",
            http("GET", "/v1/campaigns/none", ""),
            "/statusCode",
            json!(404),
        ),
        ("outbox", json!({"Records": []}), "/batchItemFailures", json!([])),
        (
            "retention",
            json!({"source": "aws.scheduler"}),
            "/run/end",
            json!("complete"),
        ),
        (
            "campaign-check",
            json!({"source": "aws.scheduler"}),
            "/failed",
            json!(0),
        ),
    ]
}

/// Amazon's emulator says 200 whatever a function does; a function that failed says so in the body.
#[tokio::test]
async fn each_binary_answers_under_amazons_own_emulator() {
    let Some(emulated) = setting("ASSENT_EMULATED") else {
        return;
    };
    let client = Client::builder().no_proxy().build().unwrap();
    for (function, event, member, expected) in smallest_requests() {
        let is_it = |entry: &&str| entry.split_once('=').is_some_and(|(name, _)| name == function);
        let (_, url) = emulated.split(' ').find(is_it).unwrap().split_once('=').unwrap();
        let url = format!("{url}/2015-03-31/functions/function/invocations");
        let answer: Value = client
            .post(url)
            .json(&event)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(answer.pointer(member), Some(&expected), "{function}: {answer}");
    }
}
