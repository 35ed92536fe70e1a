//! A fault of the table that lasts: what each function answers meanwhile, and that all is made good afterwards.

use assent_tests::proxy::{Answer, Fault};
use lambda_http::http::Method;
use serde_json::{Value, json};

use crate::at_once;
use crate::callers::Api;
use crate::day::{ASKED, DEMANDS, ERASED, FORM, HOUR, STOPS, a_full_day};
use crate::log::logged;
use crate::world::{World, within};

/// Which requests a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Struck {
    All,
    Writes,
}

/// What is wrong with the table.
#[derive(Debug, Clone)]
enum Trouble {
    Requests(Struck, Fault),
    NobodyListens,
}

impl Trouble {
    /// Whether nothing at all can be done.
    fn is_total(&self) -> bool {
        matches!(
            self,
            Self::NobodyListens
                | Self::Requests(
                    Struck::All,
                    Fault::NotSent
                        | Fault::AnswerLost
                        | Fault::AnswerTorn
                        | Fault::Silence
                        | Fault::AnswerSilent
                        | Fault::Drip
                        | Fault::Answer(_)
                )
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_the_table_functions_answer_in_time_and_all_is_made_good_afterwards() {
    let aws = |error| Fault::Answer(Answer::aws(error));
    let all = |fault| Trouble::Requests(Struck::All, fault);
    let writes = |fault| Trouble::Requests(Struck::Writes, fault);
    let troubles = [
        ("nobody listens", Trouble::NobodyListens),
        ("reset", all(Fault::NotSent)),
        ("answers are lost", all(Fault::AnswerLost)),
        ("answers are torn", all(Fault::AnswerTorn)),
        ("silence", all(Fault::Silence)),
        ("answers drip", all(Fault::Drip)),
        ("throttled", all(aws("ThrottlingException"))),
        ("unavailable", all(Fault::Answer(Answer::unexplained(503)))),
        ("writes are reset", writes(Fault::NotSent)),
        ("answers to writes are lost", writes(Fault::AnswerLost)),
        ("answers to writes never come", writes(Fault::AnswerSilent)),
        (
            "writes are throttled",
            writes(aws("ProvisionedThroughputExceededException")),
        ),
        ("transactions conflict", writes(Fault::Cancelled("TransactionConflict"))),
        (
            "transactions are throttled",
            writes(Fault::Cancelled("ThrottlingError")),
        ),
    ];
    a_full_day().await;
    at_once(troubles.map(|(name, trouble)| a_day_of(name, trouble))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_come_back_in_time_also_where_nothing_answers_and_all_that_is_at_hand_has_grown_old() {
    let world = World::with(a_full_day().await).await;
    let functions = world.functions().await;
    let erased = functions.look_up(ERASED).await.unwrap()["contact_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let batch = world.stream_batch().await;
    let stop = world.says(STOPS, "STOP");
    world.wait(HOUR);
    for proxy in [&world.table, &world.vault, &world.graph] {
        proxy.always(Fault::Silence);
    }
    let (stopped, forged, formed, streamed, erasure, gated, purged, checked) = tokio::join!(
        functions.deliver(&stop),
        functions.deliver_signed(&stop, "a secret of somebody else's"),
        functions.opt_in(FORM),
        functions.stream(&batch),
        functions.erase(&erased),
        functions.gate(),
        within("retention", async |deadline| functions.retention.handle(deadline).await),
        within("campaign-check", async |deadline| functions
            .campaign_check
            .handle(deadline)
            .await),
    );
    for answered in [stopped, forged, formed, erasure] {
        assert!(answered.is_trouble(), "{answered:?}");
    }
    assert_eq!(streamed.as_array().unwrap().len(), 1);
    assert!(gated.is_ok_and(|row| row["verdict"] == "deny"));
    assert!(purged.is_err() && checked.is_err());
}

async fn a_day_of(case: &'static str, trouble: Trouble) {
    let world = World::with(a_full_day().await).await;
    let functions = world.functions().await;
    let erased = functions.look_up(ERASED).await.unwrap()["contact_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let batch = world.stream_batch().await;
    let (stop, demand) = (world.says(STOPS, "STOP"), world.says(DEMANDS, "AUSKUNFT"));

    // All functions meet the trouble at the same time.
    let total = trouble.is_total();
    match trouble {
        Trouble::NobodyListens => world.table.refuse().await,
        Trouble::Requests(Struck::All, fault) => world.table.always(fault),
        Trouble::Requests(Struck::Writes, fault) => world.table.by(move |asked| match asked.is_write() {
            true => fault.clone(),
            false => Fault::Nothing,
        }),
    }
    let name = |function: &str| format!("{function}: {case}");
    let names = [
        "webhook",
        "opt-in",
        "outbox",
        "rights",
        "campaigns",
        "retention",
        "campaign-check",
    ]
    .map(name);
    let (stopped, formed, streamed, erasure, gated, purged, checked) = tokio::join!(
        logged(&names[0], async {
            let stopped = functions.deliver(&stop).await;
            (stopped, functions.deliver(&demand).await)
        }),
        logged(&names[1], functions.opt_in(FORM)),
        logged(&names[2], functions.stream(&batch)),
        logged(&names[3], functions.erase(&erased)),
        logged(&names[4], functions.gate()),
        logged(
            &names[5],
            within("retention", async |deadline| functions.retention.handle(deadline).await)
        ),
        logged(
            &names[6],
            within("campaign-check", async |deadline| {
                functions.campaign_check.handle(deadline).await
            })
        ),
    );

    // Whoever was not served is told so, in the way that makes them come again, and the log says why.
    let says_why = |lines: &[Value]| {
        lines
            .iter()
            .any(|line| line["level"] == "ERROR" && line["error"].is_string())
    };
    for (answered, lines) in [
        (&stopped.0.0, &stopped.1),
        (&stopped.0.1, &stopped.1),
        (&formed.0, &formed.1),
        (&erasure.0, &erasure.1),
    ] {
        if total || answered.status >= 500 {
            assert!(
                answered.is_trouble() && says_why(lines),
                "{case}: {answered:?} {lines:?}"
            );
        }
    }
    let not_dealt_with = streamed.0.as_array().unwrap();
    if total || !not_dealt_with.is_empty() {
        assert!(
            not_dealt_with.len() == 1 && says_why(&streamed.1),
            "{case}: {streamed:?}"
        );
    }
    match &gated.0 {
        Ok(row) if total => assert_eq!(row["verdict"], "deny", "{case}: {row}"),
        Ok(_) => {}
        Err(answered) => assert!(answered.is_trouble() && says_why(&gated.1), "{case}: {gated:?}"),
    }
    if total {
        assert!(purged.0.is_err(), "{case}: {purged:?}");
        assert!(checked.0.is_err(), "{case}: {checked:?}");
    }
    let lines = [
        &stopped.1,
        &formed.1,
        &streamed.1,
        &erasure.1,
        &gated.1,
        &purged.1,
        &checked.1,
    ];
    for line in lines.into_iter().flatten() {
        let line = line.to_string();
        assert!(!line.contains("49151555") && !line.contains("wamid"), "{case}: {line}");
    }

    // It is over, and everybody comes again.
    world.heal();
    let ticket = functions.ticket().await;
    assert_eq!(
        functions.gate().await.unwrap()["ticket"],
        ticket,
        "{case}: the same send has the same ticket"
    );
    functions.deliver_until_taken(&stop).await;
    functions.deliver_until_taken(&demand).await;
    functions.opt_in_until_taken(FORM).await;
    let erasure = functions.erased(&erased, &erasure.0).await;
    for _ in 0..3 {
        if functions.stream(&batch).await == json!([]) {
            break;
        }
    }
    functions.sweep_until_done(&world).await;
    functions.deliver_statuses(&world).await;
    functions.checked().await;
    world.wait(HOUR);
    functions.purged(&world).await;
    world.wait(HOUR);
    functions.sweep_until_done(&world).await;

    // Nothing is lost, and nothing is doubled.
    assert_eq!(functions.status(STOPS).await, "withdrawn", "{case}");
    let kinds = functions.evidence(STOPS).await;
    assert_eq!(
        kinds.iter().filter(|kind| *kind == "withdrawn").count(),
        1,
        "{case}: {kinds:?}"
    );
    assert_eq!(world.received(STOPS).len(), 1, "{case}: {:?}", world.received(STOPS));
    for asked in [ASKED, FORM] {
        assert_eq!(functions.status(asked).await, "pending", "{case}");
        let kinds = functions.evidence(asked).await;
        assert_eq!(kinds, ["requested", "prompt_sent", "prompt_delivered"], "{case}");
        assert_eq!(world.received(asked).len(), 1, "{case}: {:?}", world.received(asked));
    }
    let cases = functions
        .ask_until_answered(Api::Rights, &Method::GET, "/v1/cases", &Value::Null)
        .await
        .body;
    assert_eq!(cases["cases"].as_array().unwrap().len(), 1, "{case}: {cases}");
    assert_eq!(world.received(DEMANDS).len(), 1, "{case}");
    let path = format!("/v1/erasures/{erasure}");
    let certificate = functions
        .ask_until_answered(Api::Rights, &Method::GET, &path, &Value::Null)
        .await
        .body;
    assert_eq!(certificate["signature_valid"], true, "{case}: {certificate}");
    assert!(functions.look_up(ERASED).await.is_none(), "{case}");
    let runs = functions
        .ask_until_answered(Api::Rights, &Method::GET, "/v1/retention/runs", &Value::Null)
        .await
        .body;
    let runs: Vec<_> = runs["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["counts"]["quarantine"])
        .collect();
    let purged: Vec<_> = runs.iter().filter(|counts| !counts.is_null()).collect();
    assert_eq!(purged, [&&json!({"deleted": 1})], "{case}");
}
