//! Business-scoped user ids.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most characters after the last dot.
const LONGEST: usize = 128;

/// A business-scoped user id: what Meta calls a person toward one business portfolio, with or without a phone number.
///
/// It is a country of two capital letters, a dot, and up to 128 letters and digits; where portfolios are linked, `ENT.`
/// stands between (`DE.…`, `US.ENT.…`). It changes when the person changes the phone number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bsuid(Box<str>);

/// The text is no business-scoped user id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a business-scoped user id: write it as Meta does, two capital letters, a dot, and 1 to {LONGEST} letters or digits"
)]
pub struct InvalidBsuid;

impl Bsuid {
    /// Reads an id as Meta writes it.
    ///
    /// # Errors
    ///
    /// [`InvalidBsuid`], if the text has any other form.
    pub fn parse(text: &str) -> Result<Self, InvalidBsuid> {
        let (country, rest) = text.split_once('.').ok_or(InvalidBsuid)?;
        let person = rest.strip_prefix("ENT.").unwrap_or(rest);
        let valid = country.len() == 2
            && country.bytes().all(|b| b.is_ascii_uppercase())
            && (1..=LONGEST).contains(&person.len())
            && person.bytes().all(|b| b.is_ascii_alphanumeric());
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(InvalidBsuid)
        }
    }

    /// The id as Meta writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Bsuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bsuid(redacted)")
    }
}

impl Serialize for Bsuid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bsuid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_id_is_a_country_a_dot_and_letters_and_digits() {
        let longest = format!("DE.{}", "a".repeat(128));
        for good in [
            "US.13491208655302741918",
            "DE.a",
            "US.ENT.506847293015824",
            longest.as_str(),
        ] {
            assert_eq!(Bsuid::parse(good).unwrap().as_str(), good);
        }
        let too_long = format!("{longest}a");
        for bad in [
            "",
            "DE.",
            "DE",
            "de.1",
            "DEU.1",
            "DE.1.2",
            "DE.a b",
            "DE.ENT.",
            "49151123456",
            too_long.as_str(),
        ] {
            assert_eq!(Bsuid::parse(bad), Err(InvalidBsuid), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in any::<String>()) {
            let _ = Bsuid::parse(&text);
        }

        #[test]
        fn every_id_survives_json_and_stays_out_of_debug(text in "[A-Z]{2}\\.(ENT\\.)?[0-9]{5,128}") {
            let id = Bsuid::parse(&text).unwrap();
            let shown = format!("{id:?}");
            prop_assert!(!shown.contains(|c: char| c.is_ascii_digit()));
            let json = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(serde_json::from_str::<Bsuid>(&json).unwrap(), id);
        }
    }
}
