//! The health of accounts, numbers, templates and the portfolio, as Meta last reported it.
//!
//! Each fact is an item of its own, so that whoever reports one never waits for another. Deliveries come late, twice and out
//! of order; the newest fact stays, and of two of the same second the stricter.

use std::cmp::Reverse;

use aws_sdk_dynamodb::types::AttributeValue;
use consent::campaign::{
    AccountState, Category, Fact, Health, Limit, Quality, SenderHealth, Template, TemplateHealth, TemplateStatus,
};
use consent::id::SenderId;
use consent::policy::{Policy, Sender};
use consent::register::Register;
use consent::time::Time;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::LedgerError;
use crate::schema::{self, BODY, Item, KIND, OBSERVED_AT, PK, SK, STRICTNESS};
use crate::store::Ledger;

/// One thing that Meta reported, and when. It holds no personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthReport {
    /// Whether an account may send.
    Account {
        /// The account's id.
        waba: String,
        /// What Meta said.
        state: Fact<AccountState>,
    },
    /// The rating of a phone number.
    Number {
        /// The number's id.
        sender: SenderId,
        /// What Meta said.
        quality: Fact<Quality>,
    },
    /// To how many people the portfolio may write first.
    Portfolio {
        /// What Meta said.
        limit: Fact<Limit>,
    },
    /// Something about a template.
    Template {
        /// The id of the account that owns it: two accounts may have templates of one name.
        waba: String,
        /// The template.
        template: Template,
        /// What Meta said.
        fact: TemplateFact,
    },
}

/// One thing that Meta reported about a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateFact {
    /// Whether it may be sent.
    Status(Fact<TemplateStatus>),
    /// What it is taken for.
    Category(Fact<Category>),
    /// How contacts take it.
    Quality(Fact<Quality>),
}

/// The keys of all that is known of a sender, its account, the portfolio and a template, for [`read_health`].
pub(crate) fn health_keys(sender: &Sender, template: &Template) -> Vec<Item> {
    let waba = sender.waba_id();
    let mut keys = sender_keys(sender);
    keys.extend([
        schema::template_status_key(waba, template),
        schema::template_category_key(waba, template),
        schema::template_quality_key(waba, template),
    ]);
    keys
}

fn sender_keys(sender: &Sender) -> Vec<Item> {
    vec![
        schema::account_state_key(sender.waba_id()),
        schema::number_quality_key(sender.id()),
        schema::messaging_limit_key(),
    ]
}

/// What these items, among any others, say of the health.
pub(crate) fn read_health(items: &[Item], sender: &Sender, template: &Template) -> Result<Health, LedgerError> {
    let waba = sender.waba_id();
    Ok(Health {
        sender: read_sender(items, sender)?,
        template: TemplateHealth {
            status: read(items, &schema::template_status_key(waba, template))?,
            category: read(items, &schema::template_category_key(waba, template))?,
            quality: read(items, &schema::template_quality_key(waba, template))?,
        },
    })
}

fn read_sender(items: &[Item], sender: &Sender) -> Result<SenderHealth, LedgerError> {
    Ok(SenderHealth {
        quality: read(items, &schema::number_quality_key(sender.id()))?,
        account: read(items, &schema::account_state_key(sender.waba_id()))?,
        limit: read(items, &schema::messaging_limit_key())?,
    })
}

fn read<T: Ord + DeserializeOwned>(items: &[Item], key: &Item) -> Result<Register<Fact<T>>, LedgerError> {
    let mut register = Register::default();
    let is_it = |item: &&Item| item.get(PK) == key.get(PK) && item.get(SK) == key.get(SK);
    if let Some(item) = items.iter().find(is_it) {
        register.raise(schema::body(item)?);
    }
    Ok(register)
}

/// Puts the values of a fact on a scale that a condition can compare: the stricter is the greater, as the domain orders them.
trait Strictness {
    fn strictness(&self) -> i64;
}

impl Strictness for Quality {
    fn strictness(&self) -> i64 {
        match self {
            Self::Green => 0,
            Self::Unrated => 1,
            Self::Yellow => 2,
            Self::Red => 3,
        }
    }
}

impl Strictness for AccountState {
    fn strictness(&self) -> i64 {
        let for_good = Time::MAX.unix_seconds() + 2;
        match self {
            Self::Good => 0,
            Self::RestrictedUntil(until) => until.unix_seconds() + 1,
            Self::Restricted => for_good,
            Self::Disabled => for_good + 1,
        }
    }
}

impl Strictness for Limit {
    fn strictness(&self) -> i64 {
        match self {
            Self::Unlimited => 0,
            Self::People(Reverse(people)) => i64::from(u32::MAX - people) + 1,
        }
    }
}

impl Strictness for TemplateStatus {
    fn strictness(&self) -> i64 {
        match self {
            Self::Approved => 0,
            Self::Paused => 1,
            Self::NotApproved => 2,
        }
    }
}

impl Strictness for Category {
    fn strictness(&self) -> i64 {
        match self {
            Self::Utility => 0,
            Self::Marketing => 1,
            Self::Authentication => 2,
        }
    }
}

impl HealthReport {
    /// The item that keeps it.
    fn item(&self) -> Result<Item, LedgerError> {
        match self {
            Self::Account { waba, state } => item(schema::account_state_key(waba), state),
            Self::Number { sender, quality } => item(schema::number_quality_key(sender), quality),
            Self::Portfolio { limit } => item(schema::messaging_limit_key(), limit),
            Self::Template { waba, template, fact } => match fact {
                TemplateFact::Status(status) => item(schema::template_status_key(waba, template), status),
                TemplateFact::Category(category) => item(schema::template_category_key(waba, template), category),
                TemplateFact::Quality(quality) => item(schema::template_quality_key(waba, template), quality),
            },
        }
    }
}

fn item<T: Strictness + Serialize>(key: Item, fact: &Fact<T>) -> Result<Item, LedgerError> {
    let body = serde_json::to_string(fact).map_err(|_| LedgerError::corrupt(BODY))?;
    let mut item = key;
    item.extend([
        (KIND.to_owned(), schema::s(schema::kind::HEALTH)),
        (OBSERVED_AT.to_owned(), schema::time(fact.at)),
        (STRICTNESS.to_owned(), schema::n(fact.value.strictness())),
        (BODY.to_owned(), schema::s(body)),
    ]);
    Ok(item)
}

impl Ledger {
    /// What Meta last said of a sender, its account, the portfolio and a template: one call, consistent. Nothing, if the policy has
    /// no such sender.
    ///
    /// # Errors
    /// When DynamoDB fails or an item is not readable.
    pub async fn health(&self, sender: &SenderId, template: &Template, policy: &Policy) -> Result<Health, LedgerError> {
        let Some(sender) = policy.sender(sender) else {
            return Ok(Health::default());
        };
        read_health(&self.read_facts(health_keys(sender, template)).await?, sender, template)
    }

    /// The same without a template.
    ///
    /// # Errors
    /// When DynamoDB fails or an item is not readable.
    pub async fn sender_health(&self, sender: &SenderId, policy: &Policy) -> Result<Health, LedgerError> {
        let Some(sender) = policy.sender(sender) else {
            return Ok(Health::default());
        };
        Ok(Health {
            sender: read_sender(&self.read_facts(sender_keys(sender)).await?, sender)?,
            template: TemplateHealth::default(),
        })
    }

    async fn read_facts(&self, keys: Vec<Item>) -> Result<Vec<Item>, LedgerError> {
        let request = vec![(self.tables.ledger.clone(), keys)];
        self.batch_get("read the health", request).await
    }

    /// Keeps a report unless a newer one is there, or one of the same second that is as strict. False if one is.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn report_health(&self, report: &HealthReport) -> Result<bool, LedgerError> {
        let item = report.item()?;
        let value = |name: &str| item.get(name).cloned().unwrap_or(AttributeValue::Null(true));
        let call = self
            .client
            .put_item()
            .table_name(&self.tables.ledger)
            .condition_expression(format!(
                "attribute_not_exists({PK}) OR #at < :at OR (#at = :at AND #strictness < :strictness)"
            ))
            .expression_attribute_names("#at", OBSERVED_AT)
            .expression_attribute_names("#strictness", STRICTNESS)
            .expression_attribute_values(":at", value(OBSERVED_AT))
            .expression_attribute_values(":strictness", value(STRICTNESS))
            .set_item(Some(item))
            .send();
        self.conditionally("keep a report of health", call).await
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use proptest::prelude::*;

    use super::*;

    /// The scale must order as the domain does, for values next to each other above all.
    fn orders_alike<T: Strictness + Ord + Debug>(values: &[T]) -> Result<(), TestCaseError> {
        for a in values {
            for b in values {
                prop_assert_eq!(a.cmp(b), a.strictness().cmp(&b.strictness()), "{:?} and {:?}", a, b);
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn the_scale_that_dynamodb_compares_orders_as_the_domain_does(
            moments in prop::collection::vec(any::<i64>(), 2),
            people in prop::collection::vec(any::<u32>(), 2),
        ) {
            use {AccountState as A, Category as C, Limit as L, Quality as Q, TemplateStatus as S};
            orders_alike(&[Q::Green, Q::Unrated, Q::Yellow, Q::Red])?;
            orders_alike(&[S::Approved, S::Paused, S::NotApproved])?;
            orders_alike(&[C::Utility, C::Marketing, C::Authentication])?;
            let until = |time| A::RestrictedUntil(time);
            let mut states = vec![A::Good, A::Restricted, A::Disabled, until(Time::EPOCH), until(Time::MAX)];
            states.extend(moments.into_iter().map(Time::from_unix_seconds).map(until));
            orders_alike(&states)?;
            let mut limits = vec![L::Unlimited, L::People(Reverse(0)), L::People(Reverse(u32::MAX))];
            limits.extend(people.into_iter().map(|people| L::People(Reverse(people))));
            orders_alike(&limits)?;
        }
    }
}
