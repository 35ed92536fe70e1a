//! Every function's role allows what the function does, and nothing else. Both are found out, neither is written down here: a
//! story is played in which every function does everything it can, and what it asked of the tables is compared with its role.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod observe;
mod policy;
#[path = "../end_to_end/stack.rs"]
#[allow(dead_code, reason = "the story needs less of it than the end-to-end tests do")]
mod stack;
mod story;
mod years;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use observe::{Asked, observed};
use policy::{Grain, Statement, Tables, statements};

/// The functions, and what the template calls them.
const FUNCTIONS: [(&str, &str); 7] = [
    ("webhook", "Webhook"),
    ("opt-in", "OptIn"),
    ("outbox", "Outbox"),
    ("rights", "Rights"),
    ("retention", "Retention"),
    ("campaigns", "Campaigns"),
    ("campaign-check", "CampaignCheck"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_role_allows_what_its_function_does_and_nothing_else() {
    let tables = story::play().await;
    let observed = observed();
    let mut faults = String::new();
    for (function, name) in FUNCTIONS {
        let asked: BTreeMap<_, _> = observed
            .iter()
            .filter(|(asked, _)| asked.function == function)
            .collect();
        assert!(!asked.is_empty(), "the story has nothing for {function} to do");
        let role = format!("{name}Role");
        let statements = statements(&role, &tables);
        for fault in missing(&statements, &asked)
            .into_iter()
            .chain(to_spare(&statements, &asked, &tables))
        {
            writeln!(faults, "{role}: {fault}").unwrap();
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

/// What a function does that its role does not allow, and where the story shows that.
fn missing(statements: &[Statement], asked: &BTreeMap<&Asked, &&str>) -> Vec<String> {
    let is_allowed = |asked: &Asked| statements.iter().any(|statement| statement.allows(asked));
    let mut missing = BTreeMap::<_, BTreeSet<_>>::new();
    for (asked, chapter) in asked.iter().filter(|(asked, _)| !is_allowed(asked)) {
        // Those alone that are in the way, unless it is that no statement has all of them.
        let mut faulty = (*asked).clone();
        faulty.leading_keys.retain(|key| {
            let leading_keys = BTreeSet::from([key.clone()]);
            !is_allowed(&Asked {
                leading_keys,
                ..(*asked).clone()
            })
        });
        let what = if faulty.leading_keys.is_empty() {
            asked.to_string()
        } else {
            faulty.to_string()
        };
        missing.entry(what).or_default().insert(**chapter);
    }
    let missing = missing.into_iter().map(|(what, chapters)| {
        format!(
            "it does not allow what the function does in {chapters:?}: {what}. \
             Allow it in one statement, or have the function do without."
        )
    });
    missing.collect()
}

/// What a role allows that its function never does, or that two of its statements allow.
fn to_spare(statements: &[Statement], asked: &BTreeMap<&Asked, &&str>, tables: &Tables) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for asked in asked.keys() {
        let allowing: Vec<_> = statements.iter().filter(|statement| statement.allows(asked)).collect();
        // Where there are two, neither is needed.
        if let [only] = allowing[..] {
            used.extend(only.used_by(asked));
        }
    }
    let all = statements.iter().flat_map(Statement::grains);
    let name = |table: &str| tables.iter().find(|(_, known)| *known == table).unwrap().0;
    all.filter(|grain| !used.contains(grain))
        .map(|Grain { statement, action, resource: (table, index), pattern }| {
            let index = index.map(|index| format!("/{index}")).unwrap_or_default();
            let keys = pattern.map(|pattern| format!(" for keys like {pattern}")).unwrap_or_default();
            format!(
                "its statement {} allows dynamodb:{action} on {}{index}{keys}, and nothing in the story needs that, or \
                 another statement allows the same. Take it away, or let tests/tests/permissions/story.rs come to where it is needed.",
                statement + 1,
                name(&table),
            )
        })
        .collect()
}
