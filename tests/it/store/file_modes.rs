//! Files are readable only by the account that runs the processes, regardless of the umask.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use banter_tests::{
    app::{STOP_LIMIT, TestApp},
    client::Client,
    process::{Environment, Process, binary},
    wait::eventually,
};

use super::tree;

/// An agent that writes all kinds of files to its work folder and its home folder.
const SCRIBBLING: &str = "[[agents]]\nkey = \"scribbling\"\ndriver = \"command\"\ncommand = \"sh\"\nargs = [\"-c\", \
     \"cat > said; mkdir -p made/inner; echo x > made/inner/file; echo y > $HOME/own; mktemp > /dev/null; echo done\"]\n";

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Returns everything in a folder that grants any permission to other accounts.
fn open_to_others(folder: &Path) -> Vec<String> {
    let open = tree(folder).into_iter().filter(|path| mode(path) & 0o077 != 0);
    open.map(|path| format!("{:o} {}", mode(&path), path.display())).collect()
}

/// Processes that run with the given umask, in a folder that every account can enter, such as a project folder.
struct Installation {
    folder: tempfile::TempDir,
    umask: &'static str,
    environment: Environment,
    processes: Vec<Process>,
}

impl Installation {
    fn new(umask: &'static str) -> Self {
        let folder = tempfile::Builder::new().prefix("banter-modes-").tempdir().unwrap();
        set_mode(folder.path(), 0o755);
        fs::create_dir(folder.path().join("logs")).unwrap();
        fs::write(folder.path().join("agents.toml"), SCRIBBLING).unwrap();
        let environment = [("BIND_ADDR", "127.0.0.1:0"), ("AGENTS_FILE", "agents.toml")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { folder, umask, environment, processes: Vec::new() }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn line(&self, words: &str) -> String {
        format!("umask {}; cd {}; exec {words}", self.umask, self.folder.path().display())
    }

    fn spawn(&mut self, program: &str) {
        let line = self.line(&binary(program).display().to_string());
        let logs = self.folder.path().join("logs");
        self.processes.push(Process::spawn_line(program, &line, &self.environment, &logs));
    }

    fn run_api(&self, arguments: &str) {
        let mut command = Command::new("sh");
        command.args(["-c", &self.line(&format!("{} {arguments}", binary("api").display()))]);
        assert!(command.envs(&self.environment).stdout(Stdio::null()).status().unwrap().success(), "{arguments}");
    }

    async fn start(&mut self) -> Client {
        self.spawn("worker");
        self.spawn("api");
        let address = eventually("the api's address", async || {
            let api = self.processes.last().unwrap();
            Some(api.stdout().trim().strip_prefix("listening on http://")?.to_owned())
        })
        .await;
        Client::new(&address)
    }

    /// Waits until the worker has reported that it is ready, and returns the logs of both processes.
    async fn logs_once_ready(&self) -> String {
        eventually("the worker is ready", async || {
            let logs: String = self.processes.iter().map(Process::stderr).collect();
            logs.contains("ready worker=").then_some(logs)
        })
        .await
    }

    async fn stop(&mut self) {
        for mut process in self.processes.drain(..) {
            process.stop(STOP_LIMIT).await;
        }
    }
}

#[tokio::test]
async fn everything_an_installation_creates_is_private_under_any_umask() {
    for umask in ["000", "022", "077", "027", "0777"] {
        let mut place = Installation::new(umask);
        let client = place.start().await;
        for (agent, said) in [("demo", "/echo hello"), ("demo", "/plan"), ("scribbling", "hello")] {
            let session = client.create_session(agent).await;
            assert_eq!(client.ask(&session, said).await["task"]["status"], "succeeded", "umask {umask}: {agent}");
        }
        place.run_api("backup data/copy.db");

        let while_running = open_to_others(&place.data());
        let names: Vec<PathBuf> = tree(&place.data());
        place.stop().await;
        let after = open_to_others(&place.data());

        assert_eq!((while_running, after), (Vec::new(), Vec::new()), "umask {umask}");
        assert_eq!(mode(&place.data()), 0o700);
        for name in ["banter.db", "banter.db-wal", "banter.db-shm", "banter.db-wake", "banter.db.lock", "copy.db"] {
            assert!(names.contains(&place.data().join(name)), "{name} is among {names:?}");
        }
        for name in ["said", "made", "inner", "own", ".lock"] {
            assert!(names.iter().any(|path| path.to_string_lossy().ends_with(name)), "{name} is among {names:?}");
        }
    }
}

#[tokio::test]
async fn makes_files_from_an_earlier_version_private_at_startup_and_logs_it_once() {
    let mut place = Installation::new("022");
    let client = place.start().await;
    let session = client.create_session("scribbling").await;
    client.ask(&session, "hello").await;
    place.stop().await;
    fs::write(place.data().join("banter.db-wal"), "").unwrap();
    for path in tree(&place.data()).iter().chain([&place.data()]) {
        set_mode(path, if path.is_dir() { 0o755 } else { 0o644 });
    }

    place.start().await;
    let logs = place.logs_once_ready().await;
    place.stop().await;
    place.start().await;
    let later = place.logs_once_ready().await;

    let ours = |path: &PathBuf| {
        ["work", "agents", "snapshots"].iter().all(|folder| !path.starts_with(place.data().join(folder)))
    };
    let open: Vec<PathBuf> =
        tree(&place.data()).into_iter().filter(|path| ours(path) && mode(path) & 0o077 != 0).collect();
    assert_eq!(open, Vec::<PathBuf>::new());
    let work = place.data().join("work");
    let snapshots = place.data().join("snapshots");
    let folders =
        [place.data(), work.clone(), work.join(&session), place.data().join("agents/scribbling/home"), snapshots];
    for folder in folders {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
    }
    assert_eq!(mode(&work.join(format!("{session}.lock"))), 0o600);
    for told in ["database was readable by", "agents' folders were readable by"] {
        assert_eq!(logs.matches(told).count(), 1, "{told}: {logs}");
    }
    // The api and the worker start at the same time, so both may find that the folder is readable by other accounts.
    assert!((1..=2).contains(&logs.matches("DATA_DIR was readable by").count()), "{logs}");
    assert!(!later.contains("readable by other accounts"), "{later}");
}

#[tokio::test]
async fn keeps_the_permissions_of_an_existing_folder_other_than_data_dir() {
    let folder = tempfile::tempdir().unwrap();
    let (shared, created) = (folder.path().join("shared"), folder.path().join("created"));
    fs::create_dir(&shared).unwrap();
    for (database, data, kept) in [
        (shared.join("chat.db"), created.join("data"), 0o755),
        (shared.join("chat.db"), created.join("data"), 0o1777),
        (created.join("deep/chat.db"), shared.clone(), 0o1777),
    ] {
        set_mode(&shared, kept);
        let app = TestApp::builder()
            .env("DATABASE_URL", &format!("sqlite://{}", database.display()))
            .env("DATA_DIR", &data.display().to_string())
            .start()
            .await;
        let client = app.client();
        let session = client.create_session("demo").await;
        client.ask(&session, "/echo hello").await;
        drop(app);

        assert_eq!(mode(&shared), kept);
        assert_eq!(open_to_others(&shared), Vec::<String>::new());
        assert_eq!(open_to_others(&created), Vec::<String>::new());
        assert_eq!(mode(&created), 0o700);
    }
}
