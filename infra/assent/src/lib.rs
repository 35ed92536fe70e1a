//! The one binary for people, as a library: the local stack, the demo and what is done with policies.

pub mod breach;
pub mod demo;
mod deployment;
pub mod doctor;
pub mod documents;
pub mod evidence;
pub mod local;
pub mod meta;
pub mod policy;
pub mod reasons;
pub mod reports;
pub mod retention;
pub mod store;
