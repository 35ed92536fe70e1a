//! The demo's only way to the stack: HTTP.

use identity::random_bytes;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use whatsapp::compose::message_id;
use whatsapp::{AppSecret, MessageId, SIGNATURE_HEADER, sign};

use super::DemoError;

/// A message that a contact received.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) text: String,
    pub(super) labels: Vec<String>,
    pub(super) payloads: Vec<String>,
}

/// A client of one stack.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    base: String,
    app_secret: AppSecret,
}

impl Http {
    pub(super) fn new(base: String, app_secret: AppSecret) -> Result<Self, DemoError> {
        let client = Client::builder().no_proxy().build()?;
        Ok(Self {
            client,
            base,
            app_secret,
        })
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Result<(StatusCode, Value), DemoError> {
        answered(self.client.post(format!("{}{path}", self.base)).json(&body)).await
    }

    pub(super) async fn put(&self, path: &str, body: Value) -> Result<(StatusCode, Value), DemoError> {
        answered(self.client.put(format!("{}{path}", self.base)).json(&body)).await
    }

    pub(super) async fn get(&self, path: &str) -> Result<(StatusCode, Value), DemoError> {
        answered(self.client.get(format!("{}{path}", self.base))).await
    }

    /// Fills in the page of a case, as somebody in their browser.
    pub(super) async fn fill_in(&self, page: &str, code: &str, form: &str) -> Result<(StatusCode, String), DemoError> {
        let request = self
            .client
            .post(format!("{}{page}", self.base))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = request.body(format!("code={code}&form={form}")).send().await?;
        Ok((answer.status(), answer.text().await?))
    }

    /// Posts a delivery as Meta would, signed with the stack's secret.
    pub(super) async fn deliver(&self, body: &[u8]) -> Result<StatusCode, DemoError> {
        self.deliver_signed(body, &sign(body, &self.app_secret)).await
    }

    /// Posts a delivery with that signature.
    pub(super) async fn deliver_signed(&self, body: &[u8], signature: &str) -> Result<StatusCode, DemoError> {
        let request = self
            .client
            .post(format!("{}/webhook", self.base))
            .header(SIGNATURE_HEADER, signature);
        Ok(request.body(body.to_vec()).send().await?.status())
    }

    /// What the person with that phone number or id has received, oldest first.
    pub(super) async fn received_by(&self, who: &Value) -> Result<Vec<Received>, DemoError> {
        let (_, answer) = self.get("/_local/outbound").await?;
        let messages = answer
            .get("messages")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let is_theirs = |message: &&Value| {
            ["phone", "bsuid"].iter().any(|member| {
                let theirs = message.pointer(&format!("/to/{member}"));
                theirs.is_some() && theirs == who.get(member)
            })
        };
        Ok(messages.iter().filter(is_theirs).map(received).collect())
    }

    /// The standing of that person's consent to the purpose.
    pub(super) async fn status(&self, who: &Value, purpose: &str) -> Result<String, DemoError> {
        let (_, answer) = self.post("/v1/contacts/lookup", json!({"recipient": who})).await?;
        let consents = answer
            .get("consents")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let consent = consents
            .iter()
            .find(|consent| consent.get("purpose").and_then(Value::as_str) == Some(purpose));
        Ok(consent.map_or_else(|| "unknown".to_owned(), |consent| text(consent, "status")))
    }

    /// The time on the stack's clock.
    pub(super) async fn now(&self) -> Result<i64, DemoError> {
        let (_, answer) = self.get("/_local/clock").await?;
        let time: Option<consent::time::Time> = answer
            .get("now")
            .and_then(Value::as_str)
            .and_then(|now| now.parse().ok());
        time.map(consent::time::Time::unix_seconds).ok_or(DemoError::NoClock)
    }
}

async fn answered(request: RequestBuilder) -> Result<(StatusCode, Value), DemoError> {
    let answer = request.send().await?;
    let status = answer.status();
    Ok((status, answer.json().await.unwrap_or(Value::Null)))
}

/// A new message id, as Meta would make one for that person.
pub(super) fn new_message_id(who: &identity::Identifiers) -> Result<MessageId, DemoError> {
    Ok(message_id(who.phone(), random_bytes()?))
}

fn received(message: &Value) -> Received {
    let buttons = message
        .get("buttons")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    Received {
        id: text(message, "id"),
        kind: text(message, "kind"),
        text: text(message, "text"),
        labels: buttons.iter().map(|button| text(button, "label")).collect(),
        payloads: buttons.iter().map(|button| text(button, "payload")).collect(),
    }
}

pub(super) fn text(value: &Value, member: &str) -> String {
    value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}
