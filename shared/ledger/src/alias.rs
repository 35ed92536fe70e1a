//! Aliases: the keyed hashes that contacts are found by, and what stands there once a contact is gone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{ConditionCheck, TransactWriteItem};
use consent::contact::Contact;
use consent::decide::Rules;
use consent::id::ContactId;
use consent::retention::{Kind, Tombstone};
use identity::Pseudonym;

use crate::error::LedgerError;
use crate::schema::{self, BODY, CONTACT, Item, KIND, PK};
use crate::store::{Ledger, action};

/// What an alias item says.
#[derive(Debug, Clone)]
pub(crate) enum Alias {
    /// Whom the alias belongs to.
    Of(ContactId),
    /// What stays of somebody, exactly as it is written.
    Tombstone(String),
}

impl Alias {
    /// Whom the alias belongs to, if anybody.
    pub(crate) fn owner(&self) -> Option<ContactId> {
        match self {
            Self::Of(contact) => Some(*contact),
            Self::Tombstone(_) => None,
        }
    }

    pub(crate) fn read(item: &Item) -> Result<Self, LedgerError> {
        if schema::is_kind(item, Kind::Tombstone) {
            return Ok(Self::Tombstone(schema::text(item, BODY)?.to_owned()));
        }
        Ok(Self::Of(schema::parsed(item, CONTACT)?))
    }
}

/// An alias that belongs to nobody, so that whoever acts under it next may have it.
#[derive(Debug, Clone)]
pub(crate) struct FreeAlias {
    pub(crate) alias: Pseudonym,
    pub(crate) standing: Standing,
}

/// What stands at an alias that belongs to nobody.
#[derive(Debug, Clone)]
pub(crate) enum Standing {
    /// Nothing.
    Nothing,
    /// What stays of somebody, exactly as it is written.
    Tombstone(String),
    /// The name of a contact that cannot be read any more.
    Gone(Box<GoneContact>),
}

/// A contact that an alias names and that cannot be read: half of it was deleted, or a backup brought half of it back.
#[derive(Debug, Clone)]
pub(crate) struct GoneContact {
    pub(crate) id: ContactId,
    /// Whether the key is still there, and the contact itself is not.
    pub(crate) has_key: bool,
    /// The registers, if they are still there: no key seals them.
    pub(crate) registers: Option<Contact>,
}

impl FreeAlias {
    /// What whoever takes the alias over has to respect.
    pub(crate) fn wishes(&self, rules: &Rules<'_>) -> Result<Option<Tombstone>, LedgerError> {
        if let Standing::Gone(gone) = &self.standing {
            let registers = gone.registers.as_ref();
            return Ok(registers.map(|contact| contact.wishes(rules.policy, rules.now)));
        }
        let tombstone = self.tombstone()?;
        Ok(tombstone.map(|tombstone| tombstone.without_what_is_over(rules.policy, rules.now)))
    }

    /// The tombstone that stands there.
    pub(crate) fn tombstone(&self) -> Result<Option<Tombstone>, LedgerError> {
        match &self.standing {
            Standing::Tombstone(body) => serde_json::from_str(body)
                .map(Some)
                .map_err(|_| LedgerError::corrupt(BODY)),
            Standing::Nothing | Standing::Gone(_) => Ok(None),
        }
    }
}

/// How many aliases are read together: a BatchGetItem takes 100 items.
const BATCH: usize = 100;

impl Ledger {
    /// Whom the aliases belong to, those that belong to anybody.
    pub(crate) async fn owners(
        &self,
        aliases: &BTreeSet<Pseudonym>,
    ) -> Result<HashMap<Pseudonym, ContactId>, LedgerError> {
        let aliases: Vec<_> = aliases.iter().collect();
        let mut owners = HashMap::new();
        for aliases in aliases.chunks(BATCH) {
            let keys = aliases.iter().map(|alias| schema::alias_key(alias)).collect();
            let request = vec![(self.tables.ledger.clone(), keys)];
            for item in self.batch_get("look up aliases", request).await? {
                let alias = schema::alias(schema::text(&item, PK)?).ok_or(LedgerError::corrupt(PK))?;
                if let Some(owner) = Alias::read(&item)?.owner() {
                    owners.insert(alias, owner);
                }
            }
        }
        Ok(owners)
    }

    /// Gives aliases to a contact, on condition that nothing else stands there than what was read.
    pub(crate) fn put_aliases(
        &self,
        free: &[FreeAlias],
        owner: &ContactId,
    ) -> Result<Vec<TransactWriteItem>, LedgerError> {
        let mut actions = vec![];
        let mut gone = BTreeMap::new();
        for free in free {
            actions.push(self.put_alias(free, owner)?);
            if let Standing::Gone(contact) = &free.standing {
                gone.insert(contact.id, contact);
            }
        }
        // Both aliases may name the same contact, and a transaction may look at an item once.
        for contact in gone.into_values() {
            actions.push(self.check_gone(contact)?);
        }
        Ok(actions)
    }

    fn put_alias(&self, free: &FreeAlias, owner: &ContactId) -> Result<TransactWriteItem, LedgerError> {
        let mut item = schema::alias_key(&free.alias);
        item.insert(KIND.to_owned(), schema::s(schema::kind::ALIAS));
        item.insert(CONTACT.to_owned(), schema::s(owner.to_string()));
        let put = self.put_ledger().set_item(Some(item));
        action(match &free.standing {
            Standing::Nothing => put.condition_expression(format!("attribute_not_exists({PK})")),
            Standing::Tombstone(body) => put
                .condition_expression("#kind = :tombstone AND #body = :body")
                .expression_attribute_names("#kind", KIND)
                .expression_attribute_names("#body", BODY)
                .expression_attribute_values(":tombstone", schema::s(schema::kind::TOMBSTONE))
                .expression_attribute_values(":body", schema::s(body)),
            Standing::Gone(gone) => put
                .condition_expression("#contact = :gone")
                .expression_attribute_names("#contact", CONTACT)
                .expression_attribute_values(":gone", schema::s(gone.id.to_string())),
        })
    }

    /// Who reads while others write may see one half of a new contact. A contact that is gone in truth is gone for a
    /// transaction too.
    fn check_gone(&self, gone: &GoneContact) -> Result<TransactWriteItem, LedgerError> {
        let check = if gone.has_key {
            ConditionCheck::builder()
                .table_name(&self.tables.ledger)
                .set_key(Some(schema::contact_key(&gone.id)))
                .condition_expression(format!("attribute_not_exists({PK}) OR #kind <> :contact"))
                .expression_attribute_names("#kind", KIND)
                .expression_attribute_values(":contact", schema::s(schema::kind::CONTACT))
        } else {
            ConditionCheck::builder()
                .table_name(&self.tables.keys)
                .set_key(Some(schema::subject_key(&gone.id)))
                .condition_expression(format!("attribute_not_exists({PK})"))
        };
        let check = check.build().map_err(|_| LedgerError::corrupt(PK))?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }
}
