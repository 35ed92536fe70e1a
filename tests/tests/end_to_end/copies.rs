//! "What do you know about me?", from the word in the chat to the page with everything on it.

use reqwest::header::{ACCEPT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::stack::{Local, phone};

const LISA: &str = "+4915112345901";
const OTHER: &str = "+4915112345902";

/// What somebody who reads the last message in the chat knows.
struct Known {
    code: String,
    /// The path of the page.
    page: String,
    /// The message with the button, which brings another code.
    question: Value,
}

impl Local {
    /// Has somebody demand their data, tap, and read the code.
    async fn asks_for_everything(&self, who: &Value) -> Known {
        self.writes(who.clone(), "Auskunft").await;
        let question = self.last_received(who).await;
        self.taps_for_a_code(who, question).await
    }

    async fn taps_for_a_code(&self, who: &Value, question: Value) -> Known {
        self.taps(who.clone(), &question, 0).await;
        let message = self.last_received(who).await;
        let text = message["text"].as_str().unwrap();
        let mut numbers = text.split(|c: char| !c.is_ascii_digit());
        let address = text.split_once("https://consent.example.com").unwrap().1;
        Known {
            code: numbers.find(|number| number.len() == 8).unwrap().to_owned(),
            page: address.split_whitespace().next().unwrap().to_owned(),
            question,
        }
    }

    async fn opens(&self, page: &str) -> (u16, String) {
        let answer = self.client.get(format!("{}{page}", self.base));
        let answer = answer.header(ACCEPT_LANGUAGE, "en").send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn tells(&self, page: &str, code: &str, form: &str) -> (u16, String, String) {
        let answer = self.client.post(format!("{}{page}", self.base));
        let answer = answer.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = answer.header(ACCEPT_LANGUAGE, "en");
        let answer = answer.body(format!("code={code}&form={form}")).send().await.unwrap();
        let media_type = answer.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
        assert!(
            answer.headers()[CONTENT_SECURITY_POLICY]
                .to_str()
                .unwrap()
                .starts_with("default-src 'none'")
        );
        assert_eq!(answer.headers()["cache-control"], "no-store");
        (answer.status().as_u16(), media_type, answer.text().await.unwrap())
    }
}

#[tokio::test]
async fn who_asks_what_is_known_gets_all_of_it_and_the_link_opens_once() {
    let local = Local::start().await;
    let lisa = local.confirmed(LISA).await;
    let Known { code, page, question } = local.asks_for_everything(&lisa).await;
    for _ in 0..3 {
        // Programs look at links in advance, and use nothing up.
        let (status, html) = local.opens(&page).await;
        assert_eq!(status, 200);
        assert!(html.contains("<form method=\"post\">") && !html.contains(LISA));
    }
    let (status, media_type, html) = local.tells(&page, &code, "html").await;
    assert_eq!(
        (status, media_type.as_str()),
        (200, "text/html; charset=utf-8"),
        "{html}"
    );
    for shown in [
        LISA,
        "Ihre Daten bei Muster GmbH",
        "Sie haben zugestimmt",
        "höchstens vier Nachrichten im Monat",
    ] {
        assert!(html.contains(shown), "{shown}");
    }
    let (status, _, html) = local.tells(&page, &code, "html").await;
    assert_eq!(status, 403, "a code is good once: {html}");
    let closed = local.get("/v1/cases?state=fulfilled").await.1["cases"][0].clone();
    assert_eq!(closed["kind"], "access");

    // Another tap brings another code, and with it the same copy in another form.
    local.advance(60).await;
    let again = local.taps_for_a_code(&lisa, question).await;
    let (status, media_type, copy) = local.tells(&again.page, &again.code, "json").await;
    assert_eq!((status, media_type.as_str()), (200, "application/json"), "{copy}");
    let copy: Value = serde_json::from_str(&copy).unwrap();
    assert_eq!(copy["person"]["phone"], LISA);
    let kinds: Vec<_> = copy["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["record"]["kind"].as_str().unwrap())
        .collect();
    assert!(
        kinds.contains(&"requested") && kinds.contains(&"confirmed"),
        "{kinds:?}"
    );
}

#[tokio::test]
async fn links_and_codes_that_are_forged_too_old_or_anothers_open_nothing() {
    let local = Local::start().await;
    let lisa = local.confirmed(LISA).await;
    let other = local.confirmed(OTHER).await;
    let hers = local.asks_for_everything(&lisa).await;
    let theirs = local.asks_for_everything(&other).await;
    let mut forged = hers.page.clone();
    let last = forged.pop().unwrap();
    forged.push(if last == 'A' { 'B' } else { 'A' });
    let shorter = &hers.page[..hers.page.len() - 4];
    for page in [forged.as_str(), shorter, "/cases/p1.", "/cases/x", "/cases/%00"] {
        assert_eq!(local.opens(page).await.0, 404, "{page}");
        assert_eq!(local.tells(page, &hers.code, "json").await.0, 404, "{page}");
    }
    for code in ["", "1", "00000000", &theirs.code, "abcdefgh", &"9".repeat(2_000)] {
        assert_eq!(local.tells(&hers.page, code, "json").await.0, 403, "{code}");
    }
    // What is no code at all was not a try, but three were.
    let (status, _, copy) = local.tells(&hers.page, &hers.code, "nonsense").await;
    assert_eq!(status, 200, "{copy}");
    assert!(!copy.contains(OTHER));
    local.advance(15 * 60).await;
    assert_eq!(local.opens(&theirs.page).await.0, 404);
    assert_eq!(local.tells(&theirs.page, &theirs.code, "json").await.0, 404);
}

#[tokio::test]
async fn whoever_answers_demands_hands_on_a_copy_for_as_long_as_it_is_kept() {
    let local = Local::start().await;
    let lisa = local.confirmed(LISA).await;
    let Known { code, .. } = local.asks_for_everything(&lisa).await;
    let case = local.get("/v1/cases").await.1["cases"][0].clone();
    let path = format!("/v1/cases/{}", case["case_id"].as_str().unwrap());
    let none = local.get(&format!("{path}/copy?form=json")).await;
    assert_eq!((none.0, &none.1["type"]), (410, &json!("urn:assent:problem:no-copy")));
    assert_eq!(local.post(&format!("{path}/fulfil"), json!({})).await.0, 409);
    assert_eq!(
        local.post(&format!("{path}/verify"), json!({"code": code})).await.0,
        200
    );
    let (status, closed) = local.post(&format!("{path}/fulfil"), json!({})).await;
    assert_eq!((status, &closed["state"]), (200, &json!("fulfilled")), "{closed}");
    let (status, copy) = local.get(&format!("{path}/copy?form=json")).await;
    assert_eq!((status, &copy["person"]["phone"]), (200, &json!(LISA)));
    let (status, records) = local.get(&format!("{path}/copy?form=jsonld")).await;
    assert_eq!(status, 200);
    let states = records["@graph"][0]["dpv:hasConsentStatus"].as_array().unwrap();
    assert_eq!(states.last().unwrap()["@type"], "dpv:ConsentGiven");
    let (status, problem) = local.get(&format!("{path}/copy?form=pdf")).await;
    assert_eq!((status, &problem["member"]), (400, &json!("form")));

    local.advance(7 * 86_400).await;
    assert_eq!(
        local.get(&format!("{path}/copy?form=json")).await.0,
        410,
        "whether a purge ran or not"
    );
    local.post("/_local/run/retention", Value::Null).await;
    let (_, reports) = local.get("/v1/retention/runs").await;
    let counts = &reports["runs"].as_array().unwrap().last().unwrap()["counts"];
    assert_eq!(counts["copy"]["deleted"], 2, "its head and its one part: {counts}");
}

#[tokio::test]
async fn nothing_is_left_of_a_copy_whose_person_was_erased() {
    let local = Local::start().await;
    let lisa = local.confirmed(LISA).await;
    let Known { code, page, .. } = local.asks_for_everything(&lisa).await;
    let (_, _, copy) = local.tells(&page, &code, "json").await;
    let copy: Value = serde_json::from_str(&copy).unwrap();
    let case = copy["demanded"]["case"].as_str().unwrap();
    let contact = copy["person"]["contact_id"].as_str().unwrap();
    let erased = local
        .post(
            &format!("/v1/contacts/{contact}/erasure"),
            json!({"reason": "she asked"}),
        )
        .await;
    assert_eq!(erased.0, 202);
    assert_eq!(local.get(&format!("/v1/cases/{case}/copy?form=json")).await.0, 410);
}

#[tokio::test]
async fn a_stranger_who_asks_learns_what_little_there_is() {
    let local = Local::start().await;
    let stranger = phone(OTHER);
    let Known { code, page, .. } = local.asks_for_everything(&stranger).await;
    let (status, _, copy) = local.tells(&page, &code, "json").await;
    assert_eq!(status, 200, "{copy}");
    let copy: Value = serde_json::from_str(&copy).unwrap();
    assert_eq!(copy["person"]["phone"], OTHER);
    assert!(
        copy["records"]
            .as_array()
            .unwrap()
            .iter()
            .any(|record| record["kind"] == "case")
    );
}
