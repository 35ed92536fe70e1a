//! What is measured: the functions as they are deployed, and the bare handler that they are held against.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The functions, each under the name of its package.
pub(crate) const FUNCTIONS: [&str; 7] = [
    "webhook",
    "opt-in",
    "outbox",
    "rights",
    "retention",
    "campaigns",
    "campaign-check",
];

/// Something that Lambda could run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) executable: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// Where it is started.
    pub(crate) directory: PathBuf,
    /// The size of what is deployed, in bytes, where that is one executable.
    pub(crate) size: Option<u64>,
}

impl Program {
    fn built(name: &'static str, executable: PathBuf) -> Self {
        Self {
            name,
            size: Some(executable.metadata().unwrap().len()),
            executable,
            arguments: vec![],
            directory: target(),
        }
    }
}

/// The programs in Rust, built for release.
pub(crate) struct Programs {
    pub(crate) bare: Program,
    functions: Vec<Program>,
}

impl Programs {
    /// Builds those functions, and the bare handler.
    pub(crate) fn build(functions: &[&'static str]) -> Self {
        let packages: Vec<_> = functions.iter().flat_map(|function| ["-p", function]).collect();
        build(&packages);
        // Alone, so that it is built with no more of a dependency than it needs itself.
        build(&["-p", "bare"]);
        let folder = target().join("release");
        let functions = functions
            .iter()
            .map(|name| Program::built(name, folder.join(name)))
            .collect();
        Self {
            bare: Program::built("bare", folder.join("bare")),
            functions,
        }
    }

    pub(crate) fn functions(&self) -> &[Program] {
        &self.functions
    }

    pub(crate) fn function(&self, name: &str) -> &Program {
        self.functions.iter().find(|program| program.name == name).unwrap()
    }
}

fn build(what: &[&str]) {
    let mut build = Command::new(std::env::var_os("CARGO").unwrap());
    build.args(["build", "--locked", "--release", "--quiet"]).args(what);
    assert!(build.status().unwrap().success(), "{what:?} cannot be built");
}

/// Cargo's target directory.
pub(crate) fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned()
}
