//! What a client's requests consume.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, KeySchemaElement, ProjectionType, TableDescription};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use serde_json::Value;
use tokio::sync::Mutex;

use super::Consistency::{self, Eventual, Strong};
use super::{Item, Units, size};
use crate::connector;

/// Measures what goes through its clients. Their requests go one at a time, and the items that one is about are looked at before and
/// after it, so that sizes are exact.
#[derive(Debug, Clone)]
pub struct Meter {
    /// Looks at items, unmeasured.
    store: Client,
    measured: Arc<Mutex<Measured>>,
}

#[derive(Debug, Default)]
struct Measured {
    units: Units,
    tables: HashMap<String, Table>,
}

/// What the price of an item goes by in a table.
#[derive(Debug, Clone)]
struct Table {
    key: Vec<String>,
    /// The keys of each index. It holds nothing else but the item's key.
    indexes: Vec<Vec<String>>,
}

/// An item that a request writes.
#[derive(Debug)]
struct Written {
    table: Table,
    name: String,
    key: Item,
    before: Option<Item>,
    /// What it would become, where the request says so.
    put: Option<Item>,
}

impl Meter {
    /// A meter in front of the store that the client reaches.
    pub fn before(store: Client) -> Self {
        Self {
            store,
            measured: Arc::default(),
        }
    }

    /// A client that is measured. It neither retries nor loses patience.
    pub fn client(&self) -> Client {
        let meter = self.clone();
        let http = connector::http_client(move |request, real| meter.clone().pass(request, real));
        let config = self.store.config().to_builder();
        let config = config
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled());
        Client::from_conf(config.http_client(http).build())
    }

    /// What was consumed since this was asked last.
    pub async fn take(&self) -> Units {
        std::mem::take(&mut self.measured.lock().await.units)
    }

    fn pass(self, request: HttpRequest, real: SharedHttpConnector) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap();
        HttpConnectorFuture::new(async move {
            let mut measured = self.measured.lock().await;
            let reads = self.reads(&operation, &body).await;
            let written = self.written(&mut measured, &operation, &body).await;
            let answer = real.call(request).await?;
            let writes = self.writes(&written, &operation, answer.status().is_success()).await;
            measured.units = measured.units + reads + writes;
            Ok(answer)
        })
    }

    async fn table(&self, measured: &mut Measured, name: &str) -> Table {
        if let Some(known) = measured.tables.get(name) {
            return known.clone();
        }
        let described = self.store.describe_table().table_name(name).send().await.unwrap();
        let table = Table::from(described.table.unwrap());
        measured.tables.insert(name.to_owned(), table.clone());
        table
    }

    async fn item(&self, table: &str, key: &Item) -> Option<Item> {
        let get = self.store.get_item().table_name(table).set_key(Some(key.clone()));
        get.consistent_read(true).send().await.unwrap().item
    }

    /// What the request reads.
    async fn reads(&self, operation: &str, body: &Value) -> Units {
        match operation {
            "GetItem" => {
                self.read(text(&body["TableName"]), &body["Key"], consistency(body))
                    .await
            }
            "BatchGetItem" => {
                let mut units = Units::default();
                for (table, request) in body["RequestItems"].as_object().unwrap() {
                    for key in request["Keys"].as_array().unwrap() {
                        units = units + self.read(table, key, consistency(request)).await;
                    }
                }
                units
            }
            "Query" => self.query(body).await,
            "PutItem" | "UpdateItem" | "DeleteItem" | "TransactWriteItems" => Units::default(),
            other => panic!("nobody has said what {other} consumes"),
        }
    }

    async fn read(&self, table: &str, key: &Value, consistency: Consistency) -> Units {
        let item = self.item(table, &item(key)).await;
        Units::read(item.as_ref().map_or(0, size), consistency)
    }

    /// A query is charged for what it goes through, before anything of it is filtered or left out.
    async fn query(&self, body: &Value) -> Units {
        let condition = text(&body["KeyConditionExpression"]);
        let is_used = |(name, _): &(&String, &Value)| condition.contains(name.as_str());
        let names = body["ExpressionAttributeNames"].as_object().into_iter().flatten();
        let values = body["ExpressionAttributeValues"].as_object().into_iter().flatten();
        let names = names
            .filter(is_used)
            .map(|(name, stands_for)| (name.clone(), text(stands_for).to_owned()));
        let values = values
            .filter(is_used)
            .map(|(name, value)| (name.clone(), attribute(value)));
        let query = self
            .store
            .query()
            .table_name(text(&body["TableName"]))
            .set_index_name(body["IndexName"].as_str().map(str::to_owned))
            .key_condition_expression(condition)
            .set_expression_attribute_names(Some(names.collect()).filter(|names: &HashMap<_, _>| !names.is_empty()))
            .set_expression_attribute_values(Some(values.collect()))
            .set_exclusive_start_key(body.get("ExclusiveStartKey").map(item))
            .set_scan_index_forward(body["ScanIndexForward"].as_bool())
            .set_limit(body["Limit"].as_i64().map(|limit| limit.try_into().unwrap()))
            .send();
        let bytes = query.await.unwrap().items().iter().map(size).sum();
        Units::read(bytes, consistency(body))
    }

    /// The items that the request writes, as they are before it.
    async fn written(&self, measured: &mut Measured, operation: &str, body: &Value) -> Vec<Written> {
        let requests = match operation {
            "PutItem" | "UpdateItem" | "DeleteItem" => vec![body],
            "TransactWriteItems" => {
                let actions = body["TransactItems"].as_array().unwrap();
                actions
                    .iter()
                    .flat_map(|action| action.as_object().unwrap().values())
                    .collect()
            }
            _ => vec![],
        };
        let mut written = vec![];
        for request in requests {
            let name = text(&request["TableName"]).to_owned();
            let table = self.table(measured, &name).await;
            let put = request.get("Item").map(item);
            let key = match &put {
                Some(put) => table.key_of(put),
                None => item(&request["Key"]),
            };
            let before = self.item(&name, &key).await;
            written.push(Written {
                table,
                name,
                key,
                before,
                put,
            });
        }
        written
    }

    /// What a write consumes that was carried out or refused.
    async fn writes(&self, written: &[Written], operation: &str, is_done: bool) -> Units {
        let is_transaction = operation == "TransactWriteItems";
        let mut units = Units::default();
        for one in written {
            let after = match (is_done, is_transaction) {
                (true, _) => self.item(&one.name, &one.key).await,
                (false, true) => one.put.clone().or_else(|| one.before.clone()),
                (false, false) => one.before.clone(),
            };
            let bytes = [&one.before, &after].map(|item| item.as_ref().map_or(0, size));
            let write = Units::write(bytes.into_iter().max().unwrap_or_default());
            units = units + if is_transaction { write.twice() } else { write };
            if is_done {
                units = units + one.table.indexed(one.before.as_ref(), after.as_ref());
            }
        }
        units
    }
}

impl From<TableDescription> for Table {
    fn from(table: TableDescription) -> Self {
        let names = |schema: &[KeySchemaElement]| schema.iter().map(|key| key.attribute_name.clone()).collect();
        let key: Vec<_> = names(table.key_schema());
        let indexes = table.global_secondary_indexes().iter().map(|index| {
            let projection = index.projection().and_then(|projection| projection.projection_type());
            assert_eq!(projection, Some(&ProjectionType::KeysOnly));
            names(index.key_schema())
        });
        Self {
            indexes: indexes.collect(),
            key,
        }
    }
}

impl Table {
    fn key_of(&self, item: &Item) -> Item {
        part(item, &self.key).unwrap()
    }

    /// What the indexes consume when an item changes. They are written after the transaction, and not in it.
    fn indexed(&self, before: Option<&Item>, after: Option<&Item>) -> Units {
        let of_index = |index: &Vec<String>| {
            let place = |item: Option<&Item>| Some((part(item?, index)?, self.key_of(item?)));
            let (before, after) = (place(before), place(after));
            if before == after {
                return Units::default();
            }
            let places = before.into_iter().chain(after);
            places.map(|(place, key)| Units::write(size(&place) + size(&key))).sum()
        };
        self.indexes.iter().map(of_index).sum()
    }
}

/// Some of an item's attributes, if it has them all.
fn part(item: &Item, names: &[String]) -> Option<Item> {
    let one = |name: &String| Some((name.clone(), item.get(name)?.clone()));
    names.iter().map(one).collect()
}

fn consistency(request: &Value) -> Consistency {
    if request["ConsistentRead"] == true {
        Strong
    } else {
        Eventual
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// An item as it goes over the wire.
fn item(value: &Value) -> Item {
    let attributes = value.as_object().unwrap_or_else(|| panic!("no item: {value}"));
    attributes
        .iter()
        .map(|(name, value)| (name.clone(), attribute(value)))
        .collect()
}

fn attribute(value: &Value) -> AttributeValue {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    let all = || value.as_array().unwrap().iter();
    let bytes = |value| Blob::new(aws_smithy_types::base64::decode(text(value)).unwrap());
    match kind.as_str() {
        "S" => AttributeValue::S(text(value).to_owned()),
        "N" => AttributeValue::N(text(value).to_owned()),
        "B" => AttributeValue::B(bytes(value)),
        "BOOL" => AttributeValue::Bool(value == true),
        "NULL" => AttributeValue::Null(true),
        "L" => AttributeValue::L(all().map(attribute).collect()),
        "M" => AttributeValue::M(item(value)),
        "SS" => AttributeValue::Ss(all().map(|value| text(value).to_owned()).collect()),
        "BS" => AttributeValue::Bs(all().map(bytes).collect()),
        other => panic!("a value of a new kind: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use assent::store::{Store, StoreKind};
    use aws_sdk_dynamodb::types::{ConditionCheck, Put, TransactWriteItem};

    use super::*;

    struct World {
        store: Store,
        meter: Meter,
        client: Client,
    }

    fn s(text: impl Into<String>) -> AttributeValue {
        AttributeValue::S(text.into())
    }

    fn n(number: u32) -> AttributeValue {
        AttributeValue::N(number.to_string())
    }

    /// A key of six bytes with its names.
    fn key(pk: &str) -> Item {
        Item::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s("s"))])
    }

    /// An item of so many bytes.
    fn of_size(pk: &str, bytes: usize) -> Item {
        let mut item = key(pk);
        item.insert("body".to_owned(), s("x".repeat(bytes - size(&item) - "body".len())));
        assert_eq!(size(&item), bytes);
        item
    }

    fn due(mut item: Item, at: u32) -> Item {
        item.insert("due_shard".to_owned(), s("a"));
        item.insert("due_at".to_owned(), n(at));
        item
    }

    impl World {
        async fn new() -> Self {
            let store = Store::start(StoreKind::Memory).await.unwrap();
            let meter = Meter::before(store.client());
            let client = meter.client();
            Self { store, meter, client }
        }

        async fn put(&self, item: Item) -> (f64, f64) {
            let put = self.client.put_item().table_name(self.store.ledger_table);
            put.set_item(Some(item)).send().await.unwrap();
            self.taken().await
        }

        async fn put_if_new(&self, item: Item) -> (f64, f64) {
            let put = self.client.put_item().table_name(self.store.ledger_table);
            let put = put.condition_expression("attribute_not_exists(pk)");
            put.set_item(Some(item)).send().await.unwrap_err();
            self.taken().await
        }

        async fn taken(&self) -> (f64, f64) {
            let units = self.meter.take().await;
            (units.reads(), units.writes())
        }

        fn put_action(&self, item: Item) -> TransactWriteItem {
            let put = Put::builder().table_name(self.store.ledger_table).set_item(Some(item));
            TransactWriteItem::builder().put(put.build().unwrap()).build()
        }

        fn check_action(&self, pk: &str) -> TransactWriteItem {
            let check = ConditionCheck::builder().table_name(self.store.ledger_table);
            let check = check
                .set_key(Some(key(pk)))
                .condition_expression("attribute_exists(pk)");
            TransactWriteItem::builder()
                .condition_check(check.build().unwrap())
                .build()
        }

        async fn transact(&self, actions: Vec<TransactWriteItem>) -> (bool, (f64, f64)) {
            let call = self.client.transact_write_items().set_transact_items(Some(actions));
            (call.send().await.is_ok(), self.taken().await)
        }
    }

    #[tokio::test]
    async fn a_write_costs_the_larger_of_before_and_after() {
        let world = World::new().await;
        assert_eq!(world.put(of_size("a", 1024)).await, (0.0, 1.0));
        assert_eq!(world.put(of_size("a", 1025)).await, (0.0, 2.0));
        assert_eq!(world.put(of_size("a", 100)).await, (0.0, 2.0));
        let update = world.client.update_item().table_name(world.store.ledger_table);
        let update = update.set_key(Some(key("a"))).update_expression("SET more = :more");
        update
            .expression_attribute_values(":more", s("x".repeat(2000)))
            .send()
            .await
            .unwrap();
        assert_eq!(world.taken().await, (0.0, 3.0));
        let delete = world.client.delete_item().table_name(world.store.ledger_table);
        delete.set_key(Some(key("a"))).send().await.unwrap();
        assert_eq!(world.taken().await, (0.0, 3.0));
    }

    #[tokio::test]
    async fn a_refused_write_costs_what_is_there() {
        let world = World::new().await;
        world.put(of_size("a", 1500)).await;
        assert_eq!(world.put_if_new(of_size("a", 100)).await, (0.0, 2.0));
    }

    #[tokio::test]
    async fn the_index_costs_when_an_item_enters_it_moves_in_it_or_leaves_it() {
        let world = World::new().await;
        assert_eq!(world.put(due(of_size("a", 500), 1)).await, (0.0, 2.0));
        assert_eq!(world.put(due(of_size("a", 600), 1)).await, (0.0, 1.0));
        assert_eq!(world.put(due(of_size("a", 600), 2)).await, (0.0, 3.0));
        assert_eq!(world.put(of_size("a", 600)).await, (0.0, 2.0));
    }

    #[tokio::test]
    async fn a_transaction_costs_twice_and_its_index_once_also_where_it_only_checks_or_is_cancelled() {
        let world = World::new().await;
        let put = || world.put_action(due(of_size("a", 1500), 1));
        assert_eq!(world.transact(vec![put()]).await, (true, (0.0, 5.0)));
        let other = || world.put_action(of_size("b", 1500));
        assert_eq!(
            world.transact(vec![other(), world.check_action("a")]).await,
            (true, (0.0, 8.0))
        );
        assert_eq!(
            world.transact(vec![other(), world.check_action("c")]).await,
            (false, (0.0, 6.0))
        );
    }

    #[tokio::test]
    async fn reads_cost_what_they_went_through() {
        let world = World::new().await;
        for (pk, bytes) in [("a", 1500), ("b", 6500)] {
            world.put(due(of_size(pk, bytes), 1)).await;
        }
        let get = |pk: &str, is_consistent| {
            let get = world.client.get_item().table_name(world.store.ledger_table);
            get.set_key(Some(key(pk))).consistent_read(is_consistent).send()
        };
        get("b", true).await.unwrap();
        assert_eq!(world.taken().await, (2.0, 0.0));
        get("b", false).await.unwrap();
        assert_eq!(world.taken().await, (1.0, 0.0));
        get("c", true).await.unwrap();
        assert_eq!(world.taken().await, (1.0, 0.0));

        let query = |condition: &str| {
            let query = world.client.query().table_name(world.store.ledger_table);
            query.key_condition_expression(condition)
        };
        let partition = query("#pk = :pk").expression_attribute_names("#pk", "pk");
        let partition = partition.expression_attribute_values(":pk", s("b"));
        // Nothing comes of it, and only a little of each.
        let partition = partition.filter_expression("#body = :pk").projection_expression("#sk");
        let partition = partition
            .expression_attribute_names("#body", "body")
            .expression_attribute_names("#sk", "sk");
        partition.consistent_read(true).send().await.unwrap();
        assert_eq!(world.taken().await, (2.0, 0.0));

        // The index holds keys alone: both together are less than 4 KB.
        let index = query("due_shard = :shard").index_name("due");
        index
            .expression_attribute_values(":shard", s("a"))
            .send()
            .await
            .unwrap();
        assert_eq!(world.taken().await, (0.5, 0.0));
    }
}
