use crate::callers::*;
use crate::world::*;

#[tokio::test]
async fn probe() {
    let world = World::new().await;
    let functions = world.functions().await;
    functions.confirmed(&world, 1).await;
    let stop = world.says(1, "STOP");
    functions.deliver_until_taken(&stop).await;
    functions.sweep_until_done(&world).await;
    println!("{:?} {:#?}", functions.evidence(1).await, world.received(1));
}
