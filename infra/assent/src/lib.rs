//! The one binary for people, as a library: the local stack, the demo and what is done with policies.

pub mod demo;
pub mod documents;
pub mod evidence;
pub mod local;
pub mod meta;
pub mod policy;
pub mod reasons;
pub mod retention;
pub mod store;
