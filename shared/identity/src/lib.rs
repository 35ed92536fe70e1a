//! Who a contact is, and how that is kept from everybody who need not know.
//!
//! A contact is known by a phone number or by the id that Meta gives a business for that person. Neither is ever stored
//! in the open: records are found through a keyed hash ([`PseudonymKey`]) and hold the values themselves only sealed
//! ([`SubjectKey`]), so that deleting one key makes a person unreadable everywhere, backups included (Art. 17 GDPR).
//!
//! No type here that holds a person or a secret has a `Display`, and the `Debug` of each says nothing about its content.

mod bsuid;
mod countries;
mod identifiers;
mod phone;
mod pseudonym;
mod sealed;
mod secret;

pub use bsuid::{Bsuid, InvalidBsuid};
pub use identifiers::{Identifier, Identifiers, NoIdentifier};
pub use phone::{InvalidPhone, PhoneNumber};
pub use pseudonym::{InvalidPseudonym, Pseudonym, PseudonymDomain, PseudonymKey};
pub use sealed::{OpenError, SealError, Sealed, SealingKey, SubjectKey, WrappedKey};
pub use secret::{InvalidKey, NoEntropy, SecretKey, random_bytes};
