//! Campaigns: what shall be sent for which purpose, by whom and when.

use consent::campaign::{Everyone, Plan, Schedule, State, Template};
use consent::id::{AudienceDigest, CampaignId};
use consent::policy::Mode;
use consent::time::Time;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use ledger::{PutCampaign, StoredCampaign};
use platform::problem::json;
use serde::Serialize;
use service::http::body::{self, Object};
use service::http::refusal::unavailable;
use service::http::{self, Answer, Refusal};
use service::{Service, Work};

use crate::refusal;
use crate::verdict::Shown;

/// The modes that a campaign can ask for.
const MODES: [Mode; 3] = [Mode::Observe, Mode::Warn, Mode::Enforce];

fn read(body: &Object<'_>) -> Result<Plan, Refusal> {
    let template = body.need("template")?.object(&["name", "language"])?;
    Ok(Plan {
        purpose: body.need("purpose")?.parsed()?,
        sender: body.need("sender")?.parsed()?,
        template: Template {
            name: template.need("name")?.parsed()?,
            language: template.need("language")?.parsed()?,
        },
        scheduled_at: body.need("scheduled_at")?.parsed::<Schedule>()?,
        mode: body.get("mode").map_or(Ok(Mode::Enforce), |mode| mode.one_of(&MODES))?,
    })
}

/// Registers a campaign, or changes what it is to do.
pub(crate) async fn put(service: &Service, request: &Request, id: &CampaignId) -> Answer {
    let members = body::read(request)?;
    let known = ["purpose", "sender", "template", "scheduled_at", "mode"];
    let plan = read(&Object::whole(&members, &known)?)?;
    let work = http::begin(service, request).await?;
    // A repetition of what was taken once is no new plan, so that it may come after the start.
    if let Some(stored) = work.ledger.campaign(id).await.map_err(unavailable)?
        && stored.campaign.plan == plan
    {
        return Ok(shown(StatusCode::OK, &stored, &work));
    }
    plan.check(&work.policy, work.now).map_err(refusal::plan)?;
    let put = work.ledger.put_campaign(id, &plan, &work.policy, work.now).await;
    match put.map_err(unavailable)? {
        PutCampaign::Created(stored) => {
            service.metrics.count("campaigns_registered", 1);
            Ok(shown(StatusCode::CREATED, &stored, &work))
        }
        PutCampaign::Changed(stored) | PutCampaign::Same(stored) => Ok(shown(StatusCode::OK, &stored, &work)),
        PutCampaign::Closed(state) => Err(refusal::closed(state)),
    }
}

/// A campaign, its audience and its latest verdict.
pub(crate) async fn show(service: &Service, request: &Request, id: &CampaignId) -> Answer {
    let work = http::begin(service, request).await?;
    let stored = known(&work, id).await?;
    Ok(shown(StatusCode::OK, &stored, &work))
}

/// The campaign with that id, which must be there.
pub(crate) async fn known(work: &Work, id: &CampaignId) -> Result<StoredCampaign, Refusal> {
    let stored = work.ledger.campaign(id).await.map_err(unavailable)?;
    stored.ok_or_else(refusal::unknown_campaign)
}

/// The answer that shows a campaign as it stands.
pub(crate) fn shown(status: StatusCode, stored: &StoredCampaign, work: &Work) -> Response<Body> {
    #[derive(Serialize)]
    struct Answer<'a> {
        id: &'a CampaignId,
        state: State,
        #[serde(flatten)]
        plan: &'a Plan,
        registered_at: Time,
        starts_at: Time,
        ends_at: Time,
        #[serde(skip_serializing_if = "Option::is_none")]
        sending_since: Option<Time>,
        audience: AudienceShown<'a>,
        verdict: Option<Shown<'a>>,
        findings: u64,
    }

    let campaign = &stored.campaign;
    let answer = Answer {
        id: &campaign.id,
        state: campaign.state(work.now),
        plan: &campaign.plan,
        registered_at: campaign.registered_at,
        starts_at: campaign.plan.scheduled_at.at(),
        ends_at: campaign.plan.ends_at(),
        sending_since: campaign.sending_since,
        audience: AudienceShown::of(&campaign.audience),
        verdict: Shown::of(stored),
        findings: stored.findings,
    };
    json(status, &answer)
}

/// What is known of an audience without reading it.
#[derive(Debug, Serialize)]
pub(crate) struct AudienceShown<'a> {
    sha256: AudienceDigest,
    parts: u16,
    recipients: u64,
    duplicates: u64,
    invalid: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    all: Option<&'a Everyone>,
}

impl<'a> AudienceShown<'a> {
    pub(crate) fn of(audience: &'a consent::campaign::AudienceSummary) -> Self {
        Self {
            sha256: audience.digest,
            parts: audience.parts,
            recipients: audience.recipients,
            duplicates: audience.duplicates,
            invalid: audience.invalid,
            all: audience.everyone.as_ref(),
        }
    }
}
