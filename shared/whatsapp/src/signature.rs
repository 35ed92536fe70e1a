//! Meta's signature over a webhook's body.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// The header that carries the signature, in lower case.
pub const HEADER: &str = "x-hub-signature-256";

const PREFIX: &[u8] = b"sha256=";
const HEX_DIGITS: usize = 64;

/// A secret that an operator set is blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {0} is blank: copy it from the app's dashboard")]
pub struct BlankSecret(pub(crate) &'static str);

/// The secret that an app shares with Meta.
#[derive(Clone)]
pub struct AppSecret(Hmac<Sha256>);

impl AppSecret {
    /// Takes the secret as the app's dashboard shows it.
    ///
    /// # Errors
    ///
    /// [`BlankSecret`], if there is nothing in it: everybody could sign with that.
    pub fn new(secret: &str) -> Result<Self, BlankSecret> {
        keyed(secret, "app secret").map(Self)
    }
}

impl fmt::Debug for AppSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppSecret(redacted)")
    }
}

/// The hash keyed with a secret that is not blank.
pub(crate) fn keyed(secret: &str, name: &'static str) -> Result<Hmac<Sha256>, BlankSecret> {
    if secret.trim().is_empty() {
        return Err(BlankSecret(name));
    }
    Hmac::new_from_slice(secret.as_bytes()).map_err(|_| BlankSecret(name))
}

/// Why a body is not taken for Meta's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no header.
    #[error("the body is not signed: the header {HEADER} is missing")]
    Missing,
    /// The header names no algorithm, or another one.
    #[error("the signature does not begin with sha256=")]
    Prefix,
    /// There are too few or too many digits.
    #[error("the signature does not have {HEX_DIGITS} digits")]
    Length,
    /// Something else than digits and the letters a to f stands among the digits.
    #[error("the signature is not written in lower-case hex digits")]
    Digits,
    /// The signature is well formed, but none of the secrets made it from this body.
    #[error("the signature is not of this body by any of the app's secrets")]
    Mismatch,
}

/// A body that Meta signed. Only [`verify`] makes one, and only what it made can be parsed.
#[derive(Clone, Copy)]
pub struct Signed<'a> {
    body: &'a [u8],
    sha256: [u8; 32],
    secret: usize,
}

impl<'a> Signed<'a> {
    /// The bytes as they were received.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The SHA-256 of the body.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// The position, in the list given to [`verify`], of the secret that the body was signed with.
    pub fn secret(&self) -> usize {
        self.secret
    }
}

impl fmt::Debug for Signed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed")
            .field("bytes", &self.body.len())
            .field("secret", &self.secret)
            .finish_non_exhaustive()
    }
}

/// Proves that Meta signed these bytes with one of the secrets. While a secret is being replaced, give the new one first
/// and the old one after it.
///
/// The header is checked for the one form that Meta writes, and the hash is compared in constant time.
///
/// # Errors
///
/// [`SignatureError`] says what is wrong with the header, or that no secret fits.
pub fn verify<'a>(body: &'a [u8], header: Option<&[u8]>, secrets: &[AppSecret]) -> Result<Signed<'a>, SignatureError> {
    let claimed = read_header(header.ok_or(SignatureError::Missing)?)?;
    let made = |AppSecret(mac): &AppSecret| mac.clone().chain_update(body).verify_slice(&claimed).is_ok();
    let secret = secrets.iter().position(made).ok_or(SignatureError::Mismatch)?;
    Ok(Signed {
        body,
        sha256: Sha256::digest(body).into(),
        secret,
    })
}

fn read_header(header: &[u8]) -> Result<[u8; 32], SignatureError> {
    let digits = header.strip_prefix(PREFIX).ok_or(SignatureError::Prefix)?;
    if digits.len() != HEX_DIGITS {
        return Err(SignatureError::Length);
    }
    if digits.iter().any(u8::is_ascii_uppercase) {
        return Err(SignatureError::Digits);
    }
    let mut signature = [0; 32];
    hex::decode_to_slice(digits, &mut signature).map_err(|_| SignatureError::Digits)?;
    Ok(signature)
}

/// The header's value for a body, as Meta would write it: for stand-ins of Meta.
pub fn sign(body: &[u8], AppSecret(mac): &AppSecret) -> String {
    format!(
        "sha256={}",
        hex::encode(mac.clone().chain_update(body).finalize().into_bytes())
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secret(text: &str) -> AppSecret {
        AppSecret::new(text).unwrap()
    }

    #[test]
    fn signatures_computed_elsewhere_are_recognised() {
        let secrets = [secret("test_app_secret")];
        for (body, signature) in [
            (
                r#"{"object":"whatsapp_business_account","entry":[]}"#,
                "dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756",
            ),
            (
                r#"{"object": "whatsapp_business_account", "entry": []}"#,
                "56cbbaf4961c6cfdae48b7f116c047e5eb513d2c931baae63a2bc1afd26f803a",
            ),
            (
                r#"{"t":"\u00e4\u00f6\u00e5 \u0040 \/"}"#,
                "b6f46491248239b390f9f0ffa8999cb18450e65f565131531c14feb0e001fdff",
            ),
            (
                r#"{"t":"äöå @ /"}"#,
                "07f033b517590fd36995f6b61da456ecf0dd7bb2e1bb1458acb3890fe54b31d8",
            ),
            ("", "517bc4c7d1d8d400868e0ad6f64b77098b818a2f2595004253a1922302a602c0"),
        ] {
            let header = format!("sha256={signature}");
            assert!(
                verify(body.as_bytes(), Some(header.as_bytes()), &secrets).is_ok(),
                "{body}"
            );
            assert_eq!(sign(body.as_bytes(), &secrets[0]), header);
        }
    }

    #[test]
    fn each_secret_of_a_rotation_counts_and_is_named_by_its_position() {
        let (new, old) = (secret("new"), secret("old"));
        let header = sign(b"{}", &old);
        let signed = verify(b"{}", Some(header.as_bytes()), &[new.clone(), old]).unwrap();
        assert_eq!(signed.secret(), 1);
        assert_eq!(signed.sha256().as_slice(), Sha256::digest(b"{}").as_slice());
        assert_eq!(
            verify(b"{}", Some(header.as_bytes()), &[new]).unwrap_err(),
            SignatureError::Mismatch
        );
        assert_eq!(
            verify(b"{}", Some(header.as_bytes()), &[]).unwrap_err(),
            SignatureError::Mismatch
        );
    }

    #[test]
    fn a_header_in_any_other_form_is_refused_for_its_own_reason() {
        let digits = "a".repeat(64);
        let with_space = format!(" sha256={digits}");
        for (header, fault) in [
            (None, SignatureError::Missing),
            (Some(""), SignatureError::Prefix),
            (Some(digits.as_str()), SignatureError::Prefix),
            (Some(&format!("sha1={digits}")), SignatureError::Prefix),
            (Some(&format!("SHA256={digits}")), SignatureError::Prefix),
            (Some(&with_space), SignatureError::Prefix),
            (Some("sha256="), SignatureError::Length),
            (Some(&format!("sha256={digits} ")), SignatureError::Length),
            (Some(&format!("sha256={}", &digits[1..])), SignatureError::Length),
            (Some(&format!("sha256={}", "A".repeat(64))), SignatureError::Digits),
            (Some(&format!("sha256={}", "g".repeat(64))), SignatureError::Digits),
            (Some(&format!("sha256={}", "ä".repeat(32))), SignatureError::Digits),
            (Some(&format!("sha256={digits}")), SignatureError::Mismatch),
        ] {
            let refused = verify(b"{}", header.map(str::as_bytes), &[secret("s")]).unwrap_err();
            assert_eq!(refused, fault, "{header:?}");
        }
    }

    #[test]
    fn a_blank_secret_is_refused_and_no_secret_shows_in_debug() {
        for blank in ["", " ", "\n\t"] {
            assert!(AppSecret::new(blank).is_err());
        }
        assert_eq!(format!("{:?}", secret("hush")), "AppSecret(redacted)");
    }

    proptest! {
        #[test]
        fn only_the_bytes_that_were_signed_verify(body in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let secrets = [secret("s")];
            let header = sign(&body, &secrets[0]);
            prop_assert!(verify(&body, Some(header.as_bytes()), &secrets).is_ok());
            let mut other = body;
            if other.is_empty() { other.push(0) } else { let i = at.index(other.len()); other[i] ^= 1_u8 << bit; }
            prop_assert_eq!(verify(&other, Some(header.as_bytes()), &secrets).unwrap_err(), SignatureError::Mismatch);
        }

        #[test]
        fn no_header_makes_verifying_panic(header in any::<Vec<u8>>()) {
            let _ = verify(b"", Some(&header), &[secret("s")]);
        }
    }
}
