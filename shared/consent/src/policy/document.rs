//! A TOML document that is read value by value, so that one fault does not hide the next.
//!
//! A read that fails has told why, and gives nothing. Whoever needs the value gives nothing in turn, so a policy
//! comes about exactly if there was no fault.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use toml::de::{DeTable, DeValue};

use super::fault::{Fault, PolicyFaults};
use crate::time::Time;

/// Collects the faults of one document.
#[derive(Debug)]
pub(super) struct Faults {
    /// Where each line begins.
    lines: Vec<usize>,
    found: RefCell<Vec<Fault>>,
}

impl Faults {
    pub(super) fn new(text: &str) -> Self {
        let ends = text.match_indices('\n').map(|(end, _)| end + 1);
        Self {
            lines: std::iter::once(0).chain(ends).collect(),
            found: RefCell::default(),
        }
    }

    /// Notes a fault at a byte of the document.
    pub(super) fn note(&self, at: usize, member: &str, reason: impl Display) {
        let line = self.lines.partition_point(|start| *start <= at);
        self.found
            .borrow_mut()
            .push(Fault::new(line, member, reason.to_string()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// What was found.
    pub(super) fn into_found(self) -> PolicyFaults {
        PolicyFaults::from_faults(self.found.into_inner())
    }
}

/// One value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node<'d> {
    faults: &'d Faults,
    path: String,
    at: usize,
    value: &'d DeValue<'d>,
}

impl<'d> Node<'d> {
    /// Notes a fault of this value.
    pub(super) fn fault(&self, reason: impl Display) {
        self.faults.note(self.at, &self.path, reason);
    }

    fn wrong<T>(&self, wanted: &str) -> Option<T> {
        self.fault(format_args!("write {wanted}"));
        None
    }

    /// Text that says something.
    pub(super) fn text(&self) -> Option<&'d str> {
        let DeValue::String(text) = self.value else {
            return self.wrong("text in quotes");
        };
        let text = text.trim();
        if text.is_empty() {
            self.wrong("some text, it is empty")
        } else {
            Some(text)
        }
    }

    /// Text without line breaks and other controls, as Meta wants it in a template's parameters.
    pub(super) fn line(&self) -> Option<String> {
        let text = self.text()?;
        if text.chars().any(char::is_control) || text.contains("    ") {
            return self.wrong("one line, without line breaks, tabs or four spaces in a row");
        }
        Some(text.to_owned())
    }

    /// A line of at most so many characters.
    pub(super) fn short_line(&self, most: usize) -> Option<String> {
        let line = self.line()?;
        let length = line.chars().count();
        if length > most {
            self.fault(format_args!("{length} characters are over the limit of {most}"));
            return None;
        }
        Some(line)
    }

    /// The address of a web page.
    pub(super) fn url(&self) -> Option<String> {
        let url = self.line()?;
        let page = url.strip_prefix("https://").unwrap_or_default();
        if page.is_empty() || url.contains(char::is_whitespace) {
            return self.wrong("the address of a page, beginning with https://");
        }
        Some(url)
    }

    /// A value that is written as text of some form.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&self) -> Option<T> {
        self.text()?.parse().map_err(|error| self.fault(error)).ok()
    }

    /// One of a few words.
    pub(super) fn one_of<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let chosen = choices
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, chosen)| *chosen);
        chosen.or_else(|| {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            self.wrong(&format!("one of {}", words.join(", ")))
        })
    }

    /// A whole number within limits that no policy may leave.
    pub(super) fn number(&self, limits: RangeInclusive<u32>) -> Option<u32> {
        let (least, most) = (limits.start(), limits.end());
        let number = match self.value {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        let Some(number) = number else {
            return self.wrong("a whole number");
        };
        match u32::try_from(number) {
            Ok(number) if limits.contains(&number) => return Some(number),
            _ if number > i64::from(*most) => self.fault(format_args!("{number} is over the hard limit of {most}")),
            _ => self.fault(format_args!("{number} is under the least allowed, {least}")),
        }
        None
    }

    /// A moment: a TOML date-time with its offset.
    pub(super) fn time(&self) -> Option<Time> {
        let time = match self.value {
            DeValue::Datetime(time) => time.to_string().parse().ok(),
            _ => None,
        };
        time.or_else(|| self.wrong("a time with its offset and without quotes, such as 2026-01-01T00:00:00Z"))
    }

    /// A time of day, as minutes since midnight.
    pub(super) fn minute_of_day(&self) -> Option<u16> {
        match self.value {
            DeValue::Datetime(toml::value::Datetime {
                date: None,
                time: Some(time),
                offset: None,
            }) => Some(u16::from(time.hour) * 60 + u16::from(time.minute)),
            _ => self.wrong("a time of day without quotes, such as 20:00:00"),
        }
    }

    /// The values of a list.
    pub(super) fn list(&self) -> Option<Vec<Self>> {
        let DeValue::Array(values) = self.value else {
            return self.wrong("a list in square brackets");
        };
        let nodes = values.iter().enumerate().map(|(index, value)| Self {
            faults: self.faults,
            path: format!("{}[{}]", self.path, index + 1),
            at: value.span().start,
            value: value.get_ref(),
        });
        Some(nodes.collect())
    }

    /// A list with at least one value, each read in the same way.
    pub(super) fn list_of<T>(&self, read: impl Fn(&Self) -> Option<T>) -> Option<Vec<T>> {
        let nodes = self.list()?;
        if nodes.is_empty() {
            return self.wrong("at least one value");
        }
        all(nodes.iter().map(read))
    }

    /// Notes every value of this list that bears the name of an earlier one.
    pub(super) fn distinct<K: PartialEq + Display>(&self, names: &[K]) {
        let nodes = self.list().unwrap_or_default();
        for (index, (node, name)) in nodes.iter().zip(names).enumerate() {
            if names.iter().take(index).any(|earlier| earlier == name) {
                node.fault(format_args!("{name} is listed twice"));
            }
        }
    }

    /// The table.
    pub(super) fn table(&self) -> Option<Table<'d>> {
        let DeValue::Table(entries) = self.value else {
            return self.wrong("a table of keys and values");
        };
        Some(Table::new(self.faults, self.path.clone(), self.at, entries))
    }
}

/// All values, if none failed; every one is read first, so that all faults show.
pub(super) fn all<T>(values: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    let values: Vec<Option<T>> = values.collect();
    values.into_iter().collect()
}

/// A table, which remembers what was read of it.
#[derive(Debug)]
pub(super) struct Table<'d> {
    faults: &'d Faults,
    path: String,
    at: usize,
    entries: &'d DeTable<'d>,
    read: RefCell<BTreeSet<String>>,
}

impl<'d> Table<'d> {
    pub(super) fn new(faults: &'d Faults, path: String, at: usize, entries: &'d DeTable<'d>) -> Self {
        Self {
            faults,
            path,
            at,
            entries,
            read: RefCell::default(),
        }
    }

    /// The same table under a name that people know it by.
    pub(super) fn named(mut self, name: impl Display) -> Self {
        self.path = name.to_string();
        self
    }

    /// Notes a fault of the table as a whole.
    pub(super) fn fault(&self, reason: impl Display) {
        self.faults.note(self.at, &self.path, reason);
    }

    /// Notes a fault of a member, there or not.
    pub(super) fn fault_of(&self, key: &str, reason: impl Display) {
        match self.get(key) {
            Some(node) => node.fault(reason),
            None => self.faults.note(self.at, &self.member(key), reason),
        }
    }

    fn member(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// A value that may be left out.
    pub(super) fn get(&self, key: &str) -> Option<Node<'d>> {
        self.read.borrow_mut().insert(key.to_owned());
        let (written, value) = self.entries.get_key_value(key)?;
        Some(Node {
            faults: self.faults,
            path: self.member(key),
            at: written.span().start,
            value: value.get_ref(),
        })
    }

    /// A value that must be there.
    pub(super) fn need(&self, key: &str) -> Option<Node<'d>> {
        let node = self.get(key);
        if node.is_none() {
            self.fault_of(key, "is missing");
        }
        node
    }

    /// A value that may be left out: nothing if it is wrong, its default if it is not there.
    pub(super) fn read_or<T>(&self, key: &str, default: T, read: impl FnOnce(&Node<'d>) -> Option<T>) -> Option<T> {
        self.get(key).map_or(Some(default), |node| read(&node))
    }

    /// A value that may be left out: nothing if it is wrong.
    pub(super) fn optional<T>(&self, key: &str, read: impl FnOnce(&Node<'d>) -> Option<T>) -> Option<Option<T>> {
        self.read_or(key, None, |node| read(node).map(Some))
    }

    /// A table that may be left out and then is empty.
    pub(super) fn section(&self, key: &str) -> Option<Self> {
        static EMPTY: std::sync::LazyLock<DeTable<'static>> = std::sync::LazyLock::new(DeTable::new);
        match self.get(key) {
            Some(node) => node.table(),
            None => Some(Table::new(self.faults, self.member(key), self.at, &EMPTY)),
        }
    }

    /// Every member, by its key.
    pub(super) fn members(&self) -> Vec<(&'d str, Node<'d>)> {
        let entries = self.entries;
        entries
            .keys()
            .filter_map(|key| Some((&**key.get_ref(), self.get(key.get_ref())?)))
            .collect()
    }

    /// Every member that was not read is a fault.
    pub(super) fn finish(&self) {
        let read = self.read.borrow();
        for key in self.entries.keys().filter(|key| !read.contains(&**key.get_ref())) {
            let known: Vec<_> = read.iter().map(String::as_str).collect();
            let reason = format!("is no key here; write one of {}", known.join(", "));
            self.faults.note(key.span().start, &self.member(key.get_ref()), reason);
        }
    }
}
