//! The embedded relay: a file that is touched and watched, or a database that is polled.

use std::{fs, path::Path};

use super::*;

async fn embedded(wake: WakeMode) -> Pair {
    Pair::start(&RelayOptions { redis: None, wake }).await
}

fn wake_file(pair: &Pair) -> PathBuf {
    pair.folder.path().join("chat.db-wake")
}

/// Something that happens to the file while processes run.
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
async fn passes_every_hint_by_watching() {
    let pair = embedded(WakeMode::Auto).await;

    assert_every_hint_arrives_there_and_here(&pair).await;

    pair.until_connected().await;
    assert_eq!(pair.dropped_hints(), 0);
}

#[tokio::test]
async fn polling_notices_a_commit_and_is_visible() {
    let pair = embedded(WakeMode::Poll).await;
    let _attend = pair.there.attend();
    let mut signals = pair.there.signals();
    let path = pair.folder.path().join("chat.db");

    let mut other = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    sqlx::query("CREATE TABLE t (x INTEGER)").execute(&mut other).await.unwrap();

    received(&mut signals, |_| false).await;
    assert_eq!(pair.there.status().subscriber, LinkState::Polling);
}

#[tokio::test]
async fn follows_the_wake_up_file_whatever_happens_to_it() {
    for (mishap, act) in mishaps() {
        let pair = embedded(WakeMode::Auto).await;
        for _ in 0..3 {
            act(&wake_file(&pair));
            let (options, database) = (RelayOptions::default(), pair.folder.path().join("chat.db"));
            let restarted = start(&options, &database, &identity("x")).await.unwrap();

            for from in [&restarted, &pair.here] {
                // Whoever still watches the old file notices that, and then misses nothing.
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
async fn a_file_that_cannot_be_touched_is_visible_and_counted_until_it_can() {
    let pair = embedded(WakeMode::Auto).await;
    let path = wake_file(&pair);
    fs::remove_file(&path).unwrap();
    // Both relays create the file again, until one of them loses to the folder of that name.
    while fs::create_dir(&path).is_err() {
        let _ = fs::remove_file(&path);
    }

    pair.here.announce(work());
    pair.here.announce(work());

    let status = pair.here.status();
    assert_eq!((status.publisher, status.dropped_hints), (LinkState::Away, 2));
    fs::remove_dir(&path).unwrap();
    pair.here.announce(work());
    let status = pair.here.status();
    assert_eq!((status.publisher, status.dropped_hints), (LinkState::Connected, 2));
}
