//! Meta's protocol, and the only place that knows it: what a webhook's signature proves, what a delivery says, and how a
//! message is sent through the Graph API. No other crate names a member of Meta's JSON.
//!
//! Bytes become meaning in one direction: [`verify`] turns a body into a [`Signed`] one, [`delivery::parse`] turns that
//! into [`delivery::Item`]s. There is no other way in, so nothing unsigned can be acted on.
//!
//! What a person wrote, what a message is called (Meta's ids hold the phone number in base64) and every secret redact
//! their `Debug` and have no `Display`.

pub mod compose;
pub mod delivery;
pub mod graph;
pub mod handshake;
mod json;
mod names;
mod outbound;
mod personal;
mod signature;

pub use names::{AppId, BusinessNumber, InvalidName, Language, PhoneNumberId, TemplateName, Term, WabaId};
pub use outbound::{Button, Buttons, InvalidOutbound, Outbound, PlainText, Template};
pub use personal::{Callback, IdentityKeyHash, InvalidCallback, MessageId, Payload, RawItem, Text};
pub use signature::{AppSecret, BlankSecret, HEADER as SIGNATURE_HEADER, SignatureError, Signed, sign, verify};
