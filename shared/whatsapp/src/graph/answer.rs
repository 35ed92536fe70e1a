//! The JSON of Meta's answers, read from Meta and written by a stand-in.

use identity::Identifiers;
use serde_json::json;

use super::{Accepted, Backoff, Class, GraphError};
use crate::json::{read_object, record};
use crate::personal::MessageId;

record!(Answer {
    messages,
    contacts,
    error
});
record!(Deletion { success });
record!(Message { id });
record!(Contact { wa_id, user_id });

/// What Meta took, if this is the answer of a send that it took.
pub(super) fn accepted(body: &str) -> Option<Accepted> {
    let answer: Answer<'_> = read_object(body.trim())?;
    let message: Message<'_> = answer.messages.first()?.object()?;
    let contact: Contact<'_> = answer.contacts.first().unwrap_or_default().object_or_empty();
    Some(Accepted {
        id: MessageId::new(message.id.filled()?),
        contact: Identifiers::from_meta(contact.wa_id.text().as_deref(), contact.user_id.text().as_deref()),
    })
}

/// Whether this is the answer of a deletion that Meta carried out, if only by finding nothing to delete.
pub(super) fn deleted(body: &str) -> Option<()> {
    let answer: Deletion<'_> = read_object(body.trim())?;
    answer.success.is_true().then_some(())
}

/// What Meta objects to, if the answer says so.
pub(super) fn refused(body: &str) -> Option<GraphError> {
    let answer: Answer<'_> = read_object(body.trim())?;
    GraphError::read(answer.error)
}

/// The body with which a stand-in for Meta takes a message: its id, what it was addressed to, and who that is.
pub fn acceptance(to: &Identifiers, contact: &Identifiers, id: &MessageId) -> String {
    let input = to
        .phone()
        .map(|phone| phone.e164())
        .or_else(|| to.bsuid().map(|bsuid| bsuid.as_str().to_owned()));
    let mut known = json!({"input": input});
    if let Some(members) = known.as_object_mut() {
        members.extend(contact.phone().map(|phone| ("wa_id".to_owned(), json!(phone.digits()))));
        members.extend(
            contact
                .bsuid()
                .map(|bsuid| ("user_id".to_owned(), json!(bsuid.as_str()))),
        );
    }
    json!({"messaging_product": "whatsapp", "contacts": [known], "messages": [{"id": id.as_str()}]}).to_string()
}

/// The body with which a stand-in for Meta answers that a person is not in the contact book any more: because it deleted the
/// entry, or because there was none.
pub fn deletion(deleted: bool) -> String {
    json!({"success": true, "deleted": deleted}).to_string()
}

/// The HTTP status and the body with which a stand-in for Meta refuses a request.
pub fn refusal(error: GraphError) -> (u16, String) {
    let status = match (error.code, error.class()) {
        (Some(0 | 190), _) => 401,
        (_, Class::RetryAfter(Backoff::Rate)) => 429,
        (_, Class::Reconcile) => 500,
        _ => 400,
    };
    let body = json!({"error": {
        "message": format!("(#{}) refused", error.code.unwrap_or_default()),
        "type": "OAuthException",
        "code": error.code,
        "is_transient": error.transient,
        "fbtrace_id": "local",
    }});
    (status, body.to_string())
}
