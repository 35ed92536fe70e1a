//! A campaign that may be sent, as far as the business and Meta are concerned.

use consent::campaign::{
    AccountState, Category, Fact, Health, Limit, Plan, Quality, SenderHealth, Template, TemplateHealth, TemplateStatus,
};
use consent::policy::Mode;
use consent::register::Register;
use consent::time::Time;
use ledger::{HealthReport, TemplateFact};

use crate::{SENDER, WABA};

/// A campaign of offers, at that time in the form of RFC 9557.
pub fn plan(at: &str) -> Plan {
    Plan {
        purpose: "offers".parse().unwrap(),
        sender: SENDER.parse().unwrap(),
        template: template(),
        scheduled_at: at.parse().unwrap(),
        mode: Mode::Enforce,
    }
}

fn template() -> Template {
    Template {
        name: "summer_sale".parse().unwrap(),
        language: "de".parse().unwrap(),
    }
}

/// Meta has nothing against anything.
pub fn good_health(at: Time) -> Health {
    fn said<T: Ord>(at: Time, value: T) -> Register<Fact<T>> {
        let mut register = Register::default();
        register.raise(Fact { at, value });
        register
    }
    Health {
        sender: SenderHealth {
            quality: said(at, Quality::Green),
            account: said(at, AccountState::Good),
            limit: said(at, Limit::Unlimited),
        },
        template: TemplateHealth {
            status: said(at, TemplateStatus::Approved),
            category: said(at, Category::Marketing),
            quality: said(at, Quality::Green),
        },
    }
}

/// The same as Meta reports it, with how many people the business may write to first.
pub fn all_is_well(at: Time, limit: Limit) -> Vec<HealthReport> {
    fn said<T>(at: Time, value: T) -> Fact<T> {
        Fact { at, value }
    }
    let of_template = |fact| HealthReport::Template {
        waba: WABA.to_owned(),
        template: template(),
        fact,
    };
    vec![
        HealthReport::Account {
            waba: WABA.to_owned(),
            state: said(at, AccountState::Good),
        },
        HealthReport::Number {
            sender: SENDER.parse().unwrap(),
            quality: said(at, Quality::Green),
        },
        HealthReport::Portfolio { limit: said(at, limit) },
        of_template(TemplateFact::Status(said(at, TemplateStatus::Approved))),
        of_template(TemplateFact::Category(said(at, Category::Marketing))),
        of_template(TemplateFact::Quality(said(at, Quality::Green))),
    ]
}
