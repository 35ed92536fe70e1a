//! Retention, from the command line.

mod schedule;

pub use schedule::table;
