//! The template as plain CloudFormation, whether SAM made it or not.

use std::path::Path;

use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

/// What functions say to SAM and to nobody else.
const FOR_SAM: [&str; 6] = [
    "AutoPublishAlias",
    "AutoPublishAliasAllProperties",
    "CodeUri",
    "DeploymentPreference",
    "EventInvokeConfig",
    "Events",
];

/// The whole document.
pub(crate) struct Template(pub(crate) Value);

impl Template {
    /// The template as it is written. Functions have what is global to them, and what SAM makes of their events stands beside them, in
    /// as far as it says something; what SAM makes of an alias is left to SAM.
    pub(crate) fn written() -> Self {
        let written = serde_yaml_ng::from_str(include_str!("../../../template.yaml")).unwrap();
        let mut document = plain(written);
        let global = document["Globals"]["Function"].take();
        let mut made = Map::new();
        for (logical_id, resource) in document["Resources"].as_object_mut().unwrap() {
            if resource["Type"] == "AWS::Serverless::Function" {
                resource["Type"] = json!("AWS::Lambda::Function");
                let properties = resource["Properties"].as_object_mut().unwrap();
                for (name, value) in global.as_object().unwrap() {
                    // SAM puts what is global of an object beside what the function says of it.
                    match properties.get_mut(name).and_then(Value::as_object_mut) {
                        Some(own) => own.extend(value.as_object().unwrap().clone()),
                        None => {
                            properties.insert(name.clone(), value.clone());
                        }
                    }
                }
                made.extend(beside(logical_id, properties));
                properties.retain(|name, _| !FOR_SAM.contains(&name.as_str()));
            }
        }
        let document = document.as_object_mut().unwrap();
        document.remove("Globals");
        document.remove("Transform");
        document["Resources"].as_object_mut().unwrap().extend(made);
        Self(Value::Object(document.clone()))
    }

    /// What SAM made of the template.
    pub(crate) fn transformed(file: &Path) -> Self {
        Self(serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap())
    }

    pub(crate) fn resource(&self, logical_id: &str) -> &Value {
        &self.0["Resources"][logical_id]
    }

    pub(crate) fn resources(&self) -> &Map<String, Value> {
        self.0["Resources"].as_object().unwrap()
    }

    /// The properties of all resources of a type, by their logical ids.
    pub(crate) fn all<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a String, &'a Value)> {
        let of_kind = self
            .resources()
            .iter()
            .filter(move |(_, resource)| resource["Type"] == kind);
        of_kind.map(|(logical_id, resource)| (logical_id, &resource["Properties"]))
    }
}

/// The resources that SAM makes of a function's events.
fn beside(function: &str, properties: &Map<String, Value>) -> Map<String, Value> {
    let mut made = Map::new();
    let arn = json!({ "Fn::GetAtt": [function, "Arn"] });
    for (name, event) in properties
        .get("Events")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let mut said = event["Properties"].as_object().unwrap().clone();
        let resource = match event["Type"].as_str().unwrap() {
            "ScheduleV2" => {
                let mut target = json!({ "Arn": arn });
                for member in ["RoleArn", "DeadLetterConfig", "RetryPolicy"] {
                    target[member] = said.remove(member).unwrap_or_default();
                }
                said.insert("Target".to_owned(), target);
                said.insert("FlexibleTimeWindow".to_owned(), json!({ "Mode": "OFF" }));
                json!({ "Type": "AWS::Scheduler::Schedule", "Properties": said })
            }
            "DynamoDB" => {
                let stream = said.remove("Stream").unwrap();
                said.insert("EventSourceArn".to_owned(), stream);
                said.insert("FunctionName".to_owned(), json!({ "Ref": function }));
                // SAM takes it as a hint to the permissions that it would give.
                said["DestinationConfig"]["OnFailure"]
                    .as_object_mut()
                    .unwrap()
                    .remove("Type");
                json!({ "Type": "AWS::Lambda::EventSourceMapping", "Properties": said })
            }
            other => panic!("{function}: SAM is not known to make anything of {other}"),
        };
        made.insert(format!("{function}{name}"), resource);
    }
    if let Some(said) = properties.get("EventInvokeConfig") {
        let mut said = said.clone();
        said["FunctionName"] = json!({ "Ref": function });
        said["Qualifier"] = json!("$LATEST");
        let resource = json!({ "Type": "AWS::Lambda::EventInvokeConfig", "Properties": said });
        made.insert(format!("{function}EventInvokeConfig"), resource);
    }
    made
}

/// YAML as JSON, with the short forms of CloudFormation's functions in their long ones.
fn plain(value: Yaml) -> Value {
    match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(bool) => bool.into(),
        Yaml::Number(number) => serde_json::to_value(number).unwrap(),
        Yaml::String(text) => text.into(),
        Yaml::Sequence(list) => list.into_iter().map(plain).collect(),
        Yaml::Mapping(map) => {
            let members = map.into_iter();
            members
                .map(|(key, value)| (key.as_str().unwrap().to_owned(), plain(value)))
                .collect()
        }
        Yaml::Tagged(tagged) => {
            let function = tagged.tag.to_string();
            let value = plain(tagged.value);
            match function.trim_start_matches('!') {
                "Ref" => json!({ "Ref": value }),
                "GetAtt" => {
                    let (resource, attribute) = value.as_str().unwrap().split_once('.').unwrap();
                    json!({ "Fn::GetAtt": [resource, attribute] })
                }
                function => json!({ format!("Fn::{function}"): value }),
            }
        }
    }
}
