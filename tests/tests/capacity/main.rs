//! What each kind of event consumes at DynamoDB and what a month of it costs. The tables in the README are made here, of what was
//! measured; whatever consumes more, or less, shows in them.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod cost;
mod kind;
mod play;
mod units;
mod world;

use play::Played;
use tokio::sync::OnceCell;

async fn played() -> &'static Played {
    static PLAYED: OnceCell<Played> = OnceCell::const_new();
    PLAYED.get_or_init(play::play).await
}

/// What stands in the README between two marks is what it should be; else the failure says what to put there.
fn stands_in_the_readme(begins: &str, ends: &str, expected: &str) {
    let readme = include_str!("../../../README.md");
    let between = readme
        .split_once(&format!("<!-- {begins} -->\n"))
        .and_then(|(_, rest)| rest.split_once(&format!("<!-- {ends} -->")));
    let stands = between.map_or("", |(stands, _)| stands);
    assert!(
        stands == expected,
        "put this between \"{begins}\" and \"{ends}\" in the README:\n{expected}"
    );
}

#[tokio::test]
async fn the_readme_says_what_each_kind_of_event_consumes() {
    let table = units::tables(played().await);
    stands_in_the_readme("units: written by the test `capacity`", "end of the units", &table);
}

#[tokio::test]
async fn the_readme_says_what_a_month_costs() {
    let table = cost::tables(played().await);
    stands_in_the_readme("costs: written by the test `capacity`", "end of the costs", &table);
}
