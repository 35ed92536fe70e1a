//! The rules, one example each.

use consent::case::{CaseKind, CaseState, CaseStep, IdentityProof, PendingStep};
use consent::contact::{Contact, Standing, Status};
use consent::event::{Act, Asked, Authorship, Event, FailureCause, PromptOutcome, Said};
use consent::evidence::{Actor, Evidence, EvidenceKind, Validity, WithdrawalSource};
use consent::id::{CaseId, ContactId, MessageRef, RequestId};
use consent::outgoing::{Outgoing, OutgoingKind, Rendered, Unsendable, request_id};
use consent::register::RequestSource;
use consent::suppression::{MessageClass, SuppressionKind};
use consent::time::{Span, Time};
use consent::token::{Action, TokenKey};

use crate::deeds::{BEGIN, POLICY, event_id, forged, german, message, purpose, rules, said, signed, token};

/// A contact whose story is told as it happens.
struct Story {
    contact: Contact,
    now: Time,
    evidence: Vec<Evidence>,
    outbox: Vec<Outgoing>,
    steps: Vec<PendingStep>,
    events: u8,
}

impl Story {
    fn begin() -> Self {
        Self {
            contact: Contact::new(ContactId::from_bytes([7; 16])),
            now: BEGIN,
            evidence: vec![],
            outbox: vec![],
            steps: vec![],
            events: 0,
        }
    }

    /// A contact who has just agreed to offers.
    fn of_a_subscriber() -> Self {
        let mut story = Self::begin();
        let request = story.fills_in_a_form(&["offers"]);
        story.is_sent(request);
        story.wait(Span::minutes(1));
        story.taps(Action::Confirm, request);
        assert_eq!(story.offers(), Status::Confirmed);
        story.wait(Span::minutes(1));
        story
    }

    fn wait(&mut self, span: Span) {
        self.now = self.now + span;
    }

    fn happens(&mut self, act: Act) -> &mut Self {
        self.happened(self.now, act)
    }

    fn happened(&mut self, at: Time, act: Act) -> &mut Self {
        self.events += 1;
        let event = Event {
            id: event_id(self.events),
            at,
            act,
            delivery: None,
        };
        let decision = self.contact.clone().apply(&[event], &rules(self.now));
        self.contact = decision.contact;
        self.evidence
            .extend(decision.evidence.into_iter().map(|draft| draft.evidence));
        self.outbox.extend(decision.outbox);
        self.steps.extend(decision.steps);
        self
    }

    fn asks(&mut self, source: RequestSource, purposes: &[&str]) -> RequestId {
        let request = request_id(&event_id(self.events + 1));
        self.happens(Act::Asked(Asked {
            request,
            purposes: purposes.iter().map(|id| purpose(id)).collect(),
            locale: german(),
            source,
            url: None,
            form: None,
            actor: Actor::System,
        }));
        request
    }

    fn fills_in_a_form(&mut self, purposes: &[&str]) -> RequestId {
        self.asks(RequestSource::WebForm, purposes)
    }

    /// Meta takes the prompt.
    fn is_sent(&mut self, request: RequestId) -> MessageRef {
        let message = message(request.as_bytes()[0]);
        self.happens(Act::Prompted {
            request,
            outcome: PromptOutcome::Accepted { message },
        });
        message
    }

    fn fails(&mut self, request: RequestId, cause: FailureCause) {
        self.happens(Act::Prompted {
            request,
            outcome: PromptOutcome::Failed { code: None, cause },
        });
    }

    fn says(&mut self, text: &str) -> &mut Self {
        self.happens(Act::Said(said(text)))
    }

    fn replies(&mut self, text: &str, to: MessageRef) -> &mut Self {
        self.happens(Act::Said(Said {
            context: Some(to),
            ..said(text)
        }))
    }

    fn taps(&mut self, action: Action, request: RequestId) -> &mut Self {
        let prompt = &self.contact.prompts[&request];
        let purposes: Vec<_> = prompt.notices.keys().cloned().collect();
        let payload = signed(&token(action, self.contact.id, request, prompt.at, &purposes));
        self.taps_payload(payload)
    }

    fn taps_payload(&mut self, payload: String) -> &mut Self {
        self.happens(Act::Tapped {
            payload,
            message: message(0),
            context: None,
        })
    }

    fn tap_the_hold_question(&mut self, action: Action) -> &mut Self {
        let question = self.outbox.iter().rev().find_map(|outgoing| match outgoing.kind {
            OutgoingKind::HoldQuestion { question, held_at } => Some((question, held_at)),
            _ => None,
        });
        let (question, held_at) = question.unwrap();
        let payload = signed(&token(action, self.contact.id, question, held_at, &[]));
        self.taps_payload(payload)
    }

    fn standing(&self, id: &str) -> Standing {
        self.contact.standing(&purpose(id), &POLICY, self.now)
    }

    fn offers(&self) -> Status {
        self.standing("offers").status
    }

    fn orders(&self) -> Status {
        self.standing("orders").status
    }

    fn last_record(&self) -> (EvidenceKind, Validity) {
        let last = self.evidence.last().unwrap();
        (last.kind, last.validity)
    }

    /// The requests for which prompts were made.
    fn prompts(&self) -> Vec<RequestId> {
        let requests = self.outbox.iter().filter_map(|outgoing| match outgoing.kind {
            OutgoingKind::Prompt { request } => Some(request),
            _ => None,
        });
        requests.collect()
    }

    fn count(&self, is_meant: impl Fn(&OutgoingKind) -> bool) -> usize {
        self.outbox.iter().filter(|outgoing| is_meant(&outgoing.kind)).count()
    }

    fn is_suppressed(&self, kind: &SuppressionKind) -> bool {
        self.contact.suppressions.since(kind, self.now).is_some()
    }

    fn may_be_sent(&self, class: MessageClass) -> bool {
        self.contact.is_reachable(class, self.now)
    }
}

// ---- step one ----

#[test]
fn step_one_is_requested_until_meta_takes_the_prompt_and_pending_until_the_answer() {
    let mut story = Story::begin();
    assert_eq!(story.offers(), Status::None);
    let request = story.fills_in_a_form(&["offers"]);
    assert_eq!((story.offers(), story.prompts()), (Status::Requested, vec![request]));
    story.is_sent(request);
    assert_eq!(story.offers(), Status::Pending);
    assert_eq!(story.orders(), Status::None, "nobody asked for that");
}

#[test]
fn writing_start_is_a_request_and_no_consent() {
    let mut story = Story::begin();
    story.says("START");
    assert_eq!((story.offers(), story.prompts().len()), (Status::Requested, 1));
    assert_eq!(story.orders(), Status::None, "START asks for marketing");
}

#[test]
fn a_request_in_a_language_without_a_notice_is_not_offered() {
    let mut story = Story::begin();
    story.happens(Act::Asked(Asked {
        request: RequestId::from_bytes([1; 16]),
        purposes: vec![purpose("offers")],
        locale: "fr".parse().unwrap(),
        source: RequestSource::WebForm,
        url: None,
        form: None,
        actor: Actor::System,
    }));
    assert_eq!(story.last_record(), (EvidenceKind::Requested, Validity::NotOffered));
    assert_eq!((story.offers(), story.prompts()), (Status::None, vec![]));
}

#[test]
fn after_a_stop_an_open_form_does_not_count_and_an_account_does() {
    let mut story = Story::begin();
    story.says("STOP");
    story.wait(Span::days(400));
    for source in [
        RequestSource::WebForm,
        RequestSource::QrCode,
        RequestSource::Advertisement,
        RequestSource::Paper,
    ] {
        story.asks(source, &["offers"]);
        assert_eq!(
            story.last_record(),
            (EvidenceKind::Requested, Validity::OpenFormAfterStop)
        );
        assert_eq!(
            (story.offers(), story.prompts()),
            (Status::Withdrawn, vec![]),
            "{source:?}"
        );
    }
    let request = story.asks(RequestSource::Account, &["offers"]);
    assert_eq!((story.offers(), story.prompts()), (Status::Requested, vec![request]));
}

#[test]
fn after_a_stop_the_contacts_own_start_counts() {
    let mut story = Story::of_a_subscriber();
    story.says("STOP");
    story.wait(Span::minutes(1));
    story.says("START");
    let request = *story.prompts().last().unwrap();
    story.wait(Span::minutes(1));
    story.taps(Action::Confirm, request);
    assert_eq!(story.offers(), Status::Confirmed);
    assert!(story.may_be_sent(MessageClass::Marketing));
}

#[test]
fn an_open_form_does_not_displace_the_contacts_own_request_after_a_stop() {
    let mut story = Story::of_a_subscriber();
    story.says("STOP");
    story.wait(Span::minutes(1));
    let request = story.asks(RequestSource::Account, &["offers"]);
    story.wait(Span::minutes(1));
    story.fills_in_a_form(&["offers"]);
    assert_eq!(
        (story.offers(), story.standing("offers").request),
        (Status::Requested, Some(request))
    );
}

#[test]
fn a_request_recorded_after_the_stop_but_made_before_it_does_not_count() {
    let mut story = Story::begin();
    story.says("STOP");
    story.wait(Span::hours(1));
    let asked = Asked {
        request: RequestId::from_bytes([1; 16]),
        purposes: vec![purpose("offers")],
        locale: german(),
        source: RequestSource::Account,
        url: None,
        form: None,
        actor: Actor::System,
    };
    story.happened(BEGIN - Span::hours(1), Act::Asked(asked));
    assert_eq!(story.last_record().1, Validity::RequestOlderThanStop);
    assert_eq!(story.prompts(), vec![]);
}

#[test]
fn one_prompt_at_a_time_waits_for_an_answer() {
    let mut story = Story::begin();
    let request = story.fills_in_a_form(&["offers"]);
    story.wait(Span::hours(1));
    story.fills_in_a_form(&["offers"]);
    assert_eq!(story.last_record().1, Validity::PromptAlive);
    assert_eq!(story.prompts(), vec![request]);
}

#[test]
fn no_more_prompts_go_out_in_a_day_than_the_policy_allows() {
    let mut story = Story::begin();
    for _ in 0..5 {
        let request = story.asks(RequestSource::Account, &["offers"]);
        story.wait(Span::minutes(1));
        if story.contact.prompts.contains_key(&request) {
            story.taps(Action::Decline, request);
        }
        story.wait(Span::minutes(1));
    }
    assert_eq!(story.prompts().len(), 3);
    assert_eq!(story.last_record(), (EvidenceKind::Requested, Validity::RateLimited));
    story.wait(Span::hours(24));
    story.asks(RequestSource::Account, &["offers"]);
    assert_eq!(story.prompts().len(), 4);
}

#[test]
fn a_number_typed_wrong_into_a_form_never_confirms() {
    let mut story = Story::begin();
    let request = story.fills_in_a_form(&["offers"]);
    story.is_sent(request);
    story.wait(Span::hours(72));
    assert_eq!(story.offers(), Status::Expired);
    story.says("STOP");
    assert_eq!(story.offers(), Status::Withdrawn);
}

// ---- step two ----

#[test]
fn a_tap_on_yes_confirms_and_is_acknowledged_once() {
    let mut story = Story::of_a_subscriber();
    assert_eq!(story.last_record(), (EvidenceKind::Confirmed, Validity::Counted));
    let request = story.prompts()[0];
    story.taps(Action::Confirm, request);
    assert_eq!(
        story.count(|kind| matches!(kind, OutgoingKind::ConsentConfirmation { .. })),
        1
    );
}

#[test]
fn a_token_of_another_contact_confirms_nothing() {
    let mut story = Story::begin();
    let request = story.fills_in_a_form(&["offers"]);
    story.is_sent(request);
    let stranger = ContactId::from_bytes([9; 16]);
    story.taps_payload(signed(&token(
        Action::Confirm,
        stranger,
        request,
        BEGIN,
        &[purpose("offers")],
    )));
    assert_eq!(
        story.last_record(),
        (EvidenceKind::Confirmed, Validity::TokenOfAnotherContact)
    );
    assert_eq!(story.offers(), Status::Pending);
}

#[test]
fn a_token_that_no_key_signed_confirms_nothing_and_one_of_another_program_is_left_alone() {
    let mut story = Story::begin();
    let request = story.fills_in_a_form(&["offers"]);
    story.is_sent(request);
    story.taps_payload(forged(&token(
        Action::Confirm,
        story.contact.id,
        request,
        BEGIN,
        &[purpose("offers")],
    )));
    assert_eq!(story.last_record(), (EvidenceKind::Confirmed, Validity::TokenForged));
    let records = story.evidence.len();
    story.taps_payload("yes-please".to_owned());
    assert_eq!((story.offers(), story.evidence.len()), (Status::Pending, records));
}

#[test]
fn a_tap_after_the_token_ran_out_is_a_new_request_with_a_new_prompt() {
    let mut story = Story::begin();
    let request = story.fills_in_a_form(&["offers"]);
    story.is_sent(request);
    story.wait(Span::hours(72));
    story.taps(Action::Confirm, request);
    assert_eq!(story.last_record(), (EvidenceKind::Confirmed, Validity::TokenExpired));
    assert_eq!((story.offers(), story.prompts().len()), (Status::Requested, 2));
    let anew = story.prompts()[1];
    story.wait(Span::minutes(1));
    story.taps(Action::Confirm, anew);
    assert_eq!(story.offers(), Status::Confirmed);
}

#[test]
fn yes_after_no_is_a_new_request_with_a_new_prompt() {
    let mut story = Story::begin();
    let request = story.fills_in_a_form(&["offers"]);
    story.is_sent(request);
    story.wait(Span::minutes(1));
    story.taps(Action::Decline, request);
    assert_eq!(story.offers(), Status::Declined);
    story.wait(Span::minutes(1));
    story.taps(Action::Confirm, request);
    assert_eq!(
        story.last_record(),
        (EvidenceKind::Confirmed, Validity::PromptOlderThanStop)
    );
    assert_eq!((story.offers(), story.prompts().len()), (Status::Requested, 2));
    let anew = story.prompts()[1];
    story.wait(Span::minutes(1));
    story.taps(Action::Confirm, anew);
    assert_eq!(story.offers(), Status::Confirmed);
}

#[test]
fn no_after_yes_declines() {
    let mut story = Story::of_a_subscriber();
    let request = story.prompts()[0];
    story.taps(Action::Decline, request);
    assert_eq!(story.offers(), Status::Declined);
}

#[test]
fn yes_and_stop_in_the_same_second_is_a_stop() {
    let mut story = Story::begin();
    let request = story.fills_in_a_form(&["offers"]);
    story.says("STOP");
    story.wait(Span::minutes(1));
    story.taps(Action::Confirm, request);
    assert_ne!(story.offers(), Status::Confirmed);
}

#[test]
fn start_and_stop_in_the_same_second_is_a_stop() {
    for words in [["START", "STOP"], ["STOP", "START"]] {
        let mut story = Story::begin();
        story.says(words[0]).says(words[1]);
        assert_eq!(story.offers(), Status::Withdrawn);
        story.wait(Span::minutes(1));
        story.says("hilfe");
        assert_eq!(
            story.contact.prompts.len(),
            usize::from(words[0] == "START"),
            "{words:?}"
        );
    }
}

#[test]
fn a_typed_yes_confirms_the_prompt_that_it_replies_to_or_the_only_one_that_waits() {
    for text in ["ja", "Ja!", "yes", "oui"] {
        let mut story = Story::begin();
        let request = story.fills_in_a_form(&["offers"]);
        story.is_sent(request);
        story.wait(Span::minutes(1));
        story.says(text);
        assert_eq!(story.offers(), Status::Confirmed, "{text}");
    }
    let mut story = Story::begin();
    let request = story.fills_in_a_form(&["offers"]);
    let prompt = story.is_sent(request);
    story.wait(Span::hours(48));
    story.replies("ja", prompt);
    assert_eq!(story.offers(), Status::Confirmed);
}

#[test]
fn a_yes_among_other_words_or_in_reply_to_another_message_or_not_their_own_confirms_nothing() {
    let mut story = Story::begin();
    let request = story.fills_in_a_form(&["offers"]);
    let prompt = story.is_sent(request);
    story.wait(Span::minutes(1));
    story
        .says("ja klar")
        .says("jaa")
        .says("ja?")
        .replies("ja", message(200));
    for context in [None, Some(prompt)] {
        story.happens(Act::Said(Said {
            authorship: Authorship::Other,
            context,
            ..said("ja")
        }));
    }
    assert_eq!(story.offers(), Status::Pending);
}

#[test]
fn a_bare_yes_more_than_a_day_after_the_prompt_or_without_one_changes_nothing() {
    let mut story = Story::begin();
    story.says("ja");
    let request = story.fills_in_a_form(&["offers"]);
    story.is_sent(request);
    story.wait(Span::hours(24));
    story.says("ja");
    assert_eq!((story.offers(), story.evidence.len()), (Status::Pending, 2));
}

#[test]
fn a_bare_yes_while_the_prompt_still_waits_in_the_outbox_is_not_meant_for_it() {
    let mut story = Story::begin();
    story.fills_in_a_form(&["offers"]);
    story.wait(Span::minutes(1));
    story.says("ja");
    assert_eq!(story.offers(), Status::Requested);
}

#[test]
fn a_bare_yes_with_two_prompts_waiting_is_answered_with_the_question_which() {
    // Also if one of the two is too old to be meant by a bare yes: it waits all the same.
    for apart in [Span::minutes(1), Span::hours(30)] {
        let mut story = Story::begin();
        let offers = story.fills_in_a_form(&["offers"]);
        story.is_sent(offers);
        story.wait(apart);
        let orders = story.fills_in_a_form(&["orders"]);
        story.is_sent(orders);
        story.wait(Span::minutes(1));
        story.says("ja");
        assert_eq!(story.last_record(), (EvidenceKind::Confirmed, Validity::SeveralPrompts));
        assert_eq!((story.offers(), story.orders()), (Status::Pending, Status::Pending));
        let question = story.outbox.last().unwrap().clone();
        let rendered = question
            .render(&story.contact, &POLICY, &TokenKey::from_bytes([1; 32]), story.now)
            .unwrap();
        let Rendered::Buttons { buttons, .. } = rendered else {
            panic!("{rendered:?}")
        };
        let (payload, label) = buttons[0].clone();
        assert_eq!((buttons.len(), label.as_str()), (2, "Bestellungen"));
        story.taps_payload(payload);
        assert_eq!((story.offers(), story.orders()), (Status::Pending, Status::Confirmed));
    }
}

#[test]
fn a_bare_no_with_two_prompts_waiting_declines_both() {
    let mut story = Story::begin();
    for purposes in [["offers"], ["orders"]] {
        let request = story.fills_in_a_form(&purposes);
        story.is_sent(request);
        story.wait(Span::minutes(1));
    }
    story.says("nein");
    assert_eq!((story.offers(), story.orders()), (Status::Declined, Status::Declined));
}

#[test]
fn a_no_in_reply_to_a_prompt_declines_what_that_prompt_asked_for() {
    let mut story = Story::begin();
    let offers = story.fills_in_a_form(&["offers"]);
    let prompt = story.is_sent(offers);
    let orders = story.fills_in_a_form(&["orders"]);
    story.is_sent(orders);
    story.wait(Span::minutes(1));
    story.replies("nein", prompt);
    assert_eq!((story.offers(), story.orders()), (Status::Declined, Status::Pending));
}

#[test]
fn that_was_not_me_declines_and_binds_prompts_and_marketing_for_a_year_or_until_start() {
    let mut story = Story::begin();
    let request = story.fills_in_a_form(&["offers"]);
    story.is_sent(request);
    story.wait(Span::minutes(1));
    story.taps(Action::NotMe, request);
    assert_eq!(story.offers(), Status::Declined);
    assert!(!story.may_be_sent(MessageClass::Prompt) && !story.may_be_sent(MessageClass::Marketing));
    story.wait(Span::minutes(1));
    story.asks(RequestSource::Account, &["offers"]);
    assert_eq!(story.last_record().1, Validity::Suppressed);
    story.fills_in_a_form(&["orders"]);
    assert_eq!(
        (story.last_record().1, story.prompts().len()),
        (Validity::Suppressed, 1)
    );
    story.wait(Span::minutes(1));
    story.says("START");
    assert_eq!(
        (story.last_record().1, story.prompts().len()),
        (Validity::Counted, 3),
        "for both that were asked for"
    );
}

#[test]
fn a_prompt_that_can_never_arrive_invalidates_and_binds_the_address_until_it_writes() {
    let mut story = Story::begin();
    let request = story.fills_in_a_form(&["offers"]);
    story.fails(request, FailureCause::Undeliverable);
    assert_eq!(story.offers(), Status::Invalidated);
    assert!(!story.may_be_sent(MessageClass::OptoutConfirmation));
    story.wait(Span::minutes(1));
    story.says("START");
    assert!(!story.is_suppressed(&SuppressionKind::Undeliverable));
    assert_eq!(story.prompts().len(), 2);
}

#[test]
fn a_prompt_refused_because_of_a_stop_in_whatsapps_settings_is_that_stop() {
    let mut story = Story::of_a_subscriber();
    story.fails(RequestId::from_bytes([50; 16]), FailureCause::PlatformStop);
    assert_eq!(story.offers(), Status::Withdrawn);
    assert!(story.is_suppressed(&SuppressionKind::PlatformStop));
}

#[test]
fn a_prompt_that_failed_for_another_reason_may_be_asked_again() {
    let mut story = Story::begin();
    let request = story.fills_in_a_form(&["offers"]);
    story.fails(request, FailureCause::Other);
    assert_eq!(story.offers(), Status::Expired);
    story.wait(Span::minutes(1));
    story.fills_in_a_form(&["offers"]);
    assert_eq!(story.prompts().len(), 2);
}

#[test]
fn a_bare_yes_is_void_if_the_prompt_turns_out_to_have_failed_and_a_tap_shows_that_it_arrived() {
    let mut story = Story::begin();
    let request = story.fills_in_a_form(&["offers"]);
    story.is_sent(request);
    story.wait(Span::minutes(1));
    story.says("ja");
    story.fails(request, FailureCause::Other);
    assert_ne!(story.offers(), Status::Confirmed);
    let mut later = story.contact.clone();
    later = later.apply(&[], &rules(story.now)).contact;
    assert_ne!(
        later
            .standing(&purpose("offers"), &POLICY, story.now + Span::days(60))
            .status,
        Status::Confirmed
    );
    story.taps(Action::Confirm, request);
    assert_eq!(story.offers(), Status::Confirmed);
}

#[test]
fn a_void_yes_stays_void_when_its_prompt_is_long_over() {
    let mut story = Story::begin();
    let request = story.fills_in_a_form(&["offers"]);
    story.is_sent(request);
    story.wait(Span::minutes(1));
    story.says("ja");
    story.fails(request, FailureCause::Other);
    story.wait(Span::days(30));
    story.says("hilfe").says("bitte nicht immer stop sagen");
    assert_ne!(story.offers(), Status::Confirmed);
}

// ---- stops ----

#[test]
fn every_way_to_stop_withdraws_at_once() {
    type Way = fn(&mut Story);
    fn says(story: &mut Story, text: &str) {
        story.says(text);
    }
    let ways: [(&str, Way); 8] = [
        ("a word", |story| says(story, "STOP")),
        ("a word in another language", |story| says(story, "arrêter")),
        ("a button of another program", |story| {
            story.happens(Act::Said(Said {
                by_button: true,
                ..said("Stop")
            }));
        }),
        ("a forwarded word", |story| {
            story.happens(Act::Said(Said {
                authorship: Authorship::Other,
                ..said("STOP")
            }));
        }),
        ("a demand to delete", |story| says(story, "löschen")),
        ("an e-mail", |story| {
            let (source, actor) = (WithdrawalSource::Email, Actor::Operator("anna".to_owned()));
            story.happens(Act::Withdrew {
                purposes: None,
                source,
                actor,
            });
        }),
        ("whatsapp's settings", |story| {
            story.happens(Act::PlatformStopped);
        }),
        ("a button", |story| {
            let token = token(
                Action::Stop,
                story.contact.id,
                RequestId::from_bytes([1; 16]),
                BEGIN,
                &[],
            );
            story.taps_payload(signed(&token));
        }),
    ];
    for (name, stop) in ways {
        let mut story = Story::of_a_subscriber();
        stop(&mut story);
        assert_eq!(story.offers(), Status::Withdrawn, "{name}");
        assert!(!story.may_be_sent(MessageClass::Marketing), "{name}");
        story.wait(Span::days(5));
        assert_eq!(story.offers(), Status::Withdrawn, "{name}");
    }
}

#[test]
fn a_stop_word_ends_every_purpose_and_what_ends_marketing_leaves_the_service() {
    let subscriber = || {
        let mut story = Story::of_a_subscriber();
        let request = story.fills_in_a_form(&["orders"]);
        story.is_sent(request);
        story.wait(Span::minutes(1));
        story.taps(Action::Confirm, request);
        story.wait(Span::minutes(1));
        assert_eq!((story.offers(), story.orders()), (Status::Confirmed, Status::Confirmed));
        story
    };
    let mut story = subscriber();
    story.says("STOP");
    assert_eq!((story.offers(), story.orders()), (Status::Withdrawn, Status::Withdrawn));
    let mut story = subscriber();
    story.says("löschen").happens(Act::PlatformStopped);
    assert_eq!(story.orders(), Status::Confirmed);
    let mut story = subscriber();
    let (purposes, source) = (Some(vec![purpose("orders")]), WithdrawalSource::Phone);
    story.happens(Act::Withdrew {
        purposes,
        source,
        actor: Actor::System,
    });
    assert_eq!((story.offers(), story.orders()), (Status::Confirmed, Status::Withdrawn));
}

#[test]
fn a_stop_before_any_consent_binds_too() {
    let mut story = Story::begin();
    story.says("STOP");
    assert_eq!((story.offers(), story.orders()), (Status::Withdrawn, Status::Withdrawn));
}

#[test]
fn a_refusal_binds_whoever_taps_it_whomever_it_was_made_for() {
    for action in [Action::Stop, Action::Decline, Action::NotMe] {
        let mut story = Story::of_a_subscriber();
        let earlier_number = ContactId::from_bytes([9; 16]);
        let request = RequestId::from_bytes([1; 16]);
        story.taps_payload(signed(&token(
            action,
            earlier_number,
            request,
            BEGIN,
            &[purpose("offers")],
        )));
        assert!(
            matches!(story.offers(), Status::Withdrawn | Status::Declined),
            "{action:?}"
        );
    }
    let mut story = Story::of_a_subscriber();
    story.happens(Act::PlatformStopped);
    let stranger = ContactId::from_bytes([9; 16]);
    story.taps_payload(signed(&token(
        Action::Keep,
        stranger,
        RequestId::from_bytes([1; 16]),
        BEGIN,
        &[],
    )));
    assert_eq!(story.last_record().1, Validity::TokenOfAnotherContact);
}

#[test]
fn words_that_mean_stop_only_after_marketing_or_a_prompt_mean_nothing_otherwise() {
    let mut story = Story::of_a_subscriber();
    story.wait(Span::hours(72));
    story.says("ende");
    assert_eq!(story.offers(), Status::Confirmed);
    story.contact.sent(&purpose("offers"), &POLICY, story.now);
    story.wait(Span::hours(71));
    story.says("ende");
    assert_eq!(story.offers(), Status::Withdrawn);
}

#[test]
fn at_most_one_message_confirms_an_opt_out() {
    let mut story = Story::of_a_subscriber();
    for _ in 0..3 {
        story.says("STOP");
        story.wait(Span::hours(1));
    }
    assert_eq!(story.count(|kind| *kind == OutgoingKind::OptoutConfirmation), 1);
}

#[test]
fn a_late_stop_older_than_a_newer_confirmation_is_recorded_and_changes_nothing() {
    let mut story = Story::begin();
    story.wait(Span::hours(1));
    let request = story.fills_in_a_form(&["offers"]);
    story.is_sent(request);
    story.wait(Span::minutes(1));
    story.taps(Action::Confirm, request);
    story.wait(Span::minutes(1));
    story.happened(BEGIN, Act::Said(said("STOP")));
    assert_eq!(
        story.last_record(),
        (EvidenceKind::Withdrawn, Validity::OlderThanConfirmation)
    );
    assert_eq!(story.offers(), Status::Confirmed);
    assert!(story.may_be_sent(MessageClass::Marketing));
    assert_eq!(story.count(|kind| *kind == OutgoingKind::OptoutConfirmation), 0);
}

#[test]
fn a_stop_between_the_prompt_and_the_yes_binds_even_if_it_arrives_last() {
    let mut story = Story::begin();
    let request = story.fills_in_a_form(&["offers"]);
    story.is_sent(request);
    story.wait(Span::hours(2));
    story.taps(Action::Confirm, request);
    story.happened(BEGIN + Span::hours(1), Act::Said(said("STOP")));
    assert_ne!(story.offers(), Status::Confirmed);
    assert!(!story.may_be_sent(MessageClass::Marketing));
}

#[test]
fn a_time_in_the_future_counts_as_received_now() {
    let mut story = Story::of_a_subscriber();
    story.happened(story.now + Span::days(1_000), Act::Said(said("STOP")));
    story.wait(Span::minutes(1));
    story.says("START");
    let request = *story.prompts().last().unwrap();
    story.wait(Span::minutes(1));
    story.taps(Action::Confirm, request);
    assert_eq!(story.offers(), Status::Confirmed);
}

#[test]
fn resuming_in_whatsapps_settings_lifts_that_stop_alone_and_is_no_consent() {
    let mut story = Story::of_a_subscriber();
    story.happens(Act::PlatformStopped);
    story.says("STOP");
    story.wait(Span::minutes(1));
    story.happens(Act::PlatformResumed);
    assert!(!story.is_suppressed(&SuppressionKind::PlatformStop));
    assert!(story.is_suppressed(&SuppressionKind::ObjectionMarketing));
    assert_eq!(story.offers(), Status::Withdrawn);
}

#[test]
fn a_prompt_that_waits_in_the_outbox_does_not_go_out_after_a_stop() {
    let mut story = Story::begin();
    story.fills_in_a_form(&["offers"]);
    let prompt = story.outbox[0].clone();
    story.wait(Span::minutes(1));
    story.says("STOP");
    let rendered = prompt.render(&story.contact, &POLICY, &TokenKey::from_bytes([1; 32]), story.now);
    assert_eq!(rendered, Err(Unsendable::Superseded));
}

// ---- holds ----

fn held() -> Story {
    let mut story = Story::of_a_subscriber();
    story.wait(Span::hours(30));
    story.contact.sent(&purpose("offers"), &POLICY, story.now);
    story.wait(Span::hours(1));
    story.says("stip");
    assert_eq!(story.last_record().0, EvidenceKind::Held);
    assert!(!story.may_be_sent(MessageClass::Marketing));
    story
}

#[test]
fn a_hold_after_marketing_becomes_a_withdrawal_after_72_hours_of_silence() {
    let mut story = held();
    story.wait(Span::hours(71));
    assert_eq!(
        (story.offers(), story.may_be_sent(MessageClass::Marketing)),
        (Status::Confirmed, false)
    );
    story.wait(Span::hours(1));
    assert_eq!(story.offers(), Status::Withdrawn);
}

#[test]
fn a_hold_that_did_not_follow_marketing_ends_after_72_hours() {
    let mut story = Story::of_a_subscriber();
    story.says("stip");
    assert!(!story.may_be_sent(MessageClass::Marketing));
    story.wait(Span::hours(72));
    assert_eq!(
        (story.offers(), story.may_be_sent(MessageClass::Marketing)),
        (Status::Confirmed, true)
    );
}

#[test]
fn the_answer_keep_ends_a_hold_and_the_answer_stop_is_a_stop() {
    let mut story = held();
    story.wait(Span::hours(1));
    story.tap_the_hold_question(Action::Keep);
    assert_eq!(
        (story.offers(), story.may_be_sent(MessageClass::Marketing)),
        (Status::Confirmed, true)
    );
    story.wait(Span::days(10));
    assert_eq!(story.offers(), Status::Confirmed);

    let mut story = held();
    story.wait(Span::hours(1));
    story.tap_the_hold_question(Action::Stop);
    assert_eq!(story.offers(), Status::Withdrawn);
}

#[test]
fn the_answer_keep_after_72_hours_undoes_nothing() {
    let mut story = held();
    story.wait(Span::hours(72));
    story.tap_the_hold_question(Action::Keep);
    assert_eq!(
        (story.last_record(), story.offers()),
        ((EvidenceKind::Kept, Validity::TokenExpired), Status::Withdrawn)
    );
}

#[test]
fn the_answer_to_a_later_hold_does_not_undo_the_withdrawal_that_an_earlier_one_became() {
    let mut story = held();
    story.wait(Span::hours(100));
    story.says("stip");
    story.wait(Span::minutes(1));
    story.tap_the_hold_question(Action::Keep);
    assert_eq!(story.offers(), Status::Withdrawn);
    story.wait(Span::days(30));
    story.says("stip");
    assert_eq!(
        story.offers(),
        Status::Withdrawn,
        "nor does it when the hold is forgotten"
    );
}

#[test]
fn a_hold_that_was_answered_does_not_become_a_withdrawal_when_a_later_one_is_answered_too() {
    let mut story = held();
    story.wait(Span::hours(1));
    story.tap_the_hold_question(Action::Keep);
    story.wait(Span::hours(100));
    story.says("START").says("stip");
    story.wait(Span::minutes(1));
    story.tap_the_hold_question(Action::Keep);
    assert_eq!(story.offers(), Status::Confirmed);
}

#[test]
fn the_hold_question_is_asked_once_while_it_is_open() {
    let mut story = held();
    story.says("stip").says("bitte nicht immer stop sagen");
    assert_eq!(story.count(|kind| matches!(kind, OutgoingKind::HoldQuestion { .. })), 1);
}

// ---- numbers that change ----

#[test]
fn when_a_number_changes_stops_travel_and_grants_do_not() {
    let mut old = Story::of_a_subscriber();
    let request = old.fills_in_a_form(&["orders"]);
    old.is_sent(request);
    old.wait(Span::minutes(1));
    old.taps(Action::Confirm, request);
    old.happens(Act::PlatformStopped);
    old.wait(Span::minutes(1));
    let mut new = Story::begin();
    new.now = old.now;
    new.happens(Act::Arrived(old.contact.carried(old.now)));
    assert_eq!((new.offers(), new.orders()), (Status::Invalidated, Status::Invalidated));
    assert!(new.is_suppressed(&SuppressionKind::PlatformStop));
    assert!(!new.may_be_sent(MessageClass::Marketing));
    old.happens(Act::Left {
        to: Some(new.contact.id),
    });
    assert_eq!(old.orders(), Status::Invalidated);
}

#[test]
fn every_consent_of_the_identity_that_a_number_went_to_ends() {
    let mut new = Story::of_a_subscriber();
    let nobody = Contact::new(ContactId::from_bytes([9; 16]));
    new.happens(Act::Arrived(nobody.carried(new.now)));
    assert_eq!(new.offers(), Status::Invalidated);
    let mut story = Story::of_a_subscriber();
    story.happens(Act::Left { to: None });
    assert_eq!(story.offers(), Status::Invalidated, "the identity key changed");
}

#[test]
fn what_was_lifted_at_the_old_number_does_not_lift_what_the_new_one_has_set() {
    let mut old = Story::begin();
    old.happens(Act::PlatformStopped);
    old.wait(Span::hours(2));
    old.happens(Act::PlatformResumed);
    let mut newcomer = Story::begin();
    newcomer.now = old.now + Span::hours(1);
    newcomer.happens(Act::Arrived(old.contact.carried(newcomer.now)));
    assert!(
        !newcomer.is_suppressed(&SuppressionKind::PlatformStop),
        "what was lifted does not travel"
    );
    let mut new = Story::begin();
    new.wait(Span::hours(1));
    new.happens(Act::PlatformStopped);
    new.now = old.now + Span::hours(1);
    new.happens(Act::Arrived(old.contact.carried(new.now)));
    assert!(new.is_suppressed(&SuppressionKind::PlatformStop));
}

// ---- time ----

#[test]
fn a_consent_lapses_when_it_is_not_used_and_use_keeps_it() {
    let mut story = Story::of_a_subscriber();
    story.wait(Span::days(519));
    assert_eq!(
        (story.offers(), story.standing("offers").refresh_due),
        (Status::Confirmed, true)
    );
    story.contact.sent(&purpose("offers"), &POLICY, story.now);
    assert!(!story.standing("offers").refresh_due);
    story.wait(Span::days(60));
    assert_eq!(story.offers(), Status::Confirmed);
    story.wait(Span::months(18));
    let standing = story.standing("offers");
    assert_eq!((standing.status, standing.refresh_due), (Status::Lapsed, false));
}

#[test]
fn a_lapsed_consent_is_asked_for_anew_and_does_not_come_back_by_itself() {
    let mut story = Story::of_a_subscriber();
    story.wait(Span::months(18));
    assert_eq!(story.offers(), Status::Lapsed);
    let request = story.fills_in_a_form(&["offers"]);
    assert_eq!(story.offers(), Status::Requested);
    story.is_sent(request);
    story.wait(Span::hours(72));
    assert_eq!(story.offers(), Status::Lapsed);
}

// ---- words that are no consent ----

#[test]
fn help_and_questions_about_data_are_answered_and_change_no_consent() {
    let mut story = Story::of_a_subscriber();
    story.says("hilfe").says("auskunft");
    assert_eq!(story.count(|kind| *kind == OutgoingKind::Help), 1);
    assert_eq!(story.steps.len(), 1);
    assert_eq!(story.offers(), Status::Confirmed);
}

// ---- demands about data ----

#[test]
fn a_demand_opens_a_case_and_the_question_whose_it_is_follows_from_that() {
    for (words, kind, asked_for) in [
        ("auskunft", CaseKind::Access, IdentityProof::Code),
        ("meine daten löschen", CaseKind::Erasure, IdentityProof::Tap),
    ] {
        let mut story = Story::of_a_subscriber();
        let sent = story.outbox.len();
        story.says(words);
        assert_eq!(
            story.outbox.len(),
            sent,
            "{words}: nothing goes out before the case is open"
        );
        let PendingStep { step, then, .. } = story.steps.pop().unwrap();
        let CaseStep::Opened { case } = step else {
            panic!("{words}: {step:?}")
        };
        assert_eq!((case.kind, case.state()), (kind, CaseState::IdentityPending));
        let question = OutgoingKind::RightsReceived {
            case: case.id,
            proof: asked_for,
            received_at: story.now,
        };
        assert_eq!(then.unwrap().kind, question);
    }
}

#[test]
fn a_tap_shows_whose_a_case_is_while_its_button_counts_and_a_code_follows_where_one_is_needed() {
    let of_case = RequestId::from_bytes([3; 16]);
    for (action, with_code) in [(Action::ItIsMe, false), (Action::ItIsMeWithCode, true)] {
        let mut story = Story::of_a_subscriber();
        let sent = story.outbox.len();
        let payload = signed(&token(action, story.contact.id, of_case, story.now, &[]));
        let of_another = ContactId::from_bytes([8; 16]);
        let of_another = signed(&token(action, of_another, of_case, story.now, &[]));
        story.taps_payload(of_another);
        assert!(story.steps.is_empty(), "it was sent to somebody else");
        story.taps_payload(payload.clone());
        let PendingStep { step, then, .. } = story.steps.pop().unwrap();
        let (case, at) = (CaseId::from_bytes([3; 16]), story.now);
        assert_eq!(step, CaseStep::ItIsMe { case, at, with_code });
        let code = with_code.then_some(OutgoingKind::IdentityCode { case, sent_at: at });
        assert_eq!(then.map(|message| message.kind), code);
        story.wait(Span::days(60));
        story.taps_payload(payload);
        assert!(story.steps.is_empty(), "it came too late");
        assert_eq!(story.outbox.len(), sent);
    }
}
