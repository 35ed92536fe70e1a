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
mod lasting;
mod log;
mod world;
