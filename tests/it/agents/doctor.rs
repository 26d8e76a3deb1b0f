//! `worker doctor`, and the detection of agents on the workers' `PATH`.

use std::{fs, os::unix::fs::PermissionsExt as _};

use banter_tests::{
    app::TestApp,
    fake_agent::{self, FakeAgent},
    wait::eventually,
};
use serde_json::json;

#[tokio::test]
async fn doctor_probes_each_agent_and_reports_what_is_missing() {
    let fake = FakeAgent::new();
    let app = TestApp::builder()
        .workers(0)
        .agents(&fake.agent("well", "", ""))
        .agents(&fake.agent("guarded", "--auth", ""))
        .agents("[[agents]]\nkey = 'gone'\ndriver = 'acp'\ncommand = 'no-such-program-anywhere'")
        .start()
        .await;

    let output = app.run_worker(&["doctor"]).await;

    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    for part in ["well (acp): ok", "(fake 1.2.3)", "opened a session", "guarded (acp): failed", "agent_auth"] {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
    for part in ["gone (acp): failed", "`no-such-program-anywhere` is not installed", "demo (demo): ok"] {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
    assert_eq!(fake.methods("well"), ["initialize", "session/new"]);
    let work = fs::read_dir(app.folder().join("data/work")).unwrap();
    assert_eq!(work.count(), 0, "its temporary files are removed");
}

#[tokio::test]
async fn doctor_succeeds_when_every_agent_works() {
    let app = TestApp::builder().workers(0).start().await;

    let output = app.run_worker(&["doctor"]).await;

    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains("demo (demo): ok"), "{text}");
}

#[tokio::test]
async fn lists_an_agent_on_the_path_until_it_is_enabled() {
    let programs = tempfile::tempdir().unwrap();
    let program = programs.path().join("opencode");
    fs::write(&program, "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", programs.path().display(), std::env::var("PATH").unwrap());
    let app = TestApp::builder().env("PATH", &path).start().await;
    let client = app.client();

    let found = eventually("the worker's report", async || {
        let agents = client.get("/v1/agents").await.ok(200);
        agents["items"].as_array().unwrap().iter().find(|agent| agent["key"] == "opencode").cloned()
    })
    .await;

    assert_eq!(json!([found["driver"], found["available"]]), json!(["acp", false]));
    assert!(found["reason"].as_str().unwrap().contains("not enabled"), "{found}");
    client.post("/v1/chat", &json!({"agent_key": "opencode"})).await.problem_code(422, "agent_unavailable");
}

#[tokio::test]
async fn doctor_reports_the_progress_and_output_of_each_agent() {
    let fake = FakeAgent::new();
    let app = TestApp::builder()
        .workers(0)
        .env("FAKE_SECRET", "s3cret-key")
        .agents("[[agents]]\nkey = 'demo'\nenabled = false")
        .agents(&fake.agent("ends", "--exit-at-start", "secrets = ['FAKE_SECRET']"))
        .agents(&fake.agent("old", "--old", ""))
        .start()
        .await;

    let output = app.run_worker(&["doctor"]).await;

    let text = String::from_utf8(output.stdout).unwrap();
    let python = fake_agent::python();
    let ends = format!(
        "ends (acp): failed\n  found: {python}\n  started\n  \
         failed: agent_crashed: The agent exited unexpectedly (exit code 9): no licence found, •••\n  \
         stderr: no licence found, •••\n"
    );
    assert!(text.contains(&ends), "{text}");
    let old = format!("old (acp): failed\n  found: {python}\n  started\n  failed: agent_protocol");
    assert!(text.contains(&old), "{text}");
    let work = fs::read_dir(app.folder().join("data/work")).unwrap();
    assert_eq!(work.count(), 0, "its temporary files are removed");
}

#[tokio::test]
async fn uses_a_program_that_is_installed_later() {
    let programs = tempfile::tempdir().unwrap();
    let program = programs.path().join("agent");
    let mut app = TestApp::builder()
        .workers(0)
        .agents(&format!("[[agents]]\nkey = 'later'\ndriver = 'acp'\ncommand = {program:?}"))
        .start()
        .await;
    let client = app.client();
    let session = client.create_session("later").await;
    let sent = client.send(&session, "hello").await;
    app.add_worker();
    let failed = client.wait_for_status(&session, &sent.task_id, "failed").await;
    assert_eq!(failed["error"]["code"], "agent_unavailable", "{failed}");
    assert!(failed["error"]["message"].as_str().unwrap().contains("is not installed"), "{failed}");

    fs::write(&program, format!("#!/bin/sh\nexec {} {}\n", fake_agent::python(), fake_agent::SCRIPT)).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    client.retry(&session, &sent.task_id).await.ok(202);

    client.wait_for_status(&session, &sent.task_id, "succeeded").await;
}

#[tokio::test]
async fn doctor_does_not_report_a_failed_program_as_started() {
    let programs = tempfile::tempdir().unwrap();
    let path = format!("{}:{}", programs.path().display(), std::env::var("PATH").unwrap());
    for name in ["broken", "gemini"] {
        let program = programs.path().join(name);
        fs::write(&program, "no program\n\0").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let app = TestApp::builder()
        .workers(0)
        .env("PATH", &path)
        .agents("[[agents]]\nkey = 'broken'\ndriver = 'acp'\ncommand = 'broken'")
        .start()
        .await;

    let output = app.run_worker(&["doctor"]).await;

    let text = String::from_utf8(output.stdout).unwrap();
    let folder = programs.path().display();
    let broken = format!("broken (acp): failed\n  found: {folder}/broken\n  failed: agent_unavailable");
    assert!(text.contains(&broken), "{text}");
    let detected =
        format!("gemini (acp): not enabled\n  found: {folder}/gemini\n  to enable it, add it to agents.toml");
    assert!(text.contains(&detected), "{text}");
}
