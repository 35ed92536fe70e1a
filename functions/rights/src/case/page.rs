//! The page that a person opens from the chat: here they tell the code, and get what they asked for.
//!
//! Opening the page changes nothing, so a program that looks at links in advance uses nothing up. Everything is done by sending the
//! code.

use std::sync::atomic::{AtomicBool, Ordering};

use consent::case::{Case, Code, Outcome, PageLink};
use lambda_http::http::StatusCode;
use lambda_http::http::header::ACCEPT_LANGUAGE;
use lambda_http::{Body, Request, Response};
use ledger::StoredCase;
use paper::{Choice, Document};
use service::http::{self, Refusal};
use service::{Service, Work};

use crate::copy::language::Language;
use crate::copy::{self, Form};

use super::step::step;

/// What a form may have in bytes: a code and the name of a form.
const MOST: usize = 1_000;

/// What a person is told.
enum Told {
    /// The page as it is first.
    Ask,
    /// The code was wrong.
    Wrong,
    /// It is known now that it is them.
    Known,
    /// The link leads nowhere, or no longer anywhere.
    Gone,
    /// The copy is no longer kept, or was never made.
    NoCopy,
    /// It does not work now.
    Later,
}

/// `GET /cases/{link}`: asks for the code.
pub(crate) async fn show(service: &Service, request: &Request, link: &str) -> Response<Body> {
    let told = match begin(service, request, link).await {
        Ok(_) => Told::Ask,
        Err(told) => told,
    };
    told.page(request)
}

/// `POST /cases/{link}`: takes the code.
pub(crate) async fn tell(service: &Service, request: &Request, link: &str) -> Response<Body> {
    match told(service, request, link).await {
        Ok(answer) => answer,
        Err(told) => told.page(request),
    }
}

async fn begin(service: &Service, request: &Request, link: &str) -> Result<(Work, StoredCase), Told> {
    let work = http::begin(service, request).await.map_err(Told::from)?;
    let link = PageLink::decode(link, work.rules().token_keys).filter(|link| link.is_good(work.now));
    let link = link.ok_or(Told::Gone)?;
    let unavailable = |error| Told::from(http::refusal::unavailable(error));
    let stored = work
        .ledger
        .case(&link.case)
        .await
        .map_err(unavailable)?
        .ok_or(Told::Gone)?;
    // Whoever demanded the same twice means the case that is open.
    let Some(other) = stored.case.duplicate_of else {
        return Ok((work, stored));
    };
    let stored = work.ledger.case(&other).await.map_err(unavailable)?.ok_or(Told::Gone)?;
    Ok((work, stored))
}

async fn told(service: &Service, request: &Request, link: &str) -> Result<Response<Body>, Told> {
    let (work, stored) = begin(service, request, link).await?;
    let (code, form) = sent(request)?;
    let id = stored.case.id;
    let hashes: Vec<_> = work.rules().token_keys.iter().map(|key| code.hash(&id, key)).collect();
    let is_right = AtomicBool::new(false);
    let tell = |case: &mut Case| {
        is_right.store(case.tell_code(&hashes, work.now)?.is_ok(), Ordering::Relaxed);
        Ok(())
    };
    let stored = step(&work, &id, tell, None).await?;
    if !is_right.into_inner() {
        service.metrics.count("codes_refused", 1);
        return Err(Told::Wrong);
    }
    service.metrics.count("identities_shown", 1);
    // The tap may be missing still.
    if !stored.case.kind.gives_copy() || stored.case.clone().begin().is_err() && !stored.case.state().is_closed() {
        return Err(Told::Known);
    }
    if !stored.case.state().is_closed() {
        let begun = step(&work, &id, Case::begin, None).await?;
        copy::make(&work, &begun).await?;
        step(&work, &id, |case| case.close(Outcome::Fulfilled, work.now), None).await?;
        service.metrics.count("cases_fulfilled", 1);
    }
    service.metrics.count("copies_fetched", 1);
    Ok(copy::kept(&work, &stored, form, request).await?)
}

/// The code and the form that a person sent. What is no code is a wrong one.
fn sent(request: &Request) -> Result<(Code, Form), Told> {
    let body: &[u8] = request.body();
    let mut code = Err(Told::Wrong);
    let mut form = Form::default();
    for (name, value) in form_urlencoded::parse(body.get(..MOST).unwrap_or(body)) {
        match &*name {
            "code" => code = value.trim().parse().map_err(|_| Told::Wrong),
            "form" => form = value.parse().unwrap_or_default(),
            _ => {}
        }
    }
    Ok((code?, form))
}

impl From<Refusal> for Told {
    fn from(refusal: Refusal) -> Self {
        match refusal.status() {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::INTERNAL_SERVER_ERROR => Self::Later,
            StatusCode::GONE | StatusCode::CONFLICT => Self::NoCopy,
            _ => Self::Gone,
        }
    }
}

impl Told {
    fn page(self, request: &Request) -> Response<Body> {
        let accepted = request.headers().get(ACCEPT_LANGUAGE);
        let language = Language::of(accepted.and_then(|tags| tags.to_str().ok()).unwrap_or_default());
        let say = |english, german| language.say(english, german);
        let mut page = Document::new(
            language.tag(),
            say("Your request about your data", "Ihr Anliegen zu Ihren Daten"),
        );
        let (status, text) = match self {
            Self::Ask => (
                StatusCode::OK,
                say(
                    "Enter the code that you were sent in the chat. It is good for 15 minutes, and once.",
                    "Geben Sie den Code ein, den Sie im Chat erhalten haben. Er gilt 15 Minuten und nur einmal.",
                ),
            ),
            Self::Wrong => (
                StatusCode::FORBIDDEN,
                say(
                    "The code is wrong, or no longer good. Look at the last message in the chat. For another code, tap the button \
                     there again, or write anew.",
                    "Der Code ist falsch oder gilt nicht mehr. Sehen Sie in der letzten Nachricht im Chat nach. Für einen anderen \
                     Code tippen Sie dort wieder auf die Schaltfläche oder schreiben Sie neu.",
                ),
            ),
            Self::Known => (
                StatusCode::OK,
                say(
                    "Thank you: it is known now that it is you. You will have an answer.",
                    "Danke: Es ist nun bekannt, dass Sie es sind. Sie erhalten eine Antwort.",
                ),
            ),
            Self::Gone => (
                StatusCode::NOT_FOUND,
                say(
                    "This link leads nowhere, or no longer anywhere. For another one, tap the button in the chat again, or write \
                     anew.",
                    "Dieser Link führt nirgendwohin oder nicht mehr. Für einen anderen tippen Sie im Chat wieder auf die Schaltfläche \
                     oder schreiben Sie neu.",
                ),
            ),
            Self::NoCopy => (
                StatusCode::GONE,
                say(
                    "There is no copy for you here any more. Ask for your data again in the chat.",
                    "Hier liegt keine Kopie mehr für Sie. Verlangen Sie Ihre Daten im Chat erneut.",
                ),
            ),
            Self::Later => (
                StatusCode::SERVICE_UNAVAILABLE,
                say(
                    "It does not work at the moment. Please try again in a few minutes.",
                    "Es geht im Augenblick nicht. Bitte versuchen Sie es in einigen Minuten wieder.",
                ),
            ),
        };
        page.text(text);
        let form = matches!(self, Self::Ask | Self::Wrong).then(|| ask(language));
        copy::page_of(status, &page, form.as_ref(), request)
    }
}

fn ask(language: Language) -> paper::Form {
    let say = |english, german| language.say(english, german).to_owned();
    let option = |value: &str, name| (value.to_owned(), name);
    paper::Form {
        name: "code".to_owned(),
        label: say("Code", "Code"),
        choice: Some(Choice {
            name: "form".to_owned(),
            label: say(
                "How you would like your data, if you asked for a copy",
                "In welcher Form, wenn Sie eine Kopie verlangt haben",
            ),
            options: vec![
                option(
                    "html",
                    say("A page to read and print", "Eine Seite zum Lesen und Drucken"),
                ),
                option(
                    "json",
                    say("A file for programs (JSON)", "Eine Datei für Programme (JSON)"),
                ),
                option(
                    "jsonld",
                    say(
                        "Consent records (ISO/IEC TS 27560)",
                        "Einwilligungsnachweise (ISO/IEC TS 27560)",
                    ),
                ),
            ],
        }),
        button: say("Continue", "Weiter"),
    }
}
