//! The secret: rotated while deliveries come, and not to be had.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use assent_tests::proxy::{Answer, Fault, Gate};
use assent_tests::{APP_SECRET, secret};
use futures::future::join_all;
use serde_json::json;

use crate::at_once;
use crate::callers::person;
use crate::log::logged;
use crate::world::World;

const NEW_SECRET: &str = "the app secret after the rotation";
const FORGED: &str = "a secret of somebody else's";

/// How long a function may take to start on Lambda, before it asks for work.
const INIT: Duration = Duration::from_secs(10);

/// How many requests one reading of the secret makes at most: two versions, and four attempts each.
const ONE_READING: usize = 8;

/// How long Secrets Manager is left alone after it failed.
const PAUSE: i64 = 15;

#[tokio::test(flavor = "multi_thread")]
async fn however_a_rotation_goes_every_genuine_delivery_is_taken_and_no_forged_one() {
    let throttled = || Fault::Answer(Answer::aws("ThrottlingException"));
    let mixed = [Fault::NotSent, throttled(), Fault::AnswerLost, Fault::Silence];
    at_once([
        rotated_while("at once", vec![]),
        rotated_while("silent", vec![Fault::Silence; 12]),
        rotated_while("throttled", vec![throttled(); 16]),
        rotated_while("torn", vec![Fault::AnswerTorn; 16]),
        rotated_while("of all kinds", mixed.into_iter().cycle().take(16).collect()),
    ])
    .await;
}

/// Deliveries come to three copies of the function, signed with the secrets before and after the rotation and with neither, while
/// Secrets Manager's first answers after the rotation go wrong.
async fn rotated_while(case: &'static str, faults: Vec<Fault>) {
    const PEOPLE: u32 = 6;
    let world = &World::new().await;
    let copies = [
        world.functions().await,
        world.functions().await,
        world.functions().await,
    ];
    let (began, loaded) = (world.unix_seconds(), world.vault.asked("GetSecretValue"));
    world.secrets.rotate(secret(NEW_SECRET));
    world.vault.next(faults);
    let forged_taken = AtomicUsize::new(0);
    let deliveries = (0..PEOPLE).map(|person| {
        let (stop, copies, forged_taken) = (world.says(person, "STOP"), &copies, &forged_taken);
        let signed_with = if person % 2 == 0 { APP_SECRET } else { NEW_SECRET };
        async move {
            for attempt in 0.. {
                // The next free copy takes it.
                let copy = &copies[(person as usize + attempt) % copies.len()];
                let forged = world.says(person + PEOPLE, "STOP");
                let refused = copy.deliver_signed(&forged, FORGED).await.status;
                forged_taken.fetch_add(usize::from(![401, 500].contains(&refused)), Ordering::SeqCst);
                if copy.deliver_signed(&stop, signed_with).await.status == 200 {
                    return;
                }
                assert!(attempt < 40, "{case}: a genuine delivery is never taken");
                world.wait(5);
            }
        }
    });
    join_all(deliveries).await;
    assert_eq!(forged_taken.load(Ordering::SeqCst), 0, "{case}");
    let asked = world.vault.asked("GetSecretValue") - loaded;
    let passed = usize::try_from((world.unix_seconds() - began) / PAUSE).unwrap();
    assert!(
        asked <= copies.len() * (passed + 2) * ONE_READING,
        "{case}: {asked} requests"
    );
    for person in 0..PEOPLE {
        assert_eq!(copies[0].evidence(person).await, ["withdrawn"], "{case}");
        assert!(copies[0].look_up(person + PEOPLE).await.is_none(), "{case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nobody_can_say_whether_a_signature_is_good_meta_is_asked_to_deliver_again() {
    let world = World::new().await;
    let functions = world.functions().await;
    let stop = world.says(1, "STOP");
    world.secrets.rotate(secret(NEW_SECRET));
    world.vault.always(Fault::Answer(Answer::aws("ThrottlingException")));
    for _ in 0..2 {
        assert_eq!(functions.deliver_signed(&stop, NEW_SECRET).await.status, 500);
    }
    world.heal();
    world.wait(PAUSE);
    assert_eq!(functions.deliver_signed(&stop, NEW_SECRET).await.status, 200);
    assert_eq!(functions.deliver_signed(&stop, FORGED).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_deliveries_do_not_make_secrets_manager_be_asked_again_and_again() {
    let world = World::new().await;
    let functions = world.functions().await;
    let loaded = world.vault.asked("GetSecretValue");
    for fault in [Fault::Nothing, Fault::Answer(Answer::aws("ThrottlingException"))] {
        world.wait(60);
        world.vault.always(fault);
        for _ in 0..50 {
            let refused = functions.deliver_signed(&world.says(1, "STOP"), FORGED).await.status;
            assert!([401, 500].contains(&refused), "{refused}");
        }
    }
    let asked = world.vault.asked("GetSecretValue") - loaded;
    assert!(
        asked <= 2 + ONE_READING,
        "{asked} requests for a hundred forged deliveries"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_secret_cannot_be_read_again_the_one_at_hand_serves() {
    let world = World::new().await;
    let functions = world.functions().await;
    functions.opt_in_until_taken(1).await;
    world.wait(6 * 60);
    world.vault.always(Fault::Silence);
    let (status, lines) = logged("the secret has grown old", async {
        functions.sweep_until_done(&world).await;
        let stopped = functions.deliver(&world.says(2, "STOP")).await.status;
        (stopped, functions.opt_in(3).await.status)
    })
    .await;
    assert_eq!(status, (200, 202));
    assert_eq!(world.received(1).len(), 1);
    assert!(
        lines.iter().any(|line| line["message"] == "the old value is served"),
        "{lines:?}"
    );
    let asked = world.vault.asked("GetSecretValue");
    assert_eq!(functions.deliver(&world.says(2, "STOP")).await.status, 200);
    assert_eq!(
        world.vault.asked("GetSecretValue"),
        asked,
        "a source that failed is left alone for a while"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_secrets_manager_holds_up_those_who_wait_for_it_and_they_are_all_served() {
    let world = World::new().await;
    let functions = world.functions().await;
    let gate = Gate::shut();
    world.secrets.rotate(secret(NEW_SECRET));
    world.vault.always(Fault::Held(gate.clone()));
    let loaded = world.vault.asked("GetSecretValue");
    let stops: Vec<_> = (1..=4).map(|person| world.says(person, "STOP")).collect();
    let deliveries = stops.iter().map(|stop| functions.deliver_signed(stop, NEW_SECRET));
    let opening = async {
        while world.vault.asked("GetSecretValue") < loaded + 2 {
            tokio::task::yield_now().await;
        }
        gate.open();
    };
    let (answers, ()) = tokio::join!(join_all(deliveries), opening);
    for answered in answers {
        assert_eq!(answered.status, 200, "{answered:?}");
    }
    assert_eq!(
        world.vault.asked("GetSecretValue"),
        loaded + 2,
        "all wait for one reading of the two versions"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_cannot_have_the_secret_does_not_start_and_does_not_hang() {
    let world = World::new().await;
    for fault in [
        Some(Fault::Silence),
        Some(Fault::Drip),
        Some(Fault::AnswerTorn),
        Some(Fault::Answer(Answer::aws("ThrottlingException"))),
        None,
    ] {
        match fault.clone() {
            Some(fault) => world.vault.always(fault),
            None => world.vault.refuse().await,
        }
        let started = tokio::time::timeout(INIT, world.start("webhook")).await;
        let error = started.expect("a start comes to an end").unwrap_err();
        assert_eq!(error.to_string(), "the secret could not be loaded", "{fault:?}");
        world.heal();
    }
    assert!(world.start("webhook").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_waits_while_the_access_token_is_not_good_and_goes_out_once_it_is_rotated() {
    let with_token = |token| {
        let mut secret = secret(APP_SECRET);
        secret["access_token"] = json!(token);
        secret
    };
    let world = World::new().await;
    world.secrets.rotate(with_token("expired"));
    let functions = world.functions().await;
    functions.opt_in_until_taken(1).await;
    let batch = world.stream_batch().await;
    assert_eq!(functions.stream(&batch).await, json!([]));
    assert_eq!(world.fixture.tally.total("outbox", "outbox_blocked"), 1.0);

    world.secrets.rotate(with_token("access"));
    // The first reading after the rotation fails, so that one more attempt is made with the old token.
    world
        .vault
        .next(vec![Fault::Answer(Answer::aws("ThrottlingException")); ONE_READING]);
    for _ in 0..3 {
        world.wait(6 * 60);
        functions.sweep_until_done(&world).await;
    }
    assert_eq!(world.received(1).len(), 1);
    functions.deliver_statuses(&world).await;
    assert_eq!(
        functions.evidence(1).await,
        ["requested", "prompt_sent", "prompt_delivered"]
    );
    assert_eq!(
        world.meta.outbound(None)["messages"][0]["to"],
        json!(person(1)),
        "the keys are what they were"
    );
}
