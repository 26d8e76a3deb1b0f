//! Connections, and how they run statements.

use std::{fmt, sync::Arc};

use rusqlite::types::{Value as StoredValue, ValueRef as StoredRef};
use sqlx::Error;

use super::error::convert;
use crate::store::database_driver::{Arguments, QueryResult, Row, Value, row::Column};

/// A connection to a database file. It runs each statement on the calling thread.
pub(in crate::store::database_driver) struct Connection(rusqlite::Connection);

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

impl Connection {
    pub(super) const fn new(raw: rusqlite::Connection) -> Self {
        Self(raw)
    }

    /// Runs a statement, and passes its rows to `on_row` until `on_row` returns false.
    pub(in crate::store::database_driver) fn run(
        &mut self,
        sql: &str,
        arguments: &Arguments,
        mut on_row: impl FnMut(Row) -> bool,
    ) -> Result<QueryResult, Error> {
        let mut statement = self.0.prepare_cached(sql).map_err(convert)?;
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
        Ok(QueryResult { rows_affected: if is_change { self.0.changes() } else { 0 } })
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
