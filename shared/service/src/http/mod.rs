//! What every function has in common that is called over HTTP by the controller's own systems: reading a request, and refusing
//! it.

pub mod body;
pub mod caller;
pub mod identifiers;
pub mod locale;
pub mod query;
pub mod refusal;

use consent::id::ContactId;
use lambda_http::{Body, Request, Response};
use ledger::{Ledger, Subject};

pub use refusal::Refusal;

use crate::{Service, Work};

/// What a request comes to.
pub type Answer = Result<Response<Body>, Refusal>;

/// Begins the invocation that answers the request.
///
/// # Errors
/// When what the answer depends on is not at hand.
pub async fn begin(service: &Service, request: &Request) -> Result<Work, Refusal> {
    let work = service.begin(caller::deadline(request)).await;
    work.map_err(refusal::unavailable)
}

/// The contact with that id, who must be known.
///
/// # Errors
/// When nobody has the id, or the ledger does not answer.
pub async fn known(ledger: &Ledger, id: &ContactId) -> Result<Subject, Refusal> {
    ledger
        .read(id)
        .await
        .map_err(refusal::unavailable)?
        .ok_or_else(refusal::unknown_contact)
}
