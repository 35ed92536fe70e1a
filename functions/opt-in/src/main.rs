//! Starts the function.

use lambda_http::{Error, run, service_fn};
use platform::Answer;
use service::Service;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let service = Service::from(platform::start("opt-in").await?).warmed().await;
    let service = &service;
    run(service_fn(move |request| async move {
        Ok::<_, Error>(Answer(opt_in::handle(service, request).await))
    }))
    .await
}
