//! What changed about the business's account and its numbers.

use serde::{Deserialize, Serialize};

use super::key::EventKey;
use super::{Origin, Read, Reason};
use crate::json::{Field, record};
use crate::names::{BusinessNumber, PhoneNumberId, Term, WabaId, vocabulary};

/// Something changed about an account or one of its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountEvent {
    /// The account.
    pub waba: Option<WabaId>,
    /// The id of the number it is about, where the event gives that.
    pub sender: Option<PhoneNumberId>,
    /// The number it is about, where the event gives that.
    pub number: Option<BusinessNumber>,
    /// When, in seconds since 1970.
    pub at: Option<i64>,
    /// What changed. It holds nothing personal and is made to be stored.
    pub change: AccountChange,
    /// What makes the event unique: Meta gives it no id.
    pub key: EventKey,
}

/// What changed about an account or a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum AccountChange {
    /// Something is forbidden for a while.
    Restricted {
        /// What, and until when.
        restrictions: Vec<Restriction>,
    },
    /// The account is banned, about to be, or no longer.
    Banned {
        /// Which of these.
        state: BanState,
    },
    /// Meta found a violation of its policy.
    Violation {
        /// Of which kind.
        kind: Term,
    },
    /// The account is gone.
    Deleted,
    /// The account was disconnected from the app.
    Disconnected {
        /// By which event.
        event: Term,
    },
    /// The account was connected again.
    Reconnected,
    /// The quality or the throughput of a number changed.
    Number {
        /// How.
        event: NumberEvent,
        /// The messaging limit from now on.
        limit: Option<Limit>,
    },
    /// The messaging limit of the business changed.
    Capability {
        /// The messaging limit from now on.
        limit: Option<Limit>,
    },
    /// Meta warns or informs.
    Alert {
        /// About what.
        kind: Term,
        /// How grave it is.
        severity: Term,
        /// Whether it still holds.
        status: Term,
    },
    /// The account was reviewed.
    Review {
        /// With which outcome.
        decision: Term,
    },
    /// The display name of a number was reviewed.
    Name {
        /// With which outcome.
        decision: Term,
    },
    /// Somebody touched the security settings of a number.
    Security {
        /// How.
        event: Term,
    },
    /// Anything else.
    Other {
        /// Meta's word for it.
        event: Term,
    },
}

/// Something that an account may not do for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restriction {
    /// What.
    pub kind: RestrictionKind,
    /// Until when, in seconds since 1970, if Meta says.
    pub until: Option<i64>,
}

vocabulary!(
    /// What an account may not do.
    RestrictionKind {
        /// Write first.
        BusinessInitiated = "RESTRICTED_BIZ_INITIATED_MESSAGING",
        /// Answer.
        CustomerInitiated = "RESTRICTED_CUSTOMER_INITIATED_MESSAGING",
        /// Add numbers.
        AddNumbers = "RESTRICTED_ADD_PHONE_NUMBER_ACTION",
    }
);
vocabulary!(
    /// What a ban has come to.
    BanState {
        /// It is in force.
        Disabled = "DISABLE",
        /// It was lifted.
        Reinstated = "REINSTATE",
        /// It is announced.
        Scheduled = "SCHEDULE_FOR_DISABLE",
    }
);
vocabulary!(
    /// What happened to a number.
    NumberEvent {
        /// Its quality is low.
        Flagged = "FLAGGED",
        /// Its quality is no longer low.
        Unflagged = "UNFLAGGED",
        /// It may reach fewer people a day.
        Downgrade = "DOWNGRADE",
        /// It may reach more people a day.
        Upgrade = "UPGRADE",
        /// It was taken in.
        Onboarding = "ONBOARDING",
        /// It may send faster.
        ThroughputUpgrade = "THROUGHPUT_UPGRADE",
    }
);

/// How many people a business may write to first, in 24 hours. Meta writes it as a tier in one place and as a number in
/// another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// So many.
    People(u32),
    /// Any number.
    Unlimited,
    /// A tier that this version does not know.
    Other(Term),
}

impl Limit {
    /// Reads Meta's tier or number.
    pub fn of(text: &str) -> Self {
        let size = text.strip_prefix("TIER_").unwrap_or(text);
        let (digits, unit) = size.strip_suffix('K').map_or((size, 1), |thousands| (thousands, 1_000));
        match digits.parse::<u32>().ok().and_then(|people| people.checked_mul(unit)) {
            Some(people) => Self::People(people),
            None if matches!(size, "UNLIMITED" | "-1") => Self::Unlimited,
            None => Self::Other(Term::of(text)),
        }
    }

    /// Meta's tier.
    pub fn tier(&self) -> String {
        match self {
            Self::People(people) if *people >= 1_000 && people % 1_000 == 0 => format!("TIER_{}K", people / 1_000),
            Self::People(people) => format!("TIER_{people}"),
            Self::Unlimited => "TIER_UNLIMITED".to_owned(),
            Self::Other(tier) => tier.to_string(),
        }
    }

    /// Reads a tier or a number, if there is any.
    pub(crate) fn read(field: Field<'_>) -> Option<Self> {
        field.filled().map(|text| Self::of(&text))
    }
}

record!(Value {
    event,
    phone_number,
    display_phone_number,
    waba_info,
    violation_info,
    restriction_info,
    ban_info,
    current_limit,
    max_daily_conversations_per_business,
    max_daily_conversation_per_phone,
    entity_type,
    entity_id,
    alert_info,
    alert_severity,
    alert_status,
    alert_type,
    decision,
});
record!(WabaInfo { waba_id });
record!(ViolationInfo { violation_type });
record!(RestrictionInfo {
    restriction_type,
    expiration
});
record!(BanInfo { waba_ban_state });
record!(AlertInfo {
    alert_severity,
    alert_status,
    alert_type
});

/// Reads an event of any of the fields about accounts and numbers.
pub(super) fn read(origin: &Origin, time: Field<'_>, field: Field<'_>) -> Read<AccountEvent> {
    let value: Value<'_> = field.object().ok_or(Reason::NotAnObject)?;
    let waba_info: WabaInfo<'_> = value.waba_info.object_or_empty();
    let number = value
        .display_phone_number
        .filled()
        .or_else(|| value.phone_number.filled());
    let about_number = value.entity_type.text().as_deref() == Some("PHONE_NUMBER");
    Ok(AccountEvent {
        // Of an event about a partner, the entry's id is the business's.
        waba: waba_info.waba_id.parse().or_else(|| origin.waba.clone()),
        sender: value.entity_id.parse().filter(|_| about_number),
        number: number.as_deref().and_then(BusinessNumber::from_display),
        at: time.parse(),
        change: change(origin.field.as_str(), &value),
        key: key(origin, time, field),
    })
}

/// What makes an event without an id unique: all that it says, and when.
pub(super) fn key(origin: &Origin, time: Field<'_>, value: Field<'_>) -> EventKey {
    let waba = origin.waba.as_ref().map_or("", WabaId::as_str);
    EventKey::of(&[origin.field.as_str(), waba, time.json(), value.json()])
}

fn change(field: &str, value: &Value<'_>) -> AccountChange {
    match field {
        "account_update" => account_change(value),
        "phone_number_quality_update" => AccountChange::Number {
            event: NumberEvent::of(&value.event.text().unwrap_or_default()),
            limit: limit(value),
        },
        "business_capability_update" => AccountChange::Capability { limit: limit(value) },
        "account_alerts" => alert(value),
        "account_review_update" => AccountChange::Review {
            decision: term(value.decision),
        },
        "phone_number_name_update" => AccountChange::Name {
            decision: term(value.decision),
        },
        "security" => AccountChange::Security {
            event: term(value.event),
        },
        _ => AccountChange::Other {
            event: term(value.event),
        },
    }
}

fn account_change(value: &Value<'_>) -> AccountChange {
    match value.event.text().as_deref() {
        Some("ACCOUNT_RESTRICTION") => AccountChange::Restricted {
            restrictions: restrictions(value.restriction_info),
        },
        Some("DISABLED_UPDATE") => {
            let ban: BanInfo<'_> = value.ban_info.object_or_empty();
            AccountChange::Banned {
                state: BanState::of(&ban.waba_ban_state.text().unwrap_or_default()),
            }
        }
        Some("ACCOUNT_VIOLATION") => {
            let violation: ViolationInfo<'_> = value.violation_info.object_or_empty();
            AccountChange::Violation {
                kind: term(violation.violation_type),
            }
        }
        Some("ACCOUNT_DELETED") => AccountChange::Deleted,
        Some("ACCOUNT_RECONNECTED") => AccountChange::Reconnected,
        Some("ACCOUNT_OFFBOARDED" | "PARTNER_REMOVED" | "PARTNER_APP_UNINSTALLED") => AccountChange::Disconnected {
            event: term(value.event),
        },
        _ => AccountChange::Other {
            event: term(value.event),
        },
    }
}

fn restrictions(list: Field<'_>) -> Vec<Restriction> {
    let restriction = |element: Field<'_>| {
        let info: RestrictionInfo<'_> = element.object()?;
        let kind = RestrictionKind::of(&info.restriction_type.text()?);
        Some(Restriction {
            kind,
            until: info.expiration.parse(),
        })
    };
    list.list()
        .unwrap_or_default()
        .into_iter()
        .filter_map(restriction)
        .collect()
}

fn limit(value: &Value<'_>) -> Option<Limit> {
    [
        value.current_limit,
        value.max_daily_conversations_per_business,
        value.max_daily_conversation_per_phone,
    ]
    .into_iter()
    .find_map(Limit::read)
}

/// An alert's particulars stand in an object of their own, or, on older pages, beside the subject.
fn alert(value: &Value<'_>) -> AccountChange {
    let info: AlertInfo<'_> = value.alert_info.object_or_empty();
    let either = |inner: Field<'_>, outer: Field<'_>| term(if inner.is_absent() { outer } else { inner });
    AccountChange::Alert {
        kind: either(info.alert_type, value.alert_type),
        severity: either(info.alert_severity, value.alert_severity),
        status: either(info.alert_status, value.alert_status),
    }
}

fn term(field: Field<'_>) -> Term {
    Term::of(&field.text().unwrap_or_default())
}
