//! What people do in the chat about their cases.

use crate::contact::Contact;
use crate::decide::Rules;
use crate::event::{Act, Authorship, Event};
use crate::id::CaseId;
use crate::outgoing::case_id;
use crate::time::Time;
use crate::token::{Action, Token};
use crate::words::{Meaning, RightsWord};

use super::{Case, CaseKind, Channel, Code};

/// What an event of a contact means for their cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseStep {
    /// They demand something: this case opens, and they are asked whether they do.
    Opened(Box<Case>),
    /// They say by the button that the demand is theirs.
    ItIsMe {
        /// The case.
        case: CaseId,
        /// When.
        at: Time,
        /// The code that they are sent, if one is needed as well.
        code: Option<Code>,
    },
}

impl CaseStep {
    /// What the event means; none if it is about no case. A button counts for the contact whom it was sent to, and for as long as
    /// its token says.
    pub fn of(event: &Event, contact: &Contact, rules: &Rules<'_>) -> Option<Self> {
        let at = event.at.min(rules.now);
        match &event.act {
            Act::Said(said) if said.authorship == Authorship::Own => {
                let kind = match said.meaning {
                    Meaning::Rights(RightsWord::Access) => CaseKind::Access,
                    Meaning::Rights(RightsWord::Delete) => CaseKind::Erasure,
                    _ => return None,
                };
                let id = case_id(&event.id);
                let proof = kind.proof(contact.changed_hands_ago(at));
                let mut case = Case::new(id, kind, Channel::Whatsapp, proof, at, rules.now);
                case.ask_identity(at).ok()?;
                Some(Self::Opened(Box::new(case)))
            }
            Act::Tapped { payload, .. } => {
                let token = Token::decode(payload, rules.token_keys).ok()?;
                if token.contact != contact.id || at >= token.expires_at {
                    return None;
                }
                let case = CaseId::from_bytes(*token.request.as_bytes());
                let code = match token.action {
                    Action::ItIsMe => None,
                    // It goes out signed with the newest key.
                    Action::ItIsMeWithCode => Some(Code::of(&case, at, rules.token_keys.first()?)),
                    _ => return None,
                };
                Some(Self::ItIsMe { case, at, code })
            }
            _ => None,
        }
    }
}
