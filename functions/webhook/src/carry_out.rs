//! Carrying out a plan: every person at the same time, every part on its own, so that one failure holds up nobody else.

use consent::event::{Act, Event, PromptOutcome};
use consent::evidence::{Draft, EvidenceKind, Validity};
use consent::id::OutgoingId;
use consent::outgoing::OutgoingKind;
use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream;
use ledger::{
    HealthReport, LedgerError, MAX_EVENTS, OutboxChange, OutboxState, PromptPhase, Quarantined, Recorded, Settled,
    SettledSend, Who,
};
use platform::metrics::Metrics;
use service::Work;

use crate::plan::{Person, Plan, PromptProgress, PromptStatus, SendStatus};

/// How many parts are carried out at the same time.
const AT_ONCE: usize = 16;

/// Carries out a plan. True if all of it is durable.
pub(crate) async fn carry_out(plan: Plan, work: &Work, metrics: &Metrics) -> bool {
    for (what, amount) in &plan.counts {
        metrics.count(what, *amount);
    }
    let received_at = plan.received_at;
    let people = plan.people.into_iter().map(|one| person(one, work, metrics).boxed());
    let prompts = plan
        .prompts
        .into_iter()
        .map(|(id, statuses)| prompt(id, statuses, work).boxed());
    let reports = plan
        .reports
        .into_iter()
        .map(|report| self::report(report, work).boxed());
    let unreadable = plan.unreadable.into_iter().map(|(raw, reason)| {
        let aside = async move {
            let unreadable = Quarantined {
                raw: &raw,
                reason,
                received_at,
            };
            if work.ledger.quarantine(&unreadable, &work.policy).await? {
                metrics.count("quarantined", 1);
            }
            Ok(())
        };
        aside.boxed()
    });
    let parts: Vec<BoxFuture<'_, Result<(), LedgerError>>> =
        people.chain(prompts).chain(reports).chain(unreadable).collect();
    let outcomes: Vec<_> = stream::iter(parts).buffer_unordered(AT_ONCE).collect().await;
    let mut durable = outcomes
        .iter()
        .fold(true, |durable, outcome| is_durable(outcome) & durable);
    // A stop that came with a status is recorded by now, with Meta's delivery as its evidence.
    if durable {
        let sends: Vec<_> = plan
            .sends
            .into_iter()
            .map(|send| self::send(send, work, metrics).boxed())
            .collect();
        let outcomes: Vec<_> = stream::iter(sends).buffer_unordered(AT_ONCE).collect().await;
        durable = outcomes
            .iter()
            .fold(durable, |durable, outcome| is_durable(outcome) & durable);
    }
    // Afterwards and one by one: a change of number takes along what the same delivery has just stopped.
    for change in plan.moves {
        durable &= is_durable(&work.ledger.move_person(&change, &work.rules()).await);
    }
    durable
}

/// Whether a part is stored; if it is not, says so in the log.
fn is_durable(outcome: &Result<(), LedgerError>) -> bool {
    if let Err(error) = outcome {
        tracing::error!(error = %platform::logs::chain(error), "a part of a delivery is not stored");
    }
    outcome.is_ok()
}

/// One person's events, in order and in as few transactions as they fit in.
async fn person(person: Person, work: &Work, metrics: &Metrics) -> Result<(), LedgerError> {
    let Person { who, mut events } = person;
    events.sort_by_key(|event| (event.at, event.id));
    for events in events.chunks(MAX_EVENTS) {
        let recorded = work
            .ledger
            .record(&Who::Person(who.clone()), events, &work.rules())
            .await?;
        for Recorded { contact, evidence, .. } in recorded {
            measure(&evidence, metrics);
            if let Some(contact) = contact {
                work.ledger.take_along(&contact, events, &work.rules()).await?;
            }
        }
    }
    Ok(())
}

/// What became of one prompt.
async fn prompt(id: OutgoingId, statuses: Vec<PromptStatus>, work: &Work) -> Result<(), LedgerError> {
    let Some(message) = work.ledger.outbox_message(&id).await? else {
        return Ok(());
    };
    let OutgoingKind::Prompt { request } = message.outgoing.kind else {
        return Ok(());
    };
    let event = |phase, status: &PromptStatus, outcome| Event {
        id: work.ledger.prompt_event(&id, phase),
        at: status.at,
        act: Act::Prompted { request, outcome },
        delivery: Some(status.delivery.clone()),
    };
    // The sender has recorded that Meta accepted it, unless it died before it could.
    let accepted_if_unknown = |events: &mut Vec<Event>, status: &PromptStatus| {
        if message.state != OutboxState::Sent {
            let accepted = PromptOutcome::Accepted {
                message: status.message,
            };
            events.push(event(PromptPhase::Accepted, status, accepted));
        }
    };
    let mut events = vec![];
    for status in &statuses {
        match status.state {
            PromptProgress::Accepted => accepted_if_unknown(&mut events, status),
            PromptProgress::Delivered => {
                accepted_if_unknown(&mut events, status);
                events.push(event(PromptPhase::Delivered, status, PromptOutcome::Delivered));
            }
            PromptProgress::Failed { code, cause } => {
                events.push(event(
                    PromptPhase::Failed,
                    status,
                    PromptOutcome::Failed { code, cause },
                ));
            }
        }
    }
    if message.state == OutboxState::Sent && events.is_empty() {
        return Ok(());
    }
    if message.state.is_final() {
        work.ledger
            .record(&Who::Contact(message.contact), &events, &work.rules())
            .await?;
    } else {
        // Whatever Meta says of it, the message has gone out: it is never sent again.
        let change = OutboxChange {
            id,
            attempt: None,
            settled: Settled::Sent,
            at: work.now,
        };
        work.ledger
            .settle(&message.contact, &events, &work.rules(), &change)
            .await?;
    }
    Ok(())
}

async fn report(report: HealthReport, work: &Work) -> Result<(), LedgerError> {
    work.ledger.report_health(&report).await.map(|_| ())
}

/// What became of a message that the gate let go.
async fn send(send: SendStatus, work: &Work, metrics: &Metrics) -> Result<(), LedgerError> {
    let SendStatus {
        contact,
        campaign,
        result,
        code,
        at,
    } = send;
    let settled = work
        .ledger
        .settle_send(&contact, &campaign, result, code, at, &work.policy, work.now)
        .await?;
    if settled == (SettledSend::Recorded { finding: true }) {
        metrics.count("findings", 1);
    }
    Ok(())
}

/// Counts what an operator watches.
fn measure(evidence: &[Draft], metrics: &Metrics) {
    for record in evidence.iter().map(|draft| &draft.evidence) {
        let name = match (record.kind, record.validity) {
            (EvidenceKind::Confirmed, Validity::Counted) => "confirmed",
            (EvidenceKind::Confirmed, Validity::TokenForged | Validity::TokenOfAnotherContact) => "tokens_refused",
            (EvidenceKind::Withdrawn | EvidenceKind::Objected, _) => "stopped",
            // Someone else entered this number: the source of the request needs a look.
            (EvidenceKind::NotMe, _) => "not_me",
            (EvidenceKind::PlatformStop, _) => "platform_stops",
            (EvidenceKind::Held, _) => "held",
            _ => continue,
        };
        metrics.count(name, 1);
    }
}
