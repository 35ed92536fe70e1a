//! What is spent: calls, capacity, memory and computing time.

use std::collections::BTreeMap;
use std::iter::Sum;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use serde::Deserialize;

/// What one operation was called for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Use {
    pub(crate) calls: u64,
    /// Read or write units, whichever the operation takes.
    pub(crate) units: f64,
}

/// Everything that was spent, by operation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spent(BTreeMap<String, Use>);

impl Spent {
    pub(crate) fn operations(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn of(&self, operation: &str) -> Use {
        self.0.get(operation).copied().unwrap_or_default()
    }

    pub(crate) fn calls(&self) -> u64 {
        self.sum(|_| true, |spent| spent.calls)
    }

    pub(crate) fn writing_calls(&self) -> u64 {
        self.sum(writes, |spent| spent.calls)
    }

    pub(crate) fn read_units(&self) -> f64 {
        self.sum(|operation| !writes(operation), |spent| spent.units)
    }

    pub(crate) fn write_units(&self) -> f64 {
        self.sum(writes, |spent| spent.units)
    }

    fn sum<T: Sum>(&self, of: impl Fn(&str) -> bool, what: impl Fn(&Use) -> T) -> T {
        let counted = self.0.iter().filter(|(operation, _)| of(operation));
        counted.map(|(_, spent)| what(spent)).sum()
    }
}

/// Whether an operation takes write units.
fn writes(operation: &str) -> bool {
    [
        "TransactWriteItems",
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "BatchWriteItem",
    ]
    .contains(&operation)
}

/// Counts every attempt of every call, and has the store say what it consumed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter(Arc<Mutex<Spent>>);

impl Meter {
    pub(crate) fn spent(&self) -> Spent {
        self.0.lock().unwrap().clone()
    }

    fn add(&self, operation: &Operation, calls: u64, units: f64) {
        let mut spent = self.0.lock().unwrap();
        let spent = spent.0.entry(operation.0.clone()).or_default();
        spent.calls += calls;
        spent.units += units;
    }
}

/// Which operation a call is of, for whoever looks at its answer.
#[derive(Debug)]
struct Operation(String);

impl Storable for Operation {
    type Storer = StoreReplace<Self>;
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let body = request.body().bytes().expect("a body in memory");
        let body = std::str::from_utf8(body)?;
        // Every request of DynamoDB is an object with a member or more.
        let members = body.strip_prefix('{').expect("a JSON object");
        let body = format!(r#"{{"ReturnConsumedCapacity":"TOTAL",{members}"#);
        request.headers_mut().insert("content-length", body.len().to_string());
        *request.body_mut() = SdkBody::from(body);
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = Operation(target.rsplit('.').next().unwrap_or_default().to_owned());
        self.add(&operation, 1, 0.0);
        config.interceptor_state().store_put(operation);
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let (Some(body), Some(operation)) = (context.response().body().bytes(), config.load::<Operation>()) {
            let answer: Answer = serde_json::from_slice(body)?;
            self.add(operation, 0, answer.units());
        }
        Ok(())
    }
}

/// What an answer says of capacity.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    consumed_capacity: Option<Consumed>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Consumed {
    ByOneTable(Capacity),
    ByTables(Vec<Capacity>),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Capacity {
    capacity_units: f64,
}

impl Answer {
    fn units(&self) -> f64 {
        match &self.consumed_capacity {
            None => 0.0,
            Some(Consumed::ByOneTable(capacity)) => capacity.capacity_units,
            Some(Consumed::ByTables(capacities)) => capacities.iter().map(|capacity| capacity.capacity_units).sum(),
        }
    }
}

/// The most memory that this process has ever had, in bytes. Only Linux says so in a file.
pub(crate) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = peak.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024)
}

/// How long a process has been computing so far, where the system tells: in hundredths of a second. It is named by its id, or
/// `self`.
pub(crate) fn cpu_time(process: &str) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // What comes before may hold spaces: it is the name of the program, in brackets.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis(10 * (ticks()? + ticks()?)))
}
