//! Races. Whichever side wins, there must be exactly one outcome, and the contract must allow it.

use std::time::Duration;

use banter_tests::{
    chat::{Sent, text_of},
    fake_openai::Answer,
    follower::Follower,
    random::{self, TestRng},
};
use rand::RngExt as _;
use serde_json::json;

use crate::support::Scripted;

const ROUNDS: usize = 15;

/// Pauses for up to 30 ms, to vary the interleaving.
async fn a_moment(rng: &mut TestRng) {
    tokio::time::sleep(Duration::from_micros(rng.random_range(0..30_000))).await;
}

#[tokio::test]
async fn cancel_races_with_the_end_of_the_turn() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let mut rng = random::from_environment();
    let session = scripted.session().await;

    for round in 0..ROUNDS {
        let text = format!("round {round}");
        let mut gate = scripted.model.gate(&text);
        let task = client.send(&session, &text).await.task_id;
        gate.arrived().await;
        gate.send("the whole answer").await;
        let (reply, ()) = tokio::join!(client.cancel(&session, &task), async {
            a_moment(&mut rng).await;
            gate.finish().await;
        });

        let ended = client.wait_for_end(&session, &task).await;
        let answer = client.answer_of(&session, &task).await;
        let finish_reason = answer.as_ref().map(|answer| text_of(answer, "finish_reason"));
        match (reply.status, text_of(&ended, "status").as_str()) {
            (202, "cancelled") => assert!(finish_reason.is_none_or(|reason| reason == "cancelled")),
            (409, "succeeded") => assert_eq!(answer.unwrap()["content"], "the whole answer"),
            (status, outcome) => panic!("{status} and {outcome}: {ended}"),
        }
        // An outcome is final.
        assert_eq!(client.task(&session, &task).await, ended);
    }

    follower.settle(client).await;
}

#[tokio::test]
async fn archive_races_with_the_claim() {
    let scripted = Scripted::start_with("", |builder| builder.workers(2)).await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let mut rng = random::from_environment();

    for round in 0..ROUNDS {
        let session = scripted.session().await;
        let text = format!("round {round}.");
        let body = json!({"content": text});
        let (sent, archived) = tokio::join!(client.post_message(&session, "", &body), async {
            a_moment(&mut rng).await;
            client.archive(&session).await
        });
        archived.ok(204);
        if sent.status == 409 {
            sent.problem_code(409, "session_archived");
            scripted.assert_never_seen(&text);
            continue;
        }

        let task = Sent::from_body(&sent.ok(202)).task_id;
        let ended = client.wait_for_end(&session, &task).await;
        match text_of(&ended, "status").as_str() {
            "succeeded" => assert_eq!(client.answer_of(&session, &task).await.unwrap()["finish_reason"], "stop"),
            "cancelled" => {
                assert_eq!(ended["error"]["code"], "session_archived");
                assert_eq!(ended["attempt"], 0, "a turn that has started ends as usual");
                scripted.assert_never_seen(&text);
            }
            other => panic!("{other}: {ended}"),
        }
    }

    follower.settle(client).await;
}

#[tokio::test]
async fn edit_races_with_the_claim() {
    let scripted = Scripted::start_with("", |builder| builder.workers(2)).await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let mut rng = random::from_environment();

    for round in 0..ROUNDS {
        let (old, new) = (format!("old text {round}."), format!("new text {round}."));
        let session = scripted.session().await;
        let sent = client.send(&session, &old).await;
        a_moment(&mut rng).await;
        let reply = client.edit(&session, &sent.message_id, &new).await;
        client.wait_for_status(&session, &sent.task_id, "succeeded").await;

        let (seen, unseen) = if reply.status == 200 {
            (new, old)
        } else {
            reply.problem_code(409, "task_not_queued");
            (old, new)
        };
        scripted.assert_never_seen(&unseen);
        assert_eq!(client.messages(&session).await[0]["content"], seen.as_str());
        assert!(scripted.model.prompts().contains(&seen));
    }

    follower.settle(client).await;
}

#[tokio::test]
async fn unsend_races_with_the_claim() {
    let scripted = Scripted::start_with("", |builder| builder.workers(2)).await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let mut rng = random::from_environment();

    for round in 0..ROUNDS {
        let text = format!("regretted {round}.");
        let session = scripted.session().await;
        let sent = client.send(&session, &text).await;
        a_moment(&mut rng).await;
        let reply = client.unsend(&session, &sent.message_id).await;

        if reply.status == 204 {
            assert_eq!(client.messages(&session).await.len(), 0);
            client.ask(&session, "after").await;
            scripted.assert_never_seen(&text);
        } else {
            reply.problem_code(409, "task_not_queued");
            client.wait_for_status(&session, &sent.task_id, "succeeded").await;
        }
    }

    follower.settle(client).await;
}

#[tokio::test]
async fn permanent_deletion_races_with_the_turn() {
    let scripted = Scripted::start_with("", |builder| builder.workers(2)).await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let mut rng = random::from_environment();

    for round in 0..ROUNDS {
        let session = scripted.session().await;
        let text = format!("round {round}");
        scripted.model.script(&text, [Answer::words(["a ", "b"], Duration::from_millis(5))]);
        client.send(&session, &text).await;
        client.send(&session, "and another").await;
        a_moment(&mut rng).await;
        client.delete(&format!("/v1/chat/{session}?permanent=true")).await.ok(204);
        client.get(&format!("/v1/chat/{session}")).await.problem(404);
    }

    let session = scripted.session().await;
    assert_eq!(client.ask(&session, "still alive?").await["task"]["status"], "succeeded");
    follower.settle(client).await;
    assert_eq!(client.list_all("status=all").await.len(), 1);
}

#[tokio::test]
async fn two_concurrent_cancellations() {
    let scripted = Scripted::start_with("", |builder| builder.apis(2)).await;
    let (one, other) = (scripted.app.client_of(0), scripted.app.client_of(1));
    let follower = Follower::start(&one).await;

    for round in 0..5 {
        let (session, task, gate) = scripted.held(&format!("round {round}")).await;
        gate.send("text").await;

        let replies = tokio::join!(one.cancel(&session, &task), other.cancel(&session, &task));

        for reply in [replies.0, replies.1] {
            assert!([202, 409].contains(&reply.status), "{} {}", reply.status, reply.text());
        }
        one.wait_for_status(&session, &task, "cancelled").await;
        one.answer_of(&session, &task).await;
    }

    follower.settle(&one).await;
}

#[tokio::test]
async fn two_concurrent_interrupts() {
    let scripted = Scripted::start_with("", |builder| builder.apis(2).workers(2)).await;
    let (one, other) = (scripted.app.client_of(0), scripted.app.client_of(1));
    let follower = Follower::start(&one).await;

    for round in 0..5 {
        let (session, task, _gate) = scripted.held(&format!("round {round}")).await;

        let texts = [format!("one {round}"), format!("other {round}")];
        let (first, second) = tokio::join!(
            one.send_on_busy(&session, &texts[0], "interrupt"),
            other.send_on_busy(&session, &texts[1], "interrupt")
        );

        one.wait_for_status(&session, &task, "interrupted").await;
        for reply in [first, second] {
            let sent = Sent::from_body(&reply.ok(202));
            let ended = one.wait_for_end(&session, &sent.task_id).await;
            // The turn for the earlier message may have started, in which case the later message interrupts that turn.
            assert!(["succeeded", "interrupted"].contains(&ended["status"].as_str().unwrap()), "{ended}");
        }
        assert_eq!(one.messages(&session).await.iter().filter(|message| message["role"] == "user").count(), 3);
    }

    follower.settle(&one).await;
}

#[tokio::test]
async fn restore_races_with_send_and_archive() {
    let scripted = Scripted::start_with("", |builder| builder.apis(2)).await;
    let (one, other) = (scripted.app.client_of(0), scripted.app.client_of(1));
    let follower = Follower::start(&one).await;
    let session = scripted.session().await;
    let path = format!("/v1/chat/{session}");

    for round in 0..ROUNDS {
        let body = json!({"content": format!("round {round}")});
        let (archived, sent) = tokio::join!(one.archive(&session), other.post_message(&session, "", &body));
        archived.ok(204);
        let restored = one.patch(&path, &json!({"status": "active"})).await.ok(200);
        assert_eq!(restored["status"], "active");
        if sent.status == 202 {
            let task = Sent::from_body(&sent.json()).task_id;
            let ended = one.wait_for_end(&session, &task).await;
            assert!(["succeeded", "cancelled"].contains(&ended["status"].as_str().unwrap()), "{ended}");
        } else {
            sent.problem_code(409, "session_archived");
        }
    }

    follower.settle(&one).await;
}
