//! The reasons why a message may not be sent, for people and for the documentation.

use std::fmt::Write;

use consent::campaign::Reason;

/// All reasons as a table in Markdown, in the order in which their groups decide.
pub fn table() -> String {
    let mut table = "| code | about | says |\n|---|---|---|\n".to_owned();
    for reason in Reason::ALL {
        let group = reason.group().as_str();
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| `{reason}` | {group} | {} |", reason.sentence());
    }
    table
}
