//! One deletion from Meta's contact book: ask Meta for it until it is done or there is no more use in asking.

use consent::id::OutgoingId;
use consent::time::Time;
use ledger::{Forgetting, Forgotten, OutboxChange, Settled};
use platform::logs;
use service::Work;
use whatsapp::graph::{AccessToken, SendError};

use crate::process::{Outcome, SHORT_WAIT, time_to_ask};
use crate::verdict::{blocks, wait_after};
use crate::{Outbox, OutboxError};

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Nothing more is to be done.
    End(Forgotten),
    /// Meta is asked again at that time.
    Again(Time),
}

impl Outbox {
    /// Asks Meta to delete an entry that the caller has claimed, and records what came of it.
    pub(crate) async fn forget(
        &self,
        forgetting: &Forgetting,
        token: &AccessToken,
        work: &Work,
    ) -> Result<Outcome, OutboxError> {
        let id = forgetting.forget.id();
        match self.ask_to_forget(&id, forgetting, token, work).await? {
            Next::Again(at) => self.forget_later(id, forgetting, at, work).await,
            Next::End(end) => self.forget_no_more(&id, forgetting, end, work).await,
        }
    }

    async fn ask_to_forget(
        &self,
        id: &OutgoingId,
        forgetting: &Forgetting,
        token: &AccessToken,
        work: &Work,
    ) -> Result<Next, OutboxError> {
        let forget = &forgetting.forget;
        if work.now >= forget.expires_at() {
            return Ok(Next::End(Forgotten::GaveUp("expired")));
        }
        let Some(person) = work.ledger.person_to_forget(forgetting).await? else {
            return Ok(Next::End(Forgotten::GaveUp("key_gone")));
        };
        let Ok(sender) = forget.sender().as_str().parse() else {
            return Ok(Next::End(Forgotten::GaveUp("unfit")));
        };
        let Some(timeout) = time_to_ask(work) else {
            return Ok(Next::Again(work.now + SHORT_WAIT));
        };
        let asked = self.graph.delete_from_contact_book(token, &sender, &person, timeout);
        let Err(error) = asked.await else {
            return Ok(Next::End(Forgotten::Deleted));
        };
        tracing::warn!(outgoing = %id, error = %logs::chain(&error), "Meta did not delete a contact-book entry");
        if blocks(error) {
            self.say_blocked(id);
        }
        Ok(after(error, forgetting, work.now))
    }

    async fn forget_later(
        &self,
        id: OutgoingId,
        forgetting: &Forgetting,
        at: Time,
        work: &Work,
    ) -> Result<Outcome, OutboxError> {
        let change = OutboxChange {
            id,
            attempt: Some(forgetting.attempt),
            settled: Settled::Retry(at),
            at: work.now,
        };
        work.ledger.close(&change).await?;
        self.service.metrics.count("contact_book_retried", 1);
        Ok(Outcome::Retried)
    }

    async fn forget_no_more(
        &self,
        id: &OutgoingId,
        forgetting: &Forgetting,
        end: Forgotten,
        work: &Work,
    ) -> Result<Outcome, OutboxError> {
        if !work.ledger.conclude_forgetting(forgetting, end, work.now).await? {
            return Ok(Outcome::NotDue);
        }
        Ok(match end {
            Forgotten::Deleted => {
                self.service.metrics.count("contact_book_deleted", 1);
                Outcome::Sent
            }
            Forgotten::GaveUp(reason) => {
                self.service.metrics.count("contact_book_gave_up", 1);
                tracing::error!(outgoing = %id, reason, "a contact-book entry may still be at Meta");
                Outcome::Failed
            }
        })
    }
}

/// What follows from an attempt that Meta did not confirm. It may have been one all the same, and is repeated without harm.
fn after(error: SendError, forgetting: &Forgetting, now: Time) -> Next {
    let Some(wait) = wait_after(error, forgetting.attempt) else {
        return Next::End(Forgotten::GaveUp("refused"));
    };
    let at = now + wait;
    if at < forgetting.forget.expires_at() {
        Next::Again(at)
    } else {
        Next::End(Forgotten::GaveUp("expired"))
    }
}
