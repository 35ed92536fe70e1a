//! The API for the controller's own systems: step one of the double opt-in, the standing and the evidence of a contact, and
//! withdrawals that reached the controller elsewhere.
//!
//! Nothing here can confirm a consent: only the contact does that, in WhatsApp. Whoever calls is authenticated by API
//! Gateway before the request arrives.

mod contact;
mod occurrence;
mod opt_in;
mod purposes;
mod recipient;
mod refusal;
mod route;
mod withdrawal;

use lambda_http::{Body, Request, Response};
use service::Service;

use route::Route;

/// Answers a request to `/v1/opt-ins` or `/v1/contacts`. Whatever goes wrong is answered with problem details.
pub async fn handle(service: &Service, request: Request) -> Response<Body> {
    let answer = match Route::of(request.method(), request.uri().path()) {
        Ok(Route::OptIns) => opt_in::take(service, &request).await,
        Ok(Route::LookUp) => contact::look_up(service, &request).await,
        Ok(Route::Contact(id)) => contact::show(service, &request, &id).await,
        Ok(Route::Evidence(id)) => contact::evidence(service, &request, &id).await,
        Ok(Route::Withdrawals(id)) => withdrawal::take(service, &request, &id).await,
        Err(refusal) => Err(refusal),
    };
    answer.unwrap_or_else(Response::from)
}
