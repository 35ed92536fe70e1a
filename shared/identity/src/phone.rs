//! Phone numbers.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The fewest digits a number may have. E.164 names no minimum; the shortest numbers in use abroad have seven.
const SHORTEST: usize = 7;
/// The most digits a number may have (ITU-T E.164, section 6).
const LONGEST: usize = 15;

/// An international phone number after ITU-T E.164, kept as it was given.
///
/// Two ways of writing one line, such as Brazilian mobile numbers with and without their ninth digit, are two unequal
/// numbers, because a message must go to the form that Meta knows. They have the same [alias](crate::PseudonymKey::alias).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber(Box<str>);

/// The text is no phone number. The message says how to write one and never repeats what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPhone {
    /// No country is named.
    #[error("a phone number begins with + and the country's code, such as +49")]
    MissingPlus,
    /// The country follows `00`, which only some countries dial.
    #[error("a phone number begins with + instead of 00")]
    DialPrefix,
    /// There are letters in it.
    #[error("a phone number has no letters: write the digits they stand for")]
    Letters,
    /// There is something in it that is neither a digit nor a letter.
    #[error("a phone number has only the digits 0 to 9 after the +: leave out spaces and punctuation")]
    Punctuation,
    /// The country's code begins with 0.
    #[error("no country's code begins with 0: write the number as it is dialled from abroad")]
    LeadingZero,
    /// There are too few digits.
    #[error("a phone number has at least {SHORTEST} digits, the country's code included")]
    TooShort,
    /// There are too many digits.
    #[error("a phone number has at most {LONGEST} digits, the country's code included")]
    TooLong,
}

impl PhoneNumber {
    /// Reads a number as people and programs must write it: `+`, then 7 to 15 digits that begin with the country's code.
    ///
    /// # Errors
    ///
    /// [`InvalidPhone`] names the first fault.
    pub fn parse(text: &str) -> Result<Self, InvalidPhone> {
        match text.strip_prefix('+') {
            Some(digits) => Self::from_digits(digits),
            None if text.starts_with("00") => Err(InvalidPhone::DialPrefix),
            None => Err(InvalidPhone::MissingPlus),
        }
    }

    /// Reads a number as Meta writes it: the digits alone, or sometimes with the leading `+`.
    ///
    /// # Errors
    ///
    /// [`InvalidPhone`] names the first fault.
    pub fn from_wa_id(text: &str) -> Result<Self, InvalidPhone> {
        Self::from_digits(text.strip_prefix('+').unwrap_or(text))
    }

    fn from_digits(digits: &str) -> Result<Self, InvalidPhone> {
        if digits.contains(char::is_alphabetic) {
            return Err(InvalidPhone::Letters);
        }
        if digits.contains(|c: char| !c.is_ascii_digit()) {
            return Err(InvalidPhone::Punctuation);
        }
        if digits.starts_with('0') {
            return Err(InvalidPhone::LeadingZero);
        }
        match digits.len() {
            ..SHORTEST => Err(InvalidPhone::TooShort),
            SHORTEST..=LONGEST => Ok(Self(digits.into())),
            _ => Err(InvalidPhone::TooLong),
        }
    }

    /// The number with its leading `+`, as E.164 writes it.
    pub fn e164(&self) -> String {
        format!("+{}", self.0)
    }

    /// The number without its leading `+`, as Meta writes it.
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// The digits that all ways of writing this line have in common; good for a keyed hash and for nothing else.
    ///
    /// Meta reports some lines under another number than the one that was dialled:
    /// - Brazil put a 9 before the eight digits of its mobile lines, which all began with 6 to 9. A 9 before other digits
    ///   belongs to a line that never had eight, and taking it away could name a stranger's landline.
    /// - Mexico had a 1 before mobile lines called from abroad until 2019.
    /// - Argentina has a 9 before mobile lines called from abroad, which Meta leaves out in places.
    pub(crate) fn common_form(&self) -> Cow<'_, str> {
        match self.0.as_bytes() {
            [b'5', b'5', area @ .., b'9', b'6'..=b'9', _, _, _, _, _, _, _] if area.len() == 2 => self.without_digit(4),
            [b'5', b'2', b'1', line @ ..] if line.len() == 10 => self.without_digit(2),
            [b'5', b'4', b'9', line @ ..] if line.len() == 10 => self.without_digit(2),
            _ => Cow::Borrowed(&self.0),
        }
    }

    fn without_digit(&self, index: usize) -> Cow<'_, str> {
        Cow::Owned(
            self.0
                .chars()
                .enumerate()
                .filter(|(i, _)| *i != index)
                .map(|(_, digit)| digit)
                .collect(),
        )
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber(redacted)")
    }
}

impl Serialize for PhoneNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.e164())
    }
}

impl<'de> Deserialize<'de> for PhoneNumber {
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
    fn a_number_is_written_with_a_plus_and_seven_to_fifteen_digits() {
        for good in ["+4915112345678", "+1234567", "+123456789012345"] {
            assert_eq!(PhoneNumber::parse(good).unwrap().e164(), good);
        }
    }

    #[test]
    fn each_fault_is_named() {
        use InvalidPhone::*;
        for (text, fault) in [
            ("", MissingPlus),
            ("4915112345678", MissingPlus),
            ("004915112345678", DialPrefix),
            ("+49151CALLME", Letters),
            ("+49 151 12345678", Punctuation),
            ("+49(151)12345678", Punctuation),
            ("++4915112345678", Punctuation),
            ("+٤٩١٥١١٢٣٤٥٦٧٨", Punctuation),
            ("+04915112345678", LeadingZero),
            ("+", TooShort),
            ("+123456", TooShort),
            ("+1234567890123456", TooLong),
        ] {
            assert_eq!(PhoneNumber::parse(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn meta_may_write_the_plus_or_leave_it_out() {
        let number = PhoneNumber::parse("+16505551234").unwrap();
        assert_eq!(PhoneNumber::from_wa_id("16505551234").as_ref(), Ok(&number));
        assert_eq!(PhoneNumber::from_wa_id("+16505551234").as_ref(), Ok(&number));
        assert_eq!(number.digits(), "16505551234");
        assert_eq!(PhoneNumber::from_wa_id(""), Err(InvalidPhone::TooShort));
    }

    #[test]
    fn only_lines_with_two_ways_of_writing_have_a_form_other_than_their_own() {
        for (written, common) in [
            ("+5561987654321", "556187654321"),
            ("+556187654321", "556187654321"),
            ("+5561932654321", "5561932654321"),
            ("+556132654321", "556132654321"),
            ("+5215512345678", "525512345678"),
            ("+525512345678", "525512345678"),
            ("+5491112345678", "541112345678"),
            ("+541112345678", "541112345678"),
            ("+4915112345678", "4915112345678"),
            ("+5219876543", "5219876543"),
        ] {
            assert_eq!(PhoneNumber::parse(written).unwrap().common_form(), common, "{written}");
        }
    }

    #[test]
    fn two_ways_of_writing_one_line_stay_two_numbers() {
        assert_ne!(
            PhoneNumber::parse("+5215512345678"),
            PhoneNumber::parse("+525512345678")
        );
    }

    #[test]
    fn json_holds_the_number_as_e164_and_a_bad_one_is_not_repeated() {
        let number = PhoneNumber::parse("+4915112345678").unwrap();
        let json = serde_json::to_string(&number).unwrap();
        assert_eq!(json, "\"+4915112345678\"");
        assert_eq!(serde_json::from_str::<PhoneNumber>(&json).unwrap(), number);
        let error = serde_json::from_str::<PhoneNumber>("\"4915112345678\"").unwrap_err();
        assert!(!error.to_string().contains("15112345678"));
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in any::<String>()) {
            let _ = PhoneNumber::parse(&text);
            let _ = PhoneNumber::from_wa_id(&text);
        }

        #[test]
        fn what_is_read_is_what_was_written(digits in "[1-9][0-9]{6,14}") {
            let number = PhoneNumber::from_wa_id(&digits).unwrap();
            prop_assert_eq!(number.digits(), &digits);
            prop_assert_eq!(PhoneNumber::parse(&number.e164()), Ok(number));
        }

        #[test]
        fn the_common_form_has_no_further_common_form(digits in "5[245][1-9][0-9]{6,10}") {
            let form = PhoneNumber::from_wa_id(&digits).unwrap().common_form().into_owned();
            let again = PhoneNumber::from_wa_id(&form).unwrap();
            prop_assert_eq!(again.common_form(), form);
        }

        #[test]
        fn debug_tells_no_digit(digits in "[1-9][0-9]{6,14}") {
            let shown = format!("{:?}", PhoneNumber::from_wa_id(&digits));
            prop_assert!(!shown.contains(|c: char| c.is_ascii_digit()));
        }
    }
}
