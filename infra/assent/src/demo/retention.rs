//! The chapters in which time passes.

use consent::time::{Span, Time};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::http::text;
use super::timeline::Who;
use super::{DemoError, Person, Story};

const WEEK: Span = Span::days(7);

impl Story {
    pub(super) async fn nobody_answered(&mut self) -> Result<(), DemoError> {
        let hanna = Person::with_phone("Hanna", "+4915112345684")?;
        self.timeline.chapter("8  Nobody answers")?;
        self.opts_in(&hanna, "web_form").await?;
        self.last_message(&hanna).await?;
        self.waits("three days pass", Span::days(3)).await?;
        self.expects_status(&hanna, "offers", "expired").await?;
        self.waits("and four more", Span::days(4)).await?;
        self.purges(&["contact", "subject_key", "evidence"]).await?;
        self.expects_status(&hanna, "offers", "unknown").await?;
        self.timeline
            .note("Whose number it was, and whether they read it, nobody knows any more.")?;
        Ok(())
    }

    pub(super) async fn left_three_years_ago(&mut self) -> Result<(), DemoError> {
        let ines = Person::with_phone("Ines", "+4915112345685")?;
        self.timeline.chapter("9  Ines left three years ago")?;
        self.opts_in(&ines, "web_form").await?;
        let prompt = self.last_message(&ines).await?;
        self.taps(&ines, &prompt, 0).await?;
        self.expects_status(&ines, "offers", "confirmed").await?;
        self.writes(&ines, "STOP").await?;
        self.expects_status(&ines, "offers", "withdrawn").await?;
        let left_at = Time::from_unix_seconds(self.http.now().await?);
        self.waits("three years pass", Span::months(36)).await?;
        self.purges(&[]).await?;
        self.expects_status(&ines, "offers", "withdrawn").await?;
        self.timeline
            .note("The proof that she had agreed is kept to the end of the third year, until claims are barred.")?;
        let rest = (left_at + Span::months(36)).end_of_year();
        let now = Time::from_unix_seconds(self.http.now().await?);
        self.waits("the year ends", rest.since(now)).await?;
        self.waits("and a second", Span::seconds(1)).await?;
        self.purges(&["contact", "subject_key", "evidence"]).await?;
        self.expects_status(&ines, "offers", "unknown").await?;
        let before = self.http.received_by(&ines.json).await?.len();
        self.opts_in(&ines, "web_form").await?;
        let after = self.http.received_by(&ines.json).await?.len();
        self.timeline.expects(
            "prompts to the number, which said stop",
            "0",
            &(after - before).to_string(),
        )?;
        self.timeline
            .note("Of all she was, a keyed hash is left. It says no, and nothing else.")?;
        Ok(())
    }

    pub(super) async fn erase_me(&mut self) -> Result<(), DemoError> {
        let jonas = Person::with_phone("Jonas", "+4915112345686")?;
        self.timeline.chapter("10  Jonas wants to be erased")?;
        self.opts_in(&jonas, "web_form").await?;
        let prompt = self.last_message(&jonas).await?;
        let tap = self.tap_delivery(&jonas, &prompt, 0, self.http.now().await?)?;
        self.http.deliver(&tap).await?;
        self.expects_status(&jonas, "offers", "confirmed").await?;
        let contact = self.contact_id(&jonas).await?;

        let hold = format!("/v1/contacts/{contact}/legal-hold");
        let until = Time::from_unix_seconds(self.http.now().await?) + WEEK;
        let asked = json!({"reason": "Jonas has complained to the court", "until": until});
        let (status, _) = self.http.put(&hold, asked).await?;
        self.timeline.does(
            Who::Business,
            &format!("holds his records for a week: {}", status.as_u16()),
        )?;
        let erasure = format!("/v1/contacts/{contact}/erasure");
        let reason = json!({"reason": "Art. 17(1)(b): he withdraws and wants everything gone"});
        let (status, _) = self.http.post(&erasure, reason.clone()).await?;
        self.timeline
            .expects("an erasure under a legal hold", "409", status.as_str())?;
        self.waits("a week passes, and the hold is over", WEEK).await?;

        let (status, accepted) = self.http.post(&erasure, reason).await?;
        self.timeline.expects(
            "the erasure is accepted",
            StatusCode::ACCEPTED.as_str(),
            status.as_str(),
        )?;
        let (_, certificate) = self
            .http
            .get(&format!("/v1/erasures/{}", text(&accepted, "erasure_id")))
            .await?;
        self.shows_certificate(&certificate)?;
        self.expects_status(&jonas, "offers", "unknown").await?;

        let status = self.http.deliver(&tap).await?;
        self.timeline.does(
            Who::Meta,
            &format!("delivers his old tap once more: {}", status.as_u16()),
        )?;
        self.expects_status(&jonas, "offers", "unknown").await?;
        self.waits("a day passes", Span::days(1)).await?;
        let before = self.http.received_by(&jonas.json).await?.len();
        self.opts_in(&jonas, "web_form").await?;
        let after = self.http.received_by(&jonas.json).await?.len();
        self.timeline.expects(
            "prompts after somebody enters his number",
            "0",
            &(after - before).to_string(),
        )?;
        self.writes(&jonas, "START").await?;
        self.last_message(&jonas).await?;
        self.expects_status(&jonas, "offers", "pending").await?;
        self.timeline
            .note("He came back on his own, and begins from nothing.")?;
        Ok(())
    }

    // ---- what happens ----

    pub(super) async fn waits(&mut self, what: &str, span: Span) -> Result<(), DemoError> {
        self.timeline.does(Who::Time, what)?;
        self.http
            .post("/_local/clock", json!({"advance_seconds": span.as_seconds()}))
            .await?;
        Ok(())
    }

    /// Runs the purge, and shows what it reports. Of these kinds of record, it must have deleted some.
    async fn purges(&mut self, kinds: &[&str]) -> Result<(), DemoError> {
        self.timeline.does(Who::Business, "purges what is due")?;
        let (_, answer) = self.http.post("/_local/run/retention", Value::Null).await?;
        let report = answer.pointer("/purged/run").cloned().unwrap_or_default();
        self.timeline.expects("the run is", "complete", &text(&report, "end"))?;
        let counts = report.get("counts").cloned().unwrap_or_default();
        self.shows_counts(&counts)?;
        for kind in kinds {
            let deleted = counts.pointer(&format!("/{kind}/deleted")).and_then(Value::as_u64);
            let found = if deleted.is_some_and(|deleted| deleted > 0) {
                "yes"
            } else {
                "no"
            };
            self.timeline.expects(&format!("{kind} deleted"), "yes", found)?;
        }
        Ok(())
    }

    fn shows_certificate(&mut self, certificate: &Value) -> Result<(), DemoError> {
        self.timeline.does(Who::Business, "reads the certificate")?;
        self.shows_counts(certificate.get("counts").unwrap_or(&Value::Null))?;
        self.timeline.shows(
            &format!(
                "backups may hold what nobody can open until {}",
                text(certificate, "backups_until")
            ),
            &[],
        )?;
        for (what, member, expected) in [
            ("the erasure is", "state", "\"done\""),
            ("his key is deleted", "key_deleted", "true"),
            ("the signature is valid", "signature_valid", "true"),
        ] {
            let found = certificate.get(member).map(Value::to_string).unwrap_or_default();
            self.timeline.expects(what, expected, &found)?;
        }
        Ok(())
    }

    fn shows_counts(&mut self, counts: &Value) -> Result<(), DemoError> {
        for (kind, outcomes) in counts.as_object().into_iter().flatten() {
            for (outcome, amount) in outcomes.as_object().into_iter().flatten() {
                self.timeline
                    .shows(&format!("{kind:<17} {outcome:<12} {amount:>4}"), &[])?;
            }
        }
        Ok(())
    }
}
