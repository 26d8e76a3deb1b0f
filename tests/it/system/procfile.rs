//! Runs the Procfile the way process managers do: each line with `sh -c` and a `PORT`, in the project folder.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::Path,
    time::{Duration, Instant},
};

use banter_tests::{
    app::{STOP_LIMIT, address_of},
    client::Client,
    port,
    process::{Environment, Process, Signal, binary},
    wait::eventually,
};
use tempfile::TempDir;

const START_LIMIT: Duration = Duration::from_secs(30);

/// Returns the lines of the Procfile by name.
fn procfile() -> BTreeMap<String, String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Procfile")).unwrap();
    let line = |line: &str| line.split_once(": ").map(|(name, line)| (name.to_owned(), line.to_owned())).unwrap();
    text.lines().map(line).collect()
}

/// Creates a folder that looks like the project folder after `cargo build --release`.
fn project() -> TempDir {
    let folder = tempfile::Builder::new().prefix("banter-procfile-").tempdir().unwrap();
    let release = folder.path().join("target/release");
    fs::create_dir_all(&release).unwrap();
    for program in ["api", "worker"] {
        symlink(binary(program), release.join(program)).unwrap();
    }
    folder
}

async fn run_and_stop(environment: &Environment, folder: &Path) {
    let lines = procfile();
    let start = |name: &str, number: u32| {
        let mut environment = environment.clone();
        environment.insert("PORT".into(), (5000 + 100 * number).to_string());
        Process::spawn_line(&format!("{name}.{number}"), &lines[name], &environment, folder)
    };
    let mut api = start("api", 1);
    let mut workers: Vec<Process> = (1..=3).map(|number| start("worker", number)).collect();
    let client = Client::new(&address_of(&mut api, Instant::now() + START_LIMIT).await);
    let session = client.create_session("demo").await;
    assert_eq!(client.ask(&session, "/echo hello").await["reply"]["content"], "hello");
    let sent = client.send(&session, "/slow 2").await;
    client.wait_for_status(&session, &sent.task_id, "running").await;

    // A process manager signals only the process that it started, which is the shell, so the program must replace the
    // shell.
    let pids: Vec<u32> = [&api].into_iter().chain(&workers).map(Process::pid).collect();
    Signal::Terminate.send_to_all(&pids);

    for process in [&mut api].into_iter().chain(&mut workers) {
        let status = process.wait_for_exit(STOP_LIMIT).await;
        assert!(status.success(), "{status}:\n{}", process.stderr());
    }
    assert!(folder.join("data/banter.db").is_file());
    let mut api = start("api", 1);
    let client = Client::new(&address_of(&mut api, Instant::now() + START_LIMIT).await);
    let ended = client.task(&session, &sent.task_id).await;
    assert_eq!(ended["status"], "succeeded", "the running turn was drained: {ended}");
    api.stop(STOP_LIMIT).await;
}

fn environment() -> Environment {
    [("BIND_ADDR".to_owned(), "127.0.0.1:0".to_owned())].into()
}

#[tokio::test]
async fn the_procfile_runs_one_api_and_three_workers_that_exit_with_0() {
    let folder = project();

    run_and_stop(&environment(), folder.path()).await;
}

#[tokio::test]
async fn the_redis_of_the_procfile_matches_redis_url() {
    let (folder, port) = (project(), port::lasting());
    let line = procfile()["redis"].replace("6379", &port.to_string());
    let mut redis = Process::spawn_line("redis.1", &line, &Environment::new(), folder.path());
    eventually("redis-server listens", async || std::net::TcpStream::connect(("127.0.0.1", port)).ok()).await;
    let mut environment = environment();
    environment.insert("REDIS_URL".into(), format!("redis://127.0.0.1:{port}"));

    run_and_stop(&environment, folder.path()).await;

    redis.stop(STOP_LIMIT).await;
}
