//! Startup errors and their messages.

use std::{
    fs,
    time::{Duration, Instant},
};

use banter_tests::app::{TestApp, address_of};

/// Time limit for a startup failure.
const FAILS_WITHIN: Duration = Duration::from_secs(30);

/// Starts a process with this variable, and expects it to exit with an error that names the variable.
async fn refuses(app: &TestApp, program: &str, variable: &str, value: &str) -> String {
    let mut process = app.spawn(program, &[("BIND_ADDR", "127.0.0.1:0"), (variable, value)]);
    let status = process.wait_for_exit(FAILS_WITHIN).await;
    let log = process.stderr();
    assert!(!status.success(), "{program} with {variable}={value}:\n{log}");
    assert!(log.contains(variable), "{program} with {variable}={value} does not name it:\n{log}");
    assert_eq!(process.stdout(), "", "{program} with {variable}={value}");
    log
}

#[tokio::test]
async fn an_invalid_value_stops_both_programs_and_names_the_variable() {
    let app = TestApp::builder().apis(0).workers(0).start().await;
    let wrong = [
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("DATABASE_SYNCHRONOUS", "off"),
        ("TASK_LEASE_SECONDS", "1"),
        ("TASK_LEASE_SECONDS", "3601"),
        ("TASK_LEASE_SECONDS", "ten"),
        ("TASK_LEASE_SECONDS", "-5"),
        ("TASK_MAX_ATTEMPTS", "0"),
        ("TASK_MAX_ATTEMPTS", "many"),
        ("SHUTDOWN_GRACE_SECONDS", "-1"),
        ("AGENTS_FILE", "no/such/file.toml"),
        ("LOG_FORMAT", "xml"),
    ];

    for (variable, value) in wrong {
        refuses(&app, "api", variable, value).await;
        refuses(&app, "worker", variable, value).await;
    }
}

#[tokio::test]
async fn an_invalid_value_stops_the_program_that_uses_it() {
    let app = TestApp::builder().apis(0).workers(0).start().await;

    for (variable, value) in [
        ("BIND_ADDR", "nonsense"),
        ("BIND_ADDR", "127.0.0.1:99999"),
        ("AUTH", "maybe"),
        ("EVENT_RETENTION_HOURS", "x"),
        ("MAX_CONNECTIONS", "0"),
        ("MAX_CONNECTIONS", "1000001"),
        ("MAX_CONNECTIONS", "many"),
        ("MAX_CONNECTIONS_PER_ADDRESS", "0"),
        ("MAX_CONNECTIONS_PER_ADDRESS", "-1"),
    ] {
        refuses(&app, "api", variable, value).await;
    }
    for value in ["0", "-1", "x"] {
        refuses(&app, "worker", "WORKER_CONCURRENCY", value).await;
    }
}

#[tokio::test]
async fn an_invalid_env_file_stops_both_programs_without_showing_its_lines() {
    let app = TestApp::builder().apis(0).workers(0).start().await;
    fs::write(app.folder().join(".env"), "OPENAI_API_KEY='sk-1234\n").unwrap();

    for program in ["api", "worker"] {
        let mut process = app.spawn(program, &[("BIND_ADDR", "127.0.0.1:0")]);
        let status = process.wait_for_exit(FAILS_WITHIN).await;
        let log = process.stderr();
        assert!(!status.success() && log.contains(".env: expected lines of NAME=value"), "{program}: {log}");
        assert!(!log.contains("sk-1234"), "{program}: {log}");
    }
}

#[tokio::test]
async fn requires_a_key_for_a_non_loopback_address() {
    let app = TestApp::builder().apis(0).workers(0).start().await;
    for address in ["0.0.0.0:0", "[::]:0"] {
        refuses(&app, "api", "BIND_ADDR", address).await;
    }

    app.create_key("default", "ann", "admin").await;

    let mut api = app.spawn("api", &[("BIND_ADDR", "0.0.0.0:0")]);
    let address = address_of(&mut api, Instant::now() + FAILS_WITHIN).await;
    let port = address.rsplit_once(':').unwrap().1;
    let client = banter_tests::client::Client::new(&format!("127.0.0.1:{port}"));
    client.get("/v1/auth/me").await.problem(401);
}

#[tokio::test]
async fn reports_an_unknown_field_of_the_agents_file_with_its_line() {
    let app = TestApp::builder()
        .apis(0)
        .workers(0)
        .agents("[[agents]]\nkey = \"x\"\nname = \"X\"\ndriver = \"demo\"\nno_such_field = 1\n")
        .start()
        .await;

    for program in ["api", "worker"] {
        let mut process = app.spawn(program, &[("BIND_ADDR", "127.0.0.1:0")]);
        let status = process.wait_for_exit(FAILS_WITHIN).await;
        let log = process.stderr();
        assert!(!status.success());
        assert!(log.contains("no_such_field") && log.contains('5'), "{log}");
        assert!(log.contains("AGENTS_FILE") || log.contains("agents.toml"), "{log}");
    }
}

#[tokio::test]
async fn fails_to_start_on_a_port_in_use() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let app = TestApp::builder().apis(0).workers(0).start().await;

    refuses(&app, "api", "BIND_ADDR", &taken.local_addr().unwrap().to_string()).await;
}

#[tokio::test]
async fn offers_the_agents_of_the_file_and_can_disable_the_demo() {
    let scripted = crate::support::Scripted::start().await;
    let keys = |agents: &serde_json::Value| -> Vec<String> {
        let items = agents["items"].as_array().unwrap().iter();
        items.map(|agent| agent["key"].as_str().unwrap().to_owned()).collect()
    };
    let offered = keys(&scripted.client.get("/v1/agents").await.ok(200));
    assert!(offered.contains(&"scripted".to_owned()) && offered.contains(&"demo".to_owned()), "{offered:?}");

    let off = "[[agents]]\nkey = \"demo\"\nname = \"Demo\"\ndriver = \"demo\"\nenabled = false\n";
    let app = TestApp::builder().workers(0).agents(off).start().await;

    assert!(!keys(&app.client().get("/v1/agents").await.ok(200)).contains(&"demo".to_owned()));
    let refused = app.client().post("/v1/chat", &serde_json::json!({"agent_key": "demo"})).await;
    refused.problem(422);
}
