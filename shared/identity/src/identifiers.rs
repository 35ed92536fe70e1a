//! What a contact is known by.

use serde::{Deserialize, Serialize};

use crate::{Bsuid, PhoneNumber};

/// One thing that a contact is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identifier {
    /// A phone number.
    Phone(PhoneNumber),
    /// A business-scoped user id.
    Bsuid(Bsuid),
}

impl From<PhoneNumber> for Identifier {
    fn from(phone: PhoneNumber) -> Self {
        Self::Phone(phone)
    }
}

impl From<Bsuid> for Identifier {
    fn from(bsuid: Bsuid) -> Self {
        Self::Bsuid(bsuid)
    }
}

/// All that a contact is known by: a phone number, a business-scoped user id, or both, but never nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Identifiers {
    phone: Option<PhoneNumber>,
    bsuid: Option<Bsuid>,
}

/// Nothing was given to know a contact by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody is named: give a phone number, a business-scoped user id, or both")]
pub struct NoIdentifier;

impl Identifiers {
    /// The identifiers that are given.
    ///
    /// # Errors
    ///
    /// [`NoIdentifier`], if neither is.
    pub fn new(phone: Option<PhoneNumber>, bsuid: Option<Bsuid>) -> Result<Self, NoIdentifier> {
        if phone.is_none() && bsuid.is_none() {
            return Err(NoIdentifier);
        }
        Ok(Self { phone, bsuid })
    }

    /// Reads the two fields by which Meta's webhooks name a person, and takes what it can get.
    ///
    /// Once a person has a username, Meta leaves the phone field out, sends it empty, or puts the business-scoped id into
    /// it; older deliveries have no id. A field that cannot be read counts as left out. `None`: the delivery names nobody.
    pub fn from_meta(phone_field: Option<&str>, user_id_field: Option<&str>) -> Option<Self> {
        let bsuid = |field: Option<&str>| field.and_then(|text| Bsuid::parse(text).ok());
        let phone = phone_field.and_then(|text| PhoneNumber::from_wa_id(text).ok());
        Self::new(phone, bsuid(user_id_field).or_else(|| bsuid(phone_field))).ok()
    }

    /// The phone number, if it is known.
    pub fn phone(&self) -> Option<&PhoneNumber> {
        self.phone.as_ref()
    }

    /// The business-scoped user id, if it is known.
    pub fn bsuid(&self) -> Option<&Bsuid> {
        self.bsuid.as_ref()
    }

    /// Each identifier that is known, the phone number first.
    pub fn iter(&self) -> impl Iterator<Item = Identifier> {
        let phone = self.phone.clone().map(Identifier::Phone);
        phone.into_iter().chain(self.bsuid.clone().map(Identifier::Bsuid))
    }

    /// Takes from `other` what is not known yet. What is known already stays: that a contact goes by another number is
    /// never concluded from a message.
    pub fn learn(&mut self, other: &Self) {
        self.phone = self.phone.take().or_else(|| other.phone.clone());
        self.bsuid = self.bsuid.take().or_else(|| other.bsuid.clone());
    }
}

impl From<Identifier> for Identifiers {
    fn from(identifier: Identifier) -> Self {
        match identifier {
            Identifier::Phone(phone) => Self {
                phone: Some(phone),
                bsuid: None,
            },
            Identifier::Bsuid(bsuid) => Self {
                phone: None,
                bsuid: Some(bsuid),
            },
        }
    }
}

/// The form in which identifiers are written, before it is known whether there are any.
#[derive(Serialize, Deserialize)]
struct Fields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phone: Option<PhoneNumber>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bsuid: Option<Bsuid>,
}

impl From<Identifiers> for Fields {
    fn from(Identifiers { phone, bsuid }: Identifiers) -> Self {
        Self { phone, bsuid }
    }
}

impl TryFrom<Fields> for Identifiers {
    type Error = NoIdentifier;

    fn try_from(Fields { phone, bsuid }: Fields) -> Result<Self, NoIdentifier> {
        Self::new(phone, bsuid)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn phone() -> PhoneNumber {
        PhoneNumber::parse("+16505551234").unwrap()
    }

    fn bsuid() -> Bsuid {
        Bsuid::parse("US.1349120865").unwrap()
    }

    #[test]
    fn metas_fields_are_read_in_every_form_they_come_in() {
        let both = Identifiers::new(Some(phone()), Some(bsuid())).ok();
        let only_phone = Identifiers::new(Some(phone()), None).ok();
        let only_bsuid = Identifiers::new(None, Some(bsuid())).ok();
        let (number, id) = ("16505551234", "US.1349120865");
        for (phone_field, user_id_field, read) in [
            (Some(number), Some(id), &both),
            (Some("+16505551234"), Some(id), &both),
            (Some(number), None, &only_phone),
            (Some(number), Some(""), &only_phone),
            (Some(number), Some("?"), &only_phone),
            (None, Some(id), &only_bsuid),
            (Some(""), Some(id), &only_bsuid),
            (Some(id), None, &only_bsuid),
            (Some(id), Some(id), &only_bsuid),
            (Some(""), None, &None),
            (None, None, &None),
        ] {
            assert_eq!(
                &Identifiers::from_meta(phone_field, user_id_field),
                read,
                "{phone_field:?} {user_id_field:?}"
            );
        }
    }

    #[test]
    fn where_two_ids_are_given_the_field_for_ids_counts() {
        let read = Identifiers::from_meta(Some("US.2"), Some("US.1349120865")).unwrap();
        assert_eq!(read.bsuid(), Some(&bsuid()));
    }

    #[test]
    fn learning_fills_what_is_missing_and_changes_nothing_else() {
        let mut known = Identifiers::from(Identifier::from(phone()));
        known.learn(&Identifiers::from_meta(Some("4915112345678"), Some("US.1349120865")).unwrap());
        assert_eq!(known.phone(), Some(&phone()));
        assert_eq!(known.bsuid(), Some(&bsuid()));
        assert_eq!(
            known.iter().collect::<Vec<_>>(),
            [Identifier::Phone(phone()), Identifier::Bsuid(bsuid())]
        );
    }

    #[test]
    fn json_that_names_nobody_is_refused() {
        assert!(serde_json::from_str::<Identifiers>("{}").is_err());
        assert!(serde_json::from_str::<Identifiers>(r#"{"phone":null}"#).is_err());
    }

    proptest! {
        #[test]
        fn no_fields_make_reading_panic(phone in any::<Option<String>>(), user_id in any::<Option<String>>()) {
            let _ = Identifiers::from_meta(phone.as_deref(), user_id.as_deref());
        }

        #[test]
        fn identifiers_survive_json(phone in proptest::option::of("[1-9][0-9]{6,14}"), id in "[A-Z]{2}\\.[0-9a-z]{1,128}") {
            let given = Identifiers::from_meta(phone.as_deref(), Some(&id)).unwrap();
            let json = serde_json::to_vec(&given).unwrap();
            prop_assert_eq!(serde_json::from_slice::<Identifiers>(&json).unwrap(), given);
        }
    }
}
