//! Names that belong to the business or to Meta, never to a contact.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

/// The text does not have the form of what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not {what}: {form}")]
pub struct InvalidName {
    what: &'static str,
    form: &'static str,
}

/// Names held to a form, cheap to clone because each item of a delivery carries them.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $form:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as Meta writes it.
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
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.into())) } else { Err(InvalidName { what: $what, form: $form }) }
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

/// A closed list of words with an opening for those that Meta adds: an enum that is written as the words themselves.
macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$word_doc])* $word,)*
            /// A word that this version does not know.
            Other($crate::names::Term),
        }

        impl $name {
            /// Reads Meta's word.
            pub fn of(text: &str) -> Self {
                match text {
                    $($text => Self::$word,)*
                    other => Self::Other($crate::names::Term::of(other)),
                }
            }

            /// Meta's word.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$word => $text,)*
                    Self::Other(term) => term.as_str(),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Ok(Self::of(&text))
            }
        }
    };
}
pub(crate) use vocabulary;

fn is_number(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

name!(
    /// The id of an app at Meta.
    AppId,
    "an app id",
    "write 1 to 32 digits",
    is_number
);
name!(
    /// The id of a WhatsApp Business account.
    WabaId,
    "an account id",
    "write 1 to 32 digits",
    is_number
);
name!(
    /// The id, not the number itself, of one of the business's phone numbers: who sends.
    PhoneNumberId,
    "a phone number id",
    "write the id from Meta's dashboard, 1 to 32 digits",
    is_number
);
name!(
    /// One of the business's own phone numbers, its digits without a leading `+`.
    BusinessNumber,
    "a business number",
    "write the digits, the country's code first, without + or spaces",
    |text| (3..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
);
name!(
    /// The name of a message template.
    TemplateName,
    "a template name",
    "write 1 to 512 lower-case letters, digits or underscores",
    |text| {
        (1..=512).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    }
);
name!(
    /// The language of a template: `de`, `en_US`.
    Language,
    "a language",
    "write a language code and, where needed, an underscore and a region, such as de or en_US",
    |text| {
        (2..=15).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    }
);
name!(
    /// A word of Meta's own vocabulary, such as the name of a field, an event or a tier.
    ///
    /// What does not look like one becomes `unknown`, so that nothing personal can hide in a member that is meant for a
    /// word.
    Term,
    "a term",
    "write 1 to 64 letters, digits, underscores, hyphens or dots, beginning with a letter",
    |text| {
        (1..=64).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
            && text.bytes().filter(u8::is_ascii_digit).count() < SHORTEST_NUMBER
    }
);

/// A word with as many digits as this could be a phone number or an id.
const SHORTEST_NUMBER: usize = 7;

impl Term {
    /// The word, or `unknown` if the text does not look like one.
    pub fn of(text: &str) -> Self {
        text.parse().unwrap_or_else(|_| Self("unknown".into()))
    }
}

impl BusinessNumber {
    /// The number in the digits of a text that may be laid out for display (`+1 555-078-3881`).
    pub(crate) fn from_display(text: &str) -> Option<Self> {
        let digits: String = text
            .chars()
            .filter(|c| !matches!(c, '+' | '-' | ' ' | '(' | ')'))
            .collect();
        digits.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_word_of_metas_is_not_repeated() {
        assert_eq!(Term::of("PENDING_DELETION").as_str(), "PENDING_DELETION");
        assert_eq!(Term::of("button_reply").as_str(), "button_reply");
        for odd in [
            "",
            "16505551234",
            "US.13491208655302741918",
            "Ada Lovelace",
            "ä",
            &"a".repeat(65),
        ] {
            assert_eq!(Term::of(odd).as_str(), "unknown", "{odd}");
        }
    }

    #[test]
    fn a_phone_number_id_can_always_stand_in_a_path() {
        assert!("106540352242922".parse::<PhoneNumberId>().is_ok());
        for bad in ["", "../me", "1 2", "+49", "123456789012345678901234567890123"] {
            assert!(bad.parse::<PhoneNumberId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_business_number_is_read_however_it_is_displayed() {
        let number = BusinessNumber::from_display("+1 (555) 078-3881").unwrap();
        assert_eq!(number.as_str(), "15550783881");
        assert_eq!(BusinessNumber::from_display("<PHONE_NUMBER>"), None);
    }
}
