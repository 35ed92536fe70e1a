//! What the purge meets under another policy, and in the years after.

use std::path::Path;
use std::sync::Arc;

use assent::local::{EXAMPLE_POLICY, LocalSecrets};
use assent_tests::AMPLE;
use assent_tests::by_hand::text;
use aws_sdk_dynamodb::types::AttributeValue;
use consent::decide::Rules;
use consent::evidence::{Actor, TypedWords};
use consent::policy::Policy;
use consent::time::Time;
use ledger::purge::Begun;
use ledger::{ErasureRequest, ErasureStart, Keys, Ledger};
use serde_json::{Value, json};

use crate::observe::{chapter, overtake, was_overtaken};
use crate::stack::phone;
use crate::story::{DAY, Story};

/// The policy with everything kept for another time, so that whatever is stored has to be looked at anew.
pub(crate) fn shorter(policy: &str) -> String {
    let settings = [
        ("quarantine_days = 14", "quarantine_days = 10"),
        ("export_days = 7", "export_days = 5"),
        ("proof_years = 3", "proof_years = 2"),
        ("decision_years = 3", "decision_years = 2"),
        ("case_years = 3", "case_years = 2"),
        ("purge_run_years = 3", "purge_run_years = 2"),
        ("suppression_years = 3", "suppression_years = 4"),
        ("backup_days = 7", "backup_days = 9"),
    ];
    settings.into_iter().fold(policy.to_owned(), |policy, (from, to)| {
        assert_eq!(policy.matches(from).count(), 1, "{from}");
        policy.replace(from, to)
    })
}

impl Story {
    pub(crate) async fn purges(&self) {
        let ran = self.post("/_local/run/retention", Value::Null).await;
        assert_eq!(ran["purged"]["run"]["end"], "complete", "{ran}");
    }

    /// The ledger itself, which nobody watches.
    fn ledger(&self, directory: &Path) -> Ledger {
        let secrets = LocalSecrets::in_directory(Some(directory)).unwrap().parsed().unwrap();
        let keys = Keys {
            pseudonym: secrets.pseudonym_key,
            sealing: vec![secrets.sealing_key],
        };
        let tables = ledger::Tables {
            ledger: self.tables["Ledger"].clone(),
            keys: self.tables["SubjectKeys"].clone(),
        };
        let until = tokio::time::Instant::now() + AMPLE;
        Ledger::new(self.store.clone(), Arc::new(tables), Arc::new(keys), until)
    }

    /// An erasure was interrupted, and a run of the purge died.
    pub(crate) async fn the_purge_finishes_what_others_began(&self, directory: &Path) {
        chapter("the purge finishes what others began");
        let contact = self.is_everywhere("+4915112340082", "DE.100200303", "autumn").await;
        let ledger = self.ledger(directory);
        let policy = Policy::parse(EXAMPLE_POLICY).unwrap();
        let rules = Rules {
            policy: &policy,
            token_keys: &[],
            now: Time::from_unix_seconds(self.local.now().await),
        };
        let request = ErasureRequest {
            actor: Actor::System,
            reason: &TypedWords::new("she asked"),
        };
        let begun = ledger
            .begin_erasure(&contact.parse().unwrap(), &request, &rules)
            .await
            .unwrap();
        assert!(matches!(begun, ErasureStart::Begun(_)), "{begun:?}");
        let run = ledger.begin_purge(&policy, rules.now).await.unwrap();
        assert!(matches!(run, Begun::Run(_)), "{run:?}");
        self.wait(3_600).await;
        overtake("retention");
        self.purges().await;
        assert!(was_overtaken());
    }

    /// Of each kind that can be unreadable there is a record with nothing in it.
    pub(crate) async fn records_cannot_be_read(&self) {
        chapter("records cannot be read");
        let due_at = self.local.now().await - 60;
        let (id, hash) = ("ab".repeat(16), "ab".repeat(32));
        for (pk, sk, kind, shard) in [
            (format!("contact#{id}"), "contact", "contact", "purge#0"),
            (format!("alias#{hash}"), "alias", "tombstone", "purge#0"),
            (format!("outbox#{id}"), "outbox", "outbox", "purge#0"),
            (format!("quarantine#{hash}"), "quarantine", "quarantine", "quarantine#0"),
            (format!("erasure#{id}"), "erasure", "erasure", "purge#0"),
            (
                "erased#never#0".to_owned(),
                "erasure_register",
                "erasure_register",
                "purge#0",
            ),
            ("purge_runs".to_owned(), "never", "purge_run", "purge#0"),
            ("campaign#unreadable".to_owned(), "campaign", "campaign", "purge#0"),
            (format!("case#{id}"), "case", "case", "closed_cases#0"),
            (format!("copy#{id}"), "copy", "copy", "purge#0"),
        ] {
            let text = |text: &str| AttributeValue::S(text.to_owned());
            let put = self.store.put_item().table_name(&self.tables["Ledger"]);
            let put = put.item("pk", text(&pk)).item("sk", text(sk)).item("kind", text(kind));
            let put = put
                .item("due_shard", text(shard))
                .item("due_at", AttributeValue::N(due_at.to_string()));
            put.send().await.unwrap();
        }
        self.purges().await;
    }

    pub(crate) async fn wishes_outlive_what_else_was_known(&self) {
        chapter("wishes outlive what else was known");
        // One consent ends, the other is kept alive.
        let both = json!({
            "recipient": {"phone": "+4915112340101"}, "purposes": ["offers", "orders"], "locale": "de",
            "source": {"kind": "web_form"},
        });
        self.post("/v1/opt-ins", both).await;
        let ida = phone("+4915112340101");
        let prompt = self.local.last_received(&ida).await;
        self.local.taps(ida.clone(), &prompt, 0).await;
        let contact = self.contact_id(&ida).await;
        let withdrawal = json!({"source": "email", "purposes": ["offers"]});
        self.post(&format!("/v1/contacts/{contact}/withdrawals"), withdrawal)
            .await;
        // Somebody said no, and is not to be asked again for a while.
        let jan = phone("+4915112340102");
        self.local.opt_in("+4915112340102", "web_form").await;
        let prompt = self.local.last_received(&jan).await;
        self.local.taps(jan, &prompt, 1).await;
        // A history that no transaction holds.
        self.agrees("+4915112340103").await;
        for batch in 0..4 {
            let at = self.local.now().await;
            let words = (0..25).map(|number: u8| {
                let word = ["STOP", "START"][usize::from(number % 2)];
                text(
                    "4915112340103",
                    &format!("wamid.long-{batch}-{number}"),
                    at + i64::from(number),
                    word,
                )
            });
            self.wait(60).await;
            self.deliver("messages", json!({"messages": words.collect::<Vec<_>>()}))
                .await;
        }
    }

    pub(crate) async fn years_pass(&self) {
        chapter("years pass");
        for months in [1, 2, 6, 12, 12, 12, 12, 12, 12, 24] {
            self.wait(months * 31 * DAY).await;
            self.post("/_local/run/retention", Value::Null).await;
            self.local
                .writes(phone("+4915112340101"), "Wo bleibt meine Bestellung?")
                .await;
        }
    }
}
