//! What a person is known by, as a caller writes it.

use identity::{Bsuid, Identifiers, PhoneNumber};

use super::body::Object;
use super::refusal::Refusal;

/// The number and the id that the object's members `phone` and `bsuid` name; none if neither is there.
///
/// # Errors
/// When one of them is there and cannot be a person's.
pub fn read(fields: &Object<'_>) -> Result<Option<Identifiers>, Refusal> {
    let phone = fields.get("phone").map(|phone| phone.parsed_by(PhoneNumber::parse));
    let bsuid = fields.get("bsuid").map(|bsuid| bsuid.parsed_by(Bsuid::parse));
    Ok(Identifiers::new(phone.transpose()?, bsuid.transpose()?).ok())
}

/// The object names nobody.
pub fn nobody_is_named(fields: &Object<'_>) -> Refusal {
    fields.wrong("nobody is named: give phone, bsuid or contact_id")
}
