//! The same webhook in Python and in Node, as one writes it there, with what it needs installed into cargo's target directory.

use std::path::{Path, PathBuf};
use std::process::Command;

use aws_sdk_dynamodb::Client;
use platform::clients;
use platform::settings::HttpUrl;

use crate::environment::{Concurrency, Environment};
use crate::events::{Events, status};
use crate::programs::{Program, target};
use crate::stand_ins::{Form, StandIns};

/// The peers, installed and proven to do what they are there for.
pub(crate) async fn ready(stand_ins: &StandIns, events: &mut Events) -> Vec<Program> {
    let peers = vec![python(), node()];
    for peer in &peers {
        prove(peer, stand_ins, events).await;
    }
    peers
}

/// With Amazon's own client of the Runtime API.
fn python() -> Program {
    let sources = sources("python");
    let home = home("python");
    if is_outdated(&home, &sources.join("requirements.txt")) {
        run(Command::new("python3").args(["-m", "venv", "venv"]).current_dir(&home));
        let mut install = Command::new(home.join("venv/bin/pip"));
        install.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        run(install.arg(sources.join("requirements.txt")));
        installed(&home, &sources.join("requirements.txt"));
    }
    // Started from there, so that what Python compiles it to is not left beside the source.
    std::fs::copy(sources.join("webhook.py"), home.join("webhook.py")).unwrap();
    Program {
        name: "Python",
        executable: home.join("venv/bin/python"),
        arguments: ["-m", "awslambdaric", "webhook.handler"].map(str::to_owned).into(),
        directory: home,
        size: None,
    }
}

/// Bundled into one file, because it starts faster than what a hundred files are read for.
fn node() -> Program {
    let sources = sources("node");
    let home = home("node");
    let manifest = sources.join("package.json");
    if is_outdated(&home, &manifest) {
        std::fs::copy(&manifest, home.join("package.json")).unwrap();
        let install = ["install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"];
        run(Command::new("npm").args(install).current_dir(&home));
        installed(&home, &manifest);
    }
    for source in ["runtime.mjs", "webhook.mjs"] {
        std::fs::copy(sources.join(source), home.join(source)).unwrap();
    }
    let bundle = [
        "runtime.mjs",
        "--outfile=function.mjs",
        "--bundle",
        "--minify",
        "--platform=node",
        "--format=esm",
        "--main-fields=module,main",
        "--log-level=warning",
        // Some of what is bundled still asks for the modules of Node in the old way.
        "--banner:js=import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    ];
    run(Command::new(home.join("node_modules/.bin/esbuild"))
        .args(bundle)
        .current_dir(&home));
    Program {
        name: "Node",
        executable: find("node"),
        arguments: ["--no-warnings", "function.mjs"].map(str::to_owned).into(),
        directory: home,
        size: None,
    }
}

/// A yardstick that does not do the work would measure nothing: it records a STOP, records it once however often it comes, and
/// refuses a forgery.
async fn prove(peer: &Program, stand_ins: &StandIns, events: &mut Events) {
    let url = HttpUrl::parse(&stand_ins.dynamodb(Form::Http)).unwrap();
    let client = clients::local(&url);
    let before = recorded(&client, stand_ins.ledger_table()).await;
    let mut environment = Environment::start(peer, Concurrency::One, stand_ins.settings(Form::Tls)).await;
    environment.first_poll().await;

    let stop = events.stop();
    let asked = vec![stop.clone(), stop, events.stop(), events.neutral(), events.forgery()];
    let answers = environment.answers(asked).await;
    let statuses: Vec<_> = answers.iter().map(status).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 401], "{}", peer.name);
    let after = recorded(&client, stand_ins.ledger_table()).await;
    assert_eq!(after, [before[0] + 2, before[1] + 2], "{}", peer.name);
}

/// How many contacts the peers have stopped, and how many messages it took.
async fn recorded(client: &Client, table: &str) -> [u64; 2] {
    let scan = client
        .scan()
        .table_name(table)
        .filter_expression("attribute_exists(stops)");
    let items = scan.send().await.unwrap().items.unwrap();
    let stops = items
        .iter()
        .map(|item| item["stops"].as_n().unwrap().parse::<u64>().unwrap());
    [items.len().try_into().unwrap(), stops.sum()]
}

fn sources(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(language)
}

fn home(language: &str) -> PathBuf {
    let home = target().join("peers").join(language);
    std::fs::create_dir_all(&home).unwrap();
    home
}

/// Whether what is installed is not what the manifest names.
fn is_outdated(home: &Path, manifest: &Path) -> bool {
    std::fs::read(home.join("installed")).ok() != Some(std::fs::read(manifest).unwrap())
}

/// Notes that what the manifest names is installed.
fn installed(home: &Path, manifest: &Path) {
    std::fs::copy(manifest, home.join("installed")).unwrap();
}

/// Where the program lies that a shell would start. The environment of those that are measured has no path.
fn find(program: &str) -> PathBuf {
    let paths = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&paths)
        .map(|path| path.join(program))
        .find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{program} is not installed"))
}

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?} failed");
}
