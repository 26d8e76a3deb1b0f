//! Deleted text is removed from all database files.

use std::{fs, path::Path, time::Duration};

use banter_tests::{
    app::TestApp,
    chat::text_of,
    client::Client,
    fake_openai::{Answer, FakeOpenAi},
    wait::{eventually, within},
};
use serde_json::json;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::tree;

/// Time limit for erasing deleted text if there is no long-running reader, including headroom for a busy machine.
const ERASED_WITHIN: Duration = Duration::from_secs(30);

/// A word that occurs on every database page that contains deleted text.
const SECRET: &str = "Xylophon4711";
/// A word that all remaining text contains.
const KEPT: &str = "Bassoon2288";

/// Returns the names of the database files that contain a string. The write-ahead log is read before the main file,
/// because a checkpoint moves text from the log to that file.
fn files_with(app: &TestApp, text: &str) -> Vec<String> {
    let contains =
        |path: &Path| fs::read(path).unwrap_or_default().windows(text.len()).any(|window| window == text.as_bytes());
    let files =
        tree(app.database_file().parent().unwrap()).into_iter().rev().filter(|path| path.is_file() && contains(path));
    let is_of_database = |name: &String| name.starts_with("banter.db");
    files.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).filter(is_of_database).collect()
}

async fn expect_erased(app: &TestApp) {
    within(ERASED_WITHIN, "the text to be removed from all files", async || {
        files_with(app, SECRET).is_empty().then_some(())
    })
    .await;
    assert!(!files_with(app, KEPT).is_empty(), "other text is kept");
}

/// Creates two sessions whose messages share database pages. The first session is the one to delete.
async fn chat(client: &Client) -> [String; 2] {
    let sessions = [client.create_session("scripted").await, client.create_session("scripted").await];
    for round in 0..12 {
        for (session, word) in sessions.iter().zip([SECRET, KEPT]) {
            let text = format!("{word} {round} ").repeat(1 + round * round * 3);
            client.ask(session, &text).await;
        }
    }
    for (session, word) in sessions.iter().zip([SECRET, KEPT]) {
        client.patch(&format!("/v1/chat/{session}"), &json!({"title": format!("About {word}")})).await.ok(200);
    }
    sessions
}

/// Starts an installation whose agent repeats the prompt.
async fn app(model: &FakeOpenAi) -> TestApp {
    TestApp::builder().on_sqlite().agents(&model.agent("")).start().await
}

/// Adds a step to a running task, with the secret in every text field.
async fn add_step(app: &TestApp, task: &str) {
    let mut connection = connect(app).await;
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
    sqlx::query("UPDATE step_revision SET last = last + 1").execute(&mut *tx).await.unwrap();
    sqlx::query(
        "INSERT INTO task_step (task_id, attempt, seq, revision, kind, tool_call_id, title, status, detail) \
         SELECT t.id, t.attempt, 1, r.last, 'tool', ?2, ?2, 'running', ?3 FROM agent_task t, step_revision r WHERE t.id = ?1",
    )
    .bind(task)
    .bind(SECRET)
    .bind(json!({"input": SECRET.repeat(2000)}).to_string())
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    connection.close().await.unwrap();
}

async fn connect(app: &TestApp) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(app.database_file()).busy_timeout(Duration::from_secs(10));
    SqliteConnection::connect_with(&options.pragma("secure_delete", "ON")).await.unwrap()
}

#[tokio::test]
async fn erases_a_permanently_deleted_session_with_its_running_turn() {
    let model = FakeOpenAi::start().await;
    let app = app(&model).await;
    let client = app.client();
    let [session, kept] = chat(&client).await;
    let running = format!("{SECRET} while it runs");
    model.script(&running, [Answer::SilentAfter(vec![format!("{SECRET} so far ")])]);
    let sent = client.send(&session, &running).await;
    client.send(&session, &format!("{SECRET} in the queue")).await;
    eventually("the text so far is stored", async || {
        client.chat(&session).await["partial"]["text"].as_str().filter(|text| text.contains(SECRET)).map(drop)
    })
    .await;
    add_step(&app, &sent.task_id).await;
    assert!(files_with(&app, SECRET).contains(&"banter.db-wal".to_owned()), "the text was written");

    client.delete(&format!("/v1/chat/{session}?permanent=true")).await.ok_status(204);

    expect_erased(&app).await;
    assert_eq!(client.messages(&kept).await.len(), 24);
    app.check().await;
}

#[tokio::test]
async fn erases_once_a_reader_has_finished() {
    let model = FakeOpenAi::start().await;
    let app = app(&model).await;
    let client = app.client();
    let [session, kept] = chat(&client).await;
    let mut reader = connect(&app).await;
    let mut snapshot = reader.begin().await.unwrap();
    sqlx::query("SELECT COUNT(*) FROM chat_message").execute(&mut *snapshot).await.unwrap();

    client.delete(&format!("/v1/chat/{session}?permanent=true")).await.ok_status(204);
    // The api keeps working while it cannot erase deleted text.
    client.ask(&kept, &format!("{KEPT} meanwhile")).await;
    assert!(!files_with(&app, SECRET).is_empty(), "the reader still needs the text");
    snapshot.rollback().await.unwrap();

    expect_erased(&app).await;
    reader.close().await.unwrap();
}

#[tokio::test]
async fn empties_the_log_left_by_a_killed_process() {
    let model = FakeOpenAi::start().await;
    let mut app = TestApp::builder().on_sqlite().agents(&model.agent("")).start().await;
    let client = app.client();
    let [session, _] = chat(&client).await;
    let mut reader = connect(&app).await;
    let mut snapshot = reader.begin().await.unwrap();
    sqlx::query("SELECT COUNT(*) FROM chat_message").execute(&mut *snapshot).await.unwrap();
    client.delete(&format!("/v1/chat/{session}?permanent=true")).await.ok_status(204);
    app.api(0).process.kill();
    snapshot.rollback().await.unwrap();
    reader.close().await.unwrap();
    assert!(files_with(&app, SECRET).contains(&"banter.db-wal".to_owned()), "the text has not been erased yet");

    app.revive_api(0).await;

    within(ERASED_WITHIN, "the log is emptied", async || {
        (!files_with(&app, SECRET).contains(&"banter.db-wal".to_owned())).then_some(())
    })
    .await;
}

#[tokio::test]
async fn erases_what_an_edit_an_unsend_and_a_retry_replace() {
    let model = FakeOpenAi::start().await;
    let app = app(&model).await;
    let client = app.client();
    let session = client.create_session("scripted").await;
    client.ask(&session, &format!("{KEPT} first")).await;
    let cut = format!("{KEPT} is cut");
    model
        .script(&cut, [Answer::SilentAfter(vec![format!("{SECRET} in an answer that is cut")]), Answer::text("whole")]);
    for kind in ["edit", "unsend", "retry"] {
        let busy = client.send(&session, &cut).await;
        eventually("an answer in progress", async || {
            client.chat(&session).await["partial"]["text"].as_str().filter(|text| text.contains(SECRET)).map(drop)
        })
        .await;
        let queued = client.send(&session, &format!("{SECRET} in the queue")).await;
        match kind {
            "edit" => client.edit(&session, &queued.message_id, &format!("{KEPT} edited")).await.ok_status(200),
            _ => client.unsend(&session, &queued.message_id).await.ok_status(204),
        }
        client.cancel(&session, &busy.task_id).await;
        let ended = client.wait_for_end(&session, &busy.task_id).await;
        assert_eq!(text_of(&ended, "status"), "cancelled", "{kind}");
        eventually("the partial answer is kept", async || (!files_with(&app, SECRET).is_empty()).then_some(())).await;

        client.retry(&session, &busy.task_id).await.ok(202);

        let ended = client.wait_for_end(&session, &busy.task_id).await;
        assert_eq!(text_of(&ended, "status"), "succeeded", "{kind}");
        client.wait_until_idle(&session).await;
        expect_erased(&app).await;
        model.script(
            &cut,
            [Answer::SilentAfter(vec![format!("{SECRET} in an answer that is cut")]), Answer::text("whole")],
        );
    }
}
