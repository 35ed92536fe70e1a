//! A check of a campaign, now.

use std::time::Duration;

use consent::campaign::Stage;
use consent::id::CampaignId;
use lambda_http::Request;
use lambda_http::http::StatusCode;
use ledger::CheckOutcome;
use platform::problem::json;
use serde::Serialize;
use service::http::refusal::unavailable;
use service::http::{self, Answer, body, caller};
use service::{Service, health};
use whatsapp::graph::Graph;

use crate::{campaign, refusal};

/// What is kept back of the time for the answer.
const TIME_TO_ANSWER: Duration = Duration::from_secs(1);

/// Checks the audience for as long as the request lasts. What is left is done by the schedule.
pub(crate) async fn run(service: &Service, graph: &Graph, request: &Request, id: &CampaignId) -> Answer {
    #[derive(Serialize)]
    struct Checking<'a> {
        campaign: &'a CampaignId,
        state: &'static str,
    }

    body::nothing(request)?;
    let work = http::begin(service, request).await?;
    let stored = campaign::known(&work, id).await?;
    let deadline = caller::deadline(request);
    let health = health::known(&work, graph, &stored.campaign.plan).await;
    let health = health.map_err(unavailable)?;
    let usage = work.ledger.usage(work.now).await.map_err(unavailable)?;
    let checked = work
        .ledger
        .check_campaign(
            id,
            Some(Stage::OnDemand),
            &health,
            Some(usage),
            &work.policy,
            &|| service.now(),
            &|| deadline.allows(TIME_TO_ANSWER),
        )
        .await;
    match checked.map_err(unavailable)? {
        CheckOutcome::Finished(stored) => Ok(campaign::shown(StatusCode::OK, &stored, &work)),
        CheckOutcome::NoCampaign => Err(refusal::unknown_campaign()),
        CheckOutcome::Busy | CheckOutcome::OutOfTime | CheckOutcome::NotDue => Ok(json(
            StatusCode::ACCEPTED,
            &Checking {
                campaign: id,
                state: "checking",
            },
        )),
    }
}
