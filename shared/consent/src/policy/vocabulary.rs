//! Words that a policy adds to the built-in lists.

use crate::id::PurposeId;
use crate::words::{List, Words};

use super::document::Node;
use super::localised::Locales;

const LISTS: [(&str, List); 9] = [
    ("stop", List::Stop),
    ("stop_in_context", List::ContextStop),
    ("refusal", List::Refusal),
    ("not_stop", List::NotStop),
    ("delete", List::Delete),
    ("access", List::Access),
    ("help", List::Help),
    ("confirm", List::Confirm),
    ("courtesy", List::Courtesy),
];

/// Adds the words of every locale. Faults are noted; the words that have none are there.
pub(super) fn read(node: &Node<'_>, locales: Locales<'_>, purposes: Option<&[PurposeId]>, words: &mut Words) {
    let mut added: Vec<Entry<'_>> = Vec::new();
    let entries = locales.members(node, |_, node| entries(node, purposes));
    for (node, list, word) in entries.unwrap_or_default().into_values().flatten() {
        match words.add(&list, &word) {
            Ok(()) => added.push((node, list, word)),
            Err(fault) => node.fault(fault),
        }
    }
    // A phrase may hold a word of another list that is looked at first.
    for (node, list, word) in added {
        if words.read(&word) != list.meaning() {
            node.fault("does not mean what its list says, because of a word in it or because it was added twice");
        }
    }
}

type Entry<'d> = (Node<'d>, List, String);

fn entries<'d>(node: &Node<'d>, purposes: Option<&[PurposeId]>) -> Option<Vec<Entry<'d>>> {
    let table = node.table()?;
    let mut found = Vec::new();
    for (key, list) in LISTS {
        let Some(node) = table.get(key) else { continue };
        for node in node.list().unwrap_or_default() {
            found.extend(node.line().map(|word| (node, list.clone(), word)));
        }
    }
    if let Some(opt_in) = table.get("opt_in").and_then(|node| node.table()) {
        for (word, node) in opt_in.members() {
            let asked = node.list_of(|node| known_purpose(node, purposes));
            found.extend(asked.map(|asked| (node, List::OptIn(asked.into()), word.to_owned())));
        }
    }
    table.finish();
    Some(found)
}

/// A purpose of the policy; any will do where those could not be read.
fn known_purpose(node: &Node<'_>, purposes: Option<&[PurposeId]>) -> Option<PurposeId> {
    let purpose = node.parsed()?;
    if purposes.is_some_and(|purposes| !purposes.contains(&purpose)) {
        node.fault("is none of the policy's purposes");
        return None;
    }
    Some(purpose)
}
