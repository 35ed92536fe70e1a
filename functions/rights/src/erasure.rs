//! Erasure of a contact, and its certificate.

use consent::id::{ContactId, ErasureId};
use lambda_http::Request;
use service::Service;
use service::http::body::{self, Object};
use service::http::{self, Answer};

use crate::{reason, refusal};

/// Begins to erase a contact, or goes on with it. The purge finishes what does not fit into the time of one answer.
pub(crate) async fn begin(service: &Service, request: &Request, id: &ContactId) -> Answer {
    let members = body::read(request)?;
    let reason = reason::read(&Object::whole(&members, &["reason"])?.need("reason")?)?;
    let work = http::begin(service, request).await?;
    Err(refusal::not_built(id, work.now, reason))
}

/// What was deleted, when, and until when backups may hold it.
pub(crate) async fn show(service: &Service, request: &Request, id: &ErasureId) -> Answer {
    let work = http::begin(service, request).await?;
    Err(refusal::not_built(id, work.now, ""))
}
