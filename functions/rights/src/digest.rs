//! `GET /v1/reports/digest`: the figures of a week for the data protection officer, as JSON or as a page.

use consent::digest::{Digest, Week};
use consent::retention::{Outcome, RunEnd};
use lambda_http::Request;
use lambda_http::http::StatusCode;
use ledger::LedgerError;
use ledger::Surveyed;
use ledger::purge::SignedRun;
use paper::{Bar, Document};
use platform::problem::json;
use serde::Serialize;
use service::http::body::Object;
use service::http::refusal::unavailable;
use service::http::{self, Answer, query};
use service::{Service, Work};

use crate::copy;

/// How many reports of the purge are read in one go.
const PAGE: i32 = 100;

/// The runs of the purge in a week.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PurgeRuns {
    /// How many there were.
    pub runs: u64,
    /// How many did not come to the end of what was due.
    pub incomplete: u64,
    /// How many reports are not the ledger's own.
    pub forged: u64,
    /// How many records they deleted.
    pub deleted: u64,
}

/// What there is to say of a week.
#[derive(Debug, Clone, Serialize)]
pub struct Weekly {
    /// What people did, and what became of it.
    #[serde(flatten)]
    pub digest: Digest,
    /// What the purge did.
    pub purge: PurgeRuns,
}

/// Answers with the figures of a week, the one that has ended last if none is named.
pub(crate) async fn show(service: &Service, request: &Request) -> Answer {
    let parameters = query::read(request)?;
    let object = Object::whole(&parameters, &["week", "form"])?;
    let week = object.get("week").map(|week| week.parsed::<Week>()).transpose()?;
    let forms = [DigestForm::Json, DigestForm::Html];
    let form = object.get("form").map(|form| form.one_of(&forms)).transpose()?;
    let work = http::begin(service, request).await?;
    let last = || Week::of(work.now - consent::time::Span::days(7));
    let week = week.or_else(last).ok_or_else(http::refusal::no_such_route)?;
    let weekly = weekly(&work, week).await.map_err(unavailable)?;
    Ok(match form.unwrap_or(DigestForm::Json) {
        DigestForm::Json => json(StatusCode::OK, &weekly),
        DigestForm::Html => copy::page_of(StatusCode::OK, &document(&weekly), None, request),
    })
}

/// In which form the figures are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum DigestForm {
    Json,
    Html,
}

/// Counts everything that there is to say of a week. It goes through the whole ledger.
///
/// # Errors
/// When DynamoDB fails, or the time is over before the end.
pub async fn weekly(work: &Work, week: Week) -> Result<Weekly, LedgerError> {
    let mut digest = Digest::new(week);
    let mut count = |surveyed: Surveyed| match surveyed {
        Surveyed::Contact(contact) => digest.count_contact(&contact, &work.policy, work.now),
        Surveyed::Evidence(contact, evidence) => digest.count_event(contact, &evidence),
        Surveyed::Send { .. } => {}
        Surveyed::Finding { at, .. } => digest.count_finding(at),
        Surveyed::Case(case) => digest.count_case(&case, &work.policy, work.now),
    };
    let unreadable = work.ledger.survey(&mut count).await?;
    digest.unreadable = unreadable;
    let purge = purge_runs(work, week).await?;
    Ok(Weekly { digest, purge })
}

async fn purge_runs(work: &Work, week: Week) -> Result<PurgeRuns, LedgerError> {
    let (mut counted, mut cursor) = (PurgeRuns::default(), None);
    loop {
        let page = work
            .ledger
            .purge_runs(week.begins_at(), cursor.as_deref(), PAGE, work.now)
            .await?;
        let within = page.runs.iter().filter(|run| week.contains(run.report.began_at));
        for SignedRun {
            report,
            signature_valid,
            ..
        } in within
        {
            counted.runs += 1;
            counted.incomplete += u64::from(report.end != RunEnd::Complete);
            counted.forged += u64::from(!signature_valid);
            let deleted = report
                .counts
                .iter()
                .filter(|(_, outcome, _)| *outcome == Outcome::Deleted);
            counted.deleted += deleted.map(|(_, _, amount)| amount).sum::<u64>();
        }
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok(counted);
        }
    }
}

/// The figures as a page.
pub fn document(weekly: &Weekly) -> Document {
    let Weekly { digest, purge } = weekly;
    let mut page = Document::new("en", format!("Consents on WhatsApp, week {}", digest.week));
    page.text(format!(
        "What happened from {} until {}, and how things stand now.",
        digest.week.begins_at(),
        digest.week.ends_at()
    ));
    page.section("What needs attention");
    page.list(attention(weekly));

    page.section("From being asked to having agreed");
    let funnel = &digest.funnel;
    page.bars(
        "What happened in the week, by the number of events",
        bars([
            ("asked", funnel.requested),
            ("question sent", funnel.prompt_sent),
            ("question arrived", funnel.prompt_delivered),
            ("question failed", funnel.prompt_failed),
            ("agreed", funnel.confirmed),
            ("said no", funnel.declined),
            ("\"that wasn't me\"", funnel.not_me),
        ]),
    );
    page.section("What ended");
    let stops = &digest.stops;
    page.bars(
        "Stops in the week, by the number of events",
        bars([
            ("withdrew or objected", stops.withdrawn),
            ("in WhatsApp's settings", stops.platform_stop),
            ("perhaps, and was asked", stops.held),
            ("number changed hands", stops.invalidated),
        ]),
    );
    page.section("How consents stand now");
    let rows = digest.standing.iter().flat_map(|(purpose, counts)| {
        counts
            .iter()
            .map(|(status, count)| vec![purpose.to_string(), name(status), count.to_string()])
    });
    page.table(
        "Contacts by purpose and status",
        ["Purpose", "Status", "Contacts"],
        rows.collect(),
    );

    page.section("What people demanded about their data");
    let closed: Vec<_> = digest
        .cases
        .closed
        .iter()
        .map(|(state, count)| format!("{count} {}", name(state)))
        .collect();
    page.facts([
        ("Received in the week", digest.cases.received.to_string()),
        (
            "Closed in the week",
            if closed.is_empty() {
                "none".to_owned()
            } else {
                closed.join(", ")
            },
        ),
    ]);
    let rows = digest.cases.open.iter().map(|case| {
        let late = if case.overdue { "yes" } else { "no" };
        vec![
            case.due_at.to_string(),
            name(&case.kind),
            name(&case.state),
            late.to_owned(),
            case.id.to_string(),
        ]
    });
    page.table(
        "Open now, those that are due first first",
        ["Due", "Demand", "State", "Late", "Case"],
        rows.collect(),
    );

    page.section("What was deleted");
    page.facts([
        ("Runs of the purge", purge.runs.to_string()),
        ("of which did not come to the end", purge.incomplete.to_string()),
        ("Records deleted", purge.deleted.to_string()),
    ]);
    page
}

/// What the data protection officer has to look into.
fn attention(Weekly { digest, purge }: &Weekly) -> Vec<String> {
    let late = digest.cases.open.iter().filter(|case| case.overdue).count();
    let mut needs = vec![];
    let mut need = |is_so: bool, text: String| {
        if is_so {
            needs.push(text);
        }
    };
    need(late > 0, format!("Demands that are late: {late}."));
    need(
        digest.findings > 0,
        format!(
            "{} times a stop may have been missed: look at the findings.",
            digest.findings
        ),
    );
    need(
        digest.incomplete_evidence > 0,
        format!(
            "{} confirmed consents lack evidence; nothing is sent under them.",
            digest.incomplete_evidence
        ),
    );
    need(purge.runs == 0, "The purge did not run.".to_owned());
    need(
        purge.incomplete > 0,
        format!("{} runs of the purge did not come to the end.", purge.incomplete),
    );
    need(
        purge.forged > 0,
        format!("{} reports of the purge are not the ledger's own.", purge.forged),
    );
    need(
        digest.unreadable > 0,
        format!("{} records could not be read.", digest.unreadable),
    );
    if needs.is_empty() {
        needs.push("Nothing.".to_owned());
    }
    needs
}

fn bars<const N: usize>(counts: [(&str, u64); N]) -> Vec<Bar> {
    let bar = |(name, count): (&str, u64)| Bar {
        name: name.to_owned(),
        count,
    };
    counts.map(bar).into()
}

/// The stable name of something, with spaces.
fn name(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().replace('_', " ")
}
