//! Lists of cases, by when their answers are due.

use consent::case::{Case, CaseState};
use consent::id::CaseId;
use consent::retention::Kind;
use consent::time::Time;

use crate::error::LedgerError;
use crate::schema::{self, CLOSED_CASES_SHARD, DUE_AT, DUE_INDEX, DUE_SHARD, OPEN_CASES_SHARD, PK};
use crate::store::Ledger;

/// How many cases are on a page at most.
const PAGE: i32 = 50;

/// Which cases a list has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CaseFilter {
    /// Those that stand there; all that are open if nothing is said.
    pub state: Option<CaseState>,
    /// Those whose answer is due by then, or, if they are closed, those that are kept until then at the longest.
    pub due_by: Option<Time>,
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct CasePage {
    /// The cases, those first whose time comes first, each with that time.
    pub cases: Vec<(Case, Time)>,
    /// The last case that was looked at and its time, after which the list goes on; none at its end.
    pub next: Option<(CaseId, Time)>,
}

impl Ledger {
    /// A page of the cases that a filter lets through.
    ///
    /// The index that it goes by is a moment behind.
    ///
    /// # Errors
    /// When DynamoDB fails or an item is not readable.
    pub async fn cases(&self, filter: CaseFilter, after: Option<(CaseId, Time)>) -> Result<CasePage, LedgerError> {
        let what = "list cases";
        let is_closed = filter.state.is_some_and(CaseState::is_closed);
        let shard = if is_closed {
            CLOSED_CASES_SHARD
        } else {
            OPEN_CASES_SHARD
        };
        let after = after.map(|(id, due_at)| {
            let mut key = schema::case_key(&id);
            key.insert(DUE_SHARD.to_owned(), schema::s(shard));
            key.insert(DUE_AT.to_owned(), schema::time(due_at));
            key
        });
        let call = self
            .client
            .query()
            .table_name(&self.tables.ledger)
            .index_name(DUE_INDEX)
            .key_condition_expression("#shard = :shard AND #due_at <= :until")
            .expression_attribute_names("#shard", DUE_SHARD)
            .expression_attribute_names("#due_at", DUE_AT)
            .expression_attribute_values(":shard", schema::s(shard))
            .expression_attribute_values(":until", schema::time(filter.due_by.unwrap_or(Time::MAX)))
            .set_exclusive_start_key(after)
            .limit(PAGE)
            .send();
        let page = self
            .within(what, call)
            .await?
            .map_err(|error| LedgerError::call(what, &error))?;
        let mut places = vec![];
        for item in page.items() {
            let id = schema::case_id(schema::text(item, PK)?).ok_or(LedgerError::corrupt(PK))?;
            places.push((id, Time::from_unix_seconds(schema::number(item, DUE_AT)?)));
        }
        let next = page.last_evaluated_key.and(places.last().copied());
        Ok(CasePage {
            cases: self.those(&places, filter.state).await?,
            next,
        })
    }

    /// The cases themselves, as they are by now, of those that still belong to the list.
    async fn those(
        &self,
        places: &[(CaseId, Time)],
        state: Option<CaseState>,
    ) -> Result<Vec<(Case, Time)>, LedgerError> {
        if places.is_empty() {
            return Ok(vec![]);
        }
        let keys = places.iter().map(|(id, _)| schema::case_key(id)).collect();
        let request = vec![(self.tables.ledger.clone(), keys)];
        let mut cases = vec![];
        for item in self.batch_get("read cases", request).await? {
            if !schema::is_kind(&item, Kind::Case) {
                continue;
            }
            let case: Case = schema::body(&item)?;
            let belongs = match state {
                Some(state) => case.state() == state,
                None => !case.state().is_closed(),
            };
            if belongs {
                cases.push((case, Time::from_unix_seconds(schema::number(&item, DUE_AT)?)));
            }
        }
        cases.sort_by_key(|(case, due_at)| (*due_at, case.id));
        Ok(cases)
    }
}
