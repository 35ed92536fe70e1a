//! A process of the benchmark's own beside it, so that what it takes is not counted as what is measured takes.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The process. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Apart(Child);

impl Apart {
    /// Starts this program with an order to do something else, and waits until it says what came of it.
    pub(crate) fn start<O: Serialize, R: DeserializeOwned>(command: &str, order: &O) -> (Self, R) {
        let order = serde_json::to_string(order).unwrap();
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([command, &order])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let answer = process.stdout.take().unwrap();
        BufReader::new(answer).read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).expect("the process gets ready");
        (Self(process), ready)
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

/// The order that these arguments are; none if this process is to do something else.
pub(crate) fn order<O: DeserializeOwned>(command: &str, arguments: &[String]) -> Option<O> {
    match arguments {
        [first, order] if first == command => Some(serde_json::from_str(order).unwrap()),
        _ => None,
    }
}

/// In the process apart: says what it is ready with, and waits until nobody listens any more.
pub(crate) async fn ready<R: Serialize>(ready: &R) {
    println!("{}", serde_json::to_string(ready).unwrap());
    std::io::stdout().flush().unwrap();
    let wait = || std::io::stdin().read_to_end(&mut vec![]);
    tokio::task::spawn_blocking(wait).await.unwrap().unwrap();
}
