//! Faults on the network between the functions, the tables, the secret and the Graph API: what functions answer while they last,
//! and that nothing is lost and nothing doubled once they are over.
//!
//! The functions are made as their `main` makes them, with the clients, the time-outs and the retries that they have on Lambda. Each
//! connection leads through a proxy that the test tells what to do.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, in helpers too"
)]

mod callers;
mod day;
mod graph;
mod log;
mod pool;
mod rotation;
mod story;
mod table;
mod world;

use futures::StreamExt;

/// How many cases run at the same time: they spend most of it waiting.
const CASES_AT_ONCE: usize = 4;

/// Runs all cases, and fails when all have ended if one of them did.
async fn at_once<C: Future<Output = ()> + Send + 'static>(cases: impl IntoIterator<Item = C>) {
    let cases = futures::stream::iter(cases).map(|case| tokio::spawn(case));
    let ended: Vec<_> = cases.buffer_unordered(CASES_AT_ONCE).collect().await;
    assert!(ended.iter().all(Result::is_ok), "a case failed, as said above");
}
