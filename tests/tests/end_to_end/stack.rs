//! A local stack to talk to.

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};

use assent::local::{Options, Stack};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use whatsapp::{AppSecret, sign};

/// The secret that the tests sign with.
pub(crate) const APP_SECRET: &str = "the-app-secret-of-the-tests";
/// The token of the handshake.
pub(crate) const VERIFY_TOKEN: &str = "the-verify-token-of-the-tests";

/// A running stack.
pub(crate) struct Local {
    pub(crate) client: Client,
    pub(crate) base: String,
    _stop: oneshot::Sender<()>,
}

/// Everything that was logged by any stack of this process.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// The log of this process.
    pub(crate) fn of_this_process() -> &'static Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        LOG.get_or_init(|| {
            let log = Self::default();
            let writer = log.clone();
            let subscriber =
                platform::logs::subscriber(tracing::level_filters::LevelFilter::TRACE, move || writer.clone());
            tracing::subscriber::set_global_default(subscriber).expect("nobody else has set a subscriber");
            log
        })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Local {
    pub(crate) async fn start() -> Self {
        Log::of_this_process();
        let options = Options {
            app_secret: Some(APP_SECRET.to_owned()),
            verify_token: Some(VERIFY_TOKEN.to_owned()),
            ..Options::default()
        };
        Self::with(options).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let stack = Stack::start(options).await.unwrap();
        let base = format!("http://{}", stack.address);
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(stack.serve(async {
            let _ = stopped.await;
        }));
        Self {
            client: Client::builder().no_proxy().build().unwrap(),
            base,
            _stop: stop,
        }
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = self.client.request(method, format!("{}{path}", self.base));
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.send(Method::GET, path, None).await
    }

    /// Posts a body with whatever signature header.
    pub(crate) async fn post_signed(&self, body: Vec<u8>, signature: Option<&str>) -> StatusCode {
        let mut request = self.client.post(format!("{}/webhook", self.base)).body(body);
        if let Some(signature) = signature {
            request = request.header("X-Hub-Signature-256", signature);
        }
        request.send().await.unwrap().status()
    }

    /// Posts a body as Meta would.
    pub(crate) async fn deliver_bytes(&self, body: Vec<u8>) -> u16 {
        let signature = signature(&body);
        self.post_signed(body, Some(&signature)).await.as_u16()
    }

    pub(crate) async fn deliver(&self, body: &Value) -> u16 {
        self.deliver_bytes(body.to_string().into_bytes()).await
    }

    /// Step one for that phone number and purpose.
    pub(crate) async fn opt_in(&self, phone: &str, source: &str) -> Value {
        let body =
            json!({"recipient": {"phone": phone}, "purposes": ["offers"], "locale": "de", "source": {"kind": source}});
        let (status, answer) = self.post("/v1/opt-ins", body).await;
        assert_eq!(status, 202, "{answer}");
        answer
    }

    pub(crate) async fn writes(&self, from: Value, text: &str) {
        let (status, answer) = self.post("/_local/inbound", json!({"from": from, "text": text})).await;
        assert_eq!((status, &answer["webhook"]), (200, &json!(200)), "{answer}");
    }

    pub(crate) async fn taps(&self, from: Value, message: &Value, button: usize) {
        let tap = json!({"from": from, "tap": {"message": message["id"], "button": button}});
        let (status, answer) = self.post("/_local/inbound", tap).await;
        assert_eq!((status, &answer["webhook"]), (200, &json!(200)), "{answer}");
    }

    /// What that person has received.
    pub(crate) async fn received(&self, who: &Value) -> Vec<Value> {
        let (_, answer) = self.get("/_local/outbound").await;
        let messages = answer["messages"].as_array().unwrap().clone();
        messages.into_iter().filter(|message| message["to"] == *who).collect()
    }

    pub(crate) async fn last_received(&self, who: &Value) -> Value {
        self.received(who)
            .await
            .pop()
            .expect("the person has received something")
    }

    pub(crate) async fn look_up(&self, who: &Value) -> (u16, Value) {
        self.post("/v1/contacts/lookup", json!({"recipient": who})).await
    }

    /// The standing of the person's consent to offers; `unknown` for nobody.
    pub(crate) async fn status(&self, who: &Value) -> String {
        self.status_of(who, "offers").await
    }

    pub(crate) async fn status_of(&self, who: &Value, purpose: &str) -> String {
        let (status, answer) = self.look_up(who).await;
        if status == 404 {
            return "unknown".to_owned();
        }
        let consents = answer["consents"].as_array().unwrap();
        let consent = consents.iter().find(|consent| consent["purpose"] == purpose).unwrap();
        consent["status"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn suppressions(&self, who: &Value) -> Vec<String> {
        let (_, answer) = self.look_up(who).await;
        let suppressions = answer["suppressions"].as_array().unwrap();
        suppressions
            .iter()
            .map(|suppression| suppression["kind"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The person's evidence: kind and validity of each record. The chain must be intact.
    pub(crate) async fn evidence(&self, who: &Value) -> Vec<(String, String)> {
        let (_, contact) = self.look_up(who).await;
        let id = contact["contact_id"].as_str().unwrap();
        let (_, evidence) = self.get(&format!("/v1/contacts/{id}/evidence")).await;
        assert_eq!(evidence["intact"], true);
        let member = |event: &Value, name: &str| event[name].as_str().unwrap().to_owned();
        let events = evidence["events"].as_array().unwrap();
        events
            .iter()
            .map(|event| (member(event, "kind"), member(event, "validity")))
            .collect()
    }

    pub(crate) async fn now(&self) -> i64 {
        let (_, answer) = self.get("/_local/clock").await;
        let now: consent::time::Time = answer["now"].as_str().unwrap().parse().unwrap();
        now.unix_seconds()
    }

    pub(crate) async fn advance(&self, seconds: u32) {
        assert_eq!(
            self.post("/_local/clock", json!({"advance_seconds": seconds})).await.0,
            200
        );
    }

    pub(crate) async fn metric(&self, function: &str, name: &str) -> f64 {
        let (_, totals) = self.get("/_local/metrics").await;
        let total = totals
            .as_array()
            .into_iter()
            .flatten()
            .find(|total| total[0] == function && total[1] == name);
        total.map_or(0.0, |total| total[2].as_f64().unwrap())
    }
}

pub(crate) fn signature(body: &[u8]) -> String {
    sign(body, &AppSecret::new(APP_SECRET).unwrap())
}

pub(crate) fn phone(number: &str) -> Value {
    json!({"phone": number})
}
