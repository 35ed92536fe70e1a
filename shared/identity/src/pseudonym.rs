//! Keyed hashes that stand in for what must not be stored in the open.
//!
//! There are few enough phone numbers to try them all, so an unkeyed hash of one would be no secret. Under a key that is
//! kept elsewhere the hash is a pseudonym in the sense of Art. 4(5) GDPR.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;

use crate::{Identifier, SecretKey};

/// What a keyed hash is taken of. The same bytes hash differently in each domain, so that the hash from one place tells
/// nothing in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PseudonymDomain {
    /// A phone number or a business-scoped user id.
    Alias,
    /// One of Meta's message ids, which hold the phone number in base64.
    Message,
    /// What makes an event unique.
    Event,
    /// What makes a change of Meta's marketing preference unique; such changes come without a message id.
    Preference,
    /// A caller's idempotency key.
    Idempotency,
    /// A delivery that could not be read and was put aside.
    Quarantine,
    /// What makes a request for consent unique.
    Request,
    /// What makes a message in the outbox unique.
    Outgoing,
    /// A contact's id that a campaign tool gave and that nobody has.
    Recipient,
}

impl PseudonymDomain {
    /// The name that goes into the hash. Stored records depend on it: it never changes.
    const fn label(self) -> &'static str {
        match self {
            Self::Alias => "alias",
            Self::Message => "message",
            Self::Event => "event",
            Self::Preference => "preference",
            Self::Idempotency => "idempotency",
            Self::Quarantine => "quarantine",
            Self::Request => "request",
            Self::Outgoing => "outgoing",
            Self::Recipient => "recipient",
        }
    }
}

/// The key of all pseudonyms. Whoever holds it can find out whether a number they know is in the ledger.
#[derive(Debug, Clone)]
pub struct PseudonymKey(SecretKey);

impl From<SecretKey> for PseudonymKey {
    fn from(key: SecretKey) -> Self {
        Self(key)
    }
}

impl PseudonymKey {
    /// The pseudonym under which a contact is found. All ways of writing one line have the same, because a stop that came
    /// under one of them must hold for the others.
    pub fn alias(&self, identifier: &Identifier) -> Pseudonym {
        let (kind, value) = match identifier {
            Identifier::Phone(phone) => ("phone", phone.common_form()),
            Identifier::Bsuid(bsuid) => ("bsuid", bsuid.as_str().into()),
        };
        Pseudonym(self.of(PseudonymDomain::Alias, &[kind.as_bytes(), value.as_bytes()]))
    }

    /// The pseudonym of one of Meta's message ids.
    pub fn message(&self, id: &str) -> [u8; 32] {
        self.of(PseudonymDomain::Message, &[id.as_bytes()])
    }

    /// The keyed hash (HMAC-SHA-256) of some parts. No other domain and no other division into parts has the same.
    pub fn of(&self, domain: PseudonymDomain, parts: &[&[u8]]) -> [u8; 32] {
        self.hash(domain.label(), parts)
    }

    /// The key that chains the records of a contact's evidence, so that a rewritten record shows.
    pub fn chain_key(&self) -> SecretKey {
        SecretKey::from_bytes(self.hash("chain key", &[]))
    }

    /// The key that reports of the purge and certificates of erasures are signed with.
    pub fn report_key(&self) -> SecretKey {
        SecretKey::from_bytes(self.hash("report key", &[]))
    }

    #[expect(
        clippy::expect_used,
        reason = "HMAC takes keys of every length; the error is left from other codes"
    )]
    fn hash(&self, label: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).expect("a key of any length");
        for part in std::iter::once(&label.as_bytes()).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// What stands in for an identifier of a contact.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pseudonym([u8; 32]);

/// The text is no pseudonym.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a pseudonym: write 64 lower-case hex digits")]
pub struct InvalidPseudonym;

impl Pseudonym {
    /// The pseudonym made of these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the pseudonym.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pseudonym({self})")
    }
}

impl FromStr for Pseudonym {
    type Err = InvalidPseudonym;

    fn from_str(text: &str) -> Result<Self, InvalidPseudonym> {
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(InvalidPseudonym);
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidPseudonym)?;
        Ok(Self(bytes))
    }
}

impl Serialize for Pseudonym {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pseudonym {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::{Bsuid, PhoneNumber};

    const DOMAINS: [PseudonymDomain; 9] = [
        PseudonymDomain::Alias,
        PseudonymDomain::Message,
        PseudonymDomain::Event,
        PseudonymDomain::Preference,
        PseudonymDomain::Idempotency,
        PseudonymDomain::Quarantine,
        PseudonymDomain::Request,
        PseudonymDomain::Outgoing,
        PseudonymDomain::Recipient,
    ];

    fn key() -> PseudonymKey {
        SecretKey::from_bytes([7; 32]).into()
    }

    fn alias(number: &str) -> Pseudonym {
        key().alias(&PhoneNumber::parse(number).unwrap().into())
    }

    /// Worked out with another implementation of HMAC. If this fails, no stored record would be found again.
    #[test]
    fn a_pseudonym_never_changes_between_releases() {
        assert_eq!(
            alias("+4915112345678").to_string(),
            "52f49c99c5c3632e2af5c34d91f159e4044a671383484830b415dd46db84813b"
        );
        assert_eq!(
            hex::encode(key().chain_key().as_bytes()),
            "4944dfc29d45f24718b1905bfb60fb9b570d4e0faffc4ce4e7cd7954738369a4"
        );
    }

    #[test]
    fn all_ways_of_writing_one_line_have_one_alias() {
        assert_eq!(alias("+5561987654321"), alias("+556187654321"));
        assert_eq!(alias("+5215512345678"), alias("+525512345678"));
        assert_eq!(alias("+5491112345678"), alias("+541112345678"));
        assert_ne!(alias("+4915112345678"), alias("+4915112345679"));
    }

    #[test]
    fn another_key_makes_another_alias() {
        let number = Identifier::from(PhoneNumber::parse("+4915112345678").unwrap());
        let other = PseudonymKey::from(SecretKey::from_bytes([8; 32]));
        assert_ne!(key().alias(&number), other.alias(&number));
    }

    #[test]
    fn a_pseudonym_is_read_as_it_is_written() {
        let pseudonym = key().alias(&Bsuid::parse("DE.1").unwrap().into());
        assert_eq!(pseudonym.to_string().parse(), Ok(pseudonym));
        assert!(pseudonym.to_string().to_uppercase().parse::<Pseudonym>().is_err());
        assert!("00".parse::<Pseudonym>().is_err());
    }

    fn parts() -> impl Strategy<Value = Vec<Vec<u8>>> {
        // Few and short, so that one text is often divided in two ways.
        vec(vec(0_u8..2, 0..3), 0..4)
    }

    fn of(domain: usize, parts: &[Vec<u8>]) -> [u8; 32] {
        key().of(DOMAINS[domain], &parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    proptest! {
        #[test]
        fn hashes_are_equal_only_for_the_same_domain_and_the_same_parts(
            (one, other) in (0..DOMAINS.len(), 0..DOMAINS.len()),
            (these, those) in (parts(), parts()),
        ) {
            prop_assert_eq!(of(one, &these) == of(other, &those), one == other && these == those);
        }

        #[test]
        fn brazilian_mobile_lines_have_one_alias_with_and_without_the_ninth_digit(line in "[1-9][1-9]", rest in "[6-9][0-9]{7}") {
            prop_assert_eq!(alias(&format!("+55{line}9{rest}")), alias(&format!("+55{line}{rest}")));
        }

        #[test]
        fn mexican_and_argentine_lines_have_one_alias_with_and_without_the_mobile_digit(line in "[1-9][0-9]{9}") {
            prop_assert_eq!(alias(&format!("+521{line}")), alias(&format!("+52{line}")));
            prop_assert_eq!(alias(&format!("+549{line}")), alias(&format!("+54{line}")));
        }
    }
}
