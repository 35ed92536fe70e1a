//! Keyed hashes.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// HMAC-SHA256 under a 32-byte key, begun with the name of what it is for so that no two uses can be confused.
pub(crate) fn keyed(key: &[u8; 32], domain: &str) -> Hmac<Sha256> {
    // The key is shorter than the hash's block of 64 bytes; the standard fills it up with zeros.
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(slot, byte)| *slot = *byte);
    <Hmac<Sha256> as KeyInit>::new(&block.into()).chain_update(domain)
}
