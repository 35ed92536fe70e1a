//! A connection to a DynamoDB that answers half of each batch and leaves the rest for another call.

use assent_tests::connector::http_client;
use aws_sdk_dynamodb::Client;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::{Map, Value, json};

pub(crate) fn client(of: &Client) -> Client {
    let half = http_client(|request, real| {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        if !target.ends_with("BatchGetItem") {
            return real.call(request);
        }
        HttpConnectorFuture::new(async move {
            let (request, rest) = halved(request);
            let answer = real.call(request).await?;
            with_unprocessed(answer, rest).await
        })
    });
    Client::from_conf(of.config().to_builder().http_client(half).build())
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
