//! Processes do not start through a connection pooler, whatever its configuration.

use banter_tests::{app::TestApp, pgbouncer::PgBouncer, postgres::Postgres};

#[tokio::test]
async fn refuses_to_start_through_pgbouncer() {
    if !PgBouncer::is_installed() {
        return println!("SKIPPED: pgbouncer is not installed");
    }
    let server = Postgres::start().await;
    server.create_database("banter");
    let mut app = TestApp::builder().apis(0).workers(0).env("DATABASE_URL", "set below").redis().start().await;
    for mode in ["session", "transaction", "statement"] {
        for options in ["", "ignore_startup_parameters = options"] {
            let pooler = PgBouncer::start(&server, &format!("pool_mode = {mode}\n{options}")).await;
            let url = pooler.url_of("banter");
            app.set_env("DATABASE_URL", &url);

            let outputs = [app.run_api(&[]).await, app.run_api(&["check"]).await, app.run_worker(&[]).await];

            for output in outputs {
                let text = String::from_utf8_lossy(&output.stderr);
                let line = text.lines().last().unwrap_or_default();
                assert!(!output.status.success(), "{mode} {options}: {text}");
                assert!(
                    line.contains(" is a connection pooler such as PgBouncer, which is not supported. Use the URL of "),
                    "{mode} {options}: {text}"
                );
            }
        }
    }
    assert_eq!(server.query("banter", "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
}

#[tokio::test]
async fn refuses_to_start_through_a_pooler_with_the_same_settings() {
    if !PgBouncer::is_installed() {
        return println!("SKIPPED: pgbouncer is not installed");
    }
    let server = Postgres::start().await;
    server.create_database("banter");
    server
        .query("banter", "ALTER ROLE banter SET search_path = public, apalis; ALTER ROLE banter SET timezone = 'UTC'");
    let pooler =
        PgBouncer::start(&server, "pool_mode = transaction\nignore_startup_parameters = options,extra_float_digits")
            .await;
    let url = pooler.url_of("banter");
    let app = TestApp::builder().apis(0).workers(0).env("DATABASE_URL", &url).redis().start().await;

    let output = app.run_api(&["migrate"]).await;

    assert!(String::from_utf8_lossy(&output.stderr).contains(" is a connection pooler "), "{output:?}");
}
