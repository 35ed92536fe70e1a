//! The retention schedule as a table, for people and for the documentation.

use std::fmt::Write;

use consent::retention::{Line, schedule};

/// The whole schedule as a table in Markdown.
pub fn table() -> String {
    let mut table = "| record | due | then | why |\n|---|---|---|---|\n".to_owned();
    for Line {
        kind,
        what,
        after,
        then,
        why,
    } in schedule()
    {
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| `{kind}`: {what} | {after} | {then} | {why} |");
    }
    table
}
