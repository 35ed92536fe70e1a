//! Why there is no answer.

use std::error::Error;
use std::io;

use hyper_util::client::legacy;

/// Why there is no answer, as far as it matters for whether to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No connection was made: nothing has gone out.
    Unreachable,
    /// The connection broke: the request may have gone out.
    Broken,
    /// The request is none that could be sent.
    Unfit,
}

impl Failure {
    /// What a client's error comes to.
    pub fn of(error: &legacy::Error) -> Self {
        if error.is_connect() {
            return Self::Unreachable;
        }
        let is_unfit =
            source::<hyper::Error>(error).is_some_and(|error| error.is_user() && source::<io::Error>(error).is_none());
        if is_unfit { Self::Unfit } else { Self::Broken }
    }
}

/// The first of an error's causes that is of that kind.
fn source<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}
