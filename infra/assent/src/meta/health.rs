//! How the business's number, account and templates are at Meta, as far as a stand-in makes it up: well, until it is told
//! otherwise.

use std::collections::BTreeMap;

use consent::policy::Policy;
use consent::time::Time;
use serde::Deserialize;
use whatsapp::compose::{Notice, account_answer, number_answer, template_answer};
use whatsapp::delivery::{BanState, Category, Limit, NumberEvent, Quality, RestrictionKind, TemplateStatus};
use whatsapp::graph::{
    AccountHealth, GraphError, NumberHealth, NumberStatus, Review, Sending, TemplateContent, TemplateHealth,
};
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
    /// What they say otherwise than the policy.
    rewritten: BTreeMap<(TemplateName, Language), Rewritten>,
}

/// The pieces of a template that somebody wrote anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Rewritten {
    header: Option<String>,
    body: Option<String>,
    footer: Option<String>,
    buttons: Option<Vec<String>>,
    link: bool,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            quality: Quality::Green,
            limit: Limit::Unlimited,
            account: Sending::Available,
            restricted_until: None,
            templates: BTreeMap::new(),
            rewritten: BTreeMap::new(),
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
        rewritten: Rewritten,
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
    header: Option<String>,
    body: Option<String>,
    footer: Option<String>,
    /// The labels of the buttons that answer.
    buttons: Option<Vec<String>>,
    /// Whether there is a button that leads to a website.
    #[serde(default)]
    link: bool,
    #[serde(default)]
    missing: bool,
}

impl TryFrom<TemplateMembers> for TemplateChange {
    type Error = &'static str;

    fn try_from(members: TemplateMembers) -> Result<Self, Self::Error> {
        let rewritten = Rewritten {
            header: members.header,
            body: members.body,
            footer: members.footer,
            buttons: members.buttons,
            link: members.link,
        };
        let becomes = match (members.missing, members.status, members.category, members.quality) {
            (true, None, None, None) if rewritten == Rewritten::default() => Becomes::Missing,
            (true, ..) => return Err("a missing template has no status, category, quality or text; leave these out"),
            (false, status, category, quality) => Becomes::Otherwise {
                status,
                category,
                quality,
                rewritten,
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
            rewritten,
        } = becomes
        else {
            *health = None;
            let deleted = TemplateStatus::Deleted;
            return vec![Notice::template_status(&name, &language, &deleted, None)];
        };
        self.rewritten.insert((name.clone(), language.clone()), rewritten);
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

    /// What Meta answers about templates with that name, and those whose name it is a part of. Those of the policy's prompts say what
    /// the policy says, unless they were written anew.
    pub(super) fn templates(&self, query: &Query, policy: &Policy) -> Result<String, GraphError> {
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
        for ((name, language), health) in &mut found {
            if let Some(health) = health {
                health.content = self.content(name, language, policy);
            }
        }
        let there = found
            .iter()
            .filter_map(|((name, language), health)| Some((name, language, health.as_ref()?)));
        Ok(template_answer(there))
    }

    /// What a template says that the policy asks with.
    fn content(&self, name: &TemplateName, language: &Language, policy: &Policy) -> Option<TemplateContent> {
        let mut prompts = policy.prompts();
        let prompt =
            prompts.find(|prompt| (prompt.name(), prompt.language().as_str()) == (name.as_str(), language.as_str()))?;
        let labels = prompt.buttons();
        let labels = [labels.confirm(), labels.no(), labels.not_me()];
        let rewritten = self.rewritten.get(&(name.clone(), language.clone())).cloned();
        let rewritten = rewritten.unwrap_or_default();
        Some(TemplateContent {
            header: rewritten.header,
            body: Some(rewritten.body.unwrap_or_else(|| prompt.wording().to_owned())),
            footer: rewritten.footer,
            quick_replies: rewritten.buttons.unwrap_or_else(|| labels.map(str::to_owned).to_vec()),
            besides: rewritten.link.then(|| "URL".to_owned()).into_iter().collect(),
        })
    }
}

/// How a template is that nobody said anything about.
fn good() -> TemplateHealth {
    TemplateHealth {
        status: TemplateStatus::Approved,
        category: Some(Category::Marketing),
        quality: Some(Quality::Green),
        content: None,
    }
}
