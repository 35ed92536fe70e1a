//! A stand-in for Secrets Manager, whose one secret the test holds in its hands.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};

/// The stand-in. It ends with the runtime that it was started in.
#[derive(Debug)]
pub struct SecretsManager {
    /// Where it is.
    pub address: SocketAddr,
    versions: Arc<Mutex<Versions>>,
}

#[derive(Debug)]
struct Versions {
    current: Value,
    previous: Option<Value>,
}

impl SecretsManager {
    /// Secrets Manager with a secret that was never rotated.
    pub async fn holding(secret: Value) -> Self {
        let versions = Arc::new(Mutex::new(Versions {
            current: secret,
            previous: None,
        }));
        let router = Router::new()
            .route("/", post(version))
            .with_state(Arc::clone(&versions));
        Self {
            address: crate::serve(router).await,
            versions,
        }
    }

    /// Makes that the current version, and the one that was it the previous.
    pub fn rotate(&self, secret: Value) {
        let mut versions = self.versions.lock().unwrap();
        let current = std::mem::replace(&mut versions.current, secret);
        versions.previous = Some(current);
    }
}

async fn version(State(versions): State<Arc<Mutex<Versions>>>, body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let versions = versions.lock().unwrap();
    let version = match asked["VersionStage"].as_str() {
        Some("AWSPREVIOUS") => versions.previous.as_ref(),
        _ => Some(&versions.current),
    };
    match version {
        Some(secret) => json!({"Name": "assent", "SecretString": secret.to_string()})
            .to_string()
            .into_response(),
        None => {
            let none = json!({"__type": "ResourceNotFoundException", "Message": "-"});
            (StatusCode::BAD_REQUEST, none.to_string()).into_response()
        }
    }
}
