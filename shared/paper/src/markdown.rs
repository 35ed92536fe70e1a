//! A document as Markdown.

use std::fmt::Write;

use crate::{Block, Document, Table};

impl Document {
    /// The document as Markdown (CommonMark, with tables as GitHub reads them).
    pub fn to_markdown(&self) -> String {
        let mut text = format!("# {}\n", escaped(&self.title));
        for block in &self.blocks {
            // Writing into a string cannot fail.
            let _ = write!(text, "\n{}", part(block));
        }
        text
    }
}

fn part(block: &Block) -> String {
    match block {
        Block::Section(heading) => format!("## {}\n", escaped(heading)),
        Block::Subsection(heading) => format!("### {}\n", escaped(heading)),
        Block::Text(text) => format!("{}\n", escaped(text).replace('\n', "  \n")),
        Block::Facts(facts) => joined(facts.iter().map(|(name, value)| {
            let value = escaped(value).replace('\n', "  \n  ");
            format!("- **{}**: {value}\n", escaped(name))
        })),
        Block::List(items) => joined(items.iter().map(|item| format!("- {}\n", escaped(item)))),
        Block::Table(shown) => table(shown),
        Block::Verbatim(text) => joined(text.lines().map(|line| format!("    {line}\n"))),
        Block::Bars { caption, bars } => {
            let rows = bars.iter().map(|bar| vec![bar.name.clone(), bar.count.to_string()]);
            table(&Table {
                caption: caption.clone(),
                header: vec![caption.clone(), "#".to_owned()],
                rows: rows.collect(),
            })
        }
    }
}

fn table(shown: &Table) -> String {
    let row = |cells: &[String]| {
        let cells: Vec<_> = cells.iter().map(|cell| escaped(cell).replace('\n', "<br>")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule = format!("|{}\n", "---|".repeat(shown.header.len()));
    format!(
        "{}{rule}{}",
        row(&shown.header),
        joined(shown.rows.iter().map(|cells| row(cells)))
    )
}

fn joined(lines: impl Iterator<Item = String>) -> String {
    lines.collect()
}

/// The words with every character that means something in Markdown or HTML made to mean itself.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' => escaped.extend(['\\', character]),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_stays_a_cell_whatever_is_in_it() {
        let mut document = Document::new("en", "A | B");
        document.table("C", ["D", "E"], vec![vec!["x|y\nz".to_owned(), "<b>".to_owned()]]);
        assert_eq!(
            document.to_markdown(),
            "# A \\| B\n\n| D | E |\n|---|---|\n| x\\|y<br>z | &lt;b&gt; |\n"
        );
    }
}
