//! A file system that is read-only at startup, or that suddenly becomes read-only, as when the kernel remounts a
//! failing disk. Requires separate file systems, which only root may mount.

use std::{
    fs::File,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use banter_tests::{
    app::TestApp,
    chat::{Sent, fresh_key},
};
use serde_json::json;
use tempfile::TempDir;

const SIZE: u64 = 32 * 1024 * 1024;

/// Time limit for a startup failure.
const FAILS_WITHIN: Duration = Duration::from_secs(30);

/// A small disk whose image is a file. Dropping it unmounts the disk.
struct Disk(TempDir);

impl Disk {
    /// Creates and mounts an ext4 file system, if permitted.
    fn mount() -> Option<Self> {
        let disk = Self(tempfile::Builder::new().prefix("banter-disk-").tempdir().unwrap());
        File::create(disk.image()).unwrap().set_len(SIZE).unwrap();
        std::fs::create_dir(disk.path()).unwrap();
        let image = disk.image().display().to_string();
        (succeeds("mkfs.ext4", &["-q", &image]) && disk.mount_again()).then_some(disk)
    }

    fn mount_again(&self) -> bool {
        let (image, path) = (self.image().display().to_string(), self.path().display().to_string());
        succeeds("mount", &["-o", "loop", &image, &path])
    }

    fn image(&self) -> std::path::PathBuf {
        self.0.path().join("image")
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("mounted")
    }

    /// Remounts the disk with these options.
    fn remount(&self, options: &str) {
        let path = self.path().display().to_string();
        assert!(succeeds("mount", &["-o", &format!("remount,{options}"), &path]), "remount with {options}");
    }

    /// Repairs a read-only file system as an operator would.
    fn repair(&self) {
        let (image, path) = (self.image().display().to_string(), self.path().display().to_string());
        assert!(succeeds("umount", &[&path]), "the disk is still in use");
        // Exit code 1 means that errors were corrected.
        let checked = Command::new("e2fsck").args(["-p", &image]).stdout(Stdio::null()).status().unwrap();
        assert!(checked.code().is_some_and(|code| code <= 1), "{checked}");
        assert!(self.mount_again());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).stderr(Stdio::null()).status();
    }
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

fn url(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("banter.db").display())
}

#[tokio::test]
async fn a_disk_that_becomes_read_only_returns_503_and_loses_no_accepted_message() {
    let Some(disk) = Disk::mount() else {
        println!("SKIPPED: a disk of one's own needs root and loop devices");
        return;
    };
    let mut app = TestApp::builder().env("DATABASE_URL", &url(&disk.path())).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    client.ask(&session, "/echo before").await;
    let running = client.send(&session, "/slow 3").await;
    client.wait_for_status(&session, &running.task_id, "running").await;
    let queued = client.send(&session, "/echo queued").await;

    // The kernel's emergency remount ignores open files. A regular remount would be refused.
    disk.remount("abort");

    let (body, key) = (json!({"content": "/echo after"}), fresh_key());
    for _ in 0..3 {
        let refused = client.post_message_keyed(&session, "", &body, &key).await;
        refused.problem_code(503, "store_unavailable");
    }
    assert_eq!(client.transcript(&session).await[..2].len(), 2, "reads still succeed");
    client.get("/healthz").await.ok_status(200);
    assert!(
        app.api(0).process.exit_status().is_none() && app.worker(0).exit_status().is_none(),
        "both processes keep running"
    );

    app.api(0).process.kill();
    app.worker(0).kill();
    disk.repair();
    app.revive_api(0).await;
    app.replace_worker(0);

    let sent = Sent::from_body(&client.post_message_keyed(&session, "", &body, &key).await.ok(202));
    for sent in [running, queued, sent] {
        client.wait_for_status(&session, &sent.task_id, "succeeded").await;
    }
    let transcript = client.transcript(&session).await;
    let asked: Vec<&str> =
        transcript.iter().filter(|(role, _)| role == "user").map(|(_, content)| content.as_str()).collect();
    assert_eq!(asked, ["/echo before", "/slow 3", "/echo queued", "/echo after"]);
    let check = app.run_api(&["check"]).await;
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    drop(app);
}

#[tokio::test]
async fn a_read_only_folder_fails_the_start_with_a_clear_message() {
    let Some(disk) = Disk::mount() else {
        println!("SKIPPED: a disk of one's own needs root and loop devices");
        return;
    };
    let (fresh, used) = (url(&disk.path().join("fresh")), url(&disk.path()));
    let mut app = TestApp::builder().env("DATABASE_URL", &used).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    app.stop_all().await;

    disk.remount("ro");
    for (program, url) in [("api", &fresh), ("worker", &fresh), ("api", &used), ("worker", &used)] {
        let mut process = app.spawn(program, &[("BIND_ADDR", "127.0.0.1:0"), ("DATABASE_URL", url)]);
        let status = process.wait_for_exit(FAILS_WITHIN).await;
        let log = process.stderr();
        assert!(!status.success(), "{program} on {url}:\n{log}");
        assert!(log.contains("DATABASE_URL") && log.to_lowercase().contains("read-only"), "{program} on {url}:\n{log}");
        assert_eq!(process.stdout(), "");
    }

    disk.remount("rw");
    app.revive_api(0).await;
    app.replace_worker(0);
    assert_eq!(client.ask(&session, "/echo again").await["reply"]["content"], "again");
    drop(app);
}
