//! The promises of the engine: unknown means no, the first group decides, and all that stands against a message is said.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod clearance;
mod facts;
mod plan;
mod reasons;
mod sends;
