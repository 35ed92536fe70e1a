//! The API for whoever answers for the data: erasing a contact (Art. 17 GDPR), holding that off while the law wants the data
//! kept (Art. 17(3)), and showing that nothing is kept longer than it may be.
//!
//! Whoever calls is authenticated by API Gateway before the request arrives.

mod erasure;
mod hold;
mod reason;
mod refusal;
mod route;
mod runs;

use lambda_http::{Body, Request, Response};
use service::Service;

use route::Route;

/// Answers a request about erasures, legal holds or runs of the purge. Whatever goes wrong is answered with problem details.
pub async fn handle(service: &Service, request: Request) -> Response<Body> {
    let answer = match Route::of(request.method(), request.uri().path()) {
        Ok(Route::Hold(id)) => hold::set(service, &request, &id).await,
        Ok(Route::ReleaseHold(id)) => hold::release(service, &request, &id).await,
        Ok(Route::Erase(id)) => erasure::begin(service, &request, &id).await,
        Ok(Route::Erasure(id)) => erasure::show(service, &request, &id).await,
        Ok(Route::Runs) => runs::list(service, &request).await,
        Err(refusal) => Err(refusal),
    };
    answer.unwrap_or_else(Response::from)
}
