//! Reading JSON that may be anything, without copying it and without ever giving up on more than the member at hand.
//!
//! Meta's own examples contradict its schemas, so no member is trusted to have the type it should have. An object is read
//! into a record of [`Field`]s, each still JSON; a field is looked into only when it is asked for. Skipping JSON needs no
//! recursion, so no depth of nesting can exhaust the stack.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

/// The members of one kind of object that are of interest, each under its name in JSON.
macro_rules! record {
    ($name:ident { $($(#[$rename:meta])? $member:ident),* $(,)? }) => {
        #[derive(Clone, Copy, Default, serde::Deserialize)]
        #[serde(default)]
        pub(crate) struct $name<'a> {
            $(#[serde(borrow)] $(#[$rename])? pub(crate) $member: $crate::json::Field<'a>,)*
        }
    };
}
pub(crate) use record;

/// One member of an object or one element of a list. What is missing and what is `null` is the same.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Field<'a>(#[serde(borrow)] Option<&'a RawValue>);

impl<'a> Field<'a> {
    /// Whether there is nothing.
    pub(crate) fn is_absent(self) -> bool {
        self.0.is_none()
    }

    /// The JSON itself; of nothing, `null`.
    pub(crate) fn json(self) -> &'a str {
        self.0.map_or("null", RawValue::get)
    }

    /// A text, or a number as it is written.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        let json = self.0?.get();
        match json.as_bytes().first()? {
            b'"' => unquote(json),
            b'-' | b'0'..=b'9' => Some(Cow::Borrowed(json)),
            _ => None,
        }
    }

    /// A text with something in it.
    pub(crate) fn filled(self) -> Option<Cow<'a, str>> {
        self.text().filter(|text| !text.is_empty())
    }

    /// A text or number that has the form of `T`.
    pub(crate) fn parse<T: std::str::FromStr>(self) -> Option<T> {
        self.text()?.trim().parse().ok()
    }

    /// `true`, as a literal or as a text.
    pub(crate) fn is_true(self) -> bool {
        matches!(self.json(), "true" | "\"true\"")
    }

    /// The object, if it is one.
    pub(crate) fn object<T: Deserialize<'a>>(self) -> Option<T> {
        read_object(self.0?.get())
    }

    /// The members of an object; of anything else, none.
    pub(crate) fn object_or_empty<T: Deserialize<'a> + Default>(self) -> T {
        self.object().unwrap_or_default()
    }

    /// The elements of a list, if it is one. Nothing is an empty list.
    pub(crate) fn list(self) -> Option<Vec<Self>> {
        let Some(json) = self.0 else { return Some(Vec::new()) };
        serde_json::from_str(json.get()).ok()
    }

    /// The first element of a list that has any.
    pub(crate) fn first(self) -> Option<Self> {
        self.list()?.into_iter().next()
    }
}

/// Reads an object. A list is none, although `serde` would take its elements for members in their order.
pub(crate) fn read_object<'a, T: Deserialize<'a>>(json: &'a str) -> Option<T> {
    json.starts_with('{').then(|| serde_json::from_str(json).ok())?
}

/// The text that a JSON string stands for. Half an emoji, left where somebody cut a text after so many UTF-16 units,
/// becomes a replacement character instead of making the text unreadable.
fn unquote(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    let Lossy(text) = serde_json::from_str(json).ok()?;
    Some(Cow::Owned(text))
}

struct Lossy(String);

impl<'de> Deserialize<'de> for Lossy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl de::Visitor<'_> for Bytes {
            type Value = Lossy;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Lossy, E> {
                Ok(Lossy(String::from_utf8_lossy(bytes).into_owned()))
            }
        }

        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    record!(Pair { one, two });

    fn field(json: &str) -> Field<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_member_is_taken_in_any_type_that_can_mean_it() {
        assert_eq!(field("\"a\"").text().unwrap(), "a");
        assert_eq!(field("12").text().unwrap(), "12");
        assert_eq!(field("\"12\"").parse::<i64>(), Some(12));
        assert_eq!(field("12").parse::<i64>(), Some(12));
        assert_eq!(field("1e400").parse::<i64>(), None);
        assert!(field("true").is_true() && field("\"true\"").is_true() && !field("1").is_true());
        for odd in ["null", "{}", "[]", "true"] {
            assert_eq!(field(odd).text(), None, "{odd}");
        }
    }

    #[test]
    fn escapes_are_decoded_and_half_an_emoji_is_replaced() {
        assert_eq!(
            field(r#""J\u00e4 \u0000 \/ \ud83d\ude00""#).text().unwrap(),
            "Jä \0 / 😀"
        );
        assert!(field(r#""STOP \ud83d""#).text().unwrap().starts_with("STOP \u{fffd}"));
    }

    #[test]
    fn a_list_is_no_object_and_an_object_no_list() {
        assert!(field("[1, 2]").object::<Pair<'_>>().is_none());
        assert!(field("{}").list().is_none());
        assert_eq!(field("null").list().unwrap().len(), 0);
        let pair: Pair<'_> = field(r#"{"two": null, "one": [1], "three": 3}"#).object().unwrap();
        assert!(pair.two.is_absent());
        assert_eq!(pair.one.json(), "[1]");
    }
}
