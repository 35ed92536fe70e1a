//! The record of processing activities (Art. 30(1) GDPR).

use consent::policy::{Class, Policy};
use consent::retention::{Kind, schedule};
use consent::time::Time;
use paper::Document;

/// How the data is protected, by what the software does (Art. 30(1)(g) and 32 GDPR).
const MEASURES: [&str; 9] = [
    "Numbers, WhatsApp ids, words and reasons are sealed with AES-256-GCM under a key of each person's own, which is wrapped by a key in a secrets manager; both tables, the queues and the logs are encrypted again with a customer-managed key.",
    "People are found by keyed hashes (HMAC-SHA-256). No number, id or message stands in a key, a log line, a metric or an error text; a test searches every line that the tests log.",
    "Deleting a person's key makes what was sealed with it unreadable in every backup; the keys themselves are in no backup.",
    "A consent is confirmed only by a webhook that Meta signed (HMAC-SHA-256, checked in constant time); nobody at the controller's can confirm one.",
    "Each event is chained to the one before by a keyed hash, so a record that was changed, added or taken away shows.",
    "Each function has a role of its own that may do what it does and no more.",
    "What is due is deleted every hour by a purge that reports what it deleted, signed; an alarm tells when it does not run.",
    "Before a campaign, and again at each message, it is checked that a valid consent is there; whatever is unknown denies.",
    "Copies of data are given only to who taps a button and tells a code in the person's own chat; a code is good once, for 15 minutes and five tries.",
];

/// The record.
pub(super) fn record(policy: &Policy, now: Time) -> Document {
    let mut page = Document::new("en", "Record of processing: messages on WhatsApp by consent");
    super::made_of(&mut page, policy);
    let (controller, officer) = (policy.controller(), policy.data_protection_officer());
    let officer = officer
        .name()
        .into_iter()
        .chain([officer.contact()])
        .collect::<Vec<_>>();
    page.section("Who is answerable (Art. 30(1)(a))").facts([
        (
            "Controller",
            format!(
                "{}, {}, {}",
                controller.name(),
                controller.address(),
                controller.country()
            ),
        ),
        ("Data protection officer", officer.join(", ")),
    ]);

    page.section("What for (Art. 30(1)(b))");
    let locale = policy.default_locale();
    let rows = policy.purposes().map(|purpose| {
        let class = match purpose.class() {
            Class::Marketing => "advertising",
            Class::Service => "messages about something ordered or asked for",
            Class::Survey => "questions about satisfaction, treated as advertising",
        };
        let senders: Vec<_> = policy.senders().filter(|sender| purpose.serves(sender.id())).collect();
        vec![
            purpose.label(locale).to_owned(),
            class.to_owned(),
            "Consent, Art. 6(1)(a) GDPR".to_owned(),
            senders
                .iter()
                .map(|sender| sender.label())
                .collect::<Vec<_>>()
                .join(", "),
        ]
    });
    page.table(
        "Purposes",
        ["Purpose", "What it is", "Legal basis", "Sent from"],
        rows.collect(),
    );
    page.text(
        "Besides: proof of consent and of its end (Art. 7(1) and 5(2)), respect for objections (Art. 21(3)), and answers to demands \
         about data (Art. 12 to 22), each by legal obligation, Art. 6(1)(c) GDPR.",
    );

    page.section("Whose data, and which (Art. 30(1)(c))");
    page.text(
        "People whose number was given to the controller to receive messages on WhatsApp, and people who write to it there.",
    );
    let mut kinds: Vec<_> = Kind::ALL
        .into_iter()
        .filter_map(|kind| Some((kind, kind.personal_data()?)))
        .collect();
    kinds.dedup();
    let rows = kinds
        .iter()
        .map(|(kind, data)| vec![kind.to_string(), (*data).to_owned()]);
    page.table(
        "Categories of data, by the record that holds them",
        ["Record", "Data"],
        rows.collect(),
    );
    page.text("No special categories of data (Art. 9) are asked for. What people write is kept only where it is a word of consent or of its end, and sealed.");

    page.section("Who else receives it (Art. 30(1)(d))")
        .list(policy.recipients(locale, now));
    page.section("Outside the European Economic Area (Art. 30(1)(e))")
        .text(policy.rights().transfers(locale));

    page.section("How long (Art. 30(1)(f))");
    let rows = schedule().iter().filter(|line| line.kind.personal_data().is_some());
    let rows = rows.map(|line| vec![line.what.to_owned(), line.after.by(policy), line.then.to_string()]);
    page.table(
        "Time limits",
        ["What", "When it is due", "What is done then"],
        rows.collect(),
    );

    page.section("How it is protected (Art. 30(1)(g))").list(MEASURES);
    page
}
