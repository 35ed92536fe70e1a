//! Names of things, each a type of its own so that one cannot stand in for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The text is not an id of the kind that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not {what}: {form}")]
pub struct InvalidId {
    what: &'static str,
    form: &'static str,
}

/// Ids of so many bytes, written as lower-case hex digits.
macro_rules! binary_id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $what:literal, $form:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $bytes]);

        impl $name {
            #[doc = concat!("The id made of these ", stringify!($bytes), " bytes.")]
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The bytes of the id.
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let invalid = InvalidId { what: $what, form: $form };
                if text.bytes().any(|b| b.is_ascii_uppercase()) {
                    return Err(invalid);
                }
                let mut bytes = [0; $bytes];
                hex::decode_to_slice(text, &mut bytes).map_err(|_| invalid)?;
                Ok(Self(bytes))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// Ids that people write, held to a form.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $form:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The id as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.into())) } else { Err(InvalidId { what: $what, form: $form }) }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

binary_id!(
    /// A contact's own id: random, and derived from nothing that belongs to the person.
    ContactId, 16, "a contact id", "write 32 lower-case hex digits"
);
binary_id!(
    /// One request for consent, derived from the event that made it, so that a repetition of the event is the same request.
    RequestId, 16, "a request id", "write 32 lower-case hex digits"
);
binary_id!(
    /// One event in a contact's evidence: a keyed hash of what makes the event unique (Meta's message id, or the caller's
    /// idempotency key), so that the same event always has the same id.
    EventId, 32, "an event id", "write 64 lower-case hex digits"
);
binary_id!(
    /// A keyed hash of one of Meta's message ids, which themselves hold the phone number in base64.
    MessageRef, 32, "a message reference", "write 64 lower-case hex digits"
);
binary_id!(
    /// One run of the purge.
    RunId, 16, "a run id", "write 32 lower-case hex digits"
);

binary_id!(
    /// One entry waiting in the outbox.
    OutgoingId, 16, "an outbox message id", "write 32 lower-case hex digits"
);
binary_id!(
    /// One erasure of a contact. It is random, so the certificate that it names says nothing about whom it was of.
    ErasureId, 16, "an erasure id", "write 32 lower-case hex digits"
);
binary_id!(
    /// A case: what somebody demands of the controller about their data.
    CaseId, 16, "a case id", "write 32 lower-case hex digits"
);
binary_id!(
    /// What is kept of a one-time code: a keyed hash.
    CodeHash, 32, "the hash of a code", "write 64 lower-case hex digits"
);
binary_id!(
    /// One check of a campaign's audience.
    CheckId, 16, "a check id", "write 32 lower-case hex digits"
);
binary_id!(
    /// An audience, named by the SHA-256 of all who are on it.
    AudienceDigest, 32, "an audience digest", "write 64 lower-case hex digits"
);
binary_id!(
    /// A notice, named by the SHA-256 of all it says.
    NoticeVersion, 32, "a notice version", "write 64 lower-case hex digits"
);
binary_id!(
    /// A policy, named by the SHA-256 of its text.
    PolicyVersion, 32, "a policy version", "write 64 lower-case hex digits"
);

text_id!(
    /// A purpose that a contact can consent to, such as `offers`.
    PurposeId,
    "a purpose id",
    "write 1 to 32 lower-case letters, digits or hyphens, beginning with a letter",
    |text| {
        (1..=32).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    }
);
text_id!(
    /// A language, as Meta writes it in templates: `de`, `en`, `pt_BR`.
    Locale,
    "a locale",
    "write a language code and, where needed, an underscore and a region, such as de or pt_BR",
    |text| {
        let (language, region) = text.split_once('_').map_or((text, None), |(l, r)| (l, Some(r)));
        (2..=3).contains(&language.len())
            && language.bytes().all(|b| b.is_ascii_lowercase())
            && region.is_none_or(|r| (2..=3).contains(&r.len()) && r.bytes().all(|b| b.is_ascii_uppercase()))
    }
);
text_id!(
    /// The id that Meta gave to one of the controller's phone numbers.
    SenderId,
    "a sender",
    "write the phone number id from Meta's dashboard, 1 to 32 digits",
    |text| (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
);

text_id!(
    /// A campaign, as the tool that runs it calls it.
    CampaignId,
    "a campaign id",
    "write 1 to 64 lower-case letters, digits, hyphens or underscores, beginning with a letter or a digit",
    |text| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        (1..=64).contains(&text.len()) && text.bytes().all(inner) && !text.starts_with(['-', '_'])
    }
);
text_id!(
    /// The name of a message template at Meta.
    TemplateName,
    "the name of a template",
    "write it as Meta has it: 1 to 512 lower-case letters, digits and underscores",
    |text| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        (1..=512).contains(&text.len()) && text.bytes().all(inner)
    }
);

impl Locale {
    /// The language without its region.
    pub fn language(&self) -> &str {
        self.0.split_once('_').map_or(&*self.0, |(language, _)| language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written_and_nothing_else() {
        let id = ContactId::from_bytes([0xab; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("ABABABABABABABABABABABABABABABAB".parse::<ContactId>().is_err());
        assert!("ab".parse::<ContactId>().is_err());

        for good in ["offers", "order-news-2"] {
            assert_eq!(good.parse::<PurposeId>().unwrap().as_str(), good);
        }
        for bad in ["", "Offers", "2x", "of fers", "a_b"] {
            assert!(bad.parse::<PurposeId>().is_err(), "{bad}");
        }
        for good in ["de", "pt_BR", "fil"] {
            assert_eq!(good.parse::<Locale>().unwrap().as_str(), good);
        }
        for bad in ["", "d", "DE", "de-DE", "de_de", "de_"] {
            assert!(bad.parse::<Locale>().is_err(), "{bad}");
        }
        assert_eq!("pt_BR".parse::<Locale>().unwrap().language(), "pt");
    }
}
