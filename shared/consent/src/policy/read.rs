//! The document as a whole: what its parts must have in common.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::id::{Locale, NoticeVersion, PolicyVersion, PurposeId, SenderId};
use crate::words::Words;

use super::controller::{Controller, DataProtectionOfficer, Sender};
use super::document::{Node, Table, all};
use super::localised::{Locales, Localised};
use super::notice::{Draft, Notice};
use super::prompt::{BODY, PromptTemplate};
use super::purpose::{Class, Purpose};
use super::rights::Rights;
use super::settings::{Campaigns, Prompting, Retention};
use super::texts::{Fallback, Filling, Texts};
use super::{Policy, vocabulary};

impl Policy {
    /// Reads every part, however wrong the others are; what spans parts is checked where all of them could be read.
    pub(super) fn read(text: &str, root: &Table<'_>) -> Option<Self> {
        let locales = root.need("locales").and_then(|node| {
            let locales = node.list_of(Node::parsed)?;
            node.distinct(&locales);
            Some(locales)
        });
        let known = Locales(locales.as_deref());
        let default_locale = root.need("default_locale").and_then(|node| known.read(&node));
        let controller = root
            .need("controller")
            .and_then(|node| Controller::read(&node.table()?));
        let officer = root
            .need("data_protection_officer")
            .and_then(|node| DataProtectionOfficer::read(&node.table()?));
        let rights = root
            .need("rights")
            .and_then(|node| Rights::read(&node.table()?, known, default_locale.as_ref()));
        let senders = root.need("senders").and_then(|node| read_senders(&node));
        let asked = root
            .need("purposes")
            .and_then(|node| read_purposes(&node, known, default_locale.as_ref(), senders.as_deref()));
        let purposes: Option<Vec<_>> = asked
            .as_ref()
            .map(|asked| asked.iter().map(|asked| asked.purpose.clone()).collect());
        let words = read_words(root, known, purposes.as_deref());
        let prompts = root.need("prompts").and_then(|node| read_prompts(&node, known, &words));
        let filling = Filling {
            controller: controller.as_ref(),
            officer: officer.as_ref(),
            words: &words,
        };
        let texts = root
            .need("texts")
            .and_then(|node| read_texts(&node, known, default_locale.as_ref()?, &filling, purposes.as_deref()));
        let prompting = root.section("prompting").and_then(|table| Prompting::read(&table));
        let retention = root.section("retention").and_then(|table| Retention::read(&table));
        let campaigns = root.section("campaigns").and_then(|table| Campaigns::read(&table));
        root.finish();

        let (controller, officer, default_locale) = (controller?, officer?, default_locale?);
        let (locales, prompts) = (locales?, prompts?);
        let (purposes, notices) = finish_notices(asked?, &controller, &officer, &default_locale, &prompts)?;
        check_labels(root, &purposes, &locales);
        check_prefixes(root, &notices.iter().map(|notice| notice.version).collect::<Vec<_>>());
        check_lengths(root, &prompts, &notices);
        Some(Self {
            version: PolicyVersion::from_bytes(Sha256::digest(text).into()),
            text: text.to_owned(),
            controller,
            data_protection_officer: officer,
            rights: rights?,
            default_locale,
            locales,
            senders: senders?,
            purposes,
            notices,
            prompts,
            texts: texts?,
            words,
            prompting: prompting?,
            retention: retention?,
            campaigns: campaigns?,
        })
    }
}

fn read_senders(node: &Node<'_>) -> Option<Vec<Sender>> {
    let senders = node.list_of(Sender::read)?;
    node.distinct(&senders.iter().map(Sender::id).collect::<Vec<_>>());
    Some(senders)
}

/// A purpose and its notices as the document has them.
struct Asked<'d> {
    table: Table<'d>,
    purpose: Purpose,
    notices: Vec<Draft<'d>>,
}

fn read_purposes<'d>(
    node: &Node<'d>,
    locales: Locales<'_>,
    default_locale: Option<&Locale>,
    senders: Option<&[Sender]>,
) -> Option<Vec<Asked<'d>>> {
    let senders: Option<Vec<SenderId>> =
        senders.map(|senders| senders.iter().map(|sender| sender.id.clone()).collect());
    let asked = node.list_of(|node| {
        let table = node.table()?;
        let id = table.get("id").and_then(|id| id.text()?.parse::<PurposeId>().ok());
        let table = match id {
            Some(id) => table.named(format_args!("purposes.{id}")),
            None => table,
        };
        let purpose = Purpose::read(&table, locales, default_locale, senders.as_deref());
        let notices = table
            .need("notices")
            .and_then(|node| node.list_of(|node| Draft::read(node, locales)));
        table.finish();
        Some(Asked {
            purpose: purpose?,
            notices: notices?,
            table,
        })
    })?;
    node.distinct(&asked.iter().map(|asked| asked.purpose.id()).collect::<Vec<_>>());
    Some(asked)
}

fn read_words(root: &Table<'_>, locales: Locales<'_>, purposes: Option<&[Purpose]>) -> Words {
    let ids = |fits: fn(&&Purpose) -> bool| -> Option<Vec<PurposeId>> {
        purposes.map(|purposes| purposes.iter().filter(fits).map(|purpose| purpose.id.clone()).collect())
    };
    let marketing = ids(|purpose| purpose.class == Class::Marketing);
    let mut words = Words::new(&marketing.unwrap_or_default());
    if let Some(node) = root.get("words") {
        vocabulary::read(&node, locales, ids(|_| true).as_deref(), &mut words);
    }
    words
}

fn read_prompts(node: &Node<'_>, locales: Locales<'_>, words: &Words) -> Option<Vec<PromptTemplate>> {
    let prompts = node.list_of(|node| PromptTemplate::read(&node.table()?, locales, words))?;
    for (index, (prompt, node)) in prompts.iter().zip(node.list()?).enumerate() {
        let mut earlier = prompts.iter().take(index);
        if earlier.any(|earlier| earlier.locale == prompt.locale && earlier.validity.overlaps(prompt.validity)) {
            node.fault("is in use at the same time as another prompt in this locale");
        }
    }
    Some(prompts)
}

fn read_texts(
    node: &Node<'_>,
    locales: Locales<'_>,
    default_locale: &Locale,
    filling: &Filling<'_>,
    purposes: Option<&[Purpose]>,
) -> Option<Localised<Texts>> {
    let tables = locales.members(node, |_, node| node.table())?;
    let labels = |locale: &Locale| {
        let labels: Vec<_> = purposes
            .iter()
            .flat_map(|all| all.iter())
            .map(|purpose| purpose.label(locale))
            .collect();
        labels.join(", ")
    };
    let Some(table) = tables.get(default_locale) else {
        node.fault(format_args!("has no texts in the default locale, {default_locale}"));
        return None;
    };
    let fallback = Texts::read(table, filling, &labels(default_locale), Fallback::None);
    let others = tables.iter().filter(|(locale, _)| *locale != default_locale);
    let others = all(others.map(|(locale, table)| {
        let texts = Texts::read(table, filling, &labels(locale), Fallback::Default(fallback.as_ref()));
        Some((locale.clone(), texts?))
    }));
    let fallback = fallback?;
    let mut by_locale: BTreeMap<_, _> = others?.into_iter().collect();
    by_locale.insert(default_locale.clone(), fallback.clone());
    Some(Localised::new(fallback, by_locale))
}

fn finish_notices(
    asked: Vec<Asked<'_>>,
    controller: &Controller,
    officer: &DataProtectionOfficer,
    default_locale: &Locale,
    prompts: &[PromptTemplate],
) -> Option<(Vec<Purpose>, Vec<Notice>)> {
    let finished = all(asked.into_iter().map(
        |Asked {
             table,
             mut purpose,
             notices: drafts,
         }| {
            for (index, draft) in drafts.iter().enumerate() {
                let mut earlier = drafts.iter().take(index);
                if earlier.any(|earlier| earlier.locale == draft.locale && earlier.validity.overlaps(draft.validity)) {
                    draft.fault("is shown at the same time as another notice in this locale");
                }
            }
            if !drafts.iter().any(|draft| draft.locale == *default_locale) {
                table.fault_of(
                    "notices",
                    format_args!("none is in the default locale, {default_locale}"),
                );
            }
            let offered_in: BTreeSet<_> = drafts.iter().map(|draft| draft.locale.clone()).collect();
            purpose.offered_in = offered_in.into_iter().collect();
            let notices = all(drafts
                .into_iter()
                .map(|draft| draft.finish(&purpose, controller, officer, prompts)));
            Some((purpose, notices?))
        },
    ))?;
    let (purposes, notices): (Vec<_>, Vec<_>) = finished.into_iter().unzip();
    Some((purposes, notices.into_iter().flatten().collect()))
}

/// Contacts tell purposes apart by their labels, which are buttons where a "yes" could mean either of two.
fn check_labels(root: &Table<'_>, purposes: &[Purpose], locales: &[Locale]) {
    for locale in locales {
        let mut seen = BTreeSet::new();
        if let Some(twin) = purposes.iter().find(|purpose| !seen.insert(purpose.label(locale))) {
            root.fault_of(
                "purposes",
                format_args!("{} has the label of another purpose in {locale}", twin.id()),
            );
        }
    }
}

/// A button's token names a notice by its first eight bytes only.
fn check_prefixes(root: &Table<'_>, versions: &[NoticeVersion]) {
    let prefix = |version: &NoticeVersion| version.as_bytes().first_chunk::<8>().copied();
    let mut seen = BTreeSet::new();
    if let Some(twin) = versions.iter().find(|version| !seen.insert(prefix(version))) {
        root.fault_of(
            "purposes",
            format_args!("two notices have names that begin like {twin}; change a word in one of them"),
        );
    }
}

/// A prompt that asks for everything at once must still fit.
fn check_lengths(root: &Table<'_>, prompts: &[PromptTemplate], notices: &[Notice]) {
    for prompt in prompts {
        let length = |at| {
            let shown: Vec<_> = notices
                .iter()
                .filter(|notice| *notice.locale() == prompt.locale && notice.is_active(at))
                .collect();
            prompt.body(&shown).chars().count()
        };
        let starts = notices
            .iter()
            .map(Notice::valid_from)
            .filter(|at| prompt.is_active(*at));
        let longest = starts.map(length).max().unwrap_or_default();
        if longest > BODY {
            let name = &prompt.name;
            let reason =
                format!("the body of {name} has {longest} characters with all purposes, over the limit of {BODY}");
            root.fault_of("prompts", reason);
        }
    }
}
