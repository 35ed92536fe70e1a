//! How long each record may be kept, and what becomes of it then.
//!
//! Storage limitation (Art. 5(1)(e) GDPR) is a rule like any other: pure, and the same wherever it is asked for. The
//! [schedule] has a line for every kind of record that can be stored. [`Contact::due_at`](crate::contact::Contact::due_at)
//! says when a contact is due, [`Contact::purge`](crate::contact::Contact::purge) what is to be done with it then, and a
//! [`Tombstone`] is what stays where the person's wish has to outlive the person's data.

mod certificate;
mod contact;
mod report;
mod schedule;
mod tombstone;

pub use certificate::Certificate;
pub use contact::Purge;
pub use report::{Counts, Outcome, ReportKey, RunEnd, RunReport, SCHEMA, Signature};
pub use schedule::{
    AUDIENCE_MEMORY, After, KEY_MEMORY, Kind, Line, MESSAGE_MEMORY, REDELIVERY, Setting, Then, USAGE_MEMORY,
    UnknownKind, schedule,
};
pub use tombstone::Tombstone;
