//! Whether a ticket can be used.

use consent::campaign::{Template, Ticket, TicketError};
use consent::id::{CampaignId, ContactId};
use consent::time::Time;
use lambda_http::Request;
use lambda_http::http::StatusCode;
use platform::problem::json;
use serde::Serialize;
use service::Service;
use service::http::body::{self, Object};
use service::http::{self, Answer};

/// The most characters of a text that is read as a ticket.
const LONGEST: usize = 1_024;

/// Says what a ticket allows, if it can be used. It asks nothing of the ledger: who stops after the ticket was given is named by the
/// evidence of the stop.
pub(crate) async fn verify(service: &Service, request: &Request) -> Answer {
    #[derive(Serialize)]
    struct Verified {
        valid: bool,
        #[serde(flatten)]
        ticket: Option<Allowed>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'static str>,
    }
    #[derive(Serialize)]
    struct Allowed {
        campaign: CampaignId,
        contact_id: ContactId,
        template: Template,
        expires_at: Time,
    }

    let members = body::read(request)?;
    let text = Object::whole(&members, &["ticket"])?
        .need("ticket")?
        .line(LONGEST)?
        .to_owned();
    let work = http::begin(service, request).await?;
    let verified = match Ticket::decode(&text, work.rules().token_keys, work.now) {
        Ok(ticket) => Verified {
            valid: true,
            ticket: Some(Allowed {
                campaign: ticket.campaign,
                contact_id: ticket.contact,
                template: ticket.template,
                expires_at: ticket.expires_at,
            }),
            reason: None,
        },
        Err(error) => Verified {
            valid: false,
            ticket: None,
            reason: Some(match error {
                TicketError::Forged => "forged",
                TicketError::Expired => "expired",
            }),
        },
    };
    Ok(json(StatusCode::OK, &verified))
}
