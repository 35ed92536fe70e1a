//! The message that asks for a consent.

use crate::id::Locale;
use crate::time::Time;
use crate::words::{Meaning, Words};

use super::document::{Node, Table};
use super::localised::Locales;
use super::notice::Notice;
use super::purpose::LABEL;
use super::validity::Validity;

/// The question whether the contact consents: a template outside the 24 hours after the contact's last message, the
/// same words as an interactive message inside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptTemplate {
    pub(super) locale: Locale,
    pub(super) name: String,
    pub(super) language: Locale,
    pub(super) body: String,
    pub(super) buttons: PromptButtons,
    pub(super) validity: Validity,
}

/// The labels of the three buttons, which stand in this order; at most 20 characters each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptButtons {
    pub(super) confirm: String,
    pub(super) no: String,
    pub(super) not_me: String,
}

impl PromptButtons {
    /// "Yes, I consent."
    pub fn confirm(&self) -> &str {
        &self.confirm
    }

    /// "No."
    pub fn no(&self) -> &str {
        &self.no
    }

    /// "That wasn't me": somebody else gave this number.
    pub fn not_me(&self) -> &str {
        &self.not_me
    }
}

impl PromptTemplate {
    /// The locale of the contacts that it is for.
    pub fn locale(&self) -> &Locale {
        &self.locale
    }

    /// The name of the template at Meta.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The language code of the template at Meta.
    pub fn language(&self) -> &Locale {
        &self.language
    }

    /// The values of `{{1}}` the controller, `{{2}}` the purposes and `{{3}}` the pages of the notices, for a request
    /// that shows these notices.
    pub fn parameters(&self, notices: &[&Notice]) -> Vec<String> {
        let controller = notices.first().map(|notice| notice.controller().to_owned());
        vec![
            controller.unwrap_or_default(),
            joined(notices.iter().map(|notice| notice.label()), ", "),
            joined(notices.iter().map(|notice| notice.url()), " "),
        ]
    }

    /// The body as it is written, with places for the parameters.
    pub fn wording(&self) -> &str {
        &self.body
    }

    /// The body with the parameters in place, as an interactive message shows it.
    pub fn body(&self, notices: &[&Notice]) -> String {
        self.filled(&self.parameters(notices))
    }

    /// The body with these values in place of the placeholders.
    pub fn filled(&self, values: &[String]) -> String {
        PLACEHOLDERS
            .iter()
            .zip(values)
            .fold(self.body.clone(), |body, (place, value)| body.replace(place, value))
    }

    /// The labels of the buttons.
    pub fn buttons(&self) -> &PromptButtons {
        &self.buttons
    }

    /// Whether it is in use at that moment.
    pub fn is_active(&self, at: Time) -> bool {
        self.validity.contains(at)
    }
}

/// The longest body of an interactive message.
pub(super) const BODY: usize = 1024;

const PLACEHOLDERS: [&str; 3] = ["{{1}}", "{{2}}", "{{3}}"];

/// The values without repetition.
fn joined<'a>(values: impl Iterator<Item = &'a str>, between: &str) -> String {
    let mut distinct: Vec<&str> = Vec::new();
    for value in values {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    distinct.join(between)
}

impl PromptTemplate {
    pub(super) fn read(table: &Table<'_>, locales: Locales<'_>, words: &Words) -> Option<Self> {
        let locale = table.need("locale").and_then(|node| locales.read(&node));
        let name = table.need("name").and_then(|node| template_name(&node));
        let language = table.need("language").and_then(|node| node.parsed());
        let body = table.need("body").and_then(|node| {
            let body = node.text()?;
            let faults = body_faults(body, words);
            faults.iter().for_each(|fault| node.fault(fault));
            faults.is_empty().then(|| body.to_owned())
        });
        let buttons = table.need("buttons").and_then(|node| PromptButtons::read(&node, words));
        let validity = Validity::read(table);
        for key in ["header", "footer", "media"] {
            if let Some(node) = table.get(key) {
                node.fault("a prompt has none: beside the question it may hold nothing that could be advertising");
            }
        }
        table.finish();
        Some(Self {
            locale: locale?,
            name: name?,
            language: language?,
            body: body?,
            buttons: buttons?,
            validity: validity?,
        })
    }
}

impl PromptButtons {
    fn read(node: &Node<'_>, words: &Words) -> Option<Self> {
        let table = node.table()?;
        let confirm = table
            .need("confirm")
            .and_then(|node| label(&node, words, |meaning| *meaning == Meaning::Confirm));
        let no = table
            .need("no")
            .and_then(|node| label(&node, words, |meaning| matches!(meaning, Meaning::No { .. })));
        let not_me = table.need("not_me").and_then(|node| label(&node, words, |_| false));
        table.finish();
        let buttons = Self {
            confirm: confirm?,
            no: no?,
            not_me: not_me?,
        };
        if buttons.confirm == buttons.no || buttons.no == buttons.not_me || buttons.not_me == buttons.confirm {
            node.fault("two buttons bear the same label");
            return None;
        }
        Some(buttons)
    }
}

/// A label that means nothing else than its button does.
fn label(node: &Node<'_>, words: &Words, fits: fn(&Meaning) -> bool) -> Option<String> {
    let label = node.short_line(LABEL)?;
    let meaning = words.read(&label);
    if meaning != Meaning::Nothing && !fits(&meaning) {
        node.fault("typed as a message, the label would mean something else than the button");
        return None;
    }
    Some(label)
}

fn template_name(node: &Node<'_>) -> Option<String> {
    let name = node.line()?;
    let valid = name.len() <= 512
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !valid {
        node.fault("write the name of the template at Meta: lower-case letters, digits and underscores");
    }
    valid.then_some(name)
}

/// Words that advertise. A request to confirm is lawful only while it is free of advertising; a welcome, a slogan or an
/// invitation to ask questions was too much for LG Stendal (22 S 87/20).
const ADVERTISING: &str = "welcome willkommen bienvenue bienvenido bienvenida benvenuto benvenuta welkom witamy offer offers angebot \
    angebote angeboten offre offres oferta ofertas offerta offerte discount discounts rabatt rabatte remise \
    descuento sconto korting sale deal deals free gratis kostenlos kostenlose gratuit gutschein gutscheine \
    voucher coupon exclusive exklusiv exklusive save sparen win gewinnen gewinnspiel";

/// Words that invite to get in touch.
const CONTACT: &str =
    "question questions frage fragen preguntas domande vragen contact kontakt kontaktieren hotline kundenservice";

fn body_faults(body: &str, words: &Words) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |fine: bool, reason: &str| {
        if !fine {
            faults.push(reason.to_owned());
        }
    };
    let own = PLACEHOLDERS
        .iter()
        .fold(body.to_owned(), |own, place| own.replace(place, " "));
    check(
        PLACEHOLDERS.iter().all(|place| body.matches(place).count() == 1) && !own.contains(['{', '}']),
        "write {{1}} for the controller, {{2}} for the purposes and {{3}} for the notice, each once, and no other braces",
    );
    check(
        !body.starts_with("{{") && !body.ends_with("}}"),
        "Meta refuses a template that begins or ends with a placeholder; put words around it",
    );
    check(
        !own.split_whitespace().any(is_link),
        "holds a link or an address; the only link is the notice, {{3}}",
    );
    let lowercase = own.to_lowercase();
    let spoken: Vec<_> = lowercase.split(|letter: char| !letter.is_alphanumeric()).collect();
    let found = |listed: &'static str| listed.split_ascii_whitespace().find(|word| spoken.contains(word));
    if let Some(word) = found(ADVERTISING) {
        check(
            false,
            &format!("\"{word}\" advertises; a prompt only asks, without welcome, slogan or offer"),
        );
    }
    if let Some(word) = found(CONTACT) {
        check(
            false,
            &format!("\"{word}\" invites to get in touch; a prompt only asks for the consent"),
        );
    }
    check(
        !own.contains('%'),
        "\"%\" advertises; a prompt only asks, without welcome, slogan or offer",
    );
    check(
        says_how_to_stop(&own, words),
        "does not say how to withdraw; name a stop word in capitals, such as STOP",
    );
    faults
}

/// Whether a text names a word that stops, in capitals so that it stands out: "you can unsubscribe" tells nobody how.
pub(super) fn says_how_to_stop(text: &str, words: &Words) -> bool {
    text.split_whitespace()
        .any(|word| word == word.to_uppercase() && words.read(word) == Meaning::Stop)
}

/// Whether it looks like a web or e-mail address: `https://…`, `www.…`, `muster.de`, `a@b`.
fn is_link(word: &str) -> bool {
    let letters = |part: &str| part.chars().take_while(|letter| letter.is_alphabetic()).count();
    let dotted = || {
        word.match_indices('.').any(|(at, dot)| {
            let (before, after) = (word.get(..at), word.get(at + dot.len()..));
            before.is_some_and(|before| before.ends_with(char::is_alphanumeric))
                && after.is_some_and(|after| letters(after) >= 2)
        })
    };
    word.contains("://") || word.contains('@') || dotted()
}
