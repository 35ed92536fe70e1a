//! Starts the function.

use campaigns::Campaigns;
use lambda_http::{Error, run, service_fn};
use platform::Answer;
use service::Service;
use whatsapp::graph::Graph;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let platform = platform::start("campaigns").await?;
    let graph = Graph::new(platform.settings.graph_base_url.as_str())?.trusting(platform.authorities.clone());
    let campaigns = &Campaigns::new(Service::from(platform).warmed().await, graph);
    run(service_fn(move |request| async move {
        Ok::<_, Error>(Answer(campaigns.handle(request).await))
    }))
    .await
}
