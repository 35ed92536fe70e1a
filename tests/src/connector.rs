//! Clients of DynamoDB whose requests a test sees inside the process, before they leave it.

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

type Pass = dyn Fn(HttpRequest, SharedHttpConnector) -> HttpConnectorFuture + Send + Sync;

/// An HTTP client that hands every request to `pass`, with the connection over which it would have gone.
pub fn http_client(
    pass: impl Fn(HttpRequest, SharedHttpConnector) -> HttpConnectorFuture + Send + Sync + 'static,
) -> SharedHttpClient {
    SharedHttpClient::new(Watched {
        real: aws_smithy_http_client::Builder::new().build_http(),
        pass: Arc::new(pass),
    })
}

struct Watched<T> {
    real: T,
    pass: Arc<Pass>,
}

impl<T> fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }
}

impl HttpClient for Watched<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Watched {
            real: self.real.http_connector(settings, components),
            pass: Arc::clone(&self.pass),
        })
    }
}

impl HttpConnector for Watched<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        (self.pass)(request, self.real.clone())
    }
}
