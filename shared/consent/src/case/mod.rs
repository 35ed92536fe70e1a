//! Cases: what people demand of the controller about their data (Art. 15 to 22 GDPR), and by when it is done.
//!
//! A case goes forward only. It is `received`; where the person has to show that they are the person, `identity_pending`;
//! `verified`; `in_progress`; and it ends in one of five ways, after which nothing about it changes.

mod code;
mod deadline;
mod holiday;
mod page;
mod step;

use serde::{Deserialize, Serialize};

use crate::id::{CaseId, CodeHash};
use crate::policy::Controller;
use crate::time::{Span, Time};

pub use code::{CODE_DAY, CODE_LIFE, Code, Codes, InvalidCode, MOST_CODES, MOST_TRIES, TooManyCodes, WrongCode};
pub use deadline::end_of_months;
pub use holiday::{Holiday, InvalidHoliday};
pub use page::PageLink;
pub use step::{CaseStep, PendingStep};

/// How many months an answer may take (Art. 12(3) GDPR).
pub const PERIOD: u32 = 1;

/// How many more it may take where the case is complex (Art. 12(3) GDPR).
const EXTENSION: u32 = 2;

/// How soon after its receipt identity has to be asked for, so that the period stands still until it is shown: whoever asks
/// later has lost the time (EDPB Guidelines 01/2022, no. 157).
pub const AT_ONCE: Span = Span::days(1);

/// How lately a number or id must have changed hands for a code to be needed whatever is demanded.
pub const CHANGED_LATELY: Span = Span::days(90);

/// How long the button counts by which somebody says that a demand is theirs.
pub const TAP_LIFE: Span = Span::hours(72);

/// What somebody demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseKind {
    /// To know what is held about them, and to have a copy (Art. 15).
    Access,
    /// To have what they gave in a form that machines read (Art. 20).
    Portability,
    /// That something be put right (Art. 16).
    Rectification,
    /// That everything be deleted (Art. 17).
    Erasure,
    /// That everything be kept and nothing done with it (Art. 18).
    Restriction,
    /// That no more advertising be sent (Art. 21(2)).
    Objection,
}

impl CaseKind {
    /// All there are.
    pub const ALL: [Self; 6] = [
        Self::Access,
        Self::Portability,
        Self::Rectification,
        Self::Erasure,
        Self::Restriction,
        Self::Objection,
    ];

    /// The stable name, as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Portability => "portability",
            Self::Rectification => "rectification",
            Self::Erasure => "erasure",
            Self::Restriction => "restriction",
            Self::Objection => "objection",
        }
    }

    /// Whether it is answered with a copy of what is held.
    pub fn gives_copy(self) -> bool {
        matches!(self, Self::Access | Self::Portability)
    }

    /// What has to show that whoever demands it is the person, if the number or id changed hands that long ago, or never.
    ///
    /// Nothing more than needed is asked (Art. 12(6) and 11 GDPR; EDPB Guidelines 01/2022, no. 65): an objection harms nobody if
    /// it is another's; a copy in the wrong hands harms most.
    pub fn proof(self, changed: Option<Span>) -> IdentityProof {
        if self == Self::Objection {
            return IdentityProof::None;
        }
        let changed_lately = changed.is_some_and(|ago| ago < CHANGED_LATELY);
        match self {
            _ if self.gives_copy() => IdentityProof::Code,
            _ if changed_lately => IdentityProof::Code,
            _ => IdentityProof::Tap,
        }
    }
}

/// What shows that somebody is the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityProof {
    /// Nothing has to.
    None,
    /// A tap on a button that was sent to them on WhatsApp.
    Tap,
    /// The tap, and a code that was sent to them on WhatsApp.
    Code,
}

/// How a demand came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// In the chat.
    Whatsapp,
    /// By e-mail.
    Email,
    /// By letter.
    Post,
    /// By telephone.
    Phone,
    /// On a page of the controller's.
    Web,
    /// Face to face.
    InPerson,
}

/// Where a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseState {
    /// It is known, and nothing was done.
    Received,
    /// The person was asked to show that they are the person.
    IdentityPending,
    /// They did.
    Verified,
    /// It is being worked on.
    InProgress,
    /// It is being worked on, and the person was told that it takes longer.
    Extended,
    /// All that was demanded is done.
    Fulfilled,
    /// Some of it is done, and the person was told why not all.
    PartiallyFulfilled,
    /// Nothing of it is done, and the person was told why.
    Refused,
    /// The person no longer demands it.
    Withdrawn,
    /// Another case is about the same.
    Duplicate,
}

impl CaseState {
    /// Whether nothing comes after it.
    pub fn is_closed(self) -> bool {
        match self {
            Self::Received | Self::IdentityPending | Self::Verified | Self::InProgress | Self::Extended => false,
            Self::Fulfilled | Self::PartiallyFulfilled | Self::Refused | Self::Withdrawn | Self::Duplicate => true,
        }
    }
}

/// How a case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As [`CaseState::Fulfilled`].
    Fulfilled,
    /// As [`CaseState::PartiallyFulfilled`].
    PartiallyFulfilled,
    /// As [`CaseState::Refused`].
    Refused,
    /// As [`CaseState::Withdrawn`].
    Withdrawn,
    /// As [`CaseState::Duplicate`].
    Duplicate,
}

impl Outcome {
    /// Whether something was done for the person, which only the person may cause.
    fn does_something(self) -> bool {
        matches!(self, Self::Fulfilled | Self::PartiallyFulfilled)
    }

    fn state(self) -> CaseState {
        match self {
            Self::Fulfilled => CaseState::Fulfilled,
            Self::PartiallyFulfilled => CaseState::PartiallyFulfilled,
            Self::Refused => CaseState::Refused,
            Self::Withdrawn => CaseState::Withdrawn,
            Self::Duplicate => CaseState::Duplicate,
        }
    }
}

/// How far the work on a case has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "name")]
enum Stage {
    Received,
    IdentityPending,
    Verified,
    InProgress,
    Closed { outcome: Outcome, at: Time },
}

/// Why a step cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// The case is over.
    #[error("the case is closed, and a closed case is never opened again: register a new one")]
    Closed,
    /// Nobody has shown yet that it is the person who demands it.
    #[error("the person has not shown yet that they are the person: verify them first")]
    NotVerified,
    /// They have.
    #[error("the person has shown already that they are the person, or need not")]
    NothingToShow,
    /// It has been extended before.
    #[error("the case was extended before: Art. 12(3) GDPR allows it once")]
    ExtendedBefore,
    /// The first month is over.
    #[error("the time in which the person had to be told of an extension was over at {due}")]
    TooLate {
        /// When it was.
        due: Time,
    },
}

/// A case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Its id.
    pub id: CaseId,
    /// What is demanded.
    pub kind: CaseKind,
    /// How the demand came.
    pub channel: Channel,
    /// When it did.
    pub received_at: Time,
    /// What has to show that it is the person who demands it.
    pub proof: IdentityProof,
    stage: Stage,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    identity_asked_at: Option<Time>,
    /// When the person tapped the button that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tapped_at: Option<Time>,
    /// When the person told the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code_told_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    identity_shown_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    extended_at: Option<Time>,
    /// The case that was open already when the same person demanded the same again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<CaseId>,
    /// What is kept of the codes that were sent to the person.
    #[serde(default, skip_serializing_if = "Codes::is_empty")]
    codes: Codes,
}

impl Case {
    /// A demand as it is registered. One that is dated in the future came now.
    pub fn new(
        id: CaseId,
        kind: CaseKind,
        channel: Channel,
        proof: IdentityProof,
        received_at: Time,
        now: Time,
    ) -> Self {
        Self {
            id,
            kind,
            channel,
            received_at: received_at.min(now),
            proof,
            stage: Stage::Received,
            identity_asked_at: None,
            tapped_at: None,
            code_told_at: None,
            identity_shown_at: None,
            extended_at: None,
            duplicate_of: None,
            codes: Codes::default(),
        }
    }

    /// Where it stands.
    pub fn state(&self) -> CaseState {
        match self.stage {
            Stage::Received => CaseState::Received,
            Stage::IdentityPending => CaseState::IdentityPending,
            Stage::Verified => CaseState::Verified,
            Stage::InProgress if self.extended_at.is_some() => CaseState::Extended,
            Stage::InProgress => CaseState::InProgress,
            Stage::Closed { outcome, .. } => outcome.state(),
        }
    }

    /// When it was closed, if it was.
    pub fn closed_at(&self) -> Option<Time> {
        match self.stage {
            Stage::Closed { at, .. } => Some(at),
            _ => None,
        }
    }

    /// Whether what was demanded was done, all of it or some.
    pub fn was_fulfilled(&self) -> bool {
        matches!(self.stage, Stage::Closed { outcome, .. } if outcome.does_something())
    }

    /// When the person was told that it takes longer, if they were.
    pub fn extended_at(&self) -> Option<Time> {
        self.extended_at
    }

    /// The person is asked to show that they are the person. That they are asked once more changes nothing.
    ///
    /// # Errors
    /// [`StepError`] if they have, or need not, or the case is closed.
    pub fn ask_identity(&mut self, now: Time) -> Result<(), StepError> {
        match self.stage {
            Stage::Closed { .. } => Err(StepError::Closed),
            Stage::Received if self.proof != IdentityProof::None => {
                self.identity_asked_at = Some(now.max(self.received_at));
                self.stage = Stage::IdentityPending;
                Ok(())
            }
            Stage::IdentityPending => Ok(()),
            Stage::Received | Stage::Verified | Stage::InProgress => Err(StepError::NothingToShow),
        }
    }

    /// The person has shown something of what shows that they are the person. They have when it is all that is needed.
    ///
    /// # Errors
    /// [`StepError`] if they had before, or need not, or the case is closed.
    pub fn show(&mut self, shown: IdentityProof, now: Time) -> Result<(), StepError> {
        match self.stage {
            Stage::Closed { .. } => return Err(StepError::Closed),
            Stage::Received | Stage::IdentityPending if self.proof != IdentityProof::None => {}
            _ => return Err(StepError::NothingToShow),
        }
        let at = now.max(self.identity_asked_at.unwrap_or(self.received_at));
        match shown {
            IdentityProof::None => {}
            IdentityProof::Tap => self.tapped_at = self.tapped_at.or(Some(at)),
            IdentityProof::Code => self.code_told_at = self.code_told_at.or(Some(at)),
        }
        let is_shown = match self.proof {
            IdentityProof::None => true,
            IdentityProof::Tap => self.tapped_at.is_some(),
            IdentityProof::Code => self.tapped_at.is_some() && self.code_told_at.is_some(),
        };
        if is_shown {
            self.identity_shown_at = Some(at);
            self.stage = Stage::Verified;
        }
        Ok(())
    }

    /// The person, who tapped the button, is sent a code. From then on it is needed, whatever was before: their number changed hands
    /// since.
    ///
    /// # Errors
    /// [`TooManyCodes`].
    fn send_code(&mut self, hash: CodeHash, now: Time) -> Result<(), TooManyCodes> {
        if self.proof == IdentityProof::Tap && self.identity_shown_at.is_none() {
            self.proof = IdentityProof::Code;
        }
        self.codes.send(hash, now)
    }

    /// Somebody taps the button, and is sent a code if it needs one. Where too many were sent, those from before stay good, and this
    /// one is not: [`TooManyCodes`] within.
    ///
    /// # Errors
    /// [`StepError`] if there is nothing to show any more. A copy that was made is opened by another code.
    pub fn tap(&mut self, code: Option<CodeHash>, now: Time) -> Result<Result<(), TooManyCodes>, StepError> {
        let sent = code.map_or(Ok(()), |code| self.send_code(code, now));
        match self.show(IdentityProof::Tap, now) {
            Err(_) if code.is_some() && self.reads_copy() => Ok(sent),
            shown => shown.map(|()| sent),
        }
    }

    /// Somebody tells a code, which hashes to these under the keys there are. What changed has to be kept in either case.
    ///
    /// # Errors
    /// [`StepError`] if nobody waits for one; within it [`WrongCode`].
    pub fn tell_code(&mut self, hashes: &[CodeHash], now: Time) -> Result<Result<(), WrongCode>, StepError> {
        match self.clone().show(IdentityProof::Code, now) {
            Ok(()) => {}
            Err(_) if self.reads_copy() => return Ok(self.codes.tell(hashes, now)),
            Err(error) => return Err(error),
        }
        let told = self.codes.tell(hashes, now);
        if told.is_ok() {
            self.show(IdentityProof::Code, now)?;
        }
        Ok(told)
    }

    /// Whether the person has shown who they are and may read the copy, each time with another code.
    fn reads_copy(&self) -> bool {
        let may = match self.stage {
            Stage::Received | Stage::IdentityPending => false,
            Stage::Verified | Stage::InProgress => true,
            Stage::Closed { outcome, .. } => outcome.does_something(),
        };
        may && self.kind.gives_copy()
    }

    /// Work on it begins. That it begins once more changes nothing.
    ///
    /// # Errors
    /// [`StepError`] if the person still has to show that they are the person, or the case is closed.
    pub fn begin(&mut self) -> Result<(), StepError> {
        match self.stage {
            Stage::Closed { .. } => return Err(StepError::Closed),
            Stage::Received | Stage::IdentityPending if self.proof != IdentityProof::None => {
                return Err(StepError::NotVerified);
            }
            Stage::Received | Stage::IdentityPending | Stage::Verified | Stage::InProgress => {}
        }
        self.stage = Stage::InProgress;
        Ok(())
    }

    /// The person is told that it takes two months longer, and why.
    ///
    /// # Errors
    /// [`StepError`] if they were before, if the first month is over, or the case is closed.
    pub fn extend(&mut self, controller: &Controller, now: Time) -> Result<(), StepError> {
        if self.state().is_closed() {
            return Err(StepError::Closed);
        }
        if self.extended_at.is_some() {
            return Err(StepError::ExtendedBefore);
        }
        let due = self.due_at(controller, now);
        if now > due {
            return Err(StepError::TooLate { due });
        }
        self.extended_at = Some(now);
        Ok(())
    }

    /// It is over. What the outcome says was done is done already.
    ///
    /// # Errors
    /// [`StepError`] if it was over before, or if something was done for somebody who may not be the person.
    pub fn close(&mut self, outcome: Outcome, now: Time) -> Result<(), StepError> {
        if outcome.does_something() {
            self.begin()?;
        } else if self.state().is_closed() {
            return Err(StepError::Closed);
        }
        self.stage = Stage::Closed {
            outcome,
            at: now.max(self.received_at),
        };
        Ok(())
    }

    /// The same person demands the same in another case that is open: one answer is enough.
    ///
    /// # Errors
    /// [`StepError::Closed`] if it is over.
    pub fn repeats(&mut self, other: CaseId, now: Time) -> Result<(), StepError> {
        self.close(Outcome::Duplicate, now)?;
        self.duplicate_of = Some(other);
        Ok(())
    }

    /// When the answer is due: as things stand now, if the period stands still until the person shows who they are.
    pub fn due_at(&self, controller: &Controller, now: Time) -> Time {
        let months = match self.extended_at {
            Some(_) => PERIOD + EXTENSION,
            None => PERIOD,
        };
        end_of_months(self.received_at + self.stood_still(now), months, controller)
    }

    /// Whether the period stands still.
    pub fn stands_still(&self) -> bool {
        self.stage == Stage::IdentityPending && self.asked_at_once().is_some()
    }

    fn stood_still(&self, now: Time) -> Span {
        let until = self.identity_shown_at.or(self.closed_at()).unwrap_or(now);
        self.asked_at_once()
            .map_or(Span::seconds(0), |asked| until.since(asked))
    }

    fn asked_at_once(&self) -> Option<Time> {
        self.identity_asked_at
            .filter(|asked| asked.since(self.received_at) <= AT_ONCE)
    }
}

#[cfg(test)]
mod tests;
