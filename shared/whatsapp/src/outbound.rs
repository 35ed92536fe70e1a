//! Messages that the business sends, held to Meta's limits before anything is sent.

use std::collections::HashSet;

use crate::names::{Language, TemplateName};
use crate::personal::{Payload, Text};

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outbound {
    /// A template: at any time.
    Template(Template),
    /// Text with buttons: within 24 hours of the contact's last message.
    Buttons(Buttons),
    /// Text: within 24 hours of the contact's last message.
    Text(PlainText),
}

/// A template with what fills its gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    name: TemplateName,
    language: Language,
    body_parameters: Vec<Text>,
    quick_replies: Vec<Payload>,
}

/// Text with one to three buttons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buttons {
    body: Text,
    buttons: Vec<Button>,
}

/// A button under a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// What comes back when it is tapped.
    pub payload: Payload,
    /// What is written on it.
    pub title: Text,
}

/// Text alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainText(Text);

/// A message that Meta would refuse (interactive reply buttons and templates references).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOutbound {
    /// A text has too few or too many characters.
    #[error("{what} must have 1 to {longest} characters and something else than spaces")]
    Length {
        /// Which text.
        what: &'static str,
        /// The most characters it may have.
        longest: usize,
    },
    /// There are too few or too many of something.
    #[error("there must be {least} to {most} {what}")]
    Count {
        /// What there is of it.
        what: &'static str,
        /// The fewest there may be.
        least: usize,
        /// The most there may be.
        most: usize,
    },
    /// Two buttons could not be told apart.
    #[error("each button needs a payload and a title of its own")]
    SameButtons,
    /// A template's parameter would break its layout.
    #[error("a template's parameter must have no line break, no tab and at most four spaces in a row")]
    Layout,
}

impl Template {
    /// The most quick replies a template may have.
    pub const MOST_QUICK_REPLIES: usize = 10;
    /// The most characters a parameter may have: those that a template's body may have.
    pub const LONGEST_PARAMETER: usize = 1024;

    /// A template of this name and language, with a text for each gap of its body and a payload for each of its quick
    /// replies, in their order.
    ///
    /// # Errors
    ///
    /// [`InvalidOutbound`], if Meta would refuse it.
    pub fn new(
        name: TemplateName,
        language: Language,
        body_parameters: Vec<Text>,
        quick_replies: Vec<Payload>,
    ) -> Result<Self, InvalidOutbound> {
        check_count("quick replies", quick_replies.len(), 0, Self::MOST_QUICK_REPLIES)?;
        for parameter in &body_parameters {
            check_length("a template's parameter", parameter.as_str(), Self::LONGEST_PARAMETER)?;
            if parameter.as_str().contains(['\n', '\r', '\t']) || parameter.as_str().contains("     ") {
                return Err(InvalidOutbound::Layout);
            }
        }
        check_payloads(quick_replies.iter())?;
        Ok(Self {
            name,
            language,
            body_parameters,
            quick_replies,
        })
    }

    /// The name of the template.
    pub fn name(&self) -> &TemplateName {
        &self.name
    }

    /// The language it is sent in.
    pub fn language(&self) -> &Language {
        &self.language
    }

    /// What fills the gaps of its body.
    pub fn body_parameters(&self) -> &[Text] {
        &self.body_parameters
    }

    /// What its quick replies carry back.
    pub fn quick_replies(&self) -> &[Payload] {
        &self.quick_replies
    }
}

impl Buttons {
    /// The most buttons.
    pub const MOST: usize = 3;
    /// The most characters of the text above them.
    pub const LONGEST_BODY: usize = 1024;
    /// The most characters on a button.
    pub const LONGEST_TITLE: usize = 20;
    /// The most characters a button may carry back. Meta documents this for reply buttons; for quick replies, where it
    /// documents nothing, it is held to as well, so that either can carry what the other can.
    pub const LONGEST_PAYLOAD: usize = 256;

    /// A text with these buttons.
    ///
    /// # Errors
    ///
    /// [`InvalidOutbound`], if Meta would refuse it.
    pub fn new(body: Text, buttons: Vec<Button>) -> Result<Self, InvalidOutbound> {
        check_length("the text above buttons", body.as_str(), Self::LONGEST_BODY)?;
        check_count("buttons", buttons.len(), 1, Self::MOST)?;
        for button in &buttons {
            check_length("a button's title", button.title.as_str(), Self::LONGEST_TITLE)?;
        }
        check_payloads(buttons.iter().map(|button| &button.payload))?;
        let titles: HashSet<&Text> = buttons.iter().map(|button| &button.title).collect();
        if titles.len() < buttons.len() {
            return Err(InvalidOutbound::SameButtons);
        }
        Ok(Self { body, buttons })
    }

    /// The text above the buttons.
    pub fn body(&self) -> &Text {
        &self.body
    }

    /// The buttons.
    pub fn buttons(&self) -> &[Button] {
        &self.buttons
    }
}

impl PlainText {
    /// The most characters.
    pub const LONGEST: usize = 4096;

    /// A text.
    ///
    /// # Errors
    ///
    /// [`InvalidOutbound`], if Meta would refuse it.
    pub fn new(body: Text) -> Result<Self, InvalidOutbound> {
        check_length("a text", body.as_str(), Self::LONGEST)?;
        Ok(Self(body))
    }

    /// The text.
    pub fn body(&self) -> &Text {
        &self.0
    }
}

fn check_length(what: &'static str, text: &str, longest: usize) -> Result<(), InvalidOutbound> {
    if text.trim().is_empty() || text.chars().count() > longest {
        return Err(InvalidOutbound::Length { what, longest });
    }
    Ok(())
}

fn check_count(what: &'static str, count: usize, least: usize, most: usize) -> Result<(), InvalidOutbound> {
    if (least..=most).contains(&count) {
        Ok(())
    } else {
        Err(InvalidOutbound::Count { what, least, most })
    }
}

fn check_payloads<'a>(payloads: impl Iterator<Item = &'a Payload>) -> Result<(), InvalidOutbound> {
    let mut seen = HashSet::new();
    for payload in payloads {
        check_length("a button's payload", payload.as_str(), Buttons::LONGEST_PAYLOAD)?;
        if !seen.insert(payload) {
            return Err(InvalidOutbound::SameButtons);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn button(payload: &str, title: &str) -> Button {
        Button {
            payload: Payload::new(payload),
            title: Text::new(title),
        }
    }

    fn buttons(body: &str, buttons: Vec<Button>) -> Result<Buttons, InvalidOutbound> {
        Buttons::new(Text::new(body), buttons)
    }

    #[test]
    fn buttons_are_held_to_metas_limits() {
        let yes = || button("y", "Ja");
        assert!(buttons("?", vec![yes()]).is_ok());
        assert!(buttons(&"ä".repeat(1024), vec![button(&"a".repeat(256), &"ä".repeat(20))]).is_ok());

        assert!(matches!(buttons("?", vec![]), Err(InvalidOutbound::Count { .. })));
        let four = (0..4).map(|i| button(&i.to_string(), &i.to_string())).collect();
        assert!(matches!(buttons("?", four), Err(InvalidOutbound::Count { .. })));
        for (body, button) in [
            ("", yes()),
            (" ", yes()),
            (&"a".repeat(1025), yes()),
            ("?", button("y", "")),
            ("?", button("y", &"a".repeat(21))),
            ("?", button("", "Ja")),
            ("?", button(&"a".repeat(257), "Ja")),
        ] {
            assert!(matches!(
                buttons(body, vec![button]),
                Err(InvalidOutbound::Length { .. })
            ));
        }
        assert_eq!(
            buttons("?", vec![yes(), button("y", "Nein")]),
            Err(InvalidOutbound::SameButtons)
        );
        assert_eq!(
            buttons("?", vec![yes(), button("n", "Ja")]),
            Err(InvalidOutbound::SameButtons)
        );
    }

    #[test]
    fn templates_are_held_to_metas_limits() {
        let template = |parameters: &[&str], payloads: &[&str]| {
            Template::new(
                "doi_confirm".parse().unwrap(),
                "de".parse().unwrap(),
                parameters.iter().map(|p| Text::new(*p)).collect(),
                payloads.iter().map(|p| Payload::new(*p)).collect(),
            )
        };
        assert!(template(&["Muster GmbH"], &["yes", "no", "not me"]).is_ok());
        assert!(template(&[], &[]).is_ok());
        assert_eq!(template(&["a\nb"], &[]), Err(InvalidOutbound::Layout));
        assert_eq!(template(&["a     b"], &[]), Err(InvalidOutbound::Layout));
        assert_eq!(template(&[], &["same", "same"]), Err(InvalidOutbound::SameButtons));
        assert!(matches!(template(&[""], &[]), Err(InvalidOutbound::Length { .. })));
        assert!(matches!(template(&[], &["0"; 11]), Err(InvalidOutbound::Count { .. })));
    }

    #[test]
    fn a_text_is_neither_blank_nor_longer_than_meta_takes() {
        assert!(PlainText::new(Text::new("a".repeat(4096))).is_ok());
        assert!(PlainText::new(Text::new("a".repeat(4097))).is_err());
        assert!(PlainText::new(Text::new("\n")).is_err());
    }
}
