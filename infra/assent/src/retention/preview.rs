//! What a purge would do at a time, and why.

use std::collections::BTreeMap;
use std::fmt::Write;

use consent::retention::{Kind, Outcome};
use consent::time::Time;
use ledger::purge::{Preview, Previewed};
use service::Work;

use super::RetentionError;

/// What would become of records of one kind for one reason, and how many there are.
type Sums = BTreeMap<(Kind, Outcome, &'static str), Sum>;

struct Sum {
    records: u64,
    oldest: Time,
    why: &'static str,
}

/// The preview of a purge at that time, as text. Nothing is changed.
pub(super) async fn text(work: &Work, at: Time) -> Result<String, RetentionError> {
    let mut preview = Preview::new(at);
    let mut sums = Sums::new();
    let mut unknown = false;
    while let Some(page) = work.ledger.preview(&mut preview, &work.policy).await? {
        for record in page {
            match record {
                Previewed::Unknown => unknown = true,
                Previewed::Known {
                    kind,
                    outcome,
                    due_at,
                    line,
                } => {
                    let sum = sums.entry((kind, outcome, line.what)).or_insert(Sum {
                        records: 0,
                        oldest: due_at,
                        why: line.why,
                    });
                    sum.records += 1;
                    sum.oldest = sum.oldest.min(due_at);
                }
            }
        }
    }
    Ok(written(&sums, unknown, at))
}

fn written(sums: &Sums, unknown: bool, at: Time) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    if sums.is_empty() {
        let _ = writeln!(text, "Nothing is due by {at}.");
    }
    for ((kind, outcome, what), Sum { records, oldest, why }) in sums {
        let _ = writeln!(text, "{records:>8}  {kind}: {what}");
        let _ = writeln!(text, "          {outcome}, the oldest due {oldest}");
        let _ = writeln!(text, "          {why}");
    }
    if unknown {
        let _ = writeln!(
            text,
            "There are records of a kind that the schedule does not know: the purge would stop there, and needs a newer version."
        );
    }
    text
}
