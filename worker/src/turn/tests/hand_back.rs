//! Tests of hand-backs while the store's write lock is held.

use std::fs::{File, OpenOptions};

use nix::{
    fcntl::{FcntlArg, fcntl},
    libc::{F_UNLCK, F_WRLCK, SEEK_SET, flock},
};
use tokio::time::timeout;

use super::*;
use crate::text::TextWriter;

/// The byte of the WAL index that a writer locks (<https://sqlite.org/walformat.html#wal_locks>).
const WRITE_LOCK: i64 = 120;

/// Acquires or releases the write lock. An open file description lock excludes even the process's own connections.
fn lock(index: &File, kind: i32) {
    let lock = flock {
        l_type: kind.try_into().unwrap(),
        l_whence: SEEK_SET.try_into().unwrap(),
        l_start: WRITE_LOCK,
        l_len: 1,
        l_pid: 0,
    };
    fcntl(index, FcntlArg::F_OFD_SETLK(&lock)).unwrap();
}

#[tokio::test]
async fn a_locked_store_does_not_delay_a_hand_back() {
    let f = Fixture::with_busy_timeout(2 * TIMEOUT).await;
    f.post().await;
    let claim = f.store().claim(&f.worker, 1).await.unwrap().value.pop().unwrap();
    let _running = f.runner.running.add(&claim);
    let mut text = TextWriter::new(f.store(), &f.runner.relay, f.runner.shutdown.tasks(), claim);
    text.push("half");
    let index = f.store().location().file().unwrap().with_extension("db-shm");
    let index = OpenOptions::new().read(true).write(true).open(index).unwrap();
    lock(&index, F_WRLCK);

    let stored = timeout(TIMEOUT, store_text(&AttemptResult::HandedBack, &mut text)).await;

    assert_eq!(stored, Ok(WriterStatus::Active));
    lock(&index, F_UNLCK);
    f.runner.shutdown.tasks().close();
    timeout(TIMEOUT, f.runner.shutdown.tasks().wait()).await.expect("the write did not end");
    let thread = f.store().get_thread(&f.user, f.session, 1).await.unwrap();
    assert_eq!(thread.partial.map(|partial| partial.text), Some("half".into()));
}

#[tokio::test]
async fn an_attempt_whose_claim_was_not_confirmed_is_handed_back() {
    let f = Fixture::new().await;
    f.post().await;
    // As if the response had been lost with the connection.
    let lost = f.store().claim(&f.worker, 1).await.unwrap().value.pop().unwrap();

    wait_until_due(&f).await;

    let next = f.store().claim(&f.worker, 1).await.unwrap().value.pop().unwrap();
    assert_eq!((next.task_id, next.attempt), (lost.task_id, lost.attempt + 1));
    let task = f.store().find_task(f.session, lost.task_id).await.unwrap().unwrap().task;
    assert_eq!(task.failures, 0);
}
