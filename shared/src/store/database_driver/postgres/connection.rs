//! Connections, and how they run statements.

use std::{collections::HashMap, fmt, pin::pin, sync::Arc};

use futures::{TryStreamExt as _, future::join_all};
use rusqlite::types::Value as StoredValue;
use sqlx::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::{Client, RowStream, SimpleQueryMessage, Statement};

use super::{
    dialect::translate,
    error::convert,
    values::{Parameter, Stored},
};
use crate::store::database_driver::{Arguments, QueryResult, Row, Value, row::Column};

/// The key of the advisory lock that every change holds (`Bant` in ASCII), so that changes are ordered as on SQLite.
const WRITE_LOCK: i64 = 0x4261_6e74;
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// The argument for parameters for which none was given.
const NULL: StoredValue = StoredValue::Null;

/// A connection to a server. Dropping it closes it.
pub(in crate::store::database_driver) struct Connection {
    client: Client,
    statements: HashMap<Box<str>, Arc<Prepared>>,
    /// Whether a statement has failed in the open transaction. PostgreSQL answers `COMMIT` with success in that case,
    /// although it rolls the transaction back.
    has_failed: bool,
}

/// A statement that the server has prepared.
pub(in crate::store::database_driver) struct Prepared {
    statement: Statement,
    columns: Arc<[Column]>,
    /// The index of the argument for each parameter.
    arguments: Vec<usize>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

impl Connection {
    /// Starts a task that exchanges messages with the server. The task ends when the connection is dropped.
    pub(super) fn start<S, T>(client: Client, connection: tokio_postgres::Connection<S, T>) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection to PostgreSQL ended");
            }
        });
        Self { client, statements: HashMap::new(), has_failed: false }
    }

    /// Returns the value of a setting, or `None` if the session does not have it.
    pub(super) async fn find_setting(&self, name: &str) -> Result<Option<String>, Error> {
        // The simple protocol uses no prepared statement.
        let query = format!("SELECT current_setting('{name}', true)");
        let messages = self.client.simple_query(&query).await.map_err(convert)?;
        Ok(messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }))
    }

    pub(in crate::store::database_driver) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    pub(in crate::store::database_driver) async fn exec(&mut self, sql: &str) -> Result<(), Error> {
        self.client.batch_execute(sql).await.map_err(convert)
    }

    pub(in crate::store::database_driver) async fn begin_read(&mut self) -> Result<(), Error> {
        self.has_failed = false;
        self.exec(BEGIN_READ).await
    }

    pub(in crate::store::database_driver) async fn begin_write(&mut self) -> Result<(), Error> {
        self.has_failed = false;
        // If the lock cannot be acquired, the transaction has failed and must be rolled back.
        let begun = self.exec(&format!("BEGIN; SELECT pg_advisory_xact_lock({WRITE_LOCK})")).await;
        if begun.is_err() && !self.is_closed() {
            self.exec("ROLLBACK").await?;
        }
        begun
    }

    pub(in crate::store::database_driver) const fn has_failed(&self) -> bool {
        self.has_failed
    }

    pub(in crate::store::database_driver) async fn roll_back_to(&mut self, statement: &str) -> Result<(), Error> {
        self.exec(statement).await?;
        self.has_failed = false;
        Ok(())
    }

    pub(in crate::store::database_driver) async fn commit(&mut self) -> Result<(), Error> {
        if self.has_failed {
            self.exec("ROLLBACK").await?;
            return Err(Error::Protocol("a statement of the transaction failed".into()));
        }
        self.exec("COMMIT").await
    }

    pub(in crate::store::database_driver) async fn run(
        &mut self,
        sql: &str,
        arguments: &Arguments,
        mut on_row: impl FnMut(Row) -> bool,
    ) -> Result<QueryResult, Error> {
        let result = async {
            let prepared = self.prepare(sql).await?;
            let mut rows = pin!(query(&self.client, &prepared, arguments).await?);
            while let Some(row) = rows.try_next().await.map_err(convert)? {
                if !on_row(copy(&row, &prepared.columns)?) {
                    break;
                }
            }
            Ok::<_, Error>(QueryResult { rows_affected: rows.rows_affected().unwrap_or(0) })
        }
        .await;
        self.has_failed |= result.is_err();
        result
    }

    pub(in crate::store::database_driver) async fn run_all(
        &mut self,
        statements: &[String],
        arguments: &Arguments,
    ) -> Result<(), Error> {
        let result = async {
            let mut prepared = Vec::with_capacity(statements.len());
            for statement in statements {
                prepared.push(self.prepare(statement).await?);
            }
            // Each future sends its statement when it is first polled, so the statements are sent in order.
            let client = &self.client;
            let results = join_all(prepared.iter().map(async |prepared| {
                let rows = query(client, prepared, arguments).await?;
                rows.try_for_each(async |_| Ok(())).await.map_err(convert)
            }));
            // After an error, the server rejects the statements that follow, so the first error is the cause.
            results.await.into_iter().collect::<Result<(), Error>>()
        }
        .await;
        self.has_failed |= result.is_err();
        result
    }

    /// Returns a prepared statement, which is prepared at its first use on this connection.
    pub(in crate::store::database_driver) async fn prepare(&mut self, sql: &str) -> Result<Arc<Prepared>, Error> {
        if let Some(prepared) = self.statements.get(sql) {
            return Ok(Arc::clone(prepared));
        }
        let translation = translate(sql);
        let statement = self.client.prepare(&translation.sql).await.map_err(convert)?;
        let columns = Column::list(statement.columns().iter().map(tokio_postgres::Column::name));
        let prepared = Arc::new(Prepared { statement, columns, arguments: translation.arguments });
        self.statements.insert(sql.into(), Arc::clone(&prepared));
        Ok(prepared)
    }
}

/// Starts a statement. Parameters without an argument are NULL, and arguments without a parameter are ignored.
async fn query(client: &Client, prepared: &Prepared, arguments: &Arguments) -> Result<RowStream, Error> {
    let values =
        prepared.arguments.iter().map(|index| Parameter(arguments.0.get(*index).map_or(&NULL, |Value(value)| value)));
    client.query_raw(&prepared.statement, values).await.map_err(convert)
}

/// Copies a row.
fn copy(row: &tokio_postgres::Row, columns: &Arc<[Column]>) -> Result<Row, Error> {
    let values = (0..row.len()).map(|index| {
        let value: Option<Stored> = row.try_get(index).map_err(|error| Error::Decode(Box::new(error)))?;
        Ok(Value(value.map_or(StoredValue::Null, |Stored(value)| value)))
    });
    Ok(Row { columns: Arc::clone(columns), values: values.collect::<Result<_, Error>>()? })
}
