//! A database on PostgreSQL is restored with the server's own tools: from a dump, and to a point in time.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use banter_tests::{app::TestApp, client::Client, postgres::Postgres, sse::USER_EVENTS, wait::eventually};

/// The position of a client that has seen everything.
const CURSOR: &str = "SELECT epoch || '-' || last_seq FROM user_log";

/// Starts one api and one worker on a server.
async fn start(server: Postgres) -> TestApp {
    TestApp::builder().env("TASK_LEASE_SECONDS", "4").on_postgres(server).start().await
}

/// Asks numbered questions until it is stopped.
struct Load {
    session: String,
    is_over: Arc<AtomicBool>,
    sender: tokio::task::JoinHandle<()>,
}

impl Load {
    async fn start(client: Client) -> Self {
        let session = client.create_session("demo").await;
        let is_over = Arc::new(AtomicBool::new(false));
        let sender = tokio::spawn({
            let (session, is_over) = (session.clone(), Arc::clone(&is_over));
            async move {
                for number in 0.. {
                    client.ask(&session, &format!("/echo {number}")).await;
                    if is_over.load(Ordering::Acquire) {
                        break;
                    }
                }
            }
        });
        Self { session, is_over, sender }
    }

    /// Waits until the load has asked a few questions.
    async fn wait_for_answers(&self, client: &Client) {
        eventually("the load is running", async || (client.transcript(&self.session).await.len() > 4).then_some(()))
            .await;
    }

    /// Stops the load, and returns its session with everything in it.
    async fn stop(self, client: &Client) -> (String, Vec<(String, String)>) {
        self.is_over.store(true, Ordering::Release);
        self.sender.await.unwrap();
        let transcript = client.transcript(&self.session).await;
        (self.session, transcript)
    }
}

/// Kills the processes, and starts new ones on a restored database. Returns a client.
async fn move_to(app: &mut TestApp, url: &str) -> Client {
    app.api(0).process.kill();
    app.worker(0).kill();
    app.set_env("DATABASE_URL", url);
    app.check().await;
    let api = app.add_api().await;
    app.add_worker();
    app.client_of(api)
}

/// Checks that a client whose cursor is newer than the restored database receives one resync.
async fn assert_one_resync(client: &Client, cursor: &str) {
    let mut stream = client.events(&format!("{USER_EVENTS}?after={cursor}")).await;
    let first = [stream.next().await, stream.next().await];
    let resyncs: Vec<_> = first.iter().filter(|event| event.kind == "resync").collect();
    assert_eq!(resyncs.len(), 1, "{first:?}");
    assert_eq!(resyncs[0].data["reason"], "foreign");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_of_a_busy_installation_can_be_restored() {
    let mut app = start(Postgres::start().await).await;
    let client = app.client();
    let session = client.create_session("demo").await;
    client.ask(&session, "/echo before").await;
    let load = Load::start(client.clone()).await;
    load.wait_for_answers(&client).await;
    let interrupted = client.create_session("demo").await;
    let turn = client.send(&interrupted, "/slow 4").await;
    client.wait_for_status(&interrupted, &turn.task_id, "running").await;

    app.postgres().run("pg_dump", "banter", &["-Fc", "-f", "dump"]);
    client.ask(&session, "/echo after").await;
    let (busy, asked) = load.stop(&client).await;
    let cursor = app.postgres().query("banter", CURSOR);
    let url = app.postgres().create_database("restored");
    app.postgres().run("pg_restore", "restored", &["--exit-on-error", "dump"]);
    let client = move_to(&mut app, &url).await;

    assert_one_resync(&client, &cursor).await;
    for session in [&busy, &interrupted] {
        client.wait_until_idle(session).await;
    }
    let restored = client.transcript(&busy).await;
    assert!(restored.len() > 4 && asked.starts_with(&restored), "{restored:?} of {asked:?}");
    assert_eq!(client.transcript(&session).await.len(), 2, "only what was before the dump");
    let task = client.task(&interrupted, &turn.task_id).await;
    assert_eq!((&task["status"], &task["attempt"]), (&"succeeded".into(), &2.into()), "{task}");
    assert_eq!(client.ask(&session, "/echo again").await["reply"]["content"], "again");
    app.check().await;
}

#[tokio::test]
async fn a_dump_can_replace_the_database_that_it_was_made_from() {
    let mut app = start(Postgres::start().await).await;
    let session = app.client().create_session("demo").await;
    app.client().ask(&session, "/echo before").await;
    app.postgres().run("pg_dump", "banter", &["-Fc", "-f", "dump"]);
    app.client().ask(&session, "/echo after").await;
    let cursor = app.postgres().query("banter", CURSOR);
    app.stop_all().await;

    app.postgres().run("pg_restore", "banter", &["--exit-on-error", "--clean", "--if-exists", "dump"]);
    let url = app.postgres().url_of("banter");
    let client = move_to(&mut app, &url).await;

    assert_one_resync(&client, &cursor).await;
    assert_eq!(client.transcript(&session).await.len(), 2);
    assert_eq!(client.ask(&session, "/echo again").await["reply"]["content"], "again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_can_be_recovered_to_a_point_in_time() {
    let mut server = Postgres::start().await;
    let archive = server.folder().join("archive").display().to_string();
    let command = format!("mkdir -p {archive} && test ! -f {archive}/%f && cp %p {archive}/%f");
    server.query("postgres", "ALTER SYSTEM SET archive_mode = on");
    server.query("postgres", &format!("ALTER SYSTEM SET archive_command = '{command}'"));
    server.stop("fast");
    server.restart().await;
    let mut app = start(server).await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let load = Load::start(client.clone()).await;
    load.wait_for_answers(&client).await;
    let backup = app.postgres().base_backup(&[]);
    client.ask(&session, "/echo before").await;

    let target = app.postgres().query("postgres", "SELECT clock_timestamp()");
    client.ask(&session, "/echo after").await;
    let (busy, asked) = load.stop(&client).await;
    let cursor = app.postgres().query("banter", CURSOR);
    let last = app.postgres().query("postgres", "SELECT pg_walfile_name(pg_switch_wal())");
    let is_archived = format!("SELECT last_archived_wal >= '{last}' FROM pg_stat_archiver");
    eventually("the log is archived", async || (app.postgres().query("postgres", &is_archived) == "t").then_some(()))
        .await;
    app.postgres().kill();
    backup.configure(&format!(
        "restore_command = 'cp {archive}/%f %p'\nrecovery_target_time = '{target}'\nrecovery_target_action = promote\n"
    ));
    backup.touch("recovery.signal");
    let recovered = backup.start().await;
    eventually("the recovery has ended", async || {
        (recovered.query("postgres", "SELECT pg_is_in_recovery()") == "f").then_some(())
    })
    .await;
    let client = move_to(&mut app, &recovered.url_of("banter")).await;

    assert_one_resync(&client, &cursor).await;
    client.wait_until_idle(&busy).await;
    let restored = client.transcript(&busy).await;
    assert!(restored.len() > 4 && asked.starts_with(&restored), "{restored:?} of {asked:?}");
    assert_eq!(client.transcript(&session).await.len(), 2, "only what was before the target");
    assert_eq!(client.ask(&session, "/echo again").await["reply"]["content"], "again");
    app.check().await;
}
