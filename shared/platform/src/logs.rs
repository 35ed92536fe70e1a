//! Logs: one JSON object a line on standard output.
//!
//! # What never to log
//!
//! - phone numbers, business-scoped user ids, names, usernames: the `Debug` of their types says nothing; keep them in
//!   their types;
//! - message bodies, and Meta's message ids, which hold the phone number in base64; log their keyed hashes;
//! - the body, the query or the headers of a request or of a delivery, in whole or in part; log a length or a hash;
//! - secrets, tokens and signatures, also wrong ones;
//! - the `Display` of a `serde_json` error about data from outside: it quotes the value; log its category, line and column.
//!
//! What may be logged: the random contact id, event ids and other keyed hashes, codes, counts, durations, and names that
//! the controller chose (purposes, campaigns, templates, senders).
//!
//! A line says by itself what happened and carries the details in fields. A failure is logged once, by whoever deals with
//! it, with all its causes ([`chain`]). Lines of one invocation share the `requestId` of the span that the Lambda runtime
//! opens.

use std::error::Error;
use std::fmt;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

/// The beginnings of the names of libraries that log what they send and receive at their finer levels.
const TALKATIVE: [&str; 5] = ["aws_", "h2", "hyper", "reqwest", "rustls"];

/// The level that Lambda's logging controls or `RUST_LOG` ask for: one of `trace`, `debug`, `info`, `warn`, `error` and
/// `off`. `info`, if neither is set or neither can be read.
pub fn level(lookup: impl Fn(&str) -> Option<String>) -> LevelFilter {
    let read = |name| lookup(name)?.trim().parse().ok();
    read("AWS_LAMBDA_LOG_LEVEL")
        .or_else(|| read("RUST_LOG"))
        .unwrap_or(LevelFilter::INFO)
}

/// Makes the whole process log to standard output. A second call changes nothing.
pub fn init(level: LevelFilter) {
    // Fails only if there is a subscriber already, as in a test; then that one stays.
    let _ = tracing::subscriber::set_global_default(subscriber(level, std::io::stdout));
}

/// What writes the log lines. Tests hand in a writer of their own and read what was written.
pub fn subscriber<W>(level: LevelFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let targets = Targets::new()
        .with_default(level)
        .with_targets(TALKATIVE.map(|target| (target, level.min(LevelFilter::WARN))))
        // The runtime logs whole events at its finest level. Its span has the request id, which a log of errors needs too.
        .with_targets(["lambda_http", "lambda_runtime"].map(|target| (target, LevelFilter::INFO)));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_writer(writer);
    tracing_subscriber::registry().with(targets).with(lines)
}

/// An error with all its causes in one line.
pub fn chain(error: &dyn Error) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        write!(f, "{error}")?;
        let mut cause = error.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(level: LevelFilter, act: impl FnOnce()) -> Vec<Value> {
        let page = Page::default();
        let writer = page.clone();
        tracing::subscriber::with_default(subscriber(level, move || writer.clone()), act);
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn a_line_is_an_object_with_its_fields_and_the_request_id() {
        let lines = written(LevelFilter::INFO, || {
            let _span = tracing::info_span!(target: "lambda_runtime", "invoke", requestId = "abc").entered();
            tracing::info!(duration_ms = 12, "stored");
        });
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["message"], "stored");
        assert_eq!(lines[0]["level"], "INFO");
        assert_eq!(lines[0]["duration_ms"], 12);
        assert_eq!(lines[0]["span"]["requestId"], "abc");
    }

    #[test]
    fn a_log_of_errors_alone_still_has_the_request_id() {
        let lines = written(LevelFilter::ERROR, || {
            let _span = tracing::info_span!(target: "lambda_runtime", "invoke", requestId = "abc").entered();
            tracing::warn!("not this");
            tracing::error!("this");
        });
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["span"]["requestId"], "abc");
    }

    #[test]
    fn libraries_that_would_log_what_they_send_are_held_back_at_every_level() {
        let lines = written(LevelFilter::TRACE, || {
            tracing::debug!(target: "aws_smithy_runtime::client", "request with its body");
            tracing::debug!(target: "aws_sdk_dynamodb::operation", "request with its body");
            tracing::debug!(target: "hyper_util::client", "request with its body");
            tracing::trace!(target: "lambda_runtime::layers", "event with its body");
            tracing::trace!("our own");
        });
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["message"], "our own");
    }

    #[test]
    fn lambdas_own_setting_goes_before_rust_log_and_nonsense_is_passed_over() {
        let lambda = |name: &str| Some(if name == "RUST_LOG" { "trace" } else { "WARN" }.to_owned());
        assert_eq!(level(lambda), LevelFilter::WARN);
        assert_eq!(
            level(|name| (name == "RUST_LOG").then(|| "debug".to_owned())),
            LevelFilter::DEBUG
        );
        assert_eq!(level(|_| Some("a=b=c".to_owned())), LevelFilter::INFO);
        assert_eq!(level(|_| None), LevelFilter::INFO);
    }
}
