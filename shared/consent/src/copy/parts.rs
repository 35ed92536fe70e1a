//! The parts of a copy.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::contact::{Contact, Standing, Status};
use crate::evidence::Evidence;
use crate::id::{Locale, NoticeVersion, PurposeId};
use crate::policy::{Class, Notice, Policy, Wording};
use crate::register::{Grant, Registers, Request, Stop};
use crate::retention::{Kind, schedule};
use crate::suppression::{Suppression, SuppressionKind};
use crate::time::Time;

use super::EventPart;

/// Who is answerable (Art. 15(1) and 13(1)(a) and (b) GDPR).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControllerPart {
    /// The name.
    pub name: String,
    /// The postal address.
    pub address: String,
    /// The country, by its two letters.
    pub country: String,
    /// The page with the full privacy information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy_url: Option<String>,
    /// The data protection officer.
    pub data_protection_officer: OfficerPart,
}

/// The data protection officer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficerPart {
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How to reach them.
    pub contact: String,
}

/// Whom the person can complain to (Art. 15(1)(f) GDPR).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityPart {
    /// Its name.
    pub name: String,
    /// How to reach it.
    pub contact: String,
}

/// How things stand with one purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentPart {
    /// The purpose.
    pub purpose: PurposeId,
    /// What it is called in the person's language; its id where the policy has it no more.
    pub label: String,
    /// What kind of purpose it is; none where the policy has it no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// How it stands.
    pub status: Status,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// The latest requests: that which must have been the person's own act, and that which anyone could have made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<Request>,
    /// The consent, whether it still counts or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
    /// The latest stop that binds the purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
    /// When the consent was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Time>,
}

/// What forbids, or forbade, messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuppressionPart {
    /// Which.
    pub kind: SuppressionKind,
    /// When it was last set, and lifted.
    #[serde(flatten)]
    pub registers: Suppression,
    /// Whether it binds.
    pub is_active: bool,
}

/// A notice with the words that the person was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticePart {
    /// Its name: the SHA-256 of all that it shows.
    pub version: NoticeVersion,
    /// The purpose that it is about.
    pub purpose: PurposeId,
    /// Its language.
    pub locale: Locale,
    /// The first moment it was shown.
    pub valid_from: Time,
    /// What the purpose was called.
    pub label: String,
    /// The text.
    pub text: String,
    /// The page where the same could be read.
    pub url: String,
    /// The controller's name then.
    pub controller: String,
    /// The controller's address then.
    pub address: String,
    /// The data protection officer then.
    pub data_protection_officer: String,
    /// Who else receives the data.
    pub recipients: Vec<String>,
    /// How long the data is kept.
    pub retention: String,
    /// How to withdraw.
    pub withdrawal: String,
    /// The message that asked.
    pub prompt: PromptPart,
}

/// The message by which the person was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptPart {
    /// The template's name at Meta.
    pub name: String,
    /// Its language, as Meta names it.
    pub language: String,
    /// The body, with places for controller, purposes and addresses.
    pub body: String,
    /// The buttons, in their order: yes, no, "that wasn't me".
    pub buttons: [String; 3],
}

/// How long a kind of record is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionPart {
    /// The kind.
    pub kind: Kind,
    /// What of it.
    pub what: String,
    /// How long.
    pub kept: String,
    /// What becomes of it then.
    pub then: String,
    /// Why it is kept so long.
    pub why: String,
}

impl ControllerPart {
    pub(super) fn of(policy: &Policy) -> Self {
        let (controller, officer) = (policy.controller(), policy.data_protection_officer());
        Self {
            name: controller.name().to_owned(),
            address: controller.address().to_owned(),
            country: controller.country().to_string(),
            privacy_url: controller.privacy_url().map(str::to_owned),
            data_protection_officer: OfficerPart {
                name: officer.name().map(str::to_owned),
                contact: officer.contact().to_owned(),
            },
        }
    }
}

impl AuthorityPart {
    pub(super) fn of(policy: &Policy) -> Self {
        let authority = policy.rights().authority();
        Self {
            name: authority.name().to_owned(),
            contact: authority.contact().to_owned(),
        }
    }
}

impl NoticePart {
    /// The name that its words have.
    pub(super) fn name(&self) -> NoticeVersion {
        let [confirm, no, not_me] = &self.prompt.buttons;
        let wording = Wording {
            purpose: &self.purpose,
            locale: &self.locale,
            valid_from: self.valid_from,
            label: &self.label,
            text: &self.text,
            url: &self.url,
            controller: &self.controller,
            address: &self.address,
            data_protection_officer: &self.data_protection_officer,
            recipients: &self.recipients,
            retention: &self.retention,
            withdrawal: &self.withdrawal,
            prompt: &self.prompt.name,
            prompt_language: &self.prompt.language,
            prompt_body: &self.prompt.body,
            prompt_buttons: [confirm, no, not_me],
        };
        wording.version()
    }

    fn of(notice: &Notice) -> Self {
        let prompt = notice.prompt();
        Self {
            version: *notice.version(),
            purpose: notice.purpose().clone(),
            locale: notice.locale().clone(),
            valid_from: notice.valid_from(),
            label: notice.label().to_owned(),
            text: notice.text().to_owned(),
            url: notice.url().to_owned(),
            controller: notice.controller().to_owned(),
            address: notice.address().to_owned(),
            data_protection_officer: notice.data_protection_officer().to_owned(),
            recipients: notice.recipients().to_vec(),
            retention: notice.retention().to_owned(),
            withdrawal: notice.withdrawal().to_owned(),
            prompt: PromptPart {
                name: prompt.name().to_owned(),
                language: prompt.language().to_string(),
                body: prompt.wording().to_owned(),
                buttons: [
                    prompt.buttons().confirm().to_owned(),
                    prompt.buttons().no().to_owned(),
                    prompt.buttons().not_me().to_owned(),
                ],
            },
        }
    }
}

pub(super) fn consents(contact: &Contact, policy: &Policy, locale: &Locale, now: Time) -> Vec<ConsentPart> {
    let consent = |id: &PurposeId| {
        let Standing { status, since, .. } = contact.standing(id, policy, now);
        let registers = contact.purposes.get(id);
        let purpose = policy.purpose(id);
        ConsentPart {
            purpose: id.clone(),
            label: purpose.map_or_else(|| id.to_string(), |purpose| purpose.label(locale).to_owned()),
            class: purpose.map(|purpose| purpose.class()),
            status,
            since,
            requests: registers.into_iter().flat_map(Registers::requests).cloned().collect(),
            grant: registers.and_then(|registers| registers.granted.get().cloned()),
            stop: contact.stop(id, policy, now),
            last_used: registers.and_then(|registers| registers.last_used.get().copied()),
        }
    };
    contact.purposes_of_interest(policy).into_iter().map(consent).collect()
}

pub(super) fn suppressions(contact: &Contact, now: Time) -> Vec<SuppressionPart> {
    let part = |(kind, registers): (&SuppressionKind, &Suppression)| SuppressionPart {
        kind: kind.clone(),
        registers: registers.clone(),
        is_active: contact.suppressions.since(kind, now).is_some(),
    };
    contact.suppressions.iter().map(part).collect()
}

/// Every notice that a register or an event names, in the words of whichever policy has it.
pub(super) fn notices(contact: Option<&Contact>, events: &[EventPart], policies: &[&Policy]) -> Vec<NoticePart> {
    let mut named = BTreeSet::new();
    for registers in contact.iter().flat_map(|contact| contact.purposes.values()) {
        named.extend(registers.granted.get().map(|grant| grant.notice));
        named.extend(registers.requests().map(|request| request.notice));
    }
    for prompt in contact.iter().flat_map(|contact| contact.prompts.values()) {
        named.extend(prompt.notices.values().copied());
    }
    for event in events {
        named.extend(event.evidence().into_iter().flat_map(|evidence| evidence.notices));
    }
    let shown = |version| policies.iter().find_map(|policy| policy.notice_version(version));
    named.iter().filter_map(shown).map(NoticePart::of).collect()
}

pub(super) fn retention(policy: &Policy) -> Vec<RetentionPart> {
    schedule()
        .iter()
        .map(|line| RetentionPart {
            kind: line.kind,
            what: line.what.to_owned(),
            kept: line.after.by(policy),
            then: line.then.to_string(),
            why: line.why.to_owned(),
        })
        .collect()
}

impl EventPart {
    /// What the record says; none if only its place is left, or if it cannot be read.
    pub fn evidence(&self) -> Option<Evidence> {
        serde_json::from_str(self.record.as_ref()?.get()).ok()
    }
}
