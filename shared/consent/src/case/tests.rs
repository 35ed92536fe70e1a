//! What holds of every case, and of every deadline.

use chrono::{Datelike, Days, Months, NaiveDate, TimeZone, Weekday};
use chrono_tz::Tz;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::policy::Policy;

use super::*;

const EXAMPLE: &str = include_str!("../../../../infra/policy.example.toml");

fn policy() -> Policy {
    Policy::parse(EXAMPLE).unwrap()
}

fn time(text: &str) -> Time {
    text.parse().unwrap()
}

fn case(kind: CaseKind, received_at: Time) -> Case {
    let id = CaseId::from_bytes([1; 16]);
    Case::new(id, kind, Channel::Email, kind.proof(None), received_at, Time::MAX)
}

/// Moments between 1990 and 2090.
fn moments() -> impl Strategy<Value = Time> {
    (631_152_000_i64..3_786_912_000).prop_map(Time::from_unix_seconds)
}

/// The holidays of the example, as another calendar reckons them.
fn rests(day: NaiveDate) -> bool {
    let easter = computus::gregorian(day.year()).unwrap();
    let easter = NaiveDate::from_ymd_opt(easter.year, easter.month, easter.day).unwrap();
    let fixed = [(1, 1), (3, 8), (5, 1), (10, 3), (12, 25), (12, 26)];
    matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
        || fixed.contains(&(day.month(), day.day()))
        || [-2, 1, 39, 50].contains(&day.signed_duration_since(easter).num_days())
}

proptest! {
    #[test]
    fn a_deadline_is_where_another_calendar_finds_it(from in moments(), months in 1_u32..=3) {
        let zone: Tz = "Europe/Berlin".parse().unwrap();
        let began = zone.timestamp_opt(from.unix_seconds(), 0).unwrap().date_naive();
        let mut last = began.checked_add_months(Months::new(months)).unwrap();
        while rests(last) {
            last = last + Days::new(1);
        }
        let midnight = (last + Days::new(1)).and_hms_opt(0, 0, 0).unwrap();
        let end = zone.from_local_datetime(&midnight).earliest().unwrap().timestamp() - 1;
        prop_assert_eq!(end_of_months(from, months, policy().controller()).unix_seconds(), end);
    }

    #[test]
    fn who_demands_later_never_has_the_answer_earlier(from in moments(), later in 0_u32..10_000_000) {
        let policy = policy();
        let due = |at: Time| case(CaseKind::Objection, at).due_at(policy.controller(), at);
        prop_assert!(due(from) <= due(from + Span::seconds(later)));
    }

    #[test]
    fn a_closed_case_stays_as_it_is_and_an_open_one_goes_forward(
        kind in select(CaseKind::ALL.to_vec()),
        from in moments(),
        steps in vec((0_u8..10, 0_u32..5_000_000), 0..20),
    ) {
        let policy = policy();
        let mut case = case(kind, from);
        let (mut now, mut shown) = (from, case.proof == IdentityProof::None);
        for (step, later) in steps {
            now = now + Span::seconds(later);
            let before = case.clone();
            let taken = match step {
                0 => case.ask_identity(now),
                1 => case.show(IdentityProof::Tap, now),
                2 => case.begin(),
                9 => case.show(IdentityProof::Code, now),
                3 => case.extend(policy.controller(), now),
                4 => case.close(Outcome::Fulfilled, now),
                5 => case.close(Outcome::PartiallyFulfilled, now),
                6 => case.close(Outcome::Refused, now),
                7 => case.close(Outcome::Withdrawn, now),
                _ => case.close(Outcome::Duplicate, now),
            };
            shown |= case.state() == CaseState::Verified;
            if before.state().is_closed() {
                prop_assert_eq!(taken, Err(StepError::Closed));
            }
            if taken.is_err() {
                prop_assert_eq!(&case, &before);
            }
            prop_assert!(before.state() <= case.state(), "{:?} after {:?}", case.state(), before.state());
            prop_assert_eq!(case.closed_at().is_some(), case.state().is_closed());
            if matches!(case.state(), CaseState::InProgress | CaseState::Fulfilled | CaseState::PartiallyFulfilled) {
                prop_assert!(shown, "nothing is done for somebody who may be anybody");
            }
            let stored = serde_json::to_string(&case).unwrap();
            prop_assert_eq!(serde_json::from_str::<Case>(&stored).unwrap(), case.clone());
        }
    }
}

#[test]
fn a_month_ends_on_the_day_of_the_same_number_or_the_months_last_working_day_or_the_next() {
    let policy = policy();
    for (received, months, due) in [
        // A Monday, and a Wednesday two months on.
        ("2026-11-23T09:30:00Z", 1, "2026-12-23T22:59:59Z"),
        // February has no 31st; its last day is a Sunday.
        ("2027-01-31T12:00:00Z", 1, "2027-03-01T22:59:59Z"),
        ("2028-01-31T12:00:00Z", 1, "2028-02-29T22:59:59Z"),
        // The 25th and the 26th of December are holidays, the 27th is a Sunday.
        ("2026-11-25T12:00:00Z", 1, "2026-12-28T22:59:59Z"),
        // Good Friday to Easter Monday; by then it is summer time.
        ("2027-02-26T12:00:00Z", 1, "2027-03-30T21:59:59Z"),
        // In Berlin it is the 24th already.
        ("2026-11-23T23:30:00Z", 1, "2026-12-24T22:59:59Z"),
        ("2026-11-23T09:30:00Z", 3, "2027-02-23T22:59:59Z"),
    ] {
        let end = end_of_months(time(received), months, policy.controller());
        assert_eq!(end, time(due), "{received}, {months}");
    }
}

#[test]
fn where_a_country_has_several_clocks_the_earliest_counts() {
    let text = EXAMPLE.replace(r#"country = "DE"   "#, r#"country = "PT"   "#);
    let policy = Policy::parse(&text).unwrap();
    assert_eq!(policy.controller().country().as_str(), "PT");
    // The Azores are an hour behind Lisbon.
    let end = end_of_months(time("2026-11-23T09:30:00Z"), 1, policy.controller());
    assert_eq!(end, time("2026-12-23T23:59:59Z"));
}

#[test]
fn the_period_stands_still_only_while_identity_is_awaited_that_was_asked_for_at_once() {
    let policy = policy();
    let received = time("2026-11-02T12:00:00Z");
    let due = |case: &Case, now: Time| case.due_at(policy.controller(), now);
    let mut asked_at_once = case(CaseKind::Access, received);
    let usual = due(&asked_at_once, received);
    assert_eq!(usual, time("2026-12-02T22:59:59Z"));

    asked_at_once.ask_identity(received + AT_ONCE).unwrap();
    assert!(asked_at_once.stands_still());
    let shown = received + AT_ONCE + Span::days(6);
    assert_eq!(due(&asked_at_once, shown), time("2026-12-08T22:59:59Z"));
    asked_at_once.show(IdentityProof::Tap, shown - Span::days(1)).unwrap();
    assert!(asked_at_once.stands_still(), "a copy needs a code as well");
    asked_at_once.show(IdentityProof::Code, shown).unwrap();
    assert!(!asked_at_once.stands_still());
    assert_eq!(
        due(&asked_at_once, shown + Span::days(20)),
        time("2026-12-08T22:59:59Z")
    );

    let mut asked_late = case(CaseKind::Access, received);
    asked_late.ask_identity(received + AT_ONCE + Span::seconds(1)).unwrap();
    assert!(!asked_late.stands_still());
    assert_eq!(due(&asked_late, received + Span::days(20)), usual);
}

#[test]
fn an_extension_comes_once_and_within_the_first_month() {
    let policy = policy();
    let received = time("2026-11-02T12:00:00Z");
    let first = time("2026-12-02T22:59:59Z");
    let mut late = case(CaseKind::Objection, received);
    let too_late = late.extend(policy.controller(), first + Span::seconds(1));
    assert_eq!(too_late, Err(StepError::TooLate { due: first }));

    let mut in_time = case(CaseKind::Objection, received);
    in_time.begin().unwrap();
    in_time.extend(policy.controller(), first).unwrap();
    assert_eq!(in_time.state(), CaseState::Extended);
    assert_eq!(in_time.due_at(policy.controller(), first), time("2027-02-02T22:59:59Z"));
    let again = in_time.extend(policy.controller(), first);
    assert_eq!(again, Err(StepError::ExtendedBefore));
}

#[test]
fn an_objection_needs_no_proof_and_a_copy_the_strongest() {
    for (kind, usual, changed_lately) in [
        (CaseKind::Objection, IdentityProof::None, IdentityProof::None),
        (CaseKind::Erasure, IdentityProof::Tap, IdentityProof::Code),
        (CaseKind::Restriction, IdentityProof::Tap, IdentityProof::Code),
        (CaseKind::Rectification, IdentityProof::Tap, IdentityProof::Code),
        (CaseKind::Access, IdentityProof::Code, IdentityProof::Code),
        (CaseKind::Portability, IdentityProof::Code, IdentityProof::Code),
    ] {
        assert_eq!(kind.proof(None), usual, "{kind:?}");
        assert_eq!(kind.proof(Some(CHANGED_LATELY)), usual, "{kind:?}");
        let lately = Span::days(89);
        assert_eq!(kind.proof(Some(lately)), changed_lately, "{kind:?}");
    }
}

#[test]
fn a_demand_that_is_dated_in_the_future_came_now() {
    let now = time("2026-11-02T12:00:00Z");
    let id = CaseId::from_bytes([1; 16]);
    let case = Case::new(
        id,
        CaseKind::Access,
        Channel::Post,
        IdentityProof::Code,
        now + Span::days(30),
        now,
    );
    assert_eq!(case.received_at, now);
}
