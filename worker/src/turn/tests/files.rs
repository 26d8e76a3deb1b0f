//! Files that agents return.

use banter_shared::{
    chat::{FinishReason, Message, Step, StepKind, StepStatus, TaskDetail, TaskStatus},
    store::TurnBound,
};
use bytes::Bytes;

use super::fixture::*;
use crate::agents::{AgentFile, FileContent, Update};

fn file(name: Option<&str>, content: &str) -> Update {
    Update::File(AgentFile {
        name: name.map(str::to_owned),
        media_type: None,
        content: FileContent::Bytes(Bytes::copy_from_slice(content.as_bytes())),
    })
}

async fn answer(f: &Fixture) -> Message {
    let page = f.store().list_messages(&f.user, f.session, TurnBound::Newest, 10).await.unwrap();
    page.items.into_iter().next_back().unwrap()
}

/// Returns the names of the answer's files with their contents.
async fn answer_files(f: &Fixture) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for attachment in answer(f).await.attachments {
        let (found, file_id) = f.store().find_attachment(&f.user, attachment.id).await.unwrap();
        assert_eq!(found, attachment);
        let content = f.runner.storage.read_all(file_id).await.unwrap();
        files.push((attachment.name, String::from_utf8(content.into()).unwrap()));
    }
    files
}

fn named(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect()
}

/// Waits until a number of files are stored.
async fn wait_for_files(f: &Fixture, count: usize) {
    let poll = async {
        while count_files(f.folder()) < count {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(TIMEOUT, poll).await.expect("the files were not stored in time");
}

fn count_files(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder.join("attachments")).unwrap();
    entries.map(|entry| std::fs::read_dir(entry.unwrap().path()).unwrap().count()).sum()
}

#[tokio::test]
async fn an_answer_contains_its_files_in_order() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;

    call.send(file(Some("/out/b.txt"), "1")).await;
    call.send(Update::Text("Done.".into())).await;
    call.send(file(Some("b.txt"), "2")).await;
    call.send(file(None, "3")).await;
    // Agents repeat the content of tool calls.
    call.send(file(Some("b.txt"), "2")).await;
    call.send(file(None, "3")).await;
    call.answer();

    assert_eq!(f.ended(task_id, run).await.task.status, TaskStatus::Succeeded);
    assert_eq!(answer_files(&f).await, named(&[("b.txt", "1"), ("b-2.txt", "2"), ("text.txt", "3")]));
    assert_eq!(answer(&f).await.content, "Done.");
}

#[tokio::test]
async fn an_answer_may_consist_of_files() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;

    call.send(file(Some("a.txt"), "1")).await;
    call.answer();

    f.ended(task_id, run).await;
    let answer = answer(&f).await;
    assert_eq!((answer.content.as_str(), answer.finish_reason), ("", Some(FinishReason::Stop)));
    assert_eq!(answer_files(&f).await, named(&[("a.txt", "1")]));
}

#[tokio::test]
async fn an_answer_contains_only_the_files_of_the_attempt_with_its_text() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;
    call.send(file(Some("first.txt"), "1")).await;
    wait_for_files(&f, 1).await;
    call.crash();
    assert_eq!(f.ended(task_id, run).await.task.status, TaskStatus::Queued);
    wait_until_due(&f).await;

    let (_, call, run) = f.run().await;
    call.send(file(Some("second.txt"), "2")).await;
    call.send(Update::Text("Done.".into())).await;
    call.answer();

    f.ended(task_id, run).await;
    assert_eq!(answer_files(&f).await, named(&[("second.txt", "2")]));
    assert_eq!(f.store().collect_files().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_stopped_or_interrupted_answer_keeps_its_files() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;
    call.send(file(Some("a.txt"), "1")).await;
    wait_for_files(&f, 1).await;
    let stopped = f.store().cancel_task(&f.user, f.session, task_id).await.unwrap();
    f.runner.relay.announce(stopped.hints);
    let TaskDetail { task, .. } = f.ended(task_id, run).await;
    assert_eq!(task.status, TaskStatus::Cancelled);
    assert_eq!(answer_files(&f).await, named(&[("a.txt", "1")]));
    drop(call);

    let (task_id, call, run) = f.start().await;
    call.step("t", StepKind::Tool, StepStatus::Running, "Draw").await;
    call.send(file(Some("b.txt"), "2")).await;
    wait_for_files(&f, 2).await;
    call.crash();
    assert_eq!(f.ended(task_id, run).await.task.status, TaskStatus::Interrupted);
    assert_eq!(answer_files(&f).await, named(&[("b.txt", "2")]));
}

#[tokio::test]
async fn reports_files_that_are_not_stored() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;

    call.send(file(Some("large.txt"), &"x".repeat(1001))).await;
    let missing = AgentFile {
        name: Some("missing.txt".into()),
        media_type: None,
        content: FileContent::Path(f.folder().join("missing")),
    };
    call.send(Update::File(missing)).await;
    for number in 3..=25 {
        call.send(file(Some(&format!("{number}.txt")), &number.to_string())).await;
    }
    call.answer();

    let TaskDetail { task, steps } = f.ended(task_id, run).await;
    assert_eq!(task.status, TaskStatus::Succeeded);
    let notices: Vec<(String, String)> = steps.iter().map(title_and_text).collect();
    let mut expected = named(&[
        ("Couldn’t save “23.txt”", "An answer can have at most 20 files. Further files were discarded."),
        ("Couldn’t save “large.txt”", "Files can be up to 1000 bytes."),
        ("Couldn’t save “missing.txt”", "The file couldn’t be read."),
    ]);
    let mut found = notices;
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(answer_files(&f).await.len(), 20);
}

fn title_and_text(step: &Step) -> (String, String) {
    (step.title.clone(), step.detail.to_value()["text"].as_str().unwrap_or_default().to_owned())
}
