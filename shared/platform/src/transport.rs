//! What carries the requests of AWS's clients: our own client of HTTP, behind the interface that the SDK has for it.

use aws_sdk_dynamodb::config::{RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use connection::{Failure, Http, Outbound};
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};

/// The client, as the SDK takes it. The SDK's time-out for connecting is not looked at: the client has its own.
pub(crate) fn over(http: Http) -> SharedHttpClient {
    SharedHttpClient::new(Transport(http))
}

#[derive(Debug, Clone)]
struct Transport(Http);

impl HttpClient for Transport {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Transport {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match outbound(request) {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(error)),
        };
        // What failed once is not used again: the SDK asks for the connection of a call, and spoils it.
        let connection = capture_connection(&mut request);
        if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
            capture.set_connection_retriever(move || spoilable(&connection));
        }
        let sent = self.0.send(request);
        HttpConnectorFuture::new(async move {
            let response = sent.await.map_err(failed)?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// The request in terms of HTTP. Every body is in memory: nothing here uploads streams.
fn outbound(request: HttpRequest) -> Result<Outbound, ConnectorError> {
    let request = request
        .try_into_http1x()
        .map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    let body = body
        .bytes()
        .ok_or_else(|| ConnectorError::user("the body of a request is not in memory".into()))?;
    Ok(Outbound::from_parts(parts, body.to_vec().into()))
}

fn spoilable(connection: &CaptureConnection) -> Option<ConnectionMetadata> {
    let is_there = connection.connection_metadata().is_some();
    let connection = connection.clone();
    let spoil = move || {
        if let Some(connection) = connection.connection_metadata().as_ref() {
            connection.poison();
        }
    };
    is_there.then(|| ConnectionMetadata::builder().proxied(false).poison_fn(spoil).build())
}

/// The SDK asks again where a connection broke or could not be made.
fn failed(error: hyper_util::client::legacy::Error) -> ConnectorError {
    match Failure::of(&error) {
        Failure::Unreachable | Failure::Broken => ConnectorError::io(error.into()),
        Failure::Unfit => ConnectorError::user(error.into()),
    }
}
