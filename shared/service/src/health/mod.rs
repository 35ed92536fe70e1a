//! How Meta says that a campaign's sender and template are: what its webhooks said, and what it answers when it is asked.

pub mod words;

use std::time::Duration;

use consent::campaign::{AccountState, Fact, Health, Plan, TemplateStatus};
use consent::policy::Sender;
use consent::time::Span;
use ledger::{HealthReport, LedgerError, TemplateFact};
use secrecy::ExposeSecret;
use whatsapp::graph::{
    AccessToken, AccountHealth, Graph, NumberHealth, NumberStatus, SendError, Sending, TemplateHealth,
};
use whatsapp::{Language, PhoneNumberId, TemplateName, WabaId};

use crate::Work;

/// How old a fact may be before Meta is asked again. Webhooks say what changes; this is for those that never came.
const ASK_AGAIN: Span = Span::hours(1);

/// How long Meta may take to answer each question.
const TIME_TO_ASK: Duration = Duration::from_secs(3);

/// What is kept back of an invocation's time for what it needs the answers for.
const TIME_TO_USE_THEM: Duration = Duration::from_secs(1);

/// What Meta calls the things that it is asked about.
struct Names {
    number: PhoneNumberId,
    account: WabaId,
    template: TemplateName,
    language: Language,
}

impl Names {
    /// None if Meta could not have given one of them.
    fn of(sender: &Sender, plan: &Plan) -> Option<Self> {
        Some(Self {
            number: sender.id().as_str().parse().ok()?,
            account: sender.waba_id().parse().ok()?,
            template: plan.template.name.as_str().parse().ok()?,
            language: plan.template.language.as_str().parse().ok()?,
        })
    }
}

/// What is known of the campaign's sender and template. Meta is asked if any of it is unknown or older than an hour; what it answers is kept,
/// and what it does not answer stays as it was: whether that can still be believed is for the policy to say.
///
/// # Errors
/// When the ledger fails.
pub async fn known(work: &Work, graph: &Graph, plan: &Plan) -> Result<Health, LedgerError> {
    let stored = work.ledger.health(&plan.sender, &plan.template, &work.policy).await?;
    let Some(sender) = work.policy.sender(&plan.sender) else {
        return Ok(stored);
    };
    if stored.is_fresh(ASK_AGAIN, work.now) {
        return Ok(stored);
    }
    let token = AccessToken::new(work.secrets.current.access_token.expose_secret());
    let (Some(names), Ok(token)) = (Names::of(sender, plan), token) else {
        return Ok(stored);
    };
    let time = TIME_TO_ASK.min(work.deadline.remaining().saturating_sub(TIME_TO_USE_THEM));
    let (number, account, template) = tokio::join!(
        graph.number_health(&token, &names.number, time),
        graph.account_health(&token, &names.account, time),
        graph.template_health(&token, &names.account, &names.template, &names.language, time),
    );
    let (number, account, template) = (answer(number), answer(account), answer(template));
    let can_send = number
        .as_ref()
        .and_then(|number| number.status.as_ref())
        .is_none_or(can_send);
    let answered = Answered { work, sender, plan };
    let mut reports = vec![];
    reports.extend(number.iter().flat_map(|number| answered.number(number)));
    reports.extend(account.iter().flat_map(|account| answered.account(account, &stored)));
    reports.extend(
        template
            .iter()
            .flat_map(|template| answered.template(template.as_ref())),
    );
    for report in &reports {
        work.ledger.report_health(report).await?;
    }
    let mut health = work.ledger.health(&plan.sender, &plan.template, &work.policy).await?;
    if !can_send {
        // Only this number is shut, not the account, whose state other numbers share.
        health.sender.account.raise(Fact {
            at: work.now,
            value: AccountState::Disabled,
        });
    }
    Ok(health)
}

/// The answer, if there was one.
fn answer<T>(asked: Result<T, SendError>) -> Option<T> {
    asked
        .inspect_err(|error| tracing::warn!(%error, "Meta did not say how a sender or a template is"))
        .ok()
}

/// Whether the number can send, now or before long: a pause of Meta's ends by itself.
fn can_send(status: &NumberStatus) -> bool {
    !matches!(
        status,
        NumberStatus::Banned
            | NumberStatus::Deleted
            | NumberStatus::Disconnected
            | NumberStatus::Migrated
            | NumberStatus::Pending
            | NumberStatus::Unverified
    )
}

/// What Meta answered now, as facts.
struct Answered<'a> {
    work: &'a Work,
    sender: &'a Sender,
    plan: &'a Plan,
}

impl Answered<'_> {
    fn now<T>(&self, value: T) -> Fact<T> {
        Fact {
            at: self.work.now,
            value,
        }
    }

    fn number(&self, number: &NumberHealth) -> Vec<HealthReport> {
        let quality = number.quality.as_ref().and_then(words::quality);
        let quality = quality.map(|quality| HealthReport::Number {
            sender: self.plan.sender.clone(),
            quality: self.now(quality),
        });
        let limit = number.limit.as_ref().and_then(words::limit);
        let limit = limit.map(|limit| HealthReport::Portfolio { limit: self.now(limit) });
        quality.into_iter().chain(limit).collect()
    }

    /// That messages can be sent all in all does not say that conversations can be begun: a restriction of which Meta told stays
    /// until its time is over, and one without a time until Meta says that nothing is limited.
    fn account(&self, account: &AccountHealth, stored: &Health) -> Option<HealthReport> {
        let state = match account.may_send()? {
            false => AccountState::Restricted,
            true => {
                let known = stored.sender.account.get().map(|fact| fact.value);
                let is_limited = account.sending == Some(Sending::Limited);
                match known {
                    Some(AccountState::RestrictedUntil(until)) if until > self.work.now => return None,
                    Some(AccountState::Restricted) if is_limited => return None,
                    _ => AccountState::Good,
                }
            }
        };
        Some(HealthReport::Account {
            waba: self.sender.waba_id().to_owned(),
            state: self.now(state),
        })
    }

    fn template(&self, template: Option<&TemplateHealth>) -> Vec<HealthReport> {
        let status = template.map_or(TemplateStatus::NotApproved, |template| {
            words::template_status(&template.status)
        });
        let category = template.and_then(|template| words::category(template.category.as_ref()?));
        let quality = template.and_then(|template| words::quality(template.quality.as_ref()?));
        let facts = [
            Some(TemplateFact::Status(self.now(status))),
            category.map(|category| TemplateFact::Category(self.now(category))),
            quality.map(|quality| TemplateFact::Quality(self.now(quality))),
        ];
        let report = |fact| HealthReport::Template {
            waba: self.sender.waba_id().to_owned(),
            template: self.plan.template.clone(),
            fact,
        };
        facts.into_iter().flatten().map(report).collect()
    }
}
