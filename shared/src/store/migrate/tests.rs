//! Tests for the two ways to create the 0.1.0 schema, and for the migrations after it.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{ConnectOptions as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::*;

/// The parts of each definition, by the name of the table, index, or trigger.
type Schema = BTreeMap<String, BTreeSet<String>>;

async fn new_database() -> SqliteConnection {
    SqliteConnectOptions::new().in_memory(true).connect().await.unwrap()
}

async fn run_before_0_1_0(connection: &mut SqliteConnection, last: i64) {
    SqliteStorage::migrations().set_ignore_missing(true).run(&mut *connection).await.unwrap();
    let mut old = migrations_before_0_1_0();
    old.migrations.to_mut().retain(|migration| migration.version <= last);
    old.set_ignore_missing(true).run(connection).await.unwrap();
}

async fn read_schema(connection: &mut SqliteConnection) -> Schema {
    let query = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name";
    let rows: Vec<(String, String)> = sqlx::query_as(query).fetch_all(connection).await.unwrap();
    rows.into_iter().map(|(name, sql)| (name, parts_of(&sql))).collect()
}

/// Splits a definition at its outermost commas, because columns may be in any order, and removes comments and
/// whitespace.
fn parts_of(sql: &str) -> BTreeSet<String> {
    let code: Vec<&str> = sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let code = code.join(" ").replace('"', "");
    let (start, end) = (code.find('(').unwrap_or_default(), code.rfind(')').unwrap_or(code.len()));
    let (mut depth, mut part, mut parts) = (0_i32, String::new(), BTreeSet::new());
    for character in code[start + 1..end].chars() {
        depth += i32::from(character == '(') - i32::from(character == ')');
        if character == ',' && depth == 0 {
            parts.insert(std::mem::take(&mut part));
        } else if !character.is_whitespace() {
            part.push(character);
        }
    }
    parts.insert(part);
    let outside = format!("{}{}", &code[..start], &code[end..]).replace(char::is_whitespace, "");
    parts.insert(outside);
    parts
}

#[tokio::test]
async fn upgraded_and_new_databases_have_the_same_schema() {
    let mut new = new_database().await;
    run(&mut new).await.unwrap();
    let expected = read_schema(&mut new).await;
    let all: Vec<i64> = migrations_before_0_1_0().iter().map(|migration| migration.version).collect();

    for last in all {
        let mut old = new_database().await;
        run_before_0_1_0(&mut old, last).await;

        run(&mut old).await.unwrap();

        let upgraded = read_schema(&mut old).await;
        for (name, parts) in &expected {
            assert_eq!(upgraded.get(name), Some(parts), "{name}, upgraded from {last}");
        }
        assert_eq!(upgraded.len(), expected.len(), "upgraded from {last}");
        assert!(expected.len() > 30, "{}", expected.len());
    }
}

#[tokio::test]
async fn records_the_same_migrations_for_an_upgraded_database_as_for_a_new_one() {
    let applied = "SELECT version, description, checksum FROM _sqlx_migrations ORDER BY version";
    let mut new = new_database().await;
    run(&mut new).await.unwrap();
    let expected: Vec<(i64, String, Vec<u8>)> = sqlx::query_as(applied).fetch_all(&mut new).await.unwrap();
    let mut old = new_database().await;
    run_before_0_1_0(&mut old, i64::MAX).await;

    for _ in 0..2 {
        run(&mut old).await.unwrap();

        let found: Vec<(i64, String, Vec<u8>)> = sqlx::query_as(applied).fetch_all(&mut old).await.unwrap();
        assert_eq!(found, expected);
        assert_eq!(find_newer_schema(&mut old).await.unwrap(), None);
    }
}

#[tokio::test]
async fn keeps_the_id_of_a_database_without_a_relay_key() {
    let mut old = new_database().await;
    run_before_0_1_0(&mut old, 20_261_126_230_000).await;
    let id: String = sqlx::query_scalar("SELECT id FROM installation").fetch_one(&mut old).await.unwrap();

    run(&mut old).await.unwrap();

    let (kept, key): (String, Vec<u8>) =
        sqlx::query_as("SELECT id, relay_key FROM installation").fetch_one(&mut old).await.unwrap();
    assert_eq!((kept, key.len()), (id, 32));
}

#[tokio::test]
async fn counts_unread_answers_of_existing_sessions() {
    const SESSION: &str = "INSERT INTO chat_session (id, workspace_id, agent_key, creator_id, last_turn, last_seq, \
         last_read_seq) VALUES ($1, 'w', 'a', 'u', 3, 6, $2)";
    const MESSAGE: &str = "INSERT INTO chat_message (id, chat_session_id, role, content, task_id, turn, seq, \
         finish_reason) VALUES ($1, $2, $3, '', $4, $5, $6, $7)";
    let mut database = new_database().await;
    SqliteStorage::migrations().set_ignore_missing(true).run(&mut database).await.unwrap();
    let mut first = migrations();
    first.migrations.to_mut().truncate(1);
    first.set_ignore_missing(true).run(&mut database).await.unwrap();
    for (session, read) in [("none", 0), ("some", 3), ("all", 6)] {
        sqlx::query(SESSION).bind(session).bind(read).execute(&mut database).await.unwrap();
        for seq in 1..=6 {
            let (turn, is_answer) = ((seq + 1) / 2, seq % 2 == 0);
            sqlx::query(MESSAGE)
                .bind(format!("{session}-{seq}"))
                .bind(session)
                .bind(if is_answer { "assistant" } else { "user" })
                .bind(format!("{session}-{turn}"))
                .bind(turn)
                .bind(seq)
                .bind(is_answer.then_some("stop"))
                .execute(&mut database)
                .await
                .unwrap();
        }
    }

    run(&mut database).await.unwrap();

    let counts: Vec<(String, i64)> =
        sqlx::query_as("SELECT id, unread_count FROM chat_session ORDER BY id").fetch_all(&mut database).await.unwrap();
    let expected = [("all", 0), ("none", 3), ("some", 2)];
    assert_eq!(counts, expected.map(|(session, count)| (session.to_owned(), count)));
}
