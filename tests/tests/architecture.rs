//! Who may know whom, and what may be said where.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

const SHARED: [&str; 7] = [
    "consent", "identity", "ledger", "paper", "platform", "service", "whatsapp",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The graph as it is built on this machine: reading it for all platforms would download what no build here needs.
fn graph() -> Metadata {
    let version = Command::new("rustc").arg("-vV").output().unwrap().stdout;
    let version = String::from_utf8(version).unwrap();
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap()
        .to_owned();
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(["--locked".to_owned(), "--filter-platform".to_owned(), host])
        .exec()
        .unwrap()
}

/// What `package` is built from, directly and indirectly, itself included.
fn tree<'a>(graph: &'a Metadata, package: &Package) -> BTreeSet<&'a str> {
    let resolve = graph.resolve.as_ref().unwrap();
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut seen = BTreeSet::new();
    let mut open = vec![&package.id];
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            let normal =
                |dep: &&cargo_metadata::NodeDep| dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
            open.extend(nodes[id].deps.iter().filter(normal).map(|dep| &dep.pkg));
        }
    }
    graph
        .packages
        .iter()
        .filter(|package| seen.contains(&package.id))
        .map(|package| package.name.as_str())
        .collect()
}

fn known_members<'a>(package: &'a Package, members: &BTreeSet<&str>) -> BTreeSet<&'a str> {
    let dependencies = package
        .dependencies
        .iter()
        .filter(|dep| dep.kind != DependencyKind::Development);
    dependencies
        .map(|dep| dep.name.as_str())
        .filter(|name| members.contains(name))
        .collect()
}

#[test]
fn every_package_knows_only_those_it_may_know() {
    let graph = graph();
    let packages = graph.workspace_packages();
    let members: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    for package in &packages {
        let name = package.name.as_str();
        let folder = package
            .manifest_path
            .strip_prefix(root())
            .unwrap()
            .parent()
            .unwrap()
            .as_str();
        let allowed: BTreeSet<&str> = match folder {
            "shared/connection" | "shared/consent" | "shared/identity" | "shared/paper" | "tests/bare" => {
                BTreeSet::new()
            }
            "shared/whatsapp" | "shared/platform" => BTreeSet::from(["connection", "identity"]),
            "shared/ledger" => BTreeSet::from(["consent", "identity"]),
            "shared/service" => BTreeSet::from(["consent", "identity", "ledger", "platform", "whatsapp"]),
            "infra/assent" | "tests" => members.clone(),
            function if function.starts_with("functions/") => BTreeSet::from(SHARED),
            other => panic!("{other} has no place in the architecture yet"),
        };
        let known = known_members(package, &members);
        let excess: Vec<_> = known.difference(&allowed).collect();
        assert!(excess.is_empty(), "{name} must not know {excess:?}");
    }
}

#[test]
fn the_rules_of_consent_have_no_network_no_runtime_and_no_randomness() {
    let graph = graph();
    let packages = graph.workspace_packages();
    let consent = packages
        .iter()
        .find(|package| package.name.as_str() == "consent")
        .unwrap();
    let impure = |name: &&str| {
        let exact = [
            "chrono",
            "fastrand",
            "futures",
            "getrandom",
            "mio",
            "reqwest",
            "time",
            "uuid",
        ];
        let families = ["async-", "aws-", "futures-", "hyper", "lambda_", "rand", "tokio"];
        exact.contains(name) || families.iter().any(|family| name.starts_with(family))
    };
    let found: Vec<_> = tree(&graph, consent).into_iter().filter(impure).collect();
    assert!(found.is_empty(), "consent is built from {found:?}");

    for (path, line) in code(&root().join("shared/consent/src")) {
        for forbidden in [
            "::now(",
            "std::env",
            "std::fs",
            "std::net",
            "std::process",
            "std::thread",
            "async fn",
        ] {
            assert!(!line.contains(forbidden), "{}: {line}", path.display());
        }
    }
}

#[test]
fn no_legacy_http_or_tls_stack_is_built() {
    let graph = graph();
    for package in &graph.packages {
        let version = (package.version.major, package.version.minor);
        let legacy = matches!(
            (package.name.as_str(), version),
            ("hyper", (0, 14)) | ("rustls", (0, 21))
        );
        assert!(
            !legacy,
            "{} {} is built; switch off the feature that asks for it",
            package.name, package.version
        );
    }
}

#[test]
fn a_function_starts_in_at_most_forty_lines() {
    for function in fs::read_dir(root().join("functions")).unwrap() {
        let main = function.unwrap().path().join("src/main.rs");
        let lines = fs::read_to_string(&main).unwrap().lines().count();
        assert!(lines <= 40, "{} has {lines} lines", main.display());
    }
}

#[test]
fn the_top_level_holds_only_what_has_a_place_there() {
    let places = [
        "ARCHITECTURE.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "functions",
        "infra",
        "shared",
        "template.yaml",
        "tests",
        "target",
    ];
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            name.starts_with('.') || places.contains(&name.as_str()),
            "{name} has no place at the top level"
        );
    }
}

#[test]
fn only_the_ledger_names_attributes_of_its_items() {
    let silent = |path: &Path| !path.starts_with("shared/ledger") && !path.starts_with("infra/assent/src/store");
    for (path, line) in all_code().into_iter().filter(|(path, _)| silent(path)) {
        for attribute in ["\"pk\"", "\"sk\"", "\"due_shard\""] {
            assert!(!line.contains(attribute), "{}: {line}", path.display());
        }
    }
}

#[test]
fn only_whatsapp_names_members_of_metas_json() {
    for (path, line) in all_code()
        .into_iter()
        .filter(|(path, _)| !path.starts_with("shared/whatsapp"))
    {
        for member in [
            "\"biz_opaque_callback_data",
            "\"button_reply",
            "\"hub.",
            "\"messaging_product",
            "\"wa_id",
        ] {
            assert!(!line.contains(member), "{}: {line}", path.display());
        }
        // The policy may call a sender by its phone number id; a function has no business with the member.
        let function = path.starts_with("functions");
        assert!(
            !(function && line.contains("\"phone_number_id")),
            "{}: {line}",
            path.display()
        );
    }
}

/// Every line of code of every package, with the path from the root.
fn all_code() -> Vec<(PathBuf, String)> {
    let packages = ["functions", "shared", "infra"].into_iter().flat_map(|folder| {
        let packages = fs::read_dir(root().join(folder)).unwrap();
        packages
            .map(|package| package.unwrap().path().join("src"))
            .filter(|source| source.is_dir())
    });
    let lines: Vec<_> = packages.flat_map(|source| code(&source)).collect();
    assert!(!lines.is_empty());
    lines
}

/// The lines of code below `folder`, without comments.
fn code(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            lines.extend(code(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap();
            let text = fs::read_to_string(&path).unwrap();
            let said = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            lines.extend(said.map(|line| (name.to_owned(), line.to_owned())));
        }
    }
    lines
}
