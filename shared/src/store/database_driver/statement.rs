//! sqlx's prepared statements. The store does not use them, because each connection caches its statements.

use sqlx::{ColumnIndex, Either, Error, SqlStr};

use super::{Arguments, DatabaseDriver, row::Column, value::DataType};

/// The SQL of a statement, which is not prepared until it runs.
#[derive(Clone, Debug)]
pub(in crate::store) struct Statement(pub(super) SqlStr);

impl sqlx::Statement for Statement {
    type Database = DatabaseDriver;

    fn into_sql(self) -> SqlStr {
        self.0
    }

    fn sql(&self) -> &SqlStr {
        &self.0
    }

    fn parameters(&self) -> Option<Either<&[DataType], usize>> {
        None
    }

    fn columns(&self) -> &[Column] {
        &[]
    }

    sqlx_core::impl_statement_query!(Arguments);
}

sqlx_core::impl_column_index_for_statement!(Statement);

impl ColumnIndex<Statement> for &str {
    fn index(&self, _: &Statement) -> Result<usize, Error> {
        Err(Error::ColumnNotFound((*self).to_owned()))
    }
}
