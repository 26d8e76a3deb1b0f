//! Transactions that sqlx begins. The writer does not use them, because several operations share its transactions.

use sqlx::{Error, Executor as _, SqlStr};
use sqlx_core::transaction::{
    TransactionManager, begin_ansi_transaction_sql, commit_ansi_transaction_sql, rollback_ansi_transaction_sql,
};

use super::{Arguments, Connection, DatabaseDriver};

/// Begins and ends transactions.
#[derive(Debug)]
pub(in crate::store) struct Transactions;

impl TransactionManager for Transactions {
    type Database = DatabaseDriver;

    async fn begin(connection: &mut Connection, statement: Option<SqlStr>) -> Result<(), Error> {
        let statement = statement.unwrap_or_else(|| begin_ansi_transaction_sql(connection.depth));
        connection.execute(statement).await?;
        connection.depth += 1;
        Ok(())
    }

    async fn commit(connection: &mut Connection) -> Result<(), Error> {
        connection.execute(commit_ansi_transaction_sql(connection.depth)).await?;
        connection.depth -= 1;
        Ok(())
    }

    async fn rollback(connection: &mut Connection) -> Result<(), Error> {
        connection.execute(rollback_ansi_transaction_sql(connection.depth)).await?;
        connection.depth -= 1;
        Ok(())
    }

    fn start_rollback(connection: &mut Connection) {
        if connection.depth == 0 {
            return;
        }
        let statement = rollback_ansi_transaction_sql(connection.depth);
        connection.depth -= 1;
        if let Err(error) = connection.run(statement.as_str(), &Arguments::default(), |_| true) {
            tracing::debug!(%error, "failed to roll back a transaction");
        }
    }

    fn get_transaction_depth(connection: &Connection) -> usize {
        connection.depth
    }
}
