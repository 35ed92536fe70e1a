//! Connections that were kept for the next request and have died meanwhile, as they do while Lambda freezes a function.

use assent_tests::business;
use whatsapp::Text;

use crate::world::World;

/// How many people write at the same time, so that as many connections are kept.
const AT_ONCE: u32 = 16;

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_comes_after_a_long_pause_counts_although_every_kept_connection_is_dead() {
    let world = World::new().await;
    let functions = world.functions().await;
    let all = (1..=AT_ONCE).map(|ending| business().text(&world.envelope(ending, "START", None), &Text::new("START")));
    functions.deliver_until_taken(&business().delivery(all)).await;
    world.table.hush();
    let stop = world.says(1, "STOP");
    let answers = [
        functions.deliver(&stop).await.status,
        functions.deliver(&stop).await.status,
    ];
    assert_eq!(
        answers[1], 200,
        "the first delivery meets all that are dead, if not all of it: {answers:?}"
    );
    assert_eq!(functions.evidence(1).await, ["requested", "withdrawn"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_goes_out_although_the_connection_to_meta_that_was_kept_is_dead() {
    let world = World::new().await;
    let functions = world.functions().await;
    functions.opt_in_until_taken(1).await;
    functions.sweep_until_done(&world).await;
    functions.opt_in_until_taken(2).await;
    world.graph.hush();
    functions.sweep_until_done(&world).await;
    assert_eq!(world.received(2).len(), 1);
    functions.opt_in_until_taken(3).await;
    world.graph.cut();
    functions.sweep_until_done(&world).await;
    assert_eq!(world.received(3).len(), 1);
}
