//! People at work on an installation where everything breaks again and again; at the end nothing may be amiss.
//!
//! A seed is printed; `SEED=` makes the same decisions again. Sizes come from the environment ([`size::Size`]).
//! `make test-faults` runs many rounds. On a failure the whole log of the run is written to a file, which is named.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops by panicking")]

mod history;
mod judge;
mod people;
mod size;
mod storm;

use std::{
    env, fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use banter_tests::{
    app::TestApp,
    client::Client,
    dice::Dice,
    fake_openai::FakeOpenAi,
    proxy::Proxy,
    watch::{Options, Watch},
};
use tokio::{sync::Mutex, task::JoinSet};

use crate::{
    history::History,
    judge::Judge,
    people::{Person, User},
    size::Size,
    storm::Storm,
};

/// How long open tasks may take to end once all faults are over: backoff and leases included, on a busy machine.
const REST_LIMIT: Duration = Duration::from_secs(90);

/// One run at a time: each is as much as a machine can do.
static TURN: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_breaks_with_redis_nothing_is_lost_doubled_or_out_of_order() {
    let _turn = TURN.lock().await;
    run(Size::from_environment(), true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_breaks_without_redis_nothing_is_lost_doubled_or_out_of_order() {
    let _turn = TURN.lock().await;
    run(Size::from_environment(), false).await;
}

async fn run(size: Size, has_redis: bool) {
    println!("SEED={} redis={has_redis} {size:?}", size.seed);
    let mut dice = Dice::new(size.seed);
    let history = Arc::new(History::new());
    let model = Arc::new(FakeOpenAi::start().await);
    let app = start(size, has_redis, &model).await;
    let (users, proxies) = settle_in(size, &app, &mut dice).await;
    let watches = follow(size, &users, &mut dice).await;
    let deadline = Instant::now() + size.limit;

    let is_calm = Arc::new(AtomicBool::new(false));
    let mut people = JoinSet::new();
    for number in 0..size.clients {
        let person = Person {
            number,
            user: users[number % users.len()].clone(),
            history: history.clone(),
            model: model.clone(),
            dice: dice.split(),
            is_calm: is_calm.clone(),
            made: 0,
        };
        people.spawn(person.work(size.operations, deadline));
    }
    let (history_of_storm, proxies) = (history.clone(), Arc::new(proxies));
    let (apis, workers) = (size.apis, size.workers);
    let storm = Storm {
        app,
        proxies: proxies.clone(),
        history: history_of_storm,
        dice: dice.split(),
        apis,
        workers,
        has_redis,
    };
    let app = storm.rage(deadline).await;
    is_calm.store(true, Ordering::SeqCst);
    history.note("all faults are over");
    while let Some(person) = people.join_next().await {
        if let Err(error) = person {
            history.complain(format!("a person saw the contract broken: {error}"));
        }
    }

    come_to_rest(&history, &users).await;
    judge(&history, &model, &users).await;
    streams(&history, watches, &users).await;
    check(&history, &app).await;
    finish(size, has_redis, &history);
}

async fn start(size: Size, has_redis: bool, model: &FakeOpenAi) -> TestApp {
    let builder = TestApp::builder().apis(size.apis).workers(size.workers).lasting_ports();
    let builder = builder.agents(&model.agent("")).env("TASK_LEASE_SECONDS", "2").env("SHUTDOWN_GRACE_SECONDS", "1");
    let builder = if has_redis { builder.redis() } else { builder };
    builder.start().await
}

/// Users with their keys, and a proxy before each api.
async fn settle_in(size: Size, app: &TestApp, dice: &mut Dice) -> (Vec<Arc<User>>, Vec<Proxy>) {
    let addresses: Vec<String> = (0..size.apis).map(|index| app.client_of(index).address().to_owned()).collect();
    let mut proxies = Vec::new();
    for address in &addresses {
        proxies.push(Proxy::start(address, dice.split()).await);
    }
    let mut users = Vec::new();
    for number in 0..size.clients.div_ceil(2) {
        let key = app.create_key("default", &format!("user{number}"), "member").await;
        let known = app.client().with_key(&key);
        let through = proxies.iter().map(|proxy| known.at(proxy.address()));
        let clients = addresses.iter().map(|address| known.at(address)).chain(through).collect();
        users.push(Arc::new(User { clients, sessions: std::sync::Mutex::default() }));
    }
    (users, proxies)
}

/// A stream for each person, through the proxies in turn.
async fn follow(size: Size, users: &[Arc<User>], dice: &mut Dice) -> Vec<(usize, Watch)> {
    let mut watches = Vec::new();
    for number in 0..size.clients {
        let user = number % users.len();
        let mut through: Vec<Client> = users[user].clients[size.apis..].to_vec();
        through.rotate_left(number % size.apis);
        let options = Options::user(&through[0]).and_apis(through[1..].to_vec());
        watches.push((user, options.with_rewinds(dice.split()).start().await));
    }
    watches
}

/// Waits until no task is open, twice in a row: a send whose client gave up may still have been on its way.
async fn come_to_rest(history: &History, users: &[Arc<User>]) {
    let deadline = Instant::now() + REST_LIMIT;
    let mut quiet = 0;
    while quiet < 2 {
        let mut open = Vec::new();
        for user in users {
            let sessions = user.clients[0].list_all("status=all").await;
            open.extend(
                sessions
                    .into_iter()
                    .filter(|it| !it["active_task"].is_null() || it["queued_count"].as_i64() != Some(0)),
            );
        }
        quiet = if open.is_empty() { quiet + 1 } else { 0 };
        if Instant::now() > deadline {
            return history.complain(format!("not at rest after {REST_LIMIT:?}: {open:#?}"));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    history.note("at rest");
}

async fn judge(history: &History, model: &FakeOpenAi, users: &[Arc<User>]) {
    let judge = Judge::new(history, model);
    for user in users {
        let made = user.sessions.lock().unwrap().clone();
        judge.user(&user.clients[0], &made).await;
    }
    judge.requests();
}

/// Every stream ends with what a fresh GET shows.
async fn streams(history: &History, watches: Vec<(usize, Watch)>, users: &[Arc<User>]) {
    let mut settling = JoinSet::new();
    for (user, watch) in watches {
        watch.calm_down();
        let client = users[user].clients[0].clone();
        settling.spawn(async move {
            watch.settle(&client).await;
            watch.connections()
        });
    }
    while let Some(settled) = settling.join_next().await {
        match settled {
            Ok(connections) => (0..connections).for_each(|_| history.count("stream: connection")),
            Err(error) => history.complain(format!("a stream: {}", message_of(error))),
        }
    }
}

/// What a task said when it panicked.
fn message_of(error: tokio::task::JoinError) -> String {
    let panic = error.into_panic();
    panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "it panicked".into())
}

/// The product's own check of its invariants.
async fn check(history: &History, app: &TestApp) {
    let output = app.run_api(&["check"]).await;
    if !output.status.success() {
        let (said, logged) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        history.complain(format!("api check: {said}{logged}"));
    }
}

fn finish(size: Size, has_redis: bool, history: &History) {
    println!("{}", history.table());
    let problems = history.problems();
    let lasted = history.elapsed().as_secs();
    println!("SEED={} redis={has_redis}: {} problems in {lasted} s", size.seed, problems.len());
    if problems.is_empty() {
        return;
    }
    let file = env::temp_dir().join(format!("banter-checker-{}.log", size.seed));
    fs::write(&file, history.log()).unwrap();
    for problem in problems.iter().take(20) {
        println!("BROKEN {problem}");
    }
    panic!("{} problems with SEED={}; the log of the run is {}", problems.len(), size.seed, file.display());
}
