//! PostgreSQL errors.

use std::{borrow::Cow, error::Error as StdError, fmt, io};

use sqlx::error::{DatabaseError, ErrorKind};
use tokio_postgres::error::SqlState;

/// An error that the server returned.
#[derive(Debug)]
pub(in crate::store) struct PostgresError {
    code: SqlState,
    message: String,
    constraint: Option<String>,
}

impl PostgresError {
    /// Returns the error code (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
    pub(in crate::store) const fn state(&self) -> &SqlState {
        &self.code
    }
}

impl fmt::Display for PostgresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(code: {}) {}", self.code.code(), self.message)
    }
}

impl StdError for PostgresError {}

impl DatabaseError for PostgresError {
    fn message(&self) -> &str {
        &self.message
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(self.code.code().into())
    }

    fn constraint(&self) -> Option<&str> {
        self.constraint.as_deref()
    }

    fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        match self.code {
            SqlState::UNIQUE_VIOLATION => ErrorKind::UniqueViolation,
            SqlState::FOREIGN_KEY_VIOLATION => ErrorKind::ForeignKeyViolation,
            SqlState::NOT_NULL_VIOLATION => ErrorKind::NotNullViolation,
            SqlState::CHECK_VIOLATION => ErrorKind::CheckViolation,
            _ => ErrorKind::Other,
        }
    }
}

/// Converts a tokio-postgres error. All errors that concern the connection become [`sqlx::Error::Io`].
#[expect(clippy::needless_pass_by_value, reason = "passed to `map_err`")]
pub(super) fn convert(error: tokio_postgres::Error) -> sqlx::Error {
    if let Some(reported) = error.as_db_error() {
        return sqlx::Error::Database(Box::new(PostgresError {
            code: reported.code().clone(),
            message: reported.message().to_owned(),
            constraint: reported.constraint().map(str::to_owned),
        }));
    }
    // The source says what happened; the error itself says only during which step.
    let cause = StdError::source(&error).map(ToString::to_string);
    let is_conversion = error.to_string().starts_with("error serializing parameter");
    let text = cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
    if is_conversion { sqlx::Error::Protocol(text) } else { sqlx::Error::Io(io::Error::other(text)) }
}
