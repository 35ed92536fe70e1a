//! Campaigns: whom a check counts and how often, whoever works on it and wherever they die, and what its pages show.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod agreement;
mod calls;
mod check;
#[allow(dead_code, reason = "the domain's own tests use the rest")]
#[path = "../../../shared/consent/tests/heart/deeds.rs"]
mod deeds;
mod end;
mod everyone;
mod gate;
mod half;
#[allow(dead_code, reason = "the tests of the purge use the rest")]
#[path = "../purge/mortal.rs"]
mod mortal;
mod page;
#[allow(dead_code, reason = "the tests of the purge use the rest")]
#[path = "../purge/world.rs"]
mod people;
mod random;
#[allow(dead_code, reason = "the ledger's own tests use the rest")]
#[path = "../ledger/wire.rs"]
mod wire;
mod world;
