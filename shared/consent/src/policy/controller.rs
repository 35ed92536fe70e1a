//! Who is answerable, and from which numbers they write.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::case::Holiday;
use crate::id::SenderId;

use super::document::{Node, Table};

/// The controller (GDPR Art. 4(7)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controller {
    pub(super) name: String,
    pub(super) address: String,
    pub(super) country: Country,
    pub(super) privacy_url: Option<String>,
    pub(super) public_holidays: Vec<Holiday>,
}

impl Controller {
    /// The name, as it is in the register of companies.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The postal address on one line.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where the controller is established.
    pub fn country(&self) -> Country {
        self.country
    }

    /// The page with the full privacy information.
    pub fn privacy_url(&self) -> Option<&str> {
        self.privacy_url.as_deref()
    }

    /// The days on which no office works where the controller is. A deadline that would end on one ends later; one that is
    /// not listed makes deadlines earlier, never later.
    pub fn public_holidays(&self) -> &[Holiday] {
        &self.public_holidays
    }
}

impl Controller {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let name = table.need("name").and_then(|node| node.line());
        let address = table.need("address").and_then(|node| node.line());
        let country = table.need("country").and_then(|node| node.parsed());
        let privacy_url = table.optional("privacy_url", Node::url);
        let public_holidays = table.optional("public_holidays", |node| {
            let holidays = node.list_of(Node::parsed)?;
            node.distinct(&holidays);
            Some(holidays)
        });
        table.finish();
        Some(Self {
            name: name?,
            address: address?,
            country: country?,
            privacy_url: privacy_url?,
            public_holidays: public_holidays?.unwrap_or_default(),
        })
    }
}

/// The data protection officer (GDPR Art. 37), or whoever answers in their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataProtectionOfficer {
    pub(super) name: Option<String>,
    pub(super) contact: String,
}

impl DataProtectionOfficer {
    /// The name; the law asks only for a way to reach them.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// An e-mail address, or another way to reach them.
    pub fn contact(&self) -> &str {
        &self.contact
    }
}

impl DataProtectionOfficer {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let name = table.optional("name", Node::line);
        let contact = table.need("contact").and_then(|node| node.line());
        table.finish();
        Some(Self {
            name: name?,
            contact: contact?,
        })
    }

    /// The name, if there is one, and how to reach them, as a notice shows it.
    pub(super) fn shown(&self) -> String {
        self.name
            .iter()
            .chain([&self.contact])
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// One of the controller's phone numbers on WhatsApp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    pub(super) id: SenderId,
    pub(super) waba_id: String,
    pub(super) label: String,
    pub(super) display_number: Option<String>,
}

impl Sender {
    /// The phone number id that Meta gave to it.
    pub fn id(&self) -> &SenderId {
        &self.id
    }

    /// The WhatsApp Business Account that the number belongs to.
    pub fn waba_id(&self) -> &str {
        &self.waba_id
    }

    /// What people in the business call it.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The number as contacts see it.
    pub fn display_number(&self) -> Option<&str> {
        self.display_number.as_deref()
    }
}

impl Sender {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        let table = node.table()?;
        let id = table.need("phone_number_id").and_then(|node| node.parsed());
        let waba_id = table.need("waba_id").and_then(|node| {
            let id = node.line()?;
            let digits = id.bytes().all(|b| b.is_ascii_digit());
            if !digits {
                node.fault("write the id of the WhatsApp Business Account from Meta's dashboard, digits only");
            }
            digits.then_some(id)
        });
        let label = table.need("label").and_then(|node| node.line());
        let display_number = table.optional("display_number", Node::line);
        table.finish();
        Some(Self {
            id: id?,
            waba_id: waba_id?,
            label: label?,
            display_number: display_number?,
        })
    }
}

/// A country, as ISO 3166-1 alpha-2 writes it: `DE`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// The two letters.
    pub fn as_str(&self) -> &str {
        // Nothing but capital letters is ever read into it.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Country({self})")
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The text is no country code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a country: write its two capital letters from ISO 3166, such as DE")]
pub struct InvalidCountry;

impl FromStr for Country {
    type Err = InvalidCountry;

    fn from_str(text: &str) -> Result<Self, InvalidCountry> {
        let letters: [u8; 2] = text.as_bytes().try_into().map_err(|_| InvalidCountry)?;
        let valid = letters.iter().all(u8::is_ascii_uppercase);
        valid.then_some(Self(letters)).ok_or(InvalidCountry)
    }
}
