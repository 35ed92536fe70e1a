//! What the law wants on paper, made of the policy and of the code, so that paper and behaviour cannot differ.

mod notices;
mod processing;
mod recipients;
mod retention;

use std::io::Write;
use std::path::{Path, PathBuf};

use consent::policy::{Policy, PolicyFaults};
use consent::time::Time;
use paper::Document;

use crate::policy::{self, PolicyError};

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The policy cannot be read.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The policy has faults.
    #[error("the policy has faults; `assent policy check` lists them:\n{0}")]
    Faulty(PolicyFaults),
    /// A document cannot be written.
    #[error("{file} cannot be written")]
    Write {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The result cannot be printed.
    #[error("the result cannot be printed")]
    Print(#[from] std::io::Error),
}

/// Every document of a policy as it stands at that time, each with the name of its file.
pub fn all(policy: &Policy, now: Time) -> Vec<(String, Document)> {
    let mut documents = vec![
        ("record-of-processing".to_owned(), processing::record(policy, now)),
        ("retention".to_owned(), retention::table(policy)),
        ("recipients".to_owned(), recipients::list(policy, now)),
    ];
    for locale in policy.locales() {
        documents.push((format!("notice.{locale}"), notices::block(policy, locale, now)));
    }
    documents
}

/// Writes every document of a policy into a folder, as Markdown and as HTML, and prints what it wrote.
///
/// # Errors
/// When the policy cannot be read or has faults, or something cannot be written.
pub fn write(file: &Path, folder: &Path, now: Time) -> Result<(), DocumentError> {
    let policy = Policy::parse(&policy::read(file)?).map_err(DocumentError::Faulty)?;
    for (name, document) in all(&policy, now) {
        for path in store(folder, &name, &document)? {
            writeln!(std::io::stdout(), "{}", path.display())?;
        }
    }
    Ok(())
}

/// Writes a document into a folder in both forms.
pub(crate) fn store(folder: &Path, name: &str, document: &Document) -> Result<[PathBuf; 2], DocumentError> {
    let put = |ending: &str, text: String| {
        let path = folder.join(format!("{name}.{ending}"));
        let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, text));
        let failed = |source| DocumentError::Write {
            file: path.display().to_string(),
            source,
        };
        written.map_err(failed).map(|()| path.clone())
    };
    Ok([put("md", document.to_markdown())?, put("html", document.to_html())?])
}

/// What every document says of itself.
fn made_of(document: &mut Document, policy: &Policy) {
    document.text(format!(
        "Made of policy {}. It says what the software does; what else you do with the data you have to add.",
        policy.version()
    ));
}
