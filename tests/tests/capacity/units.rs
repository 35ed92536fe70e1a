//! The tables of what is consumed.

use std::fmt::Write;

use crate::kind::GROUPS;
use crate::play::Played;

/// What stands in the README.
pub(crate) fn tables(played: &Played) -> String {
    let mut text = String::new();
    let mut told = 0;
    for group in &GROUPS {
        writeln!(
            text,
            "\n| {} | read units | write units | bytes logged |\n|---|---|---|---|",
            group.title
        )
        .unwrap();
        for (kind, what) in group.events {
            let measured = &played.measured[kind];
            let (reads, writes) = (measured.units.reads(), measured.units.writes());
            writeln!(text, "| {what} | {reads} | {writes} | {} |", measured.logged).unwrap();
            told += 1;
        }
        if !group.why.is_empty() {
            writeln!(text).unwrap();
        }
        for why in group.why {
            writeln!(text, "- {why}").unwrap();
        }
    }
    assert_eq!(
        told,
        played.measured.len(),
        "something was measured of which nothing is told"
    );
    text.push('\n');
    text
}
