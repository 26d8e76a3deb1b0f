//! How connections to PostgreSQL servers are opened.

use sqlx::Error;
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::convert;
use crate::store::database_driver::{Connection, postgres};

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
    pub(in crate::store) async fn open(&self) -> Result<Connection, Error> {
        Ok(match &self.tls {
            None => {
                let (client, connection) = self.config.connect(NoTls).await.map_err(convert)?;
                postgres::Connection::start(client, connection)
            }
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await.map_err(convert)?;
                postgres::Connection::start(client, connection)
            }
        }
        .into())
    }
}
