//! Starts the function.

use campaign_check::CampaignCheck;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use platform::deadline::Deadline;
use serde_json::Value;
use service::Service;
use whatsapp::graph::Graph;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let platform = platform::start("campaign-check").await?;
    let graph = Graph::new(platform.settings.graph_base_url.as_str())?.trusting(platform.authorities.clone());
    let check = &CampaignCheck::new(Service::from(platform).warmed().await, graph);
    run(service_fn(move |event: LambdaEvent<Value>| async move {
        let deadline = Deadline::of_invocation(Some(event.context.deadline));
        Ok::<_, Error>(check.handle(deadline).await?)
    }))
    .await
}
