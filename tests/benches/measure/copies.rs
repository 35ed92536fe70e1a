//! Contacts by the thousand: copies of a few that the ledger itself has written.

use assent_tests::keys;
use consent::contact::Contact;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::{AttributeValue, Database, ImportOptions, Item};
use identity::{Identifiers, PhoneNumber, SubjectKey};
use ledger::Keys;
use platform::clients;

use super::stored::listen;
use super::{ledger, people::Person, policy, tables};

/// How many contacts are written together.
const BATCH: usize = 1_000;

/// How many partitions of the index hold the contacts' deadlines.
const SHARDS: u64 = 8;

/// All that there is of a contact, as the ledger writes it.
pub(crate) struct Template {
    contact: String,
    alias: String,
    /// Its items in the ledger. There are none of the outbox: its messages have been forgotten long before.
    pub(crate) records: Vec<Item>,
    key: Item,
    keys: Keys,
}

impl Template {
    /// Has a ledger write what somebody does, and reads it out of the tables.
    pub(crate) async fn of(life: impl AsyncFnOnce(&Person<'_>) -> Contact) -> Self {
        let database = Database::memory().unwrap();
        let phone = PhoneNumber::parse("+4915112345678").unwrap();
        let person = Person {
            ledger: &ledger(&clients::local(&listen(&database).await)),
            policy: &policy(),
            phone: &phone,
        };
        let contact = life(&person).await;
        let tables = tables();
        let mut records = scan(&database, &tables.ledger);
        records.retain(|item| !is_kind(item, "outbox"));
        let [key] = <[Item; 1]>::try_from(scan(&database, &tables.keys)).unwrap();
        Self {
            contact: contact.id.to_string(),
            alias: keys().pseudonym.alias(&phone.into()).to_string(),
            records,
            key,
            keys: keys(),
        }
    }

    /// What has to be there for the contact to be read and found, without its evidence.
    pub(crate) fn without_evidence(mut self) -> Self {
        self.records.retain(|item| !is_kind(item, "evidence"));
        self
    }

    fn name(&self, number: u64, of: u64) -> Name {
        let spread = number * (u64::MAX / of);
        let phone = phone(number);
        Name {
            contact: format!("{spread:016x}{number:016x}"),
            alias: self.keys.pseudonym.alias(&phone.clone().into()).to_string(),
            shard: format!("purge#{}", (spread >> 56) % SHARDS),
            phone,
        }
    }

    fn copies(&self, name: &Name) -> (Vec<Item>, Item) {
        let owner = &name.contact;
        let key = SubjectKey::generate().unwrap();
        let wrapped = self
            .keys
            .sealing
            .first()
            .unwrap()
            .wrap(&key, &format!("contact#{owner}"))
            .unwrap();
        let mut row = self.renamed(&self.key, name);
        row.insert("wrapped_key".to_owned(), AttributeValue::B(wrapped.into_bytes()));
        let records = self.records.iter().map(|item| {
            let mut copy = self.renamed(item, name);
            if let Some(shard) = copy.get_mut("due_shard") {
                *shard = AttributeValue::S(name.shard.clone());
            }
            if let Some(identity) = copy.get_mut("identity") {
                let identifiers = Identifiers::new(Some(name.phone.clone()), None).unwrap();
                let identifiers = serde_json::to_vec(&identifiers).unwrap();
                let sealed = key.seal(owner, "identity", &identifiers).unwrap();
                *identity = AttributeValue::B(sealed.into_bytes());
            }
            copy
        });
        (records.collect(), row)
    }

    fn renamed(&self, item: &Item, name: &Name) -> Item {
        let renamed = |value: &AttributeValue| match value {
            AttributeValue::S(text) => {
                let text = text.replace(&self.contact, &name.contact);
                AttributeValue::S(text.replace(&self.alias, &name.alias))
            }
            other => other.clone(),
        };
        item.iter().map(|(key, value)| (key.clone(), renamed(value))).collect()
    }
}

/// What a copy is known by. Contacts come in order, so that the store need not search where to put them.
struct Name {
    contact: String,
    phone: PhoneNumber,
    alias: String,
    shard: String,
}

/// The phone number of the copy with that number.
pub(crate) fn phone(number: u64) -> PhoneNumber {
    PhoneNumber::parse(&format!("+49151{:08}", 10_000_000 + number)).unwrap()
}

/// Writes copies for the first `count` numbers, each of what `template` says for its number, and returns the number of items.
pub(crate) fn fill<'a>(database: &Database, count: u64, template: impl Fn(u64) -> Option<&'a Template>) -> usize {
    let tables = tables();
    let numbers: Vec<u64> = (0..count).collect();
    let mut items = 0;
    for batch in numbers.chunks(BATCH) {
        let (mut records, mut rows) = (vec![], vec![]);
        for number in batch {
            if let Some(template) = template(*number) {
                let (copies, row) = template.copies(&template.name(*number, count));
                records.extend(copies);
                rows.push(row);
            }
        }
        items += records.len() + rows.len();
        for (table, batch) in [(&tables.ledger, records), (&tables.keys, rows)] {
            database.import_items(table, batch, ImportOptions::default()).unwrap();
        }
    }
    items
}

fn scan(database: &Database, table: &str) -> Vec<Item> {
    let request = ScanRequest {
        table_name: table.to_owned(),
        ..ScanRequest::default()
    };
    database.scan(request).unwrap().items.unwrap()
}

fn is_kind(item: &Item, kind: &str) -> bool {
    item.get("kind") == Some(&AttributeValue::S(kind.to_owned()))
}
