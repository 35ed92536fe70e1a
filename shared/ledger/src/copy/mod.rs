//! Copies: all that is held about a person, gathered, and kept sealed for a few days so that they can fetch it.

mod held;
mod kept;

pub use held::HeldAbout;
