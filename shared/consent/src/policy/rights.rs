//! What people are told who demand something about their data.

use crate::id::Locale;

use super::document::Table;
use super::localised::{Locales, Localised};

/// What people have to know who demand something about their data (Art. 12 to 15 GDPR), beside what notices say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    page_url: String,
    authority: SupervisoryAuthority,
    transfers: Localised<String>,
}

/// Whom people can complain to (Art. 77 GDPR).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupervisoryAuthority {
    name: String,
    contact: String,
}

impl SupervisoryAuthority {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its page, or another way to reach it.
    pub fn contact(&self) -> &str {
        &self.contact
    }

    fn read(table: &Table<'_>) -> Option<Self> {
        let name = table.need("name").and_then(|node| node.line());
        let contact = table.need("contact").and_then(|node| node.line());
        table.finish();
        Some(Self {
            name: name?,
            contact: contact?,
        })
    }
}

impl Rights {
    /// The address under which people reach this installation, without a slash at its end.
    pub fn page_url(&self) -> &str {
        &self.page_url
    }

    /// Whom people can complain to.
    pub fn authority(&self) -> &SupervisoryAuthority {
        &self.authority
    }

    /// What leaves the European Economic Area, and by what safeguard (Art. 13(1)(f), 15(2) and 46 GDPR).
    pub fn transfers(&self, locale: &Locale) -> &str {
        self.transfers.get(locale)
    }

    pub(super) fn read(table: &Table<'_>, locales: Locales<'_>, default_locale: Option<&Locale>) -> Option<Self> {
        let page_url = table.need("page_url").and_then(|node| node.url());
        let authority = table
            .need("supervisory_authority")
            .and_then(|node| SupervisoryAuthority::read(&node.table()?));
        let transfers = table.need("transfers").and_then(|node| {
            let texts = locales.members(&node, |_, node| node.text().map(str::to_owned))?;
            let fallback = texts.get(default_locale?).cloned();
            if fallback.is_none() {
                node.fault("has no text in the default locale");
            }
            Some(Localised::new(fallback?, texts))
        });
        table.finish();
        Some(Self {
            page_url: page_url?.trim_end_matches('/').to_owned(),
            authority: authority?,
            transfers: transfers?,
        })
    }
}
