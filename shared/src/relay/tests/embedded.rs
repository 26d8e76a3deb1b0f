//! Tests for the embedded relay, which watches a file or polls the database.

use std::{fs, path::Path};

use super::*;

async fn embedded(wake: WakeMode) -> Pair {
    Pair::start(&RelayOptions { redis: None, wake }).await
}

fn wake_file(pair: &Pair) -> PathBuf {
    pair.folder.path().join("chat.db-wake")
}

/// A way to damage the wake-up file: a name, and a function that does the damage.
type Mishap = (&'static str, fn(&Path));

fn mishaps() -> [Mishap; 4] {
    [
        ("removed", |path| fs::remove_file(path).unwrap()),
        ("renamed", |path| fs::rename(path, path.with_extension("old")).unwrap()),
        ("replaced", |path| {
            let other = path.with_extension("new");
            fs::write(&other, "").unwrap();
            fs::rename(other, path).unwrap();
        }),
        ("removed and created", |path| {
            fs::remove_file(path).unwrap();
            fs::write(path, "").unwrap();
        }),
    ]
}

#[tokio::test]
async fn delivers_every_hint_by_watching() {
    let pair = embedded(WakeMode::Auto).await;

    assert_delivers_every_hint_in_both_processes(&pair).await;

    pair.until_connected().await;
    assert_eq!(pair.dropped_hints(), 0);
}

#[tokio::test]
async fn delivers_hints_by_polling_and_reports_polling() {
    let pair = embedded(WakeMode::Poll).await;
    let _follow = pair.there.follow_work();
    let mut signals = pair.there.signals();
    let path = pair.folder.path().join("chat.db");

    let mut other = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    sqlx::query("CREATE TABLE t (x INTEGER)").execute(&mut other).await.unwrap();

    received(&mut signals, |_| false).await;
    assert_eq!(pair.there.status().subscriber, LinkState::Polling);
}

#[tokio::test]
async fn follows_a_removed_or_replaced_wake_up_file() {
    for (mishap, act) in mishaps() {
        let pair = embedded(WakeMode::Auto).await;
        for _ in 0..3 {
            act(&wake_file(&pair));
            let (options, database) = (RelayOptions::default(), pair.folder.path().join("chat.db"));
            let restarted = start(&options, Some(&database), &identity("x")).await.unwrap();

            for from in [&restarted, &pair.here] {
                // A process that still watches the old file detects the change, and misses no later change.
                sleep(Duration::from_millis(50)).await;
                let others = [&restarted, &pair.here, &pair.there];
                let others = others.into_iter().filter(|relay| !Arc::ptr_eq(relay, from));
                let mut signals: Vec<_> = others.map(|relay| relay.signals()).collect();
                from.announce(work());
                for signals in &mut signals {
                    received(signals, |_| false).await;
                }
            }
        }
        assert_eq!(pair.dropped_hints(), 0, "{mishap}");
        pair.until_connected().await;
    }
}

#[tokio::test]
async fn reports_and_counts_a_wake_up_file_that_cannot_be_touched() {
    let pair = embedded(WakeMode::Auto).await;
    let path = wake_file(&pair);
    fs::remove_file(&path).unwrap();
    // Both relays recreate the file until one of them finds that the name refers to a folder.
    while fs::create_dir(&path).is_err() {
        let _ = fs::remove_file(&path);
    }

    pair.here.announce(work());
    pair.here.announce(work());

    let status = pair.here.status();
    assert_eq!((status.publisher, status.dropped_hints), (LinkState::Disconnected, 2));
    fs::remove_dir(&path).unwrap();
    pair.here.announce(work());
    let status = pair.here.status();
    assert_eq!((status.publisher, status.dropped_hints), (LinkState::Connected, 2));
}

/// Publishes text repeatedly until the other relay receives it, because text is lost while the relays connect.
async fn assert_carries_text(from: &SharedRelay, to: &SharedRelay) {
    let (mut signals, sent) = (to.signals(), text(0, "Hello"));
    let publish = async {
        loop {
            from.publish_text(&user("ann"), sent.clone());
            sleep(Duration::from_millis(20)).await;
        }
    };
    let receive = async {
        loop {
            if let Signal::Text(whose, text) = signals.recv().await.unwrap() {
                assert_eq!((whose, &*text), (user("ann"), &sent));
                return;
            }
        }
    };
    timeout(LIMIT, async {
        tokio::select! {
            () = publish => {}
            () = receive => {}
        }
    })
    .await
    .expect("no text arrived");
}

/// Returns whether any text has arrived. Ignores other signals, such as late reports that the wake-up file has changed.
fn has_received_text(signals: &mut Signals) -> bool {
    std::iter::from_fn(|| signals.try_recv()).any(|signal| matches!(signal, Signal::Text(..)))
}

fn sockets(pair: &Pair) -> PathBuf {
    pair.folder.path().join("chat.db-live")
}

#[tokio::test]
async fn carries_live_text_of_followed_users_only() {
    let pair = embedded(WakeMode::Auto).await;
    assert_eq!(fs::read_dir(sockets(&pair)).unwrap().count(), 0, "no user is followed");
    let _bob = pair.there.follow(&user("bob")).await;
    let mut signals = pair.there.signals();
    for _ in 0..5 {
        pair.here.publish_text(&user("ann"), text(0, "private"));
        sleep(Duration::from_millis(20)).await;
    }
    assert!(!has_received_text(&mut signals));

    let _ann = pair.there.follow(&user("ann")).await;

    assert_carries_text(&pair.here, &pair.there).await;
    assert_eq!(pair.here.status().dropped_texts, 0);
}

#[tokio::test]
async fn carries_live_text_again_after_either_process_was_restarted() {
    let mut pair = embedded(WakeMode::Auto).await;
    let (options, database) = (RelayOptions::default(), pair.folder.path().join("chat.db"));
    for _ in 0..2 {
        let follow = pair.there.follow(&user("ann")).await;
        assert_carries_text(&pair.here, &pair.there).await;
        drop(follow);
        pair.there = start(&options, Some(&database), &identity("x")).await.unwrap();

        let _follow = pair.there.follow(&user("ann")).await;
        assert_carries_text(&pair.here, &pair.there).await;
        pair.here = start(&options, Some(&database), &identity("x")).await.unwrap();
    }
    eventually("removed the sockets of dropped relays", || fs::read_dir(sockets(&pair)).unwrap().count() == 1).await;
}

#[tokio::test]
async fn carries_live_text_again_after_its_sockets_were_removed() {
    let pair = embedded(WakeMode::Auto).await;
    let _follow = pair.there.follow(&user("ann")).await;
    assert_carries_text(&pair.here, &pair.there).await;

    fs::remove_dir_all(sockets(&pair)).unwrap();
    eventually("created a new socket", || fs::read_dir(sockets(&pair)).is_ok_and(|mut found| found.next().is_some()))
        .await;

    assert_carries_text(&pair.here, &pair.there).await;
}

#[tokio::test]
async fn carries_live_text_once_a_socket_can_be_created() {
    let pair = embedded(WakeMode::Auto).await;
    fs::remove_dir(sockets(&pair)).unwrap();
    fs::write(sockets(&pair), "in the way").unwrap();
    let _follow = pair.there.follow(&user("ann")).await;

    fs::remove_file(sockets(&pair)).unwrap();

    assert_carries_text(&pair.here, &pair.there).await;
}

#[tokio::test]
async fn rejects_and_counts_forged_live_text() {
    let pair = embedded(WakeMode::Auto).await;
    let _follow = pair.there.follow(&user("ann")).await;
    let forger = Identity { installation: "x".into(), key: RelayKey::from([8; 32]) };
    let (options, database) = (RelayOptions::default(), pair.folder.path().join("chat.db"));
    let forger = start(&options, Some(&database), &forger).await.unwrap();
    let mut signals = pair.there.signals();

    eventually("rejected a message", || {
        forger.publish_text(&user("ann"), text(0, "forged"));
        pair.there.status().rejected_messages > 0
    })
    .await;

    assert!(!has_received_text(&mut signals));
    assert_carries_text(&pair.here, &pair.there).await;
}

async fn assert_only_stores_text(database: &Path) {
    let relay = start(&RelayOptions::default(), Some(database), &identity("x")).await.unwrap();

    let _follow = relay.follow(&user("ann")).await;
    relay.publish_text(&user("ann"), text(0, "Hello"));
    let intervals = relay.text_intervals();
    assert_eq!(intervals.published, None);
    assert!(intervals.stored < Duration::from_millis(100));
}

#[tokio::test]
async fn stores_text_more_often_if_there_is_no_folder_for_sockets() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    fs::write(folder.path().join("chat.db-live"), "in the way").unwrap();

    assert_only_stores_text(&database).await;
}

#[tokio::test]
async fn stores_text_more_often_if_sockets_cannot_be_created() {
    let folder = tempfile::tempdir().unwrap();
    let mut deep = folder.path().to_owned();
    // The path of the sockets' folder is valid, but the path of a socket in it is too long.
    let longest = usize::try_from(nix::libc::PATH_MAX).unwrap() - "/chat.db-live/".len() - 1;
    while let missing @ 2.. = longest - deep.as_os_str().len() {
        deep.push("x".repeat(200.min(missing - 1)));
        fs::create_dir(&deep).unwrap();
    }

    assert_only_stores_text(&deep.join("chat.db")).await;
    assert!(deep.join("chat.db-live").is_dir());
}
