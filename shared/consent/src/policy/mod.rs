//! What the controller has decided: who they are, what they ask consent for and in which words, and how long they keep
//! what.
//!
//! A policy is one TOML document. It is checked as a whole, so that every fault shows at once, and it never changes:
//! another word in it makes another version.

mod controller;
mod document;
mod fault;
mod localised;
mod notice;
mod prompt;
mod purpose;
mod read;
mod rights;
mod settings;
#[cfg(test)]
mod tests;
mod texts;
mod validity;
mod vocabulary;

pub use controller::{Controller, Country, DataProtectionOfficer, InvalidCountry, Sender};
pub use fault::{Fault, PolicyFaults};
pub use notice::Notice;
pub(crate) use notice::Wording;
pub use prompt::{PromptButtons, PromptTemplate};
pub use purpose::{Class, Frequency, Per, Purpose};
pub use rights::{Rights, SupervisoryAuthority};
pub use settings::{Campaigns, Keep, Mode, Prompting, QuietHours, Retention};
pub use texts::{HoldQuestion, RightsReceived, Texts};

use std::collections::BTreeSet;

use toml::de::DeTable;

use crate::id::{Locale, NoticeVersion, PolicyVersion, PurposeId, SenderId};
use crate::time::Time;
use crate::words::Words;

use document::{Faults, Table};
use localised::Localised;

/// A policy without a fault.
#[derive(Debug, Clone)]
pub struct Policy {
    version: PolicyVersion,
    text: String,
    controller: Controller,
    data_protection_officer: DataProtectionOfficer,
    rights: Rights,
    default_locale: Locale,
    locales: Vec<Locale>,
    senders: Vec<Sender>,
    purposes: Vec<Purpose>,
    notices: Vec<Notice>,
    prompts: Vec<PromptTemplate>,
    texts: Localised<Texts>,
    words: Words,
    prompting: Prompting,
    retention: Retention,
    campaigns: Campaigns,
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// Everything that is wrong with the document; a document that is no TOML has one fault, its first.
    pub fn parse(text: &str) -> Result<Self, PolicyFaults> {
        let faults = Faults::new(text);
        let policy = match DeTable::parse(text) {
            Ok(document) => Self::read(text, &Table::new(&faults, String::new(), 0, document.get_ref())),
            Err(error) => {
                faults.note(error.span().map_or(0, |span| span.start), "", error.message());
                None
            }
        };
        match policy {
            Some(policy) if faults.is_empty() => Ok(policy),
            _ => Err(faults.into_found()),
        }
    }

    /// The SHA-256 of the text.
    pub fn version(&self) -> PolicyVersion {
        self.version
    }

    /// The document.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Who is answerable.
    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    /// Whom to ask.
    pub fn data_protection_officer(&self) -> &DataProtectionOfficer {
        &self.data_protection_officer
    }

    /// What people are told who demand something about their data.
    pub fn rights(&self) -> &Rights {
        &self.rights
    }

    /// The locale to fall back on.
    pub fn default_locale(&self) -> &Locale {
        &self.default_locale
    }

    /// Every locale that the controller speaks.
    pub fn locales(&self) -> &[Locale] {
        &self.locales
    }

    /// The locale that fits best to a language tag such as `de-AT` or `pt_BR`; the default locale where none fits.
    pub fn locale_for(&self, language: Option<&str>) -> &Locale {
        let fitting = || {
            let tag = language?.replace('-', "_").to_lowercase();
            let (spoken, _) = tag.split_once('_').unwrap_or((&tag, ""));
            let same = |locale: &&Locale| locale.as_str().to_lowercase() == tag;
            let plain = |locale: &&Locale| locale.as_str() == spoken;
            let related = |locale: &&Locale| locale.language() == spoken;
            let locales = || self.locales.iter();
            locales()
                .find(same)
                .or_else(|| locales().find(plain))
                .or_else(|| locales().find(related))
        };
        fitting().unwrap_or(&self.default_locale)
    }

    /// The controller's phone numbers.
    pub fn senders(&self) -> impl Iterator<Item = &Sender> {
        self.senders.iter()
    }

    /// The phone number with that id.
    pub fn sender(&self, id: &SenderId) -> Option<&Sender> {
        self.senders.iter().find(|sender| sender.id() == id)
    }

    /// The purposes in the order of the document.
    pub fn purposes(&self) -> impl Iterator<Item = &Purpose> {
        self.purposes.iter()
    }

    /// The purpose with that id.
    pub fn purpose(&self, id: &PurposeId) -> Option<&Purpose> {
        self.purposes.iter().find(|purpose| purpose.id() == id)
    }

    /// Whether the controller markets: surveys count as marketing (BGH VI ZR 225/17).
    pub fn markets(&self) -> bool {
        self.purposes.iter().any(|purpose| purpose.class() != Class::Service)
    }

    /// The purposes of class marketing: what a contact asks for who writes START.
    pub fn marketing_purposes(&self) -> impl Iterator<Item = &Purpose> {
        self.purposes
            .iter()
            .filter(|purpose| purpose.class() == Class::Marketing)
    }

    /// The notice for a purpose in this very locale that is active at that moment.
    pub fn notice(&self, purpose: &PurposeId, locale: &Locale, at: Time) -> Option<&Notice> {
        self.notices
            .iter()
            .find(|notice| notice.purpose() == purpose && notice.locale() == locale && notice.is_active(at))
    }

    /// Who else receives data, as the notices say that are shown at that moment in the locale, or else in the default locale.
    pub fn recipients(&self, locale: &Locale, at: Time) -> Vec<String> {
        let notices = |locale: &Locale| {
            let purposes = self.purposes.iter();
            let shown: Vec<_> = purposes
                .filter_map(|purpose| self.notice(purpose.id(), locale, at))
                .collect();
            shown
        };
        let mut shown = notices(locale);
        if shown.is_empty() {
            shown = notices(&self.default_locale);
        }
        let all: BTreeSet<_> = shown.iter().flat_map(|notice| notice.recipients()).cloned().collect();
        all.into_iter().collect()
    }

    /// The notice with that name, active or retired.
    pub fn notice_version(&self, version: &NoticeVersion) -> Option<&Notice> {
        self.notices.iter().find(|notice| notice.version() == version)
    }

    /// The notice whose name begins with these bytes; no two notices of a policy share them.
    pub fn notice_by_prefix(&self, prefix: &[u8; 8]) -> Option<&Notice> {
        self.notices
            .iter()
            .find(|notice| notice.version().as_bytes().starts_with(prefix))
    }

    /// The prompt in this very locale that is in use at that moment. A notice that is active always has one.
    pub fn prompt(&self, locale: &Locale, at: Time) -> Option<&PromptTemplate> {
        self.prompts
            .iter()
            .find(|prompt| prompt.locale() == locale && prompt.is_active(at))
    }

    /// Every prompt template, also those that are no longer in use.
    pub fn prompts(&self) -> impl Iterator<Item = &PromptTemplate> {
        self.prompts.iter()
    }

    /// The free-form messages in the locale, else in its language, else in the default locale.
    pub fn texts(&self, locale: &Locale) -> &Texts {
        self.texts.get(locale)
    }

    /// What words mean.
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// How contacts are asked.
    pub fn prompting(&self) -> &Prompting {
        &self.prompting
    }

    /// How long each kind of record is kept.
    pub fn retention(&self) -> &Retention {
        &self.retention
    }

    /// How campaigns are checked.
    pub fn campaigns(&self) -> &Campaigns {
        &self.campaigns
    }
}
