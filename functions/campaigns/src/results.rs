//! What became of sends, as their sender says it.

use consent::campaign::SendResult;
use consent::id::{CampaignId, ContactId};
use lambda_http::Request;
use lambda_http::http::StatusCode;
use ledger::SettledSend;
use platform::problem::json;
use serde::Serialize;
use service::Service;
use service::http::body::{self, Member, Object};
use service::http::refusal::unavailable;
use service::http::{self, Answer, Refusal};

use crate::listed;

/// The most results of one request.
const MOST: usize = 100;

const RESULTS: [SendResult; 3] = [SendResult::Sent, SendResult::Failed, SendResult::NotSent];

/// What became of one send.
struct Reported {
    contact: ContactId,
    result: SendResult,
    code: Option<u32>,
}

impl Reported {
    fn read(value: &Member<'_>) -> Result<Self, Refusal> {
        let fields = value.object(&["contact_id", "result", "code"])?;
        let code = fields.get("code");
        let result = fields.need("result")?.one_of(&RESULTS)?;
        if let Some(code) = code.as_ref().filter(|_| result != SendResult::Failed) {
            return Err(code.wrong("only what failed has an error code"));
        }
        Ok(Self {
            contact: fields.need("contact_id")?.parsed()?,
            result,
            code: code.map(|code| code.number()).transpose()?,
        })
    }
}

/// Takes what became of sends. To say the same twice changes nothing.
pub(crate) async fn take(service: &Service, request: &Request, id: &CampaignId) -> Answer {
    #[derive(Serialize)]
    struct Taken {
        results: Vec<Row>,
    }
    #[derive(Serialize)]
    struct Row {
        contact_id: ContactId,
        outcome: &'static str,
    }

    let members = body::read(request)?;
    let body = Object::whole(&members, &["results"])?;
    let reported = listed::list(&body, "results", MOST)?;
    let reported: Vec<_> = reported.iter().map(Reported::read).collect::<Result<_, _>>()?;
    let work = http::begin(service, request).await?;
    let mut results = Vec::with_capacity(reported.len());
    for Reported { contact, result, code } in reported {
        let settled = work
            .ledger
            .settle_send(&contact, id, result, code, work.now, &work.policy, work.now)
            .await;
        let outcome = match settled.map_err(unavailable)? {
            SettledSend::Unknown => "unknown_send",
            SettledSend::Known => "known",
            SettledSend::Recorded { finding } => {
                if finding {
                    service.metrics.count("findings", 1);
                }
                "recorded"
            }
        };
        results.push(Row {
            contact_id: contact,
            outcome,
        });
    }
    Ok(json(StatusCode::OK, &Taken { results }))
}
