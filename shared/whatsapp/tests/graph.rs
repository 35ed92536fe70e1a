//! Sending through the Graph API, against a stand-in on this machine.
#![cfg(test)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use identity::{Bsuid, Identifiers};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use whatsapp::compose::{acceptance, deletion, message_id, refusal};
use whatsapp::graph::{Accepted, AccessToken, Backoff, Class, Consequence, Graph, GraphError, SendError, SentMessage};
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
