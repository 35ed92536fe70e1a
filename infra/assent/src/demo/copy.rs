//! The chapter in which somebody asks what is known about them.

use consent::copy::Copy;
use consent::retention::Kind;
use serde_json::{Value, json};

use super::http::text;
use super::timeline::Who;
use super::{DemoError, Person, Story};

/// What somebody who reads the chat knows: the code, and the path of the page that it is told on.
struct Known {
    code: String,
    page: String,
}

impl Story {
    pub(super) async fn what_do_you_know_about_me(&mut self) -> Result<(), DemoError> {
        let vera = Person::with_phone("Vera", "+4915112345690")?;
        self.timeline.chapter("12  What do you know about me?")?;
        self.opts_in(&vera, "web_form").await?;
        let prompt = self.last_message(&vera).await?;
        self.taps(&vera, &prompt, 0).await?;
        self.writes(&vera, "Auskunft").await?;
        self.expects_status(&vera, "offers", "confirmed").await?;
        self.timeline.note("To ask is not to leave.")?;
        let question = self.last_message(&vera).await?;
        let case = self.case_of("access").await?;
        self.timeline
            .expects("her case is", "identity_pending", &text(&case, "state"))?;
        self.taps(&vera, &question, 0).await?;
        let message = self.last_message(&vera).await?;
        let known = known(&message.text).ok_or(DemoError::NoMessage(vera.name))?;

        self.timeline.does(Who::Contact, "Somebody else guesses a code")?;
        let (status, _) = self.http.fill_in(&known.page, "00000000", "json").await?;
        self.timeline.expects("the page answers", "403", status.as_str())?;
        self.timeline.does(Who::Contact, "Vera enters her code on the page")?;
        let (status, copy) = self.http.fill_in(&known.page, &known.code, "json").await?;
        self.timeline.expects("the page answers", "200", status.as_str())?;
        let copy: Copy = serde_json::from_str(&copy).map_err(|_| DemoError::NoCopy)?;
        for event in &copy.events {
            if let Some(evidence) = event.evidence() {
                let kind = serde_json::to_value(evidence.kind).unwrap_or_default();
                let line = format!("{}  {}", evidence.occurred_at, kind.as_str().unwrap_or_default());
                self.timeline.shows(&line, &[])?;
            }
        }
        let notice = copy
            .notices
            .first()
            .map(|notice| notice.text.clone())
            .unwrap_or_default();
        let told: String = notice.chars().take(90).collect();
        self.timeline.shows(&format!("She was told: “{told}…”"), &[])?;
        let wrong = copy.verify(None).findings.len();
        self.timeline
            .expects("what is wrong with the evidence in her copy", "0", &wrong.to_string())?;
        let messages = copy.of_kind(Kind::Outbox).count();
        self.timeline.note(&format!(
            "{} records in all, {messages} of them messages to her.",
            copy.records.len()
        ))?;

        let (status, _) = self.http.fill_in(&known.page, &known.code, "html").await?;
        self.timeline
            .expects("the same code once more", "403", status.as_str())?;
        let path = format!("/v1/cases/{}", text(&case, "case_id"));
        let (_, case) = self.http.get(&path).await?;
        self.timeline
            .expects("her case is", "fulfilled", &text(&case, "state"))?;
        Ok(())
    }

    /// The open case about that.
    async fn case_of(&self, kind: &str) -> Result<Value, DemoError> {
        let (_, page) = self.http.get("/v1/cases").await?;
        let cases = page.get("cases").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut cases = cases.into_iter().filter(|case| text(case, "kind") == kind);
        Ok(cases.next().unwrap_or(json!({})))
    }
}

fn known(message: &str) -> Option<Known> {
    let mut numbers = message.split(|c: char| !c.is_ascii_digit());
    let (_, address) = message.split_once("/cases/")?;
    Some(Known {
        code: numbers.find(|number| number.len() == 8)?.to_owned(),
        page: format!("/cases/{}", address.split_whitespace().next()?),
    })
}
