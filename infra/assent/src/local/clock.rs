//! A clock that can be put forward.

use std::sync::atomic::{AtomicI64, Ordering};

use platform::clock::{Clock, SystemClock};

/// The system's clock, so many seconds ahead.
#[derive(Debug, Default)]
pub struct LocalClock {
    ahead: AtomicI64,
}

impl LocalClock {
    /// Puts the clock forward. It never goes back.
    pub fn advance(&self, seconds: u32) {
        self.ahead.fetch_add(i64::from(seconds), Ordering::SeqCst);
    }
}

impl Clock for LocalClock {
    fn unix_seconds(&self) -> i64 {
        SystemClock.unix_seconds() + self.ahead.load(Ordering::SeqCst)
    }
}
