//! Meta's webhooks: the handshake, and deliveries.
//!
//! A delivery goes one straight line: size, signature, parse, decide, commit, 200. Nothing is answered with 200 before all
//! of it is durable; anything else makes Meta deliver the whole batch again, which repeats nothing.

mod carry_out;
mod health;
mod plan;

use lambda_http::http::{Method, StatusCode, header};
use lambda_http::{Body, Request, RequestExt, Response};
use platform::deadline::Deadline;
use platform::problem::Problem;
use platform::secrets::Secrets;
use secrecy::ExposeSecret;
use service::Service;
use whatsapp::delivery::{NotADelivery, parse};
use whatsapp::handshake::{CHALLENGE, Handshake, MODE, VERIFY_TOKEN, VerifyToken};
use whatsapp::{AppSecret, SIGNATURE_HEADER, SignatureError, Signed, verify};

use carry_out::carry_out;
use plan::Plan;

/// The largest body that Meta sends (webhooks overview).
pub const MAX_BODY: usize = 3 * 1024 * 1024;

/// Why a request is not answered as it wishes.
#[derive(Debug)]
enum Refusal {
    Handshake(whatsapp::handshake::Refused),
    TooLarge,
    Unsigned(SignatureError),
    /// Something is not at hand or not durable; Meta is to deliver again.
    Later,
    NoSuchRoute,
    NoSuchMethod,
}

/// Answers a request to `/webhook`.
pub async fn handle(service: &Service, request: Request) -> Response<Body> {
    let answer = match (request.uri().path(), request.method()) {
        ("/webhook", &Method::GET) => handshake(service, &request).await,
        ("/webhook", &Method::POST) => delivery(service, &request).await,
        ("/webhook", _) => Err(Refusal::NoSuchMethod),
        _ => Err(Refusal::NoSuchRoute),
    };
    answer.unwrap_or_else(|refusal| refuse(service, &refusal))
}

async fn handshake(service: &Service, request: &Request) -> Result<Response<Body>, Refusal> {
    let secrets = service.secrets().await.map_err(later)?;
    let query: Vec<_> = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).collect();
    let parameter = |name| query.iter().find(|(key, _)| key == name).map(|(_, value)| &**value);
    let handshake = Handshake {
        mode: parameter(MODE),
        challenge: parameter(CHALLENGE),
        verify_token: parameter(VERIFY_TOKEN),
    };
    let token = VerifyToken::new(secrets.current.verify_token.expose_secret()).map_err(later)?;
    let challenge = handshake.answer(&token).map_err(Refusal::Handshake)?;
    Ok(plain(challenge.to_owned()))
}

async fn delivery(service: &Service, request: &Request) -> Result<Response<Body>, Refusal> {
    let body: &[u8] = request.body().as_ref();
    if body.len() > MAX_BODY {
        return Err(Refusal::TooLarge);
    }
    let header = request
        .headers()
        .get(SIGNATURE_HEADER)
        .map(header::HeaderValue::as_bytes);
    let signed = verified(service, body, header).await?;
    service.metrics.count("deliveries", 1);
    let deadline = Deadline::of_invocation(request.lambda_context_ref().map(|context| context.deadline));
    let work = service.begin(deadline).await.map_err(later)?;
    let plan = match parse(&signed) {
        Ok(delivery) => Plan::of(&delivery, &work),
        Err(NotADelivery::OtherObject) => {
            service.metrics.count("deliveries_of_other_objects", 1);
            return Ok(plain("ok".to_owned()));
        }
        Err(reason @ NotADelivery::NotJson) => Plan::of_unreadable(body, &reason, work.now),
    };
    if carry_out(plan, &work, &service.metrics).await {
        Ok(plain("ok".to_owned()))
    } else {
        Err(Refusal::Later)
    }
}

/// The body, if one of the app's secrets signed it: those at hand, else the newest, which may be newer than those.
async fn verified<'a>(service: &Service, body: &'a [u8], header: Option<&[u8]>) -> Result<Signed<'a>, Refusal> {
    let at_hand = service.secrets().await.map_err(later)?;
    match verify(body, header, &app_secrets(&at_hand)) {
        Err(SignatureError::Mismatch) => {
            let newest = service.newest_secrets().await.map_err(later)?;
            verify(body, header, &app_secrets(&newest)).map_err(Refusal::Unsigned)
        }
        verified => verified.map_err(Refusal::Unsigned),
    }
}

fn app_secrets(secrets: &Secrets) -> Vec<AppSecret> {
    secrets
        .app_secrets()
        .into_iter()
        .filter_map(|secret| AppSecret::new(secret.expose_secret()).ok())
        .collect()
}

fn later(error: impl std::error::Error) -> Refusal {
    tracing::error!(error = %platform::logs::chain(&error), "a webhook cannot be taken now");
    Refusal::Later
}

fn refuse(service: &Service, refusal: &Refusal) -> Response<Body> {
    let (status, kind, title, detail) = match refusal {
        Refusal::Handshake(reason) => {
            service.metrics.count("handshakes_refused", 1);
            (
                StatusCode::FORBIDDEN,
                "handshake-refused",
                "Handshake refused",
                reason.to_string(),
            )
        }
        Refusal::Unsigned(reason) => {
            service.metrics.count("deliveries_refused", 1);
            (
                StatusCode::UNAUTHORIZED,
                "not-signed",
                "Not signed by Meta",
                reason.to_string(),
            )
        }
        Refusal::TooLarge => {
            service.metrics.count("deliveries_refused", 1);
            let detail = format!("a delivery has at most {MAX_BODY} bytes");
            (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Body too large", detail)
        }
        Refusal::Later => {
            service.metrics.count("deliveries_to_repeat", 1);
            let detail = "not all of it is stored yet: deliver it again".to_owned();
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "deliver-again",
                "Please deliver again",
                detail,
            )
        }
        Refusal::NoSuchRoute => (
            StatusCode::NOT_FOUND,
            "no-such-route",
            "No such route",
            "webhooks come to /webhook".to_owned(),
        ),
        Refusal::NoSuchMethod => {
            let detail = "GET is the handshake and POST a delivery".to_owned();
            (
                StatusCode::METHOD_NOT_ALLOWED,
                "no-such-method",
                "Method not allowed",
                detail,
            )
        }
    };
    Problem::new(status, kind, title, detail).into()
}

fn plain(body: String) -> Response<Body> {
    let mut response = Response::new(Body::Text(body));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain"));
    response
}
