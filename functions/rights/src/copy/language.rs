//! What the pages for people say in the languages that they are written in.

use consent::case::{CaseKind, CaseState};
use consent::contact::Status;
use consent::evidence::{Actor, EvidenceKind, Expression, Validity};
use consent::retention::Kind;
use consent::suppression::SuppressionKind;

/// A language that the pages are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// German.
    German,
}

impl Language {
    /// The one that serves somebody best who speaks that language; English where no other is known.
    pub fn of(tag: &str) -> Self {
        let language = tag.trim().get(..2).unwrap_or_default();
        if language.eq_ignore_ascii_case("de") {
            Self::German
        } else {
            Self::English
        }
    }

    /// How HTML names it.
    pub fn tag(self) -> &'static str {
        self.say("en", "de")
    }

    /// The words in this language.
    pub fn say<'a>(self, english: &'a str, german: &'a str) -> &'a str {
        match self {
            Self::English => english,
            Self::German => german,
        }
    }

    pub(crate) fn event(self, kind: EvidenceKind) -> &'static str {
        match kind {
            EvidenceKind::Requested => self.say("Consent was asked for", "Einwilligung wurde erbeten"),
            EvidenceKind::PromptSent => self.say("The question was sent", "Die Frage wurde gesendet"),
            EvidenceKind::PromptDelivered => self.say("The question arrived", "Die Frage kam an"),
            EvidenceKind::PromptFailed => self.say("The question did not arrive", "Die Frage kam nicht an"),
            EvidenceKind::Confirmed => self.say("You agreed", "Sie haben zugestimmt"),
            EvidenceKind::Declined => self.say("You said no", "Sie haben abgelehnt"),
            EvidenceKind::NotMe => self.say("You said that it was not you", "Sie sagten, dass Sie es nicht waren"),
            EvidenceKind::Withdrawn => self.say("You withdrew", "Sie haben widerrufen"),
            EvidenceKind::Objected => self.say("You objected to advertising", "Sie haben Werbung widersprochen"),
            EvidenceKind::PlatformStop => self.say(
                "You stopped advertising in WhatsApp's settings",
                "Sie haben Werbung in den Einstellungen von WhatsApp beendet",
            ),
            EvidenceKind::PlatformResume => self.say(
                "You allowed advertising again in WhatsApp's settings",
                "Sie haben Werbung in den Einstellungen von WhatsApp wieder erlaubt",
            ),
            EvidenceKind::Held => self.say(
                "You may have meant to stop, and were asked",
                "Sie meinten vielleicht Stopp und wurden gefragt",
            ),
            EvidenceKind::Kept => self.say("You did not mean to stop", "Sie meinten nicht Stopp"),
            EvidenceKind::Invalidated => self.say(
                "The number or id changed hands, or may have",
                "Die Nummer oder Kennung hat gewechselt oder könnte es haben",
            ),
            EvidenceKind::Restricted => self.say(
                "Your data was restricted to being kept",
                "Ihre Daten wurden auf die Aufbewahrung beschränkt",
            ),
            EvidenceKind::Unrestricted => self.say("The restriction ended", "Die Einschränkung endete"),
            EvidenceKind::Rectified => self.say("Something was corrected", "Etwas wurde berichtigt"),
            EvidenceKind::ErasureRefused => self.say(
                "Erasure was refused: the law wants the data kept",
                "Die Löschung wurde abgelehnt: Das Gesetz verlangt die Aufbewahrung",
            ),
        }
    }

    pub(crate) fn validity(self, validity: Validity) -> &'static str {
        match validity {
            Validity::Counted => self.say("counts", "zählt"),
            Validity::TokenForged => self.say(
                "does not count: not signed by us",
                "zählt nicht: nicht von uns signiert",
            ),
            Validity::TokenOfAnotherContact => self.say(
                "does not count: meant for somebody else",
                "zählt nicht: für jemand anderen bestimmt",
            ),
            Validity::TokenExpired => self.say("does not count: too late", "zählt nicht: zu spät"),
            Validity::PromptOlderThanStop => self.say(
                "does not count: you stopped since",
                "zählt nicht: Sie hatten inzwischen widerrufen",
            ),
            Validity::PromptFailed => self.say(
                "does not count: the question never arrived",
                "zählt nicht: die Frage kam nie an",
            ),
            Validity::NoticeRetired => self.say(
                "does not count: the notice is no longer in force",
                "zählt nicht: der Hinweis gilt nicht mehr",
            ),
            Validity::OlderThanConfirmation => self.say(
                "changes nothing: you agreed later",
                "ändert nichts: Sie haben später zugestimmt",
            ),
            Validity::OpenFormAfterStop => self.say(
                "does not count: anyone could have filled in the form",
                "zählt nicht: das Formular hätte jeder ausfüllen können",
            ),
            Validity::RequestOlderThanStop => self.say(
                "does not count: you stopped later",
                "zählt nicht: Sie haben später widerrufen",
            ),
            Validity::Suppressed => self.say("nothing was sent: forbidden", "nichts gesendet: nicht erlaubt"),
            Validity::PromptAlive => self.say(
                "nothing was sent: a question is open",
                "nichts gesendet: eine Frage ist noch offen",
            ),
            Validity::RateLimited => self.say(
                "nothing was sent: too many in a day",
                "nichts gesendet: zu viele an einem Tag",
            ),
            Validity::AlreadyConfirmed => self.say(
                "nothing was sent: you had agreed",
                "nichts gesendet: Sie hatten schon zugestimmt",
            ),
            Validity::SeveralPrompts => self.say(
                "you were asked which one you meant",
                "Sie wurden gefragt, was Sie meinten",
            ),
            Validity::NotOffered => self.say("nothing was sent: not offered", "nichts gesendet: nicht angeboten"),
        }
    }

    pub(crate) fn actor(self, actor: &Actor) -> &'static str {
        match actor {
            Actor::Contact => self.say("you", "Sie"),
            Actor::System => self.say("this system", "dieses System"),
            Actor::Meta => "Meta",
            Actor::Operator(_) => self.say("somebody at the business", "jemand im Unternehmen"),
        }
    }

    pub(crate) fn expression(self, expression: Expression) -> &'static str {
        match expression {
            Expression::ButtonToken | Expression::ButtonLabel => self.say("by a button", "über eine Schaltfläche"),
            Expression::TypedWord => self.say("in writing", "schriftlich"),
            Expression::Form => self.say("by a form", "über ein Formular"),
        }
    }

    pub(crate) fn status(self, status: Status) -> &'static str {
        match status {
            Status::None => self.say("nothing is known", "nichts bekannt"),
            Status::Requested | Status::Pending => self.say("you were asked", "Sie wurden gefragt"),
            Status::Confirmed => self.say("you agreed", "Sie haben zugestimmt"),
            Status::Expired => self.say("you did not answer", "Sie haben nicht geantwortet"),
            Status::Declined => self.say("you said no", "Sie haben abgelehnt"),
            Status::Withdrawn => self.say("you withdrew", "Sie haben widerrufen"),
            Status::Lapsed => self.say(
                "lapsed, because it was not used",
                "erloschen, weil sie nicht genutzt wurde",
            ),
            Status::Invalidated => self.say("no longer counts", "zählt nicht mehr"),
        }
    }

    pub(crate) fn suppression(self, kind: &SuppressionKind) -> String {
        let known = match kind {
            SuppressionKind::ObjectionMarketing => {
                self.say("no advertising: you objected", "keine Werbung: Sie haben widersprochen")
            }
            SuppressionKind::PlatformStop => self.say(
                "no advertising: WhatsApp's settings",
                "keine Werbung: Einstellungen von WhatsApp",
            ),
            SuppressionKind::AmbiguousHold => self.say(
                "no advertising until you answer a question",
                "keine Werbung, bis Sie eine Frage beantwortet haben",
            ),
            SuppressionKind::NotMe => self.say("no questions: it was not you", "keine Fragen: Sie waren es nicht"),
            SuppressionKind::StopAll => self.say("no messages at all", "gar keine Nachrichten"),
            SuppressionKind::RestrictionArt18 => {
                self.say("nothing but storing (Art. 18 GDPR)", "nur Aufbewahrung (Art. 18 DSGVO)")
            }
            SuppressionKind::Undeliverable => self.say("cannot be reached", "nicht erreichbar"),
            SuppressionKind::Erased => self.say("you were erased", "Sie wurden gelöscht"),
            SuppressionKind::Unknown(name) => return name.to_string(),
        };
        known.to_owned()
    }

    pub(crate) fn demand(self, kind: CaseKind) -> &'static str {
        match kind {
            CaseKind::Access => self.say("Access (Art. 15 GDPR)", "Auskunft (Art. 15 DSGVO)"),
            CaseKind::Portability => self.say("Portability (Art. 20 GDPR)", "Datenübertragbarkeit (Art. 20 DSGVO)"),
            CaseKind::Rectification => self.say("Rectification (Art. 16 GDPR)", "Berichtigung (Art. 16 DSGVO)"),
            CaseKind::Erasure => self.say("Erasure (Art. 17 GDPR)", "Löschung (Art. 17 DSGVO)"),
            CaseKind::Restriction => self.say("Restriction (Art. 18 GDPR)", "Einschränkung (Art. 18 DSGVO)"),
            CaseKind::Objection => self.say("Objection (Art. 21 GDPR)", "Widerspruch (Art. 21 DSGVO)"),
        }
    }

    pub(crate) fn case_state(self, state: CaseState) -> &'static str {
        match state {
            CaseState::Received => self.say("received", "eingegangen"),
            CaseState::IdentityPending => self.say("you were asked to confirm", "Bestätigung erbeten"),
            CaseState::Verified => self.say("you confirmed", "von Ihnen bestätigt"),
            CaseState::InProgress => self.say("being worked on", "in Bearbeitung"),
            CaseState::Extended => self.say("being worked on, takes longer", "in Bearbeitung, verlängert"),
            CaseState::Fulfilled => self.say("done", "erledigt"),
            CaseState::PartiallyFulfilled => self.say("done in part", "teilweise erledigt"),
            CaseState::Refused => self.say("refused", "abgelehnt"),
            CaseState::Withdrawn => self.say("withdrawn", "zurückgezogen"),
            CaseState::Duplicate => self.say("the same as another one", "gleich einem anderen"),
        }
    }

    /// What a kind of record is called that can be about a person.
    pub(crate) fn record(self, kind: Kind) -> &'static str {
        match kind {
            Kind::Contact => self.say("Your entry", "Ihr Eintrag"),
            Kind::SubjectKey => self.say("The key that seals it", "Der Schlüssel, der ihn versiegelt"),
            Kind::Alias => self.say("How you are found", "Wie Sie gefunden werden"),
            Kind::Tombstone => self.say("What you do not want", "Was Sie nicht möchten"),
            Kind::Outbox => self.say("Messages of this system to you", "Nachrichten dieses Systems an Sie"),
            Kind::Quarantine => self.say(
                "Deliveries that could not be read and mention you",
                "Zustellungen, die nicht gelesen werden konnten und Sie erwähnen",
            ),
            Kind::LegalHold => self.say(
                "That the law wants it kept",
                "Dass das Gesetz die Aufbewahrung verlangt",
            ),
            Kind::ErasureRegister => self.say("That you were erased", "Dass Sie gelöscht wurden"),
            Kind::AudiencePart => self.say(
                "Campaigns that you are listed for",
                "Kampagnen, für die Sie vorgesehen sind",
            ),
            Kind::Send => self.say("Messages of campaigns to you", "Nachrichten aus Kampagnen an Sie"),
            Kind::Finding => self.say(
                "That a stop may have been missed",
                "Dass ein Stopp übersehen worden sein kann",
            ),
            Kind::Case => self.say("What you demanded", "Was Sie verlangt haben"),
            Kind::CaseLink => self.say("That it was you", "Dass Sie es waren"),
            // They are about nobody.
            Kind::Remains
            | Kind::Evidence
            | Kind::Policy
            | Kind::ActivePolicy
            | Kind::Health
            | Kind::Idempotency
            | Kind::Erasure
            | Kind::PurgeRun
            | Kind::PurgeTally
            | Kind::Campaign
            | Kind::CampaignCheck
            | Kind::Audience
            | Kind::Usage
            | Kind::Copy
            | Kind::RetentionState => kind.as_str(),
        }
    }
}
