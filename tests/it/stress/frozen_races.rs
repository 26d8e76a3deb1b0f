//! Races like those in [`super::races`], with a worker that freezes during turns and resumes at a random time close to
//! the operation.

use std::time::{Duration, Instant};

use banter_tests::{
    chat::{Sent, text_of},
    client::Client,
    fake_openai::Gate,
    follower::FollowerOptions,
    process::Signal,
    random::TestRng,
};
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use super::{Batch, batches, installation::Installation, report::Report, sleep_up_to};

/// Number of rounds per installation. Each round creates five sessions, and a list page holds a hundred.
const BATCH: u64 = 18;

/// The partial text of the held turns when the worker freezes.
const SO_FAR: &str = "text so far";

/// All operations, and the resumption of the worker, start within this time after the freeze.
const FREEZE_TIME: Duration = Duration::from_millis(1500);

/// Time limit for a cancellation, which takes at most 1 s; the rest is headroom for a machine that is busy with other
/// tests.
const STOP_WITHIN: Duration = Duration::from_secs(1 + 10);

/// A session with a running turn, possibly on the frozen worker, and a queued turn.
struct Busy {
    session: String,
    held: Sent,
    queued: Sent,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_race_with_a_frozen_worker_has_one_outcome() {
    let report = Report::new("orderings with a frozen worker");
    for Batch { rounds, mut rng } in batches("orderings with a frozen worker", BATCH) {
        // There is no takeover, because the lease is longer than any freeze in this test.
        let mut installation = Installation::start(|builder| builder.env("TASK_LEASE_SECONDS", "30")).await;
        let follower = FollowerOptions::user(&installation.clients[1]).start().await;
        let client = installation.clients[0].clone();
        let mut unseen = Vec::new();
        for round in 0..rounds {
            let (mut sessions, mut gates) = (Vec::new(), Vec::new());
            for number in 0..5 {
                let (session, gate) = busy_session(&installation, &format!("{round}.{number}")).await;
                sessions.push(session);
                gates.push(gate);
            }
            let target = rng.random_range(0..2);
            installation.app.freeze_worker(target).await;
            report.count("workers frozen");

            let (mut resuming, mut ending) = (rng.fork(), rng.fork());
            let resume = async {
                sleep_up_to(&mut resuming, FREEZE_TIME).await;
                installation.app.worker(target).signal(Signal::Resume);
            };
            let end = async {
                for gate in gates {
                    sleep_up_to(&mut ending, FREEZE_TIME / 10).await;
                    gate.finish().await;
                }
            };
            let [stopped, edited, unsent, archived, interrupted] = &sessions[..] else { unreachable!() };
            let mut moment = || rng.fork();
            let act = async {
                let (new, next) = (format!("{round} new"), format!("{round} next"));
                let all = tokio::join!(
                    stop(&client, stopped, moment(), &report),
                    edit(&client, edited, &new, moment(), &report),
                    unsend(&client, unsent, moment(), &report),
                    archive(&client, archived, moment(), &report),
                    interrupt(&client, interrupted, &next, moment(), &report),
                );
                [all.0, all.1, all.2, all.3, all.4]
            };
            let ((), (), never_seen) = tokio::join!(resume, end, act);
            unseen.extend(never_seen.into_iter().flatten());
        }
        installation.assert_never_sent(&unseen);
        report.add("unsent texts that no agent received", unseen.len() as u64);
        follower.settle(&client).await;
        installation.app.check().await;
    }
    report.print();
}

async fn busy_session(installation: &Installation, name: &str) -> (Busy, Gate) {
    let (session, text) = (installation.session().await, format!("held {name}"));
    let mut gate = installation.model.gate(&text);
    let held = installation.clients[0].send(&session, &text).await;
    gate.arrived().await;
    gate.send(SO_FAR).await;
    let queued = installation.clients[1].send(&session, &format!("queued {name}")).await;
    (Busy { session, held, queued }, gate)
}

async fn stop(client: &Client, busy: &Busy, mut rng: TestRng, report: &Report) -> Option<String> {
    sleep_up_to(&mut rng, FREEZE_TIME).await;
    let began = Instant::now();
    let reply = client.cancel(&busy.session, &busy.held.task_id).await;
    let ended = client.wait_for_end(&busy.session, &busy.held.task_id).await;
    report.time("stop", began.elapsed());
    let answer = client.answer_of(&busy.session, &busy.held.task_id).await;
    let told = answer.map(|answer| json!([answer["content"], answer["finish_reason"]]));
    if reply.status == 202 {
        report.count("won: stops");
        assert!(began.elapsed() < STOP_WITHIN, "it took {:?}", began.elapsed());
        assert_eq!(ended["status"], "cancelled", "{ended}");
        assert!(told.is_none_or(|told| told == json!([SO_FAR, "cancelled"])));
    } else {
        reply.problem_code(409, "task_ended");
        assert_eq!((ended["status"].as_str(), told), (Some("succeeded"), Some(json!([SO_FAR, "stop"]))));
    }
    client.wait_for_status(&busy.session, &busy.queued.task_id, "succeeded").await;
    assert_eq!(client.task(&busy.session, &busy.held.task_id).await, ended, "an outcome is final");
    None
}

async fn edit(client: &Client, busy: &Busy, new: &str, mut rng: TestRng, report: &Report) -> Option<String> {
    sleep_up_to(&mut rng, FREEZE_TIME).await;
    let old = text_of(&busy.queued.message, "content");
    let reply = client.edit(&busy.session, &busy.queued.message_id, new).await;
    let (seen, unseen) = if reply.status == 200 {
        report.count("won: edits");
        (new.to_owned(), old)
    } else {
        reply.problem_code(409, "task_not_queued");
        (old, new.to_owned())
    };
    client.wait_for_status(&busy.session, &busy.queued.task_id, "succeeded").await;
    let answer = client.answer_of(&busy.session, &busy.queued.task_id).await.unwrap();
    assert_eq!(answer["content"], format!("You said: {seen}"));
    Some(unseen)
}

async fn unsend(client: &Client, busy: &Busy, mut rng: TestRng, report: &Report) -> Option<String> {
    sleep_up_to(&mut rng, FREEZE_TIME).await;
    let reply = client.unsend(&busy.session, &busy.queued.message_id).await;
    client.wait_for_status(&busy.session, &busy.held.task_id, "succeeded").await;
    if reply.status == 204 {
        report.count("won: unsends");
        assert_eq!(client.messages(&busy.session).await.len(), 2, "only the held turn and its answer");
        return Some(text_of(&busy.queued.message, "content"));
    }
    reply.problem_code(409, "task_not_queued");
    client.wait_for_status(&busy.session, &busy.queued.task_id, "succeeded").await;
    None
}

async fn archive(client: &Client, busy: &Busy, mut rng: TestRng, report: &Report) -> Option<String> {
    sleep_up_to(&mut rng, FREEZE_TIME).await;
    client.archive(&busy.session).await.ok(204);
    client.wait_for_status(&busy.session, &busy.held.task_id, "succeeded").await;
    let ended = client.wait_for_end(&busy.session, &busy.queued.task_id).await;
    if ended["status"] == "succeeded" {
        return None;
    }
    report.count("won: archives");
    let outcome = json!([ended["status"], ended["error"]["code"], ended["attempt"]]);
    assert_eq!(outcome, json!(["cancelled", "session_archived", 0]));
    Some(text_of(&busy.queued.message, "content"))
}

/// Sends an interrupting message, which may interrupt either turn or arrive after both have ended. The queued turn
/// stays ahead of the new message.
async fn interrupt(client: &Client, busy: &Busy, next: &str, mut rng: TestRng, report: &Report) -> Option<String> {
    sleep_up_to(&mut rng, FREEZE_TIME).await;
    let sent = Sent::from_body(&client.send_on_busy(&busy.session, next, "interrupt").await.ok(202));
    for task in [&busy.held.task_id, &busy.queued.task_id] {
        let ended = client.wait_for_end(&busy.session, task).await;
        let answer = client.answer_of(&busy.session, task).await;
        match ended["status"].as_str() {
            Some("succeeded") => assert_eq!(answer.unwrap()["finish_reason"], "stop"),
            Some("interrupted") => {
                report.count("won: interrupts");
                assert!(answer.is_none_or(|answer| answer["finish_reason"] == "interrupted"));
            }
            _ => panic!("{ended}"),
        }
    }
    client.wait_for_status(&busy.session, &sent.task_id, "succeeded").await;
    let turns: Vec<_> = client.messages(&busy.session).await.iter().map(|message| message["turn"].as_i64()).collect();
    assert!(turns.is_sorted(), "{turns:?}");
    None
}
