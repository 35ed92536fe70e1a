//! The description of the HTTP surface is of the surface that there is.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;

use serde_yaml_ng::Value;

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

fn description() -> Value {
    serde_yaml_ng::from_str(include_str!("../../infra/openapi.yaml")).unwrap()
}

fn operations(description: &Value) -> Vec<(String, String, Value)> {
    let mut operations = vec![];
    for (path, methods) in description["paths"].as_mapping().unwrap() {
        for (method, operation) in methods.as_mapping().unwrap() {
            let method = method.as_str().unwrap();
            if METHODS.contains(&method) {
                let path = path.as_str().unwrap().to_owned();
                operations.push((method.to_uppercase(), path, operation.clone()));
            }
        }
    }
    operations
}

#[test]
fn every_route_of_the_template_is_described_and_no_other() {
    let template: Value = serde_yaml_ng::from_str(include_str!("../../template.yaml")).unwrap();
    let mut routes = BTreeSet::new();
    for (_, resource) in template["Resources"].as_mapping().unwrap() {
        if resource["Type"] == "AWS::ApiGatewayV2::Route" {
            let key = resource["Properties"]["RouteKey"].as_str().unwrap();
            let (method, path) = key.split_once(' ').unwrap();
            routes.insert((method.to_owned(), path.to_owned()));
        }
    }
    let described: BTreeSet<_> = operations(&description())
        .into_iter()
        .map(|(method, path, _)| (method, path))
        .collect();
    assert_eq!(described, routes);
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_what_it_does() {
    let description = description();
    let operations = operations(&description);
    let names: BTreeSet<_> = operations
        .iter()
        .map(|(_, _, operation)| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), operations.len());
    for (method, path, operation) in &operations {
        assert!(operation["summary"].as_str().is_some(), "{method} {path}");
        let answers = operation["responses"].as_mapping().unwrap();
        let is_good = |status: &Value| status.as_str().unwrap().starts_with('2');
        assert!(answers.keys().any(is_good), "{method} {path}");
        assert!(answers.len() > 1, "{method} {path} can go wrong");
    }
}

#[test]
fn nothing_is_left_unsaid() {
    // A comma in a text that is not quoted makes a member without a value.
    fn is_said(value: &Value) -> bool {
        match value {
            Value::Null => false,
            Value::Mapping(members) => members.values().all(is_said),
            Value::Sequence(values) => values.iter().all(is_said),
            _ => true,
        }
    }
    assert!(is_said(&description()));
}

#[test]
fn whatever_is_referred_to_is_there() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Mapping(members) => {
                for (name, value) in members {
                    match value.as_str() {
                        Some(reference) if name == "$ref" => found.push(reference),
                        _ => references(value, found),
                    }
                }
            }
            Value::Sequence(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let description = description();
    let mut found = vec![];
    references(&description, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let mut place = &description;
        for step in reference.strip_prefix("#/").unwrap().split('/') {
            place = place.get(step).unwrap_or_else(|| panic!("{reference} leads nowhere"));
        }
    }
}
