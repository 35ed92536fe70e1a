//! Whether Meta delivers at all: which app an account's webhooks go to, and which fields that app has asked for.
//!
//! Both are needed. That one of them is missing is the usual reason why no webhook ever comes.

use serde_json::{Value, json};

use crate::json::{Field, read_object, record};

/// The fields of an account's webhooks that a consent ledger has to have. A stop can come on either of the first two; the others say
/// how number, account and templates are.
pub const WEBHOOK_FIELDS: [&str; 10] = [
    "messages",
    "user_preferences",
    "account_update",
    "account_alerts",
    "business_capability_update",
    "phone_number_quality_update",
    "message_template_status_update",
    "message_template_quality_update",
    "template_category_update",
    "security",
];

/// The fields on which a stop comes while Meta's own agent holds a chat. Meta does not offer them to everybody.
pub const AGENT_FIELDS: [&str; 2] = ["standby", "messaging_handovers"];

/// What the webhooks of WhatsApp are about.
const OBJECT: &str = "whatsapp_business_account";

/// An app that an account's webhooks go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscribedApp {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: Option<String>,
}

/// Where an app wants webhooks, and of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppSubscription {
    /// The address that they are posted to.
    pub callback_url: String,
    /// Whether they are.
    pub is_active: bool,
    /// The fields.
    pub fields: Vec<String>,
}

impl AppSubscription {
    /// The fields that are missing.
    pub fn missing(&self) -> Vec<&'static str> {
        let has = |field: &&str| self.fields.iter().any(|subscribed| subscribed == field);
        WEBHOOK_FIELDS.into_iter().filter(|field| !has(field)).collect()
    }
}

record!(List { data });
record!(App {
    whatsapp_business_api_data
});
record!(AppData { id, name });
record!(Subscription {
    object,
    callback_url,
    active,
    fields
});
record!(NamedField { name });

/// The apps that an account's webhooks go to.
pub(super) fn apps(body: &str) -> Option<Vec<SubscribedApp>> {
    let list: List<'_> = read_object(body.trim())?;
    let app = |element: Field<'_>| {
        let app: App<'_> = element.object()?;
        let data: AppData<'_> = app.whatsapp_business_api_data.object()?;
        Some(SubscribedApp {
            id: data.id.filled()?.into_owned(),
            name: data.name.filled().map(std::borrow::Cow::into_owned),
        })
    };
    list.data.list()?.into_iter().map(app).collect()
}

/// What the app wants of WhatsApp; `None` within if nothing.
#[expect(
    clippy::option_option,
    reason = "the answer may be unreadable, or say that there is none"
)]
pub(super) fn subscription(body: &str) -> Option<Option<AppSubscription>> {
    let list: List<'_> = read_object(body.trim())?;
    for element in list.data.list()? {
        let subscription: Subscription<'_> = element.object()?;
        if subscription.object.filled()? != OBJECT {
            continue;
        }
        let name = |field: Field<'_>| {
            let field: NamedField<'_> = field.object()?;
            Some(field.name.filled()?.into_owned())
        };
        return Some(Some(AppSubscription {
            callback_url: subscription.callback_url.filled()?.into_owned(),
            is_active: subscription.active.is_true(),
            fields: subscription
                .fields
                .list()?
                .into_iter()
                .map(name)
                .collect::<Option<_>>()?,
        }));
    }
    Some(None)
}

/// What an app asks for that wants these fields.
pub(super) fn wanted(callback_url: &str, verify_token: &str, fields: &[&str]) -> Value {
    json!({
        "object": OBJECT,
        "callback_url": callback_url,
        "verify_token": verify_token,
        "fields": fields.join(","),
    })
}

/// The body with which a stand-in for Meta says which apps an account's webhooks go to.
pub fn apps_answer(apps: &[SubscribedApp]) -> String {
    let app = |app: &SubscribedApp| json!({"whatsapp_business_api_data": {"id": app.id, "name": app.name, "link": ""}});
    json!({ "data": apps.iter().map(app).collect::<Vec<_>>() }).to_string()
}

/// The body with which a stand-in for Meta says what an app wants.
pub fn subscription_answer(subscription: Option<&AppSubscription>) -> String {
    let data = subscription.map(|subscription| {
        let fields: Vec<_> = subscription
            .fields
            .iter()
            .map(|field| json!({"name": field, "version": "v26.0"}))
            .collect();
        json!({
            "object": OBJECT,
            "callback_url": subscription.callback_url,
            "active": subscription.is_active,
            "fields": fields,
        })
    });
    json!({ "data": data.into_iter().collect::<Vec<_>>() }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscribed(fields: &[&str]) -> AppSubscription {
        AppSubscription {
            callback_url: "https://consent.example.com/webhook".to_owned(),
            is_active: true,
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        }
    }

    #[test]
    fn what_a_stand_in_says_is_read_as_it_was_meant() {
        let subscription = subscribed(&WEBHOOK_FIELDS);
        assert_eq!(
            super::subscription(&subscription_answer(Some(&subscription))),
            Some(Some(subscription))
        );
        assert_eq!(super::subscription(&subscription_answer(None)), Some(None));
        let app = SubscribedApp {
            id: "67084".to_owned(),
            name: Some("Muster".to_owned()),
        };
        assert_eq!(apps(&apps_answer(std::slice::from_ref(&app))), Some(vec![app]));
        assert_eq!(apps(r#"{"data":[]}"#), Some(vec![]));
        for unreadable in ["", "[]", r#"{"data":{}}"#, r#"{"data":[{"id":"1"}]}"#] {
            assert_eq!(apps(unreadable), None, "{unreadable}");
        }
    }

    #[test]
    fn each_field_that_a_stop_could_come_on_is_missed() {
        assert_eq!(subscribed(&WEBHOOK_FIELDS).missing(), Vec::<&str>::new());
        for field in WEBHOOK_FIELDS {
            let rest: Vec<_> = WEBHOOK_FIELDS.into_iter().filter(|other| *other != field).collect();
            assert_eq!(subscribed(&rest).missing(), [field]);
        }
    }
}
