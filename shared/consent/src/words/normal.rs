//! Text reduced to what matters for reading words: letters and digits, without case, accents and decoration.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A message taken apart.
#[derive(Debug)]
pub(super) struct Normal {
    /// What stood between white space, each cut into tokens at punctuation, symbols and emoji.
    pub(super) chunks: Vec<Vec<Token>>,
    /// Whether there was a question mark: "yes?" is not a yes.
    pub(super) asks: bool,
}

/// Letters and digits that stand together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Token {
    /// Diacritics left away: `löschen` is `loschen`.
    pub(super) folded: Form,
    /// Umlauts as two letters, where that makes a difference: `löschen` is `loeschen`.
    pub(super) spelled_out: Option<Form>,
}

/// One way to write a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Form {
    /// Every letter.
    pub(super) plain: String,
    /// Each run of one letter written once: `stoppp` is `stop`.
    pub(super) collapsed: String,
}

impl Form {
    pub(super) fn new(plain: String) -> Self {
        let mut collapsed = String::with_capacity(plain.len());
        let mut last = None;
        for letter in plain.chars() {
            if last != Some(letter) || !letter.is_alphabetic() {
                collapsed.push(letter);
            }
            last = Some(letter);
        }
        Self { plain, collapsed }
    }
}

impl Token {
    fn new(folded: String, spelled_out: String) -> Self {
        let spelled_out = (spelled_out != folded).then(|| Form::new(spelled_out));
        Self {
            folded: Form::new(folded),
            spelled_out,
        }
    }

    /// The tokens written as one.
    pub(super) fn join(tokens: &[Self]) -> Self {
        let folded = tokens.iter().map(|token| token.folded.plain.as_str()).collect();
        let spelled_out = tokens.iter().map(|token| token.spelled_out().plain.as_str()).collect();
        Self::new(folded, spelled_out)
    }

    /// The form with umlauts as two letters, be it different or not.
    pub(super) fn spelled_out(&self) -> &Form {
        self.spelled_out.as_ref().unwrap_or(&self.folded)
    }

    /// The different forms.
    pub(super) fn forms(&self) -> impl Iterator<Item = &Form> {
        std::iter::once(&self.folded).chain(&self.spelled_out)
    }

    /// Whether it is one letter or digit.
    pub(super) fn is_single(&self) -> bool {
        self.folded.plain.chars().nth(1).is_none()
    }
}

/// Takes a message apart.
pub(super) fn normalise(text: &str) -> Normal {
    let mut reader = Reader::default();
    if text.is_ascii() {
        // Nothing of it decomposes, and most of what people write is no more than that.
        text.chars().for_each(|letter| reader.take(letter.to_ascii_lowercase()));
    } else {
        text.nfkd()
            .flat_map(char::to_lowercase)
            .for_each(|letter| reader.take(letter));
    }
    reader.end_chunk();
    Normal {
        chunks: reader.chunks,
        asks: reader.asks,
    }
}

#[derive(Default)]
struct Reader {
    chunks: Vec<Vec<Token>>,
    chunk: Vec<Token>,
    folded: String,
    spelled_out: String,
    asks: bool,
}

impl Reader {
    /// Takes one character of the decomposed, lower-case text.
    fn take(&mut self, letter: char) {
        match letter {
            'a'..='z' | '0'..='9' => self.push(letter),
            '\u{308}' if self.folded.ends_with(['a', 'o', 'u']) => self.spelled_out.push('e'),
            // The tatweel only stretches a word; Unicode counts it among the letters.
            '\u{640}' => {}
            _ if is_combining_mark(letter) || is_invisible(letter) => {}
            _ if letter.is_alphanumeric() => self.push(letter),
            _ if letter.is_whitespace() => self.end_chunk(),
            _ => {
                // The Greek question mark decomposes to a semicolon.
                self.asks |= matches!(letter, '?' | '؟' | ';');
                self.end_token();
            }
        }
    }

    /// Letters that Unicode does not decompose get the base that people type instead.
    fn push(&mut self, letter: char) {
        let (folded, spelled_out) = match letter {
            'ß' => ("ss", "ss"),
            'æ' => ("ae", "ae"),
            'œ' => ("oe", "oe"),
            'ø' => ("o", "oe"),
            'ł' => ("l", "l"),
            'đ' => ("d", "d"),
            'ı' => ("i", "i"),
            'ς' => ("σ", "σ"),
            _ => {
                self.folded.push(letter);
                self.spelled_out.push(letter);
                return;
            }
        };
        self.folded.push_str(folded);
        self.spelled_out.push_str(spelled_out);
    }

    fn end_token(&mut self) {
        if !self.folded.is_empty() {
            let token = Token::new(std::mem::take(&mut self.folded), std::mem::take(&mut self.spelled_out));
            self.chunk.push(token);
        }
    }

    fn end_chunk(&mut self) {
        self.end_token();
        if !self.chunk.is_empty() {
            self.chunks.push(std::mem::take(&mut self.chunk));
        }
    }
}

/// Characters that show nothing, so that a word with them inside looks like the word: controls, the default ignorable
/// code points of Unicode (zero-width, bidirectional, fillers, variation selectors, tags).
fn is_invisible(letter: char) -> bool {
    (letter.is_control() && !letter.is_whitespace())
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> Vec<Vec<String>> {
        let plain = |token: &Token| token.folded.plain.clone();
        normalise(text)
            .chunks
            .iter()
            .map(|chunk| chunk.iter().map(plain).collect())
            .collect()
    }

    #[test]
    fn case_accents_width_and_invisible_characters_do_not_matter() {
        for text in [
            "ARRÊTER",
            "arre\u{302}ter",
            "ａｒｒｅｔｅｒ",
            "ar\u{200b}re\u{202e}ter\0",
            "𝐚𝐫𝐫𝐞𝐭𝐞𝐫",
            "ar\u{ad}reter",
        ] {
            assert_eq!(folded(text), [["arreter"]], "{text:?}");
        }
        assert_eq!(folded("İPTAL ıptal"), [["iptal"], ["iptal"]]);
        assert_eq!(folded("ΣΤΟΠ στοπς"), [["στοπ"], ["στοπσ"]]);
        assert_eq!(folded("إيقـــاف"), [["ايقاف"]]);
    }

    #[test]
    fn an_umlaut_is_read_both_ways() {
        let normal = normalise("LÖSCHEN straße");
        let forms: Vec<Vec<&str>> = normal
            .chunks
            .iter()
            .map(|chunk| chunk[0].forms().map(|form| form.plain.as_str()).collect())
            .collect();
        assert_eq!(forms, [vec!["loschen", "loeschen"], vec!["strasse"]]);
    }

    #[test]
    fn punctuation_and_emoji_cut_inside_what_white_space_cuts() {
        assert_eq!(
            folded("opt-out,bitte! 🙏 s.t.o.p"),
            [vec!["opt", "out", "bitte"], vec!["s", "t", "o", "p"]]
        );
        assert_eq!(folded(" \u{200b}…🙂\n"), Vec::<Vec<String>>::new());
    }
}
