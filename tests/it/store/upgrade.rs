//! A database from an earlier release can be opened; a database from a later release is rejected.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use banter_tests::{app::TestApp, chat::text_of, client::Client, wait::within};
use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection};

use super::connect;

/// Time limit for taking over and completing the tasks of the fixture's workers.
const GOES_ON_WITHIN: Duration = Duration::from_mins(1);

/// An agent that requests permission for every tool call, as in `make.py`.
const ASKING: &str = "[[agents]]\nkey = \"asking\"\ndriver = \"acp\"\ncommand = \"WORKER\"\nargs = [\"demo-agent\"]\npermission = \"ask\"\n";

/// A database from an earlier release, and the data recorded when it was created.
struct Fixture {
    database: PathBuf,
    recorded: Value,
}

fn fixtures() -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let recorded = entry.unwrap().path();
        if recorded.extension().is_some_and(|extension| extension == "json") {
            let recorded_text = fs::read_to_string(&recorded).unwrap();
            let recorded_value = serde_json::from_str(&recorded_text).unwrap();
            found.push(Fixture { database: recorded.with_extension("db.gz"), recorded: recorded_value });
        }
    }
    assert!(!found.is_empty());
    found
}

impl Fixture {
    /// Unpacks the fixture as the database of an installation without running processes.
    async fn install(&self) -> TestApp {
        let worker = banter_tests::process::binary("worker");
        let app = TestApp::builder()
            .on_sqlite()
            .apis(0)
            .workers(0)
            .env("AUTH", "required")
            .env("EVENT_RETENTION_HOURS", "87600")
            .agents(&ASKING.replace("WORKER", &worker.display().to_string()))
            .start()
            .await;
        let file = File::create(app.database_file()).unwrap();
        assert!(Command::new("gzip").arg("-dc").arg(&self.database).stdout(file).status().unwrap().success());
        // Extends the expiration times of data that would otherwise have expired by now.
        let mut connection = connect(&app.database_file()).await;
        for table in ["idempotency_key SET created_at", "login SET expires_at"] {
            let change = format!("UPDATE {table} = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1 hour')");
            sqlx::query(sqlx::AssertSqlSafe(change)).execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
        app
    }

    fn client(&self, app: &TestApp, user: &str) -> Client {
        app.client().with_key(&text_of(&self.recorded["users"][user], "api_key"))
    }
}

/// Fails if a recorded value is missing or has changed. A later release may add fields.
fn assert_includes(now: &Value, recorded: &Value, place: &str) {
    match (now, recorded) {
        (Value::Object(now), Value::Object(recorded)) => {
            for (key, value) in recorded {
                let place = format!("{place}.{key}");
                assert_includes(now.get(key).unwrap_or_else(|| panic!("{place} is missing")), value, &place);
            }
        }
        (Value::Array(now), Value::Array(recorded)) => {
            assert_eq!(now.len(), recorded.len(), "{place}: {now:?}");
            for (index, (now, recorded)) in now.iter().zip(recorded).enumerate() {
                assert_includes(now, recorded, &format!("{place}[{index}]"));
            }
        }
        _ => assert_eq!(now, recorded, "{place}"),
    }
}

#[tokio::test]
async fn shows_everything_in_a_database_from_an_earlier_release() {
    for fixture in fixtures() {
        let mut app = fixture.install().await;
        app.set_env("TASK_LEASE_SECONDS", "3600");
        app.add_api().await;

        for (user, recorded) in fixture.recorded["users"].as_object().unwrap() {
            let client = fixture.client(&app, user);
            let listed = client.get("/v1/chat?status=all&limit=100").await.ok(200)["items"].clone();
            let sessions = recorded["sessions"].as_array().unwrap();
            assert_eq!(listed.as_array().unwrap().len(), sessions.len(), "{user}");
            for (listed, recorded) in listed.as_array().unwrap().iter().zip(sessions) {
                assert_includes(listed, &recorded["session"], "session");
                let id = text_of(listed, "id");
                let chat = client.chat(&id).await;
                for part in ["session", "messages", "partial"] {
                    assert_includes(&chat[part], &recorded[part], part);
                }
                for task in recorded["tasks"].as_array().unwrap() {
                    assert_includes(&client.task(&id, &text_of(task, "id")).await, task, "task");
                }
            }
        }
        let ada = fixture.client(&app, "ada");
        let deleted = text_of(&fixture.recorded, "deleted");
        ada.get(&format!("/v1/chat/{deleted}")).await.problem(404);
        let once = &fixture.recorded["idempotent"];
        let (session, key) = (text_of(once, "session"), text_of(once, "key"));
        let again = ada.post_message_keyed(&session, "", &json!({"content": once["content"]}), &key).await.ok(202);
        assert_eq!(again["message"]["id"], once["sent"]["message"]["id"], "it was sent once");
        let browser = app.client().with_cookie(&text_of(&fixture.recorded, "login_cookie"));
        assert_eq!(browser.get("/v1/auth/me").await.ok(200)["user_id"], "eve");
        app.check().await;
    }
}

#[tokio::test]
async fn continues_turns_that_an_earlier_release_was_running() {
    for fixture in fixtures() {
        let mut app = fixture.install().await;
        app.set_env("TASK_LEASE_SECONDS", "2");
        app.add_api().await;
        app.add_worker();
        let (ada, bob) = (fixture.client(&app, "ada"), fixture.client(&app, "bob"));
        let interrupted = &fixture.recorded["interrupted"];
        let session = text_of(interrupted, "session");
        let tasks = [&interrupted["task"], &interrupted["queued"][0], &interrupted["queued"][1]];

        for task in tasks {
            let task = task.as_str().unwrap();
            let ended = within(GOES_ON_WITHIN, "the turn to continue", async || {
                Some(ada.task(&session, task).await).filter(|task| task["status"] == "succeeded")
            })
            .await;
            assert_eq!(ended["attempt"], if task == interrupted["task"] { 2 } else { 1 }, "{ended}");
        }

        let answers: Vec<String> = ada.transcript(&session).await.into_iter().map(|(_, text)| text).collect();
        assert!(answers[3].ends_with("– done."), "{answers:?}");
        assert_eq!(answers[4..], ["/echo queued 1", "queued 1", "/echo queued 2", "queued 2"]);
        let waiting = &fixture.recorded["waiting_for_permission"];
        let (session, task) = (text_of(waiting, "session"), text_of(waiting, "task"));
        within(GOES_ON_WITHIN, "the tool's turn ends or requests permission again", async || {
            let task = bob.task(&session, &task).await;
            (task["attempt"] == 2 || task["status"] == "interrupted").then_some(())
        })
        .await;
        app.check().await;
    }
}

#[tokio::test]
async fn both_programs_reject_a_database_from_a_later_release() {
    let app = TestApp::builder().on_sqlite().apis(0).workers(0).start().await;
    assert!(app.run_api(&["migrate"]).await.status.success());
    let mut connection = connect(&app.database_file()).await;
    let known: i64 =
        sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(&mut connection).await.unwrap();
    // The unknown migration is newer than all known migrations in the first round and between two of them in the
    // second.
    for (unknown, described) in [(99_990_101_000_000_i64, "newer"), (20_261_122_090_001, "in between")] {
        let insert = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                      VALUES (?1, ?2, 1, x'00', 0)";
        sqlx::query(insert).bind(unknown).bind(described).execute(&mut connection).await.unwrap();
        let before = schema(&mut connection).await;

        let refused = [
            app.run_api(&["serve"]).await,
            app.run_api(&["migrate"]).await,
            app.run_api(&["check"]).await,
            app.run_api(&["keys", "list"]).await,
            app.run_api(&["backup", "copy.db"]).await,
            app.run_worker(&["run"]).await,
        ];

        for output in refused {
            let line = only_line(&output);
            assert!(line.contains(&unknown.to_string()) && line.contains(&known.to_string()), "{line}");
            assert!(line.contains("newer version"), "{line}");
        }
        assert_eq!(schema(&mut connection).await, before, "nothing was changed");
        let forget = sqlx::query("DELETE FROM _sqlx_migrations WHERE version = ?1").bind(unknown);
        forget.execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
    app.check().await;
}

async fn schema(connection: &mut SqliteConnection) -> Vec<String> {
    let all = "SELECT name || COALESCE(sql, '') FROM sqlite_schema UNION ALL SELECT CAST(version AS TEXT) FROM _sqlx_migrations";
    sqlx::query_scalar(all).fetch_all(connection).await.unwrap()
}

/// Returns the error line that a failed program writes to stderr. Panics unless there is exactly one.
fn only_line(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    let lines: Vec<&str> =
        stderr.lines().filter(|line| line.starts_with("api: ") || line.starts_with("worker: ")).collect();
    assert_eq!(lines.len(), 1, "{stderr}");
    lines[0].to_owned()
}
