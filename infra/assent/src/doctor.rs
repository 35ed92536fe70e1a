//! Whether a deployment is as it has to be, line by line, each with what to do; and the one step that Meta's side needs.

use std::fmt;
use std::io::Write;
use std::time::Duration;

use aws_sdk_dynamodb::types::{
    ContinuousBackupsDescription, IndexStatus, PointInTimeRecoveryStatus, TableDescription, TableStatus,
};
use consent::policy::{Keep, Policy, PromptTemplate};
use consent::retention::Setting;
use platform::deadline::Deadline;
use platform::settings::HttpUrl;
use platform::{Platform, StartError};
use secrecy::ExposeSecret;
use service::{NotReady, Service, Work};
use whatsapp::delivery::{Category, TemplateStatus};
use whatsapp::graph::{
    AGENT_FIELDS, AccessToken, AppSubscription, Graph, InvalidGraph, SendError, TemplateContent, TemplateHealth,
    WEBHOOK_FIELDS,
};
use whatsapp::{AppId, BlankSecret, WabaId};

use crate::deployment;

/// How long each answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How far clocks may be apart: codes are good for 15 minutes, tickets for one.
const MOST_APART: i64 = 30;

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    /// The deployment cannot be reached.
    #[error("the deployment that the environment names cannot be reached")]
    Start(#[from] StartError),
    /// What every function needs is not at hand.
    #[error(transparent)]
    NotReady(#[from] NotReady),
    /// The address of the Graph API cannot be used.
    #[error(transparent)]
    Graph(#[from] InvalidGraph),
    /// The access token or the app secret cannot be used.
    #[error(transparent)]
    Token(#[from] BlankSecret),
    /// Meta did not do it.
    #[error("{what}: Meta did not do it")]
    Refused {
        /// What was asked for.
        what: &'static str,
        /// Why.
        source: SendError,
    },
    /// The policy names no account that Meta could have.
    #[error("the policy in force names no WhatsApp Business Account: check the senders")]
    NoAccount,
    /// The result cannot be printed.
    #[error("the result cannot be printed")]
    Print(#[from] std::io::Error),
}

/// One thing that has to be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub what: String,
    /// What to do; none if it is as it has to be.
    pub to_do: Option<String>,
}

impl Finding {
    fn of(what: impl Into<String>, to_do: Option<String>) -> Self {
        Self {
            what: what.into(),
            to_do,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.to_do {
            None => write!(f, "✓ {}", self.what),
            Some(to_do) => write!(f, "✗ {}: {to_do}", self.what),
        }
    }
}

/// Prints what is as it has to be in the deployment that the environment names, and what to do about the rest. True if nothing is to be
/// done. With the app's id it also asks Meta which fields the app gets, and with the webhook's address, whether it gets them there.
///
/// # Errors
/// When the deployment cannot be reached at all: then its message says what to do.
pub async fn examine(app: Option<&AppId>, webhook: Option<&HttpUrl>) -> Result<bool, DoctorError> {
    let platform = deployment::platform().await?;
    let dynamodb = platform.dynamodb.clone();
    let tables = [
        platform.settings.ledger_table.clone(),
        platform.settings.key_table.clone(),
    ];
    let base = platform.settings.graph_base_url.clone();
    let graph = Graph::new(base.as_str())?.trusting(platform.authorities.clone());
    let mut findings = vec![Finding::of("the secret has everything, in the right form", None)];
    findings.extend(store(&dynamodb, &tables).await);
    findings.push(clock(&base, &platform).await);
    let service = Service::from(platform);
    match service.begin(Deadline::after(PATIENCE)).await {
        Ok(work) => {
            findings.push(Finding::of("a policy is in force", None));
            let [ledger, _] = &tables;
            let promised = work.policy.retention().keep(Setting::Backup);
            findings.push(recovery(&dynamodb, ledger, promised).await);
            findings.extend(at_meta(&work, &graph, app, webhook).await?);
        }
        Err(error) => findings.push(Finding::of(
            "a policy is in force",
            Some(platform::logs::chain(&error).to_string()),
        )),
    }
    let mut out = std::io::stdout().lock();
    for finding in &findings {
        writeln!(out, "{finding}")?;
    }
    Ok(findings.iter().all(|finding| finding.to_do.is_none()))
}

/// Whether the tables are there and have what the code relies on.
pub async fn store(client: &aws_sdk_dynamodb::Client, tables: &[String; 2]) -> Vec<Finding> {
    let mut findings = vec![];
    let [ledger, keys] = tables;
    for (table, what) in [(ledger, "the ledger's table"), (keys, "the table of subject keys")] {
        let described = client.describe_table().table_name(table).send().await;
        let description = described.ok().and_then(|answer| answer.table);
        let to_do = match &description {
            None => Some("it cannot be found: deploy the template, and look at LEDGER_TABLE and KEY_TABLE".to_owned()),
            Some(table) if table.table_status() != Some(&TableStatus::Active) => {
                Some("it is not active yet: wait, and look again".to_owned())
            }
            Some(_) => None,
        };
        findings.push(Finding::of(format!("{what} is there"), to_do));
        if table == ledger
            && let Some(table) = &description
        {
            findings.push(Finding::of("its index of what is due is active", index(table)));
            let has_stream = table
                .stream_specification()
                .is_some_and(|stream| stream.stream_enabled());
            let to_do = "turn it on with new images: without it messages wait for the sweep".to_owned();
            findings.push(Finding::of(
                "its stream feeds the outbox",
                (!has_stream).then_some(to_do),
            ));
        }
    }
    findings
}

fn index(table: &TableDescription) -> Option<String> {
    let mut indexes = table.global_secondary_indexes().iter();
    match indexes.find(|index| index.index_name() == Some("due")) {
        None => Some("there is none: deploy the template as it is, nothing would ever be purged".to_owned()),
        Some(index) if index.index_status() != Some(&IndexStatus::Active) => {
            Some("it is being built: wait, and look again".to_owned())
        }
        Some(_) => None,
    }
}

/// Whether the ledger can be restored, and for as long as an answer to an erasure says.
pub async fn recovery(client: &aws_sdk_dynamodb::Client, ledger: &str, promised: Keep) -> Finding {
    let answer = client.describe_continuous_backups().table_name(ledger).send().await;
    let to_do = match answer {
        Err(_) => {
            Some("nobody can tell: this store or this account does not say; look at the table's backups".to_owned())
        }
        Ok(answer) => disagreement(answer.continuous_backups_description.as_ref(), promised),
    };
    Finding::of("the ledger can be restored for as long as the policy says", to_do)
}

fn disagreement(backups: Option<&ContinuousBackupsDescription>, promised: Keep) -> Option<String> {
    let recovery = backups.and_then(|backups| backups.point_in_time_recovery_description());
    let is_on = |status: &&PointInTimeRecoveryStatus| **status == PointInTimeRecoveryStatus::Enabled;
    let Some(recovery) = recovery.filter(|recovery| recovery.point_in_time_recovery_status().filter(is_on).is_some())
    else {
        return Some("point-in-time recovery is off: deploy the template as it is".to_owned());
    };
    match recovery.recovery_period_in_days().map(u32::try_from) {
        Some(Ok(days)) if promised == Keep::Days(days) => None,
        Some(Ok(days)) => Some(format!(
            "it is {days} days, and backup_days says {promised}: give RecoveryDays and backup_days the same number"
        )),
        _ => Some("the table does not say for how many days: look at its backups".to_owned()),
    }
}

/// Whether this machine and Meta agree on what time it is.
async fn clock(base: &HttpUrl, platform: &Platform) -> Finding {
    let what = "the clocks agree";
    let answer = reqwest::Client::new().get(base.as_str()).timeout(PATIENCE).send().await;
    let date = answer
        .ok()
        .and_then(|answer| Some(answer.headers().get("date")?.to_str().ok()?.to_owned()));
    let theirs = date.and_then(|date| jiff::fmt::rfc2822::parse(&date).ok());
    let Some(theirs) = theirs else {
        return Finding::of(
            what,
            Some("Meta could not be asked what time it is: look at the way out to it".to_owned()),
        );
    };
    let apart = platform.clock.unix_seconds() - theirs.timestamp().as_second();
    let to_do = format!("they are {apart} seconds apart: set this machine's clock by NTP");
    Finding::of(what, (apart.abs() > MOST_APART).then_some(to_do))
}

/// What Meta says of the senders, their templates and their webhooks.
///
/// # Errors
/// When the access token or the app secret cannot be used.
pub async fn at_meta(
    work: &Work,
    graph: &Graph,
    app: Option<&AppId>,
    webhook: Option<&HttpUrl>,
) -> Result<Vec<Finding>, DoctorError> {
    let token = AccessToken::new(work.secrets.current.access_token.expose_secret())?;
    let mut findings = vec![];
    for sender in work.policy.senders() {
        let label = sender.label();
        let Ok(number) = sender.id().as_str().parse() else {
            continue;
        };
        let asked = graph.number_health(&token, &number, PATIENCE).await;
        let to_do = asked
            .err()
            .map(|error| explained("look at phone_number_id and at the access token", error));
        findings.push(Finding::of(format!("Meta knows the sender {label}"), to_do));
    }
    for waba in accounts(&work.policy) {
        let apps = graph.subscribed_apps(&token, &waba, PATIENCE).await;
        let to_do = match &apps {
            Err(error) => Some(explained("look at waba_id and at the access token", *error)),
            Ok(apps) if apps.is_empty() => Some("no app gets its webhooks: run `assent connect`".to_owned()),
            Ok(_) => None,
        };
        findings.push(Finding::of(
            format!("account {waba} sends its webhooks to an app"),
            to_do,
        ));
        for prompt in work.policy.prompts().filter(|prompt| prompt.is_active(work.now)) {
            findings.extend(template(graph, &token, &waba, prompt).await);
        }
    }
    if let Some(app) = app {
        let token = AccessToken::of_app(app, app_secret(work))?;
        let asked = graph.app_subscription(&token, app, PATIENCE).await;
        findings.push(Finding::of(
            "the app gets every field that a stop or a rating can come on",
            fields(asked, webhook),
        ));
    }
    Ok(findings)
}

/// The newest of the app's secrets.
fn app_secret(work: &Work) -> &str {
    let secrets = work.secrets.app_secrets();
    secrets.first().map_or("", |secret| secret.expose_secret())
}

fn accounts(policy: &Policy) -> Vec<WabaId> {
    let mut accounts: Vec<WabaId> = policy
        .senders()
        .filter_map(|sender| sender.waba_id().parse().ok())
        .collect();
    accounts.dedup();
    accounts
}

/// Whether a prompt may be sent at any time: its template has to be there, approved, none of Meta's advertising ones, and say what the
/// policy says and nothing else.
async fn template(graph: &Graph, token: &AccessToken, waba: &WabaId, prompt: &PromptTemplate) -> Vec<Finding> {
    let called = format!("template {} in {}", prompt.name(), prompt.language());
    let may_be_sent = |to_do| Finding::of(format!("{called} may be sent"), to_do);
    let (Ok(name), Ok(language)) = (prompt.name().parse(), prompt.language().as_str().parse()) else {
        let to_do = "its name or language is none that Meta could have".to_owned();
        return vec![may_be_sent(Some(to_do))];
    };
    match graph.template_health(token, waba, &name, &language, PATIENCE).await {
        Err(error) => vec![may_be_sent(Some(explained("ask again", error)))],
        Ok(None) => {
            let to_do = "Meta has none: create it with the body and the buttons of the policy".to_owned();
            vec![may_be_sent(Some(to_do))]
        }
        Ok(Some(health)) => vec![
            may_be_sent(approval(&health)),
            Finding::of(
                format!("{called} says what the policy says"),
                wording(health.content.as_ref(), prompt),
            ),
        ],
    }
}

fn approval(health: &TemplateHealth) -> Option<String> {
    match (&health.status, &health.category) {
        (TemplateStatus::Approved, Some(Category::Marketing)) => Some(
            "Meta takes it for advertising: nobody may be asked for consent by an advertisement. Create it as UTILITY, without anything \
             that praises or offers"
                .to_owned(),
        ),
        (TemplateStatus::Approved, _) => None,
        (status, _) => Some(format!("Meta has not approved it ({}): wait, or correct it", status.as_str())),
    }
}

/// What is to be changed of a template: whatever somebody added to it may be advertising, and whatever they took away people were not told.
fn wording(content: Option<&TemplateContent>, prompt: &PromptTemplate) -> Option<String> {
    let Some(content) = content else {
        return Some("Meta does not say what it says: look at it in Meta's dashboard".to_owned());
    };
    let labels = prompt.buttons();
    let labels = [labels.confirm(), labels.no(), labels.not_me()];
    // Meta may break lines otherwise.
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let has_body = content.body.as_deref().map(words) == Some(words(prompt.wording()));
    let to_do: Vec<_> = [
        content.header.is_some().then(|| "take away its header".to_owned()),
        (!has_body).then(|| "give it the body of the policy".to_owned()),
        content.footer.is_some().then(|| "take away its footer".to_owned()),
        (content.quick_replies != labels).then(|| format!("give it the buttons {}, in this order", labels.join(" / "))),
        (!content.besides.is_empty()).then(|| format!("take away what else it has ({})", content.besides.join(", "))),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!to_do.is_empty()).then(|| to_do.join("; "))
}

/// What is to be done about the fields that the app gets.
fn fields(asked: Result<Option<AppSubscription>, SendError>, webhook: Option<&HttpUrl>) -> Option<String> {
    let subscription = match asked {
        Err(error) => return Some(explained("look at the app's id and at app_secrets", error)),
        Ok(None) => return Some("it gets none: run `assent connect`".to_owned()),
        Ok(Some(subscription)) => subscription,
    };
    let missing = subscription.missing();
    if !missing.is_empty() {
        return Some(format!("{} are missing: run `assent connect`", missing.join(", ")));
    }
    if !subscription.is_active {
        return Some("they are switched off in Meta's dashboard: switch them on".to_owned());
    }
    let webhook = webhook.filter(|webhook| subscription.callback_url != webhook.as_str())?;
    Some(format!(
        "they go to another address than {webhook}: run `assent connect`"
    ))
}

fn explained(to_do: &str, error: SendError) -> String {
    format!("Meta does not say ({error}): {to_do}")
}

/// Has Meta post the webhooks of the policy's accounts to this address of the deployment, all fields that a consent ledger has to have.
///
/// # Errors
/// When the deployment cannot be reached, or Meta does not do it. Doing it again does nothing more.
pub async fn connect(app: &AppId, webhook: &HttpUrl) -> Result<(), DoctorError> {
    let platform = deployment::platform().await?;
    let graph = Graph::new(platform.settings.graph_base_url.as_str())?.trusting(platform.authorities.clone());
    let service = Service::from(platform);
    let work = service.begin(Deadline::after(PATIENCE)).await?;
    for done in subscribe(&work, &graph, app, webhook).await? {
        writeln!(std::io::stdout(), "✓ {done}")?;
    }
    Ok(())
}

/// The same, for a deployment that is at hand; says what was done.
///
/// # Errors
/// As with [`connect`].
pub async fn subscribe(work: &Work, graph: &Graph, app: &AppId, webhook: &HttpUrl) -> Result<Vec<String>, DoctorError> {
    let callback = webhook.as_str();
    let verify_token = work.secrets.current.verify_token.expose_secret();
    let own = AccessToken::of_app(app, app_secret(work))?;
    let refused = |what| move |source| DoctorError::Refused { what, source };
    let with_agent = [&WEBHOOK_FIELDS[..], &AGENT_FIELDS].concat();
    let subscribed = graph.subscribe_app(&own, app, callback, verify_token, &with_agent, PATIENCE);
    let mut done = vec![format!("the app gets its webhooks at {callback}")];
    if let Err(SendError::Refused(_)) = subscribed.await {
        let subscribed = graph.subscribe_app(&own, app, callback, verify_token, &WEBHOOK_FIELDS, PATIENCE);
        subscribed.await.map_err(refused("subscribing the app"))?;
        let fields = AGENT_FIELDS.join(" and ");
        done.push(format!(
            "without {fields}, which Meta does not offer to it: let no agent of Meta's answer for you"
        ));
    }
    let token = AccessToken::new(work.secrets.current.access_token.expose_secret())?;
    let accounts = accounts(&work.policy);
    if accounts.is_empty() {
        return Err(DoctorError::NoAccount);
    }
    for waba in accounts {
        let subscribed = graph.subscribe_account(&token, &waba, PATIENCE).await;
        subscribed.map_err(refused("subscribing the account"))?;
        done.push(format!("account {waba} sends its webhooks to the app"));
    }
    Ok(done)
}
