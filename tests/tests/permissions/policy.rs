//! What the functions' roles in the template allow: as much of IAM as their statements use, and no more.

use std::collections::{BTreeMap, BTreeSet};

use serde_yaml_ng::Value as Yaml;

use crate::observe::Asked;

/// The tables by what the template calls them.
pub(crate) type Tables = BTreeMap<&'static str, String>;

/// A statement of a role about tables. All of its conditions hold together.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    /// Its place in the role.
    pub(crate) number: usize,
    pub(crate) actions: Vec<String>,
    /// Tables, and indexes of tables.
    pub(crate) resources: Vec<(String, Option<String>)>,
    /// What the partition keys must be like.
    pub(crate) leading_keys: Option<Vec<String>>,
    /// The attributes that may be read.
    pub(crate) attributes: Option<BTreeSet<String>>,
}

impl Statement {
    pub(crate) fn allows(&self, asked: &Asked) -> bool {
        let resource = (asked.table.clone(), asked.index.clone());
        self.actions.contains(&asked.action)
            && self.resources.contains(&resource)
            && self.allows_keys(&asked.leading_keys)
            && self.allows_attributes(asked.attributes.as_ref())
    }

    /// Every key has to be like one of the patterns, and there has to be one at least.
    fn allows_keys(&self, keys: &BTreeSet<String>) -> bool {
        let Some(patterns) = &self.leading_keys else {
            return true;
        };
        let is_allowed = |key: &String| patterns.iter().any(|pattern| is_like(key, pattern));
        !keys.is_empty() && keys.iter().all(is_allowed)
    }

    /// Whoever may read some attributes has to say which.
    fn allows_attributes(&self, asked: Option<&BTreeSet<String>>) -> bool {
        match (&self.attributes, asked) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(allowed), Some(asked)) => asked.is_subset(allowed),
        }
    }

    /// What of the statement is used by what it allows: the action on that table, with each pattern that is needed for it.
    pub(crate) fn used_by(&self, asked: &Asked) -> Vec<Grain> {
        let grains = self.grains().into_iter().filter(|grain| {
            grain.action == asked.action
                && grain.resource == (asked.table.clone(), asked.index.clone())
                && grain
                    .pattern
                    .as_ref()
                    .is_none_or(|pattern| asked.leading_keys.iter().any(|key| is_like(key, pattern)))
        });
        grains.collect()
    }

    /// All that the statement allows, piece by piece.
    pub(crate) fn grains(&self) -> Vec<Grain> {
        let mut grains = vec![];
        for action in &self.actions {
            for resource in &self.resources {
                let patterns = match &self.leading_keys {
                    None => vec![None],
                    Some(patterns) => patterns.iter().cloned().map(Some).collect(),
                };
                grains.extend(patterns.into_iter().map(|pattern| Grain {
                    statement: self.number,
                    action: action.clone(),
                    resource: resource.clone(),
                    pattern,
                }));
            }
        }
        grains
    }
}

/// The least of what a statement allows: an action, on one table or index, for one pattern of keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Grain {
    pub(crate) statement: usize,
    pub(crate) action: String,
    pub(crate) resource: (String, Option<String>),
    pub(crate) pattern: Option<String>,
}

/// IAM's `StringLike`, as far as a pattern is a beginning or a whole.
fn is_like(key: &str, pattern: &str) -> bool {
    assert!(
        !pattern.contains('?'),
        "the patterns of keys have no question marks: {pattern}"
    );
    match pattern.split_once('*') {
        None => key == pattern,
        Some((beginning, "")) => key.starts_with(beginning),
        Some(_) => panic!("a pattern of keys ends with its only asterisk: {pattern}"),
    }
}

/// The statements about tables of the role with that logical id.
pub(crate) fn statements(role: &str, tables: &Tables) -> Vec<Statement> {
    let template: Yaml = serde_yaml_ng::from_str(include_str!("../../../template.yaml")).unwrap();
    let policies = &template["Resources"][role]["Properties"]["Policies"];
    let policies = policies.as_sequence().unwrap_or_else(|| panic!("there is no {role}"));
    let all = policies
        .iter()
        .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_sequence().unwrap());
    all.enumerate()
        .filter_map(|(number, statement)| read(number, statement, tables))
        .collect()
}

/// A statement about tables; none if it is about something else.
fn read(number: usize, statement: &Yaml, tables: &Tables) -> Option<Statement> {
    let actions: Vec<_> = many(&statement["Action"]).map(text).collect();
    let of_tables: Option<Vec<String>> = actions
        .iter()
        .map(|action| action.strip_prefix("dynamodb:").map(str::to_owned))
        .collect();
    let resources: Option<Vec<_>> = many(&statement["Resource"])
        .map(|resource| table_of(resource, tables))
        .collect();
    assert_eq!(text(&statement["Effect"]), "Allow");
    let (mut leading_keys, mut attributes) = (None, None);
    let (actions, resources) = (of_tables?, resources?);
    let conditions = statement.get("Condition").and_then(Yaml::as_mapping);
    let conditions = conditions.into_iter().flatten();
    for (operator, condition) in conditions {
        for (key, values) in condition.as_mapping().unwrap() {
            let values: Vec<_> = many(values).map(text).collect();
            match (text(operator).as_str(), text(key).as_str(), values.as_slice()) {
                ("ForAllValues:StringLike", "dynamodb:LeadingKeys", _) => leading_keys = Some(values),
                ("ForAllValues:StringEquals", "dynamodb:Attributes", _) => {
                    attributes = Some(values.into_iter().collect());
                }
                // It holds for whoever names no key at all, unless this is said as well.
                ("Null", "dynamodb:LeadingKeys", [no]) if no == "false" => {}
                // Whoever names no attributes reads them all.
                ("StringEquals", "dynamodb:Select", [select]) if select == "SPECIFIC_ATTRIBUTES" => {}
                other => panic!("nobody has said here what this condition means: {other:?}"),
            }
        }
    }
    let has = |operator: &str, key: &str| statement["Condition"][operator].get(key).is_some();
    assert_eq!(
        leading_keys.is_some(),
        has("Null", "dynamodb:LeadingKeys"),
        "{statement:?}"
    );
    assert_eq!(
        attributes.is_some(),
        has("StringEquals", "dynamodb:Select"),
        "{statement:?}"
    );
    Some(Statement {
        number,
        actions,
        resources,
        leading_keys,
        attributes,
    })
}

/// The table or index that `!GetAtt` or `!Sub` names; none if it is another resource.
fn table_of(resource: &Yaml, tables: &Tables) -> Option<(String, Option<String>)> {
    let Yaml::Tagged(tagged) = resource else { return None };
    let name = text(&tagged.value);
    if tagged.tag == "GetAtt" {
        let table = tables.get(name.strip_suffix(".Arn")?)?;
        return Some((table.clone(), None));
    }
    let (table, index) = name.strip_prefix("${")?.split_once(".Arn}/index/")?;
    Some((tables.get(table)?.clone(), Some(index.to_owned())))
}

fn many(value: &Yaml) -> impl Iterator<Item = &Yaml> {
    let list = value.as_sequence().map(|list| list.iter().collect());
    list.unwrap_or_else(|| vec![value]).into_iter()
}

fn text(value: &Yaml) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value:?}"))
        .to_owned()
}
