//! Copies of all that is held about somebody (Art. 15 and 20 GDPR): made, kept for a few days, and handed to whoever has shown who
//! they are.

pub(crate) mod language;
mod page;
mod record_set;

use std::io::{Read, Write};

use consent::copy::{Copy, Demanded};
use consent::id::CaseId;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use lambda_http::http::StatusCode;
use lambda_http::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::{Body, Request, Response};
use ledger::{CaseDetails, HeldAbout, StoredCase};
use paper::Document;
use service::http::body::Object;
use service::http::refusal::unavailable;
use service::http::{self, Answer, Refusal, query};
use service::{Service, Work};

use crate::refusal;

/// What may be sent without being compressed. Lambda's answers have six megabytes at most, and base64 takes a third of them.
const PLAIN: usize = 3 * 1024 * 1024;

/// What a page may do: nothing but show itself, and send its own form.
const PAGE_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// In which form a copy is given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// A page to read.
    #[default]
    Html,
    /// All of it, for programs.
    Json,
    /// The consents, as ISO/IEC TS 27560 has them.
    JsonLd,
}

/// The text names no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such form: write html, json or jsonld")]
pub(crate) struct UnknownForm;

impl std::str::FromStr for Form {
    type Err = UnknownForm;

    fn from_str(name: &str) -> Result<Self, UnknownForm> {
        match name {
            "html" => Ok(Self::Html),
            "json" => Ok(Self::Json),
            "jsonld" => Ok(Self::JsonLd),
            _ => Err(UnknownForm),
        }
    }
}

/// Makes a copy for a case and keeps it. Nobody but who has shown who they are gets it.
pub(crate) async fn make(work: &Work, stored: &StoredCase) -> Result<(), Refusal> {
    let Some(CaseDetails { recipient, .. }) = &stored.details else {
        return Err(refusal::erased());
    };
    let held = work.ledger.held_about(recipient, &work.policy, work.now).await;
    let held = match held.map_err(unavailable)? {
        HeldAbout::One(held) => *held,
        HeldAbout::Two => return Err(refusal::several_contacts()),
    };
    if stored.contact.is_some() && held.person.contact_id.is_some() && stored.contact != held.person.contact_id {
        return Err(refusal::changed_hands());
    }
    let others = work
        .ledger
        .policies_named(&held, &work.policy)
        .await
        .map_err(unavailable)?;
    let policies: Vec<_> = std::iter::once(&*work.policy).chain(&others).collect();
    let demanded = Demanded {
        case: stored.case.id,
        kind: stored.case.kind,
        received_at: stored.case.received_at,
    };
    let copy = Copy::new(held, demanded, &policies, work.now).and_then(|copy| serde_json::to_vec(&copy).ok());
    let bytes = copy
        .and_then(|copy| compressed(&copy))
        .ok_or_else(refusal::unreadable_copy)?;
    let kept = work.ledger.keep_copy(stored, &bytes, &work.policy, work.now).await;
    if kept.map_err(unavailable)? {
        Ok(())
    } else {
        Err(refusal::erased())
    }
}

/// The copy that is kept for a case, in a form.
pub(crate) async fn kept(work: &Work, stored: &StoredCase, form: Form, request: &Request) -> Answer {
    let kept = work.ledger.kept_copy(stored, work.now).await.map_err(unavailable)?;
    let kept = kept.ok_or_else(refusal::no_copy)?;
    let mut json = vec![];
    let unreadable = |_| refusal::unreadable_copy();
    GzDecoder::new(kept.as_slice())
        .read_to_end(&mut json)
        .map_err(unreadable)?;
    let bytes = match form {
        Form::Json => json,
        Form::Html => page::document(&read(&json)?).to_html().into_bytes(),
        Form::JsonLd => record_set::record_set(&read(&json)?).to_string().into_bytes(),
    };
    Ok(sent(StatusCode::OK, form, bytes, request))
}

fn read(json: &[u8]) -> Result<Copy, Refusal> {
    serde_json::from_slice(json).map_err(|_| refusal::unreadable_copy())
}

/// `GET /v1/cases/{case_id}/copy`: the copy of a case that was fulfilled, for whoever hands it on.
pub(crate) async fn show(service: &Service, request: &Request, id: &CaseId) -> Answer {
    let parameters = query::read(request)?;
    let form = Object::whole(&parameters, &["form"])?.get("form");
    let form = form.map(|form| form.parsed()).transpose()?.unwrap_or_default();
    let work = http::begin(service, request).await?;
    let stored = work.ledger.case(id).await.map_err(unavailable)?;
    let stored = stored.ok_or_else(refusal::unknown_case)?;
    kept(&work, &stored, form, request).await
}

/// A page for people.
pub(crate) fn page_of(
    status: StatusCode,
    document: &Document,
    form: Option<&paper::Form>,
    request: &Request,
) -> Response<Body> {
    let html = form.map_or_else(|| document.to_html(), |form| document.to_html_with(form));
    sent(status, Form::Html, html.into_bytes(), request)
}

fn sent(status: StatusCode, form: Form, bytes: Vec<u8>, request: &Request) -> Response<Body> {
    let (media_type, name) = match form {
        Form::Html => ("text/html; charset=utf-8", None),
        Form::Json => ("application/json", Some("attachment; filename=\"copy.json\"")),
        Form::JsonLd => ("application/ld+json", Some("attachment; filename=\"consents.jsonld\"")),
    };
    let accepted = request
        .headers()
        .get(ACCEPT_ENCODING)
        .and_then(|accepted| accepted.to_str().ok());
    let may_compress = accepted.is_some_and(|accepted| accepted.contains("gzip")) || bytes.len() > PLAIN;
    let smaller = may_compress.then(|| compressed(&bytes)).flatten();
    let is_compressed = smaller.is_some();
    let mut response = Response::new(match smaller {
        Some(smaller) => Body::Binary(smaller),
        None => Body::from(bytes),
    });
    *response.status_mut() = status;
    let mut header = |name: HeaderName, value: &'static str| {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    };
    header(CONTENT_TYPE, media_type);
    header(CACHE_CONTROL, "no-store");
    header(REFERRER_POLICY, "no-referrer");
    header(X_CONTENT_TYPE_OPTIONS, "nosniff");
    header(CONTENT_SECURITY_POLICY, PAGE_POLICY);
    if let Some(name) = name {
        header(CONTENT_DISPOSITION, name);
    }
    if is_compressed {
        header(CONTENT_ENCODING, "gzip");
    }
    response
}

fn compressed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(vec![], Compression::default());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}
