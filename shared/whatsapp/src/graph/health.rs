//! How Meta says that a number, an account and a template are: what it answers when it is asked, and what a stand-in for Meta
//! answers.
//!
//! Meta adds words and leaves members out, so each member stands for itself: what is missing is unknown, and a word that this
//! version does not know is kept as one.

use std::borrow::Cow;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::delivery::{Category, Limit, Quality, TemplateStatus};
use crate::json::{Field, read_object, record};
use crate::names::{Language, PhoneNumberId, TemplateName, WabaId, vocabulary};

/// What is asked about a number (phone number reference). The limit had another name in versions before 24, which newer ones
/// refuse to hear.
pub(super) const NUMBER_FIELDS: &str = "quality_rating,whatsapp_business_manager_messaging_limit,status";

/// What is asked about an account (account reference, health status page).
pub(super) const ACCOUNT_FIELDS: &str = "account_review_status,health_status";

/// What is asked about templates (template reference).
pub(super) const TEMPLATE_FIELDS: &str = "name,language,status,category,quality_score,components";

/// How one of the business's numbers is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberHealth {
    /// How contacts take what it sends.
    pub quality: Option<Quality>,
    /// How many people may be written to first, from all numbers of the business together.
    pub limit: Option<Limit>,
    /// Whether it can send.
    pub status: Option<NumberStatus>,
}

/// How an account is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountHealth {
    /// Whether messages can be sent, all in all: by the account, the business that owns it and the app that asks.
    pub sending: Option<Sending>,
    /// What a review of the account came to.
    pub review: Option<Review>,
}

impl AccountHealth {
    /// Whether messages may be sent. `None`, if Meta does not say, or says it in a word that this version does not know.
    pub fn may_send(&self) -> Option<bool> {
        match (&self.sending, &self.review) {
            (Some(Sending::Blocked), _) | (_, Some(Review::Rejected)) => Some(false),
            (Some(Sending::Available | Sending::Limited), _) => Some(true),
            (Some(Sending::Other(_)) | None, _) => None,
        }
    }
}

/// How a template in one language is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateHealth {
    /// Whether it may be sent.
    pub status: TemplateStatus,
    /// What Meta takes it for.
    pub category: Option<Category>,
    /// How contacts take it.
    pub quality: Option<Quality>,
    /// What it says.
    pub content: Option<TemplateContent>,
}

/// What a template says, piece by piece.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateContent {
    /// What stands above the body: the text, or Meta's word for the kind of picture.
    pub header: Option<String>,
    /// The text, with places for the parameters.
    pub body: Option<String>,
    /// What stands below the body.
    pub footer: Option<String>,
    /// The labels of the buttons that answer, in their order.
    pub quick_replies: Vec<String>,
    /// Meta's words for whatever else there is, such as a button that leads to a website.
    pub besides: Vec<String>,
}

vocabulary!(
    /// Whether a number can send.
    NumberStatus {
        /// It can.
        Connected = "CONNECTED",
        /// It can, but its quality is so low that it may soon reach fewer people.
        Flagged = "FLAGGED",
        /// Not to more people until a day has passed: it has reached its limit.
        Restricted = "RESTRICTED",
        /// Not for a while: it sent too fast.
        RateLimited = "RATE_LIMITED",
        /// Not before it is registered.
        Pending = "PENDING",
        /// Not before it is proven to be the business's.
        Unverified = "UNVERIFIED",
        /// Not before it is registered again.
        Disconnected = "DISCONNECTED",
        /// Not from this account any more.
        Migrated = "MIGRATED",
        /// Not any more: Meta forbids it.
        Banned = "BANNED",
        /// Not any more.
        Deleted = "DELETED",
        /// Nobody knows.
        Unknown = "UNKNOWN",
    }
);
vocabulary!(
    /// Whether messages can be sent.
    Sending {
        /// They can.
        Available = "AVAILABLE",
        /// They can, though not all, or not to everybody.
        Limited = "LIMITED",
        /// They cannot.
        Blocked = "BLOCKED",
    }
);
vocabulary!(
    /// What a review of an account came to.
    Review {
        /// It may be used.
        Approved = "APPROVED",
        /// Nothing yet.
        Pending = "PENDING",
        /// It may not be used.
        Rejected = "REJECTED",
    }
);

record!(Number {
    id,
    quality_rating,
    whatsapp_business_manager_messaging_limit,
    status
});
record!(Account {
    id,
    account_review_status,
    health_status
});
record!(HealthStatus { can_send_message });
record!(Templates { data, paging });
record!(Template {
    name,
    language,
    status,
    category,
    quality_score,
    components
});
record!(QualityScore { score });
record!(Component {
    #[serde(rename = "type")]
    kind,
    format,
    text,
    buttons
});
record!(TemplateButton {
    #[serde(rename = "type")]
    kind,
    text
});
record!(Paging { next, cursors });
record!(Cursors { after });

/// A page of templates, as far as it concerns the one that was asked for.
pub(super) enum Page {
    /// The template is on it.
    Found(TemplateHealth),
    /// It is not. It may be on the page that follows, if one does.
    NotHere {
        /// Where the next page begins.
        after: Option<String>,
    },
}

/// How the number is, if this is an answer about it.
pub(super) fn number(body: &str, sender: &PhoneNumberId) -> Option<NumberHealth> {
    let answer: Number<'_> = read_object(body.trim())?;
    is_about(answer.id, sender.as_str())?;
    Some(NumberHealth {
        quality: answer.quality_rating.filled().map(|word| rating(&word)),
        limit: Limit::read(answer.whatsapp_business_manager_messaging_limit),
        status: answer.status.filled().map(|word| NumberStatus::of(&word)),
    })
}

/// How the account is, if this is an answer about it.
pub(super) fn account(body: &str, waba: &WabaId) -> Option<AccountHealth> {
    let answer: Account<'_> = read_object(body.trim())?;
    is_about(answer.id, waba.as_str())?;
    let health: HealthStatus<'_> = answer.health_status.object_or_empty();
    Some(AccountHealth {
        sending: health.can_send_message.filled().map(|word| Sending::of(&word)),
        review: answer.account_review_status.filled().map(|word| Review::of(&word)),
    })
}

/// What a page says of the template, if it is one. Meta searches for a part of the name, so others may be on it; but if an
/// entry cannot be read, it may be the one, and the page says nothing.
pub(super) fn templates(body: &str, name: &TemplateName, language: &Language) -> Option<Page> {
    let answer: Templates<'_> = read_object(body.trim())?;
    if answer.data.is_absent() {
        return None;
    }
    for element in answer.data.list()? {
        let template: Template<'_> = element.object()?;
        let is_it = template.name.filled()? == name.as_str() && template.language.filled()? == language.as_str();
        if is_it {
            return health(&template).map(Page::Found);
        }
    }
    let paging: Paging<'_> = answer.paging.object_or_empty();
    if paging.next.is_absent() {
        return Some(Page::NotHere { after: None });
    }
    let cursors: Cursors<'_> = paging.cursors.object()?;
    let after = cursors.after.filled()?.into_owned();
    Some(Page::NotHere { after: Some(after) })
}

fn health(template: &Template<'_>) -> Option<TemplateHealth> {
    let quality: QualityScore<'_> = template.quality_score.object_or_empty();
    Some(TemplateHealth {
        status: TemplateStatus::of(&template.status.filled()?),
        category: template.category.filled().map(|word| Category::of(&word)),
        quality: quality.score.filled().map(|word| rating(&word)),
        content: content(template.components),
    })
}

/// What the components say. `None`, if Meta does not say what there is, or something of it cannot be read.
fn content(components: Field<'_>) -> Option<TemplateContent> {
    if components.is_absent() {
        return None;
    }
    let mut content = TemplateContent::default();
    for element in components.list()? {
        let component: Component<'_> = element.object()?;
        let text = || component.text.filled().map(Cow::into_owned);
        match component.kind.filled()?.to_ascii_uppercase().as_str() {
            "HEADER" => content.header = Some(text().or_else(|| Some(component.format.filled()?.into_owned()))?),
            "BODY" => content.body = Some(text()?),
            "FOOTER" => content.footer = Some(text()?),
            "BUTTONS" => {
                for element in component.buttons.list()? {
                    let button: TemplateButton<'_> = element.object()?;
                    match button.kind.filled()?.to_ascii_uppercase().as_str() {
                        "QUICK_REPLY" => content.quick_replies.push(button.text.filled()?.into_owned()),
                        other => content.besides.push(other.to_owned()),
                    }
                }
            }
            other => content.besides.push(other.to_owned()),
        }
    }
    Some(content)
}

/// Of a number that nobody has rated yet, older pages say so in a word of their own.
fn rating(word: &str) -> Quality {
    match word {
        "NA" => Quality::Unknown,
        word => Quality::of(word),
    }
}

fn is_about(id: Field<'_>, expected: &str) -> Option<()> {
    (id.filled()? == expected).then_some(())
}

/// The body with which a stand-in for Meta says how a number is.
pub fn number_answer(sender: &PhoneNumberId, health: &NumberHealth) -> String {
    let limit = health.limit.as_ref().map(Limit::tier);
    object([
        ("id", Some(json!(sender.as_str()))),
        ("quality_rating", health.quality.as_ref().map(|word| json!(word))),
        ("whatsapp_business_manager_messaging_limit", limit.map(Value::from)),
        ("status", health.status.as_ref().map(|word| json!(word))),
    ])
    .to_string()
}

/// The body with which a stand-in for Meta says how an account is.
pub fn account_answer(waba: &WabaId, health: &AccountHealth) -> String {
    let status = |word: &Sending| {
        let entity = json!({"entity_type": "WABA", "id": waba.as_str(), "can_send_message": word});
        json!({"can_send_message": word, "entities": [entity]})
    };
    object([
        ("id", Some(json!(waba.as_str()))),
        ("account_review_status", health.review.as_ref().map(|word| json!(word))),
        ("health_status", health.sending.as_ref().map(status)),
    ])
    .to_string()
}

/// The body with which a stand-in for Meta lists templates, on a single page.
pub fn template_answer<'a>(
    templates: impl IntoIterator<Item = (&'a TemplateName, &'a Language, &'a TemplateHealth)>,
) -> String {
    let entry = |(name, language, health): (&TemplateName, &Language, &TemplateHealth)| {
        let score = |word: &Quality| json!({"score": word});
        object([
            ("id", Some(json!(template_id(name, language).to_string()))),
            ("name", Some(json!(name))),
            ("language", Some(json!(language))),
            ("status", Some(json!(health.status))),
            ("category", health.category.as_ref().map(|word| json!(word))),
            ("quality_score", health.quality.as_ref().map(score)),
            ("components", health.content.as_ref().map(components)),
        ])
    };
    let data: Vec<Value> = templates.into_iter().map(entry).collect();
    json!({"data": data, "paging": {"cursors": {"before": "MAZDZD", "after": "MAZDZD"}}}).to_string()
}

fn components(content: &TemplateContent) -> Value {
    let text = |kind: &str, text: &String| json!({"type": kind, "text": text});
    let header = |text: &String| json!({"type": "HEADER", "format": "TEXT", "text": text});
    let replies = content.quick_replies.iter();
    let replies = replies.map(|label| json!({"type": "QUICK_REPLY", "text": label}));
    let others = content.besides.iter();
    let others = others.map(|kind| json!({"type": kind, "text": "More", "url": "https://www.example.com"}));
    let buttons: Vec<Value> = replies.chain(others).collect();
    let pieces = [
        content.header.as_ref().map(header),
        content.body.as_ref().map(|body| text("BODY", body)),
        content.footer.as_ref().map(|footer| text("FOOTER", footer)),
        (!buttons.is_empty()).then(|| json!({"type": "BUTTONS", "buttons": buttons})),
    ];
    pieces.into_iter().flatten().collect()
}

/// The id that a stand-in for Meta gives a template: always the same, and as long as Meta's.
pub(crate) fn template_id(name: &TemplateName, language: &Language) -> u64 {
    const LONGER_THAN_32_BITS: u64 = 1 << 48;
    let digest = Sha256::digest(format!("{name} {language}"));
    let low = digest.iter().take(6).fold(0, |id, byte| id << 8 | u64::from(*byte));
    LONGER_THAN_32_BITS | low
}

/// An object of those members that are known.
fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let known = |(name, value): (&str, Option<Value>)| Some((name.to_owned(), value?));
    Value::Object(members.into_iter().filter_map(known).collect::<Map<_, _>>())
}
