//! What the ledger promises, against a real store: the embedded one, and Amazon's own emulator where
//! `ASSENT_DYNAMODB_LOCAL` holds its address.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod campaigns;
mod cases;
mod contract;
#[allow(dead_code, reason = "the domain's own tests use the rest")]
#[path = "../../../shared/consent/tests/heart/deeds.rs"]
mod deeds;
mod model;
mod outbox;
mod wire;
mod world;
