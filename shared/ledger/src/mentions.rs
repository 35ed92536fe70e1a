//! Whom bytes mention that could not be read: found by what numbers and ids look like, so that an erasure finds what it has to
//! delete without opening anything. Better one mention too many than one too few: what is set aside is deleted soon anyway.

use std::borrow::Cow;
use std::collections::BTreeSet;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use identity::{Bsuid, Identifier, PhoneNumber};

/// How often JSON may have been written into a text of JSON.
const NESTED: usize = 3;

/// What comes before the base64 of one of Meta's message ids.
const MESSAGE_ID: &[u8] = b"wamid.";

/// The longest business-scoped id, without its country.
const LONGEST_ID: usize = 128;

/// Longer than any number or id is, in whatever form.
const LONGEST_WORD: usize = 1_024;

/// Takes what base64 there is, cut off or not.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Every number and id that the bytes mention, however JSON escapes them.
pub(crate) fn mentions(raw: &[u8]) -> BTreeSet<Identifier> {
    let mut found = BTreeSet::new();
    let mut text = Cow::Borrowed(raw);
    for _ in 0..=NESTED {
        found.extend(phone_numbers(&text));
        found.extend(bsuids(&text));
        for message_id in message_ids(&text) {
            found.extend(phone_numbers(&message_id));
        }
        if !text.contains(&b'\\') {
            break;
        }
        text = Cow::Owned(without_escapes(&text));
    }
    found
}

/// The longest beginning of so many bytes that cuts no number or id in two.
pub(crate) fn beginning(raw: &[u8], most: usize) -> &[u8] {
    let Some((beginning, _)) = raw.split_at_checked(most).filter(|(_, rest)| !rest.is_empty()) else {
        return raw;
    };
    let belongs_to_a_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=-_.\\".contains(byte);
    let word = beginning
        .iter()
        .rev()
        .take(LONGEST_WORD)
        .position(|byte| !belongs_to_a_word(byte));
    let end = beginning.len() - word.unwrap_or(0);
    beginning.get(..end).unwrap_or(beginning)
}

/// Every run of digits that may be a number, with or without the zeros that some dial first.
fn phone_numbers(text: &[u8]) -> impl Iterator<Item = Identifier> {
    text.split(|byte| !byte.is_ascii_digit())
        .filter_map(|digits| std::str::from_utf8(digits).ok())
        .filter_map(|digits| PhoneNumber::from_wa_id(digits.trim_start_matches('0')).ok())
        .map(Identifier::from)
}

/// Everything that has the form of a business-scoped id.
fn bsuids(text: &[u8]) -> impl Iterator<Item = Identifier> {
    let dots = text.iter().enumerate().filter(|(_, byte)| **byte == b'.');
    dots.filter_map(|(dot, _)| {
        let country = dot.checked_sub(2)?;
        let rest = text.get(dot + 1..)?;
        let linked = rest.strip_prefix(b"ENT.");
        let person = linked.unwrap_or(rest);
        let length = person
            .iter()
            .take(LONGEST_ID + 1)
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count();
        let end = dot + 1 + (rest.len() - person.len()) + length;
        let id = std::str::from_utf8(text.get(country..end)?).ok()?;
        Bsuid::parse(id).ok().map(Identifier::from)
    })
}

/// What Meta's message ids say in base64: the number of whoever wrote or received the message.
fn message_ids(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let ids = text.windows(MESSAGE_ID.len()).enumerate();
    ids.filter(|(_, window)| *window == MESSAGE_ID)
        .filter_map(|(begin, _)| {
            let mut encoded: Vec<u8> = text
                .get(begin + MESSAGE_ID.len()..)?
                .iter()
                .map(|byte| match byte {
                    b'-' => b'+',
                    b'_' => b'/',
                    other => *other,
                })
                .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
                .collect();
            // A single character of the last four says nothing.
            if encoded.len() % 4 == 1 {
                encoded.pop();
            }
            LENIENT.decode(encoded).ok()
        })
}

/// The text with JSON's escapes resolved. What is no ASCII parts words and is nothing else here.
fn without_escapes(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            plain.push(*first);
            continue;
        }
        let Some((escape, after)) = rest.split_first() else {
            break;
        };
        rest = after;
        let code = match escape {
            b'u' => rest
                .split_at_checked(4)
                .and_then(|(hex, after)| Some((code(hex)?, after))),
            _ => None,
        };
        match (escape, code) {
            (_, Some((code, after))) => {
                plain.push(u8::try_from(code).ok().filter(u8::is_ascii).unwrap_or(b' '));
                rest = after;
            }
            (b'"' | b'\\' | b'/', None) => plain.push(*escape),
            (_, None) => plain.push(b' '),
        }
    }
    plain
}

/// Four hex digits.
fn code(hex: &[u8]) -> Option<u16> {
    let digits = hex.iter().all(u8::is_ascii_hexdigit);
    digits.then_some(())?;
    u16::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    fn is_mentioned(raw: &[u8], who: &Identifier) -> bool {
        mentions(raw).contains(who)
    }

    /// One of Meta's message ids, as Meta makes them.
    fn message_id(digits: &str, tail: &[u8]) -> Vec<u8> {
        let length = u8::try_from(digits.len()).unwrap();
        [
            &[0x1c, 0x18, length],
            digits.as_bytes(),
            &[0x15, 0x02, 0x00, 0x12, 0x18],
            tail,
        ]
        .concat()
    }

    /// The text with each character written as JSON may write it.
    fn escaped(text: &str, ways: &[u8]) -> String {
        text.chars()
            .zip(ways.iter().cycle())
            .map(|(letter, way)| match (letter, way % 4) {
                (letter, 1) => format!("\\u{:04x}", u32::from(letter)),
                (letter, 2) => format!("\\u{:04X}", u32::from(letter)),
                ('/', 3) => "\\/".to_owned(),
                (letter, _) => letter.to_string(),
            })
            .collect()
    }

    /// What may stand beside a value in JSON, also inside its string.
    fn around() -> impl Strategy<Value = String> {
        prop_oneof![
            Just(String::new()),
            Just("Ruf mich an: \\u00fc\\u0020".to_owned()),
            Just("\\n".to_owned()),
            Just("\\\"".to_owned()),
            Just("tel:\\u002B".to_owned()),
            Just("\u{e4}\u{1F600}".to_owned()),
        ]
    }

    proptest! {
        #[test]
        fn a_delivery_mentions_every_number_in_it_in_whatever_form(
            digits in "[1-9][0-9]{6,14}",
            plus in prop_oneof![Just(""), Just("+"), Just("00")],
            ways in proptest::collection::vec(any::<u8>(), 1..20),
            before in around(),
            after in around(),
            nested in 0..3_usize,
        ) {
            let who = PhoneNumber::from_wa_id(&digits).unwrap().into();
            let mut json = format!("{{\"from\":\"{before}{plus}{}{after}\",\"x\":", escaped(&digits, &ways));
            for _ in 0..nested {
                json = format!("{{\"error\":{}", serde_json::to_string(&json).unwrap());
            }
            prop_assert!(is_mentioned(json.as_bytes(), &who), "as text: {}", json);
            let number = format!("[{digits}, {digits}.0]");
            prop_assert!(is_mentioned(number.as_bytes(), &who), "as a number");
        }

        #[test]
        fn a_delivery_mentions_every_id_in_it(
            id in "[A-Z]{2}\\.(ENT\\.)?[A-Za-z0-9]{1,128}",
            ways in proptest::collection::vec(any::<u8>(), 1..20),
            before in around(),
        ) {
            let who = Bsuid::parse(&id).unwrap().into();
            let json = format!("{{\"user_id\":\"{before}{}\"}}", escaped(&id, &ways));
            prop_assert!(is_mentioned(json.as_bytes(), &who), "{}", json);
        }

        #[test]
        fn a_delivery_mentions_the_number_inside_a_message_id(
            digits in "[1-9][0-9]{6,14}",
            tail in proptest::collection::vec(any::<u8>(), 0..40),
            ways in proptest::collection::vec(any::<u8>(), 1..20),
        ) {
            let who = PhoneNumber::from_wa_id(&digits).unwrap().into();
            let bytes = message_id(&digits, &tail);
            for id in [STANDARD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
                let json = format!("{{\"id\":\"{}\"}}", escaped(&format!("wamid.{id}"), &ways));
                prop_assert!(is_mentioned(json.as_bytes(), &who), "{}", json);
            }
        }

        #[test]
        fn no_bytes_make_looking_panic(raw in proptest::collection::vec(any::<u8>(), 0..300), most in 0..400_usize) {
            let _ = mentions(&raw);
            let _ = mentions(&[b"wamid.", raw.as_slice()].concat());
            prop_assert!(beginning(&raw, most).len() <= most);
        }

        #[test]
        fn a_beginning_cuts_nobody_in_two(numbers in proptest::collection::vec("[1-9][0-9]{6,14}", 1..20), most in 20..200_usize) {
            let all = serde_json::to_string(&numbers).unwrap();
            let kept = beginning(all.as_bytes(), most);
            prop_assert!(kept.len() <= most);
            let numbers: BTreeSet<Identifier> =
                numbers.iter().map(|number| PhoneNumber::from_wa_id(number).unwrap().into()).collect();
            prop_assert!(mentions(kept).is_subset(&numbers));
        }
    }

    #[test]
    fn metas_own_example_of_a_message_id_mentions_its_number() {
        let who = PhoneNumber::parse("+16505551234").unwrap().into();
        assert!(is_mentioned(b"\"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQz", &who));
    }
}
