//! A connection that counts requests and fails as it is told to.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use futures::future::BoxFuture;

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    /// It never leaves.
    NotSent,
    /// It is carried out, and nobody hears of it.
    AnswerLost,
    /// DynamoDB meets another transaction on the same items.
    Conflict,
    /// DynamoDB has too much to do.
    Throttled,
}

#[derive(Clone)]
pub(crate) struct Wire {
    real: SharedHttpClient,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    requests: AtomicUsize,
    faults: Mutex<VecDeque<Fault>>,
    before_a_transaction: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl Wire {
    pub(crate) fn new() -> Self {
        Self {
            real: aws_smithy_http_client::Builder::new().build_http(),
            shared: Arc::default(),
        }
    }

    /// What happens to the next requests, one after the other.
    pub(crate) fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        *self.shared.faults.lock().unwrap() = faults.into_iter().collect();
    }

    /// Lets something happen just before the next transaction is sent.
    pub(crate) fn before_the_next_transaction(&self, happens: BoxFuture<'static, ()>) {
        *self.shared.before_a_transaction.lock().unwrap() = Some(happens);
    }

    /// How many requests were made since the last time this was asked.
    pub(crate) fn requests(&self) -> usize {
        self.shared.requests.swap(0, Ordering::SeqCst)
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            real: self.real.http_connector(settings, components),
            shared: Arc::clone(&self.shared),
        })
    }
}

struct Connector {
    real: SharedHttpConnector,
    shared: Arc<Shared>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.shared.requests.fetch_add(1, Ordering::SeqCst);
        let is_transaction = request
            .headers()
            .get("x-amz-target")
            .is_some_and(|target| target.ends_with("TransactWriteItems"));
        let fault = self.shared.faults.lock().unwrap().pop_front();
        let meanwhile = is_transaction.then(|| self.shared.before_a_transaction.lock().unwrap().take());
        let real = self.real.clone();
        let lost = || ConnectorError::io("the connection broke".into());
        HttpConnectorFuture::new(async move {
            if let Some(meanwhile) = meanwhile.flatten() {
                meanwhile.await;
            }
            match fault.unwrap_or(Fault::Nothing) {
                Fault::NotSent => Err(lost()),
                Fault::AnswerLost => {
                    real.call(request).await?;
                    Err(lost())
                }
                Fault::Conflict if is_transaction => Ok(refusal(
                    r#"{"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                        "Message": "cancelled", "CancellationReasons": [{"Code": "TransactionConflict"}]}"#,
                )),
                Fault::Throttled => Ok(refusal(
                    r#"{"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
                        "message": "slow down"}"#,
                )),
                Fault::Nothing | Fault::Conflict => real.call(request).await,
            }
        })
    }
}

fn refusal(body: &'static str) -> HttpResponse {
    let mut response = HttpResponse::new(400.try_into().unwrap(), SdkBody::from(body));
    response
        .headers_mut()
        .insert("content-type", "application/x-amz-json-1.0");
    response
}
