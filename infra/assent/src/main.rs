//! The one binary for people.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use assent::breach::{Breach, BreachClass};
use assent::local::{DEFAULT_PORT, Options, Stack};
use assent::meta::FaultKind;
use assent::{demo, doctor, documents, evidence, policy, reasons, reports, retention};
use clap::{Parser, Subcommand};
use consent::digest::Week;
use consent::time::Time;
use platform::settings::HttpUrl;
use whatsapp::AppId;

/// Assent: the consent ledger for WhatsApp under the GDPR.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve everything on this machine, with an embedded store and a stand-in for Meta.
    Local {
        /// The port on 127.0.0.1; 0 picks one.
        #[arg(long, default_value_t = DEFAULT_PORT)]
        port: u16,
        /// Keep data in this directory; without it everything is gone at the end.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// The policy to publish; without it, the example.
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
        /// The secret that webhooks are signed with; without it, one is made up and printed.
        #[arg(long, value_name = "SECRET")]
        app_secret: Option<String>,
        /// The token of the webhook's handshake; without it, one is made up and printed.
        #[arg(long, value_name = "TOKEN")]
        verify_token: Option<String>,
        /// What goes wrong with every message sent to the stand-in for Meta: error:CODE, slow:MILLISECONDS, silent or
        /// taken-unanswered.
        #[arg(long, value_name = "FAULT")]
        meta_fault: Option<FaultKind>,
    },
    /// Play one whole story on a local stack and print it.
    Demo,
    /// Check and publish policies.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// See and drive what is kept, and for how long, in the deployment that the environment names.
    #[command(subcommand)]
    Retention(RetentionCommand),
    /// See what campaigns are decided by.
    #[command(subcommand)]
    Campaigns(CampaignsCommand),
    /// Look at the deployment that the environment names: each line is green or says what to do.
    Doctor {
        /// The app's id at Meta: with it, the fields that the app gets are looked at as well.
        #[arg(long, value_name = "ID")]
        app: Option<AppId>,
        /// The deployment's webhook, its output WebhookUrl: with it, whether the app gets its fields there.
        #[arg(long, value_name = "URL", value_parser = HttpUrl::parse, requires = "app")]
        webhook: Option<HttpUrl>,
    },
    /// Have Meta post the webhooks of your accounts to the deployment that the environment names.
    Connect {
        /// The app's id at Meta.
        #[arg(long, value_name = "ID")]
        app: AppId,
        /// The deployment's webhook, its output WebhookUrl.
        #[arg(long, value_name = "URL", value_parser = HttpUrl::parse)]
        webhook: HttpUrl,
    },
    /// Write what the law wants on paper, made of a policy: the record of processing, the notices, how long records are kept, who
    /// receives data. Each as Markdown and as HTML.
    Documents {
        /// The policy.
        policy: PathBuf,
        /// The folder to write into.
        #[arg(long, value_name = "DIR", default_value = "documents")]
        out: PathBuf,
    },
    /// Write the figures of a week of the deployment that the environment names, for the data protection officer.
    Digest {
        /// The week, such as 2026-W47; the last one that has ended if none is named.
        #[arg(long, value_name = "WEEK")]
        week: Option<Week>,
        /// The folder to write into.
        #[arg(long, value_name = "DIR", default_value = "reports")]
        out: PathBuf,
    },
    /// Act when data got into the wrong hands.
    #[command(subcommand)]
    Breach(BreachCommand),
    /// Look at evidence that was exported. Nothing is asked of any deployment.
    #[command(subcommand)]
    Evidence(EvidenceCommand),
}

#[derive(Debug, Subcommand)]
enum BreachCommand {
    /// Count and list whom it concerns in the deployment that the environment names, by their contact ids, and fill in what the
    /// authority and the people have to be told (Art. 33 and 34 GDPR).
    Affected {
        /// From when on, in UTC, such as 2026-11-01T00:00:00Z.
        #[arg(long, value_name = "TIME")]
        from: Time,
        /// Until when.
        #[arg(long, value_name = "TIME")]
        to: Time,
        /// Which data.
        #[arg(long)]
        class: BreachClass,
        /// When you learned of it; now, if that is not said. The 72 hours run from then.
        #[arg(long, value_name = "TIME")]
        aware: Option<Time>,
        /// The folder to write into.
        #[arg(long, value_name = "DIR", default_value = "breach")]
        out: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum EvidenceCommand {
    /// Print whether the evidence in a person's copy is complete and unchanged. Fails if it is not.
    Verify {
        /// The copy, as it was exported in JSON.
        file: PathBuf,
        /// The deployment's secret, as Secrets Manager holds it: with it every link is computed anew.
        #[arg(long, value_name = "FILE")]
        secret: Option<PathBuf>,
    },
    /// Print the JSON Schema of a copy.
    Schema,
}

#[derive(Debug, Subcommand)]
enum CampaignsCommand {
    /// Print every reason why a message may not be sent, as a table in Markdown.
    Reasons,
}

#[derive(Debug, Subcommand)]
enum RetentionCommand {
    /// Print the retention schedule as a table in Markdown.
    Schedule,
    /// Print the report of the last run of the purge. Fails if its signature is not the ledger's own.
    Report,
    /// Print what a purge would do, and why; changes nothing.
    Preview {
        /// When the purge would run, in UTC, such as 2027-01-01T00:00:00Z.
        #[arg(long, value_name = "TIME")]
        at: Time,
    },
    /// Write the deadlines of the policy in force to what is stored, without waiting for the purge to do it.
    Reschedule,
    /// After a restore of the ledger's table: erase again whom the backup brought back.
    ReplayErasures,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Name every fault of a policy, with its line.
    Check {
        /// The policy.
        file: PathBuf,
    },
    /// Put a policy in force in the deployment that the environment names.
    Publish {
        /// The policy.
        file: PathBuf,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse().command).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(anstream::stderr(), "assent: {}", platform::logs::chain(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    match command {
        Command::Local {
            port,
            data,
            policy: file,
            app_secret,
            verify_token,
            meta_fault: fault,
        } => {
            let policy = file.as_deref().map(policy::read).transpose()?;
            let options = Options {
                port,
                data,
                policy,
                app_secret,
                verify_token,
                fault,
                watch: None,
            };
            serve(Stack::start(options).await?).await?;
            Ok(true)
        }
        Command::Demo => Ok(demo::play().await?),
        Command::Policy(PolicyCommand::Check { file }) => Ok(policy::check(&file)?),
        Command::Policy(PolicyCommand::Publish { file }) => Ok(policy::publish(&file).await?),
        Command::Campaigns(CampaignsCommand::Reasons) => {
            write!(std::io::stdout(), "{}", reasons::table())?;
            Ok(true)
        }
        Command::Documents { policy, out } => {
            documents::write(&policy, &out, now())?;
            Ok(true)
        }
        Command::Doctor { app, webhook } => Ok(doctor::examine(app.as_ref(), webhook.as_ref()).await?),
        Command::Connect { app, webhook } => {
            doctor::connect(&app, &webhook).await?;
            Ok(true)
        }
        Command::Digest { week, out } => {
            reports::write_digest(week, &out).await?;
            Ok(true)
        }
        Command::Breach(BreachCommand::Affected {
            from,
            to,
            class,
            aware,
            out,
        }) => {
            let aware_at = aware.unwrap_or_else(now);
            let breach = Breach {
                from,
                to,
                class,
                aware_at,
            };
            reports::write_breach(breach, &out).await?;
            Ok(true)
        }
        Command::Evidence(EvidenceCommand::Verify { file, secret }) => Ok(evidence::verify(&file, secret.as_deref())?),
        Command::Evidence(EvidenceCommand::Schema) => {
            evidence::schema()?;
            Ok(true)
        }
        Command::Retention(RetentionCommand::Schedule) => {
            write!(std::io::stdout(), "{}", retention::table())?;
            Ok(true)
        }
        Command::Retention(RetentionCommand::Report) => Ok(retention::report().await?),
        Command::Retention(RetentionCommand::Preview { at }) => {
            retention::preview(at).await?;
            Ok(true)
        }
        Command::Retention(RetentionCommand::Reschedule) => Ok(retention::reschedule().await?),
        Command::Retention(RetentionCommand::ReplayErasures) => {
            retention::replay_erasures().await?;
            Ok(true)
        }
    }
}

/// The time of this machine.
fn now() -> Time {
    Time::from_unix_seconds(platform::clock::Clock::unix_seconds(&platform::clock::SystemClock))
}

async fn serve(stack: Stack) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    platform::logs::init(platform::logs::level(platform::settings::environment));
    {
        let mut out = std::io::stdout().lock();
        writeln!(out, "app secret    {}", stack.secrets.app_secret())?;
        writeln!(out, "verify token  {}", stack.secrets.verify_token())?;
        writeln!(out, "listening on http://{}", stack.address)?;
        out.flush()?;
    }
    stack
        .serve(async {
            // Whatever the signal is, or if none can be had, the end of the wait is the end of the stack.
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    Ok(())
}
