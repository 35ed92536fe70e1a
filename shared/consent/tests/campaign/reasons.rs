//! Every reason with the smallest facts that bring it about, alone and together with others.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use consent::campaign::{
    AccountState, Category, Circumstances, Group, Limit, Listing, Proof, Quality, Reason, Reasons, Send,
    TemplateStatus, Usage, Verdict, decide,
};
use consent::id::{EventId, NoticeVersion, RequestId};
use consent::register::{Grant, Register, Request, RequestSource, Stop, StopKind};
use consent::suppression::SuppressionKind;
use consent::time::{Span, Time};
use proptest::prelude::*;
use proptest::sample::subsequence;

use crate::facts::{Facts, POLICY, Who, granted, hours_ago, notice, now, said, time};

/// What a row of the table spoils. Of two rows that spoil the same, only one can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spoils {
    /// Whom the message is for: of somebody who is not known nothing else is known either.
    Recipient,
    /// Whether they were met before.
    Listing,
    /// Something of the contact that stands beside everything else.
    Contact,
    /// The standing of the consent: what was not agreed to needs no proof.
    Consent,
    /// The proof of the consent.
    Proof,
    /// The notice of the consent.
    Notice,
    /// The hour.
    Hour,
    /// Who sends.
    Sender,
    /// What Meta said of one side of the sender or the template.
    Health,
}

/// A row of the table: what is spoilt, how, and what the engine says of it.
struct Row {
    reason: Reason,
    spoils: Spoils,
    spoil: fn(&mut Facts),
    verdict: Verdict,
    /// What else cannot but be said at the same time.
    beside: &'static [Reason],
}

fn row(reason: Reason, spoils: Spoils, spoil: fn(&mut Facts)) -> Row {
    Row {
        reason,
        spoils,
        spoil,
        verdict: Verdict::Deny,
        beside: &[],
    }
}

impl Row {
    fn with(self, verdict: Verdict) -> Self {
        Self { verdict, ..self }
    }

    fn beside(self, beside: &'static [Reason]) -> Self {
        Self { beside, ..self }
    }

    fn reasons(&self) -> Reasons {
        let own = [self.reason].into_iter();
        own.chain(self.beside.iter().copied()).collect()
    }
}

fn suppressed(facts: &mut Facts, kind: SuppressionKind) {
    facts.contact.suppressions.set(kind, hours_ago(1));
}

fn stopped(facts: &mut Facts, kind: StopKind) {
    facts.registers().stopped.raise(Stop {
        at: hours_ago(1),
        kind,
        event: EventId::from_bytes([4; 32]),
    });
}

/// Changes the grant, if there is one.
fn regrant(facts: &mut Facts, change: impl FnOnce(&mut Grant)) {
    let granted = &mut facts.registers().granted;
    if let Some(mut grant) = granted.get().cloned() {
        change(&mut grant);
        *granted = Register::default();
        granted.raise(grant);
    }
}

fn asked(facts: &mut Facts, at: Time) {
    let request = Request {
        at,
        id: RequestId::from_bytes([5; 16]),
        recorded_at: at,
        source: RequestSource::WebForm,
        locale: "de".parse().unwrap(),
        notice: notice("offers"),
    };
    let registers = facts.registers();
    registers.granted = Register::default();
    registers.ask(request);
}

fn sent(facts: &mut Facts, campaign: &str, at: Time) {
    let purpose = facts.purpose.clone();
    facts
        .contact
        .sends
        .record(campaign.parse().unwrap(), Send { purpose, at });
}

fn rows() -> Vec<Row> {
    use Spoils::{Consent, Contact, Health, Hour, Listing as Met, Notice, Proof as Shown, Recipient, Sender};
    vec![
        row(Reason::BadIdentifier, Recipient, |facts| facts.who = Who::Bad),
        row(Reason::DuplicateRecipient, Met, |facts| {
            facts.listing = Listing::Duplicate
        }),
        row(Reason::UnknownContact, Recipient, |facts| facts.who = Who::Unknown),
        row(Reason::ObjectionMarketing, Contact, |facts| {
            suppressed(facts, SuppressionKind::ObjectionMarketing);
        }),
        row(Reason::PlatformStop, Contact, |facts| {
            suppressed(facts, SuppressionKind::PlatformStop)
        }),
        row(Reason::AmbiguousHold, Contact, |facts| {
            suppressed(facts, SuppressionKind::AmbiguousHold)
        }),
        row(Reason::NotMe, Contact, |facts| {
            suppressed(facts, SuppressionKind::NotMe)
        }),
        row(Reason::StopAll, Contact, |facts| {
            suppressed(facts, SuppressionKind::StopAll)
        }),
        row(Reason::RestrictionArt18, Contact, |facts| {
            suppressed(facts, SuppressionKind::RestrictionArt18);
        }),
        row(Reason::Undeliverable, Contact, |facts| {
            suppressed(facts, SuppressionKind::Undeliverable)
        }),
        row(Reason::Erased, Contact, |facts| {
            suppressed(facts, SuppressionKind::Erased)
        }),
        row(Reason::UnknownSuppression, Contact, |facts| {
            suppressed(facts, SuppressionKind::from("court_order".to_owned()));
        }),
        row(Reason::NoConsent, Consent, |facts| facts.contact.purposes.clear()),
        row(Reason::PendingUnconfirmed, Consent, |facts| asked(facts, hours_ago(1))),
        row(Reason::Declined, Consent, |facts| stopped(facts, StopKind::Declined)),
        row(Reason::Expired, Consent, |facts| asked(facts, hours_ago(73))),
        row(Reason::Withdrawn, Consent, |facts| stopped(facts, StopKind::Withdrawn)),
        row(Reason::Lapsed, Consent, |facts| {
            regrant(facts, |grant| {
                grant.prompted_at = time("2025-05-01T00:00:00Z");
                grant.replied_at = grant.prompted_at;
            });
        }),
        row(Reason::Invalidated, Consent, |facts| {
            stopped(facts, StopKind::Invalidated)
        }),
        row(Reason::ImportedUnverified, Shown, |facts| {
            facts.proof = Some(Proof::Imported)
        }),
        row(Reason::PurposeMismatch, Notice, |facts| {
            regrant(facts, |grant| grant.notice = notice("orders"))
        }),
        row(Reason::PurposeRetired, Consent, |facts| {
            facts.purpose = "brochures".parse().unwrap()
        })
        .beside(&[Reason::NoConsent]),
        row(Reason::SenderOutOfScope, Sender, |facts| {
            facts.sender = Some("1".parse().unwrap())
        }),
        row(Reason::EvidenceIncomplete, Shown, |facts| {
            facts.proof = Some(Proof::Incomplete)
        }),
        row(Reason::EvidenceIncomplete, Shown, |facts| facts.proof = None),
        row(Reason::NoticeMissing, Notice, |facts| {
            regrant(facts, |grant| grant.notice = NoticeVersion::from_bytes([9; 32]));
        }),
        row(Reason::ChainBroken, Shown, |facts| facts.proof = Some(Proof::Broken)).with(Verdict::Review),
        row(Reason::QuietHours, Hour, |facts| {
            facts.at = time("2026-12-01T19:00:00Z")
        })
        .with(Verdict::Defer(time("2026-12-02T07:00:00Z"))),
        row(Reason::QuietHours, Hour, |facts| facts.countries.clear()),
        row(Reason::FrequencyCap, Contact, |facts| {
            for (campaign, days) in [("a", 29), ("b", 20), ("c", 10), ("d", 0)] {
                sent(facts, campaign, now() - Span::days(days));
            }
        })
        .with(Verdict::Defer(time("2026-12-02T12:00:00Z"))),
        row(Reason::PlatformCap131049, Contact, |facts| {
            facts.contact.refused_131049.raise(hours_ago(1))
        })
        .with(Verdict::Defer(time("2026-12-02T11:00:00Z"))),
        row(Reason::AlreadySent, Contact, |facts| {
            sent(facts, "winter", hours_ago(1))
        }),
        row(Reason::TemplateNotApproved, Health, |facts| {
            facts.health().template.status = said(TemplateStatus::NotApproved);
        }),
        row(Reason::TemplatePaused, Health, |facts| {
            facts.health().template.status = said(TemplateStatus::Paused);
        }),
        row(Reason::TemplateRed, Health, |facts| {
            facts.health().template.quality = said(Quality::Red)
        }),
        row(Reason::CategoryMismatch, Health, |facts| {
            facts.health().template.category = said(Category::Utility);
        })
        .with(Verdict::Review),
        row(Reason::QualityRed, Health, |facts| {
            facts.health().sender.quality = said(Quality::Red)
        }),
        row(Reason::AccountRestricted, Health, |facts| {
            facts.health().sender.account = said(AccountState::Restricted);
        }),
        row(Reason::PortfolioLimit, Health, |facts| {
            facts.health().sender.limit = said(Limit::People(Reverse(250)));
            facts.usage = Some(Usage {
                people: 250,
                frees_at: now() + Span::hours(2),
            });
        })
        .with(Verdict::Defer(time("2026-12-01T14:00:00Z"))),
        row(Reason::PolicyStale, Health, |facts| facts.health = None),
        row(Reason::PolicyStale, Health, |facts| {
            facts.health().sender.limit = Register::default()
        }),
        row(Reason::LedgerUnavailable, Recipient, |facts| facts.who = Who::Unread),
    ]
}

#[test]
fn nothing_stands_against_a_message_that_may_be_sent() {
    let judgement = Facts::fine().judge();
    assert_eq!(judgement.reasons(), Reasons::NONE);
    assert_eq!((judgement.verdict(), judgement.lead()), (Verdict::Allow, None));
}

#[test]
fn every_reason_comes_from_the_smallest_facts_that_can_bring_it_about() {
    for row in rows() {
        let mut facts = Facts::fine();
        (row.spoil)(&mut facts);
        let judgement = facts.judge();
        assert_eq!(judgement.reasons(), row.reasons(), "{}", row.reason);
        assert_eq!(judgement.verdict(), row.verdict, "{}", row.reason);
        assert!(
            judgement.lead().is_some_and(|lead| row.reasons().contains(lead)),
            "{}",
            row.reason
        );
        assert!(!judgement.is_allowed());
    }
    let shown: BTreeSet<_> = rows().iter().map(|row| row.reason).collect();
    assert!(shown.iter().eq(Reason::ALL), "every reason has a row");
}

/// Whether a row can still be told when these others are told as well.
fn is_hidden(row: &Row, others: &[&Row]) -> bool {
    let spoilt = |spoils| others.iter().any(|other| other.spoils == spoils);
    let is_of_the_contact = row.reason != Reason::PurposeRetired
        && !matches!(
            row.spoils,
            Spoils::Recipient | Spoils::Listing | Spoils::Sender | Spoils::Health
        );
    let is_of_the_grant = matches!(row.spoils, Spoils::Proof | Spoils::Notice);
    is_of_the_contact && spoilt(Spoils::Recipient) || is_of_the_grant && spoilt(Spoils::Consent)
}

/// Rows that can be true together.
fn combinations() -> impl Strategy<Value = Vec<usize>> {
    subsequence((0..rows().len()).collect::<Vec<_>>(), 1..6).prop_filter("two rows spoil the same", |chosen| {
        let rows = rows();
        let once = [
            Spoils::Recipient,
            Spoils::Listing,
            Spoils::Consent,
            Spoils::Proof,
            Spoils::Notice,
            Spoils::Hour,
            Spoils::Sender,
            Spoils::Health,
        ];
        let is_once = |spoils: &Spoils| chosen.iter().filter(|index| rows[**index].spoils == *spoils).count() <= 1;
        // Of a purpose that is gone nobody knows the class, the promise or the senders.
        let has = |reason| chosen.iter().any(|index| rows[*index].reason == reason);
        let of_the_purpose = [Reason::FrequencyCap, Reason::CategoryMismatch, Reason::SenderOutOfScope];
        once.iter().all(is_once) && !(has(Reason::PurposeRetired) && of_the_purpose.into_iter().any(has))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn of_several_reasons_all_are_told_and_the_first_group_decides(chosen in combinations()) {
        let rows = rows();
        let chosen: Vec<_> = chosen.into_iter().map(|index| &rows[index]).collect();
        let mut facts = Facts::fine();
        chosen.iter().for_each(|row| (row.spoil)(&mut facts));
        let told: Vec<_> = chosen.iter().filter(|row| !is_hidden(row, &chosen)).collect();
        let expected: Reasons = told.iter().flat_map(|row| row.reasons().iter().collect::<Vec<_>>()).collect();
        let unknown = facts.who != Who::Known;
        let expected = if unknown { expected - Reason::NoConsent.into() } else { expected };
        let judgement = facts.judge();
        prop_assert_eq!(judgement.reasons(), expected);
        let first: Group = expected.iter().next().unwrap().group();
        prop_assert_eq!(judgement.lead().map(Reason::group), Some(first));
        let of_first = told.iter().filter(|row| row.reason.group() == first);
        let strictest = of_first.map(|row| row.verdict).max_by_key(|verdict| match verdict {
            Verdict::Allow => 0,
            Verdict::Defer(_) => 1,
            Verdict::Review => 2,
            Verdict::Deny => 3,
        });
        prop_assert_eq!(judgement.verdict().as_str(), strictest.unwrap().as_str());
    }
}

#[test]
fn of_two_delays_the_longer_one_counts() {
    let mut facts = Facts::fine();
    facts.at = time("2026-12-01T19:00:00Z");
    facts.contact.refused_131049.raise(time("2026-12-01T18:00:00Z"));
    assert_eq!(facts.judge().verdict(), Verdict::Defer(time("2026-12-02T18:00:00Z")));
    facts.contact.refused_131049 = Register::default();
    facts.contact.refused_131049.raise(hours_ago(23));
    assert_eq!(facts.judge().verdict(), Verdict::Defer(time("2026-12-02T07:00:00Z")));
}

#[test]
fn who_knows_nothing_is_told_no() {
    let facts = Facts::fine();
    let ask = |circumstances: &Circumstances<'_>| {
        decide(
            facts.recipient(),
            &facts.purpose,
            &facts.message(),
            circumstances,
            &POLICY,
            now(),
        )
    };
    let expected: Reasons = [Reason::EvidenceIncomplete, Reason::QuietHours, Reason::PolicyStale]
        .into_iter()
        .collect();
    let judgement = ask(&Circumstances::default());
    assert_eq!((judgement.verdict(), judgement.reasons()), (Verdict::Deny, expected));
    assert!(ask(&facts.circumstances()).is_allowed());
}

#[test]
fn what_meta_said_counts_as_unknown_once_it_is_too_old_but_what_was_bad_stays_bad() {
    let mut facts = Facts::fine();
    facts.health().sender.quality = said(Quality::Red);
    let (message, circumstances) = (facts.message(), facts.circumstances());
    let later = now() + Span::days(31);
    let judgement = decide(
        facts.recipient(),
        &facts.purpose,
        &message,
        &circumstances,
        &POLICY,
        later,
    );
    let expected: Reasons = [Reason::QualityRed, Reason::PolicyStale].into_iter().collect();
    assert_eq!(judgement.reasons(), expected);
}

#[test]
fn an_objection_to_marketing_does_not_bind_what_is_no_marketing() {
    let mut facts = Facts::fine();
    facts.purpose = "orders".parse().unwrap();
    *facts.registers() = granted(notice("orders"));
    facts.health().template.category = said(Category::Utility);
    suppressed(&mut facts, SuppressionKind::ObjectionMarketing);
    suppressed(&mut facts, SuppressionKind::PlatformStop);
    facts.contact.refused_131049.raise(hours_ago(1));
    assert!(facts.judge().is_allowed());
    suppressed(&mut facts, SuppressionKind::StopAll);
    assert_eq!(facts.judge().reasons(), Reason::StopAll.into());
}

#[test]
fn where_nobody_says_who_sends_every_sender_must_be_covered() {
    let mut facts = Facts::fine();
    (facts.sender, facts.template, facts.health) = (None, None, None);
    assert!(facts.judge().is_allowed(), "consent alone needs no health");
    let text = include_str!("../../../../infra/policy.example.toml");
    let second = "\n[[senders]]\nphone_number_id = \"2\"\nwaba_id = \"3\"\nlabel = \"Two\"\n";
    let text = text.replacen("[[purposes]]", &format!("{second}\n[[purposes]]"), 1);
    let policy = consent::policy::Policy::parse(&text).unwrap();
    let judgement = decide(
        facts.recipient(),
        &facts.purpose,
        &facts.message(),
        &facts.circumstances(),
        &policy,
        now(),
    );
    assert_eq!(judgement.reasons(), Reason::SenderOutOfScope.into());
}

#[test]
fn a_limit_that_nobody_counts_against_denies() {
    let mut facts = Facts::fine();
    facts.health().sender.limit = said(Limit::People(Reverse(250)));
    assert_eq!(facts.judge().verdict(), Verdict::Deny);
    facts.usage = Some(Usage {
        people: 249,
        frees_at: now(),
    });
    assert!(facts.judge().is_allowed());
}
