//! How the business's number, account and templates are at Meta, as far as a stand-in makes it up: well, until it is told
//! otherwise.

use std::collections::BTreeMap;

use consent::time::Time;
use serde::Deserialize;
use whatsapp::compose::{Notice, account_answer, number_answer, template_answer};
use whatsapp::delivery::{BanState, Category, Limit, NumberEvent, Quality, RestrictionKind, TemplateStatus};
use whatsapp::graph::{AccountHealth, GraphError, NumberHealth, NumberStatus, Review, Sending, TemplateHealth};
use whatsapp::{BusinessNumber, Language, PhoneNumberId, TemplateName, WabaId};

use super::INVALID;

/// The languages in which a template may be written (supported languages page). A template that nobody said anything about is
/// there in each of them.
const LANGUAGES: &str = "\
    af ar az bg bn ca cs da de el en en_GB en_US es es_AR es_ES es_MX et fa fi fil fr ga gu ha he hi hr hu id it \
    ja ka kk kn ko ky_KG lo lt lv mk ml mr ms nb nl pa pl pt_BR pt_PT ro ru rw_RW sk sl sq sr sv sw ta te th tr uk \
    ur uz vi zh_CN zh_HK zh_TW zu";

/// What Meta has to say.
#[derive(Debug)]
pub(super) struct Health {
    quality: Quality,
    limit: Limit,
    account: Sending,
    restricted_until: Option<Time>,
    /// What was said about templates; `None` of one that is not there.
    templates: BTreeMap<(TemplateName, Language), Option<TemplateHealth>>,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            quality: Quality::Green,
            limit: Limit::Unlimited,
            account: Sending::Available,
            restricted_until: None,
            templates: BTreeMap::new(),
        }
    }
}

/// What is to be otherwise from now on, in Meta's words. What is left out stays as it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthChange {
    /// The rating of the number.
    quality: Option<Quality>,
    /// How many people may be written to first: a tier.
    limit: Option<String>,
    /// Whether the account can send. If it is blocked, it is banned; if not, a ban and a restriction are lifted.
    account: Option<Sending>,
    /// Until when the account may not write first.
    restricted_until: Option<Time>,
    /// How a template is.
    template: Option<TemplateChange>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "TemplateMembers")]
struct TemplateChange {
    name: TemplateName,
    language: Language,
    becomes: Becomes,
}

#[derive(Debug, Clone)]
enum Becomes {
    Missing,
    Otherwise {
        status: Option<TemplateStatus>,
        category: Option<Category>,
        quality: Option<Quality>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TemplateMembers {
    name: TemplateName,
    language: Language,
    status: Option<TemplateStatus>,
    category: Option<Category>,
    quality: Option<Quality>,
    #[serde(default)]
    missing: bool,
}

impl TryFrom<TemplateMembers> for TemplateChange {
    type Error = &'static str;

    fn try_from(members: TemplateMembers) -> Result<Self, Self::Error> {
        let becomes = match (members.missing, members.status, members.category, members.quality) {
            (true, None, None, None) => Becomes::Missing,
            (true, ..) => return Err("a missing template has no status, category or quality; leave these out"),
            (false, status, category, quality) => Becomes::Otherwise {
                status,
                category,
                quality,
            },
        };
        Ok(Self {
            name: members.name,
            language: members.language,
            becomes,
        })
    }
}

/// The query of a request for templates.
#[derive(Deserialize)]
pub(super) struct Query {
    name: Option<TemplateName>,
}

impl Health {
    /// Changes what Meta says, and is what Meta sends about it.
    pub(super) fn change(&mut self, change: HealthChange, number: &BusinessNumber) -> Vec<Notice> {
        let mut notices = Vec::new();
        if let Some(limit) = change.limit {
            self.limit = Limit::of(&limit);
            notices.push(Notice::limit(&self.limit));
        }
        if let Some(quality) = change.quality {
            let event = match quality {
                Quality::Red => NumberEvent::Flagged,
                _ => NumberEvent::Unflagged,
            };
            self.quality = quality;
            notices.push(Notice::number(number, &event, &self.limit));
        }
        if let Some(account) = change.account {
            let state = match account {
                Sending::Blocked => BanState::Disabled,
                _ => BanState::Reinstated,
            };
            self.account = account;
            self.restricted_until = None;
            notices.push(Notice::ban(&state));
        }
        if let Some(until) = change.restricted_until {
            self.restricted_until = Some(until);
            let kind = RestrictionKind::BusinessInitiated;
            notices.push(Notice::restriction(&kind, until.unix_seconds()));
        }
        if let Some(template) = change.template {
            notices.extend(self.change_template(template));
        }
        notices
    }

    fn change_template(&mut self, change: TemplateChange) -> Vec<Notice> {
        let TemplateChange {
            name,
            language,
            becomes,
        } = change;
        let known = self.templates.entry((name.clone(), language.clone()));
        let health = known.or_insert_with(|| Some(good()));
        let Becomes::Otherwise {
            status,
            category,
            quality,
        } = becomes
        else {
            *health = None;
            let deleted = TemplateStatus::Deleted;
            return vec![Notice::template_status(&name, &language, &deleted, None)];
        };
        // One that was missing is made anew, which Meta tells as its approval.
        let status = status.or_else(|| health.is_none().then_some(TemplateStatus::Approved));
        let health = health.get_or_insert_with(good);
        let mut notices = Vec::new();
        if let Some(now) = category {
            notices.push(Notice::template_category(
                &name,
                &language,
                health.category.as_ref(),
                &now,
            ));
            health.category = Some(now);
        }
        if let Some(now) = quality {
            notices.push(Notice::template_quality(
                &name,
                &language,
                health.quality.as_ref(),
                &now,
            ));
            health.quality = Some(now);
        }
        if let Some(now) = status {
            notices.push(Notice::template_status(
                &name,
                &language,
                &now,
                health.category.as_ref(),
            ));
            health.status = now;
        }
        notices
    }

    /// What Meta answers about the number.
    pub(super) fn number(&self, sender: &PhoneNumberId) -> String {
        let health = NumberHealth {
            quality: Some(self.quality.clone()),
            limit: Some(self.limit.clone()),
            status: Some(NumberStatus::Connected),
        };
        number_answer(sender, &health)
    }

    /// What Meta answers about the account at that time.
    pub(super) fn account(&self, waba: &WabaId, now: Time) -> String {
        let restricted = self.restricted_until.is_some_and(|until| now < until);
        let health = AccountHealth {
            sending: Some(if restricted {
                Sending::Blocked
            } else {
                self.account.clone()
            }),
            review: Some(Review::Approved),
        };
        account_answer(waba, &health)
    }

    /// What Meta answers about templates with that name, and those whose name it is a part of.
    pub(super) fn templates(&self, query: &Query) -> Result<String, GraphError> {
        let name = query.name.as_ref().ok_or(GraphError::of(INVALID))?;
        let mut found: BTreeMap<(TemplateName, Language), Option<TemplateHealth>> = LANGUAGES
            .split(' ')
            .filter_map(|language| Some(((name.clone(), language.parse().ok()?), Some(good()))))
            .collect();
        let similar = self
            .templates
            .iter()
            .filter(|((known, _), _)| known.as_str().contains(name.as_str()));
        found.extend(similar.map(|(template, health)| (template.clone(), health.clone())));
        let there = found
            .iter()
            .filter_map(|((name, language), health)| Some((name, language, health.as_ref()?)));
        Ok(template_answer(there))
    }
}

/// How a template is that nobody said anything about.
fn good() -> TemplateHealth {
    TemplateHealth {
        status: TemplateStatus::Approved,
        category: Some(Category::Marketing),
        quality: Some(Quality::Green),
    }
}
