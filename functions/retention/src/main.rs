//! Starts the function.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use platform::deadline::Deadline;
use retention::Retention;
use serde_json::Value;
use service::Service;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let platform = platform::start("retention").await?;
    let retention = &Retention::new(Service::from(platform).warmed().await);
    run(service_fn(move |event: LambdaEvent<Value>| async move {
        let deadline = Deadline::of_invocation(Some(event.context.deadline));
        Ok::<_, Error>(retention.handle(deadline).await?)
    }))
    .await
}
