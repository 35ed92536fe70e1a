//! A connection that counts requests and fails as it is told to.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use assent_tests::connector::http_client;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
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
pub(crate) struct Wire(Arc<Shared>);

#[derive(Default)]
struct Shared {
    requests: AtomicUsize,
    faults: Mutex<VecDeque<Fault>>,
    before_a_transaction: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl Wire {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// What a client over this wire sends its requests with.
    pub(crate) fn http_client(&self) -> SharedHttpClient {
        let shared = Arc::clone(&self.0);
        http_client(move |request, real| shared.pass(request, real))
    }

    /// What happens to the next requests, one after the other.
    pub(crate) fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        *self.0.faults.lock().unwrap() = faults.into_iter().collect();
    }

    /// Lets something happen just before the next transaction is sent.
    pub(crate) fn before_the_next_transaction(&self, happens: BoxFuture<'static, ()>) {
        *self.0.before_a_transaction.lock().unwrap() = Some(happens);
    }

    /// How many requests were made since the last time this was asked.
    pub(crate) fn requests(&self) -> usize {
        self.0.requests.swap(0, Ordering::SeqCst)
    }
}

impl Shared {
    fn pass(&self, request: HttpRequest, real: SharedHttpConnector) -> HttpConnectorFuture {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let is_transaction = request
            .headers()
            .get("x-amz-target")
            .is_some_and(|target| target.ends_with("TransactWriteItems"));
        let fault = self.faults.lock().unwrap().pop_front();
        let meanwhile = is_transaction.then(|| self.before_a_transaction.lock().unwrap().take());
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
