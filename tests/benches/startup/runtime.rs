//! Stand-ins for what a function finds at Lambda: the Runtime API, with one event for each start, and Secrets Manager.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use assent::store::Store;
use assent_tests::by_hand::{delivery, value};
use assent_tests::secrets_manager::SecretsManager;
use assent_tests::{secret, serve};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use platform::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use whatsapp::{AppSecret, sign};

const APP_SECRET: &str = "the-app-secret-of-the-benchmark";

/// How long a function may take to ask for work, and to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a start cost: milliseconds, and KiB of memory.
#[derive(Debug, Clone)]
pub(crate) struct Started {
    /// The processor's time from exec to the first request for work.
    pub(crate) poll_cpu: f64,
    /// The time that passed.
    pub(crate) poll: f64,
    /// The processor's time from exec to the first answer.
    pub(crate) answer_cpu: f64,
    /// The time that passed.
    pub(crate) answer: f64,
    /// The most memory until then.
    pub(crate) resident: u64,
}

/// What the one function that runs is waited for.
struct Waiting {
    polled: Option<oneshot::Sender<()>>,
    event: Option<oneshot::Receiver<Value>>,
    answered: Option<oneshot::Sender<()>>,
}

#[derive(Clone)]
struct Shared(Arc<Mutex<Waiting>>);

/// The stand-ins.
pub(crate) struct Runtime {
    secrets: SecretsManager,
    store: BTreeMap<String, String>,
}

impl Runtime {
    pub(crate) async fn start(store: &Store) -> Self {
        let store = [
            ("AWS_ENDPOINT_URL_DYNAMODB", store.endpoint.as_str()),
            ("LEDGER_TABLE", store.ledger_table),
            ("KEY_TABLE", store.key_table),
        ];
        Self {
            secrets: SecretsManager::holding(secret(APP_SECRET)).await,
            store: store.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        }
    }

    /// What a function is started with.
    fn environment(&self, function: &str, runtime_api: &str) -> BTreeMap<String, String> {
        let mut environment = self.store.clone();
        let secrets = format!("http://{}", self.secrets.address);
        let settings = [
            ("AWS_LAMBDA_RUNTIME_API", runtime_api),
            ("AWS_LAMBDA_FUNCTION_NAME", function),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets.as_str()),
            ("SECRET_ID", "assent"),
            // Nobody listens there: nothing is sent.
            ("GRAPH_BASE_URL", "http://127.0.0.1:9/v26.0"),
        ];
        environment.extend(settings.map(|(name, value)| (name.to_owned(), value.to_owned())));
        environment
    }

    /// Starts a function, has it answer once, and ends it. Each start has a Runtime API of its own: what a process that was ended has
    /// still asked for reaches nobody else.
    pub(crate) async fn run(&self, path: &Path, function: &str) -> Started {
        let (polled, first_poll) = oneshot::channel();
        let (give, event) = oneshot::channel();
        let (answered_to, first_answer) = oneshot::channel();
        let shared = Shared(Arc::new(Mutex::new(Waiting {
            polled: Some(polled),
            event: Some(event),
            answered: Some(answered_to),
        })));
        let lambda = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answered))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(answered))
            .with_state(shared);
        let environment = self.environment(function, &serve(lambda).await.to_string());
        let mut command = Command::new(path);
        command
            .env_clear()
            .envs(environment)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let began = Instant::now();
        let mut child = command.spawn().unwrap();
        let passed = || began.elapsed().as_secs_f64() * 1_000.0;
        tokio::time::timeout(PATIENCE, first_poll).await.unwrap().unwrap();
        let (poll, poll_cpu) = (passed(), processor_time(child.id()));
        give.send(event_for(function)).unwrap();
        tokio::time::timeout(PATIENCE, first_answer).await.unwrap().unwrap();
        let (answer, answer_cpu) = (passed(), processor_time(child.id()));
        let resident = resident(child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        Started {
            poll_cpu,
            poll,
            answer_cpu,
            answer,
            resident,
        }
    }
}

async fn next(State(shared): State<Shared>) -> Response {
    let (polled, event) = {
        let mut waiting = shared.0.lock().unwrap();
        (waiting.polled.take(), waiting.event.take())
    };
    if let Some(polled) = polled {
        let _ = polled.send(());
    }
    let Some(event) = event else {
        // It has answered, and is ended while it waits.
        return std::future::pending().await;
    };
    let Ok(event) = event.await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = Duration::from_secs(SystemClock.unix_seconds().unsigned_abs()) + PATIENCE;
    let headers = [
        (
            "lambda-runtime-aws-request-id",
            "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned(),
        ),
        ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-central-1:1:function:f".to_owned(),
        ),
        ("content-type", "application/json".to_owned()),
    ];
    (headers, event.to_string()).into_response()
}

async fn answered(State(shared): State<Shared>) -> StatusCode {
    if let Some(answered) = shared.0.lock().unwrap().answered.take() {
        let _ = answered.send(());
    }
    StatusCode::ACCEPTED
}

/// What the function is asked for: the webhook, a delivery that concerns nobody's consent; those behind HTTP, a route that they have
/// and a thing that is not there; the others, their schedule.
fn event_for(function: &str) -> Value {
    match function {
        "webhook" => {
            let status = json!({"statuses": [{"id": "wamid.OTHER", "status": "read", "timestamp": "1763890200", "recipient_id": "4915112345678"}]});
            let body = delivery("messages", &value(&status)).to_string();
            let signature = sign(body.as_bytes(), &AppSecret::new(APP_SECRET).unwrap());
            http("POST", "/webhook", &[("x-hub-signature-256", &signature)], &body)
        }
        "opt-in" => http("GET", "/v1/contacts/00000000000000000000000000000000", &[], ""),
        "rights" => http("GET", "/v1/cases/00000000000000000000000000000000", &[], ""),
        "campaigns" => http("GET", "/v1/campaigns/none", &[], ""),
        _ => json!({}),
    }
}

fn http(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Value {
    let headers: BTreeMap<_, _> = headers
        .iter()
        .copied()
        .chain([("content-type", "application/json")])
        .collect();
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": headers,
        "requestContext": {
            "accountId": "1", "apiId": "a", "domainName": "d", "domainPrefix": "d", "requestId": "r", "routeKey": "$default",
            "stage": "$default", "time": "23/Nov/2026:00:00:00 +0000", "timeEpoch": 1_763_890_200_000_i64,
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "bench"},
        },
        "body": STANDARD.encode(body), "isBase64Encoded": true,
    })
}

/// The processor's time of all threads of a process, in milliseconds.
fn processor_time(process: u32) -> f64 {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let nanoseconds: f64 = threads
        .map(|thread| {
            let schedstat = std::fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap_or_default();
            let spent = schedstat.split(' ').next().and_then(|spent| spent.parse::<f64>().ok());
            spent.unwrap_or(0.0)
        })
        .sum();
    nanoseconds / 1e6
}

/// The most memory that a process had, in KiB.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
