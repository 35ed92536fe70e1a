//! One entry: claim it, look at it once more, send it, record what came of it.

use std::time::Duration;

use consent::event::{Act, Event, FailureCause, PromptOutcome};
use consent::id::{MessageRef, OutgoingId};
use consent::outgoing::{Outgoing, OutgoingKind};
use consent::time::{Span, Time};
use identity::{Identifiers, PseudonymDomain};
use ledger::{Claim, Claimed, OutboxChange, OutboxMessage, OutboxState, PromptPhase, Settled};
use platform::deadline::Deadline;
use platform::logs;
use secrecy::ExposeSecret;
use service::Work;
use whatsapp::graph::{Accepted, AccessToken};

use crate::message::Ready;
use crate::verdict::{Dropped, Verdict};
use crate::{Outbox, OutboxError};

/// How long a message is its sender's alone: longer than an invocation can last.
const LEASE: Span = Span::minutes(2);

/// How long Meta's status webhook is waited for where nobody knows whether a message went out. Most come within seconds.
const RECONCILIATION: Span = Span::minutes(15);

/// How long a message waits whose contact could not be read.
pub(crate) const SHORT_WAIT: Span = Span::minutes(1);

/// How long Meta may take to answer.
const TIME_TO_SEND: Duration = Duration::from_secs(10);

/// Below this, a send is not begun: an answer that is not waited for leaves the message uncertain.
const LEAST_TIME_TO_SEND: Duration = Duration::from_secs(3);

/// What is kept back for recording what came of a send.
const TIME_TO_RECORD: Duration = Duration::from_secs(3);

/// What became of a message, for those who count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Sent,
    Retried,
    Uncertain,
    Failed,
    Dropped,
    /// Nothing was to be done.
    NotDue,
}

impl Outbox {
    /// What became of the message; none if it could not be dealt with, which is logged.
    pub(crate) async fn process_logging_errors(&self, id: &OutgoingId, deadline: Deadline) -> Option<Outcome> {
        // On the heap: what all clients nest would be too deep for the compiler, and many run at the same time.
        match Box::pin(self.process(id, deadline)).await {
            Ok(outcome) => Some(outcome),
            Err(error) => {
                self.service.metrics.count("outbox_errors", 1);
                tracing::error!(outgoing = %id, error = %logs::chain(&error), "a message could not be dealt with");
                None
            }
        }
    }

    async fn process(&self, id: &OutgoingId, deadline: Deadline) -> Result<Outcome, OutboxError> {
        if !deadline.allows(LEAST_TIME_TO_SEND + TIME_TO_RECORD) {
            return Err(OutboxError::OutOfTime);
        }
        let work = self.service.begin(deadline).await?;
        let token = AccessToken::new(work.secrets.current.access_token.expose_secret())?;
        let claim = self.unsent.claim(id)?;
        let claimed = work.ledger.claim(id, claim, work.now, LEASE).await;
        let (message, verdict) = match claimed.inspect_err(|_| self.unsent.keep(*id, claim))? {
            Claim::NotDue => return Ok(Outcome::NotDue),
            Claim::Forget(forgetting) => return self.forget(&forgetting, &token, &work).await,
            Claim::Step(claimed) => {
                let taken = self.take_step(&claimed, &work).await;
                return taken.inspect_err(|_| self.unsent.keep(*id, claim));
            }
            Claim::Claimed(claimed) => {
                let verdict = self.attempt(&claimed, &token, &work).await;
                (claimed.message, verdict)
            }
            // Between sending and recording its sender ended, or before it sent: nobody knows.
            Claim::Abandoned(message) => (*message, Verdict::Uncertain),
            Claim::Unreconciled(message) => {
                self.service.metrics.count("outbox_unreconciled", 1);
                let failed = Verdict::Failed {
                    reason: "unreconciled",
                    code: None,
                    cause: FailureCause::Other,
                };
                (*message, failed)
            }
        };
        let concluded = conclude(&message, &verdict, &work).await;
        if concluded.is_err() && verdict.is_unsent() {
            self.unsent.keep(*id, claim);
        }
        concluded?;
        Ok(self.count(&message, &verdict))
    }

    /// Sends a message that the caller has claimed, if it may still go out.
    async fn attempt(&self, claimed: &Claimed, token: &AccessToken, work: &Work) -> Verdict {
        let message = &claimed.message;
        let outgoing = &message.outgoing;
        let subject = match work.ledger.read(&message.contact).await {
            Ok(Some(subject)) => subject,
            Ok(None) => return Verdict::Dropped(Dropped::ContactGone),
            Err(error) => {
                tracing::error!(outgoing = %outgoing.id, error = %logs::chain(&error), "the contact cannot be read");
                return wait_a_little(work.now);
            }
        };
        let words = match outgoing.render(&subject.contact, &work.policy, &work.token_key(), work.now) {
            Ok(words) => words,
            Err(unsendable) => return Verdict::Dropped(Dropped::Unsendable(unsendable)),
        };
        let ready = match Ready::new(outgoing, words) {
            Ok(ready) => ready,
            Err(unfit) => {
                tracing::error!(outgoing = %outgoing.id, error = %logs::chain(&unfit), "Meta would refuse the message");
                return Verdict::Failed {
                    reason: "unfit",
                    code: None,
                    cause: FailureCause::Other,
                };
            }
        };
        let Some(timeout) = time_to_ask(work) else {
            return wait_a_little(work.now);
        };
        let sent = self
            .graph
            .send(
                token,
                &ready.sender,
                &subject.identity,
                &ready.message,
                &ready.callback,
                timeout,
            )
            .await;
        match sent {
            Ok(accepted) => verdict_of_acceptance(accepted, &subject.identity, work),
            Err(error) => {
                tracing::warn!(outgoing = %outgoing.id, error = %logs::chain(&error), "a message was not accepted");
                Verdict::of_error(error, outgoing, claimed.attempt, work.now)
            }
        }
    }

    /// Calls for somebody at the business.
    pub(crate) fn say_blocked(&self, id: &OutgoingId) {
        self.service.metrics.count("outbox_blocked", 1);
        tracing::error!(outgoing = %id, "nothing goes out until the access to Meta is mended");
    }

    fn count(&self, message: &OutboxMessage, verdict: &Verdict) -> Outcome {
        let metrics = &self.service.metrics;
        let id = message.outgoing.id;
        let (outcome, name) = match verdict {
            Verdict::Accepted { .. } => (Outcome::Sent, "outbox_sent"),
            Verdict::Retry { blocked, .. } => {
                if *blocked {
                    self.say_blocked(&id);
                }
                (Outcome::Retried, "outbox_retried")
            }
            Verdict::Uncertain => (Outcome::Uncertain, "outbox_uncertain"),
            Verdict::Failed { reason, .. } => {
                tracing::error!(outgoing = %id, reason, "a message was given up");
                (Outcome::Failed, "outbox_failed")
            }
            Verdict::Dropped(dropped) => {
                let (reason, metric) = dropped.names();
                metrics.count(metric, 1);
                tracing::info!(outgoing = %id, reason, "a message was not to go out any more");
                (Outcome::Dropped, "outbox_dropped")
            }
        };
        metrics.count(name, 1);
        outcome
    }
}

/// How long Meta may take to answer now. None if that is too short to begin.
pub(crate) fn time_to_ask(work: &Work) -> Option<Duration> {
    let left = work.deadline.remaining().saturating_sub(TIME_TO_RECORD);
    (left >= LEAST_TIME_TO_SEND).then(|| left.min(TIME_TO_SEND))
}

/// Waits for what will pass by itself. Nothing has gone out.
fn wait_a_little(now: Time) -> Verdict {
    Verdict::Retry {
        at: now + SHORT_WAIT,
        blocked: false,
    }
}

fn verdict_of_acceptance(accepted: Accepted, known: &Identifiers, work: &Work) -> Verdict {
    let is_new = |answer: &Identifiers| answer.iter().any(|one| known.iter().all(|other| other != one));
    Verdict::Accepted {
        message: MessageRef::from_bytes(work.ledger.keys().pseudonym.message(accepted.id.as_str())),
        news: accepted.contact.filter(is_new),
    }
}

/// Records a verdict: the message and what it means for the contact in one transaction.
async fn conclude(message: &OutboxMessage, verdict: &Verdict, work: &Work) -> Result<(), OutboxError> {
    let events: Vec<_> = event(&message.outgoing, verdict, work).into_iter().collect();
    let change = OutboxChange {
        id: message.outgoing.id,
        attempt: Some(message.attempts),
        settled: match verdict {
            Verdict::Accepted { .. } => Settled::Sent,
            Verdict::Retry { at, .. } => Settled::Retry(*at),
            Verdict::Uncertain => Settled::Uncertain(work.now + RECONCILIATION),
            Verdict::Failed { reason, .. } => Settled::Ended(OutboxState::Failed, reason),
            Verdict::Dropped(dropped) => Settled::Ended(OutboxState::Dropped, dropped.names().0),
        },
        at: work.now,
    };
    if events.is_empty() {
        work.ledger.close(&change).await?;
    } else {
        let rules = work.rules();
        work.ledger.settle(&message.contact, &events, &rules, &change).await?;
    }
    if let Verdict::Accepted { news: Some(news), .. } = verdict
        && let Err(error) = work.ledger.learn(&message.contact, news).await
    {
        // The contact's own next message brings the same.
        tracing::warn!(error = %logs::chain(&error), "what else a contact is known by was not stored");
    }
    Ok(())
}

/// What a verdict means for the contact, if anything.
fn event(outgoing: &Outgoing, verdict: &Verdict, work: &Work) -> Option<Event> {
    let failed = |code, cause| (PromptPhase::Failed, PromptOutcome::Failed { code, cause });
    let (id, act) = match (&outgoing.kind, verdict) {
        (OutgoingKind::Prompt { request }, verdict) => {
            let (phase, outcome) = match verdict {
                Verdict::Accepted { message, .. } => {
                    (PromptPhase::Accepted, PromptOutcome::Accepted { message: *message })
                }
                Verdict::Failed { code, cause, .. } => failed(*code, *cause),
                Verdict::Dropped(dropped) if dropped.fails_the_prompt() => failed(None, FailureCause::Other),
                Verdict::Dropped(_) | Verdict::Retry { .. } | Verdict::Uncertain => return None,
            };
            let act = Act::Prompted {
                request: *request,
                outcome,
            };
            (work.ledger.prompt_event(&outgoing.id, phase), act)
        }
        (
            _,
            Verdict::Failed {
                cause: FailureCause::PlatformStop,
                ..
            },
        ) => {
            let parts: [&[u8]; 2] = [outgoing.id.as_bytes(), b"platform_stop"];
            (
                work.ledger.event_id(PseudonymDomain::Outgoing, &parts),
                Act::PlatformStopped,
            )
        }
        _ => return None,
    };
    Some(Event {
        id,
        at: work.now,
        act,
        delivery: None,
    })
}
