//! Connections, and how they run statements.

use std::{
    collections::HashMap,
    fmt,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{
    FutureExt as _, TryStreamExt as _,
    future::{join, join_all},
};
use rusqlite::types::Value as StoredValue;
use sqlx::{Error, SqlStr};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::{Client, RowStream, SimpleQueryMessage, Statement, types::ToSql};

use super::{
    dialect::translate,
    error::convert,
    values::{Parameter, Stored},
};
use crate::{
    chat::UserRef,
    store::{
        database_driver::{Arguments, QueryResult, Row, Value, row::Column},
        stripe::{Scope, Stripe},
    },
};

/// The key of the advisory lock of the database (`Bant` in ASCII). Changes with a smaller scope share it. The keys of the
/// stripes' locks follow it.
const DATABASE_LOCK: i64 = 0x4261_6e74;
const LOCK_DATABASE: &str = "SELECT pg_advisory_xact_lock($1)";
const SHARE_DATABASE: &str = "SELECT pg_advisory_xact_lock_shared($1)";
const LOCK_STRIPE: &str = "SELECT pg_advisory_xact_lock_shared($1), pg_advisory_xact_lock($1 + 1 + $2)";
const BEGIN_WRITE: &str = "BEGIN";
const ROLLBACK: &str = "ROLLBACK";
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// The idle time after which a transaction waits for a response from the server before its first statement, because it
/// may have closed the connection in the meantime.
const MAX_TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// The argument for parameters for which none was given.
const NULL: StoredValue = StoredValue::Null;

/// A connection to a server. Dropping it closes it.
pub(in crate::store::database_driver) struct Connection {
    client: Client,
    statements: HashMap<Box<str>, Arc<Prepared>>,
    /// Whether a statement has failed in the open transaction. PostgreSQL answers `COMMIT` with success in that case,
    /// although it rolls the transaction back.
    has_failed: bool,
    /// A statement that is sent together with the next one, so that only one response is waited for.
    deferred: Option<Deferred>,
    /// The statements that acquire locks, by their SQL, once they have been prepared.
    locks: HashMap<&'static str, Statement>,
    /// What the open transaction may change; `None` if it only reads.
    scope: Option<Scope>,
    /// When the server last responded.
    last_response: Instant,
}

/// A statement that opens a transaction or a part of it.
enum Deferred {
    /// Begins a transaction, and waits for the lock for its scope.
    BeginWrite { lock: Statement, stripe: Option<i64> },
    /// Begins a transaction in which all reads see the same snapshot.
    BeginRead,
    /// Starts a savepoint in the open transaction. If it fails, the server rejects what follows.
    Savepoint(String),
}

impl Deferred {
    /// Sends the statement when first polled, and waits until it has run.
    async fn send(&self, client: &Client) -> Result<(), Error> {
        match self {
            Self::BeginWrite { lock, stripe } => {
                let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&DATABASE_LOCK];
                parameters.extend(stripe.as_ref().map(|number| number as &(dyn ToSql + Sync)));
                let locked = client.execute(lock, &parameters);
                let (begun, locked) = join(client.batch_execute(BEGIN_WRITE), locked).await;
                begun.and(locked.map(drop)).map_err(convert)
            }
            Self::BeginRead => client.batch_execute(BEGIN_READ).await.map_err(convert),
            Self::Savepoint(sql) => client.batch_execute(sql).await.map_err(convert),
        }
    }
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
        Self {
            client,
            statements: HashMap::new(),
            has_failed: false,
            deferred: None,
            locks: HashMap::new(),
            scope: None,
            last_response: Instant::now(),
        }
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
        self.send_deferred().await?;
        self.send(sql).await
    }

    /// Sends a statement without arguments, and waits until it has run.
    async fn send(&mut self, sql: &str) -> Result<(), Error> {
        let result = self.client.batch_execute(sql).await.map_err(convert);
        self.note_result(result)
    }

    /// Sends the deferred statement, and waits until it has run.
    async fn send_deferred(&mut self) -> Result<(), Error> {
        let Some(deferred) = self.deferred.take() else { return Ok(()) };
        let result = deferred.send(&self.client).await;
        self.note_result(result)
    }

    /// Returns whether the server responded so recently that it is unlikely to have closed the connection since.
    fn is_trusted(&self) -> bool {
        !self.is_closed() && self.last_response.elapsed() < MAX_TRUSTED_IDLE
    }

    /// Begins a transaction: together with its first statement if the server responded recently, otherwise at once.
    pub(in crate::store::database_driver) async fn begin_read(&mut self) -> Result<(), Error> {
        (self.has_failed, self.scope) = (false, None);
        self.deferred = Some(Deferred::BeginRead);
        if self.is_trusted() { Ok(()) } else { self.send_deferred().await }
    }

    /// Begins a transaction, and acquires the lock for its scope: together with its first statement if `may_defer` is
    /// true and the server responded recently, otherwise at once.
    pub(in crate::store::database_driver) async fn begin_write(
        &mut self,
        scope: Scope,
        may_defer: bool,
    ) -> Result<(), Error> {
        (self.has_failed, self.scope) = (false, Some(scope));
        let (sql, stripe) = match scope {
            Scope::Database => (LOCK_DATABASE, None),
            Scope::Stripe(stripe) => (LOCK_STRIPE, Some(stripe.number())),
            Scope::Worker => (SHARE_DATABASE, None),
        };
        let lock = if let Some(statement) = self.locks.get(sql) {
            statement.clone()
        } else {
            let statement = self.client.prepare(sql).await.map_err(convert)?;
            self.locks.entry(sql).or_insert(statement).clone()
        };
        self.deferred = Some(Deferred::BeginWrite { lock, stripe });
        if may_defer && self.is_trusted() {
            return Ok(());
        }
        let begun = self.send_deferred().await;
        // If the lock cannot be acquired, the transaction has failed and must be rolled back.
        if begun.is_err() && !self.is_closed() {
            self.send(ROLLBACK).await?;
        }
        begun
    }

    /// Returns whether the open transaction may change the data of a user; `None` stands for an unknown user.
    pub(in crate::store::database_driver) fn may_change(&self, user: Option<&UserRef>) -> bool {
        match self.scope {
            Some(Scope::Database) => true,
            Some(Scope::Stripe(held)) => user.is_some_and(|user| Stripe::of(user) == held),
            Some(Scope::Worker) | None => false,
        }
    }

    pub(in crate::store::database_driver) async fn check_connection(&mut self) -> Result<(), Error> {
        if self.is_trusted() { Ok(()) } else { self.send("").await }
    }

    pub(in crate::store::database_driver) async fn start_savepoint(&mut self, statement: &str) -> Result<(), Error> {
        self.send_deferred().await?;
        self.deferred = Some(Deferred::Savepoint(statement.into()));
        Ok(())
    }

    pub(in crate::store::database_driver) const fn has_failed(&self) -> bool {
        self.has_failed
    }

    pub(in crate::store::database_driver) async fn roll_back_to(&mut self, statement: &str) -> Result<(), Error> {
        // If the savepoint was not sent, nothing has been changed since.
        if self.deferred.take().is_none() {
            self.send(statement).await?;
        }
        self.has_failed = false;
        Ok(())
    }

    pub(in crate::store::database_driver) async fn rollback(&mut self) -> Result<(), Error> {
        match self.deferred.take() {
            Some(Deferred::BeginWrite { .. } | Deferred::BeginRead) => Ok(()),
            Some(Deferred::Savepoint(_)) | None => self.send(ROLLBACK).await,
        }
    }

    /// Rolls back a transaction that has changed nothing, without waiting for the response. If the server does not
    /// execute the statement, it rejects the next `BEGIN`.
    pub(in crate::store::database_driver) fn end_read(&mut self) -> Result<(), Error> {
        match self.deferred.take() {
            Some(Deferred::BeginRead) => Ok(()),
            // The statement is sent when the future is first polled.
            _ => self.client.batch_execute(ROLLBACK).now_or_never().unwrap_or(Ok(())).map_err(convert),
        }
    }

    pub(in crate::store::database_driver) async fn commit(&mut self) -> Result<(), Error> {
        // Nothing has been changed since a deferred statement.
        if let Some(Deferred::BeginWrite { .. }) = self.deferred.take() {
            return Ok(());
        }
        if self.has_failed {
            self.send(ROLLBACK).await?;
            return Err(Error::Protocol("a statement of the transaction failed".into()));
        }
        self.send("COMMIT").await
    }

    pub(in crate::store::database_driver) async fn run(
        &mut self,
        sql: &str,
        arguments: &Arguments,
        mut on_row: impl FnMut(Row) -> bool,
    ) -> Result<QueryResult, Error> {
        let result = async {
            let prepared = self.prepare(sql).await?;
            let deferred = self.deferred.take();
            let (confirmed, rows) =
                join(confirm(&self.client, deferred), query(&self.client, &prepared, arguments)).await;
            confirmed?;
            let mut rows = pin!(rows?);
            let mut wants_more = true;
            // The statement has succeeded only when all of its rows have arrived.
            while let Some(row) = rows.try_next().await.map_err(convert)? {
                wants_more = wants_more && on_row(copy(&row, &prepared.columns)?);
            }
            Ok::<_, Error>(QueryResult { rows_affected: rows.rows_affected().unwrap_or(0) })
        }
        .await;
        self.note_result(result)
    }

    /// Runs `SELECT` statements, which are sent together, and returns the rows of each one.
    pub(in crate::store::database_driver) async fn run_queries(
        &mut self,
        queries: &[(SqlStr, Arguments)],
    ) -> Result<Vec<Vec<Row>>, Error> {
        let result = async {
            let prepared = self.prepare_all(queries.iter().map(|(sql, _)| sql.as_str())).await?;
            let deferred = self.deferred.take();
            let client = &self.client;
            let results = join_all(prepared.iter().zip(queries).map(async |(prepared, (_, arguments))| {
                let rows = query(client, prepared, arguments).await?;
                rows.map_err(convert).and_then(async |row| copy(&row, &prepared.columns)).try_collect().await
            }));
            let (confirmed, results) = join(confirm(client, deferred), results).await;
            confirmed?;
            results.into_iter().collect::<Result<_, Error>>()
        }
        .await;
        self.note_result(result)
    }

    pub(in crate::store::database_driver) async fn run_all(
        &mut self,
        statements: &[(&str, &Arguments)],
    ) -> Result<(), Error> {
        let result = async {
            let prepared = self.prepare_all(statements.iter().map(|(sql, _)| *sql)).await?;
            let deferred = self.deferred.take();
            // Each future sends its statement when it is first polled, so the statements are sent in order.
            let client = &self.client;
            let results = join_all(prepared.iter().zip(statements).map(async |(prepared, (_, arguments))| {
                let rows = query(client, prepared, arguments).await?;
                rows.try_for_each(async |_| Ok(())).await.map_err(convert)
            }));
            let (confirmed, results) = join(confirm(client, deferred), results).await;
            confirmed?;
            // After an error, the server rejects the statements that follow, so the first error is the cause.
            results.into_iter().collect::<Result<(), Error>>()
        }
        .await;
        self.note_result(result)
    }

    /// Records whether statements failed.
    fn note_result<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        match &result {
            Ok(_) => self.last_response = Instant::now(),
            Err(_) => self.has_failed = true,
        }
        result
    }

    /// Returns a prepared statement, which is prepared at its first use on this connection.
    pub(in crate::store::database_driver) async fn prepare(&mut self, sql: &str) -> Result<Arc<Prepared>, Error> {
        if let Some(prepared) = self.statements.get(sql) {
            return Ok(Arc::clone(prepared));
        }
        // A statement that cannot be prepared fails the transaction, or the part of it that the deferred one opens.
        self.send_deferred().await?;
        let translation = translate(sql);
        let statement = self.client.prepare(&translation.sql).await.map_err(convert)?;
        let columns = Column::list(statement.columns().iter().map(tokio_postgres::Column::name));
        let prepared = Arc::new(Prepared { statement, columns, arguments: translation.arguments });
        self.statements.insert(sql.into(), Arc::clone(&prepared));
        Ok(prepared)
    }

    async fn prepare_all<'a>(
        &mut self,
        statements: impl ExactSizeIterator<Item = &'a str>,
    ) -> Result<Vec<Arc<Prepared>>, Error> {
        let mut prepared = Vec::with_capacity(statements.len());
        for statement in statements {
            prepared.push(self.prepare(statement).await?);
        }
        Ok(prepared)
    }
}

/// Sends a deferred statement, if there is one, when first polled, and waits until it has run.
async fn confirm(client: &Client, deferred: Option<Deferred>) -> Result<(), Error> {
    match deferred {
        Some(deferred) => deferred.send(client).await,
        None => Ok(()),
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
