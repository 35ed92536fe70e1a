//! Demands about data, as whoever answers them meets the API.

use assent_tests::by_hand::{delivery, text, value};
use serde_json::{Value, json};

use crate::stack::{Local, phone};

const LISA: &str = "+4915112345801";
const STRANGER: &str = "+4915112345802";

/// A little more than a month.
const OVER_A_MONTH: u32 = 36 * 86_400;

impl Local {
    async fn demand(&self, number: &str, kind: &str) -> Value {
        let body = json!({
            "recipient": {"phone": number},
            "kind": kind,
            "channel": "email",
            "source": "mail of the 3rd",
        });
        let (status, case) = self.post("/v1/cases", body).await;
        assert_eq!(status, 201, "{case}");
        case
    }

    async fn step(&self, case: &Value, step: &str, body: Value) -> (u16, Value) {
        self.post(&format!("/v1/cases/{}/{step}", case["case_id"].as_str().unwrap()), body)
            .await
    }

    async fn listed(&self, query: &str) -> Vec<Value> {
        let (status, page) = self.get(&format!("/v1/cases{query}")).await;
        assert_eq!(status, 200, "{page}");
        page["cases"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn an_objection_counts_when_it_is_registered_whether_its_author_is_known_or_not() {
    let local = Local::start().await;
    local.confirmed(LISA).await;
    for number in [LISA, STRANGER] {
        let case = local.demand(number, "objection").await;
        assert_eq!(local.suppressions(&phone(number)).await, ["objection_marketing"]);
        let (status, closed) = local.step(&case, "fulfil", json!({})).await;
        assert_eq!((status, &closed["state"]), (200, &json!("fulfilled")), "{closed}");
        let (status, problem) = local.step(&case, "fulfil", json!({})).await;
        assert_eq!(status, 409);
        assert_eq!(problem["type"], "urn:assent:problem:case-closed", "{problem}");
    }
    assert_eq!(local.status(&phone(LISA)).await, "withdrawn");
    let sent = local.received(&phone(STRANGER)).await.len();
    local.opt_in(STRANGER, "web_form").await;
    assert_eq!(
        local.received(&phone(STRANGER)).await.len(),
        sent,
        "no form brings them back"
    );
}

#[tokio::test]
async fn the_answer_to_a_demand_does_not_tell_who_is_a_contact() {
    let local = Local::start().await;
    local.confirmed(LISA).await;
    for kind in [
        "access",
        "portability",
        "rectification",
        "erasure",
        "restriction",
        "objection",
    ] {
        let (mut answers, mut sizes) = (vec![], vec![]);
        for number in [LISA, STRANGER] {
            let mut opened = local.demand(number, kind).await;
            let (status, mut shown) = local
                .get(&format!("/v1/cases/{}", opened["case_id"].as_str().unwrap()))
                .await;
            assert_eq!(status, 200);
            sizes.push((opened.to_string().len(), shown.to_string().len()));
            for answer in [&mut opened, &mut shown] {
                assert_eq!(answer["recipient"]["phone"].take(), number);
                assert_eq!(answer["case_id"].take().as_str().unwrap().len(), 32);
                for note in answer["notes"].as_array_mut().unwrap() {
                    note["at"].take();
                }
                answer["received_at"].take();
                answer["due_at"].take();
            }
            answers.push((opened, shown));
        }
        assert_eq!(answers[0], answers[1], "{kind}");
        assert_eq!(sizes[0], sizes[1], "{kind}");
    }
}

#[tokio::test]
async fn nothing_is_erased_for_somebody_who_has_not_shown_who_they_are() {
    let local = Local::start().await;
    local.confirmed(LISA).await;
    let case = local.demand(LISA, "erasure").await;
    let (status, problem) = local.step(&case, "fulfil", json!({})).await;
    assert_eq!(status, 409);
    assert_eq!(problem["type"], "urn:assent:problem:not-verified", "{problem}");
    assert_eq!(local.status(&phone(LISA)).await, "confirmed");
}

#[tokio::test]
async fn who_demands_the_same_twice_has_one_case_open() {
    let local = Local::start().await;
    let first = local.demand(LISA, "access").await;
    let second = local.demand(LISA, "access").await;
    assert_eq!(second["state"], "duplicate");
    assert_eq!(second["duplicate_of"], first["case_id"]);
    assert_eq!(local.step(&first, "withdraw", json!({})).await.1["state"], "withdrawn");
    assert_eq!(local.demand(LISA, "access").await["state"], "received");
}

#[tokio::test]
async fn whoever_answers_sees_what_is_due_and_what_is_late_and_may_take_longer_once_and_in_time() {
    let local = Local::start().await;
    let late = local.demand(LISA, "access").await;
    let extended = local.demand(STRANGER, "access").await;
    let reason = json!({"reason": "many letters at once"});
    let (status, answer) = local.step(&extended, "extend", reason.clone()).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["notes"][1]["text"], "many letters at once");
    let (status, problem) = local.step(&extended, "extend", reason.clone()).await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (409, Some("urn:assent:problem:extended-before"))
    );

    let deadlines = async || {
        local.post("/_local/run/retention", Value::Null).await;
        let overdue = local.metric("retention", "cases_overdue").await;
        (overdue, local.metric("retention", "cases_nearly_due").await)
    };
    assert_eq!(deadlines().await, (0.0, 0.0));
    local.advance(25 * 86_400).await;
    assert_eq!(deadlines().await, (0.0, 1.0));
    local.advance(OVER_A_MONTH - 25 * 86_400).await;
    assert_eq!(deadlines().await, (1.0, 1.0), "one of them was nearly due before");
    let listed = local.listed("").await;
    let overdue: Vec<_> = listed.iter().map(|case| (&case["case_id"], &case["overdue"])).collect();
    assert_eq!(
        overdue,
        [(&late["case_id"], &json!(true)), (&extended["case_id"], &json!(false))]
    );
    assert!(!json!(listed).to_string().contains("4915112345"), "a list names nobody");
    let (status, problem) = local.step(&late, "extend", reason.clone()).await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (409, Some("urn:assent:problem:too-late"))
    );
    let (status, refused) = local.step(&late, "refuse", reason).await;
    assert_eq!((status, &refused["state"]), (200, &json!("refused")));
    assert_eq!(local.listed("?state=refused").await[0]["case_id"], late["case_id"]);
    assert_eq!(local.listed("").await.len(), 1);
    assert!(local.listed("?due_by=2026-01-01T00:00:00Z").await.is_empty());
}

#[tokio::test]
async fn each_mistake_has_an_answer_that_names_it() {
    let local = Local::start().await;
    let unknown = format!("/v1/cases/{}", "0".repeat(32));
    assert_eq!(local.get(&unknown).await.0, 404);
    assert_eq!(local.post(&format!("{unknown}/fulfil"), json!({})).await.0, 404);
    for (query, member) in [
        ("?state=done", "state"),
        ("?due_by=soon", "due_by"),
        ("?cursor=x", "cursor"),
    ] {
        let (status, problem) = local.get(&format!("/v1/cases{query}")).await;
        assert_eq!((status, problem["member"].as_str()), (400, Some(member)), "{problem}");
    }
    let case = local.demand(LISA, "access").await;
    for step in ["extend", "refuse"] {
        let (status, problem) = local.step(&case, step, json!({"reason": " "})).await;
        assert_eq!((status, problem["member"].as_str()), (400, Some("reason")), "{problem}");
    }
}

#[tokio::test]
async fn who_writes_delete_is_stopped_asked_whether_it_is_them_and_erased() {
    let local = Local::start().await;
    let lisa = local.confirmed(LISA).await;
    local.writes(lisa.clone(), "Bitte meine Daten löschen").await;
    assert_eq!(local.status(&lisa).await, "withdrawn");
    let question = local.last_received(&lisa).await;
    assert!(question["text"].as_str().unwrap().contains("Muster GmbH"), "{question}");
    assert_eq!(question["buttons"][0]["label"], "Ja, das bin ich");
    let case = local.listed("?state=identity_pending").await.remove(0);
    assert_eq!(
        (&case["kind"], &case["channel"]),
        (&json!("erasure"), &json!("whatsapp"))
    );
    assert_eq!(local.step(&case, "fulfil", json!({})).await.0, 409);

    local.taps(lisa.clone(), &question, 0).await;
    assert_eq!(local.listed("?state=verified").await[0]["case_id"], case["case_id"]);
    let (status, done) = local.step(&case, "fulfil", json!({})).await;
    assert_eq!((status, &done["state"]), (200, &json!("fulfilled")), "{done}");
    assert_eq!(done.get("recipient"), None, "the case knows nobody any more");
    assert_eq!(local.look_up(&lisa).await.0, 404);
    assert_eq!(local.metric("outbox", "cases_opened").await, 1.0);
}

#[tokio::test]
async fn somebody_elses_tap_shows_nothing_and_an_old_one_neither() {
    let local = Local::start().await;
    let lisa = local.confirmed(LISA).await;
    local.writes(lisa.clone(), "delete my data").await;
    let question = local.last_received(&lisa).await;
    // Neither of somebody whom nobody knows, nor of another contact.
    local.taps(phone(STRANGER), &question, 0).await;
    let other = local.confirmed("+4915112345803").await;
    local.taps(other, &question, 0).await;
    assert_eq!(local.listed("?state=identity_pending").await.len(), 1);
    local.advance(73 * 3_600).await;
    local.taps(lisa.clone(), &question, 0).await;
    assert_eq!(local.listed("?state=identity_pending").await.len(), 1);
    // Whoever asks again has the case that is open already, and its button counts.
    local.writes(lisa.clone(), "delete my data").await;
    let question = local.last_received(&lisa).await;
    local.taps(lisa, &question, 0).await;
    assert_eq!(local.listed("?state=verified").await.len(), 1);
    assert_eq!(local.listed("?state=duplicate").await.len(), 1);
}

#[tokio::test]
async fn for_a_copy_of_everything_a_tap_and_a_code_are_needed() {
    let local = Local::start().await;
    let lisa = local.confirmed(LISA).await;
    local.writes(lisa.clone(), "Auskunft").await;
    assert_eq!(local.status(&lisa).await, "confirmed", "to ask is not to leave");
    let question = local.last_received(&lisa).await;
    let due = local.listed("").await[0]["due_at"].as_str().unwrap()[..10].to_owned();
    assert!(
        question["text"]
            .as_str()
            .unwrap()
            .contains(&format!("spätestens am {due}")),
        "{question}"
    );
    local.taps(lisa.clone(), &question, 0).await;
    let case = local.listed("").await.remove(0);
    assert_eq!(
        (&case["kind"], &case["state"]),
        (&json!("access"), &json!("identity_pending"))
    );
    assert_eq!(case["stands_still"], true);

    let code = code_in(&local.last_received(&lisa).await);
    let (status, problem) = local.step(&case, "verify", json!({"code": "00000000"})).await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (403, Some("urn:assent:problem:wrong-code"))
    );
    let (status, verified) = local.step(&case, "verify", json!({"code": code})).await;
    assert_eq!((status, &verified["state"]), (200, &json!("verified")), "{verified}");
    assert_eq!(
        local.step(&case, "verify", json!({"code": code})).await.0,
        403,
        "a code is good once"
    );
}

#[tokio::test]
async fn whoever_guesses_codes_finds_none_and_the_person_gets_another() {
    let local = Local::start().await;
    let lisa = local.confirmed(LISA).await;
    local.writes(lisa.clone(), "Auskunft").await;
    let question = local.last_received(&lisa).await;
    local.taps(lisa.clone(), &question, 0).await;
    let case = local.listed("").await.remove(0);
    let first = code_in(&local.last_received(&lisa).await);
    for _ in 0..5 {
        assert_eq!(local.step(&case, "verify", json!({"code": "00000000"})).await.0, 403);
    }
    let (status, _) = local.step(&case, "verify", json!({"code": first})).await;
    assert_eq!(status, 403, "it is void by now");
    local.advance(60).await;
    local.taps(lisa.clone(), &question, 0).await;
    let second = code_in(&local.last_received(&lisa).await);
    assert_ne!(first, second);
    local.advance(15 * 60).await;
    let (status, _) = local.step(&case, "verify", json!({"code": second})).await;
    assert_eq!(status, 403, "it is too old");
    for code in [json!("1"), json!(12_345_678)] {
        let (status, problem) = local.step(&case, "verify", json!({"code": code})).await;
        assert_eq!((status, problem["member"].as_str()), (400, Some("code")), "{problem}");
    }
}

#[tokio::test]
async fn who_demands_elsewhere_shows_in_the_chat_who_they_are() {
    let local = Local::start().await;
    let lisa = local.confirmed(LISA).await;
    let case = local.demand(LISA, "erasure").await;
    let (status, asked) = local.step(&case, "verify", json!({})).await;
    assert_eq!((status, &asked["state"]), (200, &json!("identity_pending")), "{asked}");
    assert_eq!(asked["stands_still"], true);
    // They write what they demand, and the case that is open is the one that their tap counts for.
    local.writes(lisa.clone(), "delete my data").await;
    let question = local.last_received(&lisa).await;
    local.taps(lisa, &question, 0).await;
    assert_eq!(local.listed("?state=verified").await[0]["case_id"], case["case_id"]);
}

#[tokio::test]
async fn where_a_number_changed_hands_lately_a_tap_is_not_enough_for_anything() {
    let local = Local::start().await;
    let lisa = local.confirmed(LISA).await;
    let elsewhere = local.demand(LISA, "erasure").await;
    let at = local.now().await;
    let digits = LISA.trim_start_matches('+');
    // Her identity key is another one: the telephone may be another's.
    let change = json!({"messages": [{
        "from": digits, "id": "wamid.new-key", "timestamp": at.to_string(), "type": "system",
        "system": {"type": "customer_identity_changed", "body": "changed", "identity": "abc", "customer": digits},
    }]});
    assert_eq!(local.deliver(&delivery("messages", &value(&change))).await, 200);
    assert_eq!(local.status(&lisa).await, "invalidated");
    local.advance(60).await;
    local.writes(lisa.clone(), "delete my data").await;
    let question = local.last_received(&lisa).await;
    local.taps(lisa.clone(), &question, 0).await;
    let (status, problem) = local.step(&elsewhere, "fulfil", json!({})).await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (409, Some("urn:assent:problem:not-verified"))
    );
    let code = code_in(&local.last_received(&lisa).await);
    let (status, verified) = local.step(&elsewhere, "verify", json!({"code": code})).await;
    assert_eq!((status, &verified["state"]), (200, &json!("verified")), "{verified}");
}

/// The code in a message.
fn code_in(message: &Value) -> String {
    let text = message["text"].as_str().unwrap();
    let mut numbers = text.split(|c: char| !c.is_ascii_digit());
    numbers.find(|number| number.len() == 8).unwrap().to_owned()
}

#[tokio::test]
async fn a_demand_that_meta_delivers_again_opens_one_case() {
    let local = Local::start().await;
    local.confirmed(LISA).await;
    let at = local.now().await;
    let digits = LISA.trim_start_matches('+');
    let words = json!({"messages": [text(digits, "wamid.demand", at, "Auskunft")]});
    let words = delivery("messages", &value(&words));
    for _ in 0..3 {
        assert_eq!(local.deliver(&words).await, 200);
    }
    assert_eq!(local.listed("").await.len(), 1);
    assert!(local.listed("?state=duplicate").await.is_empty());
}

impl Local {
    /// Somebody demands something elsewhere, and shows in the chat that it is them.
    async fn shown_demand(&self, who: &Value, number: &str, kind: &str) -> Value {
        let case = self.demand(number, kind).await;
        assert_eq!(self.step(&case, "verify", json!({})).await.0, 200);
        let question = self.last_received(who).await;
        self.taps(who.clone(), &question, 0).await;
        case
    }
}

#[tokio::test]
async fn a_restriction_leaves_nothing_but_storing_and_ends_after_the_person_was_told() {
    let local = Local::start().await;
    let lisa = local.confirmed(LISA).await;
    let case = local.shown_demand(&lisa, LISA, "restriction").await;
    let (status, closed) = local.step(&case, "fulfil", json!({})).await;
    assert_eq!((status, &closed["state"]), (200, &json!("fulfilled")), "{closed}");
    assert_eq!(local.suppressions(&lisa).await, ["restriction_art18"]);
    let body = json!({"purpose": "offers", "recipients": [{"phone": LISA}]});
    let (_, checked) = local.post("/v1/consent-checks", body).await;
    assert_eq!(checked["decisions"][0]["verdict"], "deny", "{checked}");
    // What answers a demand still reaches them; anything else does not.
    let before = local.received(&lisa).await.len();
    local.writes(lisa.clone(), "Hilfe").await;
    assert_eq!(local.received(&lisa).await.len(), before);

    let (status, _) = local.step(&case, "lift", json!({})).await;
    assert_eq!(status, 202, "they are being told");
    assert_eq!(local.suppressions(&lisa).await, ["restriction_art18"]);
    let told = local.last_received(&lisa).await;
    assert!(told["text"].as_str().unwrap().contains("endet nun"), "{told}");
    let (status, _) = local.step(&case, "lift", json!({})).await;
    assert_eq!(status, 200);
    assert!(local.suppressions(&lisa).await.is_empty());
    let kinds: Vec<_> = local.evidence(&lisa).await.into_iter().map(|(kind, _)| kind).collect();
    assert!(
        kinds.ends_with(&["restricted".to_owned(), "unrestricted".to_owned()]),
        "{kinds:?}"
    );
}

#[tokio::test]
async fn who_cannot_be_told_in_the_chat_is_told_otherwise_before_a_restriction_ends() {
    let local = Local::start().await;
    let lisa = local.confirmed(LISA).await;
    let case = local.shown_demand(&lisa, LISA, "restriction").await;
    let (status, problem) = local.step(&case, "lift", json!({})).await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (409, Some("urn:assent:problem:no-restriction"))
    );
    local.step(&case, "fulfil", json!({})).await;
    local.advance(25 * 3_600).await;
    assert_eq!(local.step(&case, "lift", json!({})).await.0, 202);
    local.post("/_local/run/outbox", Value::Null).await;
    let (status, problem) = local.step(&case, "lift", json!({})).await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (409, Some("urn:assent:problem:not-told")),
        "{problem}"
    );
    assert_eq!(local.suppressions(&lisa).await, ["restriction_art18"]);
    let (status, lifted) = local.step(&case, "lift", json!({"told": "letter of the 4th"})).await;
    assert_eq!(
        (status, &lifted["notes"][1]["about"]),
        (200, &json!("told")),
        "{lifted}"
    );
    assert!(local.suppressions(&lisa).await.is_empty());
}

#[tokio::test]
async fn a_rectification_corrects_the_language_and_the_number_and_no_consent() {
    let local = Local::start().await;
    let lisa = local.confirmed(LISA).await;
    let case = local.shown_demand(&lisa, LISA, "rectification").await;
    for (body, kind) in [
        (json!({}), "nothing-to-correct"),
        (json!({"locale": "tlh"}), "unknown-locale"),
        (json!({"status": "confirmed"}), "unknown-member"),
        (json!({"purposes": ["offers"]}), "unknown-member"),
    ] {
        let (status, problem) = local.step(&case, "fulfil", body).await;
        assert_eq!(
            (status, problem["type"].as_str().unwrap().rsplit(':').next()),
            (400, Some(kind)),
            "{problem}"
        );
    }
    let right = json!({"locale": "en", "phone": STRANGER, "partly": "the name is not ours to correct"});
    let (status, closed) = local.step(&case, "fulfil", right).await;
    assert_eq!(
        (status, &closed["state"]),
        (200, &json!("partially_fulfilled")),
        "{closed}"
    );
    // Nobody at the right number has agreed to anything yet, and at the wrong one it no longer counts.
    assert_eq!(local.status(&lisa).await, "invalidated");
    assert_eq!(local.status(&phone(STRANGER)).await, "invalidated");
    let kinds: Vec<_> = local.evidence(&lisa).await.into_iter().map(|(kind, _)| kind).collect();
    assert!(kinds.contains(&"rectified".to_owned()), "{kinds:?}");
}
