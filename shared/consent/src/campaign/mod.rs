//! Whether a message may be sent, to one person and to a whole audience.
//!
//! [`decide`] is the one engine: the dry run, the scheduled check, the consent check, the page of recipients and the gate
//! all ask it. Unknown means no, and nothing overrides a contact's own stop. A [`Campaign`] is what shall be sent to whom and
//! when; a [`CampaignVerdict`] sums up the judgements on its audience; a [`Send`] is the decision that its message may go to
//! one contact, and a [`Ticket`] the permission to send it now.

mod audience;
mod cap;
mod clearance;
mod engine;
mod health;
mod message;
mod plan;
mod quiet;
mod reason;
mod send;
mod stage;
mod tally;
mod ticket;
mod verdict;

pub use audience::{AudienceSummary, Everyone, InvalidPart, MOST_PARTS, PART_SIZE, PartId, PartSummary, part_digest};
pub use clearance::{Cause, Clearance};
pub use engine::{Judgement, Verdict, decide};
pub use health::{AccountState, Category, Fact, Health, Limit, Quality, SenderHealth, TemplateHealth, TemplateStatus};
pub use message::{Circumstances, Listing, Message, Proof, Recipient, Usage};
pub use plan::{Campaign, InvalidSchedule, NotClear, Plan, PlanFault, SENDING_WINDOW, Schedule, State, Template};
pub use reason::{Group, Reason, Reasons, UnknownReason};
pub use send::{Send, SendResult, Sends};
pub use stage::Stage;
pub use tally::{Difference, Tally};
pub use ticket::{TICKET_LIFE, Ticket, TicketError};
pub use verdict::{CampaignVerdict, Checked, SCHEMA};
