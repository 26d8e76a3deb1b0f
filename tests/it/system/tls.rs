//! TLS connections to PostgreSQL. Those to Redis are tested in `faults/relay.rs`.

use banter_tests::{app::TestApp, postgres::Postgres, wait::eventually};

const PASSWORD: &str = "hunter2";

/// Returns the URL of the database with a password and these parameters.
fn url(server: &Postgres, host: &str, parameters: &str) -> String {
    format!("postgres://banter:{PASSWORD}@{host}:{}/banter?{parameters}", server.port())
}

#[tokio::test]
async fn verifies_the_certificate_and_the_name_of_the_database_server() {
    let server = Postgres::start().await;
    server.create_database("banter");
    let ca = server.require_tls(PASSWORD);
    let other = tempfile::tempdir().unwrap();
    banter_tests::certificates::create(other.path());
    let (trusted, other) = (ca.display(), other.path().join("ca.pem"));
    let verify = format!("sslmode=verify-full&sslrootcert={trusted}");
    eventually("the server has loaded the certificate", async || {
        (server.query("postgres", "SHOW ssl") == "on").then_some(())
    })
    .await;
    let mut app = TestApp::builder().apis(0).workers(0).env("DATABASE_URL", "set below").redis().start().await;

    for (url, reason) in [
        (url(&server, "127.0.0.1", "sslmode=disable"), "pg_hba.conf rejects connection"),
        (url(&server, "127.0.0.1", "sslmode=verify-full"), "certificate"),
        (url(&server, "127.0.0.1", &format!("sslmode=verify-full&sslrootcert={}", other.display())), "certificate"),
        (url(&server, "localhost", &verify), "certificate"),
        (url(&server, "localhost", &verify.replace("verify-full", "require")), "certificate"),
    ] {
        app.set_env("DATABASE_URL", &url);
        for output in [app.run_api(&["check"]).await, app.run_worker(&[]).await] {
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success() && text.contains("DATABASE_URL") && text.contains(reason), "{text}");
            assert!(!text.contains(PASSWORD), "{text}");
        }
    }
    app.set_env("DATABASE_URL", &url(&server, "127.0.0.1", &verify));
    let api = app.add_api().await;
    app.add_worker();
    let client = app.client_of(api);
    let session = client.create_session("demo").await;
    assert_eq!(client.ask(&session, "/echo encrypted").await["reply"]["content"], "encrypted");
    let plain = "SELECT COUNT(*) FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid) \
         WHERE a.datname = 'banter' AND a.client_port IS NOT NULL AND NOT s.ssl";
    assert_eq!(server.query("postgres", plain), "0");
    assert!(!app.logs().contains(PASSWORD));
}
