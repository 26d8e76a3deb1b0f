//! Rows and their columns.

use std::sync::Arc;

use sqlx::{ColumnIndex, Error};

use super::{DataType, DatabaseDriver, Value, ValueRef};

/// A column of a row.
#[derive(Debug)]
pub(in crate::store) struct Column {
    ordinal: usize,
    name: Box<str>,
}

impl Column {
    /// Creates the columns of a statement.
    pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> Arc<[Self]> {
        names.into_iter().enumerate().map(|(ordinal, name)| Self { ordinal, name: name.into() }).collect()
    }
}

impl sqlx::Column for Column {
    type Database = DatabaseDriver;

    fn ordinal(&self) -> usize {
        self.ordinal
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn type_info(&self) -> &DataType {
        // SQLite's columns have no type; each value has one.
        &DataType::Null
    }
}

/// A row of a result.
#[derive(Debug)]
pub(in crate::store) struct Row {
    pub(super) columns: Arc<[Column]>,
    pub(super) values: Box<[Value]>,
}

impl Row {
    /// Returns the values, in the order of the columns.
    pub(in crate::store) fn values(&self) -> &[Value] {
        &self.values
    }

    /// Returns the values, in the order of the columns.
    pub(in crate::store) fn into_values(self) -> Vec<Value> {
        self.values.into_vec()
    }
}

impl sqlx::Row for Row {
    type Database = DatabaseDriver;

    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn try_get_raw<I: ColumnIndex<Self>>(&self, index: I) -> Result<ValueRef<'_>, Error> {
        let index = index.index(self)?;
        let len = self.values.len();
        self.values.get(index).map(ValueRef).ok_or(Error::ColumnIndexOutOfBounds { index, len })
    }
}

sqlx_core::impl_column_index_for_row!(Row);

impl ColumnIndex<Row> for &str {
    fn index(&self, row: &Row) -> Result<usize, Error> {
        let found = row.columns.iter().position(|column| &*column.name == *self);
        found.ok_or_else(|| Error::ColumnNotFound((*self).to_owned()))
    }
}
