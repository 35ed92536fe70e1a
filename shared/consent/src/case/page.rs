//! The address of a case's page, which only the person is told.

use std::fmt;

use crate::id::CaseId;
use crate::signed::{self, TIME_BYTES, time_from};
use crate::time::Time;
use crate::token::TokenKey;

use super::CODE_LIFE;

/// What every link begins with.
const PREFIX: &str = "p1.";

/// What leads to the page on which a person tells the code of their case. It goes with one code and is good for as long. By
/// itself it shows nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PageLink {
    /// The case.
    pub case: CaseId,
    /// When the code was sent that goes with it.
    pub sent_at: Time,
}

impl PageLink {
    /// The last part of the page's address. Nobody can make one up, so nobody can try codes of a case that is not theirs.
    pub fn encode(&self, key: &TokenKey) -> String {
        let mut bytes = self.case.as_bytes().to_vec();
        bytes.extend(signed::time_bytes(self.sent_at));
        signed::write(PREFIX, key.mac_of_pages(), bytes)
    }

    /// Reads what one of the keys signed.
    pub fn decode(text: &str, keys: &[TokenKey]) -> Option<Self> {
        let bytes = signed::read(PREFIX, keys.iter().map(TokenKey::mac_of_pages), text)?;
        let (case, rest) = bytes.split_first_chunk()?;
        let sent_at: &[u8; TIME_BYTES] = rest.try_into().ok()?;
        Some(Self {
            case: CaseId::from_bytes(*case),
            sent_at: time_from(sent_at),
        })
    }

    /// Whether the code that goes with it can still be told.
    pub fn is_good(&self, now: Time) -> bool {
        self.sent_at <= now && now < self.sent_at + CODE_LIFE
    }
}

impl fmt::Debug for PageLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PageLink")
    }
}
