//! A connection whose owner dies after so many requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use assent_tests::connector::http_client;
use aws_sdk_dynamodb::Client;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use tokio::sync::Notify;

/// Where death comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    /// The request after the last one never leaves.
    BeforeSending,
    /// It is carried out, and nobody hears of it.
    BeforeHearing,
}

#[derive(Clone)]
pub(crate) struct Mortal(Arc<Shared>);

struct Shared {
    left: AtomicI64,
    death: Death,
    died: Notify,
}

impl Mortal {
    pub(crate) fn after(requests: i64, death: Death) -> Self {
        Self(Arc::new(Shared {
            left: AtomicI64::new(requests),
            death,
            died: Notify::new(),
        }))
    }

    pub(crate) fn client(&self, of: &Client) -> Client {
        let shared = Arc::clone(&self.0);
        let mortal = http_client(move |request, real| Arc::clone(&shared).pass(request, real));
        Client::from_conf(of.config().to_builder().http_client(mortal).build())
    }

    /// What the work comes to; none if death came first.
    pub(crate) async fn lives<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.0.died.notified() => None,
        }
    }
}

impl Shared {
    fn pass(self: Arc<Self>, request: HttpRequest, real: SharedHttpConnector) -> HttpConnectorFuture {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        HttpConnectorFuture::new(async move {
            if left > 0 {
                return real.call(request).await;
            }
            if left == 0 {
                if self.death == Death::BeforeHearing {
                    real.call(request).await?;
                }
                self.died.notify_one();
            }
            std::future::pending().await
        })
    }
}
