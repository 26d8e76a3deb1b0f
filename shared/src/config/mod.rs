//! Configuration from environment variables and a `.env` file. The file is in the working directory or, if there is
//! none, in the nearest parent directory that has one.
//!
//! clap's `env` feature is not used, because blank variables must count as unset, and because errors must name the
//! variable and the expected value but never show a secret.

mod error;
mod number;
mod url;

use std::{env, net::SocketAddr, path::PathBuf, time::Duration};

pub use error::ConfigError;

use crate::{
    attachments::{STORAGE_URL_FORMS, StorageUrl},
    private,
    relay::{RelayOptions, WakeMode},
    store::{Location, StoreOptions},
};
use number::{count, in_range, parse};
pub use url::database_location;
use url::redis_address;

/// How requests are authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMode {
    /// On loopback, no key is required until the first one is created.
    Auto,
    /// A key is always required.
    Required,
}

/// The configuration for both binaries.
#[derive(Clone, Debug)]
pub struct Config {
    /// `DATABASE_URL`: the SQLite file or the PostgreSQL server.
    pub database: Location,
    /// `DATABASE_SYNCHRONOUS`: whether commits wait for the disk.
    pub durable_against_power_cut: bool,
    /// `REDIS_URL`, `REDIS_CA_FILE`, `EMBEDDED_WAKE`: how processes detect each other's changes.
    pub relay: RelayOptions,
    /// `BIND_ADDR`: the address that `api` listens on.
    pub bind_addr: SocketAddr,
    /// `AGENTS_FILE`: the path of agents.toml.
    pub agents_file: Option<PathBuf>,
    /// `DATA_DIR`: the directory for the agents' home directories and work folders.
    pub data_dir: PathBuf,
    /// `ATTACHMENTS_URL`: where the contents of attachments are stored; a folder in `DATA_DIR` by default.
    pub attachments_url: StorageUrl,
    /// `ATTACHMENT_MAX_BYTES` and `STORAGE_BYTES_PER_USER`.
    pub attachment_limits: AttachmentLimits,
    /// `IMPORT_MAX_BYTES`: the maximum size of a file to import, in bytes.
    pub import_max_bytes: u64,
    /// `WORKER_CONCURRENCY`: the maximum number of concurrent tasks per worker.
    pub worker_concurrency: usize,
    /// `TASK_LEASE_SECONDS`: how long a worker may go without sending a heartbeat before its tasks are taken over.
    pub task_lease: Duration,
    /// `TASK_MAX_ATTEMPTS`: the maximum number of attempts per task, unless the agent's configuration overrides it.
    pub task_max_attempts: u32,
    /// `WORK_FOLDER_WAIT_SECONDS`: how long a task waits for a worker that has the session's work folder.
    pub work_folder_wait: Duration,
    /// `SHUTDOWN_GRACE_SECONDS`: how long running work may take to finish after SIGTERM.
    pub shutdown_grace: Duration,
    /// `EVENT_RETENTION_HOURS`: how long events are kept.
    pub event_retention: Duration,
    /// `AUTH`: how requests are authenticated.
    pub auth: AuthMode,
    /// `MAX_CONNECTIONS`: the maximum number of connections to an `api` process; derived from the open-file limit if
    /// unset.
    pub max_connections: Option<usize>,
    /// `MAX_CONNECTIONS_PER_ADDRESS`: the maximum number of connections from one client address.
    pub max_connections_per_address: Option<usize>,
}

/// The limits for uploaded files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttachmentLimits {
    /// The maximum size of a file, in bytes.
    pub file_bytes: u64,
    /// The maximum total size of a user's files, in bytes; `None` if there is no limit.
    pub user_bytes: Option<i64>,
}

/// Adds the variables of `.env`, if the file exists, to the environment. Variables in the environment take precedence.
///
/// # Errors
/// Returns an error if the file cannot be read or parsed.
pub fn load_env_file() -> Result<(), ConfigError> {
    if let Err(error) = dotenvy::dotenv()
        && !error.not_found()
    {
        let expected = match error {
            dotenvy::Error::Io(error) => format!("a readable file ({error})"),
            // The text of these errors contains the line, which may contain a secret.
            _ => "lines of NAME=value".to_owned(),
        };
        return Err(ConfigError { variable: ".env", value: None, expected });
    }
    Ok(())
}

impl Config {
    /// Reads the environment and `.env`. Variables in the environment take precedence.
    ///
    /// # Errors
    /// Returns an error if `.env` cannot be read or parsed, or if a variable is invalid.
    pub fn from_env() -> Result<Self, ConfigError> {
        load_env_file()?;
        Self::from_lookup(|name| env::var(name).ok())
    }

    /// Reads the variables through `lookup`. A blank variable counts as unset.
    ///
    /// # Errors
    /// Returns an error for the first invalid variable.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get =
            |name: &'static str| lookup(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let database_url = get("DATABASE_URL").unwrap_or_else(|| "sqlite://data/banter.db".into());
        let database = database_location("DATABASE_URL", &database_url)?;
        if database.file().is_none() && get("REDIS_URL").is_none() {
            return Err(ConfigError {
                variable: "REDIS_URL",
                value: None,
                expected: "the URL of a Redis server, which is required when DATABASE_URL is a PostgreSQL server"
                    .into(),
            });
        }
        let data_dir: PathBuf = get("DATA_DIR").unwrap_or_else(|| "data".into()).into();
        Ok(Self {
            database,
            durable_against_power_cut: match get("DATABASE_SYNCHRONOUS").as_deref() {
                None | Some("full") => true,
                Some("normal") => false,
                Some(other) => return Err(ConfigError::new("DATABASE_SYNCHRONOUS", other, "`full` or `normal`")),
            },
            relay: RelayOptions {
                redis: get("REDIS_URL").map(|url| redis_address(&url, get("REDIS_CA_FILE").as_deref())).transpose()?,
                wake: match get("EMBEDDED_WAKE").as_deref() {
                    None | Some("auto") => WakeMode::Auto,
                    Some("poll") => WakeMode::Poll,
                    Some(other) => return Err(ConfigError::new("EMBEDDED_WAKE", other, "`auto` or `poll`")),
                },
            },
            bind_addr: parse("BIND_ADDR", get("BIND_ADDR"), "127.0.0.1:8080", "ADDRESS:PORT, such as 127.0.0.1:8080")?,
            agents_file: get("AGENTS_FILE").map(PathBuf::from),
            attachments_url: match get("ATTACHMENTS_URL") {
                Some(url) => parse("ATTACHMENTS_URL", Some(url), "", STORAGE_URL_FORMS)?,
                None => StorageUrl::Folder(data_dir.join("attachments")),
            },
            attachment_limits: AttachmentLimits {
                file_bytes: in_range(
                    "ATTACHMENT_MAX_BYTES",
                    get("ATTACHMENT_MAX_BYTES"),
                    25 * 1024 * 1024,
                    1,
                    5 * 1024 * 1024 * 1024,
                )?,
                user_bytes: match in_range("STORAGE_BYTES_PER_USER", get("STORAGE_BYTES_PER_USER"), 0, 0, i64::MAX)? {
                    0 => None,
                    limit => Some(limit),
                },
            },
            import_max_bytes: in_range(
                "IMPORT_MAX_BYTES",
                get("IMPORT_MAX_BYTES"),
                2 * 1024 * 1024 * 1024,
                1,
                100 * 1024 * 1024 * 1024,
            )?,
            data_dir,
            worker_concurrency: in_range("WORKER_CONCURRENCY", get("WORKER_CONCURRENCY"), 8, 1, 1024)?,
            task_lease: Duration::from_secs(in_range("TASK_LEASE_SECONDS", get("TASK_LEASE_SECONDS"), 10, 2, 3600)?),
            task_max_attempts: in_range("TASK_MAX_ATTEMPTS", get("TASK_MAX_ATTEMPTS"), 3, 1, 100)?,
            work_folder_wait: Duration::from_secs(in_range(
                "WORK_FOLDER_WAIT_SECONDS",
                get("WORK_FOLDER_WAIT_SECONDS"),
                60,
                0,
                86_400,
            )?),
            shutdown_grace: Duration::from_secs(in_range(
                "SHUTDOWN_GRACE_SECONDS",
                get("SHUTDOWN_GRACE_SECONDS"),
                8,
                0,
                3600,
            )?),
            event_retention: Duration::from_secs(
                3600 * in_range("EVENT_RETENTION_HOURS", get("EVENT_RETENTION_HOURS"), 168, 1, 87_600)?,
            ),
            auth: match get("AUTH").as_deref() {
                None | Some("auto") => AuthMode::Auto,
                Some("required") => AuthMode::Required,
                Some(other) => return Err(ConfigError::new("AUTH", other, "`auto` or `required`")),
            },
            max_connections: count("MAX_CONNECTIONS", get("MAX_CONNECTIONS"))?,
            max_connections_per_address: count("MAX_CONNECTIONS_PER_ADDRESS", get("MAX_CONNECTIONS_PER_ADDRESS"))?,
        })
    }

    /// Creates the folder `DATA_DIR` as a private folder. If the folder already exists, makes it private unless it is
    /// shared ([`private::restrict_own_folder`]), and with it the folder for attachments if it is in `DATA_DIR`.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be created.
    pub fn prepare_data_dir(&self) -> Result<(), ConfigError> {
        let is_new = private::create_folder(&self.data_dir).map_err(|error| ConfigError {
            variable: "DATA_DIR",
            value: Some(self.data_dir.display().to_string()),
            expected: format!("an existing folder, or one that can be created ({error})"),
        })?;
        if let StorageUrl::Folder(folder) = &self.attachments_url
            && folder.starts_with(&self.data_dir)
            && private::restrict_own_folder(folder)
        {
            tracing::info!(folder = %folder.display(), "the folder for attachments was readable by other accounts; access is now restricted to this account");
        }
        if !is_new && private::restrict_own_folder(&self.data_dir) {
            tracing::info!(folder = %self.data_dir.display(), "DATA_DIR was readable by other accounts; access is now restricted to this account");
        }
        Ok(())
    }

    /// Returns the options for opening the store.
    #[must_use]
    pub fn store_options(&self) -> StoreOptions {
        StoreOptions {
            location: self.database.clone(),
            durable_against_power_cut: self.durable_against_power_cut,
            busy_timeout: (self.task_lease / 2).min(Duration::from_secs(5)),
            work_folder_wait: self.work_folder_wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_lookup(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn has_the_documented_defaults() {
        let config = read(&[]).unwrap();

        assert_eq!(config.database, Location::File("data/banter.db".into()));
        assert_eq!(config.bind_addr.to_string(), "127.0.0.1:8080");
        assert_eq!(config.worker_concurrency, 8);
        assert_eq!(config.task_lease, Duration::from_secs(10));
        assert_eq!(config.store_options().busy_timeout, Duration::from_secs(5));
        assert!(config.durable_against_power_cut);
        assert_eq!((config.max_connections, config.max_connections_per_address), (None, None));
    }

    #[test]
    fn errors_name_the_variable_and_the_expected_value() {
        for (name, value) in [
            ("TASK_LEASE_SECONDS", "1"),
            ("WORKER_CONCURRENCY", "many"),
            ("BIND_ADDR", "localhost"),
            ("AUTH", "off"),
            ("DATABASE_URL", "mysql://x"),
            ("DATABASE_URL", "postgres://host:port/chat"),
            ("DATABASE_URL", "sqlite://:memory:"),
            ("DATABASE_URL", "sqlite://x.db?mode=ro"),
            ("DATABASE_SYNCHRONOUS", "maybe"),
            ("MAX_CONNECTIONS", "0"),
            ("MAX_CONNECTIONS", "1000001"),
            ("MAX_CONNECTIONS_PER_ADDRESS", "-1"),
            ("MAX_CONNECTIONS_PER_ADDRESS", "many"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!((error.variable, error.value.as_deref()), (name, Some(value)));
            assert!(error.to_string().starts_with(&format!("{name}={value:?}: expected ")), "{error}");
        }
    }

    #[test]
    fn errors_never_contain_a_password() {
        for (name, value) in [
            ("REDIS_URL", "relay:hunter2@redis:6379"),
            ("REDIS_URL", "http://relay:hunter2@redis:6379"),
            ("REDIS_URL", "rediss://relay:hunter2@redis:port"),
            ("REDIS_URL", "redis://relay:hunter2@"),
            ("DATABASE_URL", "mysql://banter:hunter2@db/banter"),
            ("DATABASE_URL", "postgres://banter:hunter2@db:port/banter"),
            ("DATABASE_URL", "postgres://banter:hunter2/@x@db"),
            ("DATABASE_URL", "banter:hunter2@db"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(error.to_string().starts_with(name), "{error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn debug_output_contains_no_password() {
        let config = read(&[
            ("DATABASE_URL", "postgres://banter:hunter2@db/banter"),
            ("REDIS_URL", "rediss://relay:hunter2@redis:6379"),
        ])
        .unwrap();

        assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
    }

    #[test]
    fn rejects_an_unusable_ca_file() {
        for url in ["redis://redis", "rediss://redis"] {
            let error = read(&[("REDIS_URL", url), ("REDIS_CA_FILE", "/no/such/file")]).unwrap_err();
            assert!(error.to_string().starts_with("REDIS_CA_FILE=\"/no/such/file\": expected "), "{error}");
        }
    }

    #[test]
    fn accepts_an_absolute_database_path() {
        let config = read(&[("DATABASE_URL", "sqlite:///srv/chat.db?mode=rwc")]).unwrap();

        assert_eq!(config.database, Location::File("/srv/chat.db".into()));
    }

    #[test]
    fn a_database_server_requires_redis() {
        let database = ("DATABASE_URL", "postgres://db/banter");

        let error = read(&[database]).unwrap_err();

        assert!(error.to_string().starts_with("REDIS_URL: expected "), "{error}");
        assert!(read(&[database, ("REDIS_URL", "redis://redis")]).unwrap().database.file().is_none());
    }
}
