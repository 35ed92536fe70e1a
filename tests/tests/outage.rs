//! When the table or a secret is not to be had, Meta is asked to deliver again, and the repetition completes what was begun.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use assent::local::EXAMPLE_POLICY;
use assent::store::{Store, StoreKind};
use assent_tests::{business, ledger, publish, secret_set, signed, tables};
use consent::time::Time;
use identity::{Identifiers, PhoneNumber};
use ledger::Found;
use platform::clock::{Clock, SystemClock};
use platform::metrics::{Metrics, Sink, Tally};
use platform::secrets::{SecretCache, Secrets};
use platform::settings::HttpUrl;
use service::Service;
use tokio::net::TcpListener;
use whatsapp::compose::Envelope;
use whatsapp::{MessageId, Text};

const OLD_SECRET: &str = "the old app secret";
const NEW_SECRET: &str = "the new app secret";

fn secrets() -> Secrets {
    Secrets {
        current: secret_set(NEW_SECRET),
        previous: Some(secret_set(OLD_SECRET)),
    }
}

/// A webhook that reaches its tables at that address.
fn webhook_at(endpoint: &HttpUrl, store: &Store) -> Service {
    let metrics = Metrics::new("webhook", Sink::Tally(Arc::new(Tally::default())));
    let client = platform::clients::local(endpoint);
    Service::new(
        client,
        tables(store),
        SecretCache::fixed(secrets()),
        Arc::new(SystemClock),
        metrics,
    )
}

async fn store_with_policy() -> Store {
    let store = Store::start(StoreKind::Memory).await.unwrap();
    publish(
        &store,
        EXAMPLE_POLICY,
        Time::from_unix_seconds(SystemClock.unix_seconds()),
    )
    .await;
    store
}

fn person() -> Identifiers {
    PhoneNumber::parse("+4915112345670")
        .map(|phone| Identifiers::new(Some(phone), None).unwrap())
        .unwrap()
}

/// A STOP, signed with that secret.
async fn stop(service: &Service, app_secret: &str) -> u16 {
    let envelope = Envelope {
        from: person(),
        id: MessageId::new("wamid.stop"),
        at: SystemClock.unix_seconds(),
        reply_to: None,
    };
    let body = business().delivery([business().text(&envelope, &Text::new("STOP"))]);
    webhook::handle(service, signed(body, app_secret))
        .await
        .status()
        .as_u16()
}

async fn is_known(store: &Store) -> bool {
    !matches!(ledger(store).find(&person()).await.unwrap(), Found::Nobody)
}

#[tokio::test]
async fn while_the_table_is_away_meta_is_asked_to_deliver_again_and_the_repetition_completes() {
    let store = store_with_policy().await;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let nobody = HttpUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    assert_eq!(stop(&webhook_at(&nobody, &store), NEW_SECRET).await, 500);
    assert!(!is_known(&store).await);
    assert_eq!(stop(&webhook_at(&store.endpoint, &store), NEW_SECRET).await, 200);
    assert!(is_known(&store).await);
}

#[tokio::test]
async fn a_delivery_signed_with_the_secret_before_the_rotation_is_not_lost() {
    let store = store_with_policy().await;
    let service = webhook_at(&store.endpoint, &store);
    assert_eq!(stop(&service, "a secret of somebody else's").await, 401);
    assert_eq!(stop(&service, OLD_SECRET).await, 200);
    assert!(is_known(&store).await);
}

#[tokio::test]
async fn without_a_published_policy_nothing_is_taken() {
    let store = Store::start(StoreKind::Memory).await.unwrap();
    assert_eq!(stop(&webhook_at(&store.endpoint, &store), NEW_SECRET).await, 500);
    assert!(!is_known(&store).await);
}
