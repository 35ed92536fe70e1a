//! How large items are.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

/// An item of a table.
pub type Item = HashMap<String, AttributeValue>;

/// How many bytes an item has: those of its names and of its values.
pub fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + size_of(value)).sum()
}

fn size_of(value: &AttributeValue) -> usize {
    /// What a list or a map is charged for by itself.
    const DOCUMENT: usize = 3;
    /// And for each of its elements.
    const ELEMENT: usize = 1;
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => size_of_number(number),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::Bool(_) | AttributeValue::Null(_) => 1,
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        AttributeValue::Ns(numbers) => numbers.iter().map(|number| size_of_number(number)).sum(),
        AttributeValue::Bs(all) => all.iter().map(|bytes| bytes.as_ref().len()).sum(),
        AttributeValue::L(values) => DOCUMENT + values.iter().map(|value| ELEMENT + size_of(value)).sum::<usize>(),
        AttributeValue::M(values) => DOCUMENT + size(values) + ELEMENT * values.len(),
        other => panic!("nobody has said how large this is: {other:?}"),
    }
}

/// A byte for each two significant digits, and one. A sign takes another.
fn size_of_number(number: &str) -> usize {
    let sign = usize::from(number.starts_with('-'));
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').len().div_ceil(2) + 1 + sign
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::primitives::Blob;

    use super::*;

    fn n(number: &str) -> AttributeValue {
        AttributeValue::N(number.to_owned())
    }

    fn s(text: &str) -> AttributeValue {
        AttributeValue::S(text.to_owned())
    }

    #[test]
    fn names_and_texts_count_their_bytes_in_utf_8() {
        let item = Item::from([("pk".to_owned(), s("größe"))]);
        assert_eq!(size(&item), 2 + 7);
    }

    #[test]
    fn numbers_count_their_significant_digits() {
        for (number, bytes) in [
            ("0", 1),
            ("7", 2),
            ("42", 2),
            ("427", 3),
            ("1784000000", 3),
            ("1784000001", 6),
            ("-42", 3),
            ("0.0042", 2),
            ("12.50", 3),
        ] {
            assert_eq!(size_of_number(number), bytes, "{number}");
        }
    }

    #[test]
    fn bytes_count_as_they_are_and_truths_as_one() {
        assert_eq!(size_of(&AttributeValue::B(Blob::new([0; 40]))), 40);
        assert_eq!(size_of(&AttributeValue::Bool(false)), 1);
        assert_eq!(size_of(&AttributeValue::Null(true)), 1);
    }

    #[test]
    fn lists_and_maps_cost_three_bytes_and_one_for_each_element() {
        assert_eq!(size_of(&AttributeValue::L(vec![])), 3);
        assert_eq!(size_of(&AttributeValue::L(vec![s("DE"), s("AT")])), 3 + 2 * (1 + 2));
        let map = Item::from([("a".to_owned(), n("42"))]);
        assert_eq!(size_of(&AttributeValue::M(map)), 3 + 1 + 1 + 2);
        assert_eq!(size_of(&AttributeValue::Ss(vec!["DE".to_owned(), "AT".to_owned()])), 4);
    }
}
