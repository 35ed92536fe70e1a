//! Meta's words for health, in the domain's. A word that this version does not know says nothing.

use std::cmp::Reverse;

use consent::campaign::{Category, Limit, Quality, TemplateStatus};
use whatsapp::delivery;

/// A rating.
pub fn quality(quality: &delivery::Quality) -> Option<Quality> {
    match quality {
        delivery::Quality::Green => Some(Quality::Green),
        delivery::Quality::Yellow => Some(Quality::Yellow),
        delivery::Quality::Red => Some(Quality::Red),
        delivery::Quality::Unknown => Some(Quality::Unrated),
        delivery::Quality::Other(_) => None,
    }
}

/// A messaging limit. Where it is not understood, the limit that was known stays until it is too old to be believed.
pub fn limit(limit: &delivery::Limit) -> Option<Limit> {
    match limit {
        delivery::Limit::People(people) => Some(Limit::People(Reverse(*people))),
        delivery::Limit::Unlimited => Some(Limit::Unlimited),
        delivery::Limit::Other(_) => None,
    }
}

/// A template's category.
pub fn category(category: &delivery::Category) -> Option<Category> {
    match category {
        delivery::Category::Marketing => Some(Category::Marketing),
        delivery::Category::Utility => Some(Category::Utility),
        delivery::Category::Authentication => Some(Category::Authentication),
        delivery::Category::Other(_) => None,
    }
}

/// A template's status. What is not understood is not approved.
pub fn template_status(status: &delivery::TemplateStatus) -> TemplateStatus {
    match status {
        delivery::TemplateStatus::Paused => TemplateStatus::Paused,
        status if status.may_be_sent() => TemplateStatus::Approved,
        _ => TemplateStatus::NotApproved,
    }
}
