//! HTTP over TLS, as functions speak it to AWS and to Meta: one kind of client for both, and no more of it than they need.
//!
//! A function pays for its clients whenever it starts, in the size of its program and in computing time. So this speaks HTTP/1.1 and
//! TLS 1.3 alone, which both AWS and Meta offer at every address, and brings the authorities it trusts along instead of reading them from the
//! system. It follows no redirect and heeds no proxy.

mod authorities;
mod failure;
mod tls;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};

pub use authorities::{Authorities, InvalidAuthorities};
pub use failure::Failure;

/// A request whose body is at hand.
pub type Outbound = Request<Full<Bytes>>;

/// A client of HTTP. Copies of it share their connections.
#[derive(Clone)]
pub struct Http(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// How a client treats its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// How long making one may take.
    pub timeout: Duration,
    /// How many are kept for later at each address.
    pub most_kept: usize,
}

impl Http {
    /// A client that trusts those authorities.
    pub fn new(authorities: &Authorities, connections: Connections) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(connections.timeout));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::config(authorities))
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(connections.most_kept)
            .build(connector);
        Self(client)
    }

    /// Sends a request. It fails with what [`Failure::of`] tells apart.
    pub fn send(&self, request: Outbound) -> ResponseFuture {
        self.0.request(request)
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}
