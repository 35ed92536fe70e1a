//! One whole story, played on the local stack through HTTP only.

mod campaign;
mod copy;
mod http;
mod retention;
mod timeline;

use identity::{Bsuid, Identifiers, PhoneNumber};
use serde_json::{Value, json};
use whatsapp::compose::{Business, Envelope};
use whatsapp::{AppSecret, BlankSecret, MessageId, Payload, Text, sign};

use crate::local::{Options, Stack, StackError};
use http::{Http, Received, new_message_id, text};
use timeline::{Timeline, Who};

/// Why the story could not be told to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The stack does not start.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// The stack does not answer.
    #[error("the stack does not answer")]
    Http(#[from] reqwest::Error),
    /// The timeline cannot be printed.
    #[error("the timeline cannot be printed")]
    Print(#[from] std::io::Error),
    /// A message that the story needs did not arrive.
    #[error("{0} did not receive the message that the story goes on with")]
    NoMessage(&'static str),
    /// The stack's clock cannot be read.
    #[error("the stack's clock cannot be read")]
    NoClock,
    /// What the page gave is no copy.
    #[error("what the page gave is no copy")]
    NoCopy,
    /// The stack has no app secret.
    #[error(transparent)]
    Secret(#[from] BlankSecret),
    /// A character of the story has no readable number or id.
    #[error("a character of the story has no readable number or id")]
    Cast,
    /// The system has no randomness for message ids.
    #[error(transparent)]
    NoEntropy(#[from] identity::NoEntropy),
}

/// A person in the story.
#[derive(Debug)]
struct Person {
    name: &'static str,
    who: Identifiers,
    json: Value,
}

impl Person {
    fn with_phone(name: &'static str, phone: &str) -> Result<Self, DemoError> {
        let number = PhoneNumber::parse(phone).map_err(|_| DemoError::Cast)?;
        let who = Identifiers::new(Some(number), None).map_err(|_| DemoError::Cast)?;
        Ok(Self {
            name,
            who,
            json: json!({"phone": phone}),
        })
    }

    fn with_bsuid(name: &'static str, bsuid: &str) -> Result<Self, DemoError> {
        let id = Bsuid::parse(bsuid).map_err(|_| DemoError::Cast)?;
        let who = Identifiers::new(None, Some(id)).map_err(|_| DemoError::Cast)?;
        Ok(Self {
            name,
            who,
            json: json!({"bsuid": bsuid}),
        })
    }
}

/// The storyteller.
struct Story {
    http: Http,
    business: Business,
    timeline: Timeline,
}

/// Plays the story and prints it. True if everything was as told.
///
/// # Errors
/// When the story cannot be told to its end.
pub async fn play() -> Result<bool, DemoError> {
    let stack = Stack::start(Options::default()).await?;
    let app_secret = AppSecret::new(stack.secrets.app_secret())?;
    let http = Http::new(format!("http://{}", stack.address), app_secret)?;
    let business = stack.parts.business().clone();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(stack.serve(async {
        let _ = stopped.await;
    }));
    let mut story = Story {
        http,
        business,
        timeline: Timeline::default(),
    };
    let told = story.tell().await;
    drop(stop);
    server.abort();
    told?;
    Ok(story.timeline.ends()?)
}

impl Story {
    async fn tell(&mut self) -> Result<(), DemoError> {
        self.confirms_and_stops().await?;
        self.repeats_change_nothing().await?;
        self.order_changes_nothing().await?;
        self.forgeries_are_refused().await?;
        self.nobody_needs_a_phone_number().await?;
        self.a_typed_yes_counts().await?;
        self.it_was_not_me().await?;
        self.nobody_answered().await?;
        self.left_three_years_ago().await?;
        self.erase_me().await?;
        self.a_campaign().await?;
        self.what_do_you_know_about_me().await
    }

    async fn confirms_and_stops(&mut self) -> Result<(), DemoError> {
        let anna = Person::with_phone("Anna", "+4915112345678")?;
        self.timeline
            .chapter("1  Anna asks on a web form, confirms in WhatsApp, and says stop")?;
        self.opts_in(&anna, "web_form").await?;
        self.expects_status(&anna, "offers", "pending").await?;
        let prompt = self.last_message(&anna).await?;
        self.timeline
            .expects("the prompt is a template", "template", &prompt.kind)?;
        self.taps(&anna, &prompt, 0).await?;
        self.expects_status(&anna, "offers", "confirmed").await?;
        self.last_message(&anna).await?;
        self.writes(&anna, "Stop. Thank you").await?;
        self.expects_status(&anna, "offers", "withdrawn").await?;
        self.last_message(&anna).await?;
        let before = self.http.received_by(&anna.json).await?.len();
        self.writes(&anna, "STOP!!").await?;
        let after = self.http.received_by(&anna.json).await?.len();
        self.timeline
            .expects("further answers to a second stop", "0", &(after - before).to_string())?;
        self.opts_in(&anna, "web_form").await?;
        self.expects_status(&anna, "offers", "withdrawn").await?;
        self.timeline
            .note("A form that anyone can fill in does not undo her stop.")?;
        self.evidence_of(&anna).await
    }

    async fn repeats_change_nothing(&mut self) -> Result<(), DemoError> {
        let ben = Person::with_phone("Ben", "+4915112345679")?;
        self.timeline.chapter("2  Meta delivers Ben's tap three times")?;
        self.opts_in(&ben, "qr_code").await?;
        let prompt = self.last_message(&ben).await?;
        let tap = self.tap_delivery(&ben, &prompt, 0, self.http.now().await?)?;
        for time in ["once", "again", "and again"] {
            let status = self.http.deliver(&tap).await?;
            self.timeline
                .does(Who::Meta, &format!("delivers the tap {time}: {}", status.as_u16()))?;
        }
        self.expects_status(&ben, "offers", "confirmed").await?;
        let confirmations = self.records(&ben, "confirmed").await?;
        self.timeline
            .expects("records of the confirmation", "1", &confirmations.to_string())?;
        Ok(())
    }

    async fn order_changes_nothing(&mut self) -> Result<(), DemoError> {
        let cleo = Person::with_phone("Cleo", "+4915112345680")?;
        self.timeline
            .chapter("3  Cleo confirms, then stops; Meta delivers the stop first")?;
        self.opts_in(&cleo, "web_form").await?;
        let prompt = self.last_message(&cleo).await?;
        let now = self.http.now().await?;
        let tap = self.tap_delivery(&cleo, &prompt, 0, now + 1)?;
        let stop = self.text_delivery(&cleo, "Stop", now + 2)?;
        self.http.post("/_local/clock", json!({"advance_seconds": 5})).await?;
        self.timeline
            .does(Who::Meta, "delivers her stop, then the tap that came before it")?;
        self.http.deliver(&stop).await?;
        self.http.deliver(&tap).await?;
        self.expects_status(&cleo, "offers", "withdrawn").await?;
        Ok(())
    }

    async fn forgeries_are_refused(&mut self) -> Result<(), DemoError> {
        let dora = Person::with_phone("Dora", "+4915112345681")?;
        self.timeline.chapter("4  Someone forges a confirmation for Dora")?;
        self.opts_in(&dora, "web_form").await?;
        let prompt = self.last_message(&dora).await?;
        let now = self.http.now().await?;
        let tap = self.tap_delivery(&dora, &prompt, 0, now)?;
        let forged = sign(&tap, &AppSecret::new("not the app's secret")?);
        let status = self.http.deliver_signed(&tap, &forged).await?;
        self.timeline
            .expects("a delivery signed with another secret", "401", status.as_str())?;
        let mallory = Person::with_phone("Mallory", "+4915112345699")?;
        let stolen = self.tap_delivery(&mallory, &prompt, 0, now)?;
        let status = self.http.deliver(&stolen).await?;
        self.timeline.expects(
            "Dora's button, tapped by someone else, is taken note of",
            "200",
            status.as_str(),
        )?;
        self.expects_status(&dora, "offers", "pending").await?;
        self.expects_status(&mallory, "offers", "none").await?;
        Ok(())
    }

    async fn nobody_needs_a_phone_number(&mut self) -> Result<(), DemoError> {
        let emil = Person::with_bsuid("Emil", "DE.13491208655302741918")?;
        self.timeline.chapter("5  Emil hides his number and writes START")?;
        self.writes(&emil, "START").await?;
        let prompt = self.last_message(&emil).await?;
        self.timeline.expects(
            "inside his 24 hours the prompt needs no template",
            "interactive",
            &prompt.kind,
        )?;
        self.taps(&emil, &prompt, 0).await?;
        self.expects_status(&emil, "offers", "confirmed").await?;
        Ok(())
    }

    async fn a_typed_yes_counts(&mut self) -> Result<(), DemoError> {
        let fred = Person::with_phone("Fred", "+4915112345682")?;
        self.timeline.chapter("6  Fred types his answer")?;
        self.writes(&fred, "ja").await?;
        self.expects_status(&fred, "offers", "unknown").await?;
        self.timeline
            .note("Nobody asked him anything yet, so his yes is to nothing.")?;
        self.opts_in(&fred, "web_form").await?;
        self.last_message(&fred).await?;
        self.writes(&fred, "Ja!").await?;
        self.expects_status(&fred, "offers", "confirmed").await?;
        Ok(())
    }

    async fn it_was_not_me(&mut self) -> Result<(), DemoError> {
        let gina = Person::with_phone("Gina", "+4915112345683")?;
        self.timeline.chapter("7  Someone enters Gina's number")?;
        self.opts_in(&gina, "web_form").await?;
        let prompt = self.last_message(&gina).await?;
        self.taps(&gina, &prompt, 2).await?;
        self.expects_status(&gina, "offers", "declined").await?;
        let before = self.http.received_by(&gina.json).await?.len();
        self.opts_in(&gina, "web_form").await?;
        let after = self.http.received_by(&gina.json).await?.len();
        self.timeline
            .expects("prompts after a second try", "0", &(after - before).to_string())?;
        Ok(())
    }

    // ---- what people do ----

    async fn opts_in(&mut self, person: &Person, source: &str) -> Result<(), DemoError> {
        let body = json!({
            "recipient": person.json, "purposes": ["offers"], "locale": "de",
            "source": {"kind": source, "url": "https://muster.example/angebote"},
        });
        let (status, _) = self.http.post("/v1/opt-ins", body).await?;
        self.timeline.does(
            Who::Business,
            &format!("takes an opt-in for {} ({source}): {}", person.name, status.as_u16()),
        )?;
        Ok(())
    }

    async fn writes(&mut self, person: &Person, words: &str) -> Result<(), DemoError> {
        self.timeline
            .does(Who::Contact, &format!("{} writes “{words}”", person.name))?;
        let (_, answer) = self
            .http
            .post("/_local/inbound", json!({"from": person.json, "text": words}))
            .await?;
        self.expects_acceptance(&answer)
    }

    async fn taps(&mut self, person: &Person, message: &Received, button: usize) -> Result<(), DemoError> {
        let label = message.labels.get(button).cloned().unwrap_or_default();
        self.timeline
            .does(Who::Contact, &format!("{} taps [ {label} ]", person.name))?;
        let tap = json!({"from": person.json, "tap": {"message": message.id, "button": button}});
        let (_, answer) = self.http.post("/_local/inbound", tap).await?;
        self.expects_acceptance(&answer)
    }

    fn tap_delivery(&self, person: &Person, prompt: &Received, button: usize, at: i64) -> Result<Vec<u8>, DemoError> {
        let envelope = self.envelope(person, at, Some(MessageId::new(prompt.id.as_str())))?;
        let nothing = || DemoError::NoMessage(person.name);
        let payload = Payload::new(prompt.payloads.get(button).ok_or_else(nothing)?.as_str());
        let label = Text::new(prompt.labels.get(button).ok_or_else(nothing)?.as_str());
        Ok(self
            .business
            .delivery([self.business.template_tap(&envelope, &payload, &label)]))
    }

    fn text_delivery(&self, person: &Person, words: &str, at: i64) -> Result<Vec<u8>, DemoError> {
        let envelope = self.envelope(person, at, None)?;
        Ok(self
            .business
            .delivery([self.business.text(&envelope, &Text::new(words))]))
    }

    fn envelope(&self, person: &Person, at: i64, reply_to: Option<MessageId>) -> Result<Envelope, DemoError> {
        Ok(Envelope {
            from: person.who.clone(),
            id: new_message_id(&person.who)?,
            at,
            reply_to,
        })
    }

    // ---- what is so ----

    fn expects_acceptance(&mut self, answer: &Value) -> Result<(), DemoError> {
        let status = answer.get("webhook").map(Value::to_string).unwrap_or_default();
        Ok(self.timeline.expects("the webhook answers", "200", &status)?)
    }

    async fn expects_status(&mut self, person: &Person, purpose: &str, expected: &str) -> Result<(), DemoError> {
        let found = self.http.status(&person.json, purpose).await?;
        self.timeline
            .expects(&format!("{}'s consent to {purpose}", person.name), expected, &found)?;
        Ok(())
    }

    /// The last message that the person received, shown as they see it.
    async fn last_message(&mut self, person: &Person) -> Result<Received, DemoError> {
        let received = self.http.received_by(&person.json).await?;
        let last = received
            .into_iter()
            .next_back()
            .ok_or(DemoError::NoMessage(person.name))?;
        self.timeline
            .does(Who::Business, &format!("{} receives", person.name))?;
        self.timeline.shows(&last.text, &last.labels)?;
        Ok(last)
    }

    async fn records(&self, person: &Person, kind: &str) -> Result<usize, DemoError> {
        let evidence = self.history(person).await?;
        let events = evidence
            .get("events")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        Ok(events.iter().filter(|event| text(event, "kind") == kind).count())
    }

    async fn contact_id(&self, person: &Person) -> Result<String, DemoError> {
        let (_, contact) = self
            .http
            .post("/v1/contacts/lookup", json!({"recipient": person.json}))
            .await?;
        Ok(text(&contact, "contact_id"))
    }

    async fn history(&self, person: &Person) -> Result<Value, DemoError> {
        let id = self.contact_id(person).await?;
        Ok(self.http.get(&format!("/v1/contacts/{id}/evidence")).await?.1)
    }

    async fn evidence_of(&mut self, person: &Person) -> Result<(), DemoError> {
        let evidence = self.history(person).await?;
        self.timeline
            .does(Who::Business, &format!("reads the evidence of {}", person.name))?;
        for event in evidence.get("events").and_then(Value::as_array).into_iter().flatten() {
            let words = event
                .get("words")
                .and_then(Value::as_str)
                .map(|words| format!(" “{words}”"));
            let line = format!(
                "{}  {:<16} {:<22}{}",
                text(event, "occurred_at"),
                text(event, "kind"),
                text(event, "validity"),
                words.unwrap_or_default(),
            );
            self.timeline.shows(line.trim_end(), &[])?;
        }
        let intact = evidence.get("intact").map(Value::to_string).unwrap_or_default();
        self.timeline
            .expects("the chain of evidence is intact", "true", &intact)?;
        Ok(())
    }
}
