//! Values that only the holder of a key can read.
//!
//! AES-256-GCM with a random nonce of 96 bits. A sealed value is bound to its owner and its attribute, so that it opens
//! nowhere but in the place it was sealed for.

use std::fmt;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::{NoEntropy, SecretKey, random_bytes};

const NONCE: usize = 12;

/// What was sealed, and how: the first byte of every ciphertext.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Format {
    Value = 1,
    SubjectKey = 2,
}

/// The value could not be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// There is no randomness for a nonce.
    #[error("the value could not be sealed")]
    NoEntropy(#[from] NoEntropy),
    /// The value is longer than the cipher allows (64 GiB).
    #[error("the value is too long to be sealed: AES-GCM takes up to 64 GiB")]
    TooLong,
}

/// The value could not be opened. Nothing tells which of the reasons it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value does not open: it was changed, or sealed with another key or for another owner or attribute")]
pub struct OpenError;

/// A sealed value.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

/// A subject key under the sealing key.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey(Vec<u8>);

macro_rules! ciphertext {
    ($name:ident) => {
        impl $name {
            /// The ciphertext made of these bytes. Whether it opens shows when it is opened.
            pub const fn from_bytes(bytes: Vec<u8>) -> Self {
                Self(bytes)
            }

            /// The bytes of the ciphertext.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// The bytes of the ciphertext, without a copy.
            pub fn into_bytes(self) -> Vec<u8> {
                self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} bytes)"), self.0.len())
            }
        }
    };
}

ciphertext!(Sealed);
ciphertext!(WrappedKey);

/// Standard base64 with padding.
impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text.as_bytes());
        bytes
            .map(Self)
            .map_err(|_| serde::de::Error::custom("a sealed value is written in base64"))
    }
}

/// The key over all subject keys. It also seals what belongs to nobody yet.
///
/// Nonces are random, so one sealing key may seal 2^32 times (NIST SP 800-38D, section 8.3): replace it before four
/// thousand million contacts.
#[derive(Debug, Clone)]
pub struct SealingKey(SecretKey);

impl From<SecretKey> for SealingKey {
    fn from(key: SecretKey) -> Self {
        Self(key)
    }
}

impl SealingKey {
    /// The subject key in the form in which it is stored, for this owner only.
    ///
    /// # Errors
    ///
    /// [`SealError`], if there is no randomness.
    pub fn wrap(&self, key: &SubjectKey, owner: &str) -> Result<WrappedKey, SealError> {
        seal(&self.0, Format::SubjectKey, owner, "", key.0.as_bytes()).map(WrappedKey)
    }

    /// The subject key that was wrapped for this owner.
    ///
    /// # Errors
    ///
    /// [`OpenError`], if it was changed, or wrapped with another key or for another owner.
    pub fn unwrap(&self, wrapped: &WrappedKey, owner: &str) -> Result<SubjectKey, OpenError> {
        let plain = Zeroizing::new(open(&self.0, Format::SubjectKey, owner, "", &wrapped.0)?);
        let bytes = plain.as_slice().try_into().map_err(|_| OpenError)?;
        Ok(SubjectKey(SecretKey::from_bytes(bytes)))
    }

    /// Seals a value that belongs to no contact, such as a delivery that could not be read.
    ///
    /// # Errors
    ///
    /// [`SealError`], if there is no randomness or the value is too long.
    pub fn seal(&self, owner: &str, attribute: &str, plain: &[u8]) -> Result<Sealed, SealError> {
        seal(&self.0, Format::Value, owner, attribute, plain).map(Sealed)
    }

    /// Opens what was sealed with this key for this owner and attribute.
    ///
    /// # Errors
    ///
    /// [`OpenError`], for whatever reason it does not open.
    pub fn open(&self, owner: &str, attribute: &str, sealed: &Sealed) -> Result<Vec<u8>, OpenError> {
        open(&self.0, Format::Value, owner, attribute, &sealed.0)
    }
}

/// The key of one contact. Once it is deleted, nobody can read what it sealed.
#[derive(Debug, Clone)]
pub struct SubjectKey(SecretKey);

impl SubjectKey {
    /// A new random key.
    ///
    /// # Errors
    ///
    /// [`NoEntropy`], if the operating system has no randomness.
    pub fn generate() -> Result<Self, NoEntropy> {
        SecretKey::random().map(Self)
    }

    /// Seals a value for this owner and attribute.
    ///
    /// # Errors
    ///
    /// [`SealError`], if there is no randomness or the value is too long.
    pub fn seal(&self, owner: &str, attribute: &str, plain: &[u8]) -> Result<Sealed, SealError> {
        seal(&self.0, Format::Value, owner, attribute, plain).map(Sealed)
    }

    /// Opens what was sealed with this key for this owner and attribute.
    ///
    /// # Errors
    ///
    /// [`OpenError`], for whatever reason it does not open.
    pub fn open(&self, owner: &str, attribute: &str, sealed: &Sealed) -> Result<Vec<u8>, OpenError> {
        open(&self.0, Format::Value, owner, attribute, &sealed.0)
    }
}

fn cipher(key: &SecretKey) -> Aes256Gcm {
    Aes256Gcm::new(key.as_bytes().into())
}

/// What a ciphertext is bound to. Lengths stand before the texts, so that no other owner and attribute give the same.
fn binding(format: Format, owner: &str, attribute: &str) -> Vec<u8> {
    let mut bytes = vec![format as u8];
    for text in [owner, attribute] {
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

/// The format, the nonce, and the encrypted value with its tag.
fn seal(key: &SecretKey, format: Format, owner: &str, attribute: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let nonce: [u8; NONCE] = random_bytes()?;
    let payload = Payload {
        msg: plain,
        aad: &binding(format, owner, attribute),
    };
    let encrypted = cipher(key)
        .encrypt(&nonce.into(), payload)
        .map_err(|_| SealError::TooLong)?;
    Ok([&[format as u8], nonce.as_slice(), &encrypted].concat())
}

fn open(key: &SecretKey, format: Format, owner: &str, attribute: &str, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    let (first, rest) = sealed.split_first().ok_or(OpenError)?;
    let (nonce, encrypted) = rest.split_first_chunk::<NONCE>().ok_or(OpenError)?;
    if *first != format as u8 {
        return Err(OpenError);
    }
    let payload = Payload {
        msg: encrypted,
        aad: &binding(format, owner, attribute),
    };
    cipher(key).decrypt(nonce.into(), payload).map_err(|_| OpenError)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sealing_key() -> SealingKey {
        SecretKey::from_bytes([9; 32]).into()
    }

    #[test]
    fn a_value_opens_only_with_its_key_for_its_owner_and_attribute() {
        let (key, other) = (SubjectKey::generate().unwrap(), SubjectKey::generate().unwrap());
        let sealed = key.seal("contact", "identity", b"secret").unwrap();
        assert_eq!(key.open("contact", "identity", &sealed).unwrap(), b"secret");
        assert_eq!(other.open("contact", "identity", &sealed), Err(OpenError));
        assert_eq!(key.open("another", "identity", &sealed), Err(OpenError));
        assert_eq!(key.open("contact", "evidence", &sealed), Err(OpenError));
    }

    #[test]
    fn a_letter_cannot_move_from_the_owner_to_the_attribute() {
        let key = SubjectKey::generate().unwrap();
        let sealed = key.seal("ab", "c", b"secret").unwrap();
        assert_eq!(key.open("a", "bc", &sealed), Err(OpenError));
    }

    #[test]
    fn a_wrapped_key_opens_what_the_key_sealed_and_only_for_its_owner() {
        let key = SubjectKey::generate().unwrap();
        let sealed = key.seal("contact", "identity", b"secret").unwrap();
        let wrapped = sealing_key().wrap(&key, "contact").unwrap();
        let unwrapped = sealing_key().unwrap(&wrapped, "contact").unwrap();
        assert_eq!(unwrapped.open("contact", "identity", &sealed).unwrap(), b"secret");
        assert_eq!(sealing_key().unwrap(&wrapped, "another").unwrap_err(), OpenError);
        let other = SealingKey::from(SecretKey::from_bytes([8; 32]));
        assert_eq!(other.unwrap(&wrapped, "contact").unwrap_err(), OpenError);
    }

    #[test]
    fn a_wrapped_key_is_no_sealed_value_and_the_other_way_round() {
        let wrapped = sealing_key().wrap(&SubjectKey::generate().unwrap(), "contact").unwrap();
        let as_value = Sealed::from_bytes(wrapped.into_bytes());
        assert_eq!(sealing_key().open("contact", "", &as_value), Err(OpenError));

        let mut relabelled = sealing_key().seal("contact", "", &[1; 32]).unwrap().into_bytes();
        relabelled[0] = Format::SubjectKey as u8;
        assert_eq!(
            sealing_key()
                .unwrap(&WrappedKey::from_bytes(relabelled), "contact")
                .unwrap_err(),
            OpenError
        );
    }

    #[test]
    fn sealing_twice_shows_nobody_that_the_values_are_the_same() {
        let key = SubjectKey::generate().unwrap();
        assert_ne!(
            key.seal("contact", "identity", b"secret"),
            key.seal("contact", "identity", b"secret")
        );
    }

    #[test]
    fn json_holds_a_sealed_value_in_base64() {
        let sealed = Sealed::from_bytes(vec![1, 2, 255]);
        assert_eq!(serde_json::to_string(&sealed).unwrap(), "\"AQL/\"");
        assert_eq!(serde_json::from_str::<Sealed>("\"AQL/\"").unwrap(), sealed);
        assert!(serde_json::from_str::<Sealed>("\"?\"").is_err());
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_again(owner in ".*", attribute in ".*", plain in any::<Vec<u8>>()) {
            let sealed = sealing_key().seal(&owner, &attribute, &plain).unwrap();
            let restored = Sealed::from_bytes(sealed.as_bytes().to_vec());
            prop_assert_eq!(sealing_key().open(&owner, &attribute, &restored), Ok(plain));
        }

        #[test]
        fn with_any_bit_changed_it_does_not_open(plain in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), bit in 0..8) {
            let mut bytes = sealing_key().seal("owner", "attribute", &plain).unwrap().into_bytes();
            let index = at.index(bytes.len());
            bytes[index] ^= 1_u8 << bit;
            prop_assert_eq!(sealing_key().open("owner", "attribute", &Sealed::from_bytes(bytes)), Err(OpenError));
        }

        #[test]
        fn no_bytes_make_opening_panic(bytes in any::<Vec<u8>>()) {
            prop_assert_eq!(sealing_key().open("owner", "attribute", &Sealed::from_bytes(bytes)), Err(OpenError));
        }
    }
}
