//! What the programs are asked for, as API Gateway hands it on.

use assent_tests::{APP_SECRET, business};
use identity::{Identifiers, PhoneNumber};
use platform::clock::{Clock, SystemClock};
use serde_json::{Map, Value, json};
use whatsapp::compose::{Change, Envelope, StatusState, message_id};
use whatsapp::{AppSecret, MessageId, Payload, SIGNATURE_HEADER, Text, sign};

/// Makes events. Each is about a person and a message of its own.
#[derive(Debug, Default)]
pub(crate) struct Events {
    made: u32,
}

impl Events {
    /// Makes events about other people.
    pub(crate) fn of_others() -> Self {
        Self { made: 50_000_000 }
    }

    /// A delivery that concerns nobody's consent: somebody has read a message that the ledger does not know.
    pub(crate) fn neutral(&mut self) -> Value {
        let person = self.person();
        let change = business().status(&person.message, &person.is, &StatusState::Read, person.now, None, &[]);
        delivered(change)
    }

    /// Somebody writes STOP.
    pub(crate) fn stop(&mut self) -> Value {
        let person = self.person();
        delivered(business().text(&person.envelope(), &Text::new("STOP")))
    }

    /// Somebody writes something that is no word of the ledger's.
    pub(crate) fn message(&mut self) -> Value {
        let person = self.person();
        let text = Text::new("Guten Tag, wann kommt die Bestellung an? Vielen Dank im Voraus 🙂");
        delivered(business().text(&person.envelope(), &text))
    }

    /// Somebody taps "Yes" under a prompt that never was.
    pub(crate) fn tap_without_a_prompt(&mut self) -> Value {
        let person = self.person();
        let (payload, label) = (Payload::new("consent:1:not-a-token"), Text::new("Ja"));
        delivered(business().template_tap(&person.envelope(), &payload, &label))
    }

    /// A delivery that Meta has not signed.
    pub(crate) fn forgery(&mut self) -> Value {
        let person = self.person();
        let body = business().delivery([business().text(&person.envelope(), &Text::new("STOP"))]);
        webhook(&body, "somebody-else")
    }

    /// Signed by Meta, and no JSON.
    pub(crate) fn unreadable(&mut self) -> Value {
        self.made += 1;
        webhook(format!("{{ {} ", self.made).as_bytes(), APP_SECRET)
    }

    /// Step one of a double opt-in.
    pub(crate) fn opt_in(&mut self) -> Value {
        let person = self.person();
        let asked = json!({
            "recipient": {"phone": person.phone()}, "purposes": ["offers"], "locale": "de",
            "source": {"kind": "web_form", "url": "https://www.example.com/newsletter"},
        });
        http("POST", "/v1/opt-ins", &[], &asked.to_string())
    }

    /// How things stand with somebody whom the ledger does not know.
    pub(crate) fn look_up(&mut self) -> Value {
        let asked = json!({"recipient": {"phone": self.person().phone()}});
        http("POST", "/v1/contacts/lookup", &[], &asked.to_string())
    }

    fn person(&mut self) -> Person {
        self.made += 1;
        let phone = PhoneNumber::parse(&format!("+49151{:08}", self.made)).unwrap();
        let mut unique = [0; 10];
        unique[..4].copy_from_slice(&self.made.to_be_bytes());
        Person {
            message: message_id(Some(&phone), unique),
            is: Identifiers::new(Some(phone), None).unwrap(),
            now: SystemClock.unix_seconds(),
        }
    }
}

/// The first thing that a function is asked for, and no delivery: those behind HTTP, for something that is not there; the others,
/// what their schedule brings.
pub(crate) fn first(function: &str) -> Value {
    let path = match function {
        "opt-in" => "/v1/contacts/00000000000000000000000000000000",
        "rights" => "/v1/cases/00000000000000000000000000000000",
        "campaigns" => "/v1/campaigns/none",
        _ => return json!({"source": "aws.scheduler"}),
    };
    http("GET", path, &[], "")
}

/// The status of an answer over HTTP.
pub(crate) fn status(answer: &Value) -> u64 {
    answer["statusCode"].as_u64().unwrap()
}

struct Person {
    is: Identifiers,
    message: MessageId,
    now: i64,
}

impl Person {
    fn envelope(&self) -> Envelope {
        Envelope {
            from: self.is.clone(),
            id: self.message.clone(),
            at: self.now,
            reply_to: None,
        }
    }

    fn phone(&self) -> String {
        self.is.phone().unwrap().e164()
    }
}

fn delivered(change: Change) -> Value {
    webhook(&business().delivery([change]), APP_SECRET)
}

fn webhook(body: &[u8], app_secret: &str) -> Value {
    let signature = sign(body, &AppSecret::new(app_secret).unwrap());
    let headers = [
        ("accept", "*/*"),
        ("accept-encoding", "deflate, gzip"),
        ("user-agent", "facebookexternalua"),
        (SIGNATURE_HEADER, &signature),
    ];
    http("POST", "/webhook", &headers, std::str::from_utf8(body).unwrap())
}

fn http(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Value {
    let brought = headers.iter().copied().chain([
        ("content-type", "application/json"),
        ("host", "a.execute-api.eu-central-1.amazonaws.com"),
        ("x-amzn-trace-id", "Root=1-6923e0a8-2f5c1d7e4b3a09f812345678"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-proto", "https"),
    ]);
    let headers: Map<String, Value> = brought.map(|(name, value)| (name.to_owned(), value.into())).collect();
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": headers,
        "requestContext": {
            "accountId": "1", "apiId": "a", "domainName": "d", "domainPrefix": "d", "requestId": "r", "routeKey": "$default",
            "stage": "$default", "time": "23/Nov/2026:00:00:00 +0000", "timeEpoch": 1_763_890_200_000_i64,
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "bench"},
        },
        "body": body, "isBase64Encoded": false,
    })
}
