//! The report of a run of the purge as a table.

use std::fmt::Write;

use consent::retention::RunReport;
use ledger::purge::SignedRun;

/// A report that was read back, with whether it is what its run wrote.
pub(super) fn text(run: &SignedRun) -> String {
    let signature = if run.signature_valid { "valid" } else { "NOT VALID" };
    format!("{}{:<14}{signature}\n", table(&run.report), "signature")
}

/// A report, for people.
pub(super) fn table(report: &RunReport) -> String {
    let RunReport {
        run,
        began_at,
        duration_seconds,
        policy,
        end,
        counts,
        oldest_due,
        lag_seconds,
        cursor,
        scheduled_by_policy,
        ..
    } = report;
    let mut text = String::new();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<14}{value}");
    };
    line("run", run);
    line("began", began_at);
    line("took", &format_args!("{duration_seconds} s"));
    line("ended", end);
    line("policy", policy);
    line(
        "scheduled",
        if *scheduled_by_policy {
            &"everything by this policy"
        } else {
            &"not everything by this policy yet"
        },
    );
    match oldest_due {
        Some(oldest) => line("oldest due", &format_args!("{oldest}, {lag_seconds} s ago")),
        None => line("oldest due", &"nothing"),
    }
    for (lane, reached) in cursor {
        line("stopped at", &format_args!("{lane} {reached}"));
    }
    let _ = writeln!(text, "\n{:<18}{:<14}{:>10}", "record", "outcome", "count");
    for (kind, outcome, amount) in counts.iter() {
        let _ = writeln!(text, "{:<18}{:<14}{amount:>10}", kind.as_str(), outcome.as_str());
    }
    if counts.is_empty() {
        let _ = writeln!(text, "nothing was due");
    }
    text
}
