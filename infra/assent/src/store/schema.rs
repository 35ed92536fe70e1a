//! The tables' schemas, read from the template so that the local tables and the deployed ones cannot drift apart.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::client::Waiters;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, Projection, TableDescription,
    TimeToLiveSpecification,
};
use serde::Deserialize;
use serde_yaml_ng::Value;

use super::StoreError;

const TEMPLATE: &str = include_str!("../../../../template.yaml");

/// Properties that mean nothing on one machine. Streams are among them; [`Store::start`](super::Store::start) says why.
const LEFT_OUT: [&str; 5] = [
    "BillingMode",
    "DeletionProtectionEnabled",
    "PointInTimeRecoverySpecification",
    "SSESpecification",
    "StreamSpecification",
];
const APPLIED: [&str; 4] = [
    "AttributeDefinitions",
    "KeySchema",
    "GlobalSecondaryIndexes",
    "TimeToLiveSpecification",
];

/// Creates the ledger's table and the table of subject keys as the template describes them, without streams, at any
/// DynamoDB. A table that is there already is left as it is.
///
/// # Errors
/// [`StoreError::Differs`] if a table that is there has another schema; [`StoreError::Service`] if a call fails.
pub async fn create_tables(client: &Client, ledger_name: &str, keys_name: &str) -> Result<(), StoreError> {
    create_from(TEMPLATE, client, ledger_name, keys_name).await
}

async fn create_from(template: &str, client: &Client, ledger_name: &str, keys_name: &str) -> Result<(), StoreError> {
    let template: Value =
        serde_yaml_ng::from_str(template).map_err(|error| StoreError::Template(format!("no YAML: {error}")))?;
    for (logical_id, name) in [("Ledger", ledger_name), ("SubjectKeys", keys_name)] {
        let schema = Schema::of(&template, logical_id)?;
        if let Some(present) = Schema::present(client, name).await? {
            if present != schema {
                return Err(StoreError::Differs(name.to_owned()));
            }
        } else {
            schema.create(client, name).await?;
        }
    }
    Ok(())
}

/// A table's schema, in CloudFormation's words. A part that is not known is refused rather than dropped.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Schema {
    attribute_definitions: BTreeSet<Attribute>,
    key_schema: Vec<Key>,
    #[serde(default)]
    global_secondary_indexes: BTreeSet<Index>,
    time_to_live_specification: Option<Expiry>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Attribute {
    attribute_name: String,
    attribute_type: String,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Key {
    attribute_name: String,
    key_type: String,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Index {
    index_name: String,
    key_schema: Vec<Key>,
    projection: Projected,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Projected {
    projection_type: String,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Expiry {
    attribute_name: String,
    enabled: bool,
}

impl Schema {
    fn of(template: &Value, logical_id: &str) -> Result<Self, StoreError> {
        let wrong = |what: String| StoreError::Template(format!("the table {logical_id} {what}"));
        let properties = template
            .get("Resources")
            .and_then(|resources| resources.get(logical_id))
            .and_then(|table| table.get("Properties"))
            .and_then(Value::as_mapping)
            .ok_or_else(|| wrong("is missing".into()))?;
        for property in properties.keys().filter_map(Value::as_str) {
            if !APPLIED.contains(&property) && !LEFT_OUT.contains(&property) {
                return Err(wrong(format!(
                    "has the property {property}, which the local stack does not know"
                )));
            }
        }
        serde_yaml_ng::from_value(Value::Mapping(properties.clone()))
            .map_err(|error| wrong(format!("cannot be read: {error}")))
    }

    async fn present(client: &Client, name: &str) -> Result<Option<Self>, StoreError> {
        let table = match client.describe_table().table_name(name).send().await {
            Ok(described) => described.table.unwrap_or_else(|| TableDescription::builder().build()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_resource_not_found_exception()) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(service(error)),
        };
        let expiry = client
            .describe_time_to_live()
            .table_name(name)
            .send()
            .await
            .map_err(service)?;
        let attribute = expiry.time_to_live_description.and_then(|expiry| expiry.attribute_name);
        Ok(Some(Self {
            attribute_definitions: table
                .attribute_definitions()
                .iter()
                .map(|a| Attribute {
                    attribute_name: a.attribute_name().to_owned(),
                    attribute_type: a.attribute_type().as_str().to_owned(),
                })
                .collect(),
            key_schema: keys(table.key_schema()),
            global_secondary_indexes: table
                .global_secondary_indexes()
                .iter()
                .map(|index| Index {
                    index_name: index.index_name().unwrap_or_default().to_owned(),
                    key_schema: keys(index.key_schema()),
                    projection: Projected {
                        projection_type: index
                            .projection()
                            .and_then(|p| p.projection_type())
                            .map_or_else(String::new, |p| p.as_str().to_owned()),
                    },
                })
                .collect(),
            time_to_live_specification: attribute.map(|attribute_name| Expiry {
                attribute_name,
                enabled: true,
            }),
        }))
    }

    async fn create(&self, client: &Client, name: &str) -> Result<(), StoreError> {
        let attributes = self
            .attribute_definitions
            .iter()
            .map(Attribute::definition)
            .collect::<Result<_, _>>();
        let indexes = self
            .global_secondary_indexes
            .iter()
            .map(Index::definition)
            .collect::<Result<Vec<_>, _>>()?;
        client
            .create_table()
            .table_name(name)
            .billing_mode(BillingMode::PayPerRequest)
            .set_attribute_definitions(Some(attributes?))
            .set_key_schema(Some(elements(&self.key_schema)?))
            .set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes))
            .send()
            .await
            .map_err(service)?;
        let ready = client
            .wait_until_table_exists()
            .table_name(name)
            .wait(Duration::from_secs(60))
            .await;
        ready.map_err(|error| StoreError::Database(format!("the table {name} does not come up: {error}")))?;
        if let Some(expiry) = &self.time_to_live_specification {
            let expiry = TimeToLiveSpecification::builder()
                .attribute_name(&expiry.attribute_name)
                .enabled(expiry.enabled)
                .build()
                .map_err(service)?;
            let update = client
                .update_time_to_live()
                .table_name(name)
                .time_to_live_specification(expiry);
            update.send().await.map_err(service)?;
        }
        Ok(())
    }
}

impl Attribute {
    fn definition(&self) -> Result<AttributeDefinition, StoreError> {
        AttributeDefinition::builder()
            .attribute_name(&self.attribute_name)
            .attribute_type(self.attribute_type.as_str().into())
            .build()
            .map_err(service)
    }
}

impl Index {
    fn definition(&self) -> Result<GlobalSecondaryIndex, StoreError> {
        GlobalSecondaryIndex::builder()
            .index_name(&self.index_name)
            .set_key_schema(Some(elements(&self.key_schema)?))
            .projection(
                Projection::builder()
                    .projection_type(self.projection.projection_type.as_str().into())
                    .build(),
            )
            .build()
            .map_err(service)
    }
}

fn elements(keys: &[Key]) -> Result<Vec<KeySchemaElement>, StoreError> {
    let element = |key: &Key| {
        KeySchemaElement::builder()
            .attribute_name(&key.attribute_name)
            .key_type(key.key_type.as_str().into())
            .build()
    };
    keys.iter().map(element).collect::<Result<_, _>>().map_err(service)
}

fn keys(elements: &[KeySchemaElement]) -> Vec<Key> {
    let key = |element: &KeySchemaElement| Key {
        attribute_name: element.attribute_name().to_owned(),
        key_type: element.key_type().as_str().to_owned(),
    };
    elements.iter().map(key).collect()
}

fn service(error: impl Into<aws_sdk_dynamodb::Error>) -> StoreError {
    StoreError::Service(Box::new(error.into()))
}

#[cfg(test)]
mod tests {
    use super::super::{Store, StoreKind};
    use super::*;

    async fn created(template: &str) -> Result<(Schema, Schema), StoreError> {
        let store = Store::start(StoreKind::Memory).await?;
        let client = store.client();
        create_from(template, &client, "other-ledger", "other-keys").await?;
        let read = async |name| Schema::present(&client, name).await.map(Option::unwrap);
        Ok((read("other-ledger").await?, read("other-keys").await?))
    }

    #[tokio::test]
    async fn the_tables_have_the_keys_the_index_and_the_expiry_of_the_template() {
        let (ledger, keys) = created(TEMPLATE).await.unwrap();
        let names = |keys: &[Key]| keys.iter().map(|k| k.attribute_name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&ledger.key_schema), ["pk", "sk"]);
        let index = ledger.global_secondary_indexes.first().unwrap();
        assert_eq!(
            (index.index_name.as_str(), names(&index.key_schema)),
            ("due", vec!["due_shard".into(), "due_at".into()])
        );
        assert_eq!(index.projection.projection_type, "KEYS_ONLY");
        assert_eq!(ledger.time_to_live_specification.unwrap().attribute_name, "expires_at");
        assert_eq!(names(&keys.key_schema), ["pk"]);
        assert!(keys.global_secondary_indexes.is_empty() && keys.time_to_live_specification.is_none());
    }

    #[tokio::test]
    async fn amazons_own_emulator_takes_the_same_tables() {
        // Set where that emulator runs; the embedded store has the tests around this one.
        let Some(endpoint) = std::env::var_os("ASSENT_DYNAMODB_LOCAL") else {
            return;
        };
        let client = platform::clients::local(&platform::settings::HttpUrl::parse(endpoint.to_str().unwrap()).unwrap());
        for _ in ["created", "kept"] {
            create_tables(&client, "schema-ledger", "schema-keys").await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_change_of_the_template_is_followed() {
        let changed = TEMPLATE.replace("AttributeName: due_at", "AttributeName: due_time");
        let (ledger, _) = created(&changed).await.unwrap();
        let index = ledger.global_secondary_indexes.first().unwrap();
        assert_eq!(index.key_schema.last().unwrap().attribute_name, "due_time");
    }

    #[tokio::test]
    async fn tables_that_are_there_are_kept_if_they_match_and_refused_if_they_differ() {
        let store = Store::start(StoreKind::Memory).await.unwrap();
        let again =
            async |template: &str| create_from(template, &store.client(), store.ledger_table, store.key_table).await;
        again(TEMPLATE).await.unwrap();
        for (old, new) in [
            ("AttributeName: due_at", "AttributeName: due_time"),
            ("AttributeName: expires_at", "AttributeName: gone_at"),
            ("KEYS_ONLY", "ALL"),
        ] {
            let error = again(&TEMPLATE.replace(old, new)).await.unwrap_err();
            assert!(
                matches!(&error, StoreError::Differs(name) if name == store.ledger_table),
                "{old}: {error}"
            );
        }
    }

    #[tokio::test]
    async fn a_property_that_would_be_dropped_in_silence_is_refused() {
        for (old, new) in [
            (
                "      BillingMode:",
                "      LocalSecondaryIndexes: []\n      BillingMode:",
            ),
            (
                "ProjectionType: KEYS_ONLY",
                "{ ProjectionType: INCLUDE, NonKeyAttributes: [kind] }",
            ),
            ("  Ledger:", "  Book:"),
        ] {
            let error = created(&TEMPLATE.replacen(old, new, 1)).await.unwrap_err();
            assert!(matches!(error, StoreError::Template(_)), "{new}: {error}");
        }
    }
}
