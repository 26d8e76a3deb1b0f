//! Scripts, which run several statements that share parameters.
//!
//! A statement that is not always needed has a condition: it runs only if the parameter with the given name is neither
//! NULL nor false.

use std::slice;

use sqlx::{Arguments as _, Encode, Execute as _, SqlStr, Type, error::BoxDynError};

use super::{
    StoreError,
    database_driver::{Arguments, Connection, DatabaseDriver, Query},
};

/// Statements that share a set of named parameters (such as `$session_id`).
#[derive(Debug)]
pub(super) struct Script {
    statements: Vec<Statement>,
    parameters: &'static [&'static str],
}

/// A statement of a script.
#[derive(Debug)]
struct Statement {
    /// The SQL, with numbered parameters.
    sql: String,
    /// The index of the parameter that is the statement's condition, if it has one.
    condition: Option<usize>,
}

impl Script {
    /// Creates a script. `parameters` are the names in the statements, in the order in which they will be bound.
    pub(super) fn new(parameters: &'static [&'static str], statements: &[&str]) -> Self {
        let statements: Vec<_> = statements.iter().map(|sql| (None, *sql)).collect();
        Self::with_conditions(parameters, &statements)
    }

    /// Creates a script of statements that may have conditions, which are names of parameters.
    pub(super) fn with_conditions(
        parameters: &'static [&'static str],
        statements: &[(Option<&'static str>, &str)],
    ) -> Self {
        let statements = statements.iter().map(|(condition, sql)| Statement {
            sql: number_parameters(sql, parameters),
            condition: condition.map(|name| {
                let index = parameters.iter().position(|parameter| *parameter == name);
                debug_assert!(index.is_some(), "the condition must be a parameter");
                index.unwrap_or(usize::MAX)
            }),
        });
        Self { statements: statements.collect(), parameters }
    }

    /// Begins a call.
    pub(super) fn call(&'static self) -> ScriptCall {
        let mut arguments = Arguments::default();
        arguments.reserve(self.parameters.len(), 0);
        ScriptCall { statements: &self.statements, arguments, unbound: self.parameters.iter(), last: None, error: None }
    }
}

/// Replaces the names of parameters with their numbers, which start at 1. Other names are left unchanged, and the
/// driver rejects them.
fn number_parameters(sql: &str, parameters: &[&str]) -> String {
    let mut pieces = sql.split('$');
    let mut numbered = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(piece.len());
        let (name, rest) = piece.split_at(end);
        let number = parameters.iter().position(|parameter| *parameter == name).map(|index| (index + 1).to_string());
        numbered.push('$');
        numbered.push_str(number.as_deref().unwrap_or(name));
        numbered.push_str(rest);
    }
    numbered
}

/// A call to a script, whose parameters are being bound.
pub(super) struct ScriptCall {
    statements: &'static [Statement],
    arguments: Arguments,
    unbound: slice::Iter<'static, &'static str>,
    /// The statement to run last, if any, with its arguments.
    last: Option<(SqlStr, Arguments)>,
    /// The first value that could not be bound.
    error: Option<BoxDynError>,
}

impl ScriptCall {
    /// Binds the next parameter. The name documents the value; debug builds verify the name.
    pub(super) fn bind<'q, T: Encode<'q, DatabaseDriver> + Type<DatabaseDriver>>(
        mut self,
        name: &str,
        value: T,
    ) -> Self {
        let next = self.unbound.next();
        debug_assert_eq!(next, Some(&name), "parameters must be bound in order");
        if let Err(error) = self.arguments.add(value) {
            self.error.get_or_insert(error);
        }
        self
    }

    /// Adds a statement that runs after those of the script, and has its own arguments.
    pub(super) fn then(mut self, mut query: Query<'_>) -> Self {
        match query.take_arguments() {
            Ok(arguments) => self.last = Some((query.sql(), arguments.unwrap_or_default())),
            Err(error) => drop(self.error.get_or_insert(error)),
        }
        self
    }

    /// Runs the statements in order, up to the first error. The changes of earlier statements are not reverted.
    pub(super) async fn execute(self, tx: &mut Connection) -> Result<(), StoreError> {
        debug_assert_eq!(self.unbound.as_slice(), &[] as &[&str], "parameters must be bound");
        if let Some(error) = self.error {
            return Err(sqlx::Error::Encode(error).into());
        }
        let is_needed = |statement: &&Statement| statement.condition.is_none_or(|index| self.arguments.holds(index));
        let mut statements: Vec<_> = self
            .statements
            .iter()
            .filter(is_needed)
            .map(|statement| (statement.sql.as_str(), &self.arguments))
            .collect();
        statements.extend(self.last.as_ref().map(|(sql, arguments)| (sql.as_str(), arguments)));
        Ok(tx.run_all(&statements).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::LazyLock, time::Duration};

    use super::*;
    use crate::store::database_driver::SqliteOptions;

    static NOTES: LazyLock<Script> = LazyLock::new(|| {
        Script::new(
            &["note_id", "note"],
            &[
                "CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, text TEXT)",
                "INSERT INTO note (id, text) VALUES ($note_id, $note)",
                "INSERT INTO note (id, text) SELECT $note_id + 1, $note WHERE $note IS NOT NULL",
                "INSERT INTO note (id, text) SELECT $note_id + 2, 'unused: $' WHERE $note IS NULL",
                "UPDATE note SET text = text || $note_id",
            ],
        )
    });

    fn connect() -> Connection {
        SqliteOptions {
            path: ":memory:".into(),
            busy_timeout: Duration::ZERO,
            pragmas: Vec::new(),
            statements_kept: 16,
        }
        .open()
        .unwrap()
    }

    #[tokio::test]
    async fn every_statement_receives_the_parameters() {
        let mut connection = connect();

        NOTES.call().bind("note_id", 7).bind("note", "so").execute(&mut connection).await.unwrap();

        let notes: Vec<(i64, String)> =
            sqlx::query_as("SELECT id, text FROM note").fetch_all(&mut connection).await.unwrap();
        assert_eq!(notes, [(7, "so7".into()), (8, "so7".into())]);
    }

    #[tokio::test]
    async fn statements_run_only_under_their_conditions() {
        static SCRIPT: LazyLock<Script> = LazyLock::new(|| {
            Script::with_conditions(
                &["text", "number", "flag"],
                &[
                    (None, "CREATE TABLE IF NOT EXISTS ran (name TEXT)"),
                    (Some("text"), "INSERT INTO ran (name) VALUES ('text')"),
                    (Some("number"), "INSERT INTO ran (name) VALUES ('number')"),
                    (Some("flag"), "INSERT INTO ran (name) VALUES ('flag')"),
                ],
            )
        });
        let mut connection = connect();

        SCRIPT
            .call()
            .bind("text", None::<&str>)
            .bind("number", 7)
            .bind("flag", false)
            .execute(&mut connection)
            .await
            .unwrap();
        SCRIPT
            .call()
            .bind("text", "")
            .bind("number", None::<i64>)
            .bind("flag", true)
            .execute(&mut connection)
            .await
            .unwrap();

        let ran: Vec<String> = sqlx::query_scalar("SELECT name FROM ran").fetch_all(&mut connection).await.unwrap();
        assert_eq!(ran, ["number", "text", "flag"]);
    }

    #[tokio::test]
    async fn an_error_ends_the_call() {
        let mut connection = connect();
        NOTES.call().bind("note_id", 7).bind("note", "so").execute(&mut connection).await.unwrap();

        let repeated = NOTES.call().bind("note_id", 8).bind("note", "so").execute(&mut connection).await;

        assert!(matches!(repeated, Err(StoreError::Database(_))));
        let texts: Vec<String> = sqlx::query_scalar("SELECT text FROM note").fetch_all(&mut connection).await.unwrap();
        assert_eq!(texts, ["so7", "so7"]);
    }

    #[test]
    fn numbers_only_the_names_of_parameters() {
        let numbered = number_parameters("SELECT $task_id, $task, $other, '$', $task_id", &["task", "task_id"]);

        assert_eq!(numbered, "SELECT $2, $1, $other, '$', $2");
    }
}
