//! When data got into the wrong hands: whom it concerns, and the forms that are due within 72 hours (Art. 33 and 34 GDPR).

use std::collections::BTreeSet;
use std::fmt;
use std::io::Write;
use std::path::Path;

use clap::ValueEnum;
use consent::id::ContactId;
use consent::policy::Policy;
use consent::retention::Kind;
use consent::time::{Span, Time};
use ledger::{LedgerError, Surveyed};
use paper::Document;
use rights::Language;
use service::Work;

use crate::documents::{DocumentError, store};

/// How soon the authority has to know (Art. 33(1) GDPR).
const CLOCK: Span = Span::hours(72);

/// Which data got into the wrong hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BreachClass {
    /// What lies in the tables: everybody who was in them before the end.
    Stored,
    /// The words that people wrote and that were kept before the end.
    Words,
    /// What Meta delivered between the beginning and the end.
    Deliveries,
    /// Which messages of campaigns were allowed before the end.
    Sends,
}

impl fmt::Display for BreachClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stored => "what lies in the tables",
            Self::Words => "words that people wrote",
            Self::Deliveries => "what Meta delivered meanwhile",
            Self::Sends => "which campaign messages were allowed",
        })
    }
}

/// What happened, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breach {
    /// From when on.
    pub from: Time,
    /// Until when.
    pub to: Time,
    /// Which data.
    pub class: BreachClass,
    /// When the controller learned of it: the clock runs from then.
    pub aware_at: Time,
}

/// Whom it concerns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Affected {
    /// The contacts, by their ids, which say nothing to anybody who does not have the ledger.
    pub contacts: BTreeSet<ContactId>,
    /// How many records of them.
    pub records: u64,
    /// How many records could not be read.
    pub unreadable: u64,
}

/// The breach cannot be as it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the breach ends at {to}, before it begins at {from}: give --from before --to")]
pub struct Backwards {
    from: Time,
    to: Time,
}

impl Breach {
    /// Whether it is possible.
    ///
    /// # Errors
    /// [`Backwards`].
    pub fn check(&self) -> Result<(), Backwards> {
        if self.to < self.from {
            return Err(Backwards {
                from: self.from,
                to: self.to,
            });
        }
        Ok(())
    }

    /// Until when the authority has to know.
    pub fn deadline(&self) -> Time {
        self.aware_at + CLOCK
    }

    /// The contact that a record makes one of those affected.
    fn affects(&self, record: &Surveyed) -> Option<ContactId> {
        match (self.class, record) {
            (BreachClass::Stored, Surveyed::Evidence(contact, evidence)) => {
                (evidence.recorded_at <= self.to).then_some(*contact)
            }
            (BreachClass::Words, Surveyed::Evidence(contact, evidence)) => {
                (evidence.sealed_words.is_some() && evidence.recorded_at <= self.to).then_some(*contact)
            }
            (BreachClass::Deliveries, Surveyed::Evidence(contact, evidence)) => {
                let received = evidence.delivery.as_ref()?.received_at;
                (self.from <= received && received <= self.to).then_some(*contact)
            }
            (BreachClass::Sends, Surveyed::Send { contact, decided_at }) => {
                (*decided_at <= self.to).then_some(*contact)
            }
            _ => None,
        }
    }

    /// The categories of data, as the record of processing names them.
    fn categories(&self) -> Vec<&'static str> {
        let kinds: &[Kind] = match self.class {
            BreachClass::Stored => &[Kind::Contact, Kind::Evidence, Kind::Send, Kind::Case],
            BreachClass::Words | BreachClass::Deliveries => &[Kind::Evidence],
            BreachClass::Sends => &[Kind::Send],
        };
        kinds.iter().filter_map(|kind| kind.personal_data()).collect()
    }
}

/// Whom a breach concerns. Who was erased since is not known any more.
///
/// # Errors
/// When the ledger fails.
pub async fn affected(work: &Work, breach: &Breach) -> Result<Affected, LedgerError> {
    let mut affected = Affected::default();
    let mut count = |record: Surveyed| {
        if let Some(contact) = breach.affects(&record) {
            affected.contacts.insert(contact);
            affected.records += 1;
        }
    };
    let unreadable = work.ledger.survey(&mut count).await?;
    affected.unreadable = unreadable;
    Ok(affected)
}

/// Writes the forms and the list into a folder and prints how many people are affected.
///
/// # Errors
/// When something cannot be written.
pub fn write(folder: &Path, breach: &Breach, affected: &Affected, policy: &Policy) -> Result<(), DocumentError> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{} people, {} records. The authority has to know by {}.",
        affected.contacts.len(),
        affected.records,
        breach.deadline()
    )?;
    let mut documents = vec![(
        "notification-to-the-authority".to_owned(),
        to_authority(breach, affected, policy),
    )];
    for locale in policy.locales() {
        let letter = to_people(breach, policy, locale.as_str());
        documents.push((format!("letter-to-people.{locale}"), letter));
    }
    for (name, document) in documents {
        for path in store(folder, &name, &document)? {
            writeln!(out, "{}", path.display())?;
        }
    }
    let list: String = affected.contacts.iter().map(|contact| format!("{contact}\n")).collect();
    let path = folder.join("affected.txt");
    std::fs::write(&path, list).map_err(|source| DocumentError::Write {
        file: path.display().to_string(),
        source,
    })?;
    Ok(writeln!(out, "{}", path.display())?)
}

const TO_BE_FILLED_IN: &str = "[to be filled in]";

/// What the authority has to be told (Art. 33(3) GDPR).
pub fn to_authority(breach: &Breach, affected: &Affected, policy: &Policy) -> Document {
    let (controller, officer) = (policy.controller(), policy.data_protection_officer());
    let authority = policy.rights().authority();
    let mut page = Document::new("en", "Notification of a personal data breach (Art. 33 GDPR)");
    page.facts([
        ("To", format!("{}, {}", authority.name(), authority.contact())),
        ("From", format!("{}, {}", controller.name(), controller.address())),
        ("Known since", breach.aware_at.to_string()),
        ("Due by (72 hours)", breach.deadline().to_string()),
        ("Reasons, if it is later (Art. 33(1))", TO_BE_FILLED_IN.to_owned()),
    ]);
    page.section("(a) What happened");
    page.facts([
        ("Nature of the breach", TO_BE_FILLED_IN.to_owned()),
        ("From", breach.from.to_string()),
        ("Until", breach.to.to_string()),
        ("Data concerned", breach.class.to_string()),
        (
            "Categories of people",
            "people who were asked for their consent to messages on WhatsApp, or wrote there".to_owned(),
        ),
        ("Number of people, approximately", affected.contacts.len().to_string()),
        ("Number of records, approximately", affected.records.to_string()),
    ]);
    page.text("Categories of data:").list(breach.categories());
    if affected.unreadable > 0 {
        page.text(format!(
            "{} further records could not be read; whom they concern is not known.",
            affected.unreadable
        ));
    }
    page.section("(b) Whom to ask");
    let officer = officer
        .name()
        .into_iter()
        .chain([officer.contact()])
        .collect::<Vec<_>>();
    page.text(officer.join(", "));
    page.section("(c) What is likely to follow from it")
        .text(TO_BE_FILLED_IN);
    page.text(
        "Numbers, ids and words are sealed under a key of each person's own, and people are found by keyed hashes: whoever has the \
         tables without the secret can read neither. Say whether the secret, or the keys of the second table, were within reach.",
    );
    page.section("(d) What was done and will be done").text(TO_BE_FILLED_IN);
    page
}

/// What people have to be told where the risk to them is high (Art. 34 GDPR).
pub fn to_people(breach: &Breach, policy: &Policy, locale: &str) -> Document {
    let language = Language::of(locale);
    let say = |english, german| language.say(english, german);
    let blank = say(TO_BE_FILLED_IN, "[auszufüllen]");
    let mut page = Document::new(language.tag(), say("About your data", "Über Ihre Daten"));
    let name = policy.controller().name();
    page.text(format!(
        "{} {name} {} {} {} {}.",
        say("At", "Bei"),
        say(
            "your data got into the wrong hands between",
            "sind Ihre Daten in falsche Hände geraten, zwischen"
        ),
        breach.from,
        say("and", "und"),
        breach.to
    ));
    page.section(say("What happened", "Was geschehen ist")).text(blank);
    page.section(say("What may follow from it for you", "Was daraus für Sie folgen kann"))
        .text(blank);
    page.section(say(
        "What we have done, and what you can do",
        "Was wir getan haben, und was Sie tun können",
    ))
    .text(blank);
    let officer = policy.data_protection_officer();
    let officer = officer
        .name()
        .into_iter()
        .chain([officer.contact()])
        .collect::<Vec<_>>();
    page.section(say("Whom you can ask", "Wen Sie fragen können"))
        .text(officer.join(", "));
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_runs_from_when_the_controller_knew_and_time_runs_forwards() {
        let time = |text: &str| text.parse::<Time>().unwrap();
        let breach = Breach {
            from: time("2026-11-01T00:00:00Z"),
            to: time("2026-11-02T00:00:00Z"),
            class: BreachClass::Stored,
            aware_at: time("2026-11-20T09:00:00Z"),
        };
        assert_eq!(breach.deadline(), time("2026-11-23T09:00:00Z"));
        assert_eq!(breach.check(), Ok(()));
        let (from, to) = (breach.to, breach.from);
        assert!(Breach { from, to, ..breach }.check().is_err());
        assert!(breach.categories().iter().any(|data| data.contains("phone number")));
    }
}
