//! The command-line interface of `api`.

mod export;
mod files;
mod import;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use banter_shared::{
    attachments::Storage,
    chat::{UserRef, UserRole},
    clock::{Clock as _, SystemClock, Timestamp},
    config::{Config, database_location},
    count::count,
    id::KeyId,
    shutdown::Shutdown,
    store::{ApiKey, CheckReport, CopyReport, RestoreReport, Store, StoreError, StoreOptions, back_up, copy, restore},
    version::VERSION,
};
use clap::{Parser, Subcommand};

use files::FilesCommand;

use crate::{Application, healthcheck, openapi, router};

/// Banter's HTTP server and administration commands.
#[derive(Debug, Parser)]
#[command(name = "api", version = VERSION, about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API and the dashboard (the default).
    Serve,
    /// Apply pending database migrations, then exit.
    Migrate,
    /// Print the OpenAPI document.
    Openapi,
    /// Exit with 0 if the `api` process at `BIND_ADDR` is ready, or with 1 if not; for container health checks.
    Healthcheck,
    /// Back up the database to a file, and the files of attachments to a folder next to it. The `api` and `worker`
    /// processes can keep running.
    Backup {
        /// The file to write. It is not created until the backup is complete and verified. The files of attachments are
        /// written to `TARGET.files`.
        target: PathBuf,
        /// Replace the backup if it exists. Files that it already contains are not copied again.
        #[arg(long)]
        overwrite: bool,
    },
    /// Replace the database with a backup, and copy the backup's files that `ATTACHMENTS_URL` lacks. Stop all `api` and
    /// `worker` processes first. The previous database is kept.
    Restore {
        /// The backup to restore. It is not modified.
        source: PathBuf,
    },
    /// Copy the database to an empty one, for example from SQLite to PostgreSQL. Stop all `api` and `worker` processes
    /// first. If the copy is interrupted, run the command again to continue it.
    Copy {
        /// The URL of the target, in the same form as `DATABASE_URL`.
        #[arg(long, value_name = "URL")]
        to: String,
    },
    /// Export all chats of a user, with their files, as a zip file. The `api` and `worker` processes can keep running.
    Export {
        /// The name of the user.
        #[arg(long, value_parser = parse_name)]
        user: String,
        /// The user's workspace.
        #[arg(long, default_value = "default", value_parser = parse_name)]
        workspace: String,
        /// The file to write, which must not exist; defaults to `banter-DATE.zip`.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Import chats for a user: an export of Banter, ChatGPT, Claude, Open WebUI, or LibreChat, or a session log of Claude
    /// Code or Codex. Chats that were imported before are skipped. Exits with 1 if a chat cannot be imported. The `api`
    /// and `worker` processes can keep running.
    Import {
        /// The file, as ZIP, JSON, or JSONL.
        file: PathBuf,
        /// The name of the user.
        #[arg(long, value_parser = parse_name)]
        user: String,
        /// The user's workspace.
        #[arg(long, default_value = "default", value_parser = parse_name)]
        workspace: String,
    },
    /// Check database invariants and the files of attachments, and report violations; exit with 1 if there are any.
    /// Safe to run at any time.
    Check,
    /// Copy the files of attachments.
    Files {
        #[command(subcommand)]
        command: FilesCommand,
    },
    /// Create, list, and revoke API keys.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Create a key and print it. It cannot be shown again.
    Create {
        /// The name of the user the key belongs to.
        #[arg(long, value_parser = parse_name)]
        user: String,
        /// The user's workspace.
        #[arg(long, default_value = "default", value_parser = parse_name)]
        workspace: String,
        /// The role: admin, member, or viewer.
        #[arg(long, default_value = "member")]
        role: UserRole,
        /// Number of days until the key expires.
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=36_500))]
        expires_days: Option<u64>,
    },
    /// List all keys, one per line: ID, user, workspace, role, created, last used, state.
    List,
    /// Revoke a key.
    Revoke {
        /// The ID of the key, as shown by `keys list`.
        id: String,
    },
}

/// Parses the arguments and runs the command.
///
/// # Errors
/// Returns an error if the command fails. The message is intended for the operator.
pub async fn run() -> anyhow::Result<()> {
    let command = Cli::parse().command.unwrap_or(Command::Serve);
    if let Command::Openapi = command {
        // This command requires no configuration.
        return print(&openapi::to_json(&router::openapi())?);
    }
    let telemetry = match command {
        Command::Serve => banter_telemetry::init_service("banter-api")?,
        Command::Openapi
        | Command::Migrate
        | Command::Healthcheck
        | Command::Backup { .. }
        | Command::Restore { .. }
        | Command::Copy { .. }
        | Command::Export { .. }
        | Command::Import { .. }
        | Command::Check
        | Command::Files { .. }
        | Command::Keys { .. } => banter_telemetry::init()?,
    };
    let result = run_command(command).await;
    telemetry.shut_down().await;
    result
}

/// Returns the database file. Fails if the database is on a server, which has its own tools for backups.
fn database_file(config: &Config) -> anyhow::Result<&Path> {
    config
        .database
        .file()
        .context("DATABASE_URL: a PostgreSQL database is backed up and restored with `pg_dump` and `pg_restore`")
}

async fn run_command(command: Command) -> anyhow::Result<()> {
    let config = Config::from_env()?;
    match command {
        Command::Openapi => Ok(()),
        Command::Healthcheck => healthcheck::run(config.bind_addr).await,
        Command::Serve => {
            config.prepare_data_dir()?;
            let shutdown = Shutdown::new();
            shutdown.listen(config.shutdown_grace).context("cannot install signal handlers")?;
            match shutdown.soft().run_until_cancelled(Application::build(&config, &shutdown)).await {
                Some(application) => application?.run().await,
                // A signal arrived during startup.
                None => Ok(()),
            }
        }
        Command::Migrate => {
            open(&config).await?.close().await;
            tracing::info!("schema up to date");
            Ok(())
        }
        Command::Backup { target, overwrite } => {
            let path = database_file(&config)?;
            let storage = files::open_storage(&config)?;
            let report = back_up(path, &storage, &target, overwrite).await?;
            let bytes = report.bytes;
            print(&format!("backed up {} to {} ({bytes} bytes)\n", path.display(), target.display()))?;
            files::report_backup(&report, &storage)
        }
        Command::Restore { source } => {
            let storage = files::open_storage(&config)?;
            let report = restore(database_file(&config)?, &storage, &source, SystemClock.now()).await?;
            print_restored(&report, &source, &storage)
        }
        Command::Copy { to } => {
            let source = config.store_options();
            let target = StoreOptions { location: database_location("--to", &to)?, ..source.clone() };
            let CopyReport { sessions, messages, rows } = copy(&source, &target).await?;
            let counts = [(sessions, "session"), (messages, "message"), (rows, "row")];
            let counts = counts.map(|(number, noun)| count(number, noun)).join(", ");
            print(&format!("copied {} to {} ({counts})\n", source.location, target.location))
        }
        Command::Export { user, workspace, output } => {
            let store = open(&config).await?;
            let user = UserRef { workspace_id: workspace, user_id: user };
            let done = export::run(&config, &store, &user, output).await;
            store.close().await;
            print(&done?)
        }
        Command::Import { file, user, workspace } => {
            let store = open(&config).await?;
            let user = UserRef { workspace_id: workspace, user_id: user };
            let done = import::run(&config, &store, &user, &file).await;
            store.close().await;
            let (report, failed) = done?;
            print(&report)?;
            anyhow::ensure!(failed == 0, "{} could not be imported", count(failed as u64, "chat"));
            Ok(())
        }
        Command::Check => {
            let store = open(&config).await?;
            let checked = async {
                let violations = print_report(&store.check().await?)?;
                Ok(violations + files::check(&store, &files::open_storage(&config)?).await?)
            };
            let violations: anyhow::Result<usize> = checked.await;
            store.close().await;
            let violations = violations?;
            anyhow::ensure!(violations == 0, "violations found: {violations}");
            Ok(())
        }
        Command::Files { command } => {
            let store = open(&config).await?;
            let done = files::run(&store, &config, command).await;
            store.close().await;
            done
        }
        Command::Keys { command } => {
            let store = open(&config).await?;
            let done = manage_keys(&store, command).await;
            store.close().await;
            done
        }
    }
}

async fn open(config: &Config) -> anyhow::Result<Store> {
    Ok(Store::open(config.store_options(), Arc::new(SystemClock)).await?)
}

/// Prints the result of a restore.
fn print_restored(report: &RestoreReport, source: &Path, storage: &Storage) -> anyhow::Result<()> {
    let RestoreReport { sessions, messages, files, previous } = report;
    let (sessions, messages) = (count(*sessions, "session"), count(*messages, "message"));
    print(&format!("restored {} ({sessions}, {messages})\n", source.display()))?;
    if files.copied > 0 {
        print(&format!("copied {} to {}\n", count(files.copied, "file"), storage.url()))?;
    }
    if !files.missing.is_empty() {
        let (number, is_one) = (files::count_files(files.missing.len()), files.missing.len() == 1);
        let (are, place) = (if is_one { "is" } else { "are" }, source.display());
        print(&format!(
            "{number} of attachments {are} missing: neither {place}.files nor {} has an intact copy\n",
            storage.url()
        ))?;
    }
    let Some(path) = previous else { return Ok(()) };
    print(&format!("kept the previous database as {}\n", path.display()))
}

/// Prints a check's report, and returns the number of violations.
fn print_report(report: &CheckReport) -> anyhow::Result<usize> {
    let CheckReport { sessions, messages, open_tasks, events, findings } = report;
    for found in findings {
        print(&format!("violated: {}: {}\n", found.rule, found.place))?;
    }
    let checked = [(sessions, "session"), (messages, "message"), (open_tasks, "open task"), (events, "event")];
    let counts = checked.map(|(number, noun)| count(*number, noun));
    print(&format!("checked {}\n", counts.join(", ")))?;
    Ok(findings.len())
}

async fn manage_keys(store: &Store, command: KeysCommand) -> anyhow::Result<()> {
    match command {
        KeysCommand::Create { user, workspace, role, expires_days } => {
            let user = UserRef { workspace_id: workspace, user_id: user };
            let valid_for = expires_days.map(|days| Duration::from_secs(days * 24 * 60 * 60));
            let key = store.create_key(&user, role, valid_for).await?;
            print(&format!("{}\n", key.secret))
        }
        KeysCommand::List => {
            let now = store.clock().now();
            let lines: String = store.list_keys().await?.iter().map(|key| format_key(key, now)).collect();
            print(&lines)
        }
        KeysCommand::Revoke { id } => {
            let unknown = || anyhow!("no key has the ID {}; run `api keys list` to see all IDs", id.escape_debug());
            let key_id: KeyId = id.parse().map_err(|_| unknown())?;
            match store.revoke_key(key_id).await {
                Err(StoreError::NotFound) => Err(unknown()),
                revoked => Ok(revoked?),
            }
        }
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(())
}

/// Formats a key as a line of `keys list` output, with tab-separated columns.
fn format_key(key: &ApiKey, now: Timestamp) -> String {
    let state = match (key.revoked_at, key.expires_at) {
        (Some(_), _) => "revoked".to_owned(),
        (None, Some(expires_at)) if expires_at <= now => "expired".to_owned(),
        (None, Some(expires_at)) => format!("active until {expires_at}"),
        (None, None) => "active".to_owned(),
    };
    let last_used = key.last_used_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
    let UserRef { workspace_id, user_id } = &key.user;
    let (id, role, created) = (key.id, key.role.as_str(), key.created_at);
    format!("{id}\t{user_id}\t{workspace_id}\t{role}\t{created}\t{last_used}\t{state}\n")
}

/// Parses a user name or workspace name.
fn parse_name(text: &str) -> Result<String, String> {
    const MAX_CHARS: usize = 128;
    let is_allowed = |c: char| !c.is_control() && !c.is_whitespace();
    if text.is_empty() || text.chars().count() > MAX_CHARS || !text.chars().all(is_allowed) {
        return Err(format!("must be 1 to {MAX_CHARS} characters without whitespace"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_definition_is_valid() {
        Cli::command().debug_assert();
    }

    #[test]
    fn lists_a_key_on_one_line_that_starts_with_its_id() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let key = ApiKey {
            id: KeyId::generate(),
            user: UserRef { workspace_id: "sales".into(), user_id: "ann".into() },
            role: UserRole::Member,
            created_at: at("2026-01-01T00:00:00Z"),
            expires_at: Some(at("2026-02-01T00:00:00Z")),
            last_used_at: None,
            revoked_at: None,
        };

        let (before, after) =
            (format_key(&key, at("2026-01-15T00:00:00Z")), format_key(&key, at("2026-02-01T00:00:00Z")));

        let start = format!("{}\tann\tsales\tmember\t2026-01-01T00:00:00.000Z\tnever\t", key.id);
        assert_eq!(before, format!("{start}active until 2026-02-01T00:00:00.000Z\n"));
        assert_eq!(after, format!("{start}expired\n"));
    }

    #[test]
    fn rejects_names_with_whitespace_or_more_than_128_characters() {
        assert!(parse_name("ann@example.com").is_ok());
        for bad in ["", "a b", "a\tb", "a\n", &"x".repeat(129)] {
            assert!(parse_name(bad).is_err(), "{bad:?}");
        }
    }
}
