//! The ledger, and everybody who is at work on it.

use std::collections::{BTreeMap, BTreeSet};

use consent::campaign::Send;
use stateright::{Model, Property};

use crate::people::{CAMPAIGNS, Deed, OFFERS, POLICY, Row, asked, at, consenting, row};

pub(crate) const STOP_WINS: &str = "no ticket is given after a stop was committed";
pub(crate) const PROMISE_HOLDS: &str = "nobody is sent more than was promised";
const ONCE: &str = "a campaign's message is let go once";
const NAMED: &str = "a stop names the messages that it could not keep back";
const CHECKED: &str = "nothing is let go of a campaign that was not checked";

/// Which conditions the transactions bear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conditions {
    All,
    /// The gate does not look whether the contact is as it was read.
    WithoutVersion,
}

#[derive(Debug)]
pub(crate) struct Protocol {
    conditions: Conditions,
}

impl Protocol {
    pub(crate) fn with(conditions: Conditions) -> Self {
        Self { conditions }
    }
}

/// A contact and a campaign, by their numbers.
type Pair = (usize, usize);

/// A gate between reading and writing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Passing {
    pair: Pair,
    read: Row,
    /// Whether a send was there.
    sent: bool,
}

/// The webhook between reading and writing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Handling {
    contact: usize,
    deed: Deed,
    read: Row,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    tick: u8,
    /// None once the contact was erased.
    rows: [Option<Row>; 2],
    /// The sends that count, each with its time.
    sends: BTreeMap<Pair, u8>,
    /// What is yet to be delivered.
    ahead: BTreeSet<(usize, Deed)>,
    webhook: Option<Handling>,
    /// What the checker has read so far, and whether that contact may be written to.
    checking: [Option<bool>; 2],
    /// Whether the last check let the campaigns go, once there was one.
    cleared: Option<bool>,
    gates: [Option<Passing>; 2],
    /// How many tickets were given that were not taken back.
    tickets: BTreeMap<Pair, u8>,
    taken_back: bool,
    /// What must never be.
    broken: BTreeSet<&'static str>,
    /// A contact left after a check had counted on them, and the gate refused them.
    refused_after_check: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// The webhook reads the contact that a deed is of.
    Receive(usize, Deed),
    /// It commits, or reads again.
    Record,
    CheckReads(usize),
    CheckWrites,
    GateReads(usize, Pair),
    GateWrites(usize),
    /// The sender says that the ticket was not used.
    TakenBack(Pair),
    Erase(usize),
    /// Every ticket runs out.
    Wait,
}

impl Model for Protocol {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            tick: 0,
            rows: [Some(row(consenting(0))), Some(row(asked(1)))],
            sends: BTreeMap::new(),
            ahead: [
                (0, Deed::Stops),
                (1, Deed::Confirms),
                (1, Deed::Stops),
                (1, Deed::NumberChanges),
            ]
            .into(),
            webhook: None,
            checking: [None; 2],
            cleared: None,
            gates: [None, None],
            tickets: BTreeMap::new(),
            taken_back: false,
            broken: BTreeSet::new(),
            refused_after_check: false,
        }]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        match world.webhook {
            None => steps.extend(world.ahead.iter().map(|(contact, deed)| Step::Receive(*contact, *deed))),
            Some(_) => steps.push(Step::Record),
        }
        // The gate asks no more than whether there was a check, so another one would change nothing.
        if world.cleared.is_none() {
            let unread = (0..2).filter(|contact| world.checking[*contact].is_none());
            steps.extend(unread.map(Step::CheckReads));
            if world.checking.iter().all(Option::is_some) {
                steps.push(Step::CheckWrites);
            }
        }
        // Both campaigns meet at the first contact; the second one is on one list only.
        let pairs = [(0, 0), (0, 1), (1, 0)].into_iter();
        for gate in 0..2 {
            match world.gates[gate] {
                // Two gates are alike: that the first one begins says all.
                None if gate == 0 || world.gates[0].is_some() => {
                    steps.extend(pairs.clone().map(|pair| Step::GateReads(gate, pair)));
                }
                None => {}
                Some(_) => steps.push(Step::GateWrites(gate)),
            }
        }
        if !world.taken_back {
            steps.extend(world.sends.keys().map(|pair| Step::TakenBack(*pair)));
        }
        if world.rows[0].is_some() {
            steps.push(Step::Erase(0));
        }
        if world.tick == 0 {
            steps.push(Step::Wait);
        }
    }

    fn next_state(&self, before: &World, step: Step) -> Option<World> {
        let mut world = before.clone();
        match step {
            Step::Receive(contact, deed) => match world.rows[contact].clone() {
                Some(read) => world.webhook = Some(Handling { contact, deed, read }),
                // Nobody is known any more; the deed is nothing.
                None => {
                    world.ahead.remove(&(contact, deed));
                }
            },
            Step::Record => world.record(),
            Step::CheckReads(contact) => {
                let may = |row: &Row| row.may_be_sent(0, world.tick);
                world.checking[contact] = Some(world.rows[contact].as_ref().is_some_and(may));
            }
            Step::CheckWrites => {
                world.cleared = Some(world.checking.contains(&Some(true)));
                world.checking = [None; 2];
            }
            Step::GateReads(gate, pair) => {
                let read = world.rows[pair.0].clone()?;
                // A campaign that was not checked, or was found to reach nobody, is refused as a whole.
                if world.cleared != Some(true) {
                    return None;
                }
                let sent = world.sends.contains_key(&pair);
                world.gates[gate] = Some(Passing { pair, read, sent });
            }
            Step::GateWrites(gate) => {
                let passing = world.gates[gate].take()?;
                world.pass(&passing, self.conditions);
                if gate == 0 {
                    world.gates.swap(0, 1);
                }
            }
            Step::TakenBack(pair) => world.take_back(pair),
            Step::Erase(contact) => {
                world.rows[contact] = None;
                world.sends.retain(|(of, _), _| *of != contact);
            }
            Step::Wait => world.tick = 1,
        }
        (world != *before).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(STOP_WINS, |_, world: &World| !world.broken.contains(STOP_WINS)),
            Property::always(CHECKED, |_, world: &World| !world.broken.contains(CHECKED)),
            Property::always(NAMED, |_, world: &World| !world.broken.contains(NAMED)),
            Property::always(ONCE, |_, world: &World| {
                world.tickets.values().all(|tickets| *tickets <= 1)
            }),
            Property::always(PROMISE_HOLDS, |_, world: &World| {
                let sent = |contact| {
                    world
                        .tickets
                        .iter()
                        .filter(move |((of, _), tickets)| *of == contact && **tickets > 0)
                };
                (0..2).all(|contact| sent(contact).count() <= 1)
            }),
            // What would make the others empty must not be so.
            Property::sometimes("both contacts are sent something", |_, world: &World| {
                world
                    .tickets
                    .keys()
                    .map(|(contact, _)| *contact)
                    .collect::<BTreeSet<_>>()
                    .len()
                    == 2
            }),
            Property::sometimes("somebody leaves between the check and the gate", |_, world: &World| {
                world.refused_after_check
            }),
            Property::sometimes("everything is delivered", |_, world: &World| world.ahead.is_empty()),
        ]
    }
}

impl World {
    /// The webhook's transaction, conditional on the contact's version; a lost race reads again.
    fn record(&mut self) {
        let Some(Handling { contact, deed, read }) = self.webhook.take() else {
            return;
        };
        match self.rows[contact].clone() {
            Some(row) if row.version == read.version => {
                let (after, named) = read.after(deed, contact == 0, self.tick);
                let stops = deed != Deed::Confirms;
                let in_flight = self.sends.keys().filter(|(of, _)| *of == contact);
                // Every deed lies before noon, and every ticket at noon or later: all of them crossed.
                let in_flight: Vec<_> = in_flight.map(|(_, campaign)| CAMPAIGNS[*campaign].clone()).collect();
                let is_named = in_flight.iter().all(|campaign| named.contains(campaign));
                if stops && !is_named {
                    self.broken.insert(NAMED);
                }
                self.rows[contact] = Some(row.then(after));
                self.ahead.remove(&(contact, deed));
            }
            Some(read) => self.webhook = Some(Handling { contact, deed, read }),
            None => {
                self.ahead.remove(&(contact, deed));
            }
        }
    }

    /// The gate's transaction. What it decides by is what it read; what it must not do is told by what is there.
    fn pass(&mut self, passing: &Passing, conditions: Conditions) {
        let Passing { pair, read, sent } = passing;
        let (contact, campaign) = *pair;
        if *sent || !read.may_be_sent(campaign, self.tick) {
            self.refused_after_check |= self.cleared == Some(true) && !read.consents(self.tick);
            return;
        }
        let Some(row) = self.rows[contact].clone() else {
            return;
        };
        let is_as_read = row.version == read.version || conditions == Conditions::WithoutVersion;
        if !is_as_read || self.sends.contains_key(pair) {
            return;
        }
        if !row.consents(self.tick) {
            self.broken.insert(STOP_WINS);
        }
        if self.cleared.is_none() {
            self.broken.insert(CHECKED);
        }
        let mut after = (*read.contact).clone();
        let send = Send {
            purpose: OFFERS.clone(),
            at: at(self.tick),
        };
        after.send(CAMPAIGNS[campaign].clone(), send, &POLICY);
        self.rows[contact] = Some(row.then(after));
        self.sends.insert(*pair, self.tick);
        *self.tickets.entry(*pair).or_default() += 1;
    }

    /// The sender reports that a ticket was not used, once.
    fn take_back(&mut self, pair: Pair) {
        let (contact, campaign) = pair;
        let (Some(row), Some(tick)) = (self.rows[contact].clone(), self.sends.remove(&pair)) else {
            return;
        };
        let mut after = (*row.contact).clone();
        after.sends.forget(&CAMPAIGNS[campaign], at(tick));
        self.rows[contact] = Some(row.then(after));
        self.taken_back = true;
        self.tickets.entry(pair).and_modify(|tickets| *tickets -= 1);
    }
}
