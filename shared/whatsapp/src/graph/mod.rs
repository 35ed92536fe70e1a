//! The Graph API client: sending a message, having Meta forget a person, asking how numbers, accounts and templates are, and
//! what it means when that fails.

mod answer;
mod error;
mod health;
mod request;
mod subscription;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use connection::{Authorities, Connections, Failure, Http, Outbound as Request};
use http::{HeaderValue, Method, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use identity::{Bsuid, Identifiers};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::names::{AppId, Language, PhoneNumberId, TemplateName, WabaId};
use crate::outbound::Outbound;
use crate::personal::{Callback, MessageId};
use crate::signature::BlankSecret;

pub use self::answer::{acceptance, deletion, refusal};
pub use self::error::{Backoff, Class, Consequence, GraphError};
pub(crate) use self::health::template_id;
pub use self::health::{
    AccountHealth, NumberHealth, NumberStatus, Review, Sending, TemplateContent, TemplateHealth, account_answer,
    number_answer, template_answer,
};
pub use self::request::SentMessage;
pub use self::subscription::{
    AGENT_FIELDS, AppSubscription, SubscribedApp, WEBHOOK_FIELDS, apps_answer, subscription_answer,
};

/// Meta's address, with the version this crate was written against (usable until July 2028).
pub const META: &str = "https://graph.facebook.com/v26.0";

/// No connection is kept for later: on one that had died unnoticed a message would vanish, and since it could also have gone out, it
/// would not be sent again.
const CONNECTIONS: Connections = Connections {
    timeout: Duration::from_secs(2),
    most_kept: 0,
};

/// How many templates Meta is asked for at once.
const TEMPLATES_A_PAGE: &str = "100";

/// How many pages are read. So many hold more templates than an account can have (6,000, template limits page).
const MOST_PAGES: usize = 61;

/// The token that lets the business send.
#[derive(Clone)]
pub struct AccessToken(SecretString);

impl AccessToken {
    /// Takes the token.
    ///
    /// # Errors
    ///
    /// [`BlankSecret`], if there is nothing in it, or something that no header can carry.
    pub fn new(token: &str) -> Result<Self, BlankSecret> {
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(BlankSecret("access token"));
        }
        Ok(Self(token.into()))
    }

    /// The token of an app itself, which may look at and change what the app wants of webhooks (Meta's access token page).
    ///
    /// # Errors
    ///
    /// [`BlankSecret`] as with any token.
    pub fn of_app(app: &AppId, app_secret: &str) -> Result<Self, BlankSecret> {
        Self::new(&format!("{app}|{app_secret}"))
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(redacted)")
    }
}

/// What Meta took. It says nothing about whether the message will arrive: statuses do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// What the message is called from now on.
    pub id: MessageId,
    /// Who it goes to, in Meta's view: the number may be written otherwise than it was given.
    pub contact: Option<Identifiers>,
}

/// Meta did not do what it was asked to, or may not have. Says nothing about the message, the contact or the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Meta answered with an error.
    #[error("Meta refused the request: code {}", .0.code.unwrap_or_default())]
    Refused(GraphError),
    /// Something answered without saying what is wrong.
    #[error("the Graph API answered {status} and named no error")]
    Unexplained {
        /// The HTTP status.
        status: u16,
    },
    /// The connection could not be made.
    #[error("the Graph API cannot be reached")]
    Unreachable,
    /// The connection broke, or time ran out, before there was a whole answer.
    #[error("the Graph API gave no answer in time")]
    NoAnswer,
}

impl SendError {
    /// What to do about the message. Whatever else Meta was asked to do may be asked for again where a message is to be
    /// reconciled, if doing it twice does nothing more.
    pub fn class(self) -> Class {
        match self {
            Self::Refused(error) => error.class(),
            Self::Unreachable => Class::NotSent,
            Self::NoAnswer => Class::Reconcile,
            Self::Unexplained { status: 429 } => Class::RetryAfter(Backoff::Rate),
            // Success without an id, a server's fault and a timeout leave open what became of the message.
            Self::Unexplained {
                status: 200..=299 | 408 | 500..,
            } => Class::Reconcile,
            Self::Unexplained { .. } => Class::GiveUp,
        }
    }

    /// What it says about the contact or the account.
    pub fn consequence(self) -> Consequence {
        match self {
            Self::Refused(error) => error.consequence(),
            Self::Unexplained { status: 401 | 403 } => Consequence::Alert,
            Self::Unexplained { .. } | Self::Unreachable | Self::NoAnswer => Consequence::None,
        }
    }

    /// Meta's code, if it gave one.
    pub fn code(self) -> Option<u32> {
        match self {
            Self::Refused(error) => error.code,
            Self::Unexplained { .. } | Self::Unreachable | Self::NoAnswer => None,
        }
    }
}

/// The address could give the token away, or is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an address of the Graph API: write https://, the host and the version, such as {META}")]
pub struct InvalidGraph;

/// A client of the Graph API.
#[derive(Clone)]
pub struct Graph {
    base: String,
    authorities: Authorities,
    /// Made for the first request: not every function that could ask Meta does.
    http: Arc<OnceLock<Http>>,
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

impl Graph {
    /// A client that sends to this address and no other: it follows no redirect and heeds no proxy of the environment.
    /// Without TLS it talks only to this machine.
    ///
    /// # Errors
    ///
    /// [`InvalidGraph`], if the address could give the token away, or is none.
    pub fn new(base: &str) -> Result<Self, InvalidGraph> {
        let base = base.trim_end_matches('/');
        let url: Uri = base.parse().map_err(|_| InvalidGraph)?;
        // A fragment is dropped by the parser, so it shows in the text alone.
        if !is_safe(&url) || base.contains('#') {
            return Err(InvalidGraph);
        }
        Ok(Self {
            base: base.to_owned(),
            authorities: Authorities::of_browsers(),
            http: Arc::default(),
        })
    }

    /// The same, believing those authorities who Meta is, in place of those that browsers believe.
    #[must_use]
    pub fn trusting(self, authorities: Authorities) -> Self {
        Self {
            authorities,
            http: Arc::default(),
            ..self
        }
    }

    /// Asks Meta to send a message from one of the business's numbers, and waits at most so long for the answer. What is
    /// attached comes back with every status of the message, which is how an unanswered send is told from an unsent one.
    ///
    /// # Errors
    ///
    /// [`SendError`]; its [class](SendError::class) says whether the message may be sent again.
    pub async fn send(
        &self,
        token: &AccessToken,
        from: &PhoneNumberId,
        to: &Identifiers,
        message: &Outbound,
        callback: &Callback,
        timeout: Duration,
    ) -> Result<Accepted, SendError> {
        let message = request::body(to, message, callback);
        let question = Question::new(Method::POST, format!("{from}/messages")).with(message);
        self.ask(question, token, timeout, answer::accepted).await
    }

    /// Asks Meta to delete what its contact book has on a person: which phone number belongs to that id, for the whole business
    /// portfolio. Waits at most so long for the answer. It is also done if there was nothing to delete.
    ///
    /// # Errors
    ///
    /// [`SendError`]. Doing it twice does nothing more, so what may have been done may be tried again.
    pub async fn delete_from_contact_book(
        &self,
        token: &AccessToken,
        sender: &PhoneNumberId,
        person: &Bsuid,
        timeout: Duration,
    ) -> Result<(), SendError> {
        let query = [("messaging_product", "whatsapp"), ("bsuid", person.as_str())];
        let question = Question::new(Method::DELETE, format!("{sender}/contact_book")).about(&query);
        self.ask(question, token, timeout, answer::deleted).await
    }

    /// Asks Meta how one of the business's numbers is, and waits at most so long for the answer.
    ///
    /// # Errors
    ///
    /// [`SendError`]. Asking changes nothing, so it may always be asked again.
    pub async fn number_health(
        &self,
        token: &AccessToken,
        sender: &PhoneNumberId,
        timeout: Duration,
    ) -> Result<NumberHealth, SendError> {
        let question = Question::get(sender).about(&[("fields", health::NUMBER_FIELDS)]);
        self.ask(question, token, timeout, |body| health::number(body, sender))
            .await
    }

    /// Asks Meta how an account is, and waits at most so long for the answer.
    ///
    /// # Errors
    ///
    /// [`SendError`]. Asking changes nothing, so it may always be asked again.
    pub async fn account_health(
        &self,
        token: &AccessToken,
        waba: &WabaId,
        timeout: Duration,
    ) -> Result<AccountHealth, SendError> {
        let question = Question::get(waba).about(&[("fields", health::ACCOUNT_FIELDS)]);
        self.ask(question, token, timeout, |body| health::account(body, waba))
            .await
    }

    /// Asks Meta how an account's template in one language is, and waits at most so long for all of the answer. `None` means
    /// that Meta has no such template.
    ///
    /// # Errors
    ///
    /// [`SendError`]; [`SendError::NoAnswer`] also if the list of similar names does not end. Asking changes nothing, so it may
    /// always be asked again.
    pub async fn template_health(
        &self,
        token: &AccessToken,
        waba: &WabaId,
        name: &TemplateName,
        language: &Language,
        timeout: Duration,
    ) -> Result<Option<TemplateHealth>, SendError> {
        let begun = Instant::now();
        let mut after: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut query = vec![
                ("name", name.as_str()),
                ("fields", health::TEMPLATE_FIELDS),
                ("limit", TEMPLATES_A_PAGE),
            ];
            query.extend(after.as_deref().map(|after| ("after", after)));
            let question = Question::get(format_args!("{waba}/message_templates")).about(&query);
            let left = timeout.saturating_sub(begun.elapsed());
            let read = |body: &str| health::templates(body, name, language);
            let page = self.ask(question, token, left, read).await?;
            match page {
                health::Page::Found(health) => return Ok(Some(health)),
                health::Page::NotHere { after: None } => return Ok(None),
                // The address that Meta gives for the next page is not followed: it could lead the token elsewhere.
                health::Page::NotHere { after: Some(next) } => after = Some(next),
            }
        }
        Err(SendError::NoAnswer)
    }

    /// Asks Meta which apps an account's webhooks go to.
    ///
    /// # Errors
    ///
    /// [`SendError`]. Asking changes nothing, so it may always be asked again.
    pub async fn subscribed_apps(
        &self,
        token: &AccessToken,
        waba: &WabaId,
        timeout: Duration,
    ) -> Result<Vec<SubscribedApp>, SendError> {
        let question = Question::get(format_args!("{waba}/subscribed_apps"));
        self.ask(question, token, timeout, subscription::apps).await
    }

    /// Has an account's webhooks go to the app that the token is of. Doing it twice does nothing more.
    ///
    /// # Errors
    ///
    /// [`SendError`].
    pub async fn subscribe_account(
        &self,
        token: &AccessToken,
        waba: &WabaId,
        timeout: Duration,
    ) -> Result<(), SendError> {
        let question = Question::new(Method::POST, format!("{waba}/subscribed_apps"));
        self.ask(question, token, timeout, answer::deleted).await
    }

    /// Asks Meta where an app wants WhatsApp's webhooks, and which. `None` means that it wants none. The token is the app's own:
    /// [`AccessToken::of_app`].
    ///
    /// # Errors
    ///
    /// [`SendError`]. Asking changes nothing, so it may always be asked again.
    pub async fn app_subscription(
        &self,
        token: &AccessToken,
        app: &AppId,
        timeout: Duration,
    ) -> Result<Option<AppSubscription>, SendError> {
        let question = Question::get(format_args!("{app}/subscriptions"));
        self.ask(question, token, timeout, subscription::subscription).await
    }

    /// Has an app's webhooks of WhatsApp posted to an address, those with these fields and no others. Meta asks that address first
    /// whether it knows the verify token.
    ///
    /// # Errors
    ///
    /// [`SendError`]. Doing it twice does nothing more.
    pub async fn subscribe_app(
        &self,
        token: &AccessToken,
        app: &AppId,
        callback_url: &str,
        verify_token: &str,
        fields: &[&str],
        timeout: Duration,
    ) -> Result<(), SendError> {
        let wanted = subscription::wanted(callback_url, verify_token, fields);
        let question = Question::new(Method::POST, format!("{app}/subscriptions")).with(wanted);
        self.ask(question, token, timeout, answer::deleted).await
    }

    /// What Meta answers. The errors of the HTTP client end here: they show the address, which may name a person.
    async fn ask<T>(
        &self,
        question: Question,
        token: &AccessToken,
        timeout: Duration,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, SendError> {
        let request = question.request(&self.base, token)?;
        let answered = tokio::time::timeout(timeout, async {
            let response = self
                .http()
                .send(request)
                .await
                .map_err(|error| match Failure::of(&error) {
                    Failure::Unreachable | Failure::Unfit => SendError::Unreachable,
                    Failure::Broken => SendError::NoAnswer,
                })?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(|_| SendError::NoAnswer)?;
            Ok((parts.status, body.to_bytes()))
        });
        let (status, body) = answered.await.unwrap_or(Err(SendError::NoAnswer))?;
        let body = String::from_utf8_lossy(&body);
        if let Some(error) = answer::refused(&body) {
            return Err(unless_unknown(error, status));
        }
        let done = read(&body).filter(|_| status.is_success());
        done.ok_or(SendError::Unexplained {
            status: status.as_u16(),
        })
    }

    fn http(&self) -> &Http {
        self.http.get_or_init(|| Http::new(&self.authorities, CONNECTIONS))
    }
}

/// What Meta is asked.
struct Question {
    method: Method,
    /// What is asked about, behind the address, with its query.
    path: String,
    body: Option<Value>,
}

impl Question {
    fn new(method: Method, path: String) -> Self {
        Self {
            method,
            path,
            body: None,
        }
    }

    fn get(path: impl fmt::Display) -> Self {
        Self::new(Method::GET, path.to_string())
    }

    /// With these parameters.
    fn about(mut self, query: &[(&str, &str)]) -> Self {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(query)
            .finish();
        self.path = format!("{}?{query}", self.path);
        self
    }

    /// With this body.
    fn with(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    fn request(self, base: &str, token: &AccessToken) -> Result<Request, SendError> {
        let mut bearer =
            HeaderValue::try_from(format!("Bearer {}", token.0.expose_secret())).map_err(|_| SendError::Unreachable)?;
        bearer.set_sensitive(true);
        let request = http::request::Builder::new()
            .method(self.method)
            .uri(format!("{base}/{}", self.path))
            .header(header::AUTHORIZATION, bearer);
        let request = match self.body {
            None => request.body(Full::default()),
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(body.to_string().into()),
        };
        // What cannot be written down has not gone out.
        request.map_err(|_| SendError::Unreachable)
    }
}

/// An error without a code says less than the status it came with.
fn unless_unknown(error: GraphError, status: StatusCode) -> SendError {
    match error.code {
        Some(_) => SendError::Refused(error),
        None => SendError::Unexplained {
            status: status.as_u16(),
        },
    }
}

/// Whether the token can be sent there without anybody listening.
fn is_safe(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default();
    let address: Result<IpAddr, _> = host.trim_matches(['[', ']']).parse();
    let local = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    let has_user = url
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'));
    let encrypted = url.scheme_str() == Some("https") && !host.is_empty();
    url.query().is_none() && !has_user && (encrypted || (url.scheme_str() == Some("http") && local))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_goes_over_tls_or_stays_on_this_machine() {
        for good in [
            META,
            "http://127.0.0.1:8787/graph",
            "http://localhost:1",
            "http://[::1]:8080/",
        ] {
            assert!(Graph::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "graph.facebook.com",
            "http://graph.facebook.com/v26.0",
            "ftp://localhost",
            "https://a@b/?q",
        ] {
            let graph = Graph::new(bad);
            assert!(matches!(graph, Err(InvalidGraph)), "{bad}");
        }
        assert!(AccessToken::new("").is_err());
        assert!(AccessToken::new("two\nlines").is_err());
    }
}
