//! Bytes that travel through other hands as text and come back, signed so that nobody can make them up.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::time::Time;

/// The bytes of the keyed hash that are sent along.
pub(crate) const MAC_BYTES: usize = 16;
/// The bytes of a time.
pub(crate) const TIME_BYTES: usize = 5;

/// The text: the prefix, then the bytes and their keyed hash in base64.
pub(crate) fn write(prefix: &str, mac: Hmac<Sha256>, mut bytes: Vec<u8>) -> String {
    let mac = mac.chain_update(&bytes).finalize().into_bytes();
    bytes.extend(mac.into_iter().take(MAC_BYTES));
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// The bytes, if one of the keys signed them.
pub(crate) fn read(prefix: &str, mut macs: impl Iterator<Item = Hmac<Sha256>>, text: &str) -> Option<Vec<u8>> {
    let mut bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(prefix)?).ok()?;
    let mac = bytes.split_off(bytes.len().checked_sub(MAC_BYTES)?);
    macs.any(|key| key.chain_update(&bytes).verify_truncated_left(&mac).is_ok())
        .then_some(bytes)
}

/// A time in few bytes, enough for every time there is.
pub(crate) fn time_bytes(time: Time) -> impl Iterator<Item = u8> {
    time.unix_seconds().to_be_bytes().into_iter().skip(8 - TIME_BYTES)
}

/// The time that these bytes stand for.
pub(crate) fn time_from(bytes: &[u8; TIME_BYTES]) -> Time {
    Time::from_unix_seconds(bytes.iter().fold(0, |seconds, byte| (seconds << 8) | i64::from(*byte)))
}
