//! The purge: what goes and what stays, one run at a time, and nothing lost or counted twice wherever a run dies.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod cases;
mod contacts;
#[allow(dead_code, reason = "the domain's own tests use the rest")]
#[path = "../../../shared/consent/tests/heart/deeds.rs"]
mod deeds;
mod model;
mod mortal;
mod runs;
#[allow(dead_code, reason = "the ledger's own tests use the rest")]
#[path = "../ledger/wire.rs"]
mod wire;
mod world;
