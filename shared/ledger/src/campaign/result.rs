//! What became of a send, as the tool that sent it or Meta's status says.

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use consent::campaign::SendResult;
use consent::contact::{Contact, Status, is_marketing};
use consent::decide::{Decision, Rules};
use consent::event::{Act, Event};
use consent::id::{CampaignId, ContactId, PurposeId};
use consent::policy::Policy;
use consent::retention::Kind;
use consent::suppression::{MessageClass, SuppressionKind};
use consent::time::Time;
use identity::PseudonymDomain;
use serde::Serialize;

use crate::error::LedgerError;
use crate::schema::{self, BODY, COUNT, Item, KIND, PK};
use crate::store::{Ledger, action};
use crate::transaction::{ATTEMPTS, Amendment, Transacted, update_action};

use super::gate::{ReadSend, StoredResult, StoredSend};
use super::judge::{Known, read_known};

/// Meta did not deliver, to protect the person from too much marketing.
const TOO_MUCH_MARKETING: u32 = 131_049;

/// Meta did not deliver, because the person has stopped this business's marketing.
const STOPPED_MARKETING: u32 = 131_050;

/// What came of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettledSend {
    /// The gate has let no such message go.
    Unknown,
    /// It is recorded.
    Recorded {
        /// Whether it shows that a stop was missed: Meta says that the contact stopped, and here they stood as confirmed.
        finding: bool,
    },
    /// It was known, or something later was.
    Known,
}

/// That Meta knew of a stop which the ledger did not.
#[derive(Debug, Serialize)]
struct Finding<'a> {
    campaign: &'a CampaignId,
    purpose: &'a PurposeId,
    decided_at: Time,
    at: Time,
    code: u32,
}

/// What a result changes.
struct Change {
    send: Option<StoredSend>,
    contact: Option<Contact>,
    finding: bool,
}

impl Ledger {
    /// Records what became of the campaign's message to a contact. The same result given again changes nothing.
    ///
    /// A message that did not arrive no longer counts as sent. That Meta says the contact has stopped (131050) is a stop, whoever
    /// passes it on; where the contact stood as confirmed until then, it is a finding as well. If it came as a webhook, that one is
    /// to be recorded first, so that the stop's evidence is Meta's own.
    ///
    /// # Errors
    /// When DynamoDB fails, others win every race, or an item is not readable.
    #[expect(clippy::too_many_arguments, reason = "a result is all of it")]
    pub async fn settle_send(
        &self,
        contact: &ContactId,
        campaign: &CampaignId,
        result: SendResult,
        code: Option<u32>,
        at: Time,
        policy: &Policy,
        now: Time,
    ) -> Result<SettledSend, LedgerError> {
        let what = "record what became of a send";
        let reported = StoredResult {
            at: at.min(now),
            result,
            code,
        };
        for attempt in 0..ATTEMPTS {
            let finding_key = schema::finding_key(contact, campaign);
            let items = vec![
                schema::contact_key(contact),
                schema::send_key(contact, campaign),
                finding_key.clone(),
            ];
            let keys = vec![schema::subject_key(contact)];
            let items = self.batch_get_unopened(what, items, keys).await?;
            let Some(known) = read_known(&items, contact)? else {
                return Ok(SettledSend::Unknown);
            };
            if code == Some(STOPPED_MARKETING)
                && !knows_of_stop(&known.contact, reported.at)
                && let Some(recorded) = self
                    .record_platform_stop(&known, campaign, reported.at, policy, now)
                    .await?
            {
                if recorded != Transacted::Committed {
                    self.back_off(attempt, what).await?;
                }
                continue;
            }
            let Some(item) = items.get(&schema::send_key(contact, campaign)) else {
                return Ok(SettledSend::Unknown);
            };
            let read = ReadSend::read(item)?;
            let mut change = Change::of(&read.send, &known.contact, campaign, reported, policy, now);
            change.finding &= items.get(&finding_key).is_none();
            let finding = change.finding;
            if change.is_nothing() {
                return Ok(SettledSend::Known);
            }
            let actions = self.settlement_of(&known, &read, campaign, &change, reported, policy)?;
            if self.transact(what, &actions).await? == Transacted::Committed {
                return Ok(SettledSend::Recorded { finding });
            }
            self.back_off(attempt, what).await?;
        }
        Err(LedgerError::Contended { attempts: ATTEMPTS })
    }

    /// Records a stop in WhatsApp that somebody tells of, on condition that the contact is as it was read. None if there is nothing to
    /// record: it has one id for each send, however often it is told. It has no words, so nobody has to be opened for it.
    async fn record_platform_stop(
        &self,
        known: &Known,
        campaign: &CampaignId,
        at: Time,
        policy: &Policy,
        now: Time,
    ) -> Result<Option<Transacted>, LedgerError> {
        let id = known.contact.id;
        let parts: [&[u8]; 3] = [b"platform stop", id.as_bytes(), campaign.as_str().as_bytes()];
        let event = Event {
            id: self.event_id(PseudonymDomain::Outgoing, &parts),
            at,
            act: Act::PlatformStopped,
            delivery: None,
        };
        let rules = Rules {
            policy,
            token_keys: &[],
            now,
        };
        let decision = known.contact.clone().apply(&[event], &rules);
        if decision.evidence.is_empty() {
            return Ok(None);
        }
        let mut places = known.places.clone();
        places.add_messages(decision.entries(), now);
        let Decision {
            mut contact,
            evidence,
            outbox,
            // Nothing that Meta reports is a demand.
            steps: _,
        } = decision;
        let mut actions = vec![];
        for draft in evidence {
            actions.push(self.put_chained(&mut contact, draft.evidence)?);
        }
        for outgoing in &outbox {
            actions.push(self.put_outgoing(&id, outgoing)?);
        }
        actions.push(self.amend_contact(&contact, known.version, Some(&places), policy)?);
        Ok(match self.transact("record a stop in WhatsApp", &actions).await? {
            Transacted::Refused(refused) if refused.first() == Some(&true) => None,
            ended => Some(ended),
        })
    }

    fn settlement_of(
        &self,
        known: &Known,
        read: &ReadSend,
        campaign: &CampaignId,
        change: &Change,
        reported: StoredResult,
        policy: &Policy,
    ) -> Result<Vec<TransactWriteItem>, LedgerError> {
        let id = &known.contact.id;
        let mut actions = vec![];
        if let Some(send) = &change.send {
            actions.push(self.close_send(id, campaign, read, send)?);
        }
        if let Some(contact) = &change.contact {
            actions.push(self.amend_contact(contact, known.version, None, policy)?);
        }
        if change.finding {
            actions.push(self.put_finding(id, campaign, &read.send, reported.at, policy)?);
            actions.push(self.count_finding(campaign)?);
        }
        Ok(actions)
    }

    fn close_send(
        &self,
        contact: &ContactId,
        campaign: &CampaignId,
        read: &ReadSend,
        send: &StoredSend,
    ) -> Result<TransactWriteItem, LedgerError> {
        let body = serde_json::to_string(send).map_err(|_| LedgerError::corrupt(BODY))?;
        let update = Update::builder()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::send_key(contact, campaign)))
            .condition_expression("#body = :read")
            .expression_attribute_names("#body", BODY)
            .expression_attribute_values(":read", schema::s(&read.body));
        let set = Item::from([(BODY.to_owned(), schema::s(body))]);
        Amendment { set, remove: vec![] }.action(update)
    }

    fn put_finding(
        &self,
        contact: &ContactId,
        campaign: &CampaignId,
        send: &StoredSend,
        at: Time,
        policy: &Policy,
    ) -> Result<TransactWriteItem, LedgerError> {
        let finding = Finding {
            campaign,
            purpose: &send.purpose,
            decided_at: send.decided_at,
            at,
            code: STOPPED_MARKETING,
        };
        let body = serde_json::to_string(&finding).map_err(|_| LedgerError::corrupt(BODY))?;
        let mut item = schema::finding_key(contact, campaign);
        item.insert(KIND.to_owned(), schema::s(schema::kind::FINDING));
        item.insert(BODY.to_owned(), schema::s(body));
        if let Some(due_at) = Kind::Finding.due_at(at, policy) {
            schema::set_due(&mut item, Kind::Finding, schema::contact_shard(contact), due_at);
        }
        action(
            self.put_ledger()
                .set_item(Some(item))
                .condition_expression(format!("attribute_not_exists({PK})")),
        )
    }

    /// Counts a finding on its campaign, which outlives its sends.
    fn count_finding(&self, campaign: &CampaignId) -> Result<TransactWriteItem, LedgerError> {
        update_action(
            Update::builder()
                .table_name(&self.tables.ledger)
                .set_key(Some(schema::campaign_key(campaign)))
                .update_expression("ADD #count :one")
                .condition_expression(format!("attribute_exists({PK})"))
                .expression_attribute_names("#count", COUNT)
                .expression_attribute_values(":one", schema::n(1))
                .build(),
        )
    }
}

impl Change {
    fn of(
        send: &StoredSend,
        contact: &Contact,
        campaign: &CampaignId,
        reported: StoredResult,
        policy: &Policy,
        now: Time,
    ) -> Self {
        let is_of_this_send = send.instead_of.is_none_or(|before| reported.at > before);
        let is_news = is_of_this_send && send.result.is_none_or(|known| reported > known);
        let mut changed = contact.clone();
        let closed = is_news.then(|| {
            if reported.result.is_void() {
                changed.sends.forget(campaign, send.decided_at);
            } else if changed.sends.of(campaign).is_none() {
                // It was said to have come to nothing, and has arrived after all.
                changed.sends.record(campaign.clone(), send.remembered());
            }
            StoredSend {
                result: Some(reported),
                ..send.clone()
            }
        });
        if reported.code == Some(TOO_MUCH_MARKETING) {
            changed.refused_131049.raise(reported.at);
        }
        Self {
            send: closed,
            finding: reported.code == Some(STOPPED_MARKETING)
                && is_of_this_send
                && stood_until(contact, &send.purpose, reported.at, policy, now),
            contact: (changed != *contact).then_some(changed),
        }
    }

    fn is_nothing(&self) -> bool {
        self.send.is_none() && self.contact.is_none() && !self.finding
    }
}

/// Whether the contact's stop in WhatsApp is known that somebody tells of at that time.
fn knows_of_stop(contact: &Contact, at: Time) -> bool {
    let stopped = contact.suppressions.last_set(&SuppressionKind::PlatformStop);
    stopped.is_some_and(|stopped| stopped >= at)
}

/// Whether nothing was known before that time that would have kept the message from the contact: neither a stop nor a suppression.
/// The stop that is told of at that time is recorded by then.
fn stood_until(contact: &Contact, purpose: &PurposeId, at: Time, policy: &Policy, now: Time) -> bool {
    let class = if is_marketing(purpose, policy) {
        MessageClass::Marketing
    } else {
        MessageClass::Service
    };
    let was_free = contact
        .suppressions
        .active(now)
        .all(|(kind, since)| !kind.binds(class) || since >= at);
    let stop = contact.stop(purpose, policy, now);
    let was_confirmed =
        contact.standing(purpose, policy, now).status == Status::Confirmed || stop.is_some_and(|stop| stop.at >= at);
    was_free && was_confirmed
}
