//! Measures the time until a lost worker's turns continue, and the time until answers arrive.

use std::time::{Duration, Instant};

use banter_tests::{
    chat::{Sent, has_ended, id_of},
    client::Client,
    sse::EventStream,
    wait::within,
};

use super::report::Report;

/// Time limit for a takeover, which takes at most 1.2 × lease (4 s) + 1 s = 5.8 s; the rest is headroom for a machine
/// that is busy with other tests. While the write lock cannot be acquired in time, no worker is declared dead, and each
/// such delay makes the takeover one lease longer. The longest time is reported.
pub const TAKEOVER: Duration = Duration::from_secs(40);

/// A turn that was running at a given moment.
pub struct RunningTurn {
    session: String,
    task: String,
    attempt: i64,
}

/// Returns the turns that are running now.
pub async fn running_turns(client: &Client) -> Vec<RunningTurn> {
    let sessions = client.list_all("status=all").await;
    let running = sessions.iter().filter(|session| session["active_task"]["status"] == "running");
    running
        .map(|session| {
            let task = &session["active_task"];
            RunningTurn { session: id_of(session), task: id_of(task), attempt: task["attempt"].as_i64().unwrap() }
        })
        .collect()
}

/// Waits until each of these turns has ended or has been taken over, within `limit` after `since`.
///
/// Answers in these tests take less than a second, so turns of live workers end well before the limit.
pub async fn wait_until_continued(
    client: &Client,
    turns: &[RunningTurn],
    since: Instant,
    limit: Duration,
    report: &Report,
) {
    for RunningTurn { session, task, attempt } in turns {
        let left = limit.saturating_sub(since.elapsed());
        let is_taken_over = within(left, &format!("task {task} ends or is taken over"), async || {
            let now = client.task(session, task).await;
            let is_taken_over = now["attempt"].as_i64() > Some(*attempt);
            (is_taken_over || has_ended(&now)).then_some(is_taken_over)
        })
        .await;
        if is_taken_over {
            report.count("running turns taken over");
            report.time("takeover", since.elapsed());
        }
    }
}

/// Sends a message through one api and returns how long it takes for the outcome to arrive on a stream from the other
/// api.
pub async fn answer_time(client: &Client, stream: &mut EventStream, session: &str, text: &str) -> Duration {
    let began = Instant::now();
    let Sent { task_id, .. } = client.send(session, text).await;
    stream.read_until_task(&task_id, "succeeded").await;
    began.elapsed()
}
