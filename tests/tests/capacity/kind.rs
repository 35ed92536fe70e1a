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

/// How many recipients a part of an audience has here.
pub(crate) const PART: usize = 1_000;

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
        why: &[
            "Most of what Meta delivers concerns no consent, and reads nothing: secret and policy are at hand.",
            "De-duplication costs nothing of its own: it is the condition under which the evidence is put. To look before the \
             transaction would cost every event a read, to save eight units on the few that come twice.",
            "Every read is strongly consistent. Half of a read unit would be saved where a stop of 50 ms ago does not count, which is \
             the one thing that must not happen.",
            "A contact's key is read beside the contact, at one unit, because it stands in a table without backups. In the ledger it \
             would cost nothing, and an erasure would not reach the backups.",
            "Contact, evidence and message are one transaction, which costs twice what three writes would. Between three writes a \
             function can die, and then a stop has no evidence or a confirmation goes out for nothing.",
            "That a campaign's message was delivered is recorded though it was sent: of a failure that is told of in between, the later \
             counts, in whatever order the three arrive. That it was read changes nothing, and costs nothing.",
        ],
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
        why: &[
            "The claim is a write of its own: whoever sends without one sends twice when a function dies.",
            "A contact is looked at once more before each send. A stop may have come since the message was decided.",
            "The settlement moves the message from its next attempt to its deletion, which the index charges as two writes.",
        ],
    },
    Group {
        title: "What the controller asks",
        events: &[
            (Kind::OptInOfStranger, "an opt-in of somebody nobody knew"),
            (Kind::OptInOfContact, "an opt-in of a contact who has consented"),
            (Kind::OptInAgain, "the same request again, by its idempotency key"),
            (Kind::LookUp, "a look-up by number"),
            (Kind::Evidence, "the evidence of a contact with ten events"),
            (Kind::Withdrawal, "a withdrawal taken elsewhere"),
        ],
        why: &[
            "Known and unknown recipients are looked up by each identifier that they have, at a unit each.",
            "Of a new contact an alias, a key, an idempotency key, the evidence and the prompt are written beside it. Each is found by \
             another key, and goes at another time.",
            "An opt-in of somebody who has consented is written all the same: that they asked is evidence.",
        ],
    },
    Group {
        title: "Campaigns",
        events: &[
            (Kind::Plan, "a campaign is registered"),
            (Kind::Audience, "a part of 1,000 recipients is put"),
            (Kind::Check, "the audience of 100 is checked"),
            (Kind::CheckOfNothing, "a run of the schedule with no campaign in sight"),
            (Kind::Gate, "the gate lets 25 messages go"),
            (Kind::Results, "the tool says what became of 25"),
            (Kind::Page, "a page of 100 recipients, verified anew"),
            (Kind::ConsentCheck, "a consent check of 100 recipients"),
        ],
        why: &[
            "The check reads each contact, at a unit each. An eventual read would be half of that, and the verdict would name people who \
             had left when it was made.",
            "At the gate a contact has a transaction: the send must be recorded with the contact as it was read, or a stop that comes at \
             the same time is missed. The evidence of the consent is read as well, at a unit each, because who changes the ledger \
             by hand must not make a message go.",
            "Whether a contact's key is there is read as well. Without it there is nobody, also if a backup brought the contact back.",
            "Of a part each recipient is looked up, at a unit each. They are entries in 64 items then, and not items of their own.",
        ],
    },
    Group {
        title: "Rights and retention",
        events: &[
            (Kind::Case, "a case is opened for a contact"),
            (Kind::Erasure, "a contact with ten events is erased"),
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
        why: &[
            "Nothing is scanned: a deadline is an entry in the index, paid for with the write of its record.",
            "A run counts by lane, in the transactions that delete, so that none of it is lost or counted twice. Ten lanes are ten \
             tallies, also where there is nothing to do: some 0.02 $ a month.",
            "An erasure deletes one item after the other, at twice the price, together with what is counted in the certificate.",
        ],
    },
    Group {
        title: "The policy",
        events: &[
            (Kind::PolicyAtStart, "a function starts"),
            (Kind::PolicyUnchanged, "once a minute: is it still in force"),
        ],
        why: &[
            "The text stands beside its name, so that a function that starts needs one call and not two, one after the other. To ask for \
             the name alone is charged like the whole, and costs an environment that is never idle 0.03 $ a month.",
        ],
    },
];
