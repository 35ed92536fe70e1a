//! The rules of consent, and nothing else: no network, no clock, no randomness, no environment.
//!
//! Time and ids are arguments, so every decision can be replayed. A [`contact::Contact`] is a set of registers that only
//! grow; an [`event::Event`] raises some of them; what follows is a [`decide::Decision`], which the ledger commits as a
//! whole. The status of a consent is derived from the registers whenever it is asked for.

pub mod campaign;
pub mod case;
pub mod contact;
pub mod copy;
pub mod decide;
pub mod digest;
pub mod event;
pub mod evidence;
pub mod hold;
pub mod id;
mod mac;
pub mod outgoing;
pub mod policy;
pub mod register;
pub mod retention;
mod signed;
pub mod suppression;
pub mod time;
pub mod token;
pub mod words;
pub mod zone;
