//! Steps of cases, and what an erasure leaves of them.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{Delete, TransactWriteItem, Update};
use consent::case::{Case, StepError};
use consent::id::CaseId;
use consent::policy::Policy;
use consent::time::Time;
use identity::Pseudonym;

use crate::error::LedgerError;
use crate::schema::{self, CASE, CONTACT, DETAILS, Item, MENTIONS, PK, VERSION};
use crate::store::{Ledger, action};
use crate::transaction::{ATTEMPTS, Amendment, Transacted, delete_action};

use super::{CaseNote, StoredCase};

/// What came of a step.
#[derive(Debug)]
pub enum Stepped {
    /// It is taken, or was taken before.
    Taken(Box<StoredCase>),
    /// It cannot be.
    Refused(StepError),
    /// There is no such case.
    Unknown,
}

impl Ledger {
    /// Takes a step of a case, whoever else takes one at the same time.
    ///
    /// # Errors
    /// When DynamoDB fails, others win every race, or an item is not readable.
    pub async fn step_case(
        &self,
        id: &CaseId,
        step: impl Fn(&mut Case) -> Result<(), StepError>,
        note: Option<&CaseNote>,
        policy: &Policy,
        now: Time,
    ) -> Result<Stepped, LedgerError> {
        for attempt in 0..ATTEMPTS {
            let Some(read) = self.case(id).await? else {
                return Ok(Stepped::Unknown);
            };
            let mut case = read.case.clone();
            if let Err(refused) = step(&mut case) {
                return Ok(Stepped::Refused(refused));
            }
            if case == read.case && note.is_none() {
                return Ok(Stepped::Taken(Box::new(read)));
            }
            if let Some(changed) = self.change_case(&read, case, note.cloned(), policy, now).await? {
                return Ok(Stepped::Taken(Box::new(changed)));
            }
            self.back_off(attempt, "take a step of a case").await?;
        }
        Err(LedgerError::Contended { attempts: ATTEMPTS })
    }

    /// Writes what a case has become, and what was noted about it, unless somebody changed it since it was read: none then. What is
    /// noted about somebody who was erased is lost.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn change_case(
        &self,
        read: &StoredCase,
        case: Case,
        note: Option<CaseNote>,
        policy: &Policy,
        now: Time,
    ) -> Result<Option<StoredCase>, LedgerError> {
        let mut changed = StoredCase {
            case,
            version: read.version + 1,
            ..read.clone()
        };
        if let Some(details) = &mut changed.details {
            details.notes.extend(note);
        }
        let mut item = self.case_item(&changed, policy, now)?;
        item.insert(VERSION.to_owned(), schema::n(changed.version));
        let put = self
            .put_ledger()
            .set_item(Some(item))
            .condition_expression("#version = :version")
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":version", schema::n(read.version));
        let mut actions = vec![action(put)?];
        if changed.case.state().is_closed() {
            for alias in &changed.aliases {
                actions.push(self.close_link(schema::open_case_key(alias, changed.case.kind), &changed.case.id)?);
            }
        }
        let ended = self.transact("change a case", &actions).await?;
        Ok((ended == Transacted::Committed).then_some(changed))
    }

    /// The cases of people, by their aliases.
    ///
    /// # Errors
    /// When DynamoDB fails or an item is not readable.
    async fn cases_of(&self, aliases: &[Pseudonym]) -> Result<BTreeSet<CaseId>, LedgerError> {
        let mut cases = BTreeSet::new();
        for alias in aliases {
            for link in self.case_links(alias).await? {
                cases.insert(schema::parsed(&link, CASE)?);
            }
        }
        Ok(cases)
    }

    /// Takes what is personal from the cases of an erased person, and what leads to them. That there were such cases, and in what
    /// time they were answered, stays.
    ///
    /// # Errors
    /// When DynamoDB fails or an item is not readable. Doing it again does the rest.
    pub(crate) async fn forget_cases(&self, aliases: &[Pseudonym]) -> Result<(), LedgerError> {
        let what = "forget whose case it is";
        for case in self.cases_of(aliases).await? {
            self.forget_copies(&case).await?;
            let key = Delete::builder()
                .table_name(&self.tables.keys)
                .set_key(Some(schema::key_row(schema::case_pk(&case))));
            let update = Update::builder()
                .table_name(&self.tables.ledger)
                .set_key(Some(schema::case_key(&case)))
                .condition_expression(format!("attribute_exists({PK})"));
            let amendment = Amendment {
                // Whoever has read it before cannot write it back.
                set: Item::from([(VERSION.to_owned(), schema::n(self.next_version(&case).await?))]),
                remove: vec![DETAILS, MENTIONS, CONTACT],
            };
            // A case that is gone leaves nothing to forget.
            self.transact(what, &[delete_action(key.build())?, amendment.action(update)?])
                .await?;
        }
        for alias in aliases {
            for link in self.case_links(alias).await? {
                self.delete_item(what, schema::key_of(&link)).await?;
            }
        }
        Ok(())
    }

    async fn next_version(&self, case: &CaseId) -> Result<i64, LedgerError> {
        let item = self.get("read a case", schema::case_key(case)).await?;
        let version = item.map(|item| schema::number(&item, VERSION)).transpose()?;
        Ok(version.unwrap_or(0) + 1)
    }

    /// What leads from a person to their cases.
    pub(crate) async fn case_links(&self, alias: &Pseudonym) -> Result<Vec<Item>, LedgerError> {
        self.partition("look for the cases of a person", schema::cases_pk(alias))
            .await
    }

    /// The person may open a case about the same again.
    fn close_link(&self, key: Item, case: &CaseId) -> Result<TransactWriteItem, LedgerError> {
        let delete = Delete::builder()
            .table_name(&self.tables.ledger)
            .set_key(Some(key))
            .condition_expression(format!("attribute_not_exists({PK}) OR #case = :case"))
            .expression_attribute_names("#case", CASE)
            .expression_attribute_values(":case", schema::s(case.to_string()));
        delete_action(delete.build())
    }
}
