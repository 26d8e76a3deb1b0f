//! What goes wrong, at random, while people are at work; and how it is made good.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use banter_tests::{
    app::TestApp,
    dice::Dice,
    process::{Process, Signal},
    proxy::{Proxy, Rules},
};

use crate::history::History;

/// How long a process may take from SIGTERM to its end: the grace is 1 s.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// How a process is hurt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blow {
    Killed,
    Stopped,
    Frozen,
}

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Worker(usize, Blow),
    Api(usize, Blow),
    Redis(Blow),
    StreamsCut,
    NetworkFrozen,
    NetworkBad,
}

/// Throws faults at an installation.
pub struct Storm {
    pub app: TestApp,
    pub proxies: Arc<Vec<Proxy>>,
    pub history: Arc<History>,
    pub dice: Dice,
    pub apis: usize,
    pub workers: usize,
    pub has_redis: bool,
}

impl Storm {
    /// Until the deadline; then everything lives and nothing is held back.
    pub async fn rage(mut self, deadline: Instant) -> TestApp {
        while Instant::now() < deadline {
            let faults = self.draw();
            for &fault in &faults {
                self.history.count(&format!("fault: {}", name(fault)));
                self.history.note(&format!("begin {fault:?}"));
                self.begin(fault);
            }
            let is_long = faults.iter().any(|fault| name(*fault).ends_with("frozen"));
            let lasts = if is_long { 1000 + self.dice.below(4000) } else { 100 + self.dice.below(1500) };
            tokio::time::sleep(Duration::from_millis(lasts)).await;
            // The frozen first: one may hold the database's lock, and nobody starts without it.
            let (frozen, others): (Vec<_>, Vec<_>) =
                faults.into_iter().partition(|fault| name(*fault).ends_with("frozen"));
            for fault in frozen.into_iter().chain(others) {
                self.end(fault).await;
                self.history.note(&format!("end {fault:?}"));
            }
            self.nobody_died();
            tokio::time::sleep(Duration::from_millis(self.dice.below(1500))).await;
        }
        self.app
    }

    /// One fault, or two at once that do not touch the same process.
    fn draw(&mut self) -> Vec<Fault> {
        let first = self.draw_one();
        if self.dice.below(3) > 0 {
            return vec![first];
        }
        let second = self.draw_one();
        if target(first) == target(second) { vec![first] } else { vec![first, second] }
    }

    fn draw_one(&mut self) -> Fault {
        let blow = [Blow::Killed, Blow::Stopped, Blow::Frozen][usize::try_from(self.dice.below(3)).unwrap()];
        let mut any_of = |end: usize| usize::try_from(self.dice.below(end as u64)).unwrap();
        match any_of(12) {
            0..4 => Fault::Worker(any_of(self.workers), blow),
            4..7 => Fault::Api(any_of(self.apis), blow),
            7 | 8 if self.has_redis => Fault::Redis(blow),
            9 => Fault::NetworkFrozen,
            10 => Fault::NetworkBad,
            _ => Fault::StreamsCut,
        }
    }

    fn begin(&mut self, fault: Fault) {
        match fault {
            Fault::Worker(index, blow) => strike(self.app.worker(index), blow),
            Fault::Api(index, blow) => strike(&mut self.app.api(index).process, blow),
            Fault::Redis(Blow::Killed) => self.app.redis().kill(),
            Fault::Redis(Blow::Stopped) => self.app.redis().signal(Signal::Terminate),
            Fault::Redis(Blow::Frozen) => self.app.redis().signal(Signal::Freeze),
            Fault::StreamsCut => self.proxies.iter().for_each(Proxy::cut_all),
            Fault::NetworkFrozen => self.proxies.iter().for_each(Proxy::freeze),
            Fault::NetworkBad => {
                let rules = Rules { cut_one_in: 2, cut_after: 1..4000, delay: Duration::from_millis(20) };
                self.proxies.iter().for_each(|proxy| proxy.set_rules(rules.clone()));
                self.proxies.iter().for_each(Proxy::cut_all);
            }
        }
    }

    async fn end(&mut self, fault: Fault) {
        match fault {
            Fault::Worker(index, Blow::Frozen) => self.app.worker(index).signal(Signal::Thaw),
            Fault::Api(index, Blow::Frozen) => self.app.api(index).process.signal(Signal::Thaw),
            Fault::Redis(Blow::Frozen) => self.app.redis().signal(Signal::Thaw),
            Fault::Worker(index, blow) => {
                judge_end(&self.history, fault, self.app.worker(index), blow).await;
                self.app.replace_worker(index);
            }
            Fault::Api(index, blow) => {
                judge_end(&self.history, fault, &mut self.app.api(index).process, blow).await;
                self.app.revive_api(index).await;
            }
            Fault::Redis(_) => self.app.redis().restart().await,
            Fault::StreamsCut => {}
            Fault::NetworkFrozen => self.proxies.iter().for_each(Proxy::thaw),
            Fault::NetworkBad => self.proxies.iter().for_each(|proxy| proxy.set_rules(Rules::default())),
        }
    }

    /// Between faults every process lives.
    fn nobody_died(&mut self) {
        for index in 0..self.workers {
            self.assert_alive(Fault::Worker(index, Blow::Killed));
        }
        for index in 0..self.apis {
            self.assert_alive(Fault::Api(index, Blow::Killed));
        }
    }

    fn assert_alive(&mut self, place: Fault) {
        let process = match place {
            Fault::Worker(index, _) => self.app.worker(index),
            Fault::Api(index, _) => &mut self.app.api(index).process,
            _ => return,
        };
        if let Some(status) = process.exit_status() {
            panic!("{place:?} ended by itself with {status}:\n{}", process.stderr());
        }
    }
}

fn strike(process: &mut Process, blow: Blow) {
    match blow {
        Blow::Killed => process.kill(),
        Blow::Stopped => process.signal(Signal::Terminate),
        Blow::Frozen => process.signal(Signal::Freeze),
    }
}

/// A process that was told to stop ends with 0.
async fn judge_end(history: &History, fault: Fault, process: &mut Process, blow: Blow) {
    if blow == Blow::Stopped {
        let status = process.wait_for_exit(STOP_LIMIT).await;
        if !status.success() {
            history.complain(format!("{fault:?}: stopped with {status}"));
        }
    }
}

/// What a fault is called in the counts.
fn name(fault: Fault) -> String {
    match fault {
        Fault::Worker(_, blow) => format!("worker {}", verb(blow)),
        Fault::Api(_, blow) => format!("api {}", verb(blow)),
        Fault::Redis(blow) => format!("redis {}", verb(blow)),
        Fault::StreamsCut => "streams cut".into(),
        Fault::NetworkFrozen => "network frozen".into(),
        Fault::NetworkBad => "network bad".into(),
    }
}

const fn verb(blow: Blow) -> &'static str {
    match blow {
        Blow::Killed => "killed",
        Blow::Stopped => "stopped",
        Blow::Frozen => "frozen",
    }
}

/// Which thing a fault touches.
const fn target(fault: Fault) -> (u8, usize) {
    match fault {
        Fault::Worker(index, _) => (0, index),
        Fault::Api(index, _) => (1, index),
        Fault::Redis(_) => (2, 0),
        Fault::StreamsCut | Fault::NetworkFrozen | Fault::NetworkBad => (3, 0),
    }
}
