//! A document as one file of HTML.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::{Block, Document, Table, chart};

/// How it looks, on a screen and on paper.
const STYLE: &str = include_str!("style.css");

/// What a reader fills in and sends back to the page that it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The name of the field.
    pub name: String,
    /// What is to be written into it.
    pub label: String,
    /// Something to choose besides.
    pub choice: Option<Choice>,
    /// What is on the button.
    pub button: String,
}

/// One of several, of which the first is chosen already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The name of the field.
    pub name: String,
    /// What is to be chosen.
    pub label: String,
    /// Each value with what it is called.
    pub options: Vec<(String, String)>,
}

impl Document {
    /// The document as HTML that needs nothing else: no network, no script.
    pub fn to_html(&self) -> String {
        self.page(None).into_string()
    }

    /// The same with a form at its end.
    pub fn to_html_with(&self, form: &Form) -> String {
        self.page(Some(form)).into_string()
    }

    fn page(&self, form: Option<&Form>) -> Markup {
        html! {
            (DOCTYPE)
            html lang=(self.language) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    meta name="referrer" content="no-referrer";
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    main {
                        h1 { (self.title) }
                        @for block in &self.blocks { (part(block)) }
                        @if let Some(form) = form { (filled_in(form)) }
                    }
                }
            }
        }
    }
}

fn part(block: &Block) -> Markup {
    html! {
        @match block {
            Block::Section(heading) => h2 { (heading) },
            Block::Subsection(heading) => h3 { (heading) },
            Block::Text(text) => p { (text) },
            Block::Facts(facts) => dl {
                @for (name, value) in facts { dt { (name) } dd { (value) } }
            },
            Block::List(items) => ul { @for item in items { li { (item) } } },
            Block::Table(shown) => (table(shown)),
            Block::Verbatim(text) => pre { (text) },
            Block::Bars { caption, bars } => (chart::picture(caption, bars)),
        }
    }
}

fn table(shown: &Table) -> Markup {
    html! {
        // Who reads with the keyboard has to be able to reach what is scrolled out of sight.
        div.wide tabindex="0" role="region" aria-label=(shown.caption) {
            table {
                caption { (shown.caption) }
                thead { tr { @for name in &shown.header { th scope="col" { (name) } } } }
                tbody {
                    @for row in &shown.rows { tr { @for cell in row { td { (cell) } } } }
                }
            }
        }
    }
}

fn filled_in(form: &Form) -> Markup {
    html! {
        form method="post" {
            label for=(form.name) { (form.label) }
            input id=(form.name) name=(form.name) type="text" inputmode="numeric" autocomplete="one-time-code" required;
            @if let Some(choice) = &form.choice {
                label for=(choice.name) { (choice.label) }
                select id=(choice.name) name=(choice.name) {
                    @for (value, name) in &choice.options { option value=(value) { (name) } }
                }
            }
            div { button type="submit" { (form.button) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bar;

    #[test]
    fn what_somebody_wrote_stays_words() {
        let evil = "<script>alert(1)</script>\" onload=\"x";
        let mut document = Document::new("pt_BR", evil);
        document.section(evil).subsection(evil).text(evil).facts([(evil, evil)]);
        document
            .list([evil])
            .table(evil, [evil], vec![vec![evil.to_owned()]])
            .verbatim(evil);
        document.bars(
            evil,
            vec![Bar {
                name: evil.to_owned(),
                count: 1,
            }],
        );
        let html = document.to_html();
        assert!(!html.contains("<script") && !html.contains("\" onload"));
        assert!(html.contains("<h1>&lt;script&gt;alert(1)&lt;/script&gt;"));
        assert!(html.contains("<html lang=\"pt-BR\">"));
    }

    #[test]
    fn nothing_in_a_page_is_fetched_from_anywhere() {
        let mut document = Document::new("de", "A");
        document.text("b");
        let html = document.to_html();
        for outside in ["http", "src=", "@import", "url(", "<script"] {
            assert!(!html.contains(outside), "{outside}");
        }
    }
}
