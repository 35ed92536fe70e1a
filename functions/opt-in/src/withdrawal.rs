//! Withdrawals that reached the controller outside WhatsApp: withdrawing must be as easy as consenting (Art. 7(3) GDPR), so
//! every way counts.

use consent::event::{Act, Event};
use consent::evidence::WithdrawalSource;
use consent::id::ContactId;
use lambda_http::Request;
use ledger::Who;
use service::Service;
use service::http::body::{self, Object};
use service::http::{self, Answer, caller, known, refusal};

use crate::occurrence::Occurrence;
use crate::{contact, purposes};

const SOURCES: [WithdrawalSource; 6] = [
    WithdrawalSource::Email,
    WithdrawalSource::Phone,
    WithdrawalSource::Letter,
    WithdrawalSource::Agent,
    WithdrawalSource::Account,
    WithdrawalSource::WebForm,
];

/// Takes a withdrawal of some purposes, or of all.
pub(crate) async fn take(service: &Service, request: &Request, id: &ContactId) -> Answer {
    let members = body::read(request)?;
    let work = http::begin(service, request).await?;
    let body = Object::whole(&members, &[["purposes", "source"], Occurrence::MEMBERS].concat())?;
    let source = body.need("source")?.one_of(&SOURCES)?;
    let occurrence = Occurrence::read(&body, work.now)?;

    let subject = known(&work.ledger, id).await?;
    let of_interest: Vec<_> = subject.contact.purposes_of_interest(&work.policy).into_iter().collect();
    let purposes = body
        .get("purposes")
        .map(|list| purposes::read(&list, &of_interest))
        .transpose()?;
    let (event, at) = occurrence.identify(&work, "withdrawals", &(id, &members)).await?;
    let act = Act::Withdrew {
        purposes,
        source,
        actor: caller::actor(request),
    };
    let events = [Event {
        id: event,
        at,
        act,
        delivery: None,
    }];
    let recorded = work.ledger.record(&Who::Contact(*id), &events, &work.rules()).await;
    let mut contacts = recorded
        .map_err(refusal::unavailable)?
        .into_iter()
        .filter_map(|recorded| recorded.contact);
    let contact = contacts.next().ok_or_else(refusal::unknown_contact)?;
    service.metrics.count("withdrawals", 1);
    Ok(contact::standing(&contact, &work))
}
