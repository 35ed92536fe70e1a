//! How long every record is kept, by the policy.

use consent::policy::Policy;
use consent::retention::schedule;
use paper::Document;

/// The table.
pub(super) fn table(policy: &Policy) -> Document {
    let mut page = Document::new("en", "How long records are kept");
    super::made_of(&mut page, policy);
    let rows = schedule().iter().map(|line| {
        vec![
            line.kind.to_string(),
            line.what.to_owned(),
            line.after.by(policy),
            line.then.to_string(),
            line.why.to_owned(),
        ]
    });
    let header = ["Record", "What", "When it is due", "What is done then", "Why"];
    page.table("Every kind of record there is", header, rows.collect());
    page
}
