//! The health of accounts, numbers and templates, as Meta last reported it.

use consent::time::Time;

use crate::error::LedgerError;
use crate::schema::{self, BODY, KIND, OBSERVED_AT, PK};
use crate::store::Ledger;

/// One thing that Meta reported. It holds no personal data.
#[derive(Debug, Clone)]
pub struct HealthReport {
    /// What it is about: an account, a number or a template, by kind and id.
    pub subject: String,
    /// Which side of it: its quality, its status, its limits.
    pub facet: String,
    /// When it was so.
    pub observed_at: Time,
    /// The facts, as JSON.
    pub facts: String,
}

impl Ledger {
    /// Keeps a report unless a newer one is there. False if one is.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn report_health(&self, report: &HealthReport) -> Result<bool, LedgerError> {
        let what = "keep a report of health";
        let mut item = schema::health_key(&report.subject, &report.facet);
        item.insert(KIND.to_owned(), schema::s(schema::kind::HEALTH));
        item.insert(OBSERVED_AT.to_owned(), schema::time(report.observed_at));
        item.insert(BODY.to_owned(), schema::s(&*report.facts));
        let call = self
            .client
            .put_item()
            .table_name(&self.tables.ledger)
            .set_item(Some(item))
            .condition_expression(format!("attribute_not_exists({PK}) OR #observed_at < :observed_at"))
            .expression_attribute_names("#observed_at", OBSERVED_AT)
            .expression_attribute_values(":observed_at", schema::time(report.observed_at))
            .send();
        self.conditionally(what, call).await
    }
}
