//! Step one of the double opt-in, as the controller took it: it is recorded, and the contact is asked in WhatsApp.

use consent::contact::{Contact, Status};
use consent::decide::Rules;
use consent::event::{Act, Asked, Event};
use consent::evidence::{Actor, Validity};
use consent::id::{ContactId, Locale, PurposeId, RequestId};
use consent::outgoing::request_id;
use consent::register::RequestSource;
use consent::time::Span;
use consent::token::MAX_PURPOSES;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use ledger::Who;
use platform::problem::json;
use serde::Serialize;
use service::http::body::{self, Member, Object};
use service::http::refusal::{unavailable, unknown_contact};
use service::http::{self, Answer, Refusal, caller};
use service::{Service, Work};

use crate::occurrence::Occurrence;
use crate::recipient::Recipient;
use crate::{purposes, refusal};

/// How the controller can have taken a request. What the contact does in WhatsApp is not for this API to say: that is
/// known from a signed webhook alone.
const SOURCES: [RequestSource; 5] = [
    RequestSource::WebForm,
    RequestSource::QrCode,
    RequestSource::Advertisement,
    RequestSource::Paper,
    RequestSource::Account,
];

/// The most characters of a page's address.
const MAX_URL: usize = 2_048;

/// The most characters of a form's name.
const MAX_FORM: usize = 200;

/// Takes a request for consent.
pub(crate) async fn take(service: &Service, request: &Request) -> Answer {
    let answer = record(service, request).await;
    match &answer {
        Ok(_) => service.metrics.count("opt_ins", 1),
        Err(refusal) if refusal.is_the_callers() => service.metrics.count("opt_ins_refused", 1),
        Err(_) => {}
    }
    answer
}

async fn record(service: &Service, request: &Request) -> Answer {
    let members = body::read(request)?;
    let work = http::begin(service, request).await?;
    let known = ["recipient", "purposes", "locale", "source"];
    let body = Object::whole(&members, &[known.as_slice(), &Occurrence::MEMBERS].concat())?;
    let recipient = Recipient::read(&body.need("recipient")?)?;
    let form = Form::read(&body, &work)?;
    let occurrence = Occurrence::read(&body, work.now)?;

    let subject = recipient.find(&work.ledger).await?;
    let (id, at) = occurrence.identify(&work, "opt-ins", &members).await?;
    let asked = form.asked(request_id(&id), caller::actor(request));
    let event = |asked: Asked| Event {
        id,
        at,
        act: Act::Asked(asked),
        delivery: None,
    };
    if let Some(subject) = &subject
        && let Some(pause) = pause_before(&subject.contact, &asked, event, &work.rules())
    {
        return Err(refusal::rate_limited(pause));
    }
    let who = recipient.who();
    let recorded = work.ledger.record(&who, &[event(asked.clone())], &work.rules()).await;
    let mut contacts = recorded
        .map_err(unavailable)?
        .into_iter()
        .filter_map(|recorded| recorded.contact);
    let contact = contacts.next().ok_or_else(|| match who {
        // A request makes its person known, unless it is older than the erasure of all that was known.
        Who::Person(_) | Who::IfKnown(_) => refusal::outdated(),
        Who::Contact(_) => unknown_contact(),
    })?;
    Ok(accepted(&contact, &asked, &work))
}

/// What was asked, and how.
struct Form {
    purposes: Vec<PurposeId>,
    locale: Locale,
    source: RequestSource,
    url: Option<String>,
    form: Option<String>,
}

impl Form {
    fn read(body: &Object<'_>, work: &Work) -> Result<Self, Refusal> {
        let policy = &work.policy;
        let locale = http::locale::read(&body.need("locale")?, policy)?;
        let offered: Vec<_> = policy
            .purposes()
            .map(|purpose| purpose.id())
            .filter(|purpose| policy.notice(purpose, locale, work.now).is_some())
            .collect();
        let list = body.need("purposes")?;
        let purposes = purposes::read(&list, &offered)?;
        if purposes.len() > MAX_PURPOSES {
            return Err(list.wrong(format_args!("one prompt asks for at most {MAX_PURPOSES} purposes")));
        }
        let source = body.need("source")?.object(&["kind", "url", "form"])?;
        Ok(Self {
            purposes,
            locale: locale.clone(),
            source: source.need("kind")?.one_of(&SOURCES)?,
            url: source.get("url").map(|url| page(&url)).transpose()?,
            form: source
                .get("form")
                .map(|form| form.line(MAX_FORM).map(str::to_owned))
                .transpose()?,
        })
    }

    fn asked(self, request: RequestId, actor: Actor) -> Asked {
        let Self {
            purposes,
            locale,
            source,
            url,
            form,
        } = self;
        Asked {
            request,
            purposes,
            locale,
            source,
            url,
            form,
            actor,
        }
    }
}

/// The address of a page, without its query and fragment: they often say who filled in the form, and the evidence names the
/// page alone.
fn page(url: &Member<'_>) -> Result<String, Refusal> {
    let line = url.line(MAX_URL)?;
    let page = line.split(['?', '#']).next().unwrap_or_default();
    let rest = page.strip_prefix("https://").or_else(|| page.strip_prefix("http://"));
    if rest.is_none_or(str::is_empty) || page.contains(char::is_whitespace) {
        return Err(url.wrong("write the address of a page, beginning with https://"));
    }
    Ok(page.to_owned())
}

/// How long the caller must wait because the contact was asked too often, if a prompt would have to be sent.
///
/// Whether it would is the rules' to say, so they are asked: for each purpose alone, because the record of an event tells
/// one reason for all its purposes.
fn pause_before(contact: &Contact, asked: &Asked, event: impl Fn(Asked) -> Event, rules: &Rules<'_>) -> Option<Span> {
    let next = contact.next_prompt_at(rules.policy, rules.now)?;
    let is_limited = |purpose: &PurposeId| {
        let alone = Asked {
            purposes: vec![purpose.clone()],
            ..asked.clone()
        };
        let decision = contact.clone().apply(&[event(alone)], rules);
        decision
            .evidence
            .iter()
            .any(|draft| draft.evidence.validity == Validity::RateLimited)
    };
    asked.purposes.iter().any(is_limited).then(|| next.since(rules.now))
}

fn accepted(contact: &Contact, asked: &Asked, work: &Work) -> Response<Body> {
    #[derive(Serialize)]
    struct Accepted<'a> {
        contact_id: ContactId,
        consents: Vec<Consent<'a>>,
    }
    #[derive(Serialize)]
    struct Consent<'a> {
        purpose: &'a PurposeId,
        status: Status,
        #[serde(skip_serializing_if = "Option::is_none")]
        request_id: Option<RequestId>,
    }

    let consent = |purpose| {
        let standing = contact.standing(purpose, &work.policy, work.now);
        let (status, request_id) = match standing.status {
            // Whoever fills in a form with someone's number must not learn from the answer whether it is on WhatsApp. So all
            // that a prompt can come to without the contact's own act is one answer, also where the number turned out to be
            // unreachable.
            Status::None | Status::Requested | Status::Pending | Status::Expired | Status::Invalidated => {
                (Status::Requested, Some(standing.request.unwrap_or(asked.request)))
            }
            status @ (Status::Confirmed | Status::Declined | Status::Withdrawn | Status::Lapsed) => {
                (status, standing.request)
            }
        };
        Consent {
            purpose,
            status,
            request_id,
        }
    };
    let consents = asked.purposes.iter().map(consent).collect();
    json(
        StatusCode::ACCEPTED,
        &Accepted {
            contact_id: contact.id,
            consents,
        },
    )
}
