//! What can go wrong between the domain and the tables.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// Why the ledger could not do what was asked. Nothing is ever half-written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// DynamoDB answered with an error, or not at all. The code is DynamoDB's own.
    #[error("DynamoDB did not {what}: {code}")]
    Unavailable {
        /// What was to be done.
        what: &'static str,
        /// The error code, or what kind of failure it was.
        code: String,
    },
    /// The caller's deadline came first.
    #[error("no time was left to {what}")]
    OutOfTime {
        /// What was to be done.
        what: &'static str,
    },
    /// Others kept changing the same contact.
    #[error("the contact was changed by others at every one of {attempts} attempts")]
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
    /// An item does not hold what it must.
    #[error("an item in the table has no readable attribute `{attribute}`")]
    Corrupt {
        /// The attribute.
        attribute: &'static str,
    },
    /// A sealed value does not open: the key is not the one it was sealed with.
    #[error("a sealed value does not open with the keys of the secret")]
    Sealed,
    /// The system has no randomness to give.
    #[error("no randomness for a new key or id")]
    NoEntropy,
}

impl LedgerError {
    pub(crate) const fn corrupt(attribute: &'static str) -> Self {
        Self::Corrupt { attribute }
    }

    /// The error of a call, by DynamoDB's code: texts may quote values, so they are left out.
    pub(crate) fn call<E: ProvideErrorMetadata, R>(what: &'static str, error: &SdkError<E, R>) -> Self {
        let code = match error {
            SdkError::ServiceError(context) => context.err().code().unwrap_or("unknown error"),
            SdkError::TimeoutError(_) => "timeout",
            SdkError::DispatchFailure(_) => "no connection",
            SdkError::ResponseError(_) => "unreadable answer",
            _ => "request not built",
        };
        Self::Unavailable {
            what,
            code: code.to_owned(),
        }
    }
}
