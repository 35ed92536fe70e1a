//! What a month costs.

use crate::play::Played;

/// What stands in the README.
pub(crate) fn tables(played: &Played) -> String {
    format!("{} {}\n", played.contact_bytes, played.send_bytes)
}
