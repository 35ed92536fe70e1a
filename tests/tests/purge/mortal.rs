//! A connection whose owner dies after so many requests.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_sdk_dynamodb::Client;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
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
pub(crate) struct Mortal {
    real: SharedHttpClient,
    shared: Arc<Shared>,
}

struct Shared {
    left: AtomicI64,
    death: Death,
    died: Notify,
}

impl fmt::Debug for Mortal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mortal")
    }
}

impl Mortal {
    pub(crate) fn after(requests: i64, death: Death) -> Self {
        Self {
            real: aws_smithy_http_client::Builder::new().build_http(),
            shared: Arc::new(Shared {
                left: AtomicI64::new(requests),
                death,
                died: Notify::new(),
            }),
        }
    }

    pub(crate) fn client(&self, of: &Client) -> Client {
        Client::from_conf(of.config().to_builder().http_client(self.clone()).build())
    }

    /// What the work comes to; none if death came first.
    pub(crate) async fn lives<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.shared.died.notified() => None,
        }
    }
}

impl HttpClient for Mortal {
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
        let left = self.shared.left.fetch_sub(1, Ordering::SeqCst);
        let (real, shared) = (self.real.clone(), Arc::clone(&self.shared));
        HttpConnectorFuture::new(async move {
            if left > 0 {
                return real.call(request).await;
            }
            if left == 0 {
                if shared.death == Death::BeforeHearing {
                    real.call(request).await?;
                }
                shared.died.notify_one();
            }
            std::future::pending().await
        })
    }
}
