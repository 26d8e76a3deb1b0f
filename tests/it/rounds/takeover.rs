//! How long turns need to go on when the worker that runs them is gone, and answers to come.

use std::time::{Duration, Instant};

use banter_tests::{
    chat::{Sent, has_ended, id_of},
    client::Client,
    sse::EventStream,
    wait::within,
};

use super::tally::Tally;

/// 1.2 × lease (4 s) + 1 s are 5.8 s. The rest is for a machine that is busy with other tests: while the write lock cannot be
/// had in time, nobody is taken for dead, so every such moment puts a takeover off by a lease. The longest is told.
pub const TAKEOVER: Duration = Duration::from_secs(40);

/// A turn that was running at some moment.
pub struct Running {
    session: String,
    task: String,
    attempt: i64,
}

/// The turns that run now.
pub async fn running_turns(client: &Client) -> Vec<Running> {
    let sessions = client.list_all("status=all").await;
    let running = sessions.iter().filter(|session| session["active_task"]["status"] == "running");
    running
        .map(|session| {
            let task = &session["active_task"];
            Running { session: id_of(session), task: id_of(task), attempt: task["attempt"].as_i64().unwrap() }
        })
        .collect()
}

/// Waits until each of these turns has ended, or somebody has taken it over; all of them within `limit` of `since`.
///
/// The answers of the rounds take less than a second, so whoever still runs one had better be alive.
pub async fn until_all_go_on(client: &Client, turns: &[Running], since: Instant, limit: Duration, tally: &Tally) {
    for Running { session, task, attempt } in turns {
        let left = limit.saturating_sub(since.elapsed());
        let is_taken_over = within(left, &format!("task {task} ends or is taken over"), async || {
            let now = client.task(session, task).await;
            let is_taken_over = now["attempt"].as_i64() > Some(*attempt);
            (is_taken_over || has_ended(&now)).then_some(is_taken_over)
        })
        .await;
        if is_taken_over {
            tally.count("running turns taken over");
            tally.time("takeover", since.elapsed());
        }
    }
}

/// Asks through one api and waits for the end on a stream of another: how long that took.
pub async fn answer_time(client: &Client, stream: &mut EventStream, session: &str, text: &str) -> Duration {
    let began = Instant::now();
    let Sent { task_id, .. } = client.send(session, text).await;
    stream.read_until_task(&task_id, "succeeded").await;
    began.elapsed()
}
