//! Something said in several languages.

use std::collections::BTreeMap;

use crate::id::Locale;

use super::document::{Node, all};

/// A value per locale, and always one to fall back on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Localised<T> {
    fallback: T,
    by_locale: BTreeMap<Locale, T>,
}

impl<T> Localised<T> {
    /// `fallback` is the value in the default locale.
    pub(super) fn new(fallback: T, by_locale: BTreeMap<Locale, T>) -> Self {
        Self { fallback, by_locale }
    }

    /// The value in the locale, else in its language without region, else in the default locale.
    pub(super) fn get(&self, locale: &Locale) -> &T {
        let language = || locale.language().parse::<Locale>().ok();
        self.by_locale
            .get(locale)
            .or_else(|| self.by_locale.get(&language()?))
            .unwrap_or(&self.fallback)
    }
}

/// The locales of the policy; nothing if they could not be read, and then any locale will do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Locales<'a>(pub(super) Option<&'a [Locale]>);

impl Locales<'_> {
    /// A locale, if it is one of the policy's.
    pub(super) fn read(self, node: &Node<'_>) -> Option<Locale> {
        self.known(node, node.parsed()?)
    }

    fn known(self, node: &Node<'_>, locale: Locale) -> Option<Locale> {
        if self.0.is_some_and(|locales| !locales.contains(&locale)) {
            node.fault(format_args!(
                "{locale} is not one of the policy's locales; add it there first"
            ));
            return None;
        }
        Some(locale)
    }

    /// A table with a member per locale.
    pub(super) fn members<'d, T>(
        self,
        node: &Node<'d>,
        read: impl Fn(&Locale, &Node<'d>) -> Option<T>,
    ) -> Option<BTreeMap<Locale, T>> {
        let members = node.table()?.members();
        let values = members.iter().map(|(key, node)| {
            let locale = key.parse().map_err(|error| node.fault(error)).ok();
            let locale = locale.and_then(|locale| self.known(node, locale))?;
            let value = read(&locale, node)?;
            Some((locale, value))
        });
        all(values).map(|values| values.into_iter().collect())
    }
}
