//! Tests for the Redis relay, with a Redis server that is killed, frozen, or restricted, and with forged messages.

use super::*;

fn options(url: &str) -> RelayOptions {
    RelayOptions { redis: Some(RedisAddress::parse(url, None).unwrap()), wake: WakeMode::Auto }
}

async fn connected() -> (Pair, RedisServer) {
    let server = RedisServer::start().await;
    let pair = Pair::start(&options(&server.url())).await;
    pair.until_connected().await;
    (pair, server)
}

/// Asserts that an announcement is received and that no hint was dropped.
async fn assert_arrives(pair: &Pair) {
    let mut signals = pair.there.signals();
    pair.here.announce(work());
    received(&mut signals, |signal| matches!(signal, Signal::WakeWorkers)).await;
    assert_eq!(pair.dropped_hints(), 0);
}

#[tokio::test]
async fn delivers_every_hint() {
    let (pair, _server) = connected().await;

    assert_delivers_every_hint_in_both_processes(&pair).await;

    assert_eq!(pair.dropped_hints(), 0);
}

#[tokio::test]
async fn delivers_text_in_order_only_to_followers_of_its_user() {
    let (pair, _server) = connected().await;
    let _follow = pair.there.follow(&user("ann")).await;
    let mut signals = pair.there.signals();

    pair.here.publish_text(&user("bob"), text(0, "not for ann"));
    for offset in 0..100 {
        pair.here.publish_text(&user("ann"), text(offset, "x"));
    }

    for expected in 0..100 {
        let signal = received(&mut signals, |signal| matches!(signal, Signal::Text(..))).await;
        let Signal::Text(whose, text) = signal else { panic!("{signal:?}") };
        assert_eq!((whose, text.offset), (user("ann"), expected));
    }
    assert_eq!(pair.here.status().dropped_texts, 0);
}

#[tokio::test]
async fn receives_its_own_hints_only_once() {
    let (pair, _server) = connected().await;
    let _follow = pair.here.follow(&user("ann")).await;
    let mut signals = pair.here.signals();

    pair.here.announce(log_of("ann"));
    // Redis delivers the text after the hint.
    pair.here.publish_text(&user("ann"), text(0, "end"));

    let mut hints = 0;
    while !matches!(signals.recv().await.unwrap(), Signal::Text(..)) {
        hints += 1;
    }
    assert_eq!(hints, 1);
}

#[tokio::test]
async fn follows_a_user_again_after_unfollowing() {
    let (pair, _server) = connected().await;
    for _ in 0..20 {
        let follow = pair.there.follow(&user("ann")).await;
        let mut signals = pair.there.signals();
        pair.here.announce(log_of("ann"));
        received(&mut signals, |signal| matches!(signal, Signal::Log(_))).await;
        drop(follow);
    }
}

#[tokio::test]
async fn subscribes_thousands_of_users_with_few_commands() {
    let (pair, server) = connected().await;
    let before = server.calls("subscribe");
    let names: Vec<String> = (0..3000).map(|number| format!("user{number}")).collect();

    let users: Vec<_> = names.iter().map(|name| user(name)).collect();
    let follows = futures::future::join_all(users.iter().map(|user| pair.there.follow(user))).await;

    pair.until_connected().await;
    let commands = server.calls("subscribe") - before;
    assert!(commands < 300, "{commands} commands for 3000 users");
    for name in &names {
        let mut signals = pair.there.signals();
        pair.here.announce(log_of(name));
        received(&mut signals, |signal| matches!(signal, Signal::Log(whose) if *whose == user(name))).await;
    }
    drop(follows);
    eventually("unsubscribed", || !server.run("PUBSUB CHANNELS banter:x:user:*").contains("user")).await;
}

#[tokio::test]
async fn recovers_after_redis_restarts() {
    let (pair, mut server) = connected().await;
    let _follow = pair.there.follow(&user("ann")).await;
    let mut signals = pair.there.signals();

    server.kill();
    // Publishing never waits for Redis, even with many messages.
    for offset in 0..10_000 {
        pair.here.publish_text(&user("ann"), text(offset, "lost"));
    }
    pair.until("disconnected", |status| status.overall() == LinkState::Disconnected).await;
    server.restart().await;

    received(&mut signals, |signal| matches!(signal, Signal::Reconnected)).await;
    pair.until_connected().await;
    assert!(pair.here.status().dropped_texts > 0);
    let dropped = pair.dropped_hints();
    assert_delivers_every_hint_in_both_processes(&pair).await;
    assert_eq!(pair.dropped_hints(), dropped);
}

#[tokio::test]
async fn reports_a_frozen_redis_as_disconnected() {
    let (pair, server) = connected().await;
    let mut signals = pair.there.signals();

    server.signal("-STOP");
    // Connections stay open but silent. A follower waits no longer than its time limit.
    let _follow = timeout(LIMIT, pair.there.follow(&user("ann"))).await.unwrap();
    pair.until("disconnected", |status| {
        status.subscriber == LinkState::Disconnected && status.publisher == LinkState::Disconnected
    })
    .await;
    server.signal("-CONT");

    received(&mut signals, |signal| matches!(signal, Signal::Reconnected)).await;
    pair.until_connected().await;
    assert_delivers_every_hint_in_both_processes(&pair).await;
}

#[tokio::test]
async fn starts_without_redis_and_connects_later() {
    let mut server = RedisServer::start().await;
    server.kill();

    let pair = Pair::start(&options(&server.url())).await;
    let mut signals = pair.there.signals();
    server.restart().await;

    received(&mut signals, |signal| matches!(signal, Signal::Reconnected)).await;
    pair.until_connected().await;
    assert_delivers_every_hint_in_both_processes(&pair).await;
}

#[tokio::test]
async fn loses_no_hint_when_redis_closes_connections() {
    let (pair, server) = connected().await;
    for kind in ["normal", "pubsub", "normal", "normal", "pubsub"] {
        let mut signals = pair.there.signals();
        server.run(&format!("CLIENT KILL TYPE {kind}"));

        // Changes announced while the subscriber reconnects are found by reading everything.
        pair.here.announce(work());
        received(&mut signals, |signal| match signal {
            Signal::WakeWorkers => kind == "normal",
            signal => matches!(signal, Signal::Reconnected),
        })
        .await;
        pair.until_connected().await;
        assert_arrives(&pair).await;
    }
}

#[tokio::test]
async fn loses_no_hint_when_redis_closes_idle_connections() {
    let (pair, server) = connected().await;
    server.run("CONFIG SET timeout 1");

    sleep(Duration::from_secs(4)).await;

    assert_arrives(&pair).await;
    assert_eq!(pair.here.status().publisher, LinkState::Connected);
}

#[tokio::test]
async fn delivers_a_hint_after_a_short_outage() {
    let (pair, server) = connected().await;
    let mut signals = pair.there.signals();
    server.run("ACL SETUSER default -publish");
    pair.until("denied", |status| status.publisher == LinkState::Denied).await;

    pair.here.announce(work());
    server.run("ACL SETUSER default +publish");

    received(&mut signals, |signal| matches!(signal, Signal::WakeWorkers)).await;
    assert_eq!(pair.dropped_hints(), 0);
}

#[tokio::test]
async fn reports_a_missing_permission_and_recovers() {
    let server = RedisServer::start().await;
    server.run("ACL SETUSER relay on >secret resetchannels &banter:* +subscribe +unsubscribe +ping");
    let pair = Pair::start(&options(&server.url_of("relay:secret@"))).await;

    let state = |subscriber, publisher| {
        move |status: RelayStatus| (status.subscriber, status.publisher) == (subscriber, publisher)
    };
    pair.until("denied permission to publish", state(LinkState::Connected, LinkState::Denied)).await;
    pair.here.announce(work());
    pair.until("dropped", |status| status.publisher == LinkState::Denied).await;
    eventually("counted", || pair.here.status().dropped_hints == 1).await;

    server.run("ACL SETUSER relay +publish");
    pair.until_connected().await;
    let mut signals = pair.there.signals();
    pair.here.announce(work());
    received(&mut signals, |signal| matches!(signal, Signal::WakeWorkers)).await;

    server.run("ACL SETUSER relay resetchannels");
    pair.until("denied access in both directions", state(LinkState::Denied, LinkState::Denied)).await;
    server.run("ACL SETUSER relay &banter:*");
    pair.until_connected().await;
    assert_delivers_every_hint_in_both_processes(&pair).await;
}

#[tokio::test]
async fn reports_a_wrong_password_and_recovers() {
    let server = RedisServer::start().await;
    server.run("ACL SETUSER relay on >other &banter:* +@pubsub +ping");
    let pair = Pair::start(&options(&server.url_of("relay:secret@"))).await;
    pair.until("denied", |status| (status.subscriber, status.publisher) == (LinkState::Denied, LinkState::Denied))
        .await;

    server.run("ACL SETUSER relay >secret");

    pair.until_connected().await;
    assert_delivers_every_hint_in_both_processes(&pair).await;
}

#[tokio::test]
async fn rejects_and_counts_forged_messages() {
    let (pair, server) = connected().await;
    let _follow = pair.there.follow(&user("ann")).await;
    let ann = "banter:x:user:1:w/ann";
    let (ours, theirs) = (RelayKey::from([7; 32]), RelayKey::from([8; 32]));
    let mut signals = pair.there.signals();

    server.publish("banter:x:work", b"\"work\"");
    server.publish("banter:x:work", &theirs.seal("banter:x:work", b"\"work\""));
    server.publish("banter:x:work", &ours.seal("banter:x:stops", b"\"work\""));
    server.publish(ann, &ours.seal("banter:x:user:1:w/bob", b"\"log\""));
    server.publish(ann, b"");
    let stop = TaskId::generate();
    pair.here.announce(Hints { stops: vec![stop], ..Hints::default() });

    let signal = timeout(LIMIT, signals.recv()).await.unwrap().unwrap();
    assert!(matches!(signal, Signal::Stop(id) if id == stop), "{signal:?}");
    assert_eq!(pair.there.status().rejected_messages, 5);
}

#[tokio::test]
async fn separates_installations_that_share_a_redis() {
    let (pair, server) = connected().await;
    let stranger = start(&options(&server.url()), None, &identity("other")).await.unwrap();
    let mut signals = pair.there.signals();

    for _ in 0..100 {
        stranger.announce(work());
    }
    stranger.flush().await;
    let stop = TaskId::generate();
    pair.here.announce(Hints { stops: vec![stop], ..Hints::default() });

    let signal = timeout(LIMIT, signals.recv()).await.unwrap().unwrap();
    assert!(matches!(signal, Signal::Stop(id) if id == stop), "{signal:?}");
}
