//! Sends what the ledger decided to send, at most once, takes the steps of cases that people cause in the chat, and has Meta delete
//! from its contact book whom the ledger erased.
//!
//! A message is claimed, looked at once more, sent, and recorded. Graph sends have no idempotency key, so only a message that
//! Meta provably did not take is ever sent again. Of one that may have gone out, its sender says nothing more: Meta's status
//! webhook brings its reference back and settles it, and where none comes, the message counts as failed.

mod forget;
mod message;
mod process;
mod step;
mod unsent;
mod verdict;

use futures::StreamExt;
use futures::stream;
use ledger::{LedgerError, outgoing_in_stream};
use platform::deadline::Deadline;
use serde::Serialize;
use serde_json::{Value, json};
use service::{NotReady, Service};
use whatsapp::BlankSecret;
use whatsapp::graph::Graph;

use process::Outcome;
use unsent::Unsent;

/// How many messages a sweep takes up from each partition of the index: all together, what fits into a minute.
const TAKEN_UP: i32 = 100;

/// How many messages a sweep sends at the same time. Meta allows 80 a second for each number.
const AT_ONCE: usize = 8;

/// The function: a batch of the table's stream, or a sweep.
#[derive(Debug)]
pub struct Outbox {
    service: Service,
    graph: Graph,
    unsent: Unsent,
}

/// Why a message, or the whole invocation, could not be dealt with. Nothing is lost: it is taken up again.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// What every invocation needs is not at hand.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The access token in the secret cannot be used.
    #[error(transparent)]
    Token(#[from] BlankSecret),
    /// Too little time is left to send a message and record what came of it.
    #[error("no time is left for another message")]
    OutOfTime,
}

/// What a sweep did, in messages, steps of cases and deletions from Meta's contact book.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Meta accepted or did them.
    pub sent: usize,
    /// They wait for another attempt.
    pub retried: usize,
    /// They may have gone out, and wait for Meta's word.
    pub uncertain: usize,
    /// They could not be sent or done.
    pub failed: usize,
    /// They were not to be sent any more.
    pub dropped: usize,
    /// They could not be dealt with, and stay as they are.
    pub left: usize,
}

impl Swept {
    /// How many of them are not where they were.
    pub fn changed(&self) -> usize {
        self.sent + self.retried + self.uncertain + self.failed + self.dropped
    }

    fn and(mut self, outcome: Option<Outcome>) -> Self {
        match outcome {
            Some(Outcome::Sent) => self.sent += 1,
            Some(Outcome::Retried) => self.retried += 1,
            Some(Outcome::Uncertain) => self.uncertain += 1,
            Some(Outcome::Failed) => self.failed += 1,
            Some(Outcome::Dropped) => self.dropped += 1,
            Some(Outcome::NotDue) => {}
            None => self.left += 1,
        }
        self
    }
}

impl Outbox {
    /// An outbox that sends through that client.
    pub fn new(service: Service, graph: Graph) -> Self {
        Self {
            service,
            graph,
            unsent: Unsent::default(),
        }
    }

    /// Deals with whatever invoked the function: records of the table's stream, or else the schedule.
    ///
    /// # Errors
    /// [`OutboxError`] if a sweep cannot begin; failures in a stream's batch are part of the answer.
    pub async fn handle(&self, event: &Value, deadline: Deadline) -> Result<Value, OutboxError> {
        if event.get("Records").is_some() {
            return Ok(self.handle_stream(event, deadline).await);
        }
        let swept = self.sweep(deadline).await?;
        tracing::info!(?swept, "the outbox was swept");
        Ok(json!(swept))
    }

    /// Deals with a batch of the table's stream in order. The answer names the first record that could not be dealt with, from
    /// which on Lambda delivers again; what was dealt with before is not sent twice.
    pub async fn handle_stream(&self, event: &Value, deadline: Deadline) -> Value {
        let records = event.get("Records").and_then(Value::as_array);
        for record in records.into_iter().flatten() {
            let Some(id) = record.pointer("/dynamodb/Keys").and_then(outgoing_in_stream) else {
                continue;
            };
            if self.process_logging_errors(&id, deadline).await.is_none() {
                // Where the number is missing, an empty one makes Lambda deliver the whole batch again.
                let number = record.pointer("/dynamodb/SequenceNumber").and_then(Value::as_str);
                return json!({"batchItemFailures": [{"itemIdentifier": number.unwrap_or_default()}]});
            }
        }
        json!({"batchItemFailures": []})
    }

    /// Deals with every message that is due: those whose next attempt has come, those that the stream did not get through, and
    /// those of which nobody said in time what became of them.
    ///
    /// # Errors
    /// [`OutboxError`] if it cannot be found out which messages are due.
    pub async fn sweep(&self, deadline: Deadline) -> Result<Swept, OutboxError> {
        let work = self.service.begin(deadline).await?;
        let due = work.ledger.due_messages(work.now, TAKEN_UP).await?;
        let outcomes = stream::iter(due)
            .map(|id| async move { self.process_logging_errors(&id, deadline).await })
            .buffer_unordered(AT_ONCE);
        Ok(outcomes
            .fold(Swept::default(), |swept, outcome| async move { swept.and(outcome) })
            .await)
    }
}
