//! What each function asks of the tables: every request that leaves its client, as IAM would see it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Mutex;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::{
    BeforeTransmitInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;

use aws_smithy_types::body::SdkBody;
use serde_json::Value;

/// What a request asks IAM for. Of a batch each table is asked for by itself, and of a transaction each kind of action on each table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Asked {
    pub(crate) function: &'static str,
    /// The IAM action.
    pub(crate) action: String,
    pub(crate) table: String,
    pub(crate) index: Option<String>,
    /// The partition keys that it names, in the table or the index; none if it names none, as a scan does.
    pub(crate) leading_keys: BTreeSet<String>,
    /// The attributes that it is about, if it says which; else it is about all.
    pub(crate) attributes: Option<BTreeSet<String>>,
}

/// What was asked, and in which chapter of the story for the first time.
static OBSERVED: Mutex<BTreeMap<Asked, &str>> = Mutex::new(BTreeMap::new());

static CHAPTER: Mutex<&str> = Mutex::new("the stack starts");

/// The function whose next change of a bucket of an audience finds that somebody else was faster.
static OVERTAKEN: Mutex<Option<&str>> = Mutex::new(None);

/// The story goes on with this.
pub(crate) fn chapter(title: &'static str) {
    *CHAPTER.lock().unwrap() = title;
}

/// Somebody else is faster than the function, the next time that it changes a bucket of an audience.
pub(crate) fn overtake(function: &'static str) {
    *OVERTAKEN.lock().unwrap() = Some(function);
}

/// Whether that has happened.
pub(crate) fn was_overtaken() -> bool {
    OVERTAKEN.lock().unwrap().is_none()
}

/// All that was asked so far.
pub(crate) fn observed() -> BTreeMap<Asked, &'static str> {
    OBSERVED.lock().unwrap().clone()
}

/// The client with everything noted that the function asks of it.
pub(crate) fn watched(function: &'static str, client: &Client) -> Client {
    let config = client.config().to_builder();
    Client::from_conf(config.interceptor(Watch(function)).build())
}

#[derive(Debug)]
struct Watch(&'static str);

impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "Watch"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut overtaken = OVERTAKEN.lock().unwrap();
        let request = context.request_mut();
        if *overtaken != Some(self.0) {
            return Ok(());
        }
        let mut body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default())?;
        let key = if body["Item"].is_null() {
            &body["Key"]
        } else {
            &body["Item"]
        };
        let is_bucket = key["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("bucket#"));
        if let (true, Some(condition)) = (is_bucket, body["ConditionExpression"].as_str()) {
            // What was read is not there any more, as far as the store can tell.
            body["ConditionExpression"] = format!("{condition} AND attribute_not_exists(pk)").into();
            let body = body.to_string();
            request.headers_mut().insert("content-length", body.len().to_string());
            *request.body_mut() = SdkBody::from(body);
            *overtaken = None;
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default())?;
        let chapter = *CHAPTER.lock().unwrap();
        let mut observed = OBSERVED.lock().unwrap();
        for asked in asked(self.0, operation, &body) {
            observed.entry(asked).or_insert(chapter);
        }
        Ok(())
    }
}

fn asked(function: &'static str, operation: &str, body: &Value) -> Vec<Asked> {
    let on = |table: &str, action: &str, request: &Value, keys: Vec<&Value>| Asked {
        function,
        action: action.to_owned(),
        table: table.to_owned(),
        index: request["IndexName"].as_str().map(str::to_owned),
        leading_keys: keys.into_iter().map(|key| text(&key["pk"]["S"])).collect(),
        attributes: attributes(request),
    };
    let of = |action: &str, request: &Value, keys| on(&text(&request["TableName"]), action, request, keys);
    match operation {
        "GetItem" | "UpdateItem" | "DeleteItem" => vec![of(operation, body, vec![&body["Key"]])],
        "PutItem" => vec![of(operation, body, vec![&body["Item"]])],
        "Scan" => vec![of(operation, body, vec![])],
        "Query" => {
            let mut query = of(operation, body, vec![]);
            query.leading_keys.insert(partition(body));
            vec![query]
        }
        "BatchGetItem" => {
            let tables = body["RequestItems"].as_object().unwrap();
            let of_table = |(table, request): (&String, &Value)| {
                let keys = request["Keys"].as_array().unwrap();
                on(table, operation, request, keys.iter().collect())
            };
            tables.iter().map(of_table).collect()
        }
        "TransactWriteItems" => {
            let mut by_action = BTreeMap::<_, Asked>::new();
            for action in body["TransactItems"].as_array().unwrap() {
                let (kind, request) = action.as_object().unwrap().iter().next().unwrap();
                let key = if kind == "Put" {
                    &request["Item"]
                } else {
                    &request["Key"]
                };
                let asked = of(action_of(kind), request, vec![key]);
                let place = (asked.action.clone(), asked.table.clone());
                match by_action.get_mut(&place) {
                    Some(same) => same.leading_keys.extend(asked.leading_keys),
                    None => drop(by_action.insert(place, asked)),
                }
            }
            by_action.into_values().collect()
        }
        other => panic!("{function} calls {other}, of which nobody has said what it asks IAM for"),
    }
}

fn action_of(kind: &str) -> &str {
    match kind {
        "Put" => "PutItem",
        "Update" => "UpdateItem",
        "Delete" => "DeleteItem",
        "ConditionCheck" => "ConditionCheckItem",
        other => panic!("a transaction has an action of a new kind: {other}"),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The partition that a query is in: the value that its first condition compares with.
fn partition(query: &Value) -> String {
    let condition = query["KeyConditionExpression"].as_str().unwrap();
    let (_, value) = condition.split_once('=').unwrap();
    let value = value.split_whitespace().next().unwrap();
    text(&query["ExpressionAttributeValues"][value]["S"])
}

/// What a read is projected on, with the key, which it names in any case.
fn attributes(request: &Value) -> Option<BTreeSet<String>> {
    let projection = request["ProjectionExpression"].as_str()?;
    let names = projection
        .split(',')
        .map(str::trim)
        .map(|name| match name.strip_prefix('#') {
            Some(_) => text(&request["ExpressionAttributeNames"][name]),
            None => name.to_owned(),
        });
    Some(names.chain(["pk".to_owned()]).collect())
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let index = self.index.iter().map(|index| format!("/{index}")).collect::<String>();
        let keys: BTreeSet<_> = self.leading_keys.iter().map(|key| kind_of(key)).collect();
        write!(f, "{} on {}{index}, keys {keys:?}", self.action, self.table)?;
        match &self.attributes {
            Some(attributes) => write!(f, ", attributes {attributes:?}"),
            None => Ok(()),
        }
    }
}

/// The kind of thing that a partition key names.
pub(crate) fn kind_of(key: &str) -> String {
    match key.split_once('#') {
        Some((kind, _)) => format!("{kind}#*"),
        None => key.to_owned(),
    }
}
