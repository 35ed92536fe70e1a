//! The handshake by which Meta checks that a webhook's address belongs to the app: a GET request with a token that both
//! know, answered with its challenge.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::signature::{BlankSecret, keyed};

/// The query parameter that says what is asked.
pub const MODE: &str = "hub.mode";
/// The query parameter to be sent back.
pub const CHALLENGE: &str = "hub.challenge";
/// The query parameter that proves who asks.
pub const VERIFY_TOKEN: &str = "hub.verify_token";

/// The token that an operator typed into the app's dashboard.
#[derive(Clone)]
pub struct VerifyToken {
    keyed: Hmac<Sha256>,
    tag: [u8; 32],
}

impl VerifyToken {
    /// Takes the token.
    ///
    /// # Errors
    ///
    /// [`BlankSecret`], if there is nothing in it.
    pub fn new(token: &str) -> Result<Self, BlankSecret> {
        let keyed = keyed(token, "verify token")?;
        let tag = keyed.clone().chain_update(token).finalize().into_bytes().into();
        Ok(Self { keyed, tag })
    }

    /// Whether the texts are equal, in a time that does not tell how much of them is.
    fn matches(&self, given: &str) -> bool {
        self.keyed.clone().chain_update(given).verify_slice(&self.tag).is_ok()
    }
}

impl fmt::Debug for VerifyToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyToken(redacted)")
    }
}

/// Why a handshake is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The request is for something else.
    #[error("{MODE} is not subscribe")]
    Mode,
    /// There is nothing to send back.
    #[error("{CHALLENGE} is missing")]
    Challenge,
    /// The request does not come from the app whose dashboard holds the token.
    #[error("{VERIFY_TOKEN} is not the token that is set here")]
    Token,
}

/// The three parameters of a handshake, decoded, each `None` if it is missing.
#[derive(Clone, Copy, Default)]
pub struct Handshake<'a> {
    /// The value of [`MODE`].
    pub mode: Option<&'a str>,
    /// The value of [`CHALLENGE`].
    pub challenge: Option<&'a str>,
    /// The value of [`VERIFY_TOKEN`].
    pub verify_token: Option<&'a str>,
}

impl<'a> Handshake<'a> {
    /// The challenge, which must be the whole body of the answer: Meta's pages call it an integer in one place and a
    /// random string in another, so it is sent back as it came.
    ///
    /// # Errors
    ///
    /// [`Refused`], if the request is no handshake or its token is wrong.
    pub fn answer(&self, expected: &VerifyToken) -> Result<&'a str, Refused> {
        if self.mode != Some("subscribe") {
            return Err(Refused::Mode);
        }
        if !self.verify_token.is_some_and(|given| expected.matches(given)) {
            return Err(Refused::Token);
        }
        self.challenge
            .filter(|challenge| !challenge.is_empty())
            .ok_or(Refused::Challenge)
    }
}

impl fmt::Debug for Handshake<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handshake(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Handshake<'_> = Handshake {
        mode: Some("subscribe"),
        challenge: Some("0042 x"),
        verify_token: Some("open sesame"),
    };

    #[test]
    fn the_challenge_comes_back_as_it_came() {
        assert_eq!(GOOD.answer(&VerifyToken::new("open sesame").unwrap()), Ok("0042 x"));
    }

    #[test]
    fn everything_else_is_refused() {
        let expected = VerifyToken::new("open sesame").unwrap();
        for (asked, refused) in [
            (Handshake { mode: None, ..GOOD }, Refused::Mode),
            (
                Handshake {
                    mode: Some("unsubscribe"),
                    ..GOOD
                },
                Refused::Mode,
            ),
            (
                Handshake {
                    challenge: None,
                    ..GOOD
                },
                Refused::Challenge,
            ),
            (
                Handshake {
                    challenge: Some(""),
                    ..GOOD
                },
                Refused::Challenge,
            ),
            (
                Handshake {
                    verify_token: None,
                    ..GOOD
                },
                Refused::Token,
            ),
            (
                Handshake {
                    verify_token: Some(""),
                    ..GOOD
                },
                Refused::Token,
            ),
            (
                Handshake {
                    verify_token: Some("open sesam"),
                    ..GOOD
                },
                Refused::Token,
            ),
            (
                Handshake {
                    verify_token: Some("open sesame "),
                    ..GOOD
                },
                Refused::Token,
            ),
        ] {
            assert_eq!(asked.answer(&expected), Err(refused));
        }
        assert!(VerifyToken::new(" ").is_err());
    }
}
