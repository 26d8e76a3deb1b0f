//! Tests for snapshots, with real repositories.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Command,
};

use banter_shared::chat::{ChangeStatus, ChangedFile};
use tempfile::TempDir;

use super::*;

/// A folder with files, and the snapshots of a session that works in it.
struct Workbench {
    data: TempDir,
    project: TempDir,
    snapshots: Snapshots,
    session: SessionId,
}

impl Workbench {
    fn new() -> Self {
        let (data, project) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let host = ProcessHost::new(data.path()).unwrap();
        let snapshots = Snapshots::new(&host);
        Self { data, project, snapshots, session: SessionId::generate() }
    }

    /// Creates a folder that is a git repository with a commit.
    fn repository() -> Self {
        let f = Self::new();
        f.git(&["init", "--quiet", "--initial-branch=main"]);
        f.write("README.md", "one\ntwo\nthree\n");
        f.write(".gitignore", "ignored/\n");
        f.git(&["add", "."]);
        f.git(&["commit", "--quiet", "-m", "First"]);
        f
    }

    /// Runs git as a user would.
    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=Test", "-c", "user.email=test@localhost", "-c", "commit.gpgSign=false"])
            .args(arguments)
            .current_dir(self.project.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.project.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    async fn before(&self, turn: i64) -> Before {
        self.before_in(self.session, turn, self.project.path()).await
    }

    async fn before_in(&self, session: SessionId, turn: i64, folder: &Path) -> Before {
        let workspace = Workspace { session, folder: folder.to_owned(), is_own: false };
        self.snapshots.take_before(workspace, turn).await.unwrap()
    }

    /// Returns what was changed since a snapshot.
    async fn changes(&self, before: Before) -> Vec<ChangedFile> {
        self.snapshots.compare(before).await.unwrap().of_turn
    }

    /// Returns what `change` changes.
    async fn changes_of(&self, change: impl FnOnce()) -> Vec<ChangedFile> {
        let before = self.before(1).await;
        change();
        self.changes(before).await
    }
}

/// Returns the paths and statuses of changes.
fn names(files: &[ChangedFile]) -> Vec<(&str, ChangeStatus)> {
    files.iter().map(|file| (file.path.as_str(), file.status)).collect()
}

#[tokio::test]
async fn shows_the_changes_of_a_turn_as_git_does_and_leaves_the_repository_alone() {
    let f = Workbench::repository();
    f.write("staged.txt", "staged\n");
    f.git(&["add", "staged.txt"]);
    f.write("README.md", "one\n2\nthree\n");
    let user_state = || {
        let state: Vec<String> = [
            &["status", "--porcelain=v2", "--branch", "--ignored"][..],
            &["rev-parse", "HEAD"],
            &["stash", "list"],
            &["diff", "--cached"],
            &["config", "--list", "--local"],
            &["for-each-ref", "refs/heads", "refs/tags"],
        ]
        .iter()
        .map(|arguments| f.git(arguments))
        .collect();
        state
    };
    let before_state = user_state();
    let index = fs::read(f.path(".git/index")).unwrap();
    let before = f.before(1).await;
    assert_eq!(fs::read(f.path(".git/index")).unwrap(), index);
    assert_eq!(user_state(), before_state);

    f.write("README.md", "one\n2\nthree\nfour\n");
    f.write("src/new.rs", "fn main() {}\n");
    f.write("ignored/cache", "x");
    fs::remove_file(f.path("staged.txt")).unwrap();
    let files = f.changes(before).await;

    assert_eq!(
        names(&files),
        [
            ("README.md", ChangeStatus::Modified),
            ("src/new.rs", ChangeStatus::Added),
            ("staged.txt", ChangeStatus::Deleted)
        ]
    );
    assert_eq!((files[0].additions, files[0].deletions), (1, 0));
    assert_eq!(files[0].patch.as_deref(), Some("@@ -1,3 +1,4 @@\n one\n 2\n three\n+four\n"));
    assert_eq!(files[2].patch.as_deref(), Some("@@ -1 +0,0 @@\n-staged\n"));
    f.git(&["fsck", "--strict"]);
    assert!(f.git(&["for-each-ref", "refs/banter"]).contains(&f.session.to_string()));

    f.snapshots.remove(f.session).await;
    assert_eq!(f.git(&["for-each-ref", "refs/banter"]), "");
    assert_eq!(fs::read_dir(f.data.path().join("snapshots")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_folder_without_a_repository_has_changes_too() {
    let f = Workbench::new();
    f.write("a.txt", "a\n");

    let files = f
        .changes_of(|| {
            f.write("a.txt", "b");
            f.write("image.png", [0u8, 159, 146, 150]);
        })
        .await;

    assert_eq!(names(&files), [("a.txt", ChangeStatus::Modified), ("image.png", ChangeStatus::Added)]);
    assert_eq!(files[0].patch.as_deref(), Some("@@ -1 +1 @@\n-a\n+b\n\\ No newline at end of file\n"));
    assert!(files[1].binary && files[1].patch.is_none() && !files[1].truncated);
    assert!(!f.path(".git").exists());
}

#[tokio::test]
async fn another_attempt_at_a_turn_continues_from_the_first_one() {
    let f = Workbench::repository();
    let first = f.before(1).await;
    f.write("from-first", "1\n");

    let second = f.before(1).await;
    f.write("from-second", "2\n");

    let id = |before: &Before| before.snapshot.as_ref().unwrap().1.clone();
    assert_eq!(id(&first), id(&second));
    let files = f.changes(second).await;
    assert_eq!(names(&files), [("from-first", ChangeStatus::Added), ("from-second", ChangeStatus::Added)]);
    assert_eq!(f.changes(f.before(2).await).await, []);
}

#[tokio::test]
async fn runs_nothing_that_the_repository_configures() {
    let f = Workbench::repository();
    let marker = f.data.path().join("ran");
    let script = f.data.path().join("script");
    fs::write(&script, format!("#!/bin/sh\necho \"$0 $@\" >> {}\ncat\n", marker.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let script = script.display().to_string();
    for (name, value) in [
        ("core.fsmonitor", script.as_str()),
        ("core.hooksPath", &f.path("hooks").display().to_string()),
        ("core.sshCommand", &script),
        ("core.pager", &script),
        ("core.editor", &script),
        ("filter.evil.clean", &script),
        ("filter.evil.smudge", &script),
        ("filter.evil.process", &script),
        ("filter.evil.required", "true"),
        ("diff.evil.textconv", &script),
        ("diff.evil.command", &script),
        ("diff.external", &script),
        ("gpg.program", &script),
        ("commit.gpgSign", "true"),
        ("credential.helper", &script),
    ] {
        f.git(&["config", name, value]);
    }
    for hook in ["post-index-change", "reference-transaction", "pre-commit", "post-checkout", "post-commit"] {
        f.write(&format!("hooks/{hook}"), format!("#!/bin/sh\n{script} {hook}\n"));
        fs::set_permissions(f.path("hooks").join(hook), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let _ = fs::remove_file(&marker);

    let files = f
        .changes_of(|| {
            f.write(".gitattributes", "* filter=evil diff=evil\n");
            f.write("README.md", "changed\n");
        })
        .await;
    f.snapshots.remove(f.session).await;

    assert_eq!(files.len(), 2, "{files:?}");
    assert!(!marker.exists(), "{}", fs::read_to_string(&marker).unwrap_or_default());
}

#[tokio::test]
async fn compares_the_bytes_of_files_that_the_repository_converts() {
    let f = Workbench::repository();
    f.write(".gitattributes", "*.txt text eol=crlf\n*.id ident\n");
    f.write("dos.txt", "one\r\ntwo\r\n");
    f.write("a.id", "$Id$\n");
    f.git(&["add", "."]);
    f.git(&["commit", "--quiet", "-m", "Second"]);
    fs::remove_file(f.path("a.id")).unwrap();
    f.git(&["checkout", "--", "a.id"]);
    assert!(fs::read_to_string(f.path("a.id")).unwrap().starts_with("$Id: "));

    let files = f.changes_of(|| f.write("dos.txt", "one\r\n2\r\n")).await;

    assert_eq!(names(&files), [("dos.txt", ChangeStatus::Modified)]);
    assert_eq!(files[0].patch.as_deref(), Some("@@ -1,2 +1,2 @@\n one\r\n-two\r\n+2\r\n"));
}

#[tokio::test]
async fn unusual_files_do_not_prevent_a_snapshot() {
    let f = Workbench::repository();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();

    let files = f
        .changes_of(|| {
            symlink(outside.path(), f.path("link")).unwrap();
            fs::remove_file(f.path("README.md")).unwrap();
            symlink("elsewhere", f.path("README.md")).unwrap();
            nix::unistd::mkfifo(&f.path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
            f.write("new\nline \"quoted\"", "x\n");
            fs::write(f.project.path().join(OsStr::from_bytes(b"not-\xff-utf8")), "x\n").unwrap();
            fs::create_dir(f.path("inner")).unwrap();
            Command::new("git").args(["init", "--quiet"]).current_dir(f.path("inner")).output().unwrap();
            f.write("inner/file", "x");
        })
        .await;

    let names = names(&files);
    assert!(names.contains(&("README.md", ChangeStatus::TypeChanged)), "{names:?}");
    assert!(names.contains(&("link", ChangeStatus::Added)));
    assert!(names.contains(&("new\nline \"quoted\"", ChangeStatus::Added)));
    assert!(names.contains(&("not-\u{fffd}-utf8", ChangeStatus::Added)));
    assert!(files.iter().all(|file| !file.patch.as_deref().unwrap_or_default().contains("secret")));
    assert!(!names.iter().any(|(name, _)| *name == "pipe"));
}

#[tokio::test]
async fn a_repository_that_refers_to_another_folder_is_not_touched() {
    let (f, victim) = (Workbench::new(), Workbench::repository());
    f.write(".git", format!("gitdir: {}\n", victim.path(".git").display()));

    let files = f.changes_of(|| f.write("a", "1\n")).await;

    assert_eq!(names(&files), [("a", ChangeStatus::Added)]);
    assert_eq!(victim.git(&["for-each-ref", "refs/banter"]), "");
}

#[tokio::test]
async fn a_linked_worktree_and_a_subfolder_are_part_of_their_repository() {
    let f = Workbench::repository();
    f.write("app/main.rs", "1\n");
    let linked = f.data.path().join("linked");
    f.git(&["worktree", "add", "--quiet", linked.to_str().unwrap()]);

    let in_app = f.before_in(f.session, 1, &f.path("app")).await;
    let other = SessionId::generate();
    let in_linked = f.before_in(other, 1, &linked).await;
    f.write("app/main.rs", "2\n");
    f.write("elsewhere", "x");
    fs::write(linked.join("README.md"), "changed\n").unwrap();

    assert_eq!(names(&f.changes(in_app).await), [("main.rs", ChangeStatus::Modified)]);
    assert_eq!(names(&f.changes(in_linked).await), [("README.md", ChangeStatus::Modified)]);
    assert!(f.git(&["for-each-ref", "refs/banter"]).contains(&other.to_string()));
}

#[tokio::test]
async fn notices_a_change_of_the_same_size_at_the_same_time() {
    let f = Workbench::repository();
    let modified = fs::metadata(f.path("README.md")).unwrap().modified().unwrap();

    let files = f
        .changes_of(|| {
            f.write("README.md", "one\n222\nthree".to_owned() + "\n");
            f.write("README.md", "one\nTWO\nthree\n");
            fs::File::open(f.path("README.md")).unwrap().set_modified(modified).unwrap();
        })
        .await;

    assert_eq!(names(&files), [("README.md", ChangeStatus::Modified)]);
}

#[tokio::test]
async fn a_damaged_index_and_a_stale_lock_are_replaced() {
    let f = Workbench::repository();
    let before = f.before(1).await;
    let private = f.data.path().join("snapshots").join(f.session.to_string());
    fs::write(private.join("index"), "damaged").unwrap();
    fs::write(private.join("index.lock"), "").unwrap();
    f.write("a", "1\n");

    assert_eq!(names(&f.changes(before).await), [("a", ChangeStatus::Added)]);
}

#[tokio::test]
async fn an_own_folder_has_snapshots_only_once_it_contains_files() {
    let f = Workbench::new();
    let workspace = Workspace { session: f.session, folder: f.project.path().to_owned(), is_own: true };
    let before = async |turn| f.snapshots.take_before(workspace.clone(), turn).await.unwrap();
    f.write("attachments/photo.png", "sent by the user");

    let first = before(1).await;
    assert_eq!(f.snapshots.compare(first).await.unwrap(), TurnChanges::default());
    assert!(!f.data.path().join("snapshots").exists());
    let second = before(2).await;
    f.write("made.txt", "1\n");
    let second = f.snapshots.compare(second).await.unwrap();
    let third = before(3).await;
    f.write("made.txt", "2\n");
    let third = f.snapshots.compare(third).await.unwrap();

    assert_eq!(names(&second.of_turn), [("made.txt", ChangeStatus::Added)]);
    assert_eq!(second.of_session, second.of_turn);
    assert_eq!(names(&third.of_turn), [("made.txt", ChangeStatus::Modified)]);
    assert_eq!(names(&third.of_session), [("made.txt", ChangeStatus::Added)]);
    assert_eq!(third.of_session[0].patch.as_deref(), Some("@@ -0,0 +1 @@\n+2\n"));
}

#[tokio::test]
async fn a_folder_with_too_many_large_files_has_no_snapshots() {
    let f = Workbench::new();
    for number in 0..25 {
        fs::File::create(f.path(&number.to_string())).unwrap().set_len(45 * 1024 * 1024).unwrap();
    }
    let workspace = Workspace { session: f.session, folder: f.project.path().to_owned(), is_own: false };

    assert!(f.snapshots.before(workspace.clone(), 1).await.is_none());
    fs::remove_dir_all(f.project.path()).unwrap();
    fs::create_dir(f.project.path()).unwrap();
    assert!(f.snapshots.before(workspace, 2).await.is_none(), "it is not tried again soon");
}

#[tokio::test]
async fn a_file_over_the_limit_does_not_appear() {
    let f = Workbench::repository();

    let files = f
        .changes_of(|| {
            fs::File::create(f.path("disk.img")).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
            f.write("small", "1\n");
        })
        .await;

    assert_eq!(names(&files), [("small", ChangeStatus::Added)]);
}

#[tokio::test]
async fn long_patches_are_omitted() {
    let f = Workbench::new();

    let files = f.changes_of(|| f.write("long", "a line\n".repeat(100_000))).await;

    assert_eq!((files[0].additions, &files[0].patch, files[0].truncated), (100_000, &None, true));
}

#[tokio::test]
#[ignore = "a measurement: run it with --ignored --nocapture in a release build"]
async fn measure_a_large_repository() {
    let f = Workbench::new();
    f.git(&["init", "--quiet"]);
    for folder in 0..1000 {
        for file in 0..100 {
            let text: Vec<u8> =
                (0..20_000u32).map(|byte| (byte * (folder * 100 + file + 1)).to_le_bytes()[1]).collect();
            f.write(&format!("{folder}/{file}"), text);
        }
    }
    f.git(&["add", "."]);
    f.git(&["commit", "--quiet", "-m", "First"]);
    for turn in 1..4 {
        let started = std::time::Instant::now();
        let before = f.before(turn).await;
        println!("before turn {turn}: {:?}", started.elapsed());
        for file in 0..3 {
            f.write(&format!("{file}/1"), format!("changed in turn {turn}\n"));
        }
        let started = std::time::Instant::now();
        println!("{} files changed: {:?}", f.changes(before).await.len(), started.elapsed());
    }
}
