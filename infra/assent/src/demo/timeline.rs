//! The demo's output: a timeline that a person reads from top to bottom.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

const CHAPTER: Style = Style::new().bold();
const BUSINESS: Style = AnsiColor::Blue.on_default();
const CONTACT: Style = AnsiColor::Cyan.on_default();
const META: Style = AnsiColor::Magenta.on_default();
const TIME: Style = AnsiColor::Yellow.on_default();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const QUIET: Style = Style::new().dimmed();

/// Who does something in the story.
#[derive(Debug, Clone, Copy)]
pub(super) enum Who {
    Business,
    Contact,
    Meta,
    Time,
}

/// What was told so far, and what of it was not as told.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    told: u32,
    wrong: u32,
}

impl Timeline {
    pub(super) fn chapter(&self, title: &str) -> io::Result<()> {
        writeln!(anstream::stdout(), "\n{CHAPTER}{title}{CHAPTER:#}")
    }

    pub(super) fn does(&self, who: Who, what: &str) -> io::Result<()> {
        let (style, name) = match who {
            Who::Business => (BUSINESS, "business"),
            Who::Contact => (CONTACT, "contact"),
            Who::Meta => (META, "meta"),
            Who::Time => (TIME, "time"),
        };
        writeln!(anstream::stdout(), "  {style}{name:>9}{style:#}  {what}")
    }

    /// A message, as the contact sees it.
    pub(super) fn shows(&self, text: &str, labels: &[String]) -> io::Result<()> {
        let mut out = anstream::stdout();
        for line in text.lines() {
            writeln!(out, "             {QUIET}│{QUIET:#} {line}")?;
        }
        if !labels.is_empty() {
            let buttons: Vec<_> = labels.iter().map(|label| format!("[ {label} ]")).collect();
            writeln!(out, "             {QUIET}│{QUIET:#} {}", buttons.join("  "))?;
        }
        Ok(())
    }

    /// What must be so, and whether it is.
    pub(super) fn expects(&mut self, what: &str, expected: &str, found: &str) -> io::Result<()> {
        self.told += 1;
        let mut out = anstream::stdout();
        if expected == found {
            return writeln!(out, "             {GOOD}✓{GOOD:#} {what}: {found}");
        }
        self.wrong += 1;
        writeln!(
            out,
            "             {BAD}✗ {what}: expected {expected}, found {found}{BAD:#}"
        )
    }

    pub(super) fn note(&self, text: &str) -> io::Result<()> {
        writeln!(anstream::stdout(), "             {QUIET}{text}{QUIET:#}")
    }

    /// The last line; true if everything was as told.
    pub(super) fn ends(&self) -> io::Result<bool> {
        let mut out = anstream::stdout();
        if self.wrong == 0 {
            writeln!(out, "\n{GOOD}All {} expectations hold.{GOOD:#}", self.told)?;
        } else {
            writeln!(
                out,
                "\n{BAD}{} of {} expectations do not hold.{BAD:#}",
                self.wrong, self.told
            )?;
        }
        Ok(self.wrong == 0)
    }
}
