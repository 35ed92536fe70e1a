//! Random stories with random faults: whatever goes wrong on the network, they come to the same as when nothing does.

use std::fmt;

use assent_tests::proxy::{Answer, Fault, Gate, Proxy};
use identity::random_bytes;
use lambda_http::http::Method;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::at_once;
use crate::callers::{Api, number};
use crate::day::HOUR;
use crate::world::{Functions, Stored, World};

/// Who acts. The first two have consented, and are the audience of a campaign.
const PEOPLE: [u32; 3] = [1, 2, 3];

/// How many stories are told; more by the environment.
const STORIES: u64 = 12;

/// What happens in one hour, and what goes wrong meanwhile.
#[derive(Debug, Clone)]
struct Scene {
    act: Act,
    table: Vec<Burst>,
    vault: Vec<Burst>,
    graph: Vec<Burst>,
}

#[derive(Debug, Clone, Copy)]
enum Act {
    FillsInForm(u32),
    Taps(u32, usize),
    Says(u32, &'static str),
    IsErased(u32),
    CampaignIsSent,
}

fn act() -> impl Strategy<Value = Act> {
    let who = || proptest::sample::select(PEOPLE.to_vec());
    prop_oneof![
        3 => who().prop_map(Act::FillsInForm),
        3 => (who(), 0..3_usize).prop_map(|(who, button)| Act::Taps(who, button)),
        3 => who().prop_map(|who| Act::Says(who, "STOP")),
        1 => who().prop_map(|who| Act::Says(who, "START")),
        2 => who().prop_map(|who| Act::Says(who, "AUSKUNFT")),
        1 => who().prop_map(|who| Act::Says(who, "LÖSCHEN")),
        1 => who().prop_map(Act::IsErased),
        2 => Just(Act::CampaignIsSent),
    ]
}

/// After so many requests that are answered, so many that are not.
#[derive(Clone)]
struct Burst {
    answered: usize,
    kind: Kind,
    times: usize,
}

impl fmt::Debug for Burst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {:?} after {}", self.times, self.kind, self.answered)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    NotSent,
    AnswerLost,
    AnswerTorn,
    AnswerSilent,
    Late,
    Throttled,
    Conflict,
    Busy,
    MetaIsBusy,
}

impl Kind {
    fn fault(self, gate: &Gate) -> Fault {
        match self {
            Self::NotSent => Fault::NotSent,
            Self::AnswerLost => Fault::AnswerLost,
            Self::AnswerTorn => Fault::AnswerTorn,
            Self::AnswerSilent => Fault::AnswerSilent,
            Self::Late => Fault::Held(gate.clone()),
            Self::Throttled => Fault::Answer(Answer::aws("ThrottlingException")),
            Self::Conflict => Fault::Cancelled("TransactionConflict"),
            Self::Busy => Fault::Answer(Answer::unexplained(503)),
            Self::MetaIsBusy => Fault::Answer(Answer::graph(130_429)),
        }
    }
}

fn bursts(kinds: &'static [Kind], most_answered: usize, most_times: usize) -> impl Strategy<Value = Vec<Burst>> {
    let burst = (0..=most_answered, proptest::sample::select(kinds), 1..=most_times);
    let burst = burst.prop_map(|(answered, kind, times)| Burst { answered, kind, times });
    vec(burst, 0..3)
}

const OF_TABLE: &[Kind] = &[
    Kind::NotSent,
    Kind::AnswerLost,
    Kind::AnswerLost,
    Kind::AnswerTorn,
    Kind::AnswerSilent,
    Kind::Late,
    Kind::Throttled,
    Kind::Conflict,
    Kind::Conflict,
    Kind::Busy,
];

const OF_VAULT: &[Kind] = &[Kind::NotSent, Kind::AnswerTorn, Kind::Throttled, Kind::Busy];

/// Where a message vanishes it is not sent again, which is another end; that is looked at by itself.
const OF_GRAPH: &[Kind] = &[Kind::AnswerLost, Kind::AnswerTorn, Kind::MetaIsBusy];

fn scene() -> impl Strategy<Value = Scene> {
    let parts = (
        act(),
        bursts(OF_TABLE, 12, 6),
        bursts(OF_VAULT, 2, 8),
        bursts(OF_GRAPH, 1, 2),
    );
    parts.prop_map(|(act, table, vault, graph)| Scene {
        act,
        table,
        vault,
        graph,
    })
}

/// What can be seen of a story when it is over.
#[derive(Debug, PartialEq)]
struct End {
    people: Vec<Person>,
    cases: Vec<Value>,
    let_go: Vec<Value>,
}

#[derive(Debug, PartialEq)]
struct Person {
    standing: Value,
    evidence: Vec<String>,
    received: Vec<(Value, Value)>,
}

/// Before the stories.
async fn before() -> &'static Stored {
    static STORED: OnceCell<Stored> = OnceCell::const_new();
    let make = async || {
        let world = World::new().await;
        let functions = world.functions().await;
        functions.confirmed(&world, 1).await;
        functions.confirmed(&world, 2).await;
        let midnight = world.unix_seconds() - world.unix_seconds() % (24 * HOUR);
        let at = midnight + 34 * HOUR;
        functions.campaign("now", at, &[number(1), number(2)]).await;
        world.wait(at - world.unix_seconds());
        functions.sweep_until_done(&world).await;
        functions.checked().await;
        world.stored().await
    };
    STORED.get_or_init(make).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_on_the_network_a_story_comes_to_the_same() {
    before().await;
    let setting = |name| std::env::var_os(name).and_then(|value| value.to_str()?.parse::<u64>().ok());
    let first = setting("ASSENT_STORY_SEED").unwrap_or_else(|| u64::from(u32::from_le_bytes(random_bytes().unwrap())));
    let stories = setting("ASSENT_MODEL_CASES").unwrap_or(STORIES);
    println!("{stories} stories from ASSENT_STORY_SEED={first}");
    at_once((first..).take(usize::try_from(stories).unwrap()).map(compare)).await;
}

async fn compare(seed: u64) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let scenes = vec(scene(), 3..8).new_tree(&mut runner).unwrap().current();
    let calm = Box::pin(play(&scenes, false)).await;
    let faulty = tokio::spawn({
        let scenes = scenes.clone();
        async move { Box::pin(play(&scenes, true)).await }
    });
    match faulty.await {
        Ok(faulty) if faulty == calm => {}
        Ok(faulty) => panic!("ASSENT_STORY_SEED={seed}: {scenes:#?}\ncomes to {faulty:#?}\nand not to {calm:#?}"),
        Err(_) => panic!("ASSENT_STORY_SEED={seed}: {scenes:#?}\ncomes to no end"),
    }
}

async fn play(scenes: &[Scene], with_faults: bool) -> End {
    let world = World::with(before().await).await;
    let functions = world.functions().await;
    let began = world.unix_seconds();
    let mut let_go = vec![];
    for (number, scene) in scenes.iter().enumerate() {
        let gate = Gate::shut();
        if with_faults {
            strike(&world.table, &scene.table, &gate);
            strike(&world.vault, &scene.vault, &gate);
            strike(&world.graph, &scene.graph, &gate);
        }
        functions.act(&world, scene.act, &mut let_go).await;
        functions.send_all(&world).await;
        world.heal();
        // What was held up arrives when everything has long been done again.
        gate.open();
        let next = began + i64::try_from(number + 1).unwrap() * HOUR;
        assert!(world.unix_seconds() <= next, "a scene ends before the next begins");
        world.wait(next - world.unix_seconds());
    }
    functions.send_all(&world).await;
    functions.end(&world, let_go).await
}

fn strike(proxy: &Proxy, bursts: &[Burst], gate: &Gate) {
    let faults: Vec<_> = bursts
        .iter()
        .flat_map(|burst| {
            let answered = std::iter::repeat_n(Fault::Nothing, burst.answered);
            answered.chain(std::iter::repeat_n(burst.kind.fault(gate), burst.times))
        })
        .collect();
    proxy.next(faults);
}

impl Functions {
    async fn act(&self, world: &World, act: Act, let_go: &mut Vec<Value>) {
        match act {
            Act::FillsInForm(who) => {
                let path = "/v1/opt-ins";
                let form = Self::form(who, &world.unix_seconds().to_string());
                self.ask_until_answered(Api::OptIn, &Method::POST, path, &form).await;
            }
            Act::Taps(who, button) => {
                if let Some(tap) = world.taps(who, button) {
                    self.deliver_until_taken(&tap).await;
                }
            }
            Act::Says(who, text) => self.deliver_until_taken(&world.says(who, text)).await,
            Act::IsErased(who) => {
                if let Some(known) = self.look_up(who).await {
                    let path = format!("/v1/contacts/{}/erasure", known["contact_id"].as_str().unwrap());
                    let reason = json!({"reason": "a letter"});
                    self.ask_until_answered(Api::Rights, &Method::POST, &path, &reason)
                        .await;
                }
            }
            Act::CampaignIsSent => let_go.push(self.everybody_at_the_gate().await),
        }
    }

    /// What the gate says of everybody on the audience, asked again while it could not look.
    async fn everybody_at_the_gate(&self) -> Value {
        let recipients: Vec<_> = PEOPLE.iter().map(|who| json!({"phone": number(*who)})).collect();
        let body = json!({ "recipients": recipients });
        for _ in 0..12 {
            let answered = self
                .ask_until_answered(Api::Campaigns, &Method::POST, "/v1/campaigns/now/sends", &body)
                .await;
            assert_eq!(answered.status, 200, "{answered:?}");
            let rows = answered.body["tickets"].as_array().unwrap();
            let rows: Vec<_> = rows.iter().map(|row| json!([row["verdict"], row["reasons"]])).collect();
            if !json!(rows).to_string().contains("ledger_unavailable") {
                return json!(rows);
            }
        }
        panic!("the gate never looks");
    }

    /// Lambda's poller, the schedule and Meta's statuses, until nothing more comes of them.
    async fn send_all(&self, world: &World) {
        let batch = world.stream_batch().await;
        for _ in 0..4 {
            if self.stream(&batch).await == json!([]) {
                break;
            }
        }
        self.sweep_until_done(world).await;
        self.deliver_statuses(world).await;
        // Longer than a claim lasts.
        world.wait(3 * 60);
        self.sweep_until_done(world).await;
        self.deliver_statuses(world).await;
    }

    async fn end(&self, world: &World, let_go: Vec<Value>) -> End {
        let mut people = vec![];
        for who in PEOPLE {
            let known = self.look_up(who).await;
            let mut evidence = match known {
                Some(_) => self.evidence(who).await,
                None => vec![],
            };
            evidence.sort();
            let known = known.unwrap_or_default();
            let words = |message: &Value| (message["kind"].clone(), message["text"].clone());
            people.push(Person {
                standing: json!([known["consents"], known["suppressions"]]),
                evidence,
                received: world.received(who).iter().map(words).collect(),
            });
        }
        let cases = self
            .ask_until_answered(Api::Rights, &Method::GET, "/v1/cases", &Value::Null)
            .await;
        let cases = cases.body["cases"].as_array().unwrap();
        let mut cases: Vec<_> = cases.iter().map(|case| json!([case["kind"], case["state"]])).collect();
        cases.sort_by_key(Value::to_string);
        End { people, cases, let_go }
    }
}
