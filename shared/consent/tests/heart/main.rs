//! The promises of the domain: whatever comes, in whatever order, a stop is kept and nothing but a "yes" confirms.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod chain;
mod deeds;
mod merging;
mod order;
mod retention;
mod rules;
