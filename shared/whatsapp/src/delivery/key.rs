//! What makes an event unique.

use std::fmt;

/// The bytes that are the same whenever Meta delivers the same event again, and differ between any two events.
///
/// They hold message ids and phone numbers: keep nothing of them but a keyed hash.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EventKey(Box<[u8]>);

impl EventKey {
    /// The bytes, to be hashed with a key.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key made of these parts, in which no part can run into the next.
    pub(super) fn of(parts: &[&str]) -> Self {
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
        for part in parts {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        Self(bytes.into())
    }
}

impl fmt::Debug for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(EventKey::of(&["ab", "c"]), EventKey::of(&["a", "bc"]));
        assert_ne!(EventKey::of(&["a"]), EventKey::of(&["a", ""]));
        assert_eq!(EventKey::of(&["a", "b"]), EventKey::of(&["a", "b"]));
    }
}
