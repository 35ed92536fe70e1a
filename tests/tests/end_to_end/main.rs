//! The whole of it over HTTP, as Meta, the controller and the contact meet it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what a test cannot go on without makes it fail, in helpers too"
)]

mod bad_input;
mod campaign;
mod cases;
mod copies;
mod end_of_life;
mod faults;
mod life;
mod privacy;
mod reports;
mod stack;
