//! The free-form messages, sent only within 24 hours of the contact's own message.

use crate::words::Words;

use super::controller::{Controller, DataProtectionOfficer};
use super::document::{Node, Table};
use super::prompt::{BODY, says_how_to_stop};
use super::purpose::LABEL;

/// The messages in one locale. Controller and contact details are already filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    pub(super) consent_confirmation: String,
    pub(super) optout_confirmation: String,
    pub(super) hold_question: HoldQuestion,
    pub(super) which_question: String,
    pub(super) help: String,
    pub(super) rights_received: RightsReceived,
    pub(super) identity_code: String,
    pub(super) restriction_ends: String,
}

/// The question after words that were perhaps a stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldQuestion {
    pub(super) body: String,
    pub(super) stop: String,
    pub(super) keep: String,
}

impl HoldQuestion {
    /// The question.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The label of the button that stops; at most 20 characters.
    pub fn stop(&self) -> &str {
        &self.stop
    }

    /// The label of the button that keeps everything as it is; at most 20 characters.
    pub fn keep(&self) -> &str {
        &self.keep
    }
}

/// The answer to a demand about the contact's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RightsReceived {
    pub(super) body: String,
    pub(super) it_is_me: String,
}

impl RightsReceived {
    /// What will happen, until which day, and whom to ask.
    pub fn body(&self, due: &str) -> String {
        self.body.replace(DUE, due)
    }

    /// The label of the button by which the contact says that the demand is theirs; at most 20 characters.
    pub fn it_is_me(&self) -> &str {
        &self.it_is_me
    }
}

impl Texts {
    /// Says what was consented to, and how to stop; `labels` are those of the purposes in this locale.
    pub fn consent_confirmation(&self, labels: &[&str]) -> String {
        self.consent_confirmation.replace("{purposes}", &labels.join(", "))
    }

    /// Says that nothing more will come.
    pub fn optout_confirmation(&self) -> &str {
        &self.optout_confirmation
    }

    /// Asks whether the contact meant to stop.
    pub fn hold_question(&self) -> &HoldQuestion {
        &self.hold_question
    }

    /// Asks which of two open prompts a "yes" meant; the buttons bear the labels of the purposes.
    pub fn which_question(&self) -> &str {
        &self.which_question
    }

    /// Says who is writing, how to stop and whom to ask.
    pub fn help(&self) -> &str {
        &self.help
    }

    /// Tells the contact a code, and the page to enter it on.
    pub fn identity_code(&self, code: &str, link: &str) -> String {
        self.identity_code.replace(CODE, code).replace(LINK, link)
    }

    /// Says that a restriction is about to end.
    pub fn restriction_ends(&self) -> &str {
        &self.restriction_ends
    }

    /// Says that a demand under the GDPR has arrived, and asks whether it is the contact's.
    pub fn rights_received(&self) -> &RightsReceived {
        &self.rights_received
    }
}

/// What the texts of one locale are checked against and filled with.
#[derive(Debug)]
pub(super) struct Filling<'a> {
    pub(super) controller: Option<&'a Controller>,
    pub(super) officer: Option<&'a DataProtectionOfficer>,
    pub(super) words: &'a Words,
}

/// Where a text comes from that a locale does not have.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fallback<'a> {
    /// Nowhere: this is the default locale.
    None,
    /// From the default locale, if that could be read.
    Default(Option<&'a Texts>),
}

impl Fallback<'_> {
    fn take<T: Clone>(self, table: &Table<'_>, key: &str, text: impl Fn(&Texts) -> &T) -> Option<T> {
        match self {
            Self::None => table.need(key).and(None),
            Self::Default(texts) => texts.map(|texts| text(texts).clone()),
        }
    }
}

impl Texts {
    /// Reads the texts of a locale; `purposes` are the labels of all purposes in it, joined.
    pub(super) fn read(
        table: &Table<'_>,
        filling: &Filling<'_>,
        purposes: &str,
        fallback: Fallback<'_>,
    ) -> Option<Self> {
        let text = |key: &str, needs: Needs<'_>, other: fn(&Self) -> &String| match table.get(key) {
            Some(node) => filling.read(&node, needs),
            None => fallback.take(table, key, other),
        };
        let consent_confirmation = text(
            "consent_confirmation",
            Needs {
                purposes: Some(purposes),
                stop: true,
                ..Needs::NOTHING
            },
            |texts| &texts.consent_confirmation,
        );
        let optout_confirmation = text("optout_confirmation", Needs::NOTHING, |texts| {
            &texts.optout_confirmation
        });
        let which_question = text("which_question", Needs::NOTHING, |texts| &texts.which_question);
        let help = text(
            "help",
            Needs {
                purposes: None,
                stop: true,
                ..Needs::NOTHING
            },
            |texts| &texts.help,
        );
        let identity_code = text(
            "identity_code",
            Needs {
                code: true,
                ..Needs::NOTHING
            },
            |texts| &texts.identity_code,
        );
        let restriction_ends = text("restriction_ends", Needs::NOTHING, |texts| &texts.restriction_ends);
        let rights_received = match table.get("rights_received") {
            Some(node) => RightsReceived::read(&node, filling),
            None => fallback.take(table, "rights_received", |texts| &texts.rights_received),
        };
        let hold_question = match table.get("hold_question") {
            Some(node) => HoldQuestion::read(&node, filling),
            None => fallback.take(table, "hold_question", |texts| &texts.hold_question),
        };
        table.finish();
        Some(Self {
            consent_confirmation: consent_confirmation?,
            optout_confirmation: optout_confirmation?,
            hold_question: hold_question?,
            which_question: which_question?,
            help: help?,
            rights_received: rights_received?,
            identity_code: identity_code?,
            restriction_ends: restriction_ends?,
        })
    }
}

impl HoldQuestion {
    fn read(node: &Node<'_>, filling: &Filling<'_>) -> Option<Self> {
        let table = node.table()?;
        let body = table.need("body").and_then(|node| filling.read(&node, Needs::NOTHING));
        let stop = table.need("stop").and_then(|node| node.short_line(LABEL));
        let keep = table.need("keep").and_then(|node| node.short_line(LABEL));
        table.finish();
        let question = Self {
            body: body?,
            stop: stop?,
            keep: keep?,
        };
        if question.stop == question.keep {
            node.fault("two buttons bear the same label");
            return None;
        }
        Some(question)
    }
}

impl RightsReceived {
    fn read(node: &Node<'_>, filling: &Filling<'_>) -> Option<Self> {
        let table = node.table()?;
        let needs = Needs {
            due: true,
            ..Needs::NOTHING
        };
        let body = table.need("body").and_then(|node| filling.read(&node, needs));
        let it_is_me = table.need("it_is_me").and_then(|node| node.short_line(LABEL));
        table.finish();
        Some(Self {
            body: body?,
            it_is_me: it_is_me?,
        })
    }
}

/// What a text must say.
#[derive(Debug, Clone, Copy)]
struct Needs<'a> {
    /// The purposes: these at most, and filled in later.
    purposes: Option<&'a str>,
    /// A word that stops.
    stop: bool,
    /// The places of a code and of the page to enter it on, which are filled in later.
    code: bool,
    /// The place of the day by which there is an answer, which is filled in later.
    due: bool,
}

impl Needs<'_> {
    const NOTHING: Self = Self {
        purposes: None,
        stop: false,
        code: false,
        due: false,
    };
}

const PURPOSES: &str = "{purposes}";

const CODE: &str = "{code}";

const LINK: &str = "{link}";

const DUE: &str = "{due}";

impl Filling<'_> {
    /// Reads a text and fills in what is known; the purposes stay for later.
    fn read(&self, node: &Node<'_>, needs: Needs<'_>) -> Option<String> {
        let text = node.text()?;
        let privacy_url = self.controller.and_then(|controller| controller.privacy_url());
        let values = [
            ("{controller}", self.controller.map(Controller::name)),
            ("{address}", self.controller.map(Controller::address)),
            ("{contact}", self.officer.map(DataProtectionOfficer::contact)),
            ("{privacy_url}", privacy_url),
        ];
        let bare = values
            .iter()
            .map(|(place, _)| *place)
            .chain(needs.purposes.map(|_| PURPOSES))
            .chain([CODE, LINK].into_iter().filter(|_| needs.code))
            .chain(needs.due.then_some(DUE));
        let bare = bare.fold(text.to_owned(), |bare, place| bare.replace(place, ""));
        let mut fine = true;
        let mut check = |holds: bool, reason: &str| {
            if !holds {
                node.fault(reason);
                fine = false;
            }
        };
        check(
            !bare.contains(['{', '}']),
            if needs.purposes.is_some() {
                "write no braces but {controller}, {address}, {contact}, {privacy_url} and {purposes}"
            } else if needs.code {
                "write no braces but {controller}, {address}, {contact}, {privacy_url}, {code} and {link}"
            } else if needs.due {
                "write no braces but {controller}, {address}, {contact}, {privacy_url} and {due}"
            } else {
                "write no braces but {controller}, {address}, {contact} and {privacy_url}"
            },
        );
        check(
            needs.purposes.is_none() || text.contains(PURPOSES),
            "does not say what for; write {purposes}",
        );
        check(
            !needs.code || (text.contains(CODE) && text.contains(LINK)),
            "does not tell the code and where to enter it; write {code} and {link}",
        );
        check(!needs.due || text.contains(DUE), "does not say until when; write {due}");
        check(
            !needs.stop || says_how_to_stop(text, self.words),
            "does not say how to stop; name a stop word in capitals, such as STOP",
        );
        check(
            !text.contains("{privacy_url}") || self.controller.is_none() || privacy_url.is_some(),
            "names {privacy_url}, but the controller has none",
        );
        let filled = values.iter().fold(text.to_owned(), |text, (place, value)| {
            text.replace(place, value.unwrap_or_default())
        });
        let length = filled
            .replace(PURPOSES, needs.purposes.unwrap_or_default())
            .chars()
            .count();
        check(
            length <= BODY,
            &format!("{length} characters with everything filled in are over the limit of {BODY}"),
        );
        fine.then_some(filled)
    }
}
