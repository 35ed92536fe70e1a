//! A connection to a DynamoDB that answers half of each batch and leaves the rest for another call.

use std::fmt;

use aws_sdk_dynamodb::Client;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::{Map, Value, json};

#[derive(Clone)]
pub(crate) struct Half(SharedHttpClient);

impl fmt::Debug for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Half")
    }
}

pub(crate) fn client(of: &Client) -> Client {
    let half = Half(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(of.config().to_builder().http_client(half).build())
}

impl HttpClient for Half {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector(self.0.http_connector(settings, components)))
    }
}

struct Connector(SharedHttpConnector);

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let real = self.0.clone();
        if !target.ends_with("BatchGetItem") {
            return real.call(request);
        }
        HttpConnectorFuture::new(async move {
            let (request, rest) = halved(request);
            let answer = real.call(request).await?;
            with_unprocessed(answer, rest).await
        })
    }
}

/// The request without the last half of each table's keys, and those keys.
fn halved(mut request: HttpRequest) -> (HttpRequest, Map<String, Value>) {
    let mut asked: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
    let mut rest = Map::new();
    for (table, wanted) in asked["RequestItems"].as_object_mut().unwrap() {
        let keys = wanted["Keys"].as_array_mut().unwrap();
        let left = keys.split_off(keys.len().div_ceil(2));
        if !left.is_empty() {
            rest.insert(
                table.clone(),
                json!({ "Keys": left, "ConsistentRead": wanted["ConsistentRead"] }),
            );
        }
    }
    let body = asked.to_string();
    request.headers_mut().insert("content-length", body.len().to_string());
    *request.body_mut() = SdkBody::from(body);
    (request, rest)
}

async fn with_unprocessed(mut answer: HttpResponse, rest: Map<String, Value>) -> Result<HttpResponse, ConnectorError> {
    let body = std::mem::replace(answer.body_mut(), SdkBody::empty());
    let bytes = ByteStream::new(body).collect().await;
    let bytes = bytes.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
    let mut said: Value = serde_json::from_slice(&bytes).unwrap();
    said["UnprocessedKeys"] = Value::Object(rest);
    answer.headers_mut().remove("content-length");
    answer.headers_mut().remove("x-amz-crc32");
    *answer.body_mut() = SdkBody::from(said.to_string());
    Ok(answer)
}
