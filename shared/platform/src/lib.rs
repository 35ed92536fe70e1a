//! What every function needs before it can do its work, and nothing of what that work is.
//!
//! [`start()`] reads the settings, makes the clients and loads the secrets. The rest is what a function reaches for while
//! it runs: a [`Clock`](clock::Clock), a [`Deadline`](deadline::Deadline), [`Metrics`](metrics::Metrics), and answers in
//! [`problem`] details.
//!
//! The environment, the wall clock and standard output are touched here and nowhere else.

mod answer;
pub mod cached;
mod caller;
pub mod clients;
pub mod clock;
pub mod deadline;
pub mod faults;
pub mod logs;
pub mod metrics;
pub mod problem;
pub mod secrets;
pub mod settings;
mod start;
#[cfg(test)]
mod stub;
mod transport;

pub use answer::Answer;
pub use caller::Caller;
pub use start::{Platform, StartError, authorities, start, start_as};
