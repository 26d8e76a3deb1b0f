//! Log formats.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use banter_tests::{
    app::{STOP_LIMIT, TestApp},
    process::{Environment, Process},
};
use serde_json::Value;

/// Parses a log. Every line must be a JSON object with a timestamp, a level, a target, and a message.
fn parse(log: &str) -> Vec<Value> {
    let parsed = log.lines().map(|line| {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        for member in ["timestamp", "level", "target", "message"] {
            assert!(object[member].is_string(), "{member} is missing in {line}");
        }
        object
    });
    parsed.collect()
}

fn find<'a>(lines: &'a [Value], message: &str) -> &'a Value {
    lines.iter().find(|line| line["message"] == message).unwrap_or_else(|| panic!("no line {message:?}: {lines:#?}"))
}

#[tokio::test]
async fn both_programs_log_one_json_object_per_line() {
    let mut app = TestApp::builder().env("LOG_FORMAT", "json").env("RUST_LOG", "debug").start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let sent = client.send(&session, "/echo a\nb").await;
    client.wait_for_end(&session, &sent.task_id).await;
    let request = client.request("GET", "/v1/agents").header("x-request-id", "r-1");
    client.call(request).await.ok(200);

    app.stop_all().await;

    let api = parse(&app.api(0).process.stderr());
    let completed = api.iter().find(|line| line["message"] == "request completed" && line["span"]["id"] == "r-1");
    let completed = completed.expect("the api logs the request");
    assert_eq!(completed["span"]["path"], "/v1/agents");
    assert_eq!((&completed["level"], &completed["status"]), (&"DEBUG".into(), &200.into()));
    let worker = parse(&app.worker(0).stderr());
    let started = find(&worker, "attempt started");
    assert_eq!(started["task_id"], sent.task_id.as_str());
    assert_eq!((&started["attempt"], &started["agent"]), (&1.into(), &"demo".into()));
}

#[tokio::test]
async fn the_error_with_which_a_program_exits_is_a_line_in_its_format() {
    let app = TestApp::builder().apis(0).workers(0).start().await;

    for (variable, value) in [("TASK_LEASE_SECONDS", "1"), ("AGENTS_FILE", "no/such/file.toml")] {
        for program in ["api", "worker"] {
            let settings = [("LOG_FORMAT", "json"), ("BIND_ADDR", "127.0.0.1:0"), (variable, value)];
            let mut process = app.spawn(program, &settings);
            let status = process.wait_for_exit(STOP_LIMIT).await;

            assert!(!status.success());
            let lines = parse(&process.stderr());
            let error = find(&lines, "exiting with an error");
            assert_eq!((&error["level"], &error["program"]), (&"ERROR".into(), &program.into()));
            assert!(error["error"].as_str().is_some_and(|error| error.contains(variable)), "{error}");
        }
    }
}

#[tokio::test]
async fn reads_the_format_from_the_env_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".env"), "LOG_FORMAT=json\nTASK_LEASE_SECONDS=1\n").unwrap();

    let mut api = Process::spawn("api", "api", &[], &Environment::new(), folder.path());
    api.wait_for_exit(STOP_LIMIT).await;

    find(&parse(&api.stderr()), "exiting with an error");
}

/// Creates an `api` and a `worker` program that exit immediately, and returns a command line that runs them with
/// `scripts/run.sh`.
fn launcher(folder: &Path) -> String {
    for program in ["api", "worker"] {
        let path = folder.join(program);
        fs::write(&path, "#!/bin/sh\nexit 3\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/run.sh");
    format!("exec '{}' '{}'", script.display(), folder.display())
}

#[tokio::test]
async fn the_launcher_logs_in_the_same_format() {
    let folder = tempfile::tempdir().unwrap();
    let line = launcher(folder.path());
    for (format, is_json) in [("json", true), ("text", false)] {
        let environment = [("LOG_FORMAT".to_owned(), format.to_owned())].into();

        let mut run = Process::spawn_line(&format!("run-{format}"), &line, &environment, folder.path());
        let status = run.wait_for_exit(Duration::from_secs(20)).await;

        assert_eq!(status.code(), Some(3));
        let message = "a process exited with code 3; stopping the others";
        if is_json {
            assert_eq!(find(&parse(&run.stderr()), message)["level"], "WARN");
        } else {
            assert_eq!(run.stderr(), format!("banter: {message}\n"));
        }
    }
}
