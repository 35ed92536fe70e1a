//! The kinds of events, as a reader would ask for them.

/// Something that happens to a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Neutral,
    StopOfStranger,
    StopOfContact,
    Redelivery,
    Confirm,
    Decline,
    NotMe,
    Start,
    PromptSent,
    PromptDelivered,
    PromptRead,
    SendSent,
    SendDelivered,
    SendRead,
    SendFailed,
    Demand,
    Quarantine,
    Health,
    Prompting,
    Answering,
    Asking,
    SweepOfNothing,
    OptInOfStranger,
    OptInOfContact,
    OptInAgain,
    LookUp,
    Evidence,
    Withdrawal,
    Plan,
    Audience,
    Check,
    CheckOfNothing,
    Gate,
    Results,
    Page,
    ConsentCheck,
    Case,
    Erasure,
    PurgeOfNothing,
    PurgeOfMessages,
    PurgeOfUnanswered,
    PurgeOfStopped,
    PolicyUnchanged,
    PolicyAtStart,
}

/// What is told of together.
pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) events: &'static [(Kind, &'static str)],
    /// Why it consumes no less.
    pub(crate) why: &'static [&'static str],
}

/// How many recipients a campaign, a page and a check have here.
pub(crate) const MANY: usize = 100;

/// How many recipients the gate is asked for here: as many as it takes.
pub(crate) const AT_THE_GATE: usize = 25;

pub(crate) const GROUPS: [Group; 6] = [
    Group {
        title: "What Meta delivers",
        events: &[
            (
                Kind::Neutral,
                "any number of messages and statuses that concern no consent",
            ),
            (Kind::StopOfStranger, "STOP of somebody nobody knew"),
            (Kind::StopOfContact, "STOP of a contact"),
            (Kind::Redelivery, "the same delivery again"),
            (
                Kind::Confirm,
                "a tap on \"yes\", which also brings the contact's other identifier",
            ),
            (Kind::Decline, "a tap on \"no\", the same"),
            (Kind::NotMe, "a tap on \"that wasn't me\", the same"),
            (Kind::Start, "START after a stop: a prompt goes out"),
            (Kind::PromptSent, "a prompt: sent"),
            (Kind::PromptDelivered, "a prompt: delivered"),
            (Kind::PromptRead, "a prompt: read"),
            (Kind::SendSent, "a campaign's message: sent"),
            (Kind::SendDelivered, "a campaign's message: delivered"),
            (Kind::SendRead, "a campaign's message: read"),
            (Kind::SendFailed, "a campaign's message: failed"),
            (Kind::Demand, "a demand about one's data"),
            (Kind::Health, "what Meta thinks of a number"),
            (Kind::Quarantine, "a delivery that cannot be read"),
        ],
        why: &[],
    },
    Group {
        title: "What goes out",
        events: &[
            (
                Kind::Prompting,
                "a prompt: claimed, looked at once more, sent, recorded",
            ),
            (Kind::Answering, "any other message, the same"),
            (
                Kind::Asking,
                "a step of a case: the case is opened, the question put into the outbox",
            ),
            (Kind::SweepOfNothing, "a sweep of the outbox that finds nothing due"),
        ],
        why: &[],
    },
    Group {
        title: "What the controller asks",
        events: &[
            (Kind::OptInOfStranger, "an opt-in of somebody nobody knew"),
            (Kind::OptInOfContact, "an opt-in of a contact who has consented"),
            (Kind::OptInAgain, "the same request again, by its idempotency key"),
            (Kind::LookUp, "a look-up by number"),
            (Kind::Evidence, "the evidence of a contact with seven events"),
            (Kind::Withdrawal, "a withdrawal taken elsewhere"),
        ],
        why: &[],
    },
    Group {
        title: "Campaigns",
        events: &[
            (Kind::Plan, "a campaign is registered"),
            (Kind::Audience, "a part of 100 recipients is put"),
            (Kind::Check, "the audience of 100 is checked"),
            (Kind::CheckOfNothing, "a run of the schedule with no campaign in sight"),
            (Kind::Gate, "the gate lets 25 messages go"),
            (Kind::Results, "the tool says what became of 25"),
            (Kind::Page, "a page of 100 recipients, verified anew"),
            (Kind::ConsentCheck, "a consent check of 100 recipients"),
        ],
        why: &[],
    },
    Group {
        title: "Rights and retention",
        events: &[
            (Kind::Case, "a case is opened for a contact"),
            (Kind::Erasure, "a contact with seven events is erased"),
            (Kind::PurgeOfNothing, "a run of the purge that finds nothing due"),
            (Kind::PurgeOfMessages, "a run that deletes three settled messages"),
            (
                Kind::PurgeOfUnanswered,
                "a run that deletes a contact who never answered",
            ),
            (
                Kind::PurgeOfStopped,
                "a run that leaves a keyed hash of a contact who stopped",
            ),
        ],
        why: &[],
    },
    Group {
        title: "The policy",
        events: &[
            (Kind::PolicyAtStart, "a function starts"),
            (Kind::PolicyUnchanged, "once a minute: is it still in force"),
        ],
        why: &[],
    },
];
