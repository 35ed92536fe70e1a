//! What the local stack is made of: an embedded store and a stand-in for Meta's Graph API.

pub mod store;
