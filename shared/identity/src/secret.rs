//! Secret keys and where randomness comes from.

use std::fmt;

use zeroize::Zeroizing;

/// The operating system has no randomness to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes: try again")]
pub struct NoEntropy;

/// So many bytes from the operating system's source of randomness.
///
/// # Errors
///
/// [`NoEntropy`], if the operating system has none.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], NoEntropy> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| NoEntropy)?;
    Ok(bytes)
}

/// A secret of 32 bytes, wiped from memory when it is dropped.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; 32]>);

/// The text is no key. What was written is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key: write 64 hex digits")]
pub struct InvalidKey;

impl SecretKey {
    /// The key made of these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads a key written as 64 hex digits.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`], if the text is anything else.
    pub fn from_hex(text: &str) -> Result<Self, InvalidKey> {
        let mut key = Self::from_bytes([0; 32]);
        hex::decode_to_slice(text, key.0.as_mut_slice()).map_err(|_| InvalidKey)?;
        Ok(key)
    }

    /// A new random key.
    ///
    /// # Errors
    ///
    /// [`NoEntropy`], if the operating system has no randomness.
    pub fn random() -> Result<Self, NoEntropy> {
        random_bytes().map(Self::from_bytes)
    }

    /// The bytes of the key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_as_64_hex_digits() {
        let key = SecretKey::from_hex(&"0aF".repeat(22)[..64]).unwrap();
        assert_eq!(key.as_bytes()[..3], [0x0a, 0xf0, 0xaf]);
        for bad in ["", "00", &"g".repeat(64), &"0".repeat(63), &"0".repeat(66)] {
            assert_eq!(SecretKey::from_hex(bad).unwrap_err(), InvalidKey);
        }
    }

    #[test]
    fn two_random_keys_differ_and_debug_shows_neither() {
        let (one, other) = (SecretKey::random().unwrap(), SecretKey::random().unwrap());
        assert_ne!(one.as_bytes(), other.as_bytes());
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
    }
}
