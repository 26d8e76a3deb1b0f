//! `api backup` and `api restore` include the files of attachments.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};

use banter_tests::{
    app::TestApp,
    chat::id_of,
    process::Process,
    random::TestRng,
    small_disk::SmallDisk,
    wait::{eventually, within},
};
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;

use super::{connect, tree};

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn run(app: &TestApp, arguments: &[&str]) -> Output {
    let output = app.run_api(arguments).await;
    assert!(output.status.success(), "{output:?}");
    output
}

/// Returns the files in a folder, which may be missing, at any depth.
fn files(folder: &Path) -> Vec<PathBuf> {
    if folder.exists() { tree(folder).into_iter().filter(|path| path.is_file()).collect() } else { Vec::new() }
}

fn storage(app: &TestApp) -> PathBuf {
    app.folder().join("data/attachments")
}

/// Asserts that the folder contains exactly the files that the database lists, with their sizes.
async fn assert_files_of(database: &Path, folder: &Path) {
    let mut connection = connect(database).await;
    let query = sqlx::query_as("SELECT id, size FROM stored_file WHERE status = 'stored'");
    let listed: Vec<(String, i64)> = query.fetch_all(&mut connection).await.unwrap();
    let found = files(folder).into_iter().map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, i64::try_from(fs::metadata(&path).unwrap().len()).unwrap())
    });
    assert_eq!(found.collect::<BTreeSet<_>>(), listed.into_iter().collect::<BTreeSet<_>>());
}

/// Starts an installation with a sent file and an unsent one.
async fn app_with_files() -> (TestApp, String, [Value; 2]) {
    let app = TestApp::builder().on_sqlite().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let (sent, unsent) = (client.upload("a.bin", vec![1; 300_000]).await, client.upload("b.txt", "unsent").await);
    client.send_files(&session, "Look", &[&sent]).await;
    (app, session, [sent, unsent])
}

#[tokio::test]
async fn a_restore_brings_the_files_of_the_backup_back() {
    let (mut app, session, [sent, unsent]) = app_with_files().await;
    let told = stdout(&run(&app, &["backup", "copy.db"]).await);
    assert!(told.contains("backed up 2 files to copy.db.files (2 new, 300006 bytes)"), "{told}");
    assert_files_of(&app.folder().join("copy.db"), &app.folder().join("copy.db.files")).await;
    app.client().delete(&format!("/v1/chat/{session}?permanent=true")).await.ok_status(204);
    app.api(0).process.kill();
    fs::remove_dir_all(storage(&app)).unwrap();

    let told = stdout(&run(&app, &["restore", "copy.db"]).await);

    assert!(told.contains("copied 2 files to file://") && !told.contains("missing"), "{told}");
    app.check().await;
    app.revive_api(0).await;
    assert_eq!(app.client().download(&sent, "").await.body, vec![1; 300_000]);
    assert_eq!(app.client().download(&unsent, "").await.body, b"unsent");
}

#[tokio::test]
async fn the_files_of_a_backup_are_private_regardless_of_the_umask() {
    let (app, _, _) = app_with_files().await;
    let line = format!("umask 0000; exec {} backup copy.db", banter_tests::process::binary("api").display());
    let mut backup = Process::spawn_line("backup", &line, app.environment(), app.folder());
    assert!(backup.wait_for_exit(Duration::from_mins(1)).await.success(), "{}", backup.stderr());

    for path in tree(&app.folder().join("copy.db.files")) {
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, expected, "{}", path.display());
    }
}

#[tokio::test]
async fn a_repeated_backup_copies_only_new_files() {
    let (app, _, [_, unsent]) = app_with_files().await;
    run(&app, &["backup", "copy.db"]).await;
    app.client().delete(&format!("/v1/attachments/{}", id_of(&unsent))).await.ok_status(204);
    app.client().upload("c.txt", "new").await;
    eventually("the deleted file is removed", async || (files(&storage(&app)).len() == 2).then_some(())).await;
    let whole = files(&app.folder().join("copy.db.files")).into_iter();
    let large = whole.clone().find(|path| fs::metadata(path).unwrap().len() == 300_000).unwrap();
    let inode = fs::metadata(&large).unwrap().ino();

    let same = stdout(&run(&app, &["backup", "copy.db", "--overwrite"]).await);
    let next = stdout(&run(&app, &["backup", "next.db"]).await);

    assert!(same.contains("backed up 2 files to copy.db.files (1 new, 3 bytes)"), "{same}");
    assert!(next.contains("backed up 2 files to next.db.files (0 new, 0 bytes)"), "{next}");
    for name in ["copy.db", "next.db"] {
        assert_files_of(&app.folder().join(name), &app.folder().join(format!("{name}.files"))).await;
    }
    assert_eq!(fs::metadata(&large).unwrap().ino(), inode, "the file was not copied again");
    assert_eq!(fs::metadata(&large).unwrap().nlink(), 2, "both backups share the file");
}

#[tokio::test]
async fn a_damaged_file_in_a_backup_is_replaced() {
    let (app, _, _) = app_with_files().await;
    run(&app, &["backup", "copy.db"]).await;
    let folder = app.folder().join("copy.db.files");
    for path in files(&folder) {
        let size = fs::metadata(&path).unwrap().len();
        fs::write(&path, vec![9; usize::try_from(size).unwrap()]).unwrap();
    }

    let next = stdout(&run(&app, &["backup", "next.db"]).await);
    let same = stdout(&run(&app, &["backup", "copy.db", "--overwrite"]).await);

    assert!(next.contains("(2 new, 300006 bytes)") && same.contains("backed up 2 files"), "{next}{same}");
    for path in files(&folder).into_iter().chain(files(&app.folder().join("next.db.files"))) {
        assert_ne!(fs::read(&path).unwrap()[0], 9, "{}", path.display());
    }
}

#[tokio::test]
async fn a_backup_contains_all_its_files_while_others_are_uploaded_and_deleted() {
    let app = TestApp::builder().on_sqlite().workers(0).start().await;
    let client = app.client();
    let stop = tokio_util::sync::CancellationToken::new();
    let (busy, stopped) = (client.clone(), stop.clone());
    let changes = tokio::spawn(async move {
        let mut number = 0_u64;
        let mut uploaded = std::collections::VecDeque::new();
        while !stopped.is_cancelled() {
            number += 1;
            uploaded.push_back(busy.upload("a.bin", number.to_le_bytes().repeat(2000)).await);
            if uploaded.len() > 20 {
                let oldest = id_of(&uploaded.pop_front().unwrap());
                busy.delete(&format!("/v1/attachments/{oldest}")).await.ok_status(204);
            }
        }
        number
    });

    for round in 0..6 {
        run(&app, &["backup", "copy.db", "--overwrite"]).await;
        assert_files_of(&app.folder().join("copy.db"), &app.folder().join("copy.db.files")).await;
        tokio::time::sleep(Duration::from_millis(700 * (round % 3))).await;
    }

    stop.cancel();
    assert!(changes.await.unwrap() > 20);
}

#[tokio::test]
async fn missing_files_are_reported_and_replaced_by_the_next_upload() {
    let (mut app, _, [sent, _]) = app_with_files().await;
    run(&app, &["backup", "copy.db"]).await;
    app.api(0).process.kill();
    fs::remove_dir_all(storage(&app)).unwrap();
    fs::remove_dir_all(app.folder().join("copy.db.files")).unwrap();

    let told = stdout(&run(&app, &["restore", "copy.db"]).await);

    assert!(told.contains("2 files of attachments are missing: neither copy.db.files nor file://"), "{told}");
    let violations = app.find_violations().await.unwrap();
    assert_eq!(violations.matches("a stored file has an object of its size").count(), 2, "{violations}");
    let incomplete = app.run_api(&["backup", "next.db"]).await;
    assert_eq!(incomplete.status.code(), Some(1));
    assert!(stderr(&incomplete).contains("2 files are missing or damaged in file://"), "{incomplete:?}");
    app.revive_api(0).await;
    let client = app.client();
    client.download(&sent, "").await.problem(404);
    let again = client.upload("again.bin", vec![1; 300_000]).await;
    client.upload("again.txt", "unsent").await;
    for attachment in [&sent, &again] {
        assert_eq!(client.download(attachment, "").await.body, vec![1; 300_000]);
    }
    app.check().await;
}

#[tokio::test]
async fn a_restore_can_be_undone_and_unused_files_are_deleted_later() {
    let (mut app, _, _) = app_with_files().await;
    run(&app, &["backup", "copy.db"]).await;
    let later = app.client().upload("c.txt", "after the backup").await;
    app.api(0).process.kill();
    run(&app, &["restore", "copy.db"]).await;
    app.check().await;
    app.revive_api(0).await;
    app.client().download(&later, "").await.problem(404);
    app.api(0).process.kill();
    let kept = super::names(app.folder()).into_iter().find(|name| name.contains("before-restore")).unwrap();

    run(&app, &["restore", &kept]).await;

    app.check().await;
    app.revive_api(0).await;
    assert_eq!(app.client().download(&later, "").await.body, b"after the backup");
    app.api(0).process.kill();
    run(&app, &["restore", "copy.db"]).await;
    assert_eq!(files(&storage(&app)).len(), 3);
    // As if the restore had been a while ago.
    app.database().execute("UPDATE stored_file SET touched_at = '2026-01-01T00:00:00.000Z'").await;
    app.revive_api(0).await;
    within(Duration::from_secs(40), "the file is deleted", async || (files(&storage(&app)).len() == 2).then_some(()))
        .await;
    app.check().await;
}

#[tokio::test]
async fn a_kill_at_any_moment_leaves_complete_files_and_no_others() {
    let mut app = TestApp::builder().on_sqlite().workers(0).start().await;
    for number in 0..24_u8 {
        app.client().upload("a.bin", vec![number; 400_000]).await;
    }
    run(&app, &["backup", "first.db"]).await;
    let mut rng = TestRng::seed_from_u64(5);
    for _ in 0..6 {
        let mut backup =
            Process::spawn("backup", "api", &["backup", "copy.db", "--overwrite"], app.environment(), app.folder());
        tokio::time::sleep(rng.random_range(Duration::ZERO..Duration::from_millis(200))).await;
        backup.kill();
    }
    run(&app, &["backup", "copy.db", "--overwrite"]).await;
    assert_files_of(&app.folder().join("copy.db"), &app.folder().join("copy.db.files")).await;
    app.api(0).process.kill();
    fs::remove_dir_all(storage(&app)).unwrap();
    fs::remove_file(app.database_file()).unwrap();
    app.revive_api(0).await;
    app.api(0).process.kill();

    for _ in 0..6 {
        let mut restore = Process::spawn("restore", "api", &["restore", "copy.db"], app.environment(), app.folder());
        tokio::time::sleep(rng.random_range(Duration::ZERO..Duration::from_millis(250))).await;
        restore.kill();
        app.check().await;
        let rows: BTreeSet<String> = app.database().values("SELECT id FROM stored_file").await.into_iter().collect();
        for path in files(&storage(&app)) {
            let name = path.file_name().unwrap().to_str().unwrap().split('#').next().unwrap().to_owned();
            assert!(rows.contains(&name), "{name} has a row");
        }
    }

    run(&app, &["restore", "copy.db"]).await;
    app.check().await;
    assert_files_of(&app.folder().join("copy.db"), &storage(&app)).await;
}

#[tokio::test]
async fn a_full_disk_fails_a_backup_and_a_restore_without_changes() {
    let Some(disk) = SmallDisk::mount(3) else {
        return println!("SKIPPED: a full disk needs root, to mount a small tmpfs");
    };
    let (mut app, _, [sent, _]) = app_with_files().await;
    for number in 0..12_u8 {
        app.client().upload("a.bin", vec![number; 400_000]).await;
    }
    let target = disk.path().join("copy.db");

    let output = app.run_api(&["backup", &target.display().to_string()]).await;

    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("api: not enough disk space for file://"), "{output:?}");
    assert_eq!(super::names(disk.path()), [""; 0], "nothing is left");
    run(&app, &["backup", "copy.db"]).await;
    app.api(0).process.kill();
    let url = format!("file://{}", disk.path().join("attachments").display());
    app.set_env("ATTACHMENTS_URL", &url);
    let output = app.run_api(&["restore", "copy.db"]).await;
    assert!(stderr(&output).contains("api: not enough disk space for file://"), "{output:?}");
    app.set_env("ATTACHMENTS_URL", &format!("file://{}", storage(&app).display()));
    app.check().await;
    app.revive_api(0).await;
    assert_eq!(app.client().download(&sent, "").await.body.len(), 300_000);
}

#[tokio::test]
async fn a_backup_neither_overwrites_nor_shares_the_files_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("copy.db.files");
    let builder = TestApp::builder().on_sqlite().workers(0);
    let app = builder.env("ATTACHMENTS_URL", &format!("file://{}", own.display())).start().await;
    app.client().upload("a.txt", "hello").await;
    let target = |name: &str| folder.path().join(name).display().to_string();

    let refused = app.run_api(&["backup", &target("copy.db")]).await;
    run(&app, &["backup", &target("other.db")]).await;

    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("contains the files of attachments in use; choose another name"), "{refused:?}");
    app.check().await;
    assert_eq!(fs::metadata(&files(&own)[0]).unwrap().nlink(), 1);
    assert_eq!(files(&folder.path().join("other.db.files")).len(), 1);
}
