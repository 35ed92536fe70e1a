//! Recipients as a campaign tool lists them.

use consent::id::ContactId;
use ledger::{CallerRef, RecipientId};
use serde::Serialize;
use service::http::body::{Member, Object};
use service::http::{Refusal, identifiers};

/// Why one recipient of a list is not taken. It names the place, and nothing that stands there.
#[derive(Debug, Serialize)]
pub(crate) struct Invalid {
    /// Its place in the list, from 0.
    position: usize,
    /// The member at fault.
    member: String,
    /// What would be right.
    detail: String,
}

impl Invalid {
    pub(crate) fn new(position: usize, refusal: &Refusal) -> Self {
        Self {
            position,
            member: refusal.member().unwrap_or_default().to_owned(),
            detail: refusal.detail().to_owned(),
        }
    }
}

/// A list of 1 to `most` values.
pub(crate) fn list<'a>(body: &Object<'a>, name: &str, most: usize) -> Result<Vec<Member<'a>>, Refusal> {
    let member = body.need(name)?;
    let values = member.list()?;
    if values.len() > most {
        return Err(member.wrong(too_many(most)));
    }
    Ok(values)
}

/// What is wrong with a longer list.
pub(crate) fn too_many(most: usize) -> String {
    format!("write at most {most} in one request")
}

/// Whom a value names.
pub(crate) fn recipient(value: &Member<'_>) -> Result<RecipientId, Refusal> {
    read(&value.object(&["phone", "bsuid", "contact_id"])?)
}

/// Whom a value names, and what the caller calls them.
pub(crate) fn with_reference(value: &Member<'_>) -> Result<(RecipientId, Option<CallerRef>), Refusal> {
    let fields = value.object(&["phone", "bsuid", "contact_id", "ref"])?;
    let reference = fields.get("ref").map(|reference| reference.parsed_by(CallerRef::new));
    Ok((read(&fields)?, reference.transpose()?))
}

/// The contact's own id, if it is given: it names one contact, whatever number they have by now.
pub(crate) fn read(fields: &Object<'_>) -> Result<RecipientId, Refusal> {
    let contact = fields
        .get("contact_id")
        .map(|id| id.parsed::<ContactId>())
        .transpose()?;
    match (contact, identifiers::read(fields)?) {
        (Some(contact), None) => Ok(RecipientId::Contact(contact)),
        (None, Some(identifiers)) => Ok(RecipientId::Person(identifiers)),
        (None, None) => Err(identifiers::nobody_is_named(fields)),
        (Some(_), Some(_)) => Err(fields.wrong("give the contact_id or what the contact is known by, not both")),
    }
}
