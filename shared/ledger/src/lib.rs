//! The ledger: two DynamoDB tables and one method for each way they are read and written.
//!
//! Attribute names and key formats live in [`schema`](self) alone; nothing outside this crate knows them. A decision of
//! the domain is committed in one transaction: the contact on condition of its version, each record of evidence on
//! condition that it does not exist yet (that is the de-duplication), and the messages of the outbox. A lost race reads
//! again and decides again.

mod alias;
mod campaign;
mod case;
mod change;
mod contact;
mod copy;
mod erasure;
mod error;
mod health;
mod history;
mod idempotency;
mod legal_hold;
mod mentions;
mod moving;
mod outbox;
mod places;
mod policy;
pub mod purge;
mod quarantine;
mod read;
mod register;
mod removal;
mod schema;
mod store;
mod survey;
mod transaction;

pub use campaign::{
    CallerRef, CheckOutcome, Cursor, GATE_SIZE, GateAnswer, Gated, InvalidCursor, InvalidRef, IssuedTicket, Judged,
    Listed, Page, PageError, PutCampaign, PutPart, RecipientId, SettledSend, StoredCampaign,
};
pub use case::{CaseDetails, CaseFilter, CaseNote, CasePage, NewCase, Noted, Opened, Stepped, StoredCase};
pub use change::{MAX_EVENTS, PromptPhase, Recorded, Who};
pub use contact::{Found, Subject};
pub use copy::HeldAbout;
pub use erasure::{ContactBook, Erasure, ErasureRequest, ErasureStart, Proof};
pub use error::LedgerError;
pub use health::{HealthReport, TemplateFact};
pub use history::{History, HistoryEntry};
pub use idempotency::KeyUse;
pub use legal_hold::{HoldReason, LegalHold};
pub use moving::Move;
pub use outbox::{
    Claim, ClaimId, Claimed, ClaimedStep, Forgetting, Forgotten, OutboxChange, OutboxMessage, OutboxState, Settled,
    outgoing_in_stream,
};
pub use policy::{ActivePolicy, Published};
pub use quarantine::Quarantined;
pub use register::ReplayReport;
pub use store::{Keys, Ledger, Tables};
pub use survey::Surveyed;
