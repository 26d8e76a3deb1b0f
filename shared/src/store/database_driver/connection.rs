//! Connections, and how they run statements.

use std::{fmt, future, sync::Arc};

use futures::{
    future::BoxFuture,
    stream::{self, BoxStream},
};
use rusqlite::types::{Value as StoredValue, ValueRef as StoredRef};
use sqlx::{Describe, Either, Error, Execute, Executor, SqlStr, Transaction};

use super::{Arguments, DatabaseDriver, Options, QueryResult, Row, Statement, Value, error::convert, row::Column};

/// A connection to a database file. It runs each statement on the calling thread.
pub(in crate::store) struct Connection {
    raw: rusqlite::Connection,
    /// The number of nested transactions that sqlx has begun.
    pub(super) depth: usize,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

impl Connection {
    pub(super) fn new(raw: rusqlite::Connection) -> Self {
        Self { raw, depth: 0 }
    }

    /// Runs a statement that has no arguments, and discards its rows.
    pub(in crate::store) fn exec(&mut self, sql: &str) -> Result<(), Error> {
        self.run(sql, &Arguments::default(), |_| true).map(drop)
    }

    /// Runs a statement, and passes its rows to `on_row` until `on_row` returns false.
    pub(in crate::store) fn run(
        &mut self,
        sql: &str,
        arguments: &Arguments,
        mut on_row: impl FnMut(Row) -> bool,
    ) -> Result<QueryResult, Error> {
        let mut statement = self.raw.prepare_cached(sql).map_err(convert)?;
        bind(&mut statement, arguments)?;
        let mut columns: Option<Arc<[Column]>> = None;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(convert)? {
            let columns = columns.get_or_insert_with(|| Column::list(row.as_ref().column_names()));
            let values = (0..columns.len()).map(|index| Ok(Value(copy(row.get_ref(index).map_err(convert)?))));
            let values = values.collect::<Result<_, Error>>()?;
            if !on_row(Row { columns: Arc::clone(columns), values }) {
                break;
            }
        }
        drop(rows);
        let is_change = !statement.readonly();
        drop(statement);
        Ok(QueryResult { rows_affected: if is_change { self.raw.changes() } else { 0 } })
    }

    /// Runs a query, and passes its rows to `on_row` until `on_row` returns false.
    pub(in crate::store) fn fetch_while<'q>(
        &mut self,
        mut query: impl Execute<'q, DatabaseDriver>,
        on_row: impl FnMut(Row) -> bool,
    ) -> Result<QueryResult, Error> {
        let arguments = query.take_arguments().map_err(Error::Encode)?.unwrap_or_default();
        self.run(query.sql().as_str(), &arguments, on_row)
    }

    /// Runs a query, and returns at most `limit` of its rows.
    fn fetch_rows<'q>(
        &mut self,
        query: impl Execute<'q, DatabaseDriver>,
        limit: usize,
    ) -> Result<(QueryResult, Vec<Row>), Error> {
        let mut rows = Vec::new();
        let result = self.fetch_while(query, |row| {
            rows.push(row);
            rows.len() < limit
        })?;
        Ok((result, rows))
    }
}

/// Binds the arguments. Parameters without an argument are NULL, and arguments without a parameter are ignored.
fn bind(statement: &mut rusqlite::Statement<'_>, arguments: &Arguments) -> Result<(), Error> {
    let mut unnumbered = 0;
    for index in 1..=statement.parameter_count() {
        let number = if let Some(name) = statement.parameter_name(index) {
            // The name of a parameter includes the `$` or `?`.
            let number = name.get(1..).and_then(|digits| digits.parse().ok());
            number.ok_or_else(|| Error::Protocol(format!("the name of the parameter {name} is not a number")))?
        } else {
            unnumbered += 1;
            unnumbered
        };
        if let Some(Value(value)) = arguments.0.get(number - 1) {
            statement.raw_bind_parameter(index, value).map_err(convert)?;
        }
    }
    Ok(())
}

/// Copies a value of a row. Text that is not valid UTF-8 is copied as bytes, so that the row can still be read, and only
/// decoding that value as text fails.
fn copy(value: StoredRef<'_>) -> StoredValue {
    match value {
        StoredRef::Null => StoredValue::Null,
        StoredRef::Integer(number) => StoredValue::Integer(number),
        StoredRef::Real(number) => StoredValue::Real(number),
        StoredRef::Text(bytes) => match str::from_utf8(bytes) {
            Ok(text) => StoredValue::Text(text.to_owned()),
            Err(_) => StoredValue::Blob(bytes.to_owned()),
        },
        StoredRef::Blob(bytes) => StoredValue::Blob(bytes.to_owned()),
    }
}

impl sqlx::Connection for Connection {
    type Database = DatabaseDriver;
    type Options = Options;

    async fn close(self) -> Result<(), Error> {
        self.raw.close().map_err(|(_, error)| convert(error))
    }

    async fn close_hard(self) -> Result<(), Error> {
        Ok(())
    }

    async fn ping(&mut self) -> Result<(), Error> {
        Ok(())
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
        Box::pin(future::ready(self.fetch_rows(query, usize::MAX).map(|(result, _)| result)))
    }

    fn fetch_many<'e, 'q: 'e, E: Execute<'q, DatabaseDriver> + 'q>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<QueryResult, Row>, Error>>
    where
        'c: 'e,
    {
        match self.fetch_rows(query, usize::MAX) {
            Ok((result, rows)) => {
                let rows = rows.into_iter().map(|row| Ok(Either::Right(row)));
                Box::pin(stream::iter(rows.chain([Ok(Either::Left(result))])))
            }
            Err(error) => Box::pin(stream::iter([Err(error)])),
        }
    }

    fn fetch_optional<'e, 'q: 'e, E: Execute<'q, DatabaseDriver> + 'q>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<Row>, Error>>
    where
        'c: 'e,
    {
        Box::pin(future::ready(self.fetch_rows(query, 1).map(|(_, mut rows)| rows.pop())))
    }

    fn prepare_with<'e>(self, sql: SqlStr, _: &'e [super::DataType]) -> BoxFuture<'e, Result<Statement, Error>>
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
