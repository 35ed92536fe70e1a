//! A fault of the Graph API that lasts: messages wait or are settled by Meta's statuses, checks go by what is known, and no message
//! goes out twice.

use std::time::Duration;

use assent_tests::proxy::{Answer, Fault};
use lambda_http::http::Method;
use serde_json::{Value, json};

use crate::at_once;
use crate::callers::Api;
use crate::day::{ASKED, HOUR, a_full_day};
use crate::log::logged;
use crate::world::{World, within};

/// What Meta has of a message while it is not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Message {
    /// It never got there, and that is certain.
    NeverSent,
    /// It never got there, but nobody can know.
    Vanished,
    /// It got there, but nobody can know.
    Taken,
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_the_graph_api_functions_answer_in_time_and_no_message_is_doubled() {
    a_full_day().await;
    at_once([
        a_day_of("nobody listens", None, Message::NeverSent),
        a_day_of(
            "throttled",
            Some(Fault::Answer(Answer::graph(130_429))),
            Message::NeverSent,
        ),
        a_day_of(
            "too many",
            Some(Fault::Answer(Answer::unexplained(429))),
            Message::NeverSent,
        ),
        a_day_of(
            "out of order",
            Some(Fault::Answer(Answer::unexplained(503))),
            Message::Vanished,
        ),
        a_day_of("reset", Some(Fault::NotSent), Message::Vanished),
        a_day_of("silence", Some(Fault::Silence), Message::Vanished),
        a_day_of("answers are lost", Some(Fault::AnswerLost), Message::Taken),
        a_day_of("answers are torn", Some(Fault::AnswerTorn), Message::Taken),
        a_day_of("answers never come", Some(Fault::AnswerSilent), Message::Taken),
        a_day_of("answers drip", Some(Fault::Drip), Message::Taken),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_has_little_time_left_does_not_wait_for_meta_longer_than_that() {
    let world = World::with(a_full_day().await).await;
    let functions = world.functions().await;
    world.wait(HOUR + HOUR / 2);
    world.graph.always(Fault::Silence);
    let (time, path) = (Duration::from_secs(3), "/v1/campaigns/later/check");
    let checked = functions
        .ask_within(time, Api::Campaigns, &Method::POST, path, &Value::Null)
        .await;
    assert!([200, 202].contains(&checked.status), "{checked:?}");
}

async fn a_day_of(case: &'static str, fault: Option<Fault>, message: Message) {
    let world = World::with(a_full_day().await).await;
    let functions = world.functions().await;
    // What Meta said of the sender and the template has grown old.
    world.wait(HOUR + HOUR / 2);
    let batch = world.stream_batch().await;

    match fault {
        None => world.graph.refuse().await,
        Some(fault) => world.graph.always(fault),
    }
    let name = format!("the Graph API: {case}");
    let meanwhile = async {
        tokio::join!(
            functions.stream(&batch),
            functions.ask(Api::Campaigns, &Method::POST, "/v1/campaigns/later/check", &Value::Null),
            within("campaign-check", async |deadline| functions
                .campaign_check
                .handle(deadline)
                .await),
        )
    };
    let ((streamed, checked, round), lines) = logged(&name, meanwhile).await;
    assert_eq!(
        streamed,
        json!([]),
        "{case}: what the Graph API does is no trouble of the stream's"
    );
    assert!([200, 202].contains(&checked.status), "{case}: {checked:?}");
    assert_eq!(round.unwrap().failed, 0, "{case}");
    let texts: Vec<_> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert!(texts.contains(&"a message was not accepted"), "{case}: {lines:?}");
    assert!(
        texts.contains(&"Meta did not say how a sender or a template is"),
        "{case}: {lines:?}"
    );
    for line in lines {
        assert!(!line.to_string().contains("49151555"), "{case}: {line}");
    }

    world.heal();
    if message == Message::Taken {
        functions.deliver_statuses(&world).await;
    }
    for _ in 0..3 {
        functions.sweep_until_done(&world).await;
        world.wait(HOUR / 2);
    }
    functions.deliver_statuses(&world).await;
    if message == Message::Vanished {
        // Whoever may have got a prompt gets no second one for the same request, and can be asked anew.
        assert_eq!(world.received(ASKED).len(), 0, "{case}");
        assert_eq!(
            world.fixture.tally.total("outbox", "outbox_unreconciled"),
            1.0,
            "{case}"
        );
        functions.opt_in_anew(ASKED).await;
        functions.sweep_until_done(&world).await;
        functions.deliver_statuses(&world).await;
    }
    assert_eq!(world.received(ASKED).len(), 1, "{case}: {:?}", world.received(ASKED));
    assert_eq!(functions.status(ASKED).await, "pending", "{case}");
}
