//! Which request is which.

use consent::id::ContactId;
use lambda_http::http::Method;
use service::http::refusal::{self, Refusal};

/// A request by what it asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `POST /v1/opt-ins`.
    OptIns,
    /// `POST /v1/contacts/lookup`: a POST so that no phone number stands in an address, which proxies and logs keep.
    LookUp,
    /// `GET /v1/contacts/{contact_id}`.
    Contact(ContactId),
    /// `GET /v1/contacts/{contact_id}/evidence`.
    Evidence(ContactId),
    /// `POST /v1/contacts/{contact_id}/withdrawals`.
    Withdrawals(ContactId),
}

impl Route {
    pub(crate) fn of(method: &Method, path: &str) -> Result<Self, Refusal> {
        let segments: Vec<_> = path.split('/').collect();
        let (allowed, route): (_, Result<_, _>) = match segments.as_slice() {
            ["", "v1", "opt-ins"] => (Method::POST, Ok(Self::OptIns)),
            ["", "v1", "contacts", "lookup"] => (Method::POST, Ok(Self::LookUp)),
            ["", "v1", "contacts", id] => (Method::GET, id.parse().map(Self::Contact)),
            ["", "v1", "contacts", id, "evidence"] => (Method::GET, id.parse().map(Self::Evidence)),
            ["", "v1", "contacts", id, "withdrawals"] => (Method::POST, id.parse().map(Self::Withdrawals)),
            _ => return Err(refusal::no_such_route()),
        };
        if *method != allowed {
            return Err(refusal::no_such_method(&[allowed]));
        }
        // What is no id at all is nobody's.
        route.map_err(|_| refusal::unknown_contact())
    }
}
