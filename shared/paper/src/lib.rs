//! Documents that people read: what the law wants on paper, and what somebody is owed about their data.
//!
//! A [`Document`] says what there is to say; how it looks is decided here, once. Written as HTML it is one file that opens without
//! network, reads well on a telephone and in print, and can be read aloud; written as Markdown it goes into somebody's own files.

mod chart;
mod html;
mod markdown;

pub use chart::Bar;
pub use html::{Choice, Form};

/// A document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// Its language, as HTML names it: `de`, `pt-BR`.
    pub language: String,
    /// What it is called.
    pub title: String,
    /// What it says, from top to bottom.
    pub blocks: Vec<Block>,
}

/// A part of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A heading of the second level.
    Section(String),
    /// A heading of the third level.
    Subsection(String),
    /// Words. Line breaks stay.
    Text(String),
    /// A list of names and values.
    Facts(Vec<(String, String)>),
    /// Several things of a kind.
    List(Vec<String>),
    /// A table.
    Table(Table),
    /// Something that is meant for machines, as it is.
    Verbatim(String),
    /// Numbers that are compared.
    Bars {
        /// What they are.
        caption: String,
        /// The numbers.
        bars: Vec<Bar>,
    },
}

/// A table. Each row has as many cells as the header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// What is in each column.
    pub header: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}

impl Document {
    /// An empty document.
    pub fn new(language: &str, title: impl Into<String>) -> Self {
        Self {
            language: language.replace('_', "-"),
            title: title.into(),
            blocks: vec![],
        }
    }

    /// Begins a section.
    pub fn section(&mut self, heading: impl Into<String>) -> &mut Self {
        self.push(Block::Section(heading.into()))
    }

    /// Begins a part of a section.
    pub fn subsection(&mut self, heading: impl Into<String>) -> &mut Self {
        self.push(Block::Subsection(heading.into()))
    }

    /// Adds words.
    pub fn text(&mut self, text: impl Into<String>) -> &mut Self {
        self.push(Block::Text(text.into()))
    }

    /// Adds names and values.
    pub fn facts<N: Into<String>, V: Into<String>>(&mut self, facts: impl IntoIterator<Item = (N, V)>) -> &mut Self {
        let facts = facts.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.push(Block::Facts(facts.collect()))
    }

    /// Adds a list.
    pub fn list<T: Into<String>>(&mut self, items: impl IntoIterator<Item = T>) -> &mut Self {
        self.push(Block::List(items.into_iter().map(Into::into).collect()))
    }

    /// Adds a table.
    pub fn table<H: Into<String>>(
        &mut self,
        caption: impl Into<String>,
        header: impl IntoIterator<Item = H>,
        rows: Vec<Vec<String>>,
    ) -> &mut Self {
        self.push(Block::Table(Table {
            caption: caption.into(),
            header: header.into_iter().map(Into::into).collect(),
            rows,
        }))
    }

    /// Adds what is meant for machines.
    pub fn verbatim(&mut self, text: impl Into<String>) -> &mut Self {
        self.push(Block::Verbatim(text.into()))
    }

    /// Adds numbers that are compared.
    pub fn bars(&mut self, caption: impl Into<String>, bars: Vec<Bar>) -> &mut Self {
        self.push(Block::Bars {
            caption: caption.into(),
            bars,
        })
    }

    fn push(&mut self, block: Block) -> &mut Self {
        self.blocks.push(block);
        self
    }
}
