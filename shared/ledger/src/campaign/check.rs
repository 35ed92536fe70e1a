//! Checks: one pass over a campaign's audience, which any number of workers share and none of them has to survive.
//!
//! The check in progress is one item. It says what was asked, who is at work on which unit, and what each unit that is done
//! came to. A unit is claimed by a condition and counted by a condition, so it is counted once whoever dies: a claim that was
//! left behind runs out, and of two workers who did the same unit the first is believed. Whoever sees that no unit is left signs the
//! verdict, in one transaction with the end of the check.
//!
//! A check is about the campaign exactly as it was at its beginning. Is the campaign, its audience or the policy another one since,
//! the check is void and the next one takes its place.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use aws_sdk_dynamodb::types::{Delete, ReturnValue, ReturnValuesOnConditionCheckFailure};
use consent::campaign::{
    AudienceSummary, Campaign, CampaignVerdict, Checked, Health, Listing, Reason, Recipient, Stage, Tally, Usage,
};
use consent::id::{CampaignId, CheckId, ContactId, PolicyVersion};
use consent::policy::Policy;
use consent::retention::Kind;
use consent::time::{Span, Time};
use futures::{StreamExt, stream};
use identity::Pseudonym;
use serde::{Deserialize, Serialize};

use crate::error::LedgerError;
use crate::schema::{self, BODY, BUCKETS, CHECK, Item, KIND, PK, unit_claim, unit_tally};
use crate::store::Ledger;
use crate::transaction::{Transacted, delete_action};

use super::StoredCampaign;
use super::candidates::{BATCH, Question};
use super::everyone::{SEGMENTS, Segment};

/// How long a worker has a unit to itself. One takes seconds.
const CLAIM: Span = Span::seconds(60);

/// How far the clocks of two workers may be apart before one of them is believed to run ahead.
const SKEW: Span = Span::seconds(60);

/// How far from now a check may have begun that is still worth going on with.
const FRESH: Span = Span::hours(1);

/// How often one call begins anew because the check became void under its hands.
const MOST_STARTS: u32 = 5;

/// How many batches of contacts are read at a time.
const BATCHES_AT_A_TIME: usize = 8;

/// How long a batch may take before its people count as unread.
const BATCH_TIME: Duration = Duration::from_secs(10);

/// What came of a check.
#[derive(Debug)]
pub enum CheckOutcome {
    /// None is due.
    NotDue,
    /// It is done, and this is the campaign with its verdict.
    Finished(Box<StoredCampaign>),
    /// Others are at work on all that is left of it.
    Busy,
    /// The time was up. Whoever comes next goes on.
    OutOfTime,
    /// There is no such campaign.
    NoCampaign,
}

/// What a check asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OpenCheck {
    check: CheckId,
    stage: Stage,
    began_at: Time,
    policy: PolicyVersion,
    /// The version of the campaign: with each change of its plan or audience it has another one.
    version: i64,
    units: u8,
    health: Health,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

impl OpenCheck {
    /// Whether it is what somebody who wants a check of that stage now would begin.
    fn still_answers(&self, stored: &StoredCampaign, stage: Stage, policy: &Policy, now: Time) -> bool {
        // Neither may it be old, nor may a clock that ran ahead have begun it.
        let apart = now.since(self.began_at).max(self.began_at.since(now));
        self.version == stored.version && self.policy == policy.version() && self.stage >= stage && apart < FRESH
    }

    /// The buckets that a unit goes over.
    fn buckets(&self, unit: u8) -> RangeInclusive<u8> {
        let begin = |unit: u8| {
            let bucket = u32::from(unit) * u32::from(BUCKETS) / u32::from(self.units.max(1));
            u8::try_from(bucket).unwrap_or(BUCKETS)
        };
        begin(unit)..=begin(unit.saturating_add(1)).saturating_sub(1)
    }
}

/// Into how many units a check of an audience is divided.
fn units(audience: &AudienceSummary) -> u8 {
    match audience.everyone {
        Some(_) => SEGMENTS,
        None => u8::try_from(audience.parts).unwrap_or(BUCKETS).clamp(1, BUCKETS),
    }
}

/// The claim of one worker on one unit. Claims sort by when they run out.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Claim(String);

impl Claim {
    fn new(now: Time) -> Result<Self, LedgerError> {
        let worker = identity::random_bytes().map_err(|_| LedgerError::NoEntropy)?;
        let until = Self::bound(now + CLAIM);
        Ok(Self(format!("{until}#{:016x}", u64::from_be_bytes(worker))))
    }

    /// What is greater than every claim that runs out before then, and less than every other.
    fn bound(until: Time) -> String {
        format!("{:012}", until.unix_seconds())
    }

    /// The bounds between which a claim binds. One that runs out much later than any can was made by a clock that ran ahead.
    fn binding(now: Time) -> (String, String) {
        (Self::bound(now + Span::seconds(1)), Self::bound(now + CLAIM + SKEW))
    }

    fn binds(&self, now: Time) -> bool {
        let (from, to) = Self::binding(now);
        (from..to).contains(&self.0)
    }
}

/// A check, and how far it has come.
#[derive(Debug, Clone)]
struct Progress {
    open: OpenCheck,
    claims: BTreeMap<u8, Claim>,
    tallies: BTreeMap<u8, Tally>,
}

impl Progress {
    fn read(item: &Item) -> Result<Self, LedgerError> {
        let open: OpenCheck = schema::body(item)?;
        let (mut claims, mut tallies) = (BTreeMap::new(), BTreeMap::new());
        for unit in 0..open.units {
            let text = |name: String| item.get(&name).and_then(|value| value.as_s().ok());
            if let Some(claim) = text(unit_claim(unit)) {
                claims.insert(unit, Claim(claim.clone()));
            }
            if let Some(tally) = text(unit_tally(unit)) {
                let tally = serde_json::from_str(tally).map_err(|_| LedgerError::corrupt("tally"))?;
                tallies.insert(unit, tally);
            }
        }
        Ok(Self { open, claims, tallies })
    }

    /// A unit that nobody has done, and nobody is at work on.
    fn free_unit(&self, now: Time) -> Option<u8> {
        let is_claimed = |unit: &u8| self.claims.get(unit).is_some_and(|claim| claim.binds(now));
        (0..self.open.units).find(|unit| !self.tallies.contains_key(unit) && !is_claimed(unit))
    }

    fn is_complete(&self) -> bool {
        (0..self.open.units).all(|unit| self.tallies.contains_key(&unit))
    }

    /// What all units came to, with those whom the lists named twice or in no readable way.
    fn total(&self, audience: &AudienceSummary) -> Tally {
        let mut total = Tally::default();
        for tally in self.tallies.values() {
            total.merge(tally);
        }
        total.refuse(Reason::DuplicateRecipient, audience.duplicates);
        total.refuse(Reason::BadIdentifier, audience.invalid);
        total
    }
}

/// The check in progress by its id, and how far it has come if that can be read.
type InProgress = (CheckId, Option<Progress>);

/// What came of a change of the check in progress.
enum Change {
    /// It is done.
    Done(Progress),
    /// Somebody was faster.
    Refused(Progress),
    /// The check is over, or void.
    Gone,
}

/// What goes with every step of a check.
struct Run<'a> {
    policy: &'a Policy,
    clock: &'a (dyn Fn() -> Time + Sync),
    has_time: &'a (dyn Fn() -> bool + Sync),
}

impl Ledger {
    /// Checks a campaign: goes on with the check in progress, or begins one. Without a `demand` it does so only if one is due.
    ///
    /// What is known of the account and how much of its limit is used counts for the whole check as it was at its beginning.
    ///
    /// # Errors
    /// When DynamoDB fails or an item is not readable. Whoever comes next goes on.
    #[expect(
        clippy::too_many_arguments,
        reason = "a check takes all of it, and nothing of it belongs together"
    )]
    pub async fn check_campaign(
        &self,
        campaign: &CampaignId,
        demand: Option<Stage>,
        health: &Health,
        usage: Option<Usage>,
        policy: &Policy,
        clock: &(dyn Fn() -> Time + Sync),
        has_time: &(dyn Fn() -> bool + Sync),
    ) -> Result<CheckOutcome, LedgerError> {
        let run = Run {
            policy,
            clock,
            has_time,
        };
        match self.check(campaign, demand, health, usage, &run).await {
            Err(LedgerError::OutOfTime { .. }) => Ok(CheckOutcome::OutOfTime),
            ended => ended,
        }
    }

    async fn check(
        &self,
        campaign: &CampaignId,
        demand: Option<Stage>,
        health: &Health,
        usage: Option<Usage>,
        run: &Run<'_>,
    ) -> Result<CheckOutcome, LedgerError> {
        let mut worked_on = None;
        for _ in 0..MOST_STARTS {
            let Some((stored, check)) = self.campaign_and_check(campaign).await? else {
                return Ok(CheckOutcome::NoCampaign);
            };
            let verdict = stored.campaign.verdict.as_ref();
            if verdict.is_some_and(|verdict| Some(verdict.check) == worked_on) {
                return Ok(CheckOutcome::Finished(Box::new(stored)));
            }
            let now = (run.clock)();
            let stage = match demand {
                _ if now >= stored.campaign.plan.ends_at() => None,
                Some(stage) => Some(stage),
                None => stored.campaign.check_due(run.policy, now),
            };
            let Some(stage) = stage else {
                return Ok(CheckOutcome::NotDue);
            };
            if !(run.has_time)() {
                return Ok(CheckOutcome::OutOfTime);
            }
            let before = check.as_ref().map(|(check, _)| *check);
            let progress = check.and_then(|(_, progress)| progress);
            let goes_on = progress.filter(|progress| progress.open.still_answers(&stored, stage, run.policy, now));
            let (progress, claimed) = match goes_on {
                Some(progress) => (progress, None),
                None => {
                    let open = OpenCheck {
                        check: CheckId::from_bytes(identity::random_bytes().map_err(|_| LedgerError::NoEntropy)?),
                        stage,
                        began_at: now,
                        policy: run.policy.version(),
                        version: stored.version,
                        units: units(&stored.campaign.audience),
                        health: health.clone(),
                        usage,
                    };
                    match self.begin_check(campaign, open, before.as_ref(), now).await? {
                        Some(progress) => (progress, Some(FIRST_UNIT)),
                        None => continue,
                    }
                }
            };
            worked_on = Some(progress.open.check);
            if let Some(outcome) = self.work_on(&stored, progress, claimed, run).await? {
                return Ok(outcome);
            }
        }
        Ok(CheckOutcome::Busy)
    }

    /// Works on a check until nothing is left to be done; none if it is over or void.
    async fn work_on(
        &self,
        stored: &StoredCampaign,
        mut progress: Progress,
        mut claimed: Option<u8>,
        run: &Run<'_>,
    ) -> Result<Option<CheckOutcome>, LedgerError> {
        let campaign = &stored.campaign;
        loop {
            if progress.is_complete() {
                let finished = self.finish_check(stored, &progress, run).await?;
                return Ok(finished.map(|stored| CheckOutcome::Finished(Box::new(stored))));
            }
            if !(run.has_time)() {
                return Ok(Some(CheckOutcome::OutOfTime));
            }
            let now = (run.clock)();
            let unit = match claimed.take() {
                Some(unit) => unit,
                None => {
                    let Some(unit) = progress.free_unit(now) else {
                        return Ok(Some(CheckOutcome::Busy));
                    };
                    match self.claim_unit(&campaign.id, &progress.open, unit, now).await? {
                        Change::Done(claimed) => progress = claimed,
                        Change::Refused(other) => {
                            progress = other;
                            continue;
                        }
                        Change::Gone => return Ok(None),
                    }
                    unit
                }
            };
            let Some(tally) = self.judge_unit(campaign, &progress.open, unit, now, run).await? else {
                return Ok(Some(CheckOutcome::OutOfTime));
            };
            progress.tallies.insert(unit, tally.clone());
            if progress.is_complete() {
                // The verdict holds it, and nobody else has to know.
                continue;
            }
            match self.keep_tally(&campaign.id, &progress.open, unit, &tally).await? {
                // Of two tallies of one unit the first counts.
                Change::Done(kept) | Change::Refused(kept) => progress = kept,
                Change::Gone => return Ok(None),
            }
        }
    }

    /// What a unit comes to; none if the time was up before its end.
    async fn judge_unit(
        &self,
        campaign: &Campaign,
        open: &OpenCheck,
        unit: u8,
        now: Time,
        run: &Run<'_>,
    ) -> Result<Option<Tally>, LedgerError> {
        let now = now.max(open.began_at);
        let question = Question::of(campaign, &open.health, open.usage, run.policy, now);
        match &campaign.audience.everyone {
            Some(everyone) => {
                let segment = Segment {
                    number: unit,
                    of: open.units,
                };
                self.judge_segment(everyone, segment, &question, run.policy, now, run.has_time)
                    .await
            }
            None => {
                let buckets = open.buckets(unit);
                self.judge_buckets(campaign, buckets, &question, run.has_time).await
            }
        }
    }

    /// Judges all on some buckets. Each person counts once, and everyone counts somewhere.
    async fn judge_buckets(
        &self,
        campaign: &Campaign,
        buckets: RangeInclusive<u8>,
        question: &Question<'_>,
        has_time: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Tally>, LedgerError> {
        let mut people = People::default();
        for entry in self.read_buckets(campaign, buckets, false).await? {
            people.meet(entry.alias, entry.contact);
        }
        let mut tally = Tally::default();
        let strangers = std::mem::take(&mut people.strangers);
        let Some(owners) = self.owners_of(&strangers, question, &mut tally, has_time).await? else {
            return Ok(None);
        };
        for alias in strangers {
            match owners.get(&alias) {
                Some(Some(owner)) => people.turns_out(*owner),
                Some(None) => tally.add(question.on_nobody(Recipient::Unknown, Listing::First)),
                // It is counted as unread.
                None => {}
            }
        }
        let ids = std::mem::take(&mut people.contacts);
        let Some(gone) = self.judge_contacts(&ids, question, &mut tally, has_time).await? else {
            return Ok(None);
        };
        // Whoever was removed since may have come back as another contact.
        let mut gone: HashMap<Pseudonym, ContactId> = gone
            .into_iter()
            .filter_map(|id| match people.aliases.get(&id) {
                Some(alias) => Some((*alias, id)),
                None => {
                    tally.add(question.on_nobody(Recipient::Unknown, Listing::First));
                    None
                }
            })
            .collect();
        let aliases: Vec<_> = gone.keys().copied().collect();
        let Some(owners) = self.owners_of(&aliases, question, &mut tally, has_time).await? else {
            return Ok(None);
        };
        for (alias, owner) in owners {
            match (owner, gone.remove(&alias)) {
                (Some(owner), Some(before)) if owner != before => people.turns_out(owner),
                _ => tally.add(question.on_nobody(Recipient::Unknown, Listing::First)),
            }
        }
        let ids = std::mem::take(&mut people.contacts);
        let Some(gone) = self.judge_contacts(&ids, question, &mut tally, has_time).await? else {
            return Ok(None);
        };
        for _ in gone {
            tally.add(question.on_nobody(Recipient::Unknown, Listing::First));
        }
        tally.refuse(Reason::DuplicateRecipient, people.duplicates);
        Ok(Some(tally))
    }

    /// Whom the aliases belong to now. Those of whom that cannot be told are counted as unread and left out. None if the time was up.
    async fn owners_of(
        &self,
        aliases: &[Pseudonym],
        question: &Question<'_>,
        tally: &mut Tally,
        has_time: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<HashMap<Pseudonym, Option<ContactId>>>, LedgerError> {
        let read = |aliases: &[Pseudonym]| {
            let aliases: Vec<_> = aliases.to_vec();
            async move {
                if !has_time() {
                    return Ok((aliases, Batch::NotRead));
                }
                let wanted = aliases.iter().copied().collect();
                let owners = Batch::of(self.owners(&wanted)).await?;
                Ok::<_, LedgerError>((aliases, owners))
            }
        };
        let batches: Vec<_> = aliases.chunks(BATCH).map(read).collect();
        let mut batches = stream::iter(batches).buffer_unordered(BATCHES_AT_A_TIME);
        let mut all = HashMap::with_capacity(aliases.len());
        while let Some(batch) = batches.next().await {
            match batch? {
                (_, Batch::NotRead) => return Ok(None),
                (aliases, Batch::Read(owners)) => {
                    all.extend(aliases.into_iter().map(|alias| (alias, owners.get(&alias).copied())));
                }
                (aliases, Batch::Failed) => unread(tally, question, aliases.len()),
            }
        }
        Ok(Some(all))
    }

    /// Judges contacts, and gives back those that are not there. None if the time was up.
    async fn judge_contacts(
        &self,
        ids: &[ContactId],
        question: &Question<'_>,
        tally: &mut Tally,
        has_time: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Vec<ContactId>>, LedgerError> {
        let read = |ids: &[ContactId]| {
            let ids: Vec<_> = ids.to_vec();
            async move {
                if !has_time() {
                    return Ok((ids, Batch::NotRead));
                }
                let candidates = Batch::of(self.candidates(&ids)).await?;
                Ok::<_, LedgerError>((ids, candidates))
            }
        };
        let batches: Vec<_> = ids.chunks(BATCH).map(read).collect();
        let mut batches = stream::iter(batches).buffer_unordered(BATCHES_AT_A_TIME);
        let mut gone = vec![];
        while let Some(batch) = batches.next().await {
            match batch? {
                (_, Batch::NotRead) => return Ok(None),
                (ids, Batch::Read(candidates)) => {
                    for id in ids {
                        match candidates.get(&id) {
                            Some(Some(candidate)) => tally.add(question.on_registers_of(candidate)),
                            Some(None) => unread(tally, question, 1),
                            None => gone.push(id),
                        }
                    }
                }
                (ids, Batch::Failed) => unread(tally, question, ids.len()),
            }
        }
        Ok(Some(gone))
    }

    /// The campaign, and the check of it that is in progress.
    async fn campaign_and_check(
        &self,
        id: &CampaignId,
    ) -> Result<Option<(StoredCampaign, Option<InProgress>)>, LedgerError> {
        let keys = vec![schema::campaign_key(id), schema::check_key(id)];
        let request = vec![(self.tables.ledger.clone(), keys)];
        let items = self.batch_get("read a campaign", request).await?;
        let of_kind = |kind| items.iter().find(|item| schema::is_kind(item, kind));
        let Some(campaign) = of_kind(Kind::Campaign) else {
            return Ok(None);
        };
        let check = of_kind(Kind::CampaignCheck).map(|item| {
            let id = schema::parsed(item, CHECK)?;
            // What cannot be read was written by another version, and is void.
            Ok::<_, LedgerError>((id, Progress::read(item).ok()))
        });
        Ok(Some((self.read_campaign(campaign)?, check.transpose()?)))
    }

    /// Begins a check in place of the one that was read, with the first of its units. None if somebody was faster.
    async fn begin_check(
        &self,
        campaign: &CampaignId,
        open: OpenCheck,
        before: Option<&CheckId>,
        now: Time,
    ) -> Result<Option<Progress>, LedgerError> {
        let claim = Claim::new(now)?;
        let body = serde_json::to_string(&open).map_err(|_| LedgerError::corrupt(BODY))?;
        let mut item = schema::check_key(campaign);
        item.insert(KIND.to_owned(), schema::s(schema::kind::CAMPAIGN_CHECK));
        item.insert(CHECK.to_owned(), schema::s(open.check.to_string()));
        item.insert(BODY.to_owned(), schema::s(body));
        item.insert(unit_claim(FIRST_UNIT), schema::s(&*claim.0));
        let put = self
            .client
            .put_item()
            .table_name(&self.tables.ledger)
            .set_item(Some(item))
            .expression_attribute_names("#check", CHECK)
            .expression_attribute_values(":check", schema::s(open.check.to_string()));
        // Whoever sends it again because no answer came has begun the check, too.
        let put = match before {
            None => put.condition_expression(format!("attribute_not_exists({PK}) OR #check = :check")),
            Some(before) => put
                .condition_expression("#check IN (:before, :check)")
                .expression_attribute_values(":before", schema::s(before.to_string())),
        };
        let is_begun = self.conditionally("begin a check", put.send()).await?;
        Ok(is_begun.then(|| Progress {
            open,
            claims: BTreeMap::from([(FIRST_UNIT, claim)]),
            tallies: BTreeMap::new(),
        }))
    }

    async fn claim_unit(
        &self,
        campaign: &CampaignId,
        open: &OpenCheck,
        unit: u8,
        now: Time,
    ) -> Result<Change, LedgerError> {
        let claim = Claim::new(now)?;
        let (from, to) = Claim::binding(now);
        let update = self
            .change_check(campaign, open)
            .update_expression("SET #claim = :claim")
            .condition_expression(
                "#check = :check AND attribute_not_exists(#tally) \
                 AND (attribute_not_exists(#claim) OR #claim < :from OR #claim >= :to OR #claim = :claim)",
            )
            .expression_attribute_names("#claim", unit_claim(unit))
            .expression_attribute_names("#tally", unit_tally(unit))
            .expression_attribute_values(":claim", schema::s(claim.0))
            .expression_attribute_values(":from", schema::s(from))
            .expression_attribute_values(":to", schema::s(to));
        self.changed_check("claim a unit of a check", open, update).await
    }

    async fn keep_tally(
        &self,
        campaign: &CampaignId,
        open: &OpenCheck,
        unit: u8,
        tally: &Tally,
    ) -> Result<Change, LedgerError> {
        let tally = serde_json::to_string(tally).map_err(|_| LedgerError::corrupt("tally"))?;
        let update = self
            .change_check(campaign, open)
            .update_expression("SET #tally = :tally REMOVE #claim")
            .condition_expression("#check = :check AND attribute_not_exists(#tally)")
            .expression_attribute_names("#claim", unit_claim(unit))
            .expression_attribute_names("#tally", unit_tally(unit))
            .expression_attribute_values(":tally", schema::s(tally));
        self.changed_check("keep what a unit of a check came to", open, update)
            .await
    }

    fn change_check(
        &self,
        campaign: &CampaignId,
        open: &OpenCheck,
    ) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::check_key(campaign)))
            .expression_attribute_names("#check", CHECK)
            .expression_attribute_values(":check", schema::s(open.check.to_string()))
    }

    /// Changes the check in progress, and gives back how far it has come by then.
    async fn changed_check(
        &self,
        what: &'static str,
        open: &OpenCheck,
        update: aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder,
    ) -> Result<Change, LedgerError> {
        let call = update
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send();
        let error = match self.within(what, call).await? {
            Ok(answer) => {
                let item = answer.attributes.unwrap_or_default();
                return Ok(Change::Done(Progress::read(&item)?));
            }
            Err(error) => error,
        };
        let Some(aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(failed)) =
            error.as_service_error()
        else {
            return Err(LedgerError::call(what, &error));
        };
        let there = failed.item().map(Progress::read).transpose()?;
        Ok(match there.filter(|there| there.open.check == open.check) {
            Some(there) => Change::Refused(there),
            None => Change::Gone,
        })
    }

    /// Signs the verdict and ends the check; none if the campaign is another one since, or somebody was faster.
    async fn finish_check(
        &self,
        stored: &StoredCampaign,
        progress: &Progress,
        run: &Run<'_>,
    ) -> Result<Option<StoredCampaign>, LedgerError> {
        let open = &progress.open;
        let campaign = &stored.campaign;
        let checked = Checked {
            check: open.check,
            stage: open.stage,
            began_at: open.began_at,
            ended_at: (run.clock)().max(open.began_at),
            health: open.health.clone(),
            usage: open.usage,
            tally: progress.total(&campaign.audience),
        };
        let verdict = CampaignVerdict::of(campaign, checked, run.policy);
        let end = Delete::builder()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::check_key(&campaign.id)))
            .condition_expression("#check = :check")
            .expression_attribute_names("#check", CHECK)
            .expression_attribute_values(":check", schema::s(open.check.to_string()));
        let actions = [self.give_verdict(stored, &verdict)?, delete_action(end.build())?];
        if self.transact("end a check", &actions).await? != Transacted::Committed {
            return Ok(None);
        }
        Ok(Some(StoredCampaign {
            campaign: Campaign {
                verdict: Some(Box::new(verdict)),
                ..campaign.clone()
            },
            is_intact: true,
            findings: stored.findings,
            version: stored.version + 1,
        }))
    }
}

/// The unit that is claimed with the beginning of a check.
const FIRST_UNIT: u8 = 0;

/// What came of reading a batch.
enum Batch<T> {
    Read(T),
    /// DynamoDB did not answer, or not in time.
    Failed,
    /// There was no time to ask.
    NotRead,
}

impl<T> Batch<T> {
    /// Reads a batch. The caller's deadline ends the whole check; anything else ends the batch alone.
    async fn of(read: impl Future<Output = Result<T, LedgerError>>) -> Result<Self, LedgerError> {
        match tokio::time::timeout(BATCH_TIME, read).await {
            Ok(Ok(read)) => Ok(Self::Read(read)),
            Ok(Err(error @ LedgerError::OutOfTime { .. })) => Err(error),
            Ok(Err(_)) | Err(_) => Ok(Self::Failed),
        }
    }
}

/// The people on some buckets, each of them once.
#[derive(Debug, Default)]
struct People {
    met: HashSet<Pseudonym>,
    known: HashSet<ContactId>,
    /// Contacts that are to be judged.
    contacts: Vec<ContactId>,
    /// The aliases that contacts are listed by.
    aliases: HashMap<ContactId, Pseudonym>,
    /// Aliases that were nobody's when they were listed.
    strangers: Vec<Pseudonym>,
    duplicates: u64,
}

impl People {
    fn meet(&mut self, alias: Pseudonym, contact: Option<ContactId>) {
        if !self.met.insert(alias) {
            self.duplicates += 1;
            return;
        }
        match contact {
            None => self.strangers.push(alias),
            Some(contact) => {
                self.aliases.entry(contact).or_insert(alias);
                self.turns_out(contact);
            }
        }
    }

    /// Somebody turns out to be that contact.
    fn turns_out(&mut self, contact: ContactId) {
        if self.known.insert(contact) {
            self.contacts.push(contact);
        } else {
            self.duplicates += 1;
        }
    }
}

fn unread(tally: &mut Tally, question: &Question<'_>, people: usize) {
    for _ in 0..people {
        tally.add(question.on_nobody(Recipient::Unread, Listing::First));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(units: u8) -> OpenCheck {
        OpenCheck {
            check: CheckId::from_bytes([0; 16]),
            stage: Stage::Ahead,
            began_at: Time::EPOCH,
            policy: PolicyVersion::from_bytes([0; 32]),
            version: 1,
            units,
            health: Health::default(),
            usage: None,
        }
    }

    #[test]
    fn however_many_units_there_are_each_bucket_is_in_one_of_them() {
        for units in 1..=BUCKETS {
            let open = open(units);
            let buckets: Vec<u8> = (0..units).flat_map(|unit| open.buckets(unit)).collect();
            assert_eq!(buckets, (0..BUCKETS).collect::<Vec<_>>(), "{units}");
        }
    }

    #[test]
    fn a_claim_binds_until_it_runs_out_and_not_before_it_can_have_been_made() {
        let now = Time::from_unix_seconds(1_800_000_000);
        let claim = Claim::new(now).unwrap();
        for (at, binds) in [
            (now - Span::hours(1), false),
            (now - SKEW, false),
            (now - Span::seconds(1), true),
            (now, true),
            (now + Span::seconds(59), true),
            (now + CLAIM, false),
        ] {
            assert_eq!(claim.binds(at), binds, "{at}");
        }
    }
}
