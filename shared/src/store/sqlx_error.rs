//! Maps database errors to store errors.

use super::{StoreError, postgres, sqlite};

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::ColumnDecode { index, source } => {
                Self::Corrupt(format!("{}: {source}", index.trim_matches('"')))
            }
            locked if sqlite::is_locked(locked) || postgres::is_locked(locked) => Self::Busy,
            unwritable if sqlite::is_unwritable(unwritable) || postgres::is_unwritable(unwritable) => {
                Self::Unwritable(error)
            }
            unavailable if postgres::is_unavailable(unavailable) => Self::Unavailable(error),
            _ => Self::Database(error),
        }
    }
}
