//! What happens to the promises when something of the template is gone, or is otherwise.

use serde_json::{Value, json};

use crate::promises::Promise;
use crate::template::Template;

/// The parts of the document that say something to CloudFormation.
const PARTS: [&str; 5] = ["Conditions", "Outputs", "Parameters", "Resources", "Rules"];

/// What may be lost or changed, with all that is in it, without breaking a promise; and why. A star stands for the beginning of a step.
const OF_NO_MATTER: [(&str, &str); 8] = [
    ("Outputs.*.Description", "people read it, and it decides nothing"),
    ("Parameters.*.Description", "people read it, and it decides nothing"),
    (
        "Rules.*.Assertions.*.AssertDescription",
        "people read it, and it decides nothing",
    ),
    (
        "Resources.*.Properties.Description",
        "people read it, and it decides nothing",
    ),
    (
        "Resources.SubjectKeys.Metadata",
        "checkov reads it, and complains itself",
    ),
    (
        "Resources.*EventInvokeConfig.Metadata",
        "SAM repeats there how the function is built",
    ),
    (
        "Resources.*EventInvokeConfig.Properties.DestinationConfig",
        "SAM leaves it empty",
    ),
    (
        "Resources.*Function.Properties.Tags",
        "it is SAM's mark on what it made",
    ),
];

/// Takes away from the template, one after the other, everything that is in it, and changes every value; says what of that broke no promise.
pub(crate) fn unnoticed(mut template: Template, promises: &[Promise]) -> Vec<String> {
    let mut places = vec![];
    for part in PARTS {
        walk(&template.0[part], &mut vec![part.to_owned()], &mut places);
    }
    assert!(places.len() > 1000, "only {} things can be lost", places.len());
    // What broke last is likely to break next: neighbours are in the care of the same promise.
    let mut likely = 0;
    let mut breaks_one = |template: &Template| {
        let breaks = |index: usize| promises[index].1(template).is_err();
        if breaks(likely) {
            return true;
        }
        let found = (0..promises.len()).find(|index| breaks(*index));
        likely = found.unwrap_or(likely);
        found.is_some()
    };
    let mut unnoticed = vec![];
    for place in places.iter().filter(|place| !is_of_no_matter(place)) {
        let (last, way) = place.split_last().unwrap();
        let container = at(&mut template.0, way);
        let lost = take(container, last);
        if !breaks_one(&template) {
            unnoticed.push(format!("{} is gone", place.join(".")));
        }
        let container = at(&mut template.0, way);
        put_back(container, last, lost.clone());
        if let Some(other) = otherwise(&lost) {
            *at(&mut template.0, place) = other;
            if !breaks_one(&template) {
                unnoticed.push(format!("{} is otherwise", place.join(".")));
            }
            *at(&mut template.0, place) = lost;
        }
    }
    unnoticed
}

/// The ways to everything below a value.
fn walk(value: &Value, way: &mut Vec<String>, places: &mut Vec<Vec<String>>) {
    let steps: Vec<String> = match value {
        Value::Object(members) => members.keys().cloned().collect(),
        Value::Array(elements) => (0..elements.len()).map(|index| index.to_string()).collect(),
        _ => return,
    };
    for step in steps {
        let below = match value {
            Value::Array(elements) => &elements[step.parse::<usize>().unwrap()],
            _ => &value[&step],
        };
        way.push(step);
        places.push(way.clone());
        walk(below, way, places);
        way.pop();
    }
}

/// What is at the end of a way.
fn at<'a>(document: &'a mut Value, way: &[String]) -> &'a mut Value {
    way.iter().fold(document, |value, step| match value {
        Value::Array(elements) => &mut elements[step.parse::<usize>().unwrap()],
        value => &mut value[step],
    })
}

fn take(container: &mut Value, step: &str) -> Value {
    match container {
        Value::Array(elements) => elements.remove(step.parse().unwrap()),
        container => container.as_object_mut().unwrap().remove(step).unwrap(),
    }
}

fn put_back(container: &mut Value, step: &str, lost: Value) {
    match container {
        Value::Array(elements) => elements.insert(step.parse().unwrap(), lost),
        container => container[step] = lost,
    }
}

/// Something else in its place, if it is a value by itself.
fn otherwise(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(is) => Some(json!(!is)),
        Value::Number(number) => Some(json!(number.as_i64().unwrap() + 1)),
        Value::String(text) => Some(json!(format!("{text}x"))),
        _ => None,
    }
}

fn is_of_no_matter(place: &[String]) -> bool {
    let is_step = |pattern: &str, step: &String| match pattern.strip_prefix('*') {
        Some(end) => step.ends_with(end),
        None => step == pattern,
    };
    OF_NO_MATTER.iter().any(|(pattern, _)| {
        let steps: Vec<_> = pattern.split('.').collect();
        place.len() >= steps.len() && steps.iter().zip(place).all(|(pattern, step)| is_step(pattern, step))
    })
}
