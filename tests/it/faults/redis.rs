//! Redis is killed, frozen, and restarted. Redis carries only hints and live text. Events are read from the store, so
//! clients must not miss any of them.

use std::time::{Duration, Instant};

use banter_tests::{
    app::Builder,
    client::Client,
    follower::{Follower, FollowerOptions},
    process::Signal,
    wait::eventually,
};
use serde_json::Value;

use crate::support::Scripted;

/// Time limit for an answer. An answer may arrive at most 2 s later than usual; the rest is headroom for a machine that
/// is busy with other tests.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);

/// How long Redis is frozen.
const AWAY: Duration = Duration::from_secs(3);

async fn with_redis(change: impl FnOnce(Builder) -> Builder) -> Scripted {
    Scripted::start_with("", |builder| change(builder.apis(2).workers(2).redis())).await
}

/// Sends messages to several sessions, one at a time. Each message must be answered in time.
async fn load(client: &Client, sessions: &[String], rounds: usize, name: &str) {
    for round in 0..rounds {
        for session in sessions {
            let began = Instant::now();
            let asked = client.ask(session, &format!("{name} {round}")).await;
            assert_eq!(asked["task"]["status"], "succeeded", "{asked}");
            assert!(began.elapsed() < ANSWERED_WITHIN, "{name} {round} took {:?}", began.elapsed());
        }
    }
}

/// Follows a stream on the api that does not receive the messages, so that the stream depends on the relay.
async fn watch_elsewhere(scripted: &Scripted) -> Follower {
    FollowerOptions::user(&scripted.app.client_of(1)).start().await
}

/// Checks that live text reaches the stream on the other api.
async fn assert_live(scripted: &Scripted, follower: &Follower, prompt: &str) {
    let (session, task, gate) = scripted.held(prompt).await;
    gate.send("as it ").await;
    follower.wait_for_draft(&task, "as it ").await;
    gate.send("is written").await;
    follower.wait_for_draft(&task, "as it is written").await;
    gate.finish().await;
    scripted.client.wait_for_status(&session, &task, "succeeded").await;
}

fn assert_never_cut(follower: &Follower) {
    assert_eq!(follower.cuts(), 0, "an outage of Redis does not close the stream");
}

#[tokio::test]
async fn killing_redis_under_load_loses_and_duplicates_no_event() {
    let mut scripted = with_redis(|builder| builder).await;
    let follower = watch_elsewhere(&scripted).await;
    let sessions = [scripted.session().await, scripted.session().await];
    let client = scripted.client.clone();
    load(&client, &sessions, 2, "before").await;

    scripted.app.redis().kill();
    load(&client, &sessions, 3, "away").await;
    let ((), ()) = tokio::join!(scripted.app.redis().restart(), load(&client, &sessions, 3, "back"));

    assert_live(&scripted, &follower, "healed").await;
    follower.settle(&client).await;
    assert_never_cut(&follower);
    scripted.app.check().await;
}

#[tokio::test]
async fn a_turn_that_streams_while_redis_is_killed_is_delivered_completely() {
    let mut scripted = with_redis(|builder| builder).await;
    let follower = watch_elsewhere(&scripted).await;
    let (session, task, gate) = scripted.held("go").await;
    gate.send("before ").await;
    follower.wait_for_draft(&task, "before ").await;

    scripted.app.redis().kill();
    gate.send("away ").await;
    follower.wait_for_draft(&task, "before away ").await;
    scripted.app.redis().restart().await;
    gate.send("back").await;

    follower.wait_for_draft(&task, "before away back").await;
    gate.finish().await;
    scripted.client.wait_for_status(&session, &task, "succeeded").await;
    follower.settle(&scripted.client).await;
    assert_never_cut(&follower);
    scripted.app.check().await;
}

#[tokio::test]
async fn freezing_redis_loses_and_duplicates_no_event() {
    let mut scripted = with_redis(|builder| builder).await;
    let follower = watch_elsewhere(&scripted).await;
    let sessions = [scripted.session().await, scripted.session().await];
    let client = scripted.client.clone();

    scripted.app.redis().signal(Signal::Freeze);
    let frozen = tokio::time::sleep(AWAY);
    let ((), ()) = tokio::join!(frozen, load(&client, &sessions, 3, "frozen"));
    scripted.app.redis().signal(Signal::Resume);
    load(&client, &sessions, 2, "resumed").await;

    assert_live(&scripted, &follower, "healed").await;
    follower.settle(&client).await;
    assert_never_cut(&follower);
    scripted.app.check().await;
}

#[tokio::test]
async fn cancels_a_turn_while_redis_is_unavailable() {
    let mut scripted = with_redis(|builder| builder).await;
    let follower = watch_elsewhere(&scripted).await;
    let (session, task, gate) = scripted.held("go").await;
    gate.send("half").await;
    follower.wait_for_draft(&task, "half").await;

    scripted.app.redis().kill();
    scripted.app.client_of(1).cancel(&session, &task).await.ok(202);

    scripted.client.wait_for_status(&session, &task, "cancelled").await;
    let kept: Value = scripted.client.answer_of(&session, &task).await.unwrap();
    assert_eq!(kept["content"], "half");
    follower.settle(&scripted.client).await;
    scripted.app.check().await;
}

#[tokio::test]
async fn a_stream_from_one_api_shows_messages_sent_to_the_other() {
    for has_redis in [false, true] {
        let change = |builder: Builder| if has_redis { builder.apis(2).redis() } else { builder.apis(2) };
        let scripted = Scripted::start_with("", change).await;
        let follower = watch_elsewhere(&scripted).await;
        let session = scripted.session().await;

        load(&scripted.client, &[session], 3, "hello").await;

        assert_live(&scripted, &follower, "live").await;
        follower.settle(&scripted.client).await;
        assert_never_cut(&follower);
    }
}

#[tokio::test]
async fn readiness_reports_both_directions_of_the_relay_and_stays_ready() {
    let mut scripted = with_redis(|builder| builder).await;
    let client = scripted.client.clone();
    let until = async |relay: &str| {
        eventually("/readyz to report the state of the relay", async || {
            // `/readyz` checks a write, which may take more than a second on a machine that is busy with other tests.
            let reply = client.get("/readyz").await;
            let ready = (reply.status == 200).then(|| reply.json())?;
            let found = ["relay", "relay_subscriber", "relay_publisher"].map(|part| ready["checks"][part].clone());
            (found == [relay, relay, relay]).then_some(())
        })
        .await;
    };
    until("ok").await;

    scripted.app.redis().signal(Signal::Freeze);
    until("away").await;
    scripted.app.redis().signal(Signal::Resume);
    until("ok").await;
    scripted.app.redis().kill();
    until("away").await;
    scripted.app.redis().restart().await;
    until("ok").await;
}
