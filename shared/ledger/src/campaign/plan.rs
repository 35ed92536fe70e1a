//! Campaigns: what is planned, and where each stands.
//!
//! A campaign's item is changed on condition of its version, and only by updates: others count findings on it meanwhile, and
//! its verdict stays exactly as it was signed.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use consent::campaign::{Campaign, CampaignVerdict, Plan, State};
use consent::id::CampaignId;
use consent::policy::Policy;
use consent::retention::Kind;
use consent::time::Time;

use crate::error::LedgerError;
use crate::schema::{
    self, AUDIENCES_SHARD, BODY, CAMPAIGNS_SHARD, COUNT, Item, KIND, PK, PURGE_SHARD, SIGNATURE, VERDICT, VERSION,
};
use crate::store::Ledger;
use crate::transaction::{ATTEMPTS, Amendment, Transacted};

use super::StoredCampaign;

/// What a verdict is signed as.
const DOCUMENT: &str = "verdict";

/// What came of putting a campaign.
#[derive(Debug, Clone)]
pub enum PutCampaign {
    /// It is new.
    Created(StoredCampaign),
    /// It has another plan now. Its audience stays.
    Changed(StoredCampaign),
    /// It had this plan already.
    Same(StoredCampaign),
    /// Its plan cannot be changed any more.
    Closed(State),
}

impl Ledger {
    /// Registers a campaign, or gives it another plan as long as it does not send. Whether the plan can be taken is the caller's
    /// to check, by [`Plan::check`].
    ///
    /// # Errors
    /// When DynamoDB fails, others win every race, or an item is not readable.
    pub async fn put_campaign(
        &self,
        id: &CampaignId,
        plan: &Plan,
        policy: &Policy,
        now: Time,
    ) -> Result<PutCampaign, LedgerError> {
        let what = "put a campaign";
        for attempt in 0..ATTEMPTS {
            let Some((read, has_audience)) = self.campaign_and_audience(id).await? else {
                let created = StoredCampaign {
                    campaign: Campaign::new(id.clone(), plan.clone(), now),
                    is_intact: true,
                    findings: 0,
                    version: 1,
                };
                if self.create_campaign(&created).await? {
                    return Ok(PutCampaign::Created(created));
                }
                self.back_off(attempt, what).await?;
                continue;
            };
            if read.campaign.plan == *plan {
                return Ok(PutCampaign::Same(read));
            }
            if !read.campaign.is_open(now) {
                return Ok(PutCampaign::Closed(read.campaign.state(now)));
            }
            let changed = Campaign {
                plan: plan.clone(),
                ..read.campaign.clone()
            };
            let mut actions = vec![self.change_campaign(&read, &changed)?];
            if has_audience {
                actions.push(self.keep_audience_until(&changed, policy)?);
            }
            if self.transact(what, &actions).await? == Transacted::Committed {
                return Ok(PutCampaign::Changed(StoredCampaign {
                    campaign: changed,
                    version: read.version + 1,
                    ..read
                }));
            }
            self.back_off(attempt, what).await?;
        }
        Err(LedgerError::Contended { attempts: ATTEMPTS })
    }

    /// A campaign as it is now.
    ///
    /// # Errors
    /// When DynamoDB fails or the item is not readable.
    pub async fn campaign(&self, id: &CampaignId) -> Result<Option<StoredCampaign>, LedgerError> {
        let item = self.get("read a campaign", schema::campaign_key(id)).await?;
        item.map(|item| self.read_campaign(&item)).transpose()
    }

    /// The campaigns that start within the policy's look-ahead or have started, the nearest first. One that is over stays among
    /// them until it is [retired](Self::retire_campaign).
    ///
    /// # Errors
    /// When DynamoDB fails or a key is not readable.
    pub async fn campaigns_due(&self, policy: &Policy, now: Time) -> Result<Vec<CampaignId>, LedgerError> {
        let until = now + policy.campaigns().look_ahead();
        self.campaigns_in(CAMPAIGNS_SHARD, until).await
    }

    /// Takes a campaign that is over from those to be checked, and leaves it to the purge. False if it has changed since it was
    /// read.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn retire_campaign(&self, campaign: &StoredCampaign, policy: &Policy) -> Result<bool, LedgerError> {
        let mut set = Item::from([(VERSION.to_owned(), schema::n(campaign.version + 1))]);
        let ends_at = campaign.campaign.plan.ends_at();
        if let Some(due_at) = Kind::Campaign.due_at(ends_at, policy) {
            schema::set_due(&mut set, Kind::Campaign, PURGE_SHARD.to_owned(), due_at);
        }
        let retirement = Amendment { set, remove: vec![] }.action(self.unchanged(campaign))?;
        let ended = self.transact("retire a campaign", &[retirement]).await?;
        Ok(ended == Transacted::Committed)
    }

    /// The ids of campaigns that have an item due until then in a partition of the index, in the order of their due times.
    pub(super) async fn campaigns_in(&self, shard: &str, until: Time) -> Result<Vec<CampaignId>, LedgerError> {
        let keys = self.indexed("look for campaigns", shard, until).await?;
        let id = |key: &Item| schema::campaign_id(schema::text(key, PK)?).ok_or(LedgerError::corrupt(PK));
        keys.iter().map(id).collect()
    }

    /// A campaign as its item says it.
    pub(crate) fn read_campaign(&self, item: &Item) -> Result<StoredCampaign, LedgerError> {
        let mut campaign: Campaign = schema::body(item)?;
        let mut is_intact = true;
        if item.contains_key(VERDICT) {
            let text = schema::text(item, VERDICT)?;
            let verdict: CampaignVerdict = schema::json(item, VERDICT)?;
            let signature = schema::parsed(item, SIGNATURE);
            let is_signed = signature.is_ok_and(|signature| self.keys.report().verify(DOCUMENT, text, &signature));
            // The verdict on another campaign would be signed as well.
            is_intact = is_signed && verdict.campaign == campaign.id;
            campaign.verdict = Some(Box::new(verdict));
        }
        Ok(StoredCampaign {
            campaign,
            is_intact,
            findings: count(item)?,
            version: schema::number(item, VERSION)?,
        })
    }

    /// Writes the campaign as it is to be, on condition that it is as it was read. Its verdict stays as it was signed.
    pub(crate) fn change_campaign(
        &self,
        read: &StoredCampaign,
        campaign: &Campaign,
    ) -> Result<TransactWriteItem, LedgerError> {
        let mut set = campaign_attributes(campaign)?;
        set.insert(VERSION.to_owned(), schema::n(read.version + 1));
        Amendment { set, remove: vec![] }.action(self.unchanged(read))
    }

    /// Signs a verdict and gives it to its campaign, on condition that the campaign is as it was read.
    pub(crate) fn give_verdict(
        &self,
        read: &StoredCampaign,
        verdict: &CampaignVerdict,
    ) -> Result<TransactWriteItem, LedgerError> {
        let text = serde_json::to_string(verdict).map_err(|_| LedgerError::corrupt(VERDICT))?;
        let signature = self.keys.report().sign(DOCUMENT, &text);
        let set = Item::from([
            (VERDICT.to_owned(), schema::s(text)),
            (SIGNATURE.to_owned(), schema::s(signature.to_string())),
            (VERSION.to_owned(), schema::n(read.version + 1)),
        ]);
        Amendment { set, remove: vec![] }.action(self.unchanged(read))
    }

    /// An update of the campaign, on condition that it is as it was read.
    fn unchanged(&self, read: &StoredCampaign) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::campaign_key(&read.campaign.id)))
            .condition_expression("#version = :version")
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":version", schema::n(read.version))
    }

    async fn create_campaign(&self, created: &StoredCampaign) -> Result<bool, LedgerError> {
        let mut item = schema::campaign_key(&created.campaign.id);
        item.insert(KIND.to_owned(), schema::s(schema::kind::CAMPAIGN));
        item.insert(VERSION.to_owned(), schema::n(created.version));
        item.extend(campaign_attributes(&created.campaign)?);
        let call = self
            .client
            .put_item()
            .table_name(&self.tables.ledger)
            .set_item(Some(item))
            .condition_expression(format!("attribute_not_exists({PK})"))
            .send();
        self.conditionally("register a campaign", call).await
    }

    /// The campaign, and whether it was ever given an audience.
    async fn campaign_and_audience(&self, id: &CampaignId) -> Result<Option<(StoredCampaign, bool)>, LedgerError> {
        let keys = vec![schema::campaign_key(id), schema::audience_key(id)];
        let request = vec![(self.tables.ledger.clone(), keys)];
        let items = self.batch_get("read a campaign", request).await?;
        let campaign = items.iter().find(|item| schema::is_kind(item, Kind::Campaign));
        let has_audience = items.iter().any(|item| schema::is_kind(item, Kind::Audience));
        campaign
            .map(|item| Ok((self.read_campaign(item)?, has_audience)))
            .transpose()
    }

    /// The audience is due by the end of its campaign.
    fn keep_audience_until(&self, campaign: &Campaign, policy: &Policy) -> Result<TransactWriteItem, LedgerError> {
        let update = Update::builder()
            .table_name(&self.tables.ledger)
            .set_key(Some(schema::audience_key(&campaign.id)))
            .condition_expression(format!("attribute_exists({PK})"));
        let mut set = Item::new();
        set_audience_due(&mut set, campaign, policy);
        Amendment { set, remove: vec![] }.action(update)
    }
}

/// Writes when a campaign's audience is due.
pub(super) fn set_audience_due(audience: &mut Item, campaign: &Campaign, policy: &Policy) {
    if let Some(due_at) = Kind::Audience.due_at(campaign.plan.ends_at(), policy) {
        schema::set_due(audience, Kind::Audience, AUDIENCES_SHARD.to_owned(), due_at);
    }
}

/// What the item of a campaign that is not over says of it, apart from its verdict.
fn campaign_attributes(campaign: &Campaign) -> Result<Item, LedgerError> {
    let without_verdict = Campaign {
        verdict: None,
        ..campaign.clone()
    };
    let body = serde_json::to_string(&without_verdict).map_err(|_| LedgerError::corrupt(BODY))?;
    let mut attributes = Item::from([(BODY.to_owned(), schema::s(body))]);
    let starts_at = campaign.plan.scheduled_at.at();
    schema::set_due(&mut attributes, Kind::Campaign, CAMPAIGNS_SHARD.to_owned(), starts_at);
    Ok(attributes)
}

/// How many findings were counted on a campaign.
fn count(item: &Item) -> Result<u64, LedgerError> {
    if !item.contains_key(COUNT) {
        return Ok(0);
    }
    u64::try_from(schema::number(item, COUNT)?).map_err(|_| LedgerError::corrupt(COUNT))
}
