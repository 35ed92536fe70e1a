//! Registering a demand.

use consent::case::{Case, CaseKind, Channel};
use consent::event::{Act, Event};
use consent::evidence::{Actor, WithdrawalSource};
use consent::id::{CaseId, EventId};
use consent::time::Time;
use identity::Identifiers;
use lambda_http::Request;
use lambda_http::http::StatusCode;
use ledger::{NewCase, Who};
use service::http::body::{self, Object};
use service::http::refusal::unavailable;
use service::http::{self, Answer, Refusal, caller, identifiers};
use service::{Service, Work};

/// The most characters of where a demand came from.
const MOST: usize = 200;

/// How a demand can reach the controller. One in the chat opens its case itself.
const CHANNELS: [Channel; 5] = [
    Channel::Email,
    Channel::Post,
    Channel::Phone,
    Channel::Web,
    Channel::InPerson,
];

fn read(body: &Object<'_>, actor: Actor, now: Time) -> Result<NewCase, Refusal> {
    let recipient = body.need("recipient")?.object(&["phone", "bsuid"])?;
    let received_at = body.get("received_at").map(|member| member.past(now)).transpose()?;
    let recipient =
        identifiers::read(&recipient)?.ok_or_else(|| recipient.wrong("nobody is named: give phone, bsuid or both"))?;
    let kind = body.need("kind")?.one_of(&CaseKind::ALL)?;
    let channel = body.need("channel")?.one_of(&CHANNELS)?;
    let source = body.get("source").map(|source| source.line(MOST).map(str::to_owned));
    let id = CaseId::from_bytes(identity::random_bytes().map_err(unavailable)?);
    Ok(NewCase {
        case: Case::new(id, kind, channel, kind.proof(None), received_at.unwrap_or(now), now),
        recipient,
        source: source.transpose()?,
        actor,
    })
}

/// Registers what somebody demands. The answer is the same whether they are a contact or not.
pub(crate) async fn open(service: &Service, request: &Request) -> Answer {
    let members = body::read(request)?;
    let work = http::begin(service, request).await?;
    let known = ["recipient", "kind", "channel", "received_at", "source"];
    let new = read(&Object::whole(&members, &known)?, caller::actor(request), work.now)?;
    if new.case.kind == CaseKind::Objection {
        // It counts from now on, whatever becomes of the case (Art. 21(3) GDPR).
        stop(&work, &new.recipient, source_of(new.case.channel), &new.actor).await?;
        service.metrics.count("withdrawals", 1);
    }
    let opened = work.ledger.open_case(&new, &work.policy, work.now).await;
    let opened = opened.map_err(unavailable)?.into_case();
    service.metrics.count("cases_opened", 1);
    Ok(super::answer(StatusCode::CREATED, &opened, &work))
}

/// Records that somebody wants no advertising, who may be unknown until now.
async fn stop(work: &Work, who: &Identifiers, source: WithdrawalSource, actor: &Actor) -> Result<(), Refusal> {
    let id = identity::random_bytes().map_err(unavailable)?;
    let event = Event {
        id: EventId::from_bytes(id),
        at: work.now,
        act: Act::Withdrew {
            purposes: None,
            source,
            actor: actor.clone(),
        },
        delivery: None,
    };
    let recorded = work
        .ledger
        .record(&Who::Person(who.clone()), &[event], &work.rules())
        .await;
    recorded.map(drop).map_err(unavailable)
}

fn source_of(channel: Channel) -> WithdrawalSource {
    match channel {
        Channel::Email => WithdrawalSource::Email,
        Channel::Post => WithdrawalSource::Letter,
        Channel::Phone => WithdrawalSource::Phone,
        Channel::Web => WithdrawalSource::WebForm,
        Channel::InPerson | Channel::Whatsapp => WithdrawalSource::Agent,
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::{Body, Response};
    use serde_json::{Value, json};

    use super::*;

    const NOW: &str = "2026-11-24T09:30:00Z";

    fn problem(body: &Value) -> Value {
        let known = ["recipient", "kind", "channel", "received_at", "source"];
        let read = Object::whole(body.as_object().unwrap(), &known)
            .and_then(|body| super::read(&body, Actor::System, NOW.parse().unwrap()));
        serde_json::from_slice(Response::<Body>::from(read.unwrap_err()).body()).unwrap()
    }

    fn with(member: &str, value: Value) -> Value {
        let mut body = json!({"recipient": {"phone": "+4915112345678"}, "kind": "access", "channel": "email"});
        body[member] = value;
        body
    }

    #[test]
    fn each_mistake_is_named_with_its_member_and_nothing_is_repeated() {
        for (body, member) in [
            (json!({"kind": "access", "channel": "email"}), "recipient"),
            (with("recipient", json!({})), "recipient"),
            (with("recipient", json!({"phone": "0151"})), "recipient.phone"),
            (with("recipient", json!({"contact_id": "00"})), "recipient"),
            (with("kind", json!("everything")), "kind"),
            (with("channel", json!("whatsapp")), "channel"),
            (with("source", json!("two\nlines")), "source"),
            (with("source", json!("a".repeat(201))), "source"),
            (with("received_at", json!("yesterday")), "received_at"),
            (with("received_at", json!("2026-11-25T09:30:00Z")), "received_at"),
        ] {
            let problem = problem(&body);
            assert_eq!(
                (&problem["status"], &problem["member"]),
                (&json!(400), &json!(member)),
                "{body}"
            );
        }
    }
}
