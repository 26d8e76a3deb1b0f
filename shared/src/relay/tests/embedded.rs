//! Tests of the embedded relay: watching a file, and polling a database.

use std::{fs, path::Path};

use super::*;

async fn embedded(wake: WakeMode) -> Pair {
    Pair::start(&RelayOptions { redis: None, wake }).await
}

fn wake_file(pair: &Pair) -> PathBuf {
    pair.folder.path().join("chat.db-wake")
}

/// Ways to damage the file while processes are running.
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
            let restarted = start(&options, &database, &identity("x")).await.unwrap();

            for from in [&restarted, &pair.here] {
                // A process that still watches the old file detects the change and misses nothing afterward.
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
