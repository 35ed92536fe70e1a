//! The gate's promise, checked in every interleaving: nobody gets a ticket after their stop was committed, and nobody gets more
//! than was promised.
//!
//! The rules are the domain's own; what is modelled is the ledger: rows with a version, transactions that are conditional on
//! what was read, and workers that may stop between reading and writing for as long as they like. Two contacts, two campaigns,
//! one webhook worker, one checker, two gates.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod people;
mod world;

use stateright::{Checker, HasDiscoveries, Model};

use world::{Conditions, Protocol};

/// Enough for every machine that this runs on.
const THREADS: usize = 2;

#[test]
fn in_no_interleaving_is_anybody_sent_what_they_stopped_or_more_than_was_promised() {
    let protocol = Protocol::with(Conditions::All);
    let checker = protocol.checker().threads(THREADS).spawn_bfs().join();
    checker.assert_properties();
    assert!(checker.is_done(), "every state was looked at");
    assert!(
        checker.unique_state_count() > 1_000_000,
        "{} states",
        checker.unique_state_count()
    );
}

#[test]
fn without_the_condition_on_the_contacts_version_a_stop_is_overtaken() {
    let protocol = Protocol::with(Conditions::WithoutVersion);
    let broken = [world::STOP_WINS, world::PROMISE_HOLDS];
    let both = HasDiscoveries::AllOf(broken.into());
    let checker = protocol.checker().threads(THREADS).finish_when(both).spawn_bfs().join();
    let found = checker.discoveries();
    for broken in broken {
        assert!(found.contains_key(broken), "the model sees that this breaks: {broken}");
    }
}
