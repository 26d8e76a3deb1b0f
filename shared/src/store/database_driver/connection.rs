//! Connections, and how they run statements.

use futures::{
    StreamExt as _,
    future::{self, BoxFuture},
    stream::{self, BoxStream},
};
use sqlx::{Describe, Either, Error, Execute, Executor, SqlStr, Transaction};

use super::{
    Arguments, DatabaseDriver, Options, Query, QueryResult, Row, Statement, postgres, sqlite, value::DataType,
};
use crate::{
    chat::UserRef,
    store::stripe::{Scope, Stripe},
};

/// A connection to a database. The futures for PostgreSQL are boxed, so that those of operations on SQLite stay small.
#[derive(Debug)]
pub(in crate::store) struct Connection(Kind);

#[derive(Debug)]
enum Kind {
    Sqlite(sqlite::Connection),
    Postgres(Box<postgres::Connection>),
}

impl From<sqlite::Connection> for Connection {
    fn from(connection: sqlite::Connection) -> Self {
        Self(Kind::Sqlite(connection))
    }
}

impl From<postgres::Connection> for Connection {
    fn from(connection: postgres::Connection) -> Self {
        Self(Kind::Postgres(Box::new(connection)))
    }
}

impl Connection {
    /// Returns whether the database is on a server.
    pub(in crate::store) const fn is_server(&self) -> bool {
        matches!(self.0, Kind::Postgres(_))
    }

    /// Runs a statement that has no arguments, and discards its rows. PostgreSQL accepts several statements, separated
    /// by semicolons.
    pub(in crate::store) async fn exec(&mut self, sql: &str) -> Result<(), Error> {
        match &mut self.0 {
            Kind::Sqlite(connection) => connection.run(sql, &Arguments::default(), |_| true).map(drop),
            Kind::Postgres(connection) => Box::pin(connection.exec(sql)).await,
        }
    }

    /// Begins a transaction in which all reads see the same snapshot. PostgreSQL may receive this together with the
    /// first statement, which then reports whether it failed.
    pub(super) async fn begin_read(&mut self) -> Result<(), Error> {
        match &mut self.0 {
            Kind::Sqlite(_) => self.exec("BEGIN").await,
            Kind::Postgres(connection) => Box::pin(connection.begin_read()).await,
        }
    }

    /// Begins a transaction that may change anything, and acquires the lock for it.
    pub(in crate::store) async fn begin_write(&mut self) -> Result<(), Error> {
        self.begin_write_in(Scope::Database).await
    }

    /// Begins a transaction that changes only what is in the scope, and acquires the lock for it.
    pub(in crate::store) async fn begin_write_in(&mut self, scope: Scope) -> Result<(), Error> {
        match &mut self.0 {
            Kind::Sqlite(_) => self.exec(sqlite::BEGIN_WRITE).await,
            Kind::Postgres(connection) => Box::pin(connection.begin_write(scope, false)).await,
        }
    }

    /// Like [`Connection::begin_write_in`], but PostgreSQL may receive this together with the first statement, which then
    /// reports whether it failed.
    pub(in crate::store) async fn begin_write_with_read(&mut self, scope: Scope) -> Result<(), Error> {
        match &mut self.0 {
            Kind::Sqlite(_) => self.exec(sqlite::BEGIN_WRITE).await,
            Kind::Postgres(connection) => Box::pin(connection.begin_write(scope, true)).await,
        }
    }

    /// Returns the stripe that labels a user's rows.
    pub(in crate::store) fn stripe_of(&self, user: &UserRef) -> Stripe {
        if self.is_server() { Stripe::of(user) } else { Stripe::ONLY }
    }

    /// Returns whether the open transaction may change the data of a user; `None` stands for an unknown user.
    pub(in crate::store) fn may_change(&self, user: Option<&UserRef>) -> bool {
        match &self.0 {
            Kind::Sqlite(_) => true,
            Kind::Postgres(connection) => connection.may_change(user),
        }
    }

    /// Commits the open transaction. If a statement of the transaction failed on PostgreSQL, rolls it back instead and
    /// returns an error.
    pub(in crate::store) async fn commit(&mut self) -> Result<(), Error> {
        match &mut self.0 {
            Kind::Sqlite(_) => self.exec(sqlite::COMMIT).await,
            Kind::Postgres(connection) => Box::pin(connection.commit()).await,
        }
    }

    /// Rolls back the open transaction.
    pub(in crate::store) async fn rollback(&mut self) -> Result<(), Error> {
        match &mut self.0 {
            Kind::Sqlite(_) => self.exec(sqlite::ROLLBACK).await,
            Kind::Postgres(connection) => Box::pin(connection.rollback()).await,
        }
    }

    /// Checks that the server has not closed the connection. Does nothing if it responded recently.
    pub(super) async fn check_connection(&mut self) -> Result<(), Error> {
        match &mut self.0 {
            Kind::Sqlite(_) => Ok(()),
            Kind::Postgres(connection) => Box::pin(connection.check_connection()).await,
        }
    }

    /// Ends a transaction in which all reads saw the same snapshot.
    pub(super) async fn end_read(&mut self) -> Result<(), Error> {
        match &mut self.0 {
            Kind::Sqlite(_) => self.exec(sqlite::ROLLBACK).await,
            Kind::Postgres(connection) => connection.end_read(),
        }
    }

    /// Starts a savepoint in the open transaction. PostgreSQL receives it together with the next statement. `statement`
    /// begins with `SAVEPOINT`.
    pub(in crate::store) async fn start_savepoint(&mut self, statement: &str) -> Result<(), Error> {
        match &mut self.0 {
            Kind::Sqlite(_) => self.exec(statement).await,
            Kind::Postgres(connection) => connection.start_savepoint(statement).await,
        }
    }

    /// Reverts to a savepoint, after which a transaction that has failed on PostgreSQL can be continued. `statement`
    /// begins with `ROLLBACK TO`.
    pub(in crate::store) async fn roll_back_to(&mut self, statement: &str) -> Result<(), Error> {
        match &mut self.0 {
            Kind::Sqlite(_) => self.exec(statement).await,
            Kind::Postgres(connection) => Box::pin(connection.roll_back_to(statement)).await,
        }
    }

    /// Returns whether PostgreSQL rejects further statements in the open transaction because one has failed.
    pub(in crate::store) const fn has_failed(&self) -> bool {
        match &self.0 {
            Kind::Sqlite(_) => false,
            Kind::Postgres(connection) => connection.has_failed(),
        }
    }

    /// Returns whether the connection can still be used, as far as is known without communicating with the server.
    pub(in crate::store) fn is_usable(&self) -> bool {
        match &self.0 {
            Kind::Sqlite(_) => true,
            Kind::Postgres(connection) => !connection.is_closed(),
        }
    }

    /// Runs a statement, and passes its rows to `on_row` until `on_row` returns false.
    pub(in crate::store) async fn run(
        &mut self,
        sql: &str,
        arguments: &Arguments,
        on_row: impl FnMut(Row) -> bool + Send,
    ) -> Result<QueryResult, Error> {
        match &mut self.0 {
            Kind::Sqlite(connection) => connection.run(sql, arguments, on_row),
            Kind::Postgres(connection) => Box::pin(connection.run(sql, arguments, on_row)).await,
        }
    }

    /// Runs statements in order, up to the first error. PostgreSQL receives them together, without waiting for the result
    /// of each one.
    pub(in crate::store) async fn run_all(&mut self, statements: &[(&str, &Arguments)]) -> Result<(), Error> {
        match &mut self.0 {
            Kind::Sqlite(connection) => {
                for (sql, arguments) in statements {
                    connection.run(sql, arguments, |_| true)?;
                }
                Ok(())
            }
            Kind::Postgres(connection) => Box::pin(connection.run_all(statements)).await,
        }
    }

    /// Runs `SELECT` statements, and returns the rows of each one. PostgreSQL receives them together, without waiting for
    /// the rows of each one.
    pub(in crate::store) async fn fetch_together<const N: usize>(
        &mut self,
        queries: [Query<'_>; N],
    ) -> Result<[Vec<Row>; N], Error> {
        let mut calls = Vec::with_capacity(N);
        for mut query in queries {
            let arguments = query.take_arguments().map_err(Error::Encode)?.unwrap_or_default();
            calls.push((query.sql(), arguments));
        }
        let mut found = [const { Vec::new() }; N];
        match &mut self.0 {
            Kind::Sqlite(connection) => {
                for ((sql, arguments), rows) in calls.iter().zip(&mut found) {
                    connection.run(sql.as_str(), arguments, |row| {
                        rows.push(row);
                        true
                    })?;
                }
            }
            Kind::Postgres(connection) => {
                let all = Box::pin(connection.run_queries(&calls)).await?;
                for (rows, of_query) in found.iter_mut().zip(all) {
                    *rows = of_query;
                }
            }
        }
        Ok(found)
    }

    /// Checks that PostgreSQL accepts a statement.
    #[cfg(test)]
    pub(in crate::store) async fn check(&mut self, sql: &str) -> Result<(), Error> {
        match &mut self.0 {
            Kind::Sqlite(_) => Ok(()),
            Kind::Postgres(connection) => connection.prepare(sql).await.map(drop),
        }
    }

    /// Runs a query, and returns at most `limit` of its rows.
    fn fetch_rows<'e, 'q: 'e>(
        &'e mut self,
        mut query: impl Execute<'q, DatabaseDriver> + 'q,
        limit: usize,
    ) -> BoxFuture<'e, Result<(QueryResult, Vec<Row>), Error>> {
        let arguments = query.take_arguments().map_err(Error::Encode);
        let sql = query.sql();
        Box::pin(async move {
            let arguments = arguments?.unwrap_or_default();
            let mut rows = Vec::new();
            let add = |row| {
                rows.push(row);
                rows.len() < limit
            };
            let result = self.run(sql.as_str(), &arguments, add).await?;
            Ok((result, rows))
        })
    }
}

impl sqlx::Connection for Connection {
    type Database = DatabaseDriver;
    type Options = Options;

    async fn close(self) -> Result<(), Error> {
        Ok(())
    }

    async fn close_hard(self) -> Result<(), Error> {
        Ok(())
    }

    async fn ping(&mut self) -> Result<(), Error> {
        self.exec("SELECT 1").await
    }

    async fn begin(&mut self) -> Result<Transaction<'_, DatabaseDriver>, Error> {
        Transaction::begin(self, None).await
    }

    fn shrink_buffers(&mut self) {}

    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn should_flush(&self) -> bool {
        false
    }
}

impl<'c> Executor<'c> for &'c mut Connection {
    type Database = DatabaseDriver;

    fn execute<'e, 'q: 'e, E: Execute<'q, DatabaseDriver> + 'q>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<QueryResult, Error>>
    where
        'c: 'e,
    {
        let fetch = self.fetch_rows(query, usize::MAX);
        Box::pin(async { fetch.await.map(|(result, _)| result) })
    }

    fn fetch_many<'e, 'q: 'e, E: Execute<'q, DatabaseDriver> + 'q>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<QueryResult, Row>, Error>>
    where
        'c: 'e,
    {
        let fetch = self.fetch_rows(query, usize::MAX);
        let results = stream::once(fetch).flat_map(|fetched| match fetched {
            Ok((result, rows)) => {
                let rows = rows.into_iter().map(|row| Ok(Either::Right(row)));
                stream::iter(rows.chain([Ok(Either::Left(result))]).collect::<Vec<_>>())
            }
            Err(error) => stream::iter(vec![Err(error)]),
        });
        Box::pin(results)
    }

    fn fetch_optional<'e, 'q: 'e, E: Execute<'q, DatabaseDriver> + 'q>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<Row>, Error>>
    where
        'c: 'e,
    {
        let fetch = self.fetch_rows(query, 1);
        Box::pin(async { fetch.await.map(|(_, mut rows)| rows.pop()) })
    }

    fn prepare_with<'e>(self, sql: SqlStr, _: &'e [DataType]) -> BoxFuture<'e, Result<Statement, Error>>
    where
        'c: 'e,
    {
        Box::pin(future::ready(Ok(Statement(sql))))
    }

    fn describe<'e>(self, _: SqlStr) -> BoxFuture<'e, Result<Describe<DatabaseDriver>, Error>>
    where
        'c: 'e,
    {
        let unsupported = Error::Configuration("this driver does not describe statements".into());
        Box::pin(future::ready(Err(unsupported)))
    }
}
