//! One-time codes: sent to a person on WhatsApp, they show that whoever tells one reads what the person reads.

use std::fmt;
use std::str::FromStr;

use hmac::Mac;
use serde::{Deserialize, Serialize};

use crate::id::{CaseId, CodeHash};
use crate::time::{Span, Time};
use crate::token::TokenKey;

/// How long a code can be told.
pub const CODE_LIFE: Span = Span::minutes(15);

/// How often a wrong code may be told before the right one is void, too.
pub const MOST_TRIES: u8 = 5;

/// How many codes there may be in [`CODE_DAY`]. With [`MOST_TRIES`] each, whoever guesses has one chance in five million a day.
pub const MOST_CODES: usize = 3;

/// What codes are counted in.
pub const CODE_DAY: Span = Span::hours(24);

/// How many digits a code has.
const DIGITS: usize = 8;

/// A code. Nothing shows it but [`Code::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Code(Box<str>);

/// The text is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a code: write its eight digits")]
pub struct InvalidCode;

impl Code {
    /// The code of a case that is asked for at that moment. Only who has the key can tell it, so it need not be kept anywhere on its
    /// way to the person.
    pub fn of(case: &CaseId, sent_at: Time, key: &TokenKey) -> Self {
        let mac = key.mac_of_codes().chain_update([0]).chain_update(case.as_bytes());
        let digest: [u8; 32] = mac
            .chain_update(sent_at.unix_seconds().to_be_bytes())
            .finalize()
            .into_bytes()
            .into();
        // Of so many values no code is noticeably likelier than another.
        let number = digest
            .iter()
            .take(16)
            .fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
        Self(format!("{:0DIGITS$}", number % 10_u128.pow(8)).into())
    }

    /// What is kept of it: a hash that is good for one case.
    pub fn hash(&self, case: &CaseId, key: &TokenKey) -> CodeHash {
        let mac = key.mac_of_codes().chain_update([1]).chain_update(case.as_bytes());
        CodeHash::from_bytes(mac.chain_update(self.0.as_bytes()).finalize().into_bytes().into())
    }

    /// The digits, to be sent or hashed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Code {
    type Err = InvalidCode;

    /// Reads it as people write it, with spaces or hyphens between the digits.
    fn from_str(text: &str) -> Result<Self, InvalidCode> {
        let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        let is_code = digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
        is_code.then(|| Self(digits.into())).ok_or(InvalidCode)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code")
    }
}

/// Whether two hashes are the same, found out in the same time whichever byte differs.
fn are_same(one: &CodeHash, other: &CodeHash) -> bool {
    let pairs = one.as_bytes().iter().zip(other.as_bytes());
    pairs.fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
}

/// No more codes for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many codes were sent within a day: the next one can be at {again_at}")]
pub struct TooManyCodes {
    /// When there can be one again.
    pub again_at: Time,
}

/// The code is not the one that was sent, or it was told too late, too often, or before. Which of it is nobody's to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the code is wrong, or no longer good: ask for another one")]
pub struct WrongCode;

/// The codes of one case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Codes {
    /// When codes were sent within the last day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sent: Vec<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    live: Option<LiveCode>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct LiveCode {
    hash: CodeHash,
    sent_at: Time,
    tries: u8,
}

impl LiveCode {
    fn is_good(&self, now: Time) -> bool {
        // A clock that went back makes no code live longer.
        self.sent_at <= now && now < self.sent_at + CODE_LIFE && self.tries < MOST_TRIES
    }
}

impl Codes {
    /// Whether nothing is kept of any code.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A code is sent; the one before is void. That it is sent at the same moment once more is a repetition of the same request: it
    /// makes nothing good again.
    ///
    /// # Errors
    /// [`TooManyCodes`].
    pub fn send(&mut self, hash: CodeHash, now: Time) -> Result<(), TooManyCodes> {
        if self.sent.contains(&now) {
            return Ok(());
        }
        self.sent.retain(|sent| now < *sent + CODE_DAY);
        if self.sent.len() >= MOST_CODES {
            let first = self.sent.iter().min().copied().unwrap_or(now);
            return Err(TooManyCodes {
                again_at: first + CODE_DAY,
            });
        }
        self.sent.push(now);
        self.live = Some(LiveCode {
            hash,
            sent_at: now,
            tries: 0,
        });
        Ok(())
    }

    /// Somebody tells a code, which hashes to these under the keys there are. The right one is good once. The caller has to keep what
    /// changed in either case, before it answers.
    ///
    /// # Errors
    /// [`WrongCode`].
    pub fn tell(&mut self, hashes: &[CodeHash], now: Time) -> Result<(), WrongCode> {
        let Some(live) = self.live.as_mut().filter(|live| live.is_good(now)) else {
            self.live = None;
            return Err(WrongCode);
        };
        if !hashes.iter().any(|hash| are_same(&live.hash, hash)) {
            live.tries += 1;
            return Err(WrongCode);
        }
        self.live = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const NOW: Time = Time::from_unix_seconds(1_784_000_000);
    const RIGHT: CodeHash = CodeHash::from_bytes([1; 32]);
    const WRONG: CodeHash = CodeHash::from_bytes([2; 32]);

    fn sent() -> Codes {
        let mut codes = Codes::default();
        codes.send(RIGHT, NOW).unwrap();
        codes
    }

    #[test]
    fn a_code_is_good_once_and_for_a_quarter_of_an_hour() {
        let last = NOW + CODE_LIFE - Span::seconds(1);
        let mut codes = sent();
        assert_eq!(codes.tell(&[RIGHT], last), Ok(()));
        assert_eq!(codes.tell(&[RIGHT], last), Err(WrongCode));
        assert_eq!(sent().tell(&[RIGHT], NOW + CODE_LIFE), Err(WrongCode));
        assert_eq!(sent().tell(&[RIGHT], NOW - Span::seconds(1)), Err(WrongCode));
    }

    #[test]
    fn after_five_wrong_ones_the_right_one_is_void() {
        let mut codes = sent();
        for _ in 1..MOST_TRIES {
            assert_eq!(codes.tell(&[WRONG], NOW), Err(WrongCode));
        }
        assert_eq!(codes.clone().tell(&[RIGHT], NOW), Ok(()));
        assert_eq!(codes.tell(&[WRONG], NOW), Err(WrongCode));
        assert_eq!(codes.tell(&[RIGHT], NOW), Err(WrongCode));
    }

    #[test]
    fn a_new_code_makes_the_one_before_void() {
        let (mut codes, later) = (sent(), NOW + Span::seconds(1));
        codes.send(WRONG, later).unwrap();
        assert_eq!(codes.clone().tell(&[RIGHT], later), Err(WrongCode));
        assert_eq!(codes.tell(&[WRONG], later), Ok(()));
    }

    #[test]
    fn a_request_that_is_delivered_again_makes_no_code_good_again() {
        let mut used = sent();
        used.tell(&[RIGHT], NOW).unwrap();
        used.send(RIGHT, NOW).unwrap();
        assert_eq!(used.tell(&[RIGHT], NOW), Err(WrongCode));
        let mut guessed = sent();
        for _ in 0..MOST_TRIES {
            let _ = guessed.tell(&[WRONG], NOW);
        }
        guessed.send(RIGHT, NOW).unwrap();
        assert_eq!(guessed.tell(&[RIGHT], NOW), Err(WrongCode));
    }

    #[test]
    fn of_a_fourth_code_within_a_day_nothing_comes() {
        let mut codes = sent();
        for hour in 1..3 {
            codes.send(RIGHT, NOW + Span::hours(hour)).unwrap();
        }
        let again_at = NOW + CODE_DAY;
        assert_eq!(codes.send(RIGHT, NOW + Span::hours(3)), Err(TooManyCodes { again_at }));
        assert_eq!(codes.send(RIGHT, again_at), Ok(()));
    }

    #[test]
    fn a_code_is_read_as_people_write_it_and_shown_nowhere() {
        let code: Code = "0123 45-67".parse().unwrap();
        assert_eq!(code.expose(), "01234567");
        assert_eq!(format!("{code:?}"), "Code");
        for text in ["", "1234567", "123456789", "1234567a", "١٢٣٤٥٦٧٨"] {
            assert_eq!(text.parse::<Code>(), Err(InvalidCode), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whoever_guesses_has_few_tries_a_day(steps in vec((any::<bool>(), 0_u32..600), 1..400)) {
            let mut codes = Codes::default();
            let (mut now, mut tries) = (NOW, vec![]);
            for (asks, later) in steps {
                now = now + Span::seconds(later);
                if asks {
                    let _ = codes.send(RIGHT, now);
                } else {
                    // Were the guess right, would it be taken?
                    if codes.clone().tell(&[RIGHT], now).is_ok() {
                        tries.push(now);
                    }
                    let _ = codes.tell(&[WRONG], now);
                }
            }
            for first in &tries {
                let in_a_day = tries.iter().filter(|at| *first <= **at && **at < *first + (CODE_DAY)).count();
                // A code that was sent before the day began can still be told in it.
                prop_assert!(in_a_day <= (MOST_CODES + 1) * usize::from(MOST_TRIES), "{in_a_day}");
            }
        }

        #[test]
        fn every_code_that_is_made_can_be_read_and_is_its_cases_own(case in any::<[u8; 16]>(), later in 1_u32..1_000_000) {
            let (case, key) = (CaseId::from_bytes(case), TokenKey::from_bytes([7; 32]));
            let code = Code::of(&case, NOW, &key);
            let another = CaseId::from_bytes([1; 16]);
            prop_assume!(case != another);
            prop_assert_ne!(code.hash(&case, &key), code.hash(&another, &key));
            prop_assert_ne!(code.hash(&case, &key), code.hash(&case, &TokenKey::from_bytes([8; 32])));
            let next = Code::of(&case, NOW + Span::seconds(later), &key);
            prop_assert_eq!(next == code, next.hash(&case, &key) == code.hash(&case, &key));
            let read: Result<Code, _> = code.expose().parse();
            prop_assert_eq!(read, Ok(code));
        }
    }
}
