//! sqlx's transactions. The store does not use them, because several operations share a transaction of its writer.

use sqlx::{Error, SqlStr};
use sqlx_core::transaction::TransactionManager;

use super::{Connection, DatabaseDriver};

/// Rejects transactions that sqlx would begin.
#[derive(Debug)]
pub(in crate::store) struct Transactions;

fn unsupported() -> Error {
    Error::Configuration("this driver does not begin transactions for sqlx".into())
}

impl TransactionManager for Transactions {
    type Database = DatabaseDriver;

    async fn begin(_: &mut Connection, _: Option<SqlStr>) -> Result<(), Error> {
        Err(unsupported())
    }

    async fn commit(_: &mut Connection) -> Result<(), Error> {
        Err(unsupported())
    }

    async fn rollback(_: &mut Connection) -> Result<(), Error> {
        Err(unsupported())
    }

    fn start_rollback(_: &mut Connection) {}

    fn get_transaction_depth(_: &Connection) -> usize {
        0
    }
}
