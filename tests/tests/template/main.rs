//! What the template has to promise, whatever else changes in it; and that each promise is worth something: whatever is taken away from the
//! template or changed in it breaks one.
//!
//! Everywhere the promises are tried on the template as it is written, with what SAM makes of functions' events put in by
//! [`template::Template::written`]. `.ci/emulators template` has SAM's own code transform it, and tries them on that as well.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod losses;
mod promises;
mod template;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use losses::unnoticed;
use promises::{MADE, PROMISES, Promise};
use template::Template;

/// The names of the promises that are broken, with why.
fn broken(template: &Template, promises: &[Promise]) -> Vec<String> {
    let broken = promises
        .iter()
        .filter_map(|(name, promise)| Some(format!("{name}: {}", promise(template).err()?)));
    broken.collect()
}

#[test]
fn the_template_keeps_every_promise() {
    assert_eq!(broken(&Template::written(), PROMISES), Vec::<String>::new());
}

#[test]
fn nothing_can_be_taken_away_from_the_template_or_changed_in_it_without_breaking_a_promise() {
    assert_eq!(unnoticed(Template::written(), PROMISES), Vec::<String>::new());
}

#[test]
fn what_sam_makes_of_the_template_keeps_every_promise() {
    if let Some(template) = transformed() {
        assert_eq!(broken(&template, &[PROMISES, MADE].concat()), Vec::<String>::new());
    }
}

#[test]
fn nothing_can_be_taken_away_from_what_sam_makes_or_changed_in_it_without_breaking_a_promise() {
    if let Some(template) = transformed() {
        let promises = [PROMISES, MADE].concat();
        assert_eq!(unnoticed(template, &promises), Vec::<String>::new());
    }
}

/// What SAM makes of the template, where somebody had it made.
fn transformed() -> Option<Template> {
    let file = std::env::var_os("ASSENT_TRANSFORMED_TEMPLATE")?;
    Some(Template::transformed(Path::new(&file)))
}

#[test]
fn every_alarm_leads_to_its_place_in_the_runbook_which_has_no_other_places() {
    let runbook = include_str!("../../../infra/runbook.md");
    let anchors: BTreeSet<String> = runbook
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(|heading| heading.to_lowercase().replace(' ', "-"))
        .collect();
    let template = Template::written();
    let alarms = template.all("AWS::CloudWatch::Alarm");
    let led_to: BTreeSet<String> = alarms
        .map(|(_, alarm)| {
            let said = alarm["AlarmDescription"]["Fn::Sub"].as_str().unwrap();
            let (_, anchor) = said.split_once("${RunbookUrl}#").unwrap();
            anchor.to_owned()
        })
        .collect();
    assert_eq!(led_to, anchors);
}

#[test]
fn every_alarm_on_a_number_of_our_own_watches_one_that_the_function_measures() {
    let template = Template::written();
    for (logical_id, alarm) in template.all("AWS::CloudWatch::Alarm") {
        if alarm["Namespace"] == "Assent" {
            let function = alarm["Dimensions"][0]["Value"].as_str().unwrap();
            let metric = alarm["MetricName"].as_str().unwrap();
            assert!(
                measures(function, metric),
                "{logical_id}: {function} measures no {metric}"
            );
        }
    }
}

/// Whether the name of a metric stands in the code of a function.
fn measures(function: &str, metric: &str) -> bool {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut folders = vec![PathBuf::from(format!("{root}/functions/{function}/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read_to_string(&path)
                .unwrap()
                .contains(&format!("\"{metric}\""))
            {
                return true;
            }
        }
    }
    false
}
