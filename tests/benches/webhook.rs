//! What the webhook computes for a delivery before it asks the ledger anything, in time and in allocations.
//!
//! Two yardsticks stand beside it. The signature cannot cost less than one SHA-256 of the body, and a receiver that knows
//! nothing of Meta's format would read the body into a `serde_json::Value`.

#![allow(missing_docs, reason = "nobody reads the documentation of a benchmark")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use assent_tests::business;
use consent::words::Words;
use divan::counter::{BytesCount, CharsCount};
use divan::{AllocProfiler, Bencher};
use identity::{Bsuid, Identifiers, PhoneNumber};
use serde_json::Value;
use sha2::{Digest, Sha256};
use whatsapp::compose::{Change, Envelope, message_id};
use whatsapp::delivery::parse;
use whatsapp::{AppSecret, Text, sign, verify};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

/// The most updates that Meta puts into one delivery.
const MOST_UPDATES: u32 = 1_000;

/// The longest text that WhatsApp sends.
const LONGEST_TEXT: usize = 4_096;

/// The length of a usual text.
const USUAL_TEXT: usize = 28;

/// What people write: words, umlauts, an emoji, and nothing that matters to the ledger.
const PROSE: &str =
    "Guten Tag, könnten Sie mir bitte sagen, wann die Bestellung ankommt? Vielen Dank und schöne Grüße 🙂 ";

fn main() {
    divan::main();
}

/// The deliveries that are measured.
#[derive(Debug, Clone, Copy)]
enum Delivery {
    /// One text message, in some 500 bytes.
    Usual,
    /// As many messages as Meta puts into one delivery, together just below the largest body that it sends.
    Largest,
}

const DELIVERIES: [Delivery; 2] = [Delivery::Usual, Delivery::Largest];

impl Delivery {
    fn body(self) -> Vec<u8> {
        match self {
            Self::Usual => messages(1, USUAL_TEXT),
            Self::Largest => {
                let lengths: Vec<usize> = (0..LONGEST_TEXT).collect();
                let fits = |characters: &usize| messages(MOST_UPDATES, *characters).len() <= webhook::MAX_BODY;
                messages(MOST_UPDATES, lengths.partition_point(fits) - 1)
            }
        }
    }
}

/// A delivery of so many messages of so many characters each.
fn messages(amount: u32, characters: usize) -> Vec<u8> {
    let text = prose(characters);
    business().delivery((0..amount).map(|number| message(number, &text)))
}

fn message(number: u32, text: &str) -> Change {
    let phone = PhoneNumber::parse(&format!("+49151{number:08}")).unwrap();
    let bsuid = Bsuid::parse(&format!("DE.{number:020}")).unwrap();
    let mut unique = [0; 10];
    unique[..4].copy_from_slice(&number.to_be_bytes());
    let envelope = Envelope {
        id: message_id(Some(&phone), unique),
        from: Identifiers::new(Some(phone), Some(bsuid)).unwrap(),
        at: 1_784_000_000,
        reply_to: None,
    };
    business().text(&envelope, &Text::new(text))
}

fn prose(characters: usize) -> String {
    PROSE.chars().cycle().take(characters).collect()
}

fn secrets() -> [AppSecret; 1] {
    [AppSecret::new("the secret of the app").unwrap()]
}

#[divan::bench(args = DELIVERIES)]
fn verify_and_parse(bencher: Bencher<'_, '_>, delivery: Delivery) {
    let body = delivery.body();
    let secrets = secrets();
    let signature = sign(&body, &secrets[0]);
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench_local(|| parse(&verify(&body, Some(signature.as_bytes()), &secrets).unwrap()).unwrap());
}

#[divan::bench(args = DELIVERIES)]
fn parse_alone(bencher: Bencher<'_, '_>, delivery: Delivery) {
    let body = delivery.body();
    let secrets = secrets();
    let signature = sign(&body, &secrets[0]);
    let signed = verify(&body, Some(signature.as_bytes()), &secrets).unwrap();
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench_local(|| parse(&signed).unwrap());
}

#[divan::bench(args = DELIVERIES)]
fn yardstick_sha256(bencher: Bencher<'_, '_>, delivery: Delivery) {
    let body = delivery.body();
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench_local(|| Sha256::digest(&body));
}

#[divan::bench(args = DELIVERIES)]
fn yardstick_value(bencher: Bencher<'_, '_>, delivery: Delivery) {
    let body = delivery.body();
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench_local(|| serde_json::from_slice::<Value>(&body).unwrap());
}

#[divan::bench(args = [USUAL_TEXT, LONGEST_TEXT])]
fn read_words(bencher: Bencher<'_, '_>, characters: usize) {
    let words = Words::new(&[]);
    let text = prose(characters);
    bencher
        .counter(CharsCount::of_str(&text))
        .bench_local(|| words.read(&text));
}
