//! How often messages come at most.

use crate::policy::Frequency;
use crate::time::Time;

/// From when on the promise allows another message, if it does not allow one now. A message counts until its period is over,
/// and one that is dated later counts as one of now.
pub(super) fn allows_again_at(
    promise: Frequency,
    sends: impl Iterator<Item = Time> + Clone,
    now: Time,
) -> Option<Time> {
    let span = promise.per().span();
    let counted = sends.filter(|sent| now < *sent + span || *sent >= now);
    let most = usize::try_from(promise.count()).unwrap_or(usize::MAX);
    let in_the_way = counted.clone().count().checked_sub(most)?;
    let mut counted: Vec<Time> = counted.map(|sent| sent.min(now)).collect();
    counted.sort_unstable();
    counted.get(in_the_way).map(|sent| *sent + span)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::policy::Per;
    use crate::time::Span;

    const NOW: Time = Time::from_unix_seconds(1_800_000_000);

    fn promise(count: u32) -> Frequency {
        Frequency::new(count, Per::Day)
    }

    fn hours_ago(hours: &[u32]) -> Vec<Time> {
        hours.iter().map(|hours| NOW - Span::hours(*hours)).collect()
    }

    #[test]
    fn another_message_is_allowed_once_enough_of_the_last_ones_are_a_period_old() {
        let again = |count, hours: &[u32]| allows_again_at(promise(count), hours_ago(hours).into_iter(), NOW);
        assert_eq!(again(2, &[]), None);
        assert_eq!(again(2, &[1]), None);
        assert_eq!(again(2, &[1, 24]), None, "a day is over after 24 hours");
        assert_eq!(again(2, &[1, 23]), Some(NOW + Span::hours(1)));
        assert_eq!(
            again(2, &[23, 1, 5]),
            Some(NOW + Span::hours(19)),
            "two of the three must be over"
        );
        assert_eq!(
            allows_again_at(promise(1), [NOW + Span::hours(7)].into_iter(), NOW),
            Some(NOW + Span::hours(24))
        );
        assert_eq!(
            allows_again_at(promise(1), [Time::MAX].into_iter(), Time::MAX),
            Some(Time::MAX)
        );
    }

    proptest! {
        #[test]
        fn who_waits_may_send_and_who_does_not_wait_may_not(count in 1..5_u32, sends in vec(0..172_800_i64, 0..10)) {
            let sends: Vec<_> = sends.iter().map(|ago| Time::from_unix_seconds(NOW.unix_seconds() - ago)).collect();
            match allows_again_at(promise(count), sends.iter().copied(), NOW) {
                None => {
                    let lately = sends.iter().filter(|sent| NOW < **sent + Span::days(1)).count();
                    prop_assert!(lately < count as usize);
                }
                Some(again) => {
                    prop_assert!(again > NOW);
                    prop_assert_eq!(allows_again_at(promise(count), sends.iter().copied(), again), None);
                    prop_assert!(allows_again_at(promise(count), sends.iter().copied(), again - Span::seconds(1)).is_some());
                }
            }
        }
    }
}
