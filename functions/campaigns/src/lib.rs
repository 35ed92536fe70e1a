//! The API for campaign tools: campaigns with their audiences and verdicts, consent checks for tools that keep campaigns of their
//! own, and the gate that lets each message go.
//!
//! Nothing here decides: the engine does, and the same one everywhere. Whoever calls is authenticated by API Gateway before the
//! request arrives.

mod audience;
mod campaign;
mod check;
mod consent_check;
mod gate;
mod judged;
mod listed;
mod page;
mod refusal;
mod results;
mod route;
mod ticket;
mod verdict;

use lambda_http::{Body, Request, Response};
use service::Service;
use whatsapp::graph::Graph;

use route::Route;

/// The function.
#[derive(Debug)]
pub struct Campaigns {
    service: Service,
    graph: Graph,
}

impl Campaigns {
    /// An API with that service, which asks Meta there how an account and a template are.
    pub fn new(service: Service, graph: Graph) -> Self {
        Self { service, graph }
    }

    /// Answers a request about campaigns, tickets or consents. Whatever goes wrong is answered with problem details.
    pub async fn handle(&self, request: Request) -> Response<Body> {
        let service = &self.service;
        let answer = match Route::of(request.method(), request.uri().path()) {
            Ok(Route::Put(id)) => campaign::put(service, &request, &id).await,
            Ok(Route::Show(id)) => campaign::show(service, &request, &id).await,
            Ok(Route::Part(id, part)) => audience::put(service, &request, &id, part).await,
            Ok(Route::Check(id)) => check::run(service, &self.graph, &request, &id).await,
            Ok(Route::Recipients(id)) => page::show(service, &request, &id).await,
            Ok(Route::Sends(id)) => gate::pass(service, &request, &id).await,
            Ok(Route::Results(id)) => results::take(service, &request, &id).await,
            Ok(Route::VerifyTicket) => ticket::verify(service, &request).await,
            Ok(Route::ConsentChecks) => consent_check::run(service, &request).await,
            Err(refusal) => Err(refusal),
        };
        answer.unwrap_or_else(Response::from)
    }

    /// What the function works with.
    pub fn service(&self) -> &Service {
        &self.service
    }
}
