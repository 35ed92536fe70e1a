//! Whom a request is about.

use consent::id::ContactId;
use identity::Identifiers;
use ledger::{Found, Ledger, Subject, Who};
use service::http::body::Member;
use service::http::refusal::unavailable;
use service::http::{Refusal, identifiers, known};

use crate::refusal::several_contacts;

/// A recipient as the caller names them: by the contact's own id, by identifiers, or by both.
#[derive(Debug)]
pub(crate) enum Recipient {
    /// The contact with that id, who is known by these identifiers if any are given.
    Contact(ContactId, Option<Identifiers>),
    /// Whoever is known by these identifiers.
    Person(Identifiers),
}

impl Recipient {
    /// Reads the member.
    pub(crate) fn read(member: &Member<'_>) -> Result<Self, Refusal> {
        let fields = member.object(&["phone", "bsuid", "contact_id"])?;
        let contact = fields.get("contact_id").map(|id| id.parsed()).transpose()?;
        match (contact, identifiers::read(&fields)?) {
            (Some(contact), identifiers) => Ok(Self::Contact(contact, identifiers)),
            (None, Some(identifiers)) => Ok(Self::Person(identifiers)),
            (None, None) => Err(identifiers::nobody_is_named(&fields)),
        }
    }

    /// The contact, if anybody is known under the identifiers. An id that nobody has is refused, and so are identifiers of
    /// more than one contact: which of them is meant is not for a program to guess.
    pub(crate) async fn find(&self, ledger: &Ledger) -> Result<Option<Subject>, Refusal> {
        match self {
            Self::Person(identifiers) => match ledger.find(identifiers).await.map_err(unavailable)? {
                Found::Nobody => Ok(None),
                Found::One(subject) => Ok(Some(*subject)),
                Found::Two(_) => Err(several_contacts()),
            },
            Self::Contact(id, identifiers) => {
                let subject = known(ledger, id).await?;
                match identifiers {
                    None => Ok(Some(subject)),
                    Some(identifiers) => match ledger.find(identifiers).await.map_err(unavailable)? {
                        Found::One(same) if same.contact.id == *id => Ok(Some(*same)),
                        Found::Nobody | Found::One(_) | Found::Two(_) => Err(several_contacts()),
                    },
                }
            }
        }
    }

    /// Whom the ledger is to record events for.
    pub(crate) fn who(self) -> Who {
        match self {
            Self::Person(identifiers) | Self::Contact(_, Some(identifiers)) => Who::Person(identifiers),
            Self::Contact(id, None) => Who::Contact(id),
        }
    }
}
