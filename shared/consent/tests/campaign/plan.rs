//! When a campaign is checked, and when it may send.

use consent::campaign::{
    AudienceSummary, Campaign, CampaignVerdict, Checked, NotClear, PartSummary, Plan, PlanFault, Schedule, Stage,
    State, Tally, part_digest,
};
use consent::id::CheckId;
use consent::policy::{Mode, Policy};
use consent::time::{Span, Time};

use crate::facts::{Facts, POLICY, healthy, now, time};

pub(crate) fn plan() -> Plan {
    Plan {
        purpose: "offers".parse().unwrap(),
        sender: "106540352242922".parse().unwrap(),
        template: Facts::fine().template.unwrap(),
        scheduled_at: "2026-12-03T10:00:00[Europe/Berlin]".parse().unwrap(),
        mode: Mode::Enforce,
    }
}

pub(crate) fn starts_at() -> Time {
    time("2026-12-03T09:00:00Z")
}

pub(crate) fn campaign() -> Campaign {
    let mut campaign = Campaign::new("winter".parse().unwrap(), plan(), now());
    campaign.audience = audience(10);
    campaign
}

fn audience(accepted: u32) -> AudienceSummary {
    let part = PartSummary {
        accepted,
        duplicates: 0,
        invalid: 0,
        digest: part_digest([[u8::try_from(accepted).unwrap(); 32]]),
    };
    AudienceSummary::of_parts(&[("1".parse().unwrap(), part)].into())
}

pub(crate) fn tally(allow: u64) -> Tally {
    Tally {
        allow,
        ..Tally::default()
    }
}

pub(crate) fn check(campaign: &Campaign, at: Time, tally: Tally, policy: &Policy) -> CampaignVerdict {
    let mut health = healthy();
    health.sender.quality = Default::default();
    health.sender.quality.raise(consent::campaign::Fact {
        at,
        value: consent::campaign::Quality::Green,
    });
    let checked = Checked {
        check: CheckId::from_bytes([1; 16]),
        stage: Stage::Ahead,
        began_at: at,
        ended_at: at + Span::seconds(5),
        health,
        usage: None,
        tally,
    };
    CampaignVerdict::of(campaign, checked, policy)
}

fn checked_at(at: Time) -> Campaign {
    let mut campaign = campaign();
    campaign.verdict = Some(Box::new(check(&campaign, at, tally(10), &POLICY)));
    campaign
}

fn other_policy() -> Policy {
    let text = include_str!("../../../../infra/policy.example.toml");
    Policy::parse(&text.replace("look_ahead_hours = 24 ", "look_ahead_hours = 48 ")).unwrap()
}

#[test]
fn a_campaign_is_scheduled_in_the_zone_that_its_manager_thinks_in() {
    for (written, at) in [
        ("2026-12-03T10:00:00[Europe/Berlin]", "2026-12-03T09:00:00Z"),
        ("2026-07-03T10:00[Europe/Berlin]", "2026-07-03T08:00:00Z"),
        ("2026-12-03T10:00:00+01:00", "2026-12-03T09:00:00Z"),
        ("2026-12-03T10:00:00+01:00[Europe/Berlin]", "2026-12-03T09:00:00Z"),
        ("2026-12-03T09:00:00Z", "2026-12-03T09:00:00Z"),
    ] {
        let schedule: Schedule = written.parse().unwrap_or_else(|error| panic!("{written}: {error}"));
        assert_eq!((schedule.at(), schedule.as_str()), (time(at), written));
        let json = serde_json::to_string(&schedule).unwrap();
        assert_eq!(serde_json::from_str::<Schedule>(&json).unwrap(), schedule);
    }
    for bad in [
        "",
        "2026-12-03T10:00:00",
        "tomorrow",
        "2026-12-03T10:00:00[Berlin]",
        "2026-12-03T10:00:00+02:00[Europe/Berlin]",
        // The clocks skip this hour, and show this one twice.
        "2026-03-29T02:30:00[Europe/Berlin]",
        "2026-10-25T02:30:00[Europe/Berlin]",
        "1960-01-01T00:00:00Z",
    ] {
        assert!(bad.parse::<Schedule>().is_err(), "{bad}");
    }
}

#[test]
fn a_plan_is_refused_for_what_the_policy_does_not_have() {
    let refused = |change: fn(&mut Plan)| {
        let mut plan = plan();
        change(&mut plan);
        plan.check(&POLICY, now())
    };
    assert_eq!(refused(|_| {}), Ok(()));
    assert_eq!(
        refused(|plan| plan.purpose = "brochures".parse().unwrap()),
        Err(PlanFault::UnknownPurpose)
    );
    assert_eq!(
        refused(|plan| plan.sender = "1".parse().unwrap()),
        Err(PlanFault::UnknownSender)
    );
    assert_eq!(refused(|plan| plan.scheduled_at = now().into()), Err(PlanFault::Past));
    assert_eq!(
        refused(|plan| plan.scheduled_at = (now() + Span::seconds(1)).into()),
        Ok(())
    );
    assert_eq!(
        refused(|plan| plan.scheduled_at = (now() + Span::days(367)).into()),
        Err(PlanFault::TooFar)
    );
}

#[test]
fn the_stricter_mode_counts() {
    let mode = |mode| Plan { mode, ..plan() }.mode(&POLICY);
    assert_eq!(mode(Mode::Observe), Mode::Enforce, "the policy enforces");
    let text =
        include_str!("../../../../infra/policy.example.toml").replace("mode = \"enforce\"", "mode = \"observe\"");
    let lenient = Policy::parse(&text).unwrap();
    assert_eq!(plan().mode(&lenient), Mode::Enforce);
    assert_eq!(
        Plan {
            mode: Mode::Warn,
            ..plan()
        }
        .mode(&lenient),
        Mode::Warn
    );
}

#[test]
fn each_stage_is_checked_once_and_what_sends_every_hour() {
    let due = |campaign: &Campaign, before: Span| campaign.check_due(&POLICY, starts_at() - before);
    let never = campaign();
    assert_eq!(due(&never, Span::seconds(86_401)), None);
    assert_eq!(due(&never, Span::hours(24)), Some(Stage::Ahead));
    assert_eq!(due(&never, Span::minutes(60)), Some(Stage::LastHour));
    assert_eq!(due(&never, Span::minutes(10)), Some(Stage::Start));

    let ahead = checked_at(starts_at() - Span::hours(20));
    assert_eq!(due(&ahead, Span::hours(2)), None);
    assert_eq!(due(&ahead, Span::hours(1)), Some(Stage::LastHour));
    let last_hour = checked_at(starts_at() - Span::minutes(50));
    assert_eq!(due(&last_hour, Span::minutes(11)), None);
    assert_eq!(due(&last_hour, Span::minutes(10)), Some(Stage::Start));
    let start = checked_at(starts_at() - Span::minutes(9));
    assert_eq!(due(&start, Span::minutes(1)), None);
    let after = |campaign: &Campaign, minutes| campaign.check_due(&POLICY, starts_at() + Span::minutes(minutes));
    assert_eq!(after(&start, 51), None);
    assert_eq!(after(&start, 52), Some(Stage::Start));
    let sending = checked_at(starts_at() + Span::minutes(52));
    assert_eq!(after(&sending, 112), None);
    assert_eq!(after(&sending, 113), Some(Stage::Start));

    // The schedule missed the last ten minutes: the first check after the start makes up for it.
    assert_eq!(
        last_hour.check_due(&POLICY, starts_at() + Span::minutes(3)),
        Some(Stage::Start)
    );
    assert_eq!(last_hour.check_due(&POLICY, starts_at() + Span::days(7)), None);
}

#[test]
fn a_check_is_due_again_once_it_says_nothing_of_the_present() {
    let at = starts_at() - Span::hours(20);
    let later = at + Span::hours(1);
    let campaign = checked_at(at);
    assert_eq!(campaign.check_due(&POLICY, later), None);
    assert_eq!(
        campaign.check_due(&other_policy(), later),
        Some(Stage::Ahead),
        "another policy"
    );
    assert_eq!(
        campaign.check_due(&POLICY, at - Span::seconds(1)),
        Some(Stage::Ahead),
        "a clock was wrong"
    );
    let mut replaced = campaign.clone();
    replaced.audience = audience(11);
    assert_eq!(
        replaced.check_due(&POLICY, later),
        Some(Stage::Ahead),
        "another audience"
    );
    let mut moved = campaign.clone();
    moved.plan.template.name = "summer_sale".parse().unwrap();
    assert_eq!(moved.check_due(&POLICY, later), Some(Stage::Ahead), "another template");
    let mut held = campaign;
    held.verdict = Some(Box::new(check(&held, at, Tally::default(), &POLICY)));
    assert!(held.verdict.as_ref().unwrap().clearance.is_stopped());
    assert_eq!(
        held.check_due(&POLICY, later),
        Some(Stage::Ahead),
        "what is held is looked at each time"
    );
}

#[test]
fn the_gate_lets_go_what_was_checked_as_it_is_and_says_why_it_does_not() {
    let campaign = checked_at(starts_at() - Span::minutes(9));
    assert_eq!(campaign.is_clear(&POLICY, starts_at()), Ok(()));
    let early = starts_at() - Span::seconds(1);
    assert_eq!(
        campaign.is_clear(&POLICY, early),
        Err(NotClear::NotStarted(starts_at()))
    );
    let end = starts_at() + Span::days(7);
    assert_eq!(campaign.is_clear(&POLICY, end), Err(NotClear::Over(end)));
    assert_eq!(
        campaign.is_clear(&other_policy(), starts_at()),
        Err(NotClear::PolicyChanged)
    );
    let a_day_later = starts_at() + Span::hours(24);
    assert_eq!(campaign.is_clear(&POLICY, a_day_later), Err(NotClear::CheckTooOld));
    let mut sending = campaign.clone();
    sending.sending_since = Some(starts_at());
    assert_eq!(sending.is_clear(&POLICY, a_day_later), Ok(()));
    assert_eq!(
        self::campaign().is_clear(&POLICY, starts_at()),
        Err(NotClear::NeverChecked)
    );
    let mut replaced = campaign;
    replaced.audience = audience(11);
    assert_eq!(replaced.is_clear(&POLICY, starts_at()), Err(NotClear::AudienceChanged));
}

#[test]
fn a_campaign_that_only_warns_waits_for_no_check() {
    let text =
        include_str!("../../../../infra/policy.example.toml").replace("mode = \"enforce\"", "mode = \"observe\"");
    let lenient = Policy::parse(&text).unwrap();
    let mut campaign = campaign();
    campaign.plan.mode = Mode::Warn;
    assert_eq!(campaign.is_clear(&lenient, starts_at()), Ok(()));
    assert!(campaign.is_clear(&lenient, starts_at() - Span::seconds(1)).is_err());
    assert_eq!(campaign.is_clear(&POLICY, starts_at()), Err(NotClear::NeverChecked));
}

#[test]
fn a_campaign_stands_where_its_check_its_first_message_and_its_end_put_it() {
    let mut campaign = campaign();
    assert_eq!(campaign.state(now()), State::Planned);
    campaign.verdict = Some(Box::new(check(&campaign, now(), Tally::default(), &POLICY)));
    assert_eq!(campaign.state(now()), State::Blocked);
    campaign.verdict = Some(Box::new(check(&campaign, now(), tally(10), &POLICY)));
    assert_eq!(campaign.state(now()), State::Cleared);
    assert!(campaign.is_open(now()));
    campaign.sending_since = Some(starts_at());
    assert_eq!(campaign.state(starts_at()), State::Sending);
    assert!(!campaign.is_open(starts_at()));
    assert_eq!(campaign.state(starts_at() + Span::days(7)), State::Over);
}
