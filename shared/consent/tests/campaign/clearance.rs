//! What a check comes to.

use consent::campaign::{
    AccountState, CampaignVerdict, Category, Cause, Checked, Clearance, Difference, Health, Quality, Reason, Stage,
    Tally, TemplateStatus,
};
use consent::id::CheckId;
use consent::time::Span;
use proptest::collection::btree_map;
use proptest::prelude::*;
use proptest::sample::select;

use crate::facts::{Facts, POLICY, Who, healthy, now, said};
use crate::plan::{campaign, check, tally};

fn refused(allow: u64, refused: &[(Reason, u64)]) -> Tally {
    let mut tally = tally(allow);
    for (reason, count) in refused {
        tally.refuse(*reason, *count);
    }
    tally
}

fn clearance(tally: Tally) -> (Clearance, Vec<Cause>) {
    let verdict = check(&campaign(), now(), tally, &POLICY);
    (verdict.clearance, verdict.causes)
}

fn with_health(spoil: fn(&mut Health)) -> (Clearance, Vec<Cause>) {
    let mut health = healthy();
    spoil(&mut health);
    let checked = Checked {
        check: CheckId::from_bytes([1; 16]),
        stage: Stage::OnDemand,
        began_at: now(),
        ended_at: now(),
        health,
        usage: None,
        tally: tally(10),
    };
    let verdict = CampaignVerdict::of(&campaign(), checked, &POLICY);
    (verdict.clearance, verdict.causes)
}

#[test]
fn a_campaign_is_cleared_for_those_who_agreed() {
    assert_eq!(clearance(tally(10)), (Clearance::Cleared, vec![]));
    let some = refused(8, &[(Reason::Withdrawn, 2)]);
    assert_eq!(clearance(some), (Clearance::ClearedWithExclusions, vec![]));
}

#[test]
fn a_campaign_is_held_once_more_than_the_allowed_share_has_not_agreed() {
    let held = (Clearance::Held, vec![Cause::DeniedShare]);
    let exactly = refused(80, &[(Reason::Withdrawn, 15), (Reason::UnknownContact, 5)]);
    assert_eq!(
        clearance(exactly).0,
        Clearance::ClearedWithExclusions,
        "20 % is the limit"
    );
    let more = refused(7_999, &[(Reason::Withdrawn, 2_001)]);
    assert_eq!(clearance(more), held);
    // Who only has to wait, and who is listed twice, does not count.
    let waiting = refused(10, &[(Reason::QuietHours, 90), (Reason::DuplicateRecipient, 500)]);
    assert_eq!(clearance(waiting).0, Clearance::ClearedWithExclusions);
}

#[test]
fn a_campaign_that_can_reach_nobody_is_blocked() {
    let nobody = refused(0, &[(Reason::NoConsent, 5), (Reason::DuplicateRecipient, 5)]);
    assert_eq!(clearance(nobody), (Clearance::Blocked, vec![Cause::NobodyEligible]));
    let mut empty = campaign();
    empty.audience = Default::default();
    let verdict = check(&empty, now(), Tally::default(), &POLICY);
    assert_eq!(
        (verdict.clearance, verdict.causes),
        (Clearance::Blocked, vec![Cause::EmptyAudience])
    );
}

#[test]
fn a_campaign_is_held_while_some_of_its_audience_could_not_be_read() {
    let unread = refused(99, &[(Reason::LedgerUnavailable, 1)]);
    assert_eq!(clearance(unread), (Clearance::Held, vec![Cause::Unchecked]));
}

#[test]
fn what_meta_says_of_sender_and_template_holds_the_campaign_for_everyone() {
    use Cause as C;
    type Row = (fn(&mut Health), Clearance, Cause);
    let rows: [Row; 8] = [
        (
            |health| health.sender.quality = said(Quality::Red),
            Clearance::Held,
            C::QualityRed,
        ),
        (
            |health| health.sender.account = said(AccountState::Disabled),
            Clearance::Held,
            C::AccountRestricted,
        ),
        (
            |health| health.sender.limit = Default::default(),
            Clearance::Held,
            C::HealthStale,
        ),
        (
            |health| health.template.status = said(TemplateStatus::Paused),
            Clearance::Held,
            C::TemplatePaused,
        ),
        (
            |health| health.template.status = said(TemplateStatus::NotApproved),
            Clearance::Blocked,
            C::TemplateNotApproved,
        ),
        (
            |health| health.template.quality = said(Quality::Red),
            Clearance::Held,
            C::TemplateRed,
        ),
        (
            |health| health.template.category = said(Category::Utility),
            Clearance::Held,
            C::CategoryMismatch,
        ),
        (|health| *health = Health::default(), Clearance::Held, C::HealthStale),
    ];
    for (spoil, clearance, cause) in rows {
        assert_eq!(with_health(spoil), (clearance, vec![cause]));
    }
    let restricted: fn(&mut Health) = |health| {
        health.sender.account = said(AccountState::RestrictedUntil(now() + Span::hours(1)));
    };
    assert_eq!(with_health(restricted).1, [Cause::AccountRestricted]);
    assert_eq!(
        with_health(|health| health.sender.account = said(AccountState::RestrictedUntil(now()))).1,
        []
    );
}

#[test]
fn a_policy_without_the_purpose_blocks_the_campaign() {
    let text = include_str!("../../../../infra/policy.example.toml");
    let policy = consent::policy::Policy::parse(&text.replace("\"offers\"", "\"bargains\"")).unwrap();
    let verdict = check(&campaign(), now(), tally(10), &policy);
    assert_eq!(
        (verdict.clearance, verdict.causes),
        (Clearance::Blocked, vec![Cause::PurposeRetired])
    );
}

#[test]
fn a_verdict_says_what_changed_since_the_one_before() {
    let mut campaign = campaign();
    let before = refused(100, &[(Reason::Withdrawn, 3), (Reason::NoConsent, 2)]);
    campaign.verdict = Some(Box::new(check(&campaign, now(), before, &POLICY)));
    let after = refused(
        96,
        &[(Reason::Withdrawn, 8), (Reason::NoConsent, 1), (Reason::QuietHours, 0)],
    );
    let verdict = check(&campaign, now() + Span::hours(1), after, &POLICY);
    let expected = Difference {
        since: now(),
        allowed: -4,
        reasons: [(Reason::Withdrawn, 5), (Reason::NoConsent, -1)].into(),
    };
    assert_eq!(verdict.difference, Some(expected));
    let json = serde_json::to_string(&verdict).unwrap();
    assert_eq!(serde_json::from_str::<CampaignVerdict>(&json).unwrap(), verdict);
}

#[test]
fn every_cause_says_what_would_release_the_campaign() {
    for cause in Cause::ALL {
        assert!(cause.clearance().is_stopped(), "{cause}");
        assert!(cause.release().ends_with('.'), "{cause}");
        assert_eq!(serde_json::to_value(cause).unwrap(), cause.as_str());
    }
}

fn tallies() -> impl Strategy<Value = Tally> {
    let reasons = btree_map(select(Reason::ALL), 0..1_000_u64, 0..6);
    (0..1_000_u64, reasons).prop_map(|(allow, reasons)| {
        let mut tally = tally(allow);
        reasons
            .into_iter()
            .for_each(|(reason, count)| tally.refuse(reason, count));
        tally
    })
}

proptest! {
    #[test]
    fn tallies_add_up_in_any_order(first in tallies(), second in tallies(), third in tallies()) {
        let (mut left, mut right) = (first.clone(), third.clone());
        left.merge(&second);
        left.merge(&third);
        right.merge(&second);
        right.merge(&first);
        prop_assert_eq!(&left, &right);
        prop_assert_eq!(left.total(), first.total() + second.total() + third.total());
        prop_assert_eq!(left.reasons.values().sum::<u64>(), left.total() - left.allow);
        prop_assert!(left.people() <= left.total() && left.ineligible() <= left.people());
        prop_assert!(left.denied_share() <= 10_000);
    }

    #[test]
    fn a_difference_and_the_earlier_tally_give_the_later_one(before in tallies(), after in tallies()) {
        let difference = Difference::between(now(), &before, &after);
        for reason in Reason::ALL {
            let change = difference.reasons.get(reason).copied().unwrap_or_default();
            prop_assert_eq!(before.count(*reason).checked_add_signed(change), Some(after.count(*reason)));
        }
    }
}

#[test]
fn judgements_are_counted_once_each() {
    let mut tally = Tally::default();
    let fine = Facts::fine();
    let mut unknown = fine.clone();
    unknown.who = Who::Unknown;
    let mut asleep = fine.clone();
    asleep.at = crate::facts::time("2026-12-01T22:00:00Z");
    let mut broken = fine.clone();
    broken.proof = Some(consent::campaign::Proof::Broken);
    for facts in [fine, unknown, asleep, broken] {
        tally.add(facts.judge());
    }
    assert_eq!((tally.allow, tally.deny, tally.defer, tally.review), (1, 1, 1, 1));
    let expected = [
        (Reason::UnknownContact, 1),
        (Reason::ChainBroken, 1),
        (Reason::QuietHours, 1),
    ];
    assert_eq!(tally.reasons, expected.into());
}
