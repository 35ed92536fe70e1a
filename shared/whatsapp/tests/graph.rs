//! Sending through the Graph API, against a stand-in on this machine.
#![cfg(test)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use identity::{Bsuid, Identifiers};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use whatsapp::compose::{acceptance, account_answer, deletion, message_id, number_answer, refusal, template_answer};
use whatsapp::delivery::{Category, Limit, Quality, TemplateStatus};
use whatsapp::graph::{
    Accepted, AccessToken, AccountHealth, Backoff, Class, Consequence, Graph, GraphError, NumberHealth, NumberStatus,
    Review, SendError, Sending, SentMessage, TemplateContent, TemplateHealth,
};
use whatsapp::{Button, Buttons, Callback, Outbound, Payload, PlainText, Template, Text};

const NEVER: Duration = Duration::from_secs(60);

/// What one request looked like.
#[derive(Clone, Debug, Default)]
struct Seen {
    method: String,
    path: String,
    query: String,
    authorization: String,
    body: Vec<u8>,
}

/// A Graph API that answers everything in the same way.
async fn stand_in(status: u16, headers: HeaderMap, answer: String) -> (String, Arc<Mutex<Vec<Seen>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let handler = move |method: Method, uri: Uri, request: HeaderMap, body: axum::body::Bytes| {
        let authorization = request
            .get("authorization")
            .map(|value| value.to_str().unwrap().to_owned());
        log.lock().unwrap().push(Seen {
            method: method.to_string(),
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
            authorization: authorization.unwrap_or_default(),
            body: body.to_vec(),
        });
        async move { (StatusCode::from_u16(status).unwrap(), headers, answer).into_response() as Response }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v25.0/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(handler)).await });
    (base, seen)
}

fn ada() -> Identifiers {
    Identifiers::from_meta(Some("4915112345678"), Some("DE.7201449983120557")).unwrap()
}

fn text() -> Outbound {
    Outbound::Text(PlainText::new(Text::new("Hallo")).unwrap())
}

async fn send_to(base: &str, to: &Identifiers, message: &Outbound, timeout: Duration) -> Result<Accepted, SendError> {
    Graph::new(base)
        .unwrap()
        .send(
            &AccessToken::new("EAAG-token").unwrap(),
            &"106540352242922".parse().unwrap(),
            to,
            message,
            &Callback::new("r4nd0m").unwrap(),
            timeout,
        )
        .await
}

async fn delete_from(base: &str, timeout: Duration) -> Result<(), SendError> {
    Graph::new(base)
        .unwrap()
        .delete_from_contact_book(
            &AccessToken::new("EAAG-token").unwrap(),
            &"106540352242922".parse().unwrap(),
            &Bsuid::parse("DE.ENT.7201449983120557").unwrap(),
            timeout,
        )
        .await
}

async fn refused_with(status: u16, answer: &str) -> SendError {
    let (base, _) = stand_in(status, HeaderMap::new(), answer.to_owned()).await;
    send_to(&base, &ada(), &text(), NEVER).await.unwrap_err()
}

#[tokio::test]
async fn a_send_is_addressed_authorised_and_answered_with_the_messages_id() {
    let id = message_id(ada().phone(), [7; 10]);
    let (base, seen) = stand_in(200, HeaderMap::new(), acceptance(&ada(), &ada(), &id)).await;
    let accepted = send_to(&base, &ada(), &text(), NEVER).await.unwrap();
    assert_eq!(
        accepted,
        Accepted {
            id,
            contact: Some(ada())
        }
    );
    let [request] = <[Seen; 1]>::try_from(seen.lock().unwrap().clone()).unwrap();
    assert_eq!(
        (&*request.method, &*request.path, &*request.query),
        ("POST", "/v25.0/106540352242922/messages", "")
    );
    assert_eq!(request.authorization, "Bearer EAAG-token");
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["to"], "+4915112345678");
    assert_eq!(body["recipient"], Value::Null);
    assert_eq!(body["biz_opaque_callback_data"], "r4nd0m");
}

#[tokio::test]
async fn whoever_has_no_number_is_written_to_by_id() {
    let to = Identifiers::from_meta(None, Some("DE.7201449983120557")).unwrap();
    let (base, seen) = stand_in(200, HeaderMap::new(), acceptance(&to, &to, &message_id(None, [1; 10]))).await;
    assert_eq!(send_to(&base, &to, &text(), NEVER).await.unwrap().contact, Some(to));
    let body: Value = serde_json::from_slice(&seen.lock().unwrap()[0].body).unwrap();
    assert_eq!(
        (&body["recipient"], &body["to"]),
        (&json!("DE.7201449983120557"), &Value::Null)
    );
}

#[tokio::test]
async fn every_kind_of_message_is_read_back_as_it_was_sent() {
    let payloads = ["c:yes", "c:no", "c:not-me"].map(Payload::new);
    let button = |(payload, title): (&Payload, &str)| Button {
        payload: payload.clone(),
        title: Text::new(title),
    };
    let buttons = payloads
        .iter()
        .zip(["Ja", "Nein", "Das war ich nicht"])
        .map(button)
        .collect();
    let parameters = vec![Text::new("Muster GmbH"), Text::new("Angebote \"&\" <ä>")];
    for message in [
        text(),
        Outbound::Buttons(Buttons::new(Text::new("Ja?\nNein?"), buttons).unwrap()),
        Outbound::Template(
            Template::new(
                "doi_confirm".parse().unwrap(),
                "de".parse().unwrap(),
                parameters,
                payloads.to_vec(),
            )
            .unwrap(),
        ),
        Outbound::Template(Template::new("plain".parse().unwrap(), "en_US".parse().unwrap(), vec![], vec![]).unwrap()),
    ] {
        let (base, seen) = stand_in(
            200,
            HeaderMap::new(),
            acceptance(&ada(), &ada(), &message_id(None, [1; 10])),
        )
        .await;
        send_to(&base, &ada(), &message, NEVER).await.unwrap();
        let sent = SentMessage::from_request(&seen.lock().unwrap()[0].body).unwrap();
        assert_eq!(sent.message, message);
        assert_eq!(sent.to.phone(), ada().phone());
        assert_eq!(sent.callback, Callback::new("r4nd0m").ok());
    }
}

#[test]
fn a_stand_in_refuses_what_meta_refuses() {
    let request = |members: Value| {
        let mut body =
            json!({"messaging_product": "whatsapp", "to": "+4915112345678", "type": "text", "text": {"body": "x"}});
        body.as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        SentMessage::from_request(body.to_string().as_bytes())
    };
    assert!(request(json!({})).is_ok());
    for (members, code) in [
        (json!({"messaging_product": "sms"}), 100),
        (json!({"to": "DE.7201449983120557x y"}), 100),
        (json!({"to": "DE.7201449983120557"}), 100),
        (json!({"type": "sticker"}), 100),
        (json!({"text": null}), 100),
        (json!({"text": {"body": " "}}), 131_009),
        (json!({"biz_opaque_callback_data": "x".repeat(513)}), 131_009),
        (
            json!({"type": "interactive", "interactive": {"body": {"text": "?"}, "action": {"buttons": []}}}),
            131_009,
        ),
    ] {
        assert_eq!(request(members.clone()), Err(GraphError::of(code)), "{members}");
    }
    assert!(SentMessage::from_request(b"").is_err());
}

#[test]
fn quick_replies_are_read_by_their_index() {
    let reply = |index: &str| {
        let payload = json!([{"type": "payload", "payload": format!("p{index}")}]);
        json!({"type": "button", "sub_type": "quick_reply", "index": index, "parameters": payload})
    };
    let template = json!({"name": "t", "language": {"code": "de"}, "components": [reply("1"), reply("0")]});
    let body =
        json!({"messaging_product": "whatsapp", "to": "+4915112345678", "type": "template", "template": template});
    let sent = SentMessage::from_request(body.to_string().as_bytes()).unwrap();
    let Outbound::Template(template) = sent.message else {
        panic!("no template")
    };
    assert_eq!(template.quick_replies(), [Payload::new("p0"), Payload::new("p1")]);
}

#[tokio::test]
async fn metas_errors_are_told_apart_by_their_code() {
    for (code, class, consequence) in [
        (130_429, Class::RetryAfter(Backoff::Rate), Consequence::None),
        (131_056, Class::RetryAfter(Backoff::Pair), Consequence::None),
        (131_000, Class::Reconcile, Consequence::None),
        (131_047, Class::GiveUp, Consequence::None),
        (131_050, Class::GiveUp, Consequence::PlatformStop),
        (190, Class::GiveUp, Consequence::Alert),
    ] {
        let (status, body) = refusal(GraphError::of(code));
        let error = refused_with(status, &body).await;
        assert_eq!(
            (error.code(), error.class(), error.consequence()),
            (Some(code), class, consequence)
        );
    }
}

#[tokio::test]
async fn what_may_have_gone_out_is_never_simply_sent_again() {
    for (status, answer) in [
        (200, ""),
        (200, "{}"),
        (200, r#"{"messages":[]}"#),
        (500, "<html>"),
        (502, ""),
        (408, ""),
        (503, r#"{"error":{}}"#),
    ] {
        assert_eq!(
            refused_with(status, answer).await.class(),
            Class::Reconcile,
            "{status} {answer}"
        );
    }
    assert_eq!(refused_with(400, "what?").await.class(), Class::GiveUp);
    assert_eq!(refused_with(429, "").await.class(), Class::RetryAfter(Backoff::Rate));
    assert_eq!(refused_with(401, "").await.consequence(), Consequence::Alert);
}

#[tokio::test]
async fn a_redirect_is_not_followed_so_the_token_stays_with_meta() {
    let (elsewhere, seen) = stand_in(200, HeaderMap::new(), String::new()).await;
    let headers = HeaderMap::from_iter([("location".parse().unwrap(), elsewhere.parse().unwrap())]);
    let (base, _) = stand_in(307, headers, String::new()).await;
    let error = send_to(&base, &ada(), &text(), NEVER).await.unwrap_err();
    assert_eq!(error, SendError::Unexplained { status: 307 });
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_refused_connection_was_certainly_not_a_send() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = send_to(&base, &ada(), &text(), NEVER).await.unwrap_err();
    assert_eq!((error, error.class()), (SendError::Unreachable, Class::NotSent));
}

#[tokio::test]
async fn a_request_that_nobody_answers_may_have_been_a_send() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let silent = tokio::spawn(async move {
        let (connection, _) = listener.accept().await.unwrap();
        drop(connection);
        let (connection, _) = listener.accept().await.unwrap();
        std::future::pending::<()>().await;
        drop(connection);
    });
    let hung_up = send_to(&base, &ada(), &text(), NEVER).await.unwrap_err();
    assert_eq!((hung_up, hung_up.class()), (SendError::NoAnswer, Class::Reconcile));
    let timed_out = send_to(&base, &ada(), &text(), Duration::from_millis(20))
        .await
        .unwrap_err();
    assert_eq!((timed_out, timed_out.class()), (SendError::NoAnswer, Class::Reconcile));
    silent.abort();
}

#[tokio::test]
async fn a_person_is_deleted_from_the_contact_book_by_id_and_may_have_been_absent() {
    for deleted in [true, false] {
        let (base, seen) = stand_in(200, HeaderMap::new(), deletion(deleted)).await;
        assert_eq!(delete_from(&base, NEVER).await, Ok(()));
        let [request] = <[Seen; 1]>::try_from(seen.lock().unwrap().clone()).unwrap();
        assert_eq!(request.method, "DELETE");
        assert_eq!(request.path, "/v25.0/106540352242922/contact_book");
        assert_eq!(
            request.query,
            "messaging_product=whatsapp&bsuid=DE.ENT.7201449983120557"
        );
        assert_eq!(request.authorization, "Bearer EAAG-token");
        assert!(request.body.is_empty());
    }
}

#[tokio::test]
async fn a_deletion_counts_only_when_meta_says_so() {
    let (refused, body) = refusal(GraphError::of(190));
    for (status, answer, error) in [
        (200, "", SendError::Unexplained { status: 200 }),
        (200, "{}", SendError::Unexplained { status: 200 }),
        (200, r#"{"success":false}"#, SendError::Unexplained { status: 200 }),
        (200, r#"[true]"#, SendError::Unexplained { status: 200 }),
        (500, r#"{"success":true}"#, SendError::Unexplained { status: 500 }),
        (404, "<html>", SendError::Unexplained { status: 404 }),
        (refused, &*body, SendError::Refused(GraphError::of(190))),
    ] {
        let (base, _) = stand_in(status, HeaderMap::new(), answer.to_owned()).await;
        assert_eq!(delete_from(&base, NEVER).await, Err(error), "{status} {answer}");
    }
}

#[tokio::test]
async fn no_error_of_a_deletion_names_the_person() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let unanswered = format!("http://{}", silent.local_addr().unwrap());
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let unreachable = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let answer = json!({"error": {"message": "no contact DE.ENT.7201449983120557", "code": 100}});
    let (refusing, _) = stand_in(400, HeaderMap::new(), answer.to_string()).await;
    for (base, expected) in [
        (unanswered, SendError::NoAnswer),
        (unreachable, SendError::Unreachable),
        (refusing, SendError::Refused(GraphError::of(100))),
    ] {
        let timeout = if expected == SendError::NoAnswer {
            Duration::from_millis(20)
        } else {
            NEVER
        };
        let error = delete_from(&base, timeout).await.unwrap_err();
        assert_eq!(error, expected);
        let shown = format!("{error} {error:?} {:?}", std::error::Error::source(&error));
        assert!(!shown.contains("7201449983120557"), "{shown}");
    }
}

#[tokio::test]
async fn no_error_and_no_debug_holds_the_message_the_contact_or_the_token() {
    let hello = json!({"error": {"message": "Hallo +4915112345678", "code": 100, "error_data": {"details": "Hallo"}}});
    let error = refused_with(400, &hello.to_string()).await;
    let shown = format!(
        "{error} {error:?} {:?} {:?} {:?}",
        text(),
        ada(),
        AccessToken::new("EAAG-token").unwrap()
    );
    for secret in ["Hallo", "49151", "EAAG"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

const NUMBER: &str = "106540352242922";
const ACCOUNT: &str = "102290129340398";

async fn number_health(base: &str) -> Result<NumberHealth, SendError> {
    let token = AccessToken::new("EAAG-token").unwrap();
    let graph = Graph::new(base).unwrap();
    graph.number_health(&token, &NUMBER.parse().unwrap(), NEVER).await
}

async fn account_health(base: &str) -> Result<AccountHealth, SendError> {
    let token = AccessToken::new("EAAG-token").unwrap();
    let graph = Graph::new(base).unwrap();
    graph.account_health(&token, &ACCOUNT.parse().unwrap(), NEVER).await
}

async fn template_health(base: &str) -> Result<Option<TemplateHealth>, SendError> {
    let (name, language) = ("advent_offer".parse().unwrap(), "de".parse().unwrap());
    let token = AccessToken::new("EAAG-token").unwrap();
    let graph = Graph::new(base).unwrap();
    let waba = ACCOUNT.parse().unwrap();
    graph.template_health(&token, &waba, &name, &language, NEVER).await
}

async fn answering(answer: impl ToString) -> String {
    stand_in(200, HeaderMap::new(), answer.to_string()).await.0
}

/// A Graph API that gives these answers in turn, and the queries that it was asked.
async fn pages(answers: Vec<Value>) -> (String, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let handler = move |uri: Uri| {
        let mut log = log.lock().unwrap();
        let answer = answers.get(log.len()).or(answers.last()).unwrap().to_string();
        log.push(uri.query().unwrap_or_default().to_owned());
        async move { answer }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v26.0", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(handler)).await });
    (base, seen)
}

fn entry(name: &str, language: &str, status: &str) -> Value {
    json!({"id": "1", "name": name, "language": language, "status": status})
}

fn known(status: TemplateStatus) -> TemplateHealth {
    TemplateHealth {
        status,
        category: None,
        quality: None,
        content: None,
    }
}

#[tokio::test]
async fn a_number_is_asked_for_by_id_and_answered_as_a_stand_in_means_it() {
    for (quality, limit, status) in [
        (Quality::Green, Limit::Unlimited, NumberStatus::Connected),
        (Quality::Red, Limit::People(250), NumberStatus::Flagged),
        (Quality::Unknown, Limit::People(100_000), NumberStatus::Banned),
    ] {
        let health = NumberHealth {
            quality: Some(quality),
            limit: Some(limit),
            status: Some(status),
        };
        let answer = number_answer(&NUMBER.parse().unwrap(), &health);
        let (base, seen) = stand_in(200, HeaderMap::new(), answer).await;
        assert_eq!(number_health(&base).await, Ok(health));
        let [request] = <[Seen; 1]>::try_from(seen.lock().unwrap().clone()).unwrap();
        assert_eq!((&*request.method, &*request.path), ("GET", "/v25.0/106540352242922"));
        assert_eq!(
            request.query,
            "fields=quality_rating%2Cwhatsapp_business_manager_messaging_limit%2Cstatus"
        );
        assert_eq!(request.authorization, "Bearer EAAG-token");
        assert!(request.body.is_empty());
    }
}

#[tokio::test]
async fn what_meta_leaves_out_about_a_number_is_unknown_and_a_new_word_is_kept() {
    let nothing = NumberHealth {
        quality: None,
        limit: None,
        status: None,
    };
    for answer in [
        json!({"id": NUMBER}),
        json!({"id": NUMBER, "quality_rating": null, "status": "", "whatsapp_business_manager_messaging_limit": {}}),
    ] {
        assert_eq!(number_health(&answering(answer).await).await, Ok(nothing.clone()));
    }
    let odd = json!({"id": NUMBER, "quality_rating": "PURPLE", "status": "ASLEEP",
        "whatsapp_business_manager_messaging_limit": "TIER_NOT_SET"});
    let health = number_health(&answering(odd).await).await.unwrap();
    assert_eq!(health.quality, Some(Quality::of("PURPLE")));
    assert_eq!(health.status.unwrap().as_str(), "ASLEEP");
    assert!(matches!(health.limit, Some(Limit::Other(tier)) if tier.as_str() == "TIER_NOT_SET"));

    let unrated = json!({"id": NUMBER, "quality_rating": "NA"});
    let health = number_health(&answering(unrated).await).await.unwrap();
    assert_eq!(health.quality, Some(Quality::Unknown));
}

#[tokio::test]
async fn an_account_may_send_unless_meta_blocks_it_or_rejected_it() {
    for (sending, review, may_send) in [
        (Some(Sending::Available), Some(Review::Approved), Some(true)),
        (Some(Sending::Limited), Some(Review::Pending), Some(true)),
        (Some(Sending::Blocked), Some(Review::Approved), Some(false)),
        (Some(Sending::Available), Some(Review::Rejected), Some(false)),
        (Some(Sending::of("PERHAPS")), Some(Review::Approved), None),
        (None, Some(Review::Approved), None),
        (None, None, None),
    ] {
        let health = AccountHealth { sending, review };
        let answer = account_answer(&ACCOUNT.parse().unwrap(), &health);
        let (base, seen) = stand_in(200, HeaderMap::new(), answer).await;
        let answered = account_health(&base).await.unwrap();
        assert_eq!(answered, health);
        assert_eq!(answered.may_send(), may_send, "{health:?}");
        let [request] = <[Seen; 1]>::try_from(seen.lock().unwrap().clone()).unwrap();
        assert_eq!(
            (&*request.method, &*request.path, &*request.query),
            (
                "GET",
                "/v25.0/102290129340398",
                "fields=account_review_status%2Chealth_status"
            )
        );
        assert_eq!(request.authorization, "Bearer EAAG-token");
    }
}

#[tokio::test]
async fn an_answer_about_something_else_says_nothing() {
    let unexplained = SendError::Unexplained { status: 200 };
    for answer in [
        json!({}),
        json!([]),
        json!({"id": "1", "quality_rating": "GREEN", "health_status": {"can_send_message": "AVAILABLE"}}),
        json!({"quality_rating": "GREEN", "health_status": {"can_send_message": "AVAILABLE"}}),
    ] {
        let base = answering(&answer).await;
        assert_eq!(number_health(&base).await, Err(unexplained), "{answer}");
        assert_eq!(account_health(&base).await, Err(unexplained), "{answer}");
        assert_eq!(template_health(&base).await, Err(unexplained), "{answer}");
    }
}

#[tokio::test]
async fn a_template_is_found_among_similar_names_and_other_languages() {
    let health = TemplateHealth {
        status: TemplateStatus::Paused,
        category: Some(Category::Marketing),
        quality: Some(Quality::Yellow),
        content: Some(TemplateContent {
            header: Some("Advent".to_owned()),
            body: Some("Hello {{1}}".to_owned()),
            footer: Some("Bye".to_owned()),
            quick_replies: vec!["Yes".to_owned(), "No".to_owned()],
            besides: vec!["URL".to_owned()],
        }),
    };
    let other = known(TemplateStatus::Approved);
    let names = ["advent_offer_2", "advent_offer"].map(|name| name.parse().unwrap());
    let languages = ["de", "de_AT"].map(|language| language.parse().unwrap());
    let list = [
        (&names[0], &languages[0], &other),
        (&names[1], &languages[1], &other),
        (&names[1], &languages[0], &health),
    ];
    let (base, seen) = stand_in(200, HeaderMap::new(), template_answer(list)).await;
    assert_eq!(template_health(&base).await, Ok(Some(health.clone())));
    let [request] = <[Seen; 1]>::try_from(seen.lock().unwrap().clone()).unwrap();
    assert_eq!(
        (&*request.method, &*request.path),
        ("GET", "/v25.0/102290129340398/message_templates")
    );
    assert_eq!(
        request.query,
        "name=advent_offer&fields=name%2Clanguage%2Cstatus%2Ccategory%2Cquality_score%2Ccomponents&limit=100"
    );
    assert_eq!(request.authorization, "Bearer EAAG-token");

    let base = answering(template_answer(list.into_iter().take(2))).await;
    assert_eq!(template_health(&base).await, Ok(None));
    assert_eq!(template_health(&answering(json!({"data": []})).await).await, Ok(None));
}

#[tokio::test]
async fn a_templates_new_words_are_kept_and_what_is_left_out_is_unknown() {
    let template = json!({"data": [{"name": "advent_offer", "language": "de", "status": "RESTING", "category": "FREE_SERVICE",
        "quality_score": {"score": "PURPLE", "date": 1}}]});
    let health = template_health(&answering(template).await).await.unwrap().unwrap();
    assert_eq!(health.status.as_str(), "RESTING");
    assert!(!health.status.may_be_sent());
    assert_eq!(health.category, Some(Category::of("FREE_SERVICE")));
    assert_eq!(health.quality, Some(Quality::of("PURPLE")));

    let bare = json!({"data": [entry("advent_offer", "de", "APPROVED")]});
    let health = template_health(&answering(bare).await).await;
    assert_eq!(health, Ok(Some(known(TemplateStatus::Approved))));
}

#[tokio::test]
async fn a_templates_pieces_are_read_as_meta_writes_them_and_none_is_overlooked() {
    let content = async |components: Value| {
        let mut entry = entry("advent_offer", "de", "APPROVED");
        entry["components"] = components;
        let health = template_health(&answering(json!({"data": [entry]})).await).await;
        health.unwrap().unwrap().content
    };
    let shown = json!([
        {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["https://scontent.example"]}},
        {"type": "body", "text": "Hello {{1}}", "example": {"body_text": [["Anna"]]}},
        {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Yes"}, {"type": "PHONE_NUMBER", "text": "Call"}]},
        {"type": "CAROUSEL", "cards": []},
    ]);
    let expected = TemplateContent {
        header: Some("IMAGE".to_owned()),
        body: Some("Hello {{1}}".to_owned()),
        footer: None,
        quick_replies: vec!["Yes".to_owned()],
        besides: vec!["PHONE_NUMBER".to_owned(), "CAROUSEL".to_owned()],
    };
    assert_eq!(content(shown).await, Some(expected));
    // What cannot be read could be anything, and is not taken for nothing.
    for odd in [
        Value::Null,
        json!({}),
        json!(["HEADER"]),
        json!([{"text": "Hello"}]),
        json!([{"type": "HEADER"}]),
        json!([{"type": "BODY"}]),
        json!([{"type": "BUTTONS", "buttons": [{"text": "Yes"}]}]),
    ] {
        assert_eq!(content(odd.clone()).await, None, "{odd}");
    }
}

#[tokio::test]
async fn a_template_that_may_stand_in_an_entry_that_cannot_be_read_is_not_missing() {
    for entry in [
        json!("advent_offer"),
        json!({"language": "de", "status": "APPROVED"}),
        json!({"name": "advent_offer", "status": "APPROVED"}),
        json!({"name": "advent_offer", "language": "de"}),
    ] {
        let answer = template_health(&answering(json!({"data": [entry]})).await).await;
        assert_eq!(answer, Err(SendError::Unexplained { status: 200 }), "{entry}");
    }
}

#[tokio::test]
async fn a_template_is_looked_for_page_by_page_and_no_further_than_needed() {
    let page = |name: &str, after: Option<&str>| {
        // The address of a next page is never gone to, wherever it leads.
        let next = after.map(|_| "http://127.0.0.1:1/elsewhere");
        json!({"data": [entry(name, "de", "APPROVED")], "paging": {"cursors": {"after": after}, "next": next}})
    };
    let found = vec![
        page("advent_offer_1", Some("Q2&x=1")),
        page("advent_offer_2", Some("Q3==")),
        page("advent_offer", Some("Q4")),
        page("advent_offer_4", None),
    ];
    let (base, seen) = pages(found).await;
    let health = template_health(&base).await;
    assert_eq!(health, Ok(Some(known(TemplateStatus::Approved))));
    let asked = seen.lock().unwrap().clone();
    let cursor = |query: &String| query.split_once("&after=").map(|(_, after)| after.to_owned());
    let cursors: Vec<_> = asked.iter().map(cursor).collect();
    assert_eq!(
        cursors,
        [None, Some("Q2%26x%3D1".to_owned()), Some("Q3%3D%3D".to_owned())]
    );

    let (base, _) = pages(vec![page("advent_offer_1", Some("Q2")), page("advent_offer_2", None)]).await;
    assert_eq!(template_health(&base).await, Ok(None));
}

#[tokio::test]
async fn a_list_that_does_not_end_is_no_answer() {
    let page = json!({"data": [], "paging": {"cursors": {"after": "Q"}, "next": "https://graph.facebook.com/"}});
    let (base, seen) = pages(vec![page]).await;
    assert_eq!(template_health(&base).await, Err(SendError::NoAnswer));
    assert!(seen.lock().unwrap().len() < 100);
}

#[tokio::test]
async fn asking_for_health_fails_as_sending_does() {
    let (refused, body) = refusal(GraphError::of(190));
    let number = json!({"id": NUMBER, "data": []}).to_string();
    for (status, answer, error) in [
        (refused, &*body, SendError::Refused(GraphError::of(190))),
        (
            200,
            r#"{"error":{"code":100}}"#,
            SendError::Refused(GraphError::of(100)),
        ),
        (500, "<html>", SendError::Unexplained { status: 500 }),
        (503, r#"{"error":{}}"#, SendError::Unexplained { status: 503 }),
        (502, &*number, SendError::Unexplained { status: 502 }),
    ] {
        let (base, _) = stand_in(status, HeaderMap::new(), answer.to_owned()).await;
        assert_eq!(number_health(&base).await, Err(error), "{status} {answer}");
        assert_eq!(account_health(&base).await, Err(error), "{status} {answer}");
        assert_eq!(template_health(&base).await, Err(error), "{status} {answer}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    assert_eq!(number_health(&base).await, Err(SendError::Unreachable));
    assert_eq!(account_health(&base).await, Err(SendError::Unreachable));
    assert_eq!(template_health(&base).await, Err(SendError::Unreachable));
}
