//! Starts the function. It takes one invocation after the other, or as many at once as `AWS_LAMBDA_MAX_CONCURRENCY` says.

use std::sync::Arc;

use lambda_http::{Error, run_concurrent, service_fn};
use platform::Answer;
use service::Service;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let service = Arc::new(Service::from(platform::start("webhook").await?).warmed().await);
    run_concurrent(service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Error>(Answer(webhook::handle(&service, request).await)) }
    }))
    .await
}
