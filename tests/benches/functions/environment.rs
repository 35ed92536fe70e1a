//! An execution environment: a program that runs as it does at Lambda, and the stand-in for the Runtime API that gives it work.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use platform::clock::{Clock, SystemClock};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

use crate::process;
use crate::programs::Program;
use crate::stand_ins::Settings;

/// How long a program may take to ask for work, and to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much a program takes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Concurrency {
    One,
    /// As in a managed instance of Lambda.
    Many(u8),
}

impl Concurrency {
    pub(crate) fn most(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Many(most) => most,
        }
    }
}

/// A running program. It is ended when this is dropped.
pub(crate) struct Environment {
    name: &'static str,
    child: Child,
    began: Instant,
    polled: mpsc::Receiver<Result<(), String>>,
    events: mpsc::UnboundedSender<Event>,
    answers: mpsc::UnboundedReceiver<Answer>,
    asked: usize,
    server: JoinHandle<()>,
}

struct Event {
    number: usize,
    payload: Value,
}

/// What a program answers; an error, where its runtime says that an invocation has failed.
struct Answer {
    number: usize,
    result: Result<Value, String>,
}

/// What a process has spent since it was started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) time: Duration,
    /// The processor's time.
    pub(crate) processor: Duration,
    /// How often it touched memory that the system had yet to give it, or to map.
    pub(crate) page_faults: u64,
}

impl Environment {
    pub(crate) async fn start(program: &Program, concurrency: Concurrency, settings: Settings) -> Self {
        let (polled_to, polled) = mpsc::channel(1);
        let (events, event) = mpsc::unbounded_channel();
        let (answered_to, answers) = mpsc::unbounded_channel();
        let runtime = Runtime {
            polled: polled_to,
            events: Arc::new(Mutex::new(event)),
            answers: answered_to,
        };
        let (address, server) = serve(runtime).await;
        let mut command = Command::new(&program.executable);
        command
            .args(&program.arguments)
            .current_dir(&program.directory)
            .env_clear()
            .envs(settings)
            .envs([
                ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
                ("AWS_LAMBDA_FUNCTION_NAME", program.name),
                ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
                // As at Lambda, which sets both: not everyone reads the first.
                ("AWS_REGION", "eu-central-1"),
                ("AWS_DEFAULT_REGION", "eu-central-1"),
                ("AWS_ACCESS_KEY_ID", "local"),
                ("AWS_SECRET_ACCESS_KEY", "local"),
                ("AWS_SESSION_TOKEN", "local"),
                ("AWS_EC2_METADATA_DISABLED", "true"),
                ("SECRET_ID", "assent"),
                // Nobody listens there: nothing is sent.
                ("GRAPH_BASE_URL", "http://127.0.0.1:9/v26.0"),
            ])
            .stdout(Stdio::null());
        if let Concurrency::Many(most) = concurrency {
            command.env("AWS_LAMBDA_MAX_CONCURRENCY", most.to_string());
        }
        let began = Instant::now();
        Self {
            name: program.name,
            child: command.spawn().unwrap(),
            began,
            polled,
            events,
            answers,
            asked: 0,
            server,
        }
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// What it has spent since it was started.
    pub(crate) fn spent(&self) -> Spent {
        Spent {
            time: self.began.elapsed(),
            processor: process::processor_time(self.process()),
            page_faults: process::page_faults(self.process()),
        }
    }

    /// Waits until it asks for work.
    pub(crate) async fn first_poll(&mut self) {
        let polled = tokio::time::timeout(PATIENCE, self.polled.recv()).await;
        assert_eq!(polled, Ok(Some(Ok(()))), "{} does not ask for work", self.name);
    }

    /// Has it answer one event.
    pub(crate) async fn answer(&mut self, event: Value) -> Value {
        self.answers(vec![event]).await.remove(0)
    }

    /// Has it answer events, and says how, in the order of the events. None of them waits to be asked.
    pub(crate) async fn answers(&mut self, events: Vec<Value>) -> Vec<Value> {
        let first = self.asked;
        let mut answers = vec![Value::Null; events.len()];
        self.asked += events.len();
        for (number, payload) in (first..).zip(events) {
            assert!(self.events.send(Event { number, payload }).is_ok());
        }
        for _ in 0..answers.len() {
            let answer = tokio::time::timeout(PATIENCE, self.answers.recv()).await;
            let Ok(Some(Answer { number, result })) = answer else {
                panic!("{} does not answer", self.name);
            };
            answers[number - first] = result.unwrap_or_else(|error| panic!("{} fails: {error}", self.name));
        }
        answers
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.server.abort();
    }
}

#[derive(Clone)]
struct Runtime {
    polled: mpsc::Sender<Result<(), String>>,
    events: Arc<Mutex<mpsc::UnboundedReceiver<Event>>>,
    answers: mpsc::UnboundedSender<Answer>,
}

/// Each environment has a Runtime API of its own, which ends with it: what a process that was ended has still asked for reaches nobody
/// else.
async fn serve(runtime: Runtime) -> (String, JoinHandle<()>) {
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{number}/response", post(answered))
        .route("/2018-06-01/runtime/invocation/{number}/error", post(failed))
        .route("/2018-06-01/runtime/init/error", post(not_started))
        .with_state(runtime);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (address, server)
}

async fn next(State(runtime): State<Runtime>) -> Response {
    // Only the first one is waited for.
    let _ = runtime.polled.try_send(Ok(()));
    let Some(Event { number, payload }) = runtime.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = Duration::from_secs(SystemClock.unix_seconds().unsigned_abs()) + PATIENCE;
    let headers = [
        ("lambda-runtime-aws-request-id", number.to_string()),
        ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-central-1:1:function:f".to_owned(),
        ),
        ("content-type", "application/json".to_owned()),
    ];
    (headers, payload.to_string()).into_response()
}

async fn answered(State(runtime): State<Runtime>, Path(number): Path<usize>, body: String) -> StatusCode {
    let result = Ok(serde_json::from_str(&body).unwrap());
    runtime.answer(Answer { number, result })
}

async fn failed(State(runtime): State<Runtime>, Path(number): Path<usize>, body: String) -> StatusCode {
    let result = Err(body);
    runtime.answer(Answer { number, result })
}

async fn not_started(State(runtime): State<Runtime>, body: String) -> StatusCode {
    let _ = runtime.polled.try_send(Err(body));
    StatusCode::ACCEPTED
}

impl Runtime {
    fn answer(&self, answer: Answer) -> StatusCode {
        // Whoever gave the work may be gone by now.
        let _ = self.answers.send(answer);
        StatusCode::ACCEPTED
    }
}
