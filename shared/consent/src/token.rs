//! The token behind a button: what the contact was asked, signed so that nobody can make one up.
//!
//! A prompt's buttons carry it as their payload and Meta hands it back in a signed webhook. It holds all that a grant
//! needs, so a tap can be judged long after the prompt has been forgotten.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Hmac;
use sha2::Sha256;

use crate::id::{ContactId, NoticeVersion, RequestId};
use crate::mac::keyed;
use crate::signed::{self, MAC_BYTES, TIME_BYTES, time_from};
use crate::time::Time;

/// What every token begins with. Another payload belongs to another program.
const PREFIX: &str = "as1.";
const FIXED_BYTES: usize = 1 + 16 + 16 + 2 * TIME_BYTES;

/// How many purposes one prompt can ask for: more would not fit the 128 characters that a button's payload should not
/// exceed, and would no longer be a specific question (Art. 4(11) GDPR).
pub const MAX_PURPOSES: usize = 4;

/// The key that signs tokens.
#[derive(Clone)]
pub struct TokenKey([u8; 32]);

impl TokenKey {
    /// The key made of these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn mac(&self) -> Hmac<Sha256> {
        keyed(&self.0, "assent token v1")
    }

    pub(crate) fn mac_of_codes(&self) -> Hmac<Sha256> {
        keyed(&self.0, "assent code v1")
    }

    pub(crate) fn mac_of_pages(&self) -> Hmac<Sha256> {
        keyed(&self.0, "assent page v1")
    }

    pub(crate) fn mac_of_tickets(&self) -> Hmac<Sha256> {
        keyed(&self.0, "assent ticket v1")
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey([redacted])")
    }
}

/// The first bytes of a notice version, enough to find it in the policy. One notice belongs to one purpose, so it names the
/// purpose as well.
pub type NoticePrefix = [u8; 8];

/// The prefix that stands for the notice in a token.
pub fn notice_prefix(version: &NoticeVersion) -> NoticePrefix {
    let mut prefix = [0; 8];
    prefix
        .iter_mut()
        .zip(version.as_bytes())
        .for_each(|(slot, byte)| *slot = *byte);
    prefix
}

/// What a tap on the button means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Yes to a prompt.
    Confirm,
    /// No to a prompt.
    Decline,
    /// "That wasn't me."
    NotMe,
    /// "Yes, I meant stop."
    Stop,
    /// "No, go on writing to me."
    Keep,
    /// "It is me who demands that."
    ItIsMe,
    /// The same, where a code is needed as well: it asks for one.
    ItIsMeWithCode,
}

impl Action {
    const ALL: [(u8, Self); 7] = [
        (1, Self::Confirm),
        (2, Self::Decline),
        (3, Self::NotMe),
        (4, Self::Stop),
        (5, Self::Keep),
        (6, Self::ItIsMe),
        (7, Self::ItIsMeWithCode),
    ];

    /// Whether it ends or refuses something, and allows nothing.
    pub fn refuses(self) -> bool {
        match self {
            Self::Decline | Self::NotMe | Self::Stop => true,
            Self::Confirm | Self::Keep | Self::ItIsMe | Self::ItIsMeWithCode => false,
        }
    }

    fn read(code: u8) -> Option<Self> {
        let (_, action) = Self::ALL.into_iter().find(|(known, _)| *known == code)?;
        Some(action)
    }

    fn code(self) -> u8 {
        match self {
            Self::Confirm => 1,
            Self::Decline => 2,
            Self::NotMe => 3,
            Self::Stop => 4,
            Self::Keep => 5,
            Self::ItIsMe => 6,
            Self::ItIsMeWithCode => 7,
        }
    }
}

/// What the contact was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What the button means.
    pub action: Action,
    /// Whom the question went to. Nobody else can answer it.
    pub contact: ContactId,
    /// The request that the prompt belongs to, or the question that was asked: of a case, the case's id.
    pub request: RequestId,
    /// When the question was made.
    pub prompted_at: Time,
    /// From when on a "yes" is no longer a grant.
    pub expires_at: Time,
    /// The notices that the prompt showed, one for each purpose.
    pub notices: Vec<NoticePrefix>,
}

/// Why a payload is not a token of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The button belongs to another program, or has no payload of its own.
    #[error("the payload is not a token: it does not begin with {PREFIX}")]
    Foreign,
    /// It looks like a token and no key of ours signed it.
    #[error("the token is not signed by a known key")]
    Forged,
}

impl Token {
    /// The payload of the button, at most 128 characters for up to [`MAX_PURPOSES`] notices.
    pub fn encode(&self, key: &TokenKey) -> String {
        let mut bytes = Vec::with_capacity(FIXED_BYTES + self.notices.len() * 8 + MAC_BYTES);
        bytes.push(self.action.code());
        bytes.extend_from_slice(self.contact.as_bytes());
        bytes.extend_from_slice(self.request.as_bytes());
        for time in [self.prompted_at, self.expires_at] {
            bytes.extend(signed::time_bytes(time));
        }
        for notice in &self.notices {
            bytes.extend_from_slice(notice);
        }
        signed::write(PREFIX, key.mac(), bytes)
    }

    /// Reads a payload that one of the keys signed, newest first so that a rotation breaks no button already sent.
    ///
    /// # Errors
    /// [`TokenError::Foreign`] for any other program's payload, [`TokenError::Forged`] for what no key signed.
    pub fn decode(payload: &str, keys: &[TokenKey]) -> Result<Self, TokenError> {
        if !Self::is_claimed_by(payload) {
            return Err(TokenError::Foreign);
        }
        let body = signed::read(PREFIX, keys.iter().map(TokenKey::mac), payload).ok_or(TokenError::Forged)?;
        Self::from_body(&body).ok_or(TokenError::Forged)
    }

    /// The contact that a payload claims to be made for, whoever signed it: enough to bring it to the right contact, which
    /// then checks the signature.
    pub fn claimed_contact(payload: &str) -> Option<ContactId> {
        let (_, contact) = Self::claims(payload)?;
        Some(contact)
    }

    /// Whether a payload claims to refuse something, whoever signed it: enough to bring it to every contact that the person is
    /// known as.
    pub fn claims_refusal(payload: &str) -> bool {
        Self::claims(payload).is_some_and(|(action, _)| action.refuses())
    }

    fn claims(payload: &str) -> Option<(Action, ContactId)> {
        let bytes = URL_SAFE_NO_PAD.decode(payload.strip_prefix(PREFIX)?).ok()?;
        let (action, rest) = bytes.split_first()?;
        let contact = ContactId::from_bytes(*rest.first_chunk()?);
        Some((Action::read(*action)?, contact))
    }

    /// Whether a payload is meant to be a token of ours.
    pub fn is_claimed_by(payload: &str) -> bool {
        payload.starts_with(PREFIX)
    }

    fn from_body(body: &[u8]) -> Option<Self> {
        let (action, rest) = body.split_first()?;
        let (contact, rest) = rest.split_first_chunk()?;
        let (request, rest) = rest.split_first_chunk()?;
        let (prompted_at, rest) = rest.split_first_chunk::<TIME_BYTES>()?;
        let (expires_at, rest) = rest.split_first_chunk::<TIME_BYTES>()?;
        let (notices, tail) = rest.as_chunks::<8>();
        let action = Action::read(*action)?;
        tail.is_empty().then(|| Self {
            action,
            contact: ContactId::from_bytes(*contact),
            request: RequestId::from_bytes(*request),
            prompted_at: time_from(prompted_at),
            expires_at: time_from(expires_at),
            notices: notices.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: TokenKey = TokenKey::from_bytes([7; 32]);

    fn tokens() -> impl Strategy<Value = Token> {
        let notices = proptest::collection::vec(any::<[u8; 8]>(), 0..=MAX_PURPOSES);
        (
            0..5usize,
            any::<[u8; 16]>(),
            any::<[u8; 16]>(),
            0..Time::MAX.unix_seconds(),
            any::<u32>(),
            notices,
        )
            .prop_map(|(action, contact, request, prompted_at, lifetime, notices)| Token {
                action: Action::ALL[action].1,
                contact: ContactId::from_bytes(contact),
                request: RequestId::from_bytes(request),
                prompted_at: Time::from_unix_seconds(prompted_at),
                expires_at: Time::from_unix_seconds(prompted_at + i64::from(lifetime)),
                notices,
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_token_comes_back_as_it_was_sent_and_fits_a_button(token in tokens()) {
            let payload = token.encode(&KEY);
            prop_assert!(payload.len() <= 128, "{} characters", payload.len());
            prop_assert_eq!(Token::decode(&payload, &[TokenKey::from_bytes([8; 32]), KEY]), Ok(token));
        }

        #[test]
        fn no_changed_character_is_accepted(token in tokens(), place in any::<prop::sample::Index>(), letter in "[A-Za-z0-9_-]") {
            let payload = token.encode(&KEY);
            let place = PREFIX.len() + place.index(payload.len() - PREFIX.len());
            let mut forged = payload.clone();
            forged.replace_range(place..=place, &letter);
            prop_assume!(forged != payload);
            prop_assert_eq!(Token::decode(&forged, &[KEY]), Err(TokenError::Forged));
        }

        #[test]
        fn no_payload_makes_it_panic(payload in "(as1\\.)?.{0,200}") {
            prop_assert!(Token::decode(&payload, &[KEY]).is_err());
        }
    }

    #[test]
    fn a_token_of_another_key_is_forged() {
        let token = Token {
            action: Action::Confirm,
            contact: ContactId::from_bytes([1; 16]),
            request: RequestId::from_bytes([2; 16]),
            prompted_at: Time::EPOCH,
            expires_at: Time::MAX,
            notices: vec![],
        };
        assert_eq!(
            Token::decode(&token.encode(&TokenKey::from_bytes([9; 32])), &[KEY]),
            Err(TokenError::Forged)
        );
        assert_eq!(Token::decode("Ja, bestätigen", &[KEY]), Err(TokenError::Foreign));
    }
}
