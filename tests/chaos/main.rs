//! Chaos test: clients use an installation while random faults occur, and the final state is checked against a model of
//! the history.
//!
//! Every run prints its seed. To repeat the random decisions, set `SEED` to this value. The size of a run is read from
//! the environment ([`config::Config`]). `make test-chaos` runs many rounds. If a run fails, its log is written to a
//! file, and the path of the file is printed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod checker;
mod clients;
mod config;
mod fault_times;
mod faults;
mod history;
mod prompts;
mod streams;
mod texts;

use std::{
    collections::BTreeMap,
    env, fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use banter_tests::{
    app::TestApp, client::Client, fake_openai::FakeOpenAi, load::LoadClient, proxy::Proxy, random::TestRng,
    small_disk::SmallDisk,
};
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::JoinSet;

use crate::{
    checker::Checker,
    clients::{ChaosClient, SessionRef, User, World},
    config::Config,
    fault_times::FaultTimes,
    faults::{FaultInjector, HeldResources, Targets},
    history::History,
    prompts::PromptCollector,
    streams::FollowedStream,
};

/// Time limit for open tasks to end after the last fault. It allows for retries and leases on a busy machine.
const REST_LIMIT: Duration = Duration::from_secs(90);

/// Size of the in-memory disk for the database, in MB. It is large enough that only faults fill it.
const DISK_MB: usize = 256;

/// The workspaces. Users in different workspaces have the same names.
const WORKSPACES: [&str; 2] = ["default", "other"];

/// Allows only one run at a time, because each run uses the whole machine.
static RUN_LOCK: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_duplicated_or_reordered_with_redis() {
    let _lock = RUN_LOCK.lock().await;
    run(Config::from_environment(), true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_duplicated_or_reordered_without_redis() {
    if is_on_postgres() {
        println!("SKIPPED: PostgreSQL requires Redis");
        return;
    }
    let _lock = RUN_LOCK.lock().await;
    run(Config::from_environment(), false).await;
}

fn is_on_postgres() -> bool {
    std::env::var_os("TEST_POSTGRES_URL").is_some()
}

async fn run(config: Config, has_redis: bool) {
    println!("SEED={} redis={has_redis} {config:?}", config.seed);
    let mut rng = TestRng::seed_from_u64(config.seed);
    let world = Arc::new(World {
        history: Arc::new(History::new()),
        model: Arc::new(FakeOpenAi::start().await),
        fault_times: Arc::new(FaultTimes::new(Duration::from_secs(config.lease))),
        faults_ended: AtomicBool::new(false),
        active_clients: AtomicUsize::new(config.clients),
        owners: Mutex::default(),
        sessions_in_use: config.sessions,
    });
    let prompts = PromptCollector::start(world.model.clone());
    let disk = choose_disk(&mut rng);
    let app = start(config, has_redis, &world.model, disk.as_ref()).await;
    let (users, proxies) = create_users(config, &app, &world, &mut rng).await;
    let mut streams = streams::follow(config, &users, &mut rng).await;
    let deadline = Instant::now() + config.limit;

    let mut clients = JoinSet::new();
    for number in 0..config.clients {
        let (user, follower) = (users[number % users.len()].clone(), streams[number].follower.clone());
        let (world, seeds) = (world.clone(), rng.fork());
        let client = ChaosClient { number, user, world, follower, rng: seeds.clone(), seeds, made: 0 };
        clients.spawn(client.work(config.operations, deadline));
    }
    let (targets, held) = (Targets { app, proxies, disk }, HeldResources::default());
    let injector = FaultInjector { targets, world: world.clone(), rng: rng.fork(), config, has_redis, held };
    let targets = injector.run(deadline).await;
    world.faults_ended.store(true, Ordering::SeqCst);
    world.history.log_line("all faults are over");
    while let Some(client) = clients.join_next().await {
        if let Err(error) = client {
            world.history.record_violation(format!("a client saw a contract violation: {}", panic_message(error)));
        }
    }

    wait_until_idle(&world.history, &users).await;
    check_history(&world, prompts.finish().await, &users, &streams).await;
    streams::check(&world.history, &mut streams, &users).await;
    check_database(&world.history, &targets.app).await;
    print_report(config, has_redis, &world.history);
}

/// Mounts a small in-memory disk for the database, which faults can fill. In a third of the runs, on PostgreSQL, or if
/// mounting is not permitted, returns `None`: the database is on the real disk, which no fault fills.
fn choose_disk(rng: &mut TestRng) -> Option<SmallDisk> {
    if rng.random_ratio(1, 3) || is_on_postgres() {
        return None;
    }
    let disk = SmallDisk::mount(DISK_MB);
    if disk.is_none() {
        println!("no full disk: mounting a small tmpfs requires root");
    }
    disk
}

async fn start(config: Config, has_redis: bool, model: &FakeOpenAi, disk: Option<&SmallDisk>) -> TestApp {
    let builder = TestApp::builder().apis(config.apis).workers(config.workers);
    let builder = builder.agents(&texts::agents(model)).env("SHUTDOWN_GRACE_SECONDS", "1");
    let builder = builder.env("TASK_LEASE_SECONDS", &config.lease.to_string());
    let builder = if has_redis { builder.redis() } else { builder };
    let builder = match disk {
        Some(disk) => builder.env("DATABASE_URL", &format!("sqlite://{}", disk.path().join("banter.db").display())),
        None => builder,
    };
    builder.start().await
}

/// Creates users with keys and initial sessions, and a proxy in front of each api.
async fn create_users(config: Config, app: &TestApp, world: &World, rng: &mut TestRng) -> (Vec<Arc<User>>, Vec<Proxy>) {
    let addresses: Vec<String> = (0..config.apis).map(|index| app.client_of(index).address().to_owned()).collect();
    let mut proxies = Vec::new();
    for address in &addresses {
        proxies.push(Proxy::start(address, rng.fork()).await);
    }
    let mut users = Vec::new();
    for number in 0..config.users {
        let (workspace, name) = (WORKSPACES[number % WORKSPACES.len()], format!("user{}", number / WORKSPACES.len()));
        let key = app.create_key(workspace, &name, "member").await;
        let known = app.client().with_key(&key);
        let through = proxies.iter().map(|proxy| known.at(proxy.address()));
        let clients: Vec<Client> = addresses.iter().map(|address| known.at(address)).chain(through).collect();
        let id = clients[0].create_session("scripted").await;
        world.owners.lock().unwrap().push((id.clone(), number));
        let sessions = Mutex::new(vec![SessionRef { id, agent: "scripted", is_first: true }]);
        let client = LoadClient::new(clients);
        users.push(Arc::new(User { number, name: (workspace.to_owned(), name), client, sessions }));
    }
    (users, proxies)
}

/// Waits until no task is open in two consecutive checks, because a message may still arrive after the client's request
/// has timed out.
async fn wait_until_idle(history: &History, users: &[Arc<User>]) {
    let deadline = Instant::now() + REST_LIMIT;
    let mut quiet = 0;
    while quiet < 2 {
        let mut open = Vec::new();
        for user in users {
            let sessions = user.client.apis()[0].list_all("status=all").await;
            open.extend(
                sessions
                    .into_iter()
                    .filter(|it| !it["active_task"].is_null() || it["queued_count"].as_i64() != Some(0)),
            );
        }
        quiet = if open.is_empty() { quiet + 1 } else { 0 };
        if Instant::now() > deadline {
            return history.record_violation(format!("tasks are still open after {REST_LIMIT:?}: {open:#?}"));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    history.log_line("at rest");
}

async fn check_history(world: &World, prompts: Vec<Vec<String>>, users: &[Arc<User>], streams: &[FollowedStream]) {
    let checker = Checker::new(&world.history, prompts);
    let owners = world.owners.lock().unwrap().clone();
    let mut owner_by_session: BTreeMap<String, usize> = owners.iter().cloned().collect();
    for user in users {
        let created: Vec<String> =
            owners.iter().filter(|(_, owner)| *owner == user.number).map(|(session, _)| session.clone()).collect();
        owner_by_session.extend(checker.user(user, &created).await.into_iter().map(|session| (session, user.number)));
    }
    checker.requests();
    for followed in streams {
        for session in followed.seen.lock().unwrap().iter() {
            if owner_by_session.get(session) != Some(&followed.user) {
                let owner = owner_by_session.get(session);
                world.history.record_violation(format!(
                    "user {} received events for {session}, which belongs to {owner:?}",
                    followed.user
                ));
            }
        }
    }
}

/// Returns a task's panic message.
fn panic_message(error: tokio::task::JoinError) -> String {
    let panic = error.into_panic();
    let literal = || panic.downcast_ref::<&str>().map(ToString::to_string);
    panic.downcast_ref::<String>().cloned().or_else(literal).unwrap_or_else(|| "it panicked".into())
}

/// Checks the database invariants with `api check`.
async fn check_database(history: &History, app: &TestApp) {
    if let Some(violations) = app.find_violations().await {
        history.record_violation(format!("api check: {violations}"));
    }
}

fn print_report(config: Config, has_redis: bool, history: &History) {
    println!("{}", history.table());
    let violations = history.violations();
    let lasted = history.elapsed().as_secs();
    println!("SEED={} redis={has_redis}: {} violations in {lasted} s", config.seed, violations.len());
    if violations.is_empty() {
        return;
    }
    let file = env::temp_dir().join(format!("banter-chaos-{}.log", config.seed));
    fs::write(&file, history.log()).unwrap();
    for problem in violations.iter().take(20) {
        println!("VIOLATION {problem}");
    }
    panic!("{} violations with SEED={}; the run's log is in {}", violations.len(), config.seed, file.display());
}
