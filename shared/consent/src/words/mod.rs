//! What a contact's words mean: stop, no, yes, start, help, or a right of the data subject.
//!
//! One principle decides every doubt: **a reading that narrows what may be sent is generous, one that widens it is
//! exact.** A stop is found through decoration, repeated letters, courtesy, and in any language at any time; where it is
//! only likely, sending is held and the contact is asked. A confirmation or an opt-in counts only as the whole message,
//! letter by letter.
//!
//! The lists of all languages are read together, because people write in whatever language they like.
//!
//! # How a message is read
//! The text becomes tokens (see `normal`): compatibility forms, case, diacritics, punctuation, emoji and invisible
//! characters go. Then listed words and phrases are matched from left to right, the longest first, and
//!
//! 1. a message of nothing but stop words is a stop;
//! 2. so is one of at most five tokens where the rest is courtesy ("bitte keine werbung mehr"); every token of a phrase
//!    counts, and a word of refusal beside the stop ("nein, stop") does not weaken it;
//! 3. one token of four letters or more at edit distance 1 from a stop word is ambiguous, unless it is on a list itself;
//! 4. a stop word among other words is ambiguous;
//! 5. some stop words mean that only in the context of advertising or of a prompt ("cancel", "ende"). They follow 1 and
//!    2, never 3 and 4, and the reading leaves the decision to whoever knows the context.
//!
//! A message that both stops and demands deletion is read as the demand, which stops marketing as well.

mod lists;
mod normal;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::id::PurposeId;

use normal::{Form, Normal, Token, normalise};

/// What a message means, taken by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// A stop: nothing more goes out that needs a consent.
    Stop,
    /// A word that is a stop only within 72 hours of a marketing message or a prompt, and nothing otherwise.
    StopInContext,
    /// A refusal: it declines the prompt that it is bound to.
    No {
        /// Whether the same word is a stop within 72 hours of a marketing message or a prompt ("no" is, "nein" is not).
        stop_in_context: bool,
    },
    /// Perhaps a stop: hold marketing and ask.
    Ambiguous,
    /// A right of the data subject: open a case.
    Rights(RightsWord),
    /// A yes, as the whole message: it confirms the prompt that it is bound to, and nothing else.
    Confirm,
    /// The contact asks to be sent something, and needs a prompt.
    OptIn(OptInWord),
    /// The contact asks who is writing and how to stop.
    Help,
    /// None of the words that matter here.
    Nothing,
}

/// Which right of the data subject a message invokes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RightsWord {
    /// Erasure (GDPR Art. 17). It is an objection to marketing too, and stops it at once.
    Delete,
    /// Access or portability (GDPR Art. 15, 20).
    Access,
}

/// The purposes that a word of opt-in asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptInWord {
    purposes: Arc<[PurposeId]>,
}

impl OptInWord {
    /// The purposes asked for: those that the policy gives to the word, or every marketing purpose.
    pub fn purposes(&self) -> &[PurposeId] {
        &self.purposes
    }
}

/// What a word or phrase is listed as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum List {
    /// A stop at any time.
    Stop,
    /// A stop in the context of advertising or a prompt.
    ContextStop,
    /// Both that and a refusal.
    ContextRefusal,
    /// A refusal.
    Refusal,
    /// Close to a stop word, and known to mean something else.
    NotStop,
    /// A demand for erasure.
    Delete,
    /// A demand for access.
    Access,
    /// A question who is writing.
    Help,
    /// A yes.
    Confirm,
    /// A wish to be sent something, for these purposes.
    OptIn(Arc<[PurposeId]>),
    /// Says nothing by itself.
    Courtesy,
}

impl List {
    /// The name of the list, for people.
    fn name(&self) -> &'static str {
        match self {
            Self::Stop => "stop words",
            Self::ContextStop => "stop words in context",
            Self::ContextRefusal | Self::Refusal => "refusals",
            Self::NotStop => "words that are no stop",
            Self::Delete => "words of deletion",
            Self::Access => "words of access",
            Self::Help => "help words",
            Self::Confirm => "words of confirmation",
            Self::OptIn(_) => "words of opt-in",
            Self::Courtesy => "words of courtesy",
        }
    }

    /// Whether a word of the list counts only as the whole message and letter by letter.
    fn is_exact(&self) -> bool {
        matches!(self, Self::Confirm | Self::OptIn(_))
    }

    /// What a message means that is a word of the list.
    pub(crate) fn meaning(&self) -> Meaning {
        match self {
            Self::Stop => Meaning::Stop,
            Self::ContextStop => Meaning::StopInContext,
            Self::ContextRefusal => Meaning::No { stop_in_context: true },
            Self::Refusal => Meaning::No { stop_in_context: false },
            Self::Delete => Meaning::Rights(RightsWord::Delete),
            Self::Access => Meaning::Rights(RightsWord::Access),
            Self::Help => Meaning::Help,
            Self::Confirm => Meaning::Confirm,
            Self::OptIn(purposes) => Meaning::OptIn(OptInWord {
                purposes: purposes.clone(),
            }),
            Self::NotStop | Self::Courtesy => Meaning::Nothing,
        }
    }
}

/// Why a word cannot be put on a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WordFault {
    /// Nothing is left of it.
    #[error("has neither letters nor digits")]
    Empty,
    /// A phrase this long is not found among courtesy.
    #[error("is longer than {MAX_PHRASE} words")]
    Long,
    /// One word, two meanings.
    #[error("is among the {0} already")]
    Listed(&'static str),
}

/// The most tokens of a message that may hold courtesy beside the word that matters, and of a phrase.
const MAX_PHRASE: usize = 5;

/// The least letters of a token that may be a misspelt stop word.
const MIN_MISSPELT: usize = 4;

/// Room for the built-in words and some more: the lists are compiled whenever a function starts.
const ENTRIES: usize = 400;

/// A word or phrase as it is looked up. Most of the built-in ones are written as they are looked up.
type Key = Cow<'static, str>;

/// The lists of words, compiled.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(PartialEq))]
pub struct Words {
    /// Words and phrases found anywhere in a message, by their collapsed forms.
    anywhere: HashMap<Key, List>,
    /// Words and phrases that count only as the whole message, by their plain forms.
    exact: HashMap<Key, List>,
    /// The collapsed forms of every token of every entry.
    tokens: HashSet<Key>,
    /// The stop words of one token, for the comparison with misspelt ones.
    stops: Vec<Form>,
    /// The tokens of the longest phrase.
    longest: usize,
}

impl Words {
    fn empty() -> Self {
        Self {
            anywhere: HashMap::with_capacity(ENTRIES),
            exact: HashMap::new(),
            tokens: HashSet::with_capacity(ENTRIES),
            stops: Vec::new(),
            longest: 1,
        }
    }

    /// The built-in lists; words of opt-in ask for these purposes.
    pub fn new(marketing: &[PurposeId]) -> Self {
        let mut words = Self::empty();
        let marketing: Arc<[PurposeId]> = marketing.into();
        let opt_in = [(List::OptIn(marketing), lists::OPT_IN)];
        for (list, languages) in lists::LISTS.iter().chain(&opt_in) {
            for word in lists::each(languages) {
                words.add_built_in(list, word);
            }
        }
        words
    }

    /// Puts a built-in word on a list. These have no faults, and a test holds them to it; so what is written in plain letters needs neither to be
    /// taken apart nor to be looked for, which a function would do some three hundred times whenever it starts.
    fn add_built_in(&mut self, list: &List, word: &'static str) {
        let is_plain = word.bytes().all(|letter| letter.is_ascii_lowercase() || letter == b' ');
        if !is_plain {
            let _ = self.add(list, word);
            return;
        }
        let tokens = || word.split(' ');
        if list.is_exact() {
            self.exact.insert(Key::Borrowed(word), list.clone());
        } else {
            self.anywhere.insert(collapsed(word), list.clone());
        }
        if *list == List::Stop && tokens().nth(1).is_none() {
            self.stops.push(Form::new(word.to_owned()));
        }
        self.longest = self.longest.max(tokens().count());
        self.tokens.extend(tokens().map(collapsed));
    }

    /// Puts a word on a list. Repeating one is no fault, and a word of opt-in may be given other purposes.
    pub(crate) fn add(&mut self, list: &List, word: &str) -> Result<(), WordFault> {
        let tokens: Vec<Token> = normalise(word).chunks.into_iter().flatten().collect();
        if tokens.is_empty() {
            return Err(WordFault::Empty);
        }
        if tokens.len() > MAX_PHRASE {
            return Err(WordFault::Long);
        }
        let collapsed = keys(&tokens, |form| &form.collapsed);
        let plain = keys(&tokens, |form| &form.plain);
        let listed = collapsed.iter().filter_map(|key| self.anywhere.get(&**key));
        let listed = listed.chain(plain.iter().filter_map(|key| self.exact.get(&**key)));
        if let Some(other) = listed.into_iter().find(|other| !other.allows(list)) {
            return Err(WordFault::Listed(other.name()));
        }
        let (entries, keys) = if list.is_exact() {
            (&mut self.exact, plain)
        } else {
            (&mut self.anywhere, collapsed)
        };
        entries.extend(keys.into_iter().map(|key| (key, list.clone())));
        if let (List::Stop, [token]) = (list, tokens.as_slice()) {
            self.stops.extend(token.forms().cloned());
        }
        self.longest = self.longest.max(tokens.len());
        self.tokens.extend(
            tokens
                .iter()
                .flat_map(Token::forms)
                .map(|form| Key::Owned(form.collapsed.clone())),
        );
        Ok(())
    }

    /// Reads one message. Takes time in proportion to its length.
    pub fn read(&self, text: &str) -> Meaning {
        let Normal { chunks, asks } = normalise(text);
        let tokens = self.respell(chunks);
        if tokens.is_empty() {
            return Meaning::Nothing;
        }
        let tally = self.tally(&tokens);
        if tally.has(&List::Stop) {
            return match (tally.is_whole(), tally.has(&List::Delete)) {
                (true, true) => Meaning::Rights(RightsWord::Delete),
                (true, false) => Meaning::Stop,
                (false, _) => Meaning::Ambiguous,
            };
        }
        if let Some(list) = self.exactly(&tokens)
            && !(asks && *list == List::Confirm)
        {
            return list.meaning();
        }
        if tally.is_whole() {
            const BY_WEIGHT: [List; 6] = [
                List::Delete,
                List::Access,
                List::ContextStop,
                List::ContextRefusal,
                List::Refusal,
                List::Help,
            ];
            return BY_WEIGHT
                .iter()
                .find(|list| tally.has(list))
                .map_or(Meaning::Nothing, List::meaning);
        }
        match tokens.as_slice() {
            [token] if self.is_misspelt_stop(token) => Meaning::Ambiguous,
            _ => Meaning::Nothing,
        }
    }

    /// Puts words together that were written with something between the letters: `s.t.o.p`, `opt-out`, `S T O P`.
    fn respell(&self, chunks: Vec<Vec<Token>>) -> Vec<Token> {
        let mut tokens = Vec::new();
        for chunk in chunks {
            match self.joined(&chunk, 2) {
                Some(word) => tokens.push(word),
                None => tokens.extend(chunk),
            }
        }
        let mut respelt = Vec::new();
        for run in tokens.chunk_by(|a, b| a.is_single() && b.is_single()) {
            match self.joined(run, 3) {
                Some(word) => respelt.push(word),
                None => respelt.extend_from_slice(run),
            }
        }
        respelt
    }

    /// The listed word that so many tokens or more make up.
    fn joined(&self, tokens: &[Token], least: usize) -> Option<Token> {
        if tokens.len() < least {
            return None;
        }
        let word = Token::join(tokens);
        self.is_listed(&word).then_some(word)
    }

    fn is_listed(&self, token: &Token) -> bool {
        token.forms().any(|form| self.tokens.contains(form.collapsed.as_str()))
    }

    /// Counts what the message is made of.
    fn tally(&self, tokens: &[Token]) -> Tally<'_> {
        let mut tally = Tally {
            tokens: tokens.len(),
            found: Vec::new(),
            others: 0,
        };
        let mut rest = tokens;
        while !rest.is_empty() {
            let longest = self.longest.min(rest.len());
            let found = (1..=longest).rev().find_map(|length| {
                let (phrase, rest) = rest.split_at_checked(length)?;
                let list = keys(phrase, |form| &form.collapsed)
                    .iter()
                    .find_map(|key| self.anywhere.get(&**key))?;
                Some((list, rest))
            });
            match found {
                Some((list, after)) if *list != List::NotStop => {
                    tally.note(list);
                    rest = after;
                }
                _ => {
                    tally.others += 1;
                    rest = rest.split_first().map_or(&[], |(_, after)| after);
                }
            }
        }
        tally
    }

    /// The list on which the whole message is, letter by letter.
    fn exactly(&self, tokens: &[Token]) -> Option<&List> {
        if tokens.len() > self.longest {
            return None;
        }
        keys(tokens, |form| &form.plain)
            .iter()
            .find_map(|key| self.exact.get(&**key))
    }

    fn is_misspelt_stop(&self, token: &Token) -> bool {
        let letters = token.folded.plain.chars().filter(|letter| letter.is_alphabetic());
        letters.take(MIN_MISSPELT).count() == MIN_MISSPELT
            && !self.is_listed(token)
            && token.forms().any(|form| {
                self.stops.iter().any(|stop| {
                    within_one_edit(&form.plain, &stop.plain) || within_one_edit(&form.collapsed, &stop.collapsed)
                })
            })
    }
}

impl List {
    /// Whether a word of this list may be on the other as well. "Tak" is thanks to a Dane and yes to a Pole, which
    /// does not matter: courtesy says nothing by itself, and a yes counts only by itself.
    fn allows(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::OptIn(_), Self::OptIn(_)) => true,
            (Self::Courtesy, exact) | (exact, Self::Courtesy) if exact.is_exact() => true,
            _ => self == other,
        }
    }
}

/// What a message is made of.
struct Tally<'w> {
    tokens: usize,
    /// The lists met, each once.
    found: Vec<&'w List>,
    others: usize,
}

impl<'w> Tally<'w> {
    fn note(&mut self, list: &'w List) {
        if !self.found.contains(&list) {
            self.found.push(list);
        }
    }

    fn has(&self, list: &List) -> bool {
        self.found.contains(&list)
    }

    /// Whether the message holds nothing that could change the meaning of the listed words in it.
    fn is_whole(&self) -> bool {
        self.others == 0 && (self.tokens <= MAX_PHRASE || !self.has(&List::Courtesy))
    }
}

/// The tokens as keys: folded, and with umlauts as two letters where that differs.
fn keys(tokens: &[Token], written: fn(&Form) -> &String) -> Vec<Key> {
    let key = |form: fn(&Token) -> &Form| -> Key {
        if let [token] = tokens {
            return Key::Owned(written(form(token)).clone());
        }
        let words: Vec<&str> = tokens.iter().map(|token| written(form(token)).as_str()).collect();
        Key::Owned(words.join(" "))
    };
    let mut keys = vec![key(|token| &token.folded)];
    if tokens.iter().any(|token| token.spelled_out.is_some()) {
        keys.push(key(Token::spelled_out));
    }
    keys
}

/// A word or phrase in plain letters with each run of one letter written once.
fn collapsed(word: &'static str) -> Key {
    let has_a_run = word.as_bytes().array_windows().any(|[one, next]| one == next);
    if has_a_run {
        Key::Owned(Form::new(word.to_owned()).collapsed)
    } else {
        Key::Borrowed(word)
    }
}

/// Whether one letter added, left out or replaced, or nothing at all, makes one word of the other.
fn within_one_edit(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.chars(), other.chars());
    loop {
        let (here, there) = (one.clone(), other.clone());
        match (one.next(), other.next()) {
            (None, None) => return true,
            (a, b) if a == b => {}
            _ => return one.clone().eq(other.clone()) || one.eq(there) || here.eq(other),
        }
    }
}
