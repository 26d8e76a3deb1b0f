//! Code specific to PostgreSQL: the server's URL, the settings of connections, and error codes. The driver and the
//! migrations are in separate modules.

use std::{fmt, path::Path, str::FromStr, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio_postgres::{
    Config,
    config::{Host, SslMode},
    error::SqlState,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    StoreOptions,
    database_driver::{PostgresError, PostgresOptions},
};
use crate::tls::install_provider;

/// How long a process waits for a connection to be established. A server that has just started accepts connections
/// within a few milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the operating systems of both sides wait for data to be acknowledged before they close the connection. If
/// only this process closed it, the server would keep the session for hours, and reach its limit on connections.
const UNACKNOWLEDGED_TIMEOUT: Duration = Duration::from_secs(10);
/// The idle time after which the operating systems of both sides check that the other side is reachable.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
/// The interval between further checks. With the default of 75 s, a statement would wait that long for a lost server.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
/// The number of checks without a response after which the connection is closed. On Linux,
/// [`UNACKNOWLEDGED_TIMEOUT`] applies instead (`TCP_USER_TIMEOUT`, tcp(7)).
const KEEPALIVE_COUNT: u32 = 5;
/// How long a statement may run. Only the statements of `api check` may take longer.
const STATEMENT_TIMEOUT: Duration = Duration::from_mins(1);
/// Removes the limit of [`STATEMENT_TIMEOUT`] for the rest of the transaction.
pub(super) const NO_STATEMENT_TIMEOUT: &str = "SET LOCAL statement_timeout = 0";
/// Removes the server's time limits for a connection whose rows may be read slowly.
pub(super) const NO_TIMEOUTS: &str =
    "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET tcp_user_timeout = 0";
/// How long a transaction may wait for the process that began it. The server then releases its locks. A process that
/// was suspended in a transaction therefore stops other processes only briefly.
const IDLE_IN_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(5);

/// The accepted forms of the URL.
pub const SERVER_URL_FORMS: &str = "postgres://USER:PASSWORD@HOST/DATABASE, with ?sslmode=verify-full for TLS";

/// The reason why a URL was rejected. It does not contain the URL, which may contain a password.
#[derive(Debug, thiserror::Error)]
pub enum ServerUrlError {
    /// The URL cannot be parsed.
    #[error("{SERVER_URL_FORMS}")]
    Syntax,
    /// The parameter `sslmode` has an unknown value.
    #[error("sslmode must be disable, require, verify-ca, or verify-full")]
    TlsMode,
    /// The parameter `sslrootcert` has no effect without TLS.
    #[error("sslrootcert requires sslmode=verify-full")]
    CaWithoutTls,
    /// The file in `sslrootcert` cannot be read or contains no valid certificate.
    #[error("sslrootcert must be a readable file with certificates in PEM format")]
    Ca,
    /// The system has no CA certificates.
    #[error("TLS requires the CA certificates of the system (on Debian, the package ca-certificates) or sslrootcert")]
    NoSystemCa,
}

/// The URL of a PostgreSQL database. Neither its `Debug` nor its `Display` output contains the password.
#[derive(Clone)]
pub struct ServerUrl {
    config: Box<Config>,
    tls: Option<MakeRustlsConnect>,
}

impl FromStr for ServerUrl {
    type Err = ServerUrlError;

    fn from_str(url: &str) -> Result<Self, ServerUrlError> {
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut ca_file, mut others) = ("disable", None, Vec::new());
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslmode", value)) => mode = value,
                Some(("sslrootcert", value)) => ca_file = Some(Path::new(value)),
                _ => others.push(parameter),
            }
        }
        let tls = match (mode, ca_file) {
            ("disable", None) => None,
            ("disable", Some(_)) => return Err(ServerUrlError::CaWithoutTls),
            // The certificate is always verified: without that, encryption protects only from those who merely listen.
            ("require" | "verify-ca" | "verify-full", ca_file) => Some(tls(ca_file)?),
            _ => return Err(ServerUrlError::TlsMode),
        };
        let url = if others.is_empty() { address.to_owned() } else { format!("{address}?{}", others.join("&")) };
        let mut config: Config = url.parse().map_err(|_| ServerUrlError::Syntax)?;
        if config.get_hosts().is_empty() || config.get_dbname().is_none() {
            return Err(ServerUrlError::Syntax);
        }
        config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        Ok(Self { config: Box::new(config), tls })
    }
}

/// Prepares TLS connections to servers whose certificates are issued by a CA in the file or, if there is no file, by one
/// that the system trusts.
fn tls(ca_file: Option<&Path>) -> Result<MakeRustlsConnect, ServerUrlError> {
    install_provider();
    let Some(path) = ca_file else {
        return MakeRustlsConnect::with_native_certs().map(|(tls, _)| tls).map_err(|_| ServerUrlError::NoSystemCa);
    };
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path).map_err(|_| ServerUrlError::Ca)?;
    for certificate in certificates {
        roots.add(certificate.map_err(|_| ServerUrlError::Ca)?).map_err(|_| ServerUrlError::Ca)?;
    }
    if roots.is_empty() {
        return Err(ServerUrlError::Ca);
    }
    Ok(MakeRustlsConnect::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        for (index, host) in self.config.get_hosts().iter().enumerate() {
            let separator = if index > 0 { "," } else { "" };
            match host {
                Host::Tcp(name) => write!(f, "{separator}{name}")?,
                Host::Unix(folder) => write!(f, "{separator}{}", folder.display())?,
            }
            if let Some(port) = self.config.get_ports().get(index).or(self.config.get_ports().first()) {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.config.get_dbname().unwrap_or_default())
    }
}

impl PartialEq for ServerUrl {
    fn eq(&self, other: &Self) -> bool {
        self.config == other.config
    }
}

impl Eq for ServerUrl {}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Returns the options for the connections of a store.
pub(super) fn options(server: &ServerUrl, options: &StoreOptions) -> PostgresOptions {
    let synchronous = if options.durable_against_power_cut { "on" } else { "off" };
    let settings = [
        // `Jobs` and `Workers` belong to the queue's schema.
        ("search_path", "public,apalis".to_owned()),
        ("synchronous_commit", synchronous.into()),
        // Planning a statement again for the values of its parameters takes longer than running it.
        ("plan_cache_mode", "force_generic_plan".into()),
        // Without values, the planner expects many rows, and would compile queries that return a few.
        ("jit", "off".into()),
        // It would also read and hash whole tables as long as they are small or have no statistics, and keep such a plan
        // while they grow. Every statement has an index for each table that grows.
        ("enable_seqscan", "off".into()),
        ("enable_hashjoin", "off".into()),
        ("enable_mergejoin", "off".into()),
        ("lock_timeout", options.busy_timeout.as_millis().to_string()),
        ("statement_timeout", STATEMENT_TIMEOUT.as_millis().to_string()),
        ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_TIMEOUT.as_millis().to_string()),
        ("tcp_user_timeout", UNACKNOWLEDGED_TIMEOUT.as_millis().to_string()),
        ("tcp_keepalives_idle", KEEPALIVE_IDLE.as_secs().to_string()),
        ("tcp_keepalives_interval", KEEPALIVE_INTERVAL.as_secs().to_string()),
        ("tcp_keepalives_count", KEEPALIVE_COUNT.to_string()),
        // Times are sent in the binary format, which has no time zone.
        ("timezone", "UTC".into()),
    ];
    let settings: Vec<String> = settings.iter().map(|(name, value)| format!("-c {name}={value}")).collect();
    let mut config = server.config.clone();
    config
        .application_name("banter")
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_user_timeout(UNACKNOWLEDGED_TIMEOUT)
        .keepalives_idle(KEEPALIVE_IDLE)
        .keepalives_interval(KEEPALIVE_INTERVAL)
        .keepalives_retries(KEEPALIVE_COUNT)
        .options(settings.join(" "));
    PostgresOptions { config, tls: server.tls.clone() }
}

/// Returns the code of an error that a server returned.
fn state(error: &sqlx::Error) -> Option<&SqlState> {
    Some(error.as_database_error()?.try_downcast_ref::<PostgresError>()?.state())
}

/// Returns whether the error means that another transaction held a lock for too long, or that the transaction has to be
/// repeated.
pub(super) fn is_locked(error: &sqlx::Error) -> bool {
    let codes = [
        &SqlState::LOCK_NOT_AVAILABLE,
        &SqlState::QUERY_CANCELED,
        &SqlState::T_R_SERIALIZATION_FAILURE,
        &SqlState::T_R_DEADLOCK_DETECTED,
    ];
    state(error).is_some_and(|state| codes.contains(&state))
}

/// Returns whether the error means that the server's disk is full or that the server is a read-only standby.
pub(super) fn is_unwritable(error: &sqlx::Error) -> bool {
    let codes = [&SqlState::DISK_FULL, &SqlState::READ_ONLY_SQL_TRANSACTION, &SqlState::IO_ERROR];
    state(error).is_some_and(|state| codes.contains(&state))
}

/// Returns whether the error means that the role may not call a function, or that the server does not have it.
pub(super) fn is_withheld(error: &sqlx::Error) -> bool {
    let codes = [&SqlState::INSUFFICIENT_PRIVILEGE, &SqlState::UNDEFINED_FUNCTION, &SqlState::FEATURE_NOT_SUPPORTED];
    state(error).is_some_and(|state| codes.contains(&state))
}

/// Returns whether the error means that the server cannot be reached, is starting or shutting down, or closed the
/// connection.
pub(super) fn is_unavailable(error: &sqlx::Error) -> bool {
    let codes = [
        &SqlState::ADMIN_SHUTDOWN,
        &SqlState::CRASH_SHUTDOWN,
        &SqlState::CANNOT_CONNECT_NOW,
        &SqlState::TOO_MANY_CONNECTIONS,
        &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ];
    match state(error) {
        // Class 08 contains the errors of connections.
        Some(state) => codes.contains(&state) || state.code().starts_with("08"),
        None => matches!(error, sqlx::Error::Io(_)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_credentials() {
        let url: ServerUrl =
            "postgres://banter:hunter2@db.example:5433/chat?sslmode=disable&connect_timeout=3".parse().unwrap();

        assert_eq!(url.to_string(), "postgres://db.example:5433/chat");
        assert_eq!(format!("{url:?}"), "postgres://db.example:5433/chat");
    }

    #[test]
    fn rejects_unusable_urls() {
        let reason = |url: &str| url.parse::<ServerUrl>().unwrap_err().to_string();

        assert_eq!(reason("postgres://db:port/chat"), SERVER_URL_FORMS);
        assert_eq!(reason("postgres://db"), SERVER_URL_FORMS);
        assert!(reason("postgres://db/chat?sslmode=prefer").starts_with("sslmode must be "));
        assert!(reason("postgres://db/chat?sslrootcert=/ca.pem").starts_with("sslrootcert requires "));
        assert!(reason("postgres://db/chat?sslmode=verify-full&sslrootcert=/no/file").starts_with("sslrootcert must "));
    }

    #[test]
    fn a_url_may_name_several_hosts() {
        let url: ServerUrl = "postgres://one,two/chat?target_session_attrs=read-write".parse().unwrap();

        assert_eq!(url.to_string(), "postgres://one:5432,two:5432/chat");
    }
}
