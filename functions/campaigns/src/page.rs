//! The audience, page by page, each recipient judged as the page is read.

use consent::campaign::Judgement;
use consent::id::{CampaignId, ContactId};
use lambda_http::Request;
use lambda_http::http::StatusCode;
use ledger::{Cursor, PageError};
use platform::problem::json;
use serde::Serialize;
use service::Service;
use service::http::body::{Member, Object};
use service::http::refusal::unavailable;
use service::http::{self, Answer, Refusal, query};

use crate::judged::Answered;
use crate::{campaign, refusal};

/// The verdicts that a page can be of.
const VERDICTS: [&str; 4] = ["allow", "defer", "review", "deny"];

/// The pages and verdicts that are asked for.
struct Asked {
    verdict: Option<&'static str>,
    cursor: Option<Cursor>,
}

impl Asked {
    fn read(query: &Object<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            verdict: query.get("verdict").map(|verdict| one_of(&verdict)).transpose()?,
            cursor: query.get("cursor").map(|cursor| cursor.parsed()).transpose()?,
        })
    }

    fn wants(&self, judgement: Judgement) -> bool {
        self.verdict
            .is_none_or(|verdict| verdict == judgement.verdict().as_str())
    }
}

fn one_of(member: &Member<'_>) -> Result<&'static str, Refusal> {
    let text = member.text()?;
    let known = VERDICTS.into_iter().find(|verdict| *verdict == text);
    known.ok_or_else(|| member.wrong("write one of the verdicts").with_allowed(VERDICTS))
}

/// A page of the audience. It may be short, or empty, though there is another one.
pub(crate) async fn show(service: &Service, request: &Request, id: &CampaignId) -> Answer {
    #[derive(Serialize)]
    struct Page<'a> {
        recipients: Vec<Recipient<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    }
    #[derive(Serialize)]
    struct Recipient<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        contact_id: Option<ContactId>,
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<&'a str>,
        #[serde(flatten)]
        answered: Answered,
    }

    let parameters = query::read(request)?;
    let asked = Asked::read(&Object::whole(&parameters, &["verdict", "cursor"])?)?;
    let work = http::begin(service, request).await?;
    let stored = campaign::known(&work, id).await?;
    let plan = &stored.campaign.plan;
    let health = work.ledger.health(&plan.sender, &plan.template, &work.policy);
    let health = health.await.map_err(unavailable)?;
    let usage = work.ledger.usage(work.now).await.map_err(unavailable)?;
    let page = work
        .ledger
        .recipients(
            &stored,
            asked.cursor.as_ref(),
            &health,
            Some(usage),
            &work.policy,
            work.now,
        )
        .await;
    let page = page.map_err(|error| match error {
        PageError::AudienceChanged => refusal::stale_cursor(),
        PageError::Ledger(error) => unavailable(error),
    })?;
    let wanted = page.judged.iter().filter(|judged| asked.wants(judged.judgement));
    let recipients = wanted.map(|judged| Recipient {
        contact_id: judged.contact,
        reference: judged.reference.as_ref().map(|reference| reference.expose()),
        answered: judged.judgement.into(),
    });
    let page = Page {
        recipients: recipients.collect(),
        cursor: page.next.as_ref().map(ToString::to_string),
    };
    Ok(json(StatusCode::OK, &page))
}
