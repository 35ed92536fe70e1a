//! What contacts were told when they were asked for their consent.

use sha2::{Digest, Sha256};

use crate::id::{Locale, NoticeVersion, PurposeId};
use crate::time::Time;

use super::controller::{Controller, DataProtectionOfficer};
use super::document::{Node, Table};
use super::localised::Locales;
use super::prompt::PromptTemplate;
use super::purpose::{LABEL, Purpose};
use super::validity::Validity;

/// What a contact is shown about one purpose in one locale, in one wording.
///
/// EDPB Guidelines 05/2020 no. 108: the controller must be able to show what the contact was told at the time, so a
/// notice never changes. Another word in it makes another version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub(super) version: NoticeVersion,
    pub(super) purpose: PurposeId,
    pub(super) locale: Locale,
    pub(super) shown: Shown,
    pub(super) validity: Validity,
    pub(super) prompt: PromptTemplate,
}

/// The statements of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) label: String,
    pub(super) text: String,
    pub(super) url: String,
    pub(super) controller: String,
    pub(super) address: String,
    pub(super) data_protection_officer: String,
    pub(super) recipients: Vec<String>,
    pub(super) retention: String,
    pub(super) withdrawal: String,
}

impl Notice {
    /// The name of this wording.
    pub fn version(&self) -> &NoticeVersion {
        &self.version
    }

    /// The one purpose it is about.
    pub fn purpose(&self) -> &PurposeId {
        &self.purpose
    }

    /// The locale it is written in.
    pub fn locale(&self) -> &Locale {
        &self.locale
    }

    /// The label of the purpose, as this notice shows it.
    pub fn label(&self) -> &str {
        &self.shown.label
    }

    /// The text of the notice.
    pub fn text(&self) -> &str {
        &self.shown.text
    }

    /// The page where contacts can read the same.
    pub fn url(&self) -> &str {
        &self.shown.url
    }

    /// The name of the controller, as this notice shows it.
    pub fn controller(&self) -> &str {
        &self.shown.controller
    }

    /// The address of the controller, as this notice shows it.
    pub fn address(&self) -> &str {
        &self.shown.address
    }

    /// How to reach the data protection officer, as this notice shows it.
    pub fn data_protection_officer(&self) -> &str {
        &self.shown.data_protection_officer
    }

    /// Who else receives the data (GDPR Art. 13(1)(e)).
    pub fn recipients(&self) -> &[String] {
        &self.shown.recipients
    }

    /// How long the data is kept (GDPR Art. 13(2)(a)).
    pub fn retention(&self) -> &str {
        &self.shown.retention
    }

    /// How to withdraw (GDPR Art. 7(3), 13(2)(c)).
    pub fn withdrawal(&self) -> &str {
        &self.shown.withdrawal
    }

    /// The message that asks for the consent and shows the notice.
    pub fn prompt(&self) -> &PromptTemplate {
        &self.prompt
    }

    /// The first moment it is shown.
    pub fn valid_from(&self) -> Time {
        self.validity.from
    }

    /// The first moment it is not shown any more.
    pub fn valid_to(&self) -> Option<Time> {
        self.validity.to
    }

    /// Whether it is shown at that moment.
    pub fn is_active(&self, at: Time) -> bool {
        self.validity.contains(at)
    }
}

/// A notice as the document has it, before the rest of what it shows is known.
#[derive(Debug)]
pub(super) struct Draft<'d> {
    table: Table<'d>,
    pub(super) locale: Locale,
    pub(super) validity: Validity,
    text: String,
    url: Option<String>,
    recipients: Vec<String>,
    retention: String,
    withdrawal: String,
    /// What the notice showed, where the policy says otherwise by now.
    label: Option<String>,
    controller: Option<String>,
    address: Option<String>,
    data_protection_officer: Option<String>,
    /// The name that the author expects.
    version: Option<NoticeVersion>,
}

impl<'d> Draft<'d> {
    pub(super) fn read(node: &Node<'d>, locales: Locales<'_>) -> Option<Self> {
        let table = node.table()?;
        let locale = table.need("locale").and_then(|node| locales.read(&node));
        let validity = Validity::read(&table);
        let text = table.need("text").and_then(|node| node.text());
        let url = table.optional("url", Node::url);
        let recipients = table.need("recipients").and_then(|node| node.list_of(Node::line));
        let retention = table.need("retention").and_then(|node| node.text());
        let withdrawal = table.need("withdrawal").and_then(|node| node.text());
        let label = table.optional("label", |node| node.short_line(LABEL));
        let controller = table.optional("controller", Node::line);
        let address = table.optional("address", Node::line);
        let data_protection_officer = table.optional("data_protection_officer", Node::line);
        let version = table.optional("version", Node::parsed);
        table.finish();
        Some(Self {
            locale: locale?,
            validity: validity?,
            text: text?.to_owned(),
            url: url?,
            recipients: recipients?,
            retention: retention?.to_owned(),
            withdrawal: withdrawal?.to_owned(),
            label: label?,
            controller: controller?,
            address: address?,
            data_protection_officer: data_protection_officer?,
            version: version?,
            table,
        })
    }

    /// Notes a fault of the whole notice.
    pub(super) fn fault(&self, reason: &str) {
        self.table.fault(reason);
    }

    /// The notice, once everything is known that it shows.
    pub(super) fn finish(
        self,
        purpose: &Purpose,
        controller: &Controller,
        officer: &DataProtectionOfficer,
        prompts: &[PromptTemplate],
    ) -> Option<Notice> {
        let prompt = prompts
            .iter()
            .find(|prompt| *prompt.locale() == self.locale && prompt.validity.covers(self.validity))
            .or_else(|| {
                self.fault(
                    "no prompt in this locale is in use for as long as the notice; prompts and notices end together",
                );
                None
            });
        let url = self.url.or_else(|| controller.privacy_url.clone()).or_else(|| {
            self.table
                .fault_of("url", "is missing, and so is the controller's privacy_url");
            None
        });
        let shown = Shown {
            label: self.label.unwrap_or_else(|| purpose.label(&self.locale).to_owned()),
            text: self.text,
            url: url?,
            controller: self.controller.unwrap_or_else(|| controller.name.clone()),
            address: self.address.unwrap_or_else(|| controller.address.clone()),
            data_protection_officer: self.data_protection_officer.unwrap_or_else(|| officer.shown()),
            recipients: self.recipients,
            retention: self.retention,
            withdrawal: self.withdrawal,
        };
        let prompt = prompt?;
        let buttons = prompt.buttons();
        let wording = Wording {
            purpose: &purpose.id,
            locale: &self.locale,
            valid_from: self.validity.from,
            label: &shown.label,
            text: &shown.text,
            url: &shown.url,
            controller: &shown.controller,
            address: &shown.address,
            data_protection_officer: &shown.data_protection_officer,
            recipients: &shown.recipients,
            retention: &shown.retention,
            withdrawal: &shown.withdrawal,
            prompt: prompt.name(),
            prompt_language: prompt.language().as_str(),
            prompt_body: &prompt.body,
            prompt_buttons: [buttons.confirm(), buttons.no(), buttons.not_me()],
        };
        let version = wording.version();
        if self.version.is_some_and(|expected| expected != version) {
            let reason = format!(
                "the notice shows something else than under this name, now {version}; a notice never changes: \
                 end the old one with valid_to and list another"
            );
            self.table.fault_of("version", reason);
        }
        Some(Notice {
            version,
            purpose: purpose.id.clone(),
            locale: self.locale,
            shown,
            validity: self.validity,
            prompt: prompt.clone(),
        })
    }
}

/// Everything that a notice shows, and since when.
pub(crate) struct Wording<'a> {
    pub(crate) purpose: &'a PurposeId,
    pub(crate) locale: &'a Locale,
    pub(crate) valid_from: Time,
    pub(crate) label: &'a str,
    pub(crate) text: &'a str,
    pub(crate) url: &'a str,
    pub(crate) controller: &'a str,
    pub(crate) address: &'a str,
    pub(crate) data_protection_officer: &'a str,
    pub(crate) recipients: &'a [String],
    pub(crate) retention: &'a str,
    pub(crate) withdrawal: &'a str,
    pub(crate) prompt: &'a str,
    pub(crate) prompt_language: &'a str,
    pub(crate) prompt_body: &'a str,
    pub(crate) prompt_buttons: [&'a str; 3],
}

impl Wording<'_> {
    /// The SHA-256 of all of it, in an encoding that no two notices share: every text and list is preceded by its length.
    ///
    /// The notice's end is no part of it: nobody knows the end while the notice is shown, and the evidence of consents given to it
    /// must still find it by its name afterwards.
    pub(crate) fn version(&self) -> NoticeVersion {
        let mut encoded = Encoded::default();
        encoded
            .text("notice 1")
            .text(self.purpose.as_str())
            .text(self.locale.as_str());
        encoded.text(self.label).text(self.text).text(self.url);
        encoded
            .text(self.controller)
            .text(self.address)
            .text(self.data_protection_officer);
        encoded.number(self.recipients.len() as u64);
        for recipient in self.recipients {
            encoded.text(recipient);
        }
        encoded.text(self.retention).text(self.withdrawal);
        encoded.0.update(self.valid_from.unix_seconds().to_be_bytes());
        encoded.text(self.prompt).text(self.prompt_language);
        encoded.0.update(Sha256::digest(self.prompt_body));
        for button in self.prompt_buttons {
            encoded.text(button);
        }
        NoticeVersion::from_bytes(encoded.0.finalize().into())
    }
}

#[derive(Default)]
struct Encoded(Sha256);

impl Encoded {
    fn number(&mut self, number: u64) -> &mut Self {
        self.0.update(number.to_be_bytes());
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len() as u64);
        self.0.update(text);
        self
    }
}
