//! What Meta's events about accounts, numbers and templates say of their health.
//!
//! An event may say several things, or nothing that a campaign depends on. Where a word leaves it open how bad things are, the
//! worse is taken: a campaign that is held goes on once Meta is asked how things are.

use consent::campaign::{AccountState, Fact, Quality, Template};
use consent::id::SenderId;
use consent::policy::{Policy, Sender};
use consent::time::Time;
use ledger::{HealthReport, TemplateFact};
use service::health::words;
use whatsapp::delivery::{
    self, AccountChange, AccountEvent, BanState, NumberEvent, Restriction, RestrictionKind, TemplateChange,
    TemplateEvent,
};

/// What an event about an account or a number says, at that time.
pub(crate) fn of_account(event: &AccountEvent, at: Time, policy: &Policy) -> Vec<HealthReport> {
    let numbers: Vec<&Sender> = policy.senders().filter(|sender| is_about(event, sender)).collect();
    match &event.change {
        AccountChange::Number { event, limit } => {
            let qualities = quality(event).into_iter().flat_map(|value| {
                let report = move |sender: &&Sender| HealthReport::Number {
                    sender: sender.id().clone(),
                    quality: Fact { at, value },
                };
                numbers.iter().map(report)
            });
            qualities.chain(portfolio(limit.as_ref(), at)).collect()
        }
        AccountChange::Capability { limit } => portfolio(limit.as_ref(), at).into_iter().collect(),
        change => {
            let Some(value) = state(change) else { return vec![] };
            // The entry of an event about a partner has the id of the business in place of the account's; then only the
            // number says which account it is.
            let named = event.waba.iter().map(|waba| waba.as_str().to_owned());
            let mut accounts: Vec<String> = numbers
                .iter()
                .map(|sender| sender.waba_id().to_owned())
                .chain(named)
                .collect();
            accounts.sort_unstable();
            accounts.dedup();
            let report = |waba| HealthReport::Account {
                waba,
                state: Fact { at, value },
            };
            accounts.into_iter().map(report).collect()
        }
    }
}

/// What an event about a template says, at that time. None if it does not say which template, or says it as the ledger knows
/// none.
pub(crate) fn of_template(event: &TemplateEvent, at: Time) -> Vec<HealthReport> {
    let (Some(waba), Some(template)) = (&event.waba, template(event)) else {
        return vec![];
    };
    let facts = match &event.change {
        TemplateChange::Status { status, category, .. } => {
            let status = TemplateFact::Status(Fact {
                at,
                value: words::template_status(status),
            });
            [Some(status), category_fact(category.as_ref(), at)]
        }
        TemplateChange::Quality { now, .. } => {
            let quality = words::quality(now).map(|value| TemplateFact::Quality(Fact { at, value }));
            [quality, None]
        }
        // What is announced does not hold yet; Meta says it once more when it does.
        TemplateChange::Category { now, announced: _, .. } => [category_fact(now.as_ref(), at), None],
        TemplateChange::Components | TemplateChange::Other { .. } => [None, None],
    };
    let report = |fact| HealthReport::Template {
        waba: waba.as_str().to_owned(),
        template: template.clone(),
        fact,
    };
    facts.into_iter().flatten().map(report).collect()
}

/// Whether the event names the number, by its id or as it is displayed.
fn is_about(event: &AccountEvent, sender: &Sender) -> bool {
    let by_id = event.sender.as_ref().map(|id| id.as_str().parse::<SenderId>());
    let by_number = event.number.as_ref().zip(sender.display_number());
    by_id.is_some_and(|id| id.as_ref() == Ok(sender.id()))
        || by_number.is_some_and(|(number, displayed)| {
            let digits = displayed.bytes().filter(u8::is_ascii_digit);
            digits.eq(number.as_str().bytes())
        })
}

fn quality(event: &NumberEvent) -> Option<Quality> {
    match event {
        NumberEvent::Flagged => Some(Quality::Red),
        // All that it says is that the quality is low no more: medium is the least that this can mean.
        NumberEvent::Unflagged => Some(Quality::Yellow),
        NumberEvent::Downgrade
        | NumberEvent::Upgrade
        | NumberEvent::Onboarding
        | NumberEvent::ThroughputUpgrade
        | NumberEvent::Other(_) => None,
    }
}

/// The messaging limit, which all numbers of the portfolio share.
fn portfolio(limit: Option<&delivery::Limit>, at: Time) -> Option<HealthReport> {
    let value = words::limit(limit?)?;
    Some(HealthReport::Portfolio {
        limit: Fact { at, value },
    })
}

/// The state that a change leaves the account in; none if it leaves it as it was.
fn state(change: &AccountChange) -> Option<AccountState> {
    match change {
        AccountChange::Restricted { restrictions } => restricted(restrictions),
        AccountChange::Banned { state } => Some(match state {
            BanState::Reinstated => AccountState::Good,
            // From which day on is said in prose only, so nobody can wait for it.
            BanState::Scheduled => AccountState::Restricted,
            BanState::Disabled | BanState::Other(_) => AccountState::Disabled,
        }),
        AccountChange::Deleted | AccountChange::Disconnected { .. } => Some(AccountState::Disabled),
        AccountChange::Reconnected => Some(AccountState::Good),
        AccountChange::Violation { .. }
        | AccountChange::Number { .. }
        | AccountChange::Capability { .. }
        | AccountChange::Alert { .. }
        | AccountChange::Review { .. }
        | AccountChange::Name { .. }
        | AccountChange::Security { .. }
        | AccountChange::Other { .. } => None,
    }
}

/// The strictest of the restrictions that keep campaigns from being sent. A restriction that cannot be read may be one.
fn restricted(restrictions: &[Restriction]) -> Option<AccountState> {
    let state = |restriction: &Restriction| match restriction.kind {
        RestrictionKind::BusinessInitiated | RestrictionKind::Other(_) => {
            Some(restriction.until.map_or(AccountState::Restricted, |until| {
                AccountState::RestrictedUntil(Time::from_unix_seconds(until))
            }))
        }
        RestrictionKind::CustomerInitiated | RestrictionKind::AddNumbers => None,
    };
    match restrictions {
        [] => Some(AccountState::Restricted),
        some => some.iter().filter_map(state).max(),
    }
}

/// The template as campaigns name it.
fn template(event: &TemplateEvent) -> Option<Template> {
    Some(Template {
        name: event.name.as_ref()?.as_str().parse().ok()?,
        language: event.language.as_ref()?.as_str().parse().ok()?,
    })
}

fn category_fact(category: Option<&delivery::Category>, at: Time) -> Option<TemplateFact> {
    let value = words::category(category?)?;
    Some(TemplateFact::Category(Fact { at, value }))
}
