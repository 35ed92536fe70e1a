//! The rules of consent, and nothing else: no network, no clock, no randomness, no environment.
//!
//! Time and ids are arguments, so every decision can be replayed.

pub mod id;
pub mod time;
