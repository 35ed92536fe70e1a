//! The time of day.

use std::fmt;
use std::time::{Duration, Instant};

/// What tells the time. A test or the local stack puts its own in place of the system's.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Whole seconds since 1970-01-01T00:00:00Z.
    fn unix_seconds(&self) -> i64;

    /// A moment on the monotonic clock, by which is told how old something has grown.
    fn instant(&self) -> Instant {
        Instant::now()
    }
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_seconds(&self) -> i64 {
        i64::try_from(since_epoch().as_secs()).unwrap_or(i64::MAX)
    }
}

/// How long ago 1970 began; nothing at all on a machine that believes it has not begun.
#[expect(clippy::disallowed_methods, reason = "the one place where the wall clock is read")]
pub(crate) fn since_epoch() -> Duration {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
}
