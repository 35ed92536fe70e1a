//! The API for whoever answers for the data: the cases of people who demand something about it (Art. 15 to 22 GDPR), erasing a
//! contact (Art. 17), holding that off while the law wants the data
//! kept (Art. 17(3)), and showing that nothing is kept longer than it may be.
//!
//! Whoever calls is authenticated by API Gateway before the request arrives. Two routes are for people themselves: there the link and the code
//! are the authentication.

mod case;
mod copy;
pub mod digest;
mod erasure;
mod hold;
mod reason;
mod refusal;
mod route;
mod runs;

use lambda_http::{Body, Request, Response};
use service::Service;

use route::Route;

pub use copy::language::Language;

/// Answers a request about cases, erasures, legal holds or runs of the purge. Whatever goes wrong is answered with problem details.
pub async fn handle(service: &Service, request: Request) -> Response<Body> {
    let answer = match Route::of(request.method(), request.uri().path()) {
        Ok(Route::Hold(id)) => hold::set(service, &request, &id).await,
        Ok(Route::ReleaseHold(id)) => hold::release(service, &request, &id).await,
        Ok(Route::Erase(id)) => erasure::begin(service, &request, &id).await,
        Ok(Route::Erasure(id)) => erasure::show(service, &request, &id).await,
        Ok(Route::OpenCase) => case::open(service, &request).await,
        Ok(Route::Cases) => case::list(service, &request).await,
        Ok(Route::Case(id)) => case::show(service, &request, &id).await,
        Ok(Route::ExtendCase(id)) => case::extend(service, &request, &id).await,
        Ok(Route::FulfilCase(id)) => case::fulfil(service, &request, &id).await,
        Ok(Route::LiftRestriction(id)) => case::lift(service, &request, &id).await,
        Ok(Route::VerifyCase(id)) => case::verify(service, &request, &id).await,
        Ok(Route::RefuseCase(id)) => case::refuse(service, &request, &id).await,
        Ok(Route::WithdrawCase(id)) => case::withdraw(service, &request, &id).await,
        Ok(Route::Copy(id)) => copy::show(service, &request, &id).await,
        Ok(Route::CasePage(link)) => Ok(case::page::show(service, &request, &link).await),
        Ok(Route::TellCode(link)) => Ok(case::page::tell(service, &request, &link).await),
        Ok(Route::Digest) => digest::show(service, &request).await,
        Ok(Route::Runs) => runs::list(service, &request).await,
        Err(refusal) => Err(refusal),
    };
    answer.unwrap_or_else(Response::from)
}
