//! How connections to PostgreSQL servers are opened.

use sqlx::Error;
use tokio_postgres::{Config, NoTls, error::SqlState};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::convert;
use crate::store::database_driver::{Connection, postgres};

/// A setting that has no effect. It is sent with the others, and is read back from the session. The others cannot be
/// used for this, because they may have the same values in the configuration of a role or of a pooler.
const MARKER: &str = "banter.settings";
const MARK: &str = "sent";

/// The error for a connection pooler, which rejects or drops the settings of sessions.
///
/// In its transaction mode, a pooler also runs each transaction in another session, without the session's prepared
/// statements.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the settings of the connection did not reach the server")]
pub(in crate::store) struct PoolerError;

impl PoolerError {
    fn into_sqlx() -> Error {
        Error::Configuration(Box::new(Self))
    }

    /// Returns whether this is the reason why a connection could not be opened.
    pub(in crate::store) fn is_cause_of(error: &Error) -> bool {
        matches!(error, Error::Configuration(cause) if cause.is::<Self>())
    }
}

/// The options of a connection to a database server.
#[derive(Clone)]
pub(in crate::store) struct PostgresOptions {
    /// The server, the database, and the settings of the session.
    pub(in crate::store) config: Box<Config>,
    /// How to encrypt connections; `None` if they are not encrypted.
    pub(in crate::store) tls: Option<MakeRustlsConnect>,
}

// The configuration contains the password.
impl std::fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresOptions").finish_non_exhaustive()
    }
}

impl PostgresOptions {
    /// Opens a connection.
    ///
    /// # Errors
    /// Returns a [`PoolerError`] as [`Error::Configuration`] if the settings of the session did not reach the server.
    pub(in crate::store) async fn open(&self) -> Result<Connection, Error> {
        let mut config = self.config.clone();
        let settings = config.get_options().unwrap_or_default();
        let options = format!("{settings} -c {MARKER}={MARK}");
        config.options(options.trim_start());
        let connection = match &self.tls {
            None => {
                let (client, connection) = config.connect(NoTls).await.map_err(explain)?;
                postgres::Connection::start(client, connection)
            }
            Some(tls) => {
                let (client, connection) = config.connect(tls.clone()).await.map_err(explain)?;
                postgres::Connection::start(client, connection)
            }
        };
        if connection.find_setting(MARKER).await?.as_deref() != Some(MARK) {
            return Err(PoolerError::into_sqlx());
        }
        Ok(connection.into())
    }
}

/// Converts an error that occurred while connecting.
fn explain(error: tokio_postgres::Error) -> Error {
    let is_about_options = error.as_db_error().is_some_and(|reported| match *reported.code() {
        // PgBouncer: "unsupported startup parameter: options".
        SqlState::PROTOCOL_VIOLATION => reported.message().contains("startup parameter"),
        // Amazon RDS Proxy. A server returns this code only for a version of the protocol that it does not support.
        SqlState::FEATURE_NOT_SUPPORTED => true,
        _ => false,
    });
    if is_about_options { PoolerError::into_sqlx() } else { convert(error) }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    /// Creates a message of the protocol (<https://www.postgresql.org/docs/current/protocol-message-formats.html>).
    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(4 + body.len()).unwrap();
        [&[kind], &length.to_be_bytes()[..], body].concat()
    }

    fn error(code: &str, text: &str) -> Vec<u8> {
        message(b'E', format!("SFATAL\0VFATAL\0C{code}\0M{text}\0\0").as_bytes())
    }

    /// Opens a connection to a server that answers the startup message and then the first query with these bytes.
    async fn open(answers: [Vec<u8>; 2]) -> Result<Connection, Error> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            for answer in answers {
                let _ = stream.read(&mut [0; 1024]).await.unwrap();
                stream.write_all(&answer).await.unwrap();
            }
            // Until the client closes the connection.
            let _ = stream.read(&mut [0; 1024]).await;
        });
        let config = format!("postgres://banter@127.0.0.1:{port}/banter").parse().unwrap();
        PostgresOptions { config: Box::new(config), tls: None }.open().await
    }

    /// Opens a connection to a server that accepts the startup message, and whose marker has this value.
    async fn open_with_marker(value: Option<&str>) -> Result<Connection, Error> {
        let ready = message(b'Z', b"I");
        let accepted = [message(b'R', &[0; 4]), ready.clone()].concat();
        let column = b"\0\x01current_setting\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0";
        let cell = match value {
            Some(text) => [&u32::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat(),
            None => (-1_i32).to_be_bytes().to_vec(),
        };
        let row = [message(b'T', column), message(b'D', &[&[0, 1], &cell[..]].concat())].concat();
        open([accepted, [row, message(b'C', b"SELECT 1\0"), ready].concat()]).await
    }

    #[tokio::test]
    async fn opens_a_connection_whose_settings_reached_the_server() {
        open_with_marker(Some(MARK)).await.unwrap();
    }

    #[tokio::test]
    async fn rejects_a_pooler_that_drops_the_settings() {
        for value in [None, Some(""), Some("other")] {
            let error = open_with_marker(value).await.unwrap_err();

            assert!(PoolerError::is_cause_of(&error), "{value:?}: {error:?}");
        }
    }

    #[tokio::test]
    async fn recognizes_poolers_that_reject_the_settings() {
        for (code, text) in [
            ("08P01", "unsupported startup parameter: options"),
            ("08P01", "unsupported startup parameter in options: search_path"),
            ("0A000", "RDS Proxy currently doesn't support command-line options."),
        ] {
            let error = open([error(code, text), Vec::new()]).await.unwrap_err();

            assert!(PoolerError::is_cause_of(&error), "{text}: {error:?}");
        }
    }

    #[tokio::test]
    async fn other_errors_are_not_attributed_to_a_pooler() {
        for (code, text) in [("53300", "sorry, too many clients already"), ("08P01", "expected SASL response")] {
            let error = open([error(code, text), Vec::new()]).await.unwrap_err();

            assert!(!PoolerError::is_cause_of(&error), "{text}: {error:?}");
        }
    }
}
