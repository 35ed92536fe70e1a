//! A stand-in for Meta: it takes messages as the Graph API does, shows what contacts would see, and reports what became of
//! them. It keeps a contact book, from which people are deleted as at Meta, and says how the number, the account and templates
//! are.

mod contact_book;
mod fault;
mod health;
mod subscriptions;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use consent::policy::Policy;
use consent::time::Time;
use identity::{Bsuid, Identifiers, random_bytes};
use platform::clock::Clock;
use serde::Serialize;
use serde_json::{Value, json};
use whatsapp::compose::{Business, Change, Notice, SentMessage, acceptance, deletion, message_id, refusal};
use whatsapp::delivery::StatusState;
use whatsapp::graph::GraphError;
use whatsapp::{MessageId, Outbound, Template};

use contact_book::ContactBook;
use health::Health;
use subscriptions::Subscriptions;

pub use contact_book::ContactBookCounts;
pub use fault::{Fault, FaultKind, InvalidFault};
pub use health::HealthChange;
pub use subscriptions::APP;

/// Meta's code for a token that is wrong or has expired.
const INVALID_TOKEN: u32 = 190;

/// Meta's code for a request that is malformed.
const INVALID: u32 = 100;

/// What the stand-in needs to know.
#[derive(Debug)]
pub struct MetaOptions {
    /// The token that the Graph API is to be called with.
    pub access_token: String,
    /// Whose number the messages come from.
    pub business: Business,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where the words of templates are found.
    pub policy: Arc<Policy>,
}

/// The stand-in. Clones share what they hold.
#[derive(Debug, Clone)]
pub struct Meta(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: MetaOptions,
    state: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    outbound: Vec<Received>,
    statuses: Vec<Change>,
    fault: Option<Fault>,
    contact_book: ContactBook,
    health: Health,
    subscriptions: Subscriptions,
}

/// A message as the contact sees it.
#[derive(Debug, Clone, Serialize)]
pub struct Received {
    /// Meta's id of the message.
    pub id: String,
    to: Identifiers,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Its buttons.
    pub buttons: Vec<ReceivedButton>,
    at: Time,
}

/// A button as the contact sees it.
#[derive(Debug, Clone, Serialize)]
pub struct ReceivedButton {
    /// What is written on it.
    pub label: String,
    /// What comes back when it is tapped.
    pub payload: String,
}

impl Received {
    /// Whether the message is a template, whose buttons answer in a form of their own.
    pub fn is_template(&self) -> bool {
        self.template.is_some()
    }
}

impl Meta {
    /// A stand-in that has received nothing yet.
    pub fn new(options: MetaOptions) -> Self {
        Self(Arc::new(Inner {
            options,
            state: Mutex::default(),
        }))
    }

    /// The Graph API's routes, to be served below the base address that the client is given.
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        Router::new()
            .route("/{version}/{number}/messages", post(messages))
            .route("/{version}/{number}/contact_book", delete(contact_book))
            .route("/{version}/{node}", get(node))
            .route("/{version}/{account}/message_templates", get(templates))
            .route(
                "/{version}/{account}/subscribed_apps",
                get(subscriptions::apps).post(subscriptions::take_account),
            )
            .route(
                "/{version}/{app}/subscriptions",
                get(subscriptions::fields).post(subscriptions::take_fields),
            )
            .with_state(self.clone())
    }

    /// What contacts have received since that second, oldest first.
    pub fn outbound(&self, since: Option<i64>) -> Value {
        let since = since.map_or(Time::EPOCH, Time::from_unix_seconds);
        let held = self.held();
        let messages: Vec<_> = held.outbound.iter().filter(|message| message.at >= since).collect();
        json!({ "messages": messages })
    }

    /// The message with that id.
    pub fn message(&self, id: &str) -> Option<Received> {
        self.held().outbound.iter().find(|message| message.id == id).cloned()
    }

    /// What Meta has to report about messages, each once.
    pub fn take_statuses(&self) -> Vec<Change> {
        std::mem::take(&mut self.held().statuses)
    }

    /// Makes somebody known to Meta: who writes to the business or is written to by it is in the contact book.
    pub fn saw(&self, person: &Identifiers) {
        self.held().contact_book.saw(person);
    }

    /// How many people are in the contact book, and how many were deleted from it.
    pub fn contact_book(&self) -> ContactBookCounts {
        self.held().contact_book.counts()
    }

    /// Makes Meta say otherwise from now on how the number, the account and templates are; is what it sends about that.
    pub fn change_health(&self, change: HealthChange) -> Vec<Notice> {
        self.held().health.change(change, &self.0.options.business.number)
    }

    /// Makes the next requests go wrong.
    pub fn set_fault(&self, fault: Fault) {
        self.held().fault = Some(fault);
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // A list of messages is whole after every single change, whoever panicked.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a request may have anything to do with what has that id.
    fn admits(&self, headers: &HeaderMap, id: &str, ours: &str) -> Result<(), GraphError> {
        let expected = format!("Bearer {}", self.0.options.access_token);
        headers
            .get(header::AUTHORIZATION)
            .filter(|given| given.as_bytes() == expected.as_bytes())
            .filter(|_| id == ours)
            .map(|_| ())
            .ok_or(GraphError::of(INVALID_TOKEN))
    }

    /// Answers a request about the number that has that id.
    async fn answer_about_number(
        &self,
        headers: &HeaderMap,
        id: &str,
        carry_out: impl FnOnce() -> Result<String, GraphError>,
    ) -> Response {
        let admitted = self.admits(headers, id, self.0.options.business.sender.as_str());
        self.answer(admitted, carry_out).await
    }

    /// Answers a request about the account that has that id.
    async fn answer_about_account(
        &self,
        headers: &HeaderMap,
        id: &str,
        carry_out: impl FnOnce() -> Result<String, GraphError>,
    ) -> Response {
        let admitted = self.admits(headers, id, self.0.options.business.waba.as_str());
        self.answer(admitted, carry_out).await
    }

    /// Carries out a request that is admitted and answers it, but for what a fault makes of it.
    async fn answer(
        &self,
        admitted: Result<(), GraphError>,
        carry_out: impl FnOnce() -> Result<String, GraphError>,
    ) -> Response {
        if let Err(error) = admitted {
            return refuse(error);
        }
        let fault = self.next_fault();
        match fault {
            Some(FaultKind::Error { code }) => return refuse(GraphError::of(code)),
            Some(FaultKind::Slow { millis }) => tokio::time::sleep(std::time::Duration::from_millis(millis)).await,
            Some(FaultKind::Silent) => return std::future::pending().await,
            Some(FaultKind::TakenUnanswered) | None => {}
        }
        match carry_out() {
            Ok(_) if fault == Some(FaultKind::TakenUnanswered) => std::future::pending().await,
            Ok(body) => answer(StatusCode::OK, body),
            Err(error) => refuse(error),
        }
    }

    /// The fault that strikes this request, if one does.
    fn next_fault(&self) -> Option<FaultKind> {
        let mut held = self.held();
        let struck = held.fault.as_mut().and_then(Fault::strike);
        if held.fault.as_ref().is_some_and(Fault::is_over) {
            held.fault = None;
        }
        struck
    }

    /// Takes a message: it is on the contact's telephone at once, and Meta says so.
    fn take(&self, sent: &SentMessage) -> Result<MessageId, GraphError> {
        let at = self.0.options.clock.unix_seconds();
        let unique = random_bytes().map_err(|_| GraphError::of(1))?;
        let id = message_id(sent.to.phone(), unique);
        let received = self.received(&id, sent, Time::from_unix_seconds(at));
        let status = |state| {
            self.0
                .options
                .business
                .status(&id, &sent.to, &state, at, sent.callback.as_ref(), &[])
        };
        let mut held = self.held();
        held.contact_book.saw(&sent.to);
        held.outbound.push(received);
        held.statuses
            .extend([status(StatusState::Sent), status(StatusState::Delivered)]);
        Ok(id)
    }

    /// Deletes somebody from the contact book; whether anybody was there.
    fn forget(&self, person: &Bsuid) -> bool {
        self.held().contact_book.delete(person)
    }

    fn received(&self, id: &MessageId, sent: &SentMessage, at: Time) -> Received {
        let (kind, template, language, text, buttons) = match &sent.message {
            Outbound::Template(template) => {
                let (text, buttons) = self.shown(template);
                let (name, language) = (template.name().to_string(), template.language().to_string());
                ("template", Some(name), Some(language), text, buttons)
            }
            Outbound::Buttons(message) => {
                let button = |button: &whatsapp::Button| ReceivedButton {
                    label: button.title.as_str().to_owned(),
                    payload: button.payload.as_str().to_owned(),
                };
                let buttons = message.buttons().iter().map(button).collect();
                (
                    "interactive",
                    None,
                    None,
                    Some(message.body().as_str().to_owned()),
                    buttons,
                )
            }
            Outbound::Text(message) => ("text", None, None, Some(message.body().as_str().to_owned()), vec![]),
        };
        Received {
            id: id.as_str().to_owned(),
            to: sent.to.clone(),
            kind,
            template,
            language,
            text,
            buttons,
            at,
        }
    }

    /// The words of a template and its buttons, which Meta holds and the request does not repeat.
    fn shown(&self, sent: &Template) -> (Option<String>, Vec<ReceivedButton>) {
        let is_it = |template: &&consent::policy::PromptTemplate| {
            template.name() == sent.name().as_str() && template.language().as_str() == sent.language().as_str()
        };
        let template = self.0.options.policy.prompts().find(is_it);
        let labels = template.map_or([""; 3], |template| {
            let buttons = template.buttons();
            [buttons.confirm(), buttons.no(), buttons.not_me()]
        });
        let values: Vec<_> = sent
            .body_parameters()
            .iter()
            .map(|value| value.as_str().to_owned())
            .collect();
        let button = |(payload, label): (&whatsapp::Payload, &str)| ReceivedButton {
            label: label.to_owned(),
            payload: payload.as_str().to_owned(),
        };
        let buttons = sent.quick_replies().iter().zip(labels).map(button).collect();
        (template.map(|template| template.filled(&values)), buttons)
    }
}

async fn messages(
    State(meta): State<Meta>,
    Path((_version, number)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let take = || {
        let sent = SentMessage::from_request(&body)?;
        let id = meta.take(&sent)?;
        let known = meta.held().contact_book.known_as(&sent.to);
        Ok(acceptance(&sent.to, &known, &id))
    };
    meta.answer_about_number(&headers, &number, take).await
}

async fn contact_book(
    State(meta): State<Meta>,
    Path((_version, number)): Path<(String, String)>,
    Query(query): Query<contact_book::Query>,
    headers: HeaderMap,
) -> Response {
    let forget = || Ok(deletion(meta.forget(&query.person()?)));
    meta.answer_about_number(&headers, &number, forget).await
}

async fn node(State(meta): State<Meta>, Path((_version, id)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let business = &meta.0.options.business;
    if id == business.waba.as_str() {
        let now = Time::from_unix_seconds(meta.0.options.clock.unix_seconds());
        let account = || Ok(meta.held().health.account(&business.waba, now));
        meta.answer_about_account(&headers, &id, account).await
    } else {
        let number = || Ok(meta.held().health.number(&business.sender));
        meta.answer_about_number(&headers, &id, number).await
    }
}

async fn templates(
    State(meta): State<Meta>,
    Path((_version, account)): Path<(String, String)>,
    Query(query): Query<health::Query>,
    headers: HeaderMap,
) -> Response {
    let templates = || meta.held().health.templates(&query, &meta.0.options.policy);
    meta.answer_about_account(&headers, &account, templates).await
}

fn refuse(error: GraphError) -> Response {
    let (status, body) = refusal(error);
    answer(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), body)
}

fn answer(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
