//! The embedded store on its own: writes the settings that reach it to the file named, and runs until it is killed.

use std::path::PathBuf;

use assent::store::{Store, StoreKind};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let settings = PathBuf::from(
        std::env::args_os()
            .nth(1)
            .ok_or("name the file to write the settings to")?,
    );
    let Store {
        endpoint,
        ledger_table,
        key_table,
        ..
    } = &Store::start(StoreKind::Memory).await?;
    let endpoint = endpoint.as_str();
    let text = format!("AWS_ENDPOINT_URL_DYNAMODB={endpoint}\nLEDGER_TABLE={ledger_table}\nKEY_TABLE={key_table}\n");
    // Written beside and moved, so that whoever waits for the file never reads half of it.
    let draft = settings.with_extension("draft");
    std::fs::write(&draft, text)?;
    std::fs::rename(draft, settings)?;
    std::future::pending().await
}
