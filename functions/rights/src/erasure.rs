//! Erasure of a contact, and its certificate.

use consent::evidence::TypedWords;
use consent::id::{ContactId, ErasureId};
use consent::retention::Certificate;
use lambda_http::Request;
use lambda_http::http::StatusCode;
use ledger::{ContactBook, Erasure, ErasureRequest, ErasureStart};
use platform::problem::json;
use serde::Serialize;
use service::Service;
use service::http::body::{self, Object};
use service::http::refusal::{unavailable, unknown_contact};
use service::http::{self, Answer, caller};

use crate::{reason, refusal};

/// Begins to erase a contact, or goes on with it. The purge finishes what does not fit into the time of one answer.
pub(crate) async fn begin(service: &Service, request: &Request, id: &ContactId) -> Answer {
    #[derive(Serialize)]
    struct Accepted {
        erasure_id: ErasureId,
    }

    let members = body::read(request)?;
    let reason = reason::read(&Object::whole(&members, &["reason"])?.need("reason")?)?;
    let work = http::begin(service, request).await?;
    let asked = ErasureRequest {
        actor: caller::actor(request),
        reason: &TypedWords::new(reason),
    };
    let start = work.ledger.begin_erasure(id, &asked, &work.rules()).await;
    let erasure_id = match start.map_err(unavailable)? {
        ErasureStart::Begun(erasure) => {
            service.metrics.count("erasures", 1);
            erasure
        }
        ErasureStart::Running(erasure) => erasure,
        ErasureStart::Held { until } => return Err(refusal::legal_hold(until)),
        ErasureStart::Unknown => return Err(unknown_contact()),
    };
    // It has begun and will be finished, whatever becomes of it within this request.
    if let Err(error) = work.ledger.continue_erasure(&erasure_id, &work.rules()).await {
        tracing::warn!(error = %platform::logs::chain(&error), "an erasure is left to the purge to finish");
    }
    Ok(json(StatusCode::ACCEPTED, &Accepted { erasure_id }))
}

/// What was deleted, when, and until when backups may hold it.
pub(crate) async fn show(service: &Service, request: &Request, id: &ErasureId) -> Answer {
    #[derive(Serialize)]
    #[serde(rename_all = "snake_case")]
    enum State {
        Running,
        Done,
    }
    #[derive(Serialize)]
    struct Answer {
        state: State,
        #[serde(flatten)]
        certificate: Certificate,
        contact_book: Option<&'static str>,
        #[serde(flatten)]
        proof: Option<Signed>,
    }
    /// The certificate as it was signed, byte for byte.
    #[derive(Serialize)]
    struct Signed {
        signed: String,
        signature: String,
        signature_valid: bool,
    }

    let work = http::begin(service, request).await?;
    let erasure = work.ledger.erasure(id, work.now).await.map_err(unavailable)?;
    let Erasure {
        certificate,
        contact_book,
        proof,
    } = erasure.ok_or_else(refusal::unknown_erasure)?;
    let answer = Answer {
        state: if proof.is_some() { State::Done } else { State::Running },
        certificate,
        contact_book: contact_book.map(ContactBook::as_str),
        proof: proof.map(|proof| Signed {
            signed: proof.text,
            signature: proof.signature.to_string(),
            signature_valid: proof.is_genuine,
        }),
    };
    Ok(json(StatusCode::OK, &answer))
}
