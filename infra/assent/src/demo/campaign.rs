//! The chapter in which a campaign meets people who leave.

use consent::time::{Span, Time};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::http::text;
use super::timeline::Who;
use super::{DemoError, Person, Story};

const CAMPAIGN: &str = "/v1/campaigns/winter";

impl Story {
    pub(super) async fn a_campaign(&mut self) -> Result<(), DemoError> {
        self.timeline.chapter("11  A campaign")?;
        let people = self.people_who_agreed().await?;
        let [klara, leon, ..] = &people[..] else {
            return Err(DemoError::Cast);
        };
        let starts_at = self.registers().await?;
        self.uploads(&people).await?;
        self.checks().await?;
        self.expects_clearance("cleared_with_exclusions").await?;
        self.timeline
            .note("A number that nobody with a consent has is left out; all others may be written to.")?;

        let now = Time::from_unix_seconds(self.http.now().await?);
        self.waits("the hour of the campaign comes", starts_at.since(now))
            .await?;
        self.writes(leon, "Stop").await?;
        self.checks_on_schedule().await?;
        let verdict = self.expects_clearance("cleared_with_exclusions").await?;
        self.timeline.expects(
            "more are excluded than in the check before, because of an objection",
            "1",
            &verdict
                .pointer("/difference/reasons/objection_marketing")
                .map(Value::to_string)
                .unwrap_or_default(),
        )?;
        self.asks_the_gate(klara, "allow").await?;
        self.asks_the_gate(leon, "deny").await?;

        self.timeline
            .does(Who::Meta, "rates the sender's quality as low, and says so by a webhook")?;
        self.http.post("/_local/meta/health", json!({"quality": "RED"})).await?;
        self.waits("an hour passes", Span::hours(1)).await?;
        self.checks_on_schedule().await?;
        let verdict = self.expects_clearance("held").await?;
        let cause = verdict.pointer("/causes/0").cloned().unwrap_or_default();
        self.timeline
            .expects("what holds it is", "quality_red", &text(&cause, "cause"))?;
        self.timeline.note(&text(&cause, "release"))?;
        let (status, _) = self.sends(klara).await?;
        self.timeline
            .expects("the gate of a campaign that is held", "409", status.as_str())?;
        Ok(())
    }

    async fn people_who_agreed(&mut self) -> Result<Vec<Person>, DemoError> {
        let names = [
            "Klara", "Leon", "Mia", "Nils", "Olga", "Paul", "Rosa", "Sven", "Tina", "Uwe",
        ];
        let mut people = vec![];
        for (place, name) in names.into_iter().enumerate() {
            people.push(Person::with_phone(name, &format!("+49151123457{place:02}"))?);
        }
        for person in &people {
            let opt_in = json!({
                "recipient": person.json, "purposes": ["offers"], "locale": "de",
                "source": {"kind": "web_form", "url": "https://muster.example/angebote"},
            });
            self.http.post("/v1/opt-ins", opt_in).await?;
            let received = self.http.received_by(&person.json).await?;
            let prompt = received.last().ok_or(DemoError::NoMessage(person.name))?;
            let tap = json!({"from": person.json, "tap": {"message": prompt.id, "button": 0}});
            self.http.post("/_local/inbound", tap).await?;
        }
        self.timeline
            .does(Who::Contact, "Klara, Leon and eight others ask for offers and confirm")?;
        Ok(people)
    }

    /// Registers the campaign for the next late morning, when nobody is left alone.
    async fn registers(&mut self) -> Result<Time, DemoError> {
        let now = self.http.now().await?;
        let starts_at = Time::from_unix_seconds(now - now % 86_400) + Span::hours(24 + 10);
        let plan = json!({
            "purpose": "offers", "sender": self.business.sender.as_str(),
            "template": {"name": "winter_sale", "language": "de"}, "scheduled_at": starts_at,
        });
        let (status, _) = self.http.put(CAMPAIGN, plan).await?;
        self.timeline.does(
            Who::Business,
            &format!("registers a campaign for tomorrow: {}", status.as_u16()),
        )?;
        Ok(starts_at)
    }

    async fn uploads(&mut self, people: &[Person]) -> Result<(), DemoError> {
        let mut recipients: Vec<_> = people.iter().map(|person| person.json.clone()).collect();
        recipients.push(json!({"phone": "+4915112345799"}));
        let path = format!("{CAMPAIGN}/audience/1");
        let (status, _) = self.http.put(&path, json!({"recipients": recipients})).await?;
        self.timeline.does(
            Who::Business,
            &format!(
                "uploads its audience of {}, one of whom nobody knows: {}",
                recipients.len(),
                status.as_u16()
            ),
        )?;
        Ok(())
    }

    async fn checks(&mut self) -> Result<(), DemoError> {
        self.timeline.does(Who::Business, "has the audience checked")?;
        self.http.post(&format!("{CAMPAIGN}/check"), json!({})).await?;
        Ok(())
    }

    async fn checks_on_schedule(&mut self) -> Result<(), DemoError> {
        self.timeline.does(Who::Time, "the schedule checks the audience")?;
        self.http.post("/_local/run/campaign-check", Value::Null).await?;
        Ok(())
    }

    async fn expects_clearance(&mut self, expected: &str) -> Result<Value, DemoError> {
        let (_, campaign) = self.http.get(CAMPAIGN).await?;
        let verdict = campaign.get("verdict").cloned().unwrap_or_default();
        self.timeline
            .expects("the campaign is", expected, &text(&verdict, "clearance"))?;
        Ok(verdict)
    }

    async fn asks_the_gate(&mut self, person: &Person, expected: &str) -> Result<(), DemoError> {
        let (_, answer) = self.sends(person).await?;
        let row = answer.pointer("/tickets/0").cloned().unwrap_or_default();
        self.timeline.expects(
            &format!("the gate, asked about {}, says", person.name),
            expected,
            &text(&row, "verdict"),
        )?;
        Ok(())
    }

    async fn sends(&self, person: &Person) -> Result<(StatusCode, Value), DemoError> {
        let body = json!({"recipients": [person.json]});
        self.http.post(&format!("{CAMPAIGN}/sends"), body).await
    }
}
