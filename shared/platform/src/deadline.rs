//! The moment by which an invocation must be over.

use std::time::{Duration, Instant};

use crate::clock;

/// The moment by which an invocation must be over. It is held on the monotonic clock, so that it stays where it is when the
/// time of day is corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// How long an invocation may take where its context sets no deadline.
    const OTHERWISE: Duration = Duration::from_secs(10);

    /// The deadline of an invocation that begins now, which Lambda's context gives in milliseconds since
    /// 1970-01-01T00:00:00Z.
    ///
    /// Lambda begins nothing whose time is up. A deadline that has passed comes from an emulator that counts from elsewhere, and
    /// stands for none.
    pub fn of_invocation(unix_millis: Option<u64>) -> Self {
        let left = Duration::from_millis(unix_millis.unwrap_or_default()).saturating_sub(clock::since_epoch());
        Self::after(if left.is_zero() { Self::OTHERWISE } else { left })
    }

    /// The deadline that is so far away from now.
    pub fn after(time: Duration) -> Self {
        let now = Instant::now();
        Self(now.checked_add(time).unwrap_or(now))
    }

    /// The time that is left; none, once the deadline has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether something that takes so long can still be done.
    pub fn allows(self, time: Duration) -> bool {
        self.remaining() >= time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_deadline_allows_what_ends_before_it() {
        let deadline = Deadline::after(HOUR);
        assert!(deadline.allows(HOUR / 2));
        assert!(!deadline.allows(2 * HOUR));
        assert!(deadline.remaining() <= HOUR);
    }

    #[test]
    fn a_deadline_of_lambdas_is_a_time_of_day() {
        let in_an_hour = clock::since_epoch() + HOUR;
        let deadline = Deadline::of_invocation(Some(u64::try_from(in_an_hour.as_millis()).unwrap()));
        assert!(deadline.allows(HOUR / 2));
        assert!(!deadline.allows(2 * HOUR));
    }

    #[test]
    fn after_the_deadline_nothing_is_allowed() {
        let passed = Deadline::after(Duration::ZERO);
        assert_eq!(passed.remaining(), Duration::ZERO);
        assert!(!passed.allows(Duration::from_nanos(1)));
    }

    #[test]
    fn an_invocation_without_a_deadline_that_can_be_true_has_some_seconds() {
        for unix_millis in [None, Some(0), Some(600_000)] {
            let deadline = Deadline::of_invocation(unix_millis);
            assert!(deadline.allows(Deadline::OTHERWISE / 2));
            assert!(!deadline.allows(2 * Deadline::OTHERWISE));
        }
    }

    #[test]
    fn a_deadline_too_far_away_to_be_held_has_passed() {
        assert!(!Deadline::after(Duration::MAX).allows(HOUR));
    }
}
