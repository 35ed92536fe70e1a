//! A ledger of any size, in an embedded store in a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use assent::store::create_tables;
use aws_sdk_dynamodb::Client;
use consent::contact::Contact;
use consent::decide::Rules;
use consent::event::{Act, Asked, Authorship, Event, Said};
use consent::evidence::{Actor, TypedWords};
use consent::id::{ContactId, EventId, Locale, MessageRef, PurposeId, RequestId};
use consent::policy::Policy;
use consent::register::RequestSource;
use consent::retention::Purge;
use consent::time::{Span, Time};
use consent::token::{Action, Token, TokenKey, notice_prefix};
use dynoxide::actions::scan::ScanRequest;
use dynoxide::{AttributeValue, Database, ImportOptions, Item, server};
use identity::{Identifiers, PhoneNumber};
use ledger::{Ledger, Who};
use platform::clients;
use platform::settings::HttpUrl;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::meter::Meter;
use crate::{LONG_AGO, YEARS_LATER, policy, retention, run, tables};

/// How many contacts are written together.
const BATCH: usize = 1_000;

/// How many partitions of the index hold the contacts that are due.
const SHARDS: u64 = 8;

/// How lately those have left who are not due.
const LATELY: Span = Span::days(60);

/// How long somebody was in who left.
const STAY: Span = Span::days(40);

const TOKEN_KEY: TokenKey = TokenKey::from_bytes([1; 32]);

/// What a ledger is filled with.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Filling {
    pub(crate) contacts: u64,
    pub(crate) due: u64,
}

/// The arguments of the process that holds the ledger.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    filling: Filling,
    directory: PathBuf,
}

impl Order {
    /// The order that these arguments are; none if this process is to do something else.
    pub(crate) fn from_arguments(arguments: &[String]) -> Option<Self> {
        match arguments {
            [command, order] if command == "store" => Some(serde_json::from_str(order).unwrap()),
            _ => None,
        }
    }
}

/// What the process says once the ledger is filled.
#[derive(Debug, Serialize, Deserialize)]
struct Filled {
    endpoint: String,
    items: usize,
    seconds: u64,
}

/// The process that holds the ledger. It ends when this is dropped, and the ledger is gone.
#[derive(Debug)]
pub(crate) struct Stored {
    process: Child,
    endpoint: HttpUrl,
    _directory: TempDir,
}

impl Stored {
    pub(crate) fn start(filling: &Filling) -> Self {
        let Filling { contacts, due } = filling;
        eprintln!("storing {contacts} contacts, of which {due} are due ...");
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let order = Order {
            filling: *filling,
            directory: directory.path().to_owned(),
        };
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["store", &serde_json::to_string(&order).unwrap()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let answer = process.stdout.take().unwrap();
        BufReader::new(answer).read_line(&mut line).unwrap();
        let filled: Filled = serde_json::from_str(&line).expect("the process fills the store");
        eprintln!("  {} items in {} s", filled.items, filled.seconds);
        Self {
            process,
            endpoint: HttpUrl::parse(&filled.endpoint).unwrap(),
            _directory: directory,
        }
    }

    /// A client whose use is measured.
    pub(crate) fn client(&self, meter: &Meter) -> Client {
        let config = clients::local(&self.endpoint).config().to_builder();
        Client::from_conf(config.interceptor(meter.clone()).build())
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}

/// Fills a ledger, says so, and holds it until nobody listens any more.
pub(crate) async fn serve(order: Order) {
    let began = Instant::now();
    let [due, other] = [LONG_AGO, LONG_AGO + YEARS_LATER - LATELY].map(Left::at);
    let (due, other) = (due.template().await, other.template().await);
    let file = order.directory.join("ledger.sqlite");
    let database = Database::new(file.to_str().unwrap()).unwrap();
    // Whether this file outlives a failure of the machine is nobody's concern.
    database.enable_bulk_loading().unwrap();
    let endpoint = listen(&database).await;
    let client = clients::local(&endpoint);
    ledger(&client).publish_policy(&policy(), LONG_AGO).await.unwrap();
    // The first run there ever is goes through everything that is stored, to schedule it by the policy.
    let first = run(&retention(client)).await;
    assert!(first.scheduled_by_policy);
    let filled = Filled {
        items: fill(&database, &order.filling, &due, &other),
        endpoint: endpoint.as_str().to_owned(),
        seconds: began.elapsed().as_secs(),
    };
    println!("{}", serde_json::to_string(&filled).unwrap());
    std::io::stdout().flush().unwrap();
    let wait = || std::io::stdin().read_to_end(&mut vec![]);
    tokio::task::spawn_blocking(wait).await.unwrap().unwrap();
}

/// Serves a database with the tables, for as long as this process lives.
async fn listen(database: &Database) -> HttpUrl {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = HttpUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(server::serve_with_shutdown(
        listener,
        database.clone(),
        std::future::pending(),
    ));
    let tables = tables();
    let client = clients::local(&endpoint);
    create_tables(&client, &tables.ledger, &tables.keys).await.unwrap();
    endpoint
}

fn ledger(client: &Client) -> Ledger {
    let until = tokio::time::Instant::now() + assent_tests::AMPLE;
    Ledger::new(client.clone(), tables().into(), assent_tests::keys().into(), until)
}

/// Writes as many copies as it takes, those that are due evenly among the others, and returns the number of items.
fn fill(database: &Database, filling: &Filling, due: &Template, other: &Template) -> usize {
    let tables = tables();
    let every = filling.contacts / filling.due;
    let numbers: Vec<u64> = (0..filling.contacts).collect();
    let mut items = 0;
    for batch in numbers.chunks(BATCH) {
        let (mut records, mut keys) = (vec![], vec![]);
        for number in batch {
            let name = Name::new(*number, filling.contacts);
            let template = if number % every == 0 { due } else { other };
            records.extend(template.records.iter().map(|item| template.copy(item, &name)));
            keys.push(template.copy(&template.key, &name));
        }
        items += records.len() + keys.len();
        for (table, batch) in [(&tables.ledger, records), (&tables.keys, keys)] {
            database.import_items(table, batch, ImportOptions::default()).unwrap();
        }
    }
    items
}

/// What a copy is known by. The names come in order, so that the store need not search where to put them.
struct Name {
    contact: String,
    alias: String,
    shard: String,
}

impl Name {
    fn new(number: u64, of: u64) -> Self {
        let spread = number * (u64::MAX / of);
        Self {
            contact: format!("{spread:016x}{number:016x}"),
            alias: format!("{spread:016x}{number:048x}"),
            shard: format!("purge#{}", (spread >> 56) % SHARDS),
        }
    }
}

/// All that there is of a contact, as the ledger writes it.
struct Template {
    contact: String,
    alias: String,
    records: Vec<Item>,
    key: Item,
}

impl Template {
    fn copy(&self, item: &Item, name: &Name) -> Item {
        let renamed = |value: &AttributeValue| match value {
            AttributeValue::S(text) => {
                let text = text.replace(&self.contact, &name.contact);
                AttributeValue::S(text.replace(&self.alias, &name.alias))
            }
            other => other.clone(),
        };
        let mut copy: Item = item.iter().map(|(key, value)| (key.clone(), renamed(value))).collect();
        if let Some(shard) = copy.get_mut("due_shard") {
            *shard = AttributeValue::S(name.shard.clone());
        }
        copy
    }
}

/// Somebody who was asked, agreed, and left.
struct Left {
    agreed_at: Time,
    at: Time,
}

impl Left {
    fn at(at: Time) -> Self {
        Self {
            agreed_at: at - STAY,
            at,
        }
    }

    /// Has the ledger write it all, and reads it out of the tables.
    async fn template(&self) -> Template {
        let database = Database::memory().unwrap();
        let ledger = ledger(&clients::local(&listen(&database).await));
        let policy = policy();
        let phone = PhoneNumber::parse("+4915112345678").unwrap();
        let who = Who::Person(Identifiers::new(Some(phone.clone()), None).unwrap());
        let request = RequestId::from_bytes([7; 16]);
        let mut contact = self
            .record(&ledger, &policy, &who, self.agreed_at, asked(request))
            .await;
        contact = self
            .record(
                &ledger,
                &policy,
                &who,
                self.agreed_at,
                agreed(&policy, contact.id, request, self.agreed_at),
            )
            .await;
        assert!(matches!(contact.clone().purge(&policy, self.at), Purge::NotDue(_)));
        let contact = self.record(&ledger, &policy, &who, self.at, stopped(&policy)).await;
        let purged = contact.clone().purge(&policy, LONG_AGO + YEARS_LATER);
        assert_eq!(matches!(purged, Purge::Remove { .. }), self.at == LONG_AGO);

        let tables = tables();
        let mut records = scan(&database, &tables.ledger);
        // Its messages have been forgotten long before.
        records.retain(|item| !is_kind(item, "outbox"));
        assert_eq!(records.iter().filter(|item| is_kind(item, "evidence")).count(), 3);
        assert_eq!(records.len(), 5, "a contact, its alias and its evidence");
        let keys = scan(&database, &tables.keys);
        let [key] = <[Item; 1]>::try_from(keys).unwrap();
        Template {
            contact: contact.id.to_string(),
            alias: assent_tests::keys().pseudonym.alias(&phone.into()).to_string(),
            records,
            key,
        }
    }

    async fn record(&self, ledger: &Ledger, policy: &Policy, who: &Who, now: Time, act: Act) -> Contact {
        let rules = Rules {
            policy,
            token_keys: &[TOKEN_KEY],
            now,
        };
        let event = Event {
            id: EventId::from_bytes(identity::random_bytes().unwrap()),
            at: now,
            act,
            delivery: None,
        };
        let recorded = ledger.record(who, &[event], &rules).await.unwrap();
        recorded.into_iter().find_map(|recorded| recorded.contact).unwrap()
    }
}

fn offers() -> PurposeId {
    "offers".parse().unwrap()
}

fn german() -> Locale {
    "de".parse().unwrap()
}

fn asked(request: RequestId) -> Act {
    Act::Asked(Asked {
        request,
        purposes: vec![offers()],
        locale: german(),
        source: RequestSource::WebForm,
        url: Some("https://www.example.com/newsletter".to_owned()),
        form: Some("footer".to_owned()),
        actor: Actor::System,
    })
}

fn agreed(policy: &Policy, contact: ContactId, request: RequestId, at: Time) -> Act {
    let notice = policy.notice(&offers(), &german(), at).unwrap();
    let token = Token {
        action: Action::Confirm,
        contact,
        request,
        prompted_at: at,
        expires_at: at + policy.prompting().token_lifetime(),
        notices: vec![notice_prefix(notice.version())],
    };
    Act::Tapped {
        payload: token.encode(&TOKEN_KEY),
        message: MessageRef::from_bytes([2; 32]),
        context: None,
    }
}

fn stopped(policy: &Policy) -> Act {
    Act::Said(Said {
        meaning: policy.words().read("STOP"),
        words: TypedWords::new("STOP"),
        authorship: Authorship::Own,
        by_button: false,
        sender: None,
        message: MessageRef::from_bytes([3; 32]),
        context: None,
    })
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
