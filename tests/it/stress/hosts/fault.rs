//! What happens to a host.

use std::{ops::Range, time::Duration};

use banter_tests::{app::TestApp, network::Condition, random::TestRng};
use rand::RngExt as _;

use super::{super::is_short, target::Target};

/// The one-way latency of a slow link.
const DELAY: Duration = Duration::from_millis(200);

/// The fraction of packets that a lossy link loses.
const LOSS: f64 = 0.05;

/// How long a link is cut. Some of the product's time limits are shorter, and some are longer.
const CUT: Range<Duration> = Duration::from_millis(500)..Duration::from_secs(15);

/// How long other faults last, and all faults in the short run.
const SHORT: Range<Duration> = Duration::from_millis(500)..Duration::from_secs(4);

/// A fault of a host.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The link loses all packets.
    Cut,
    /// The link is slow.
    Delay,
    /// The link loses some packets.
    Loss,
    /// The process is killed. Its connections are closed.
    Kill,
    /// The host is lost, as in a power failure. Its peers are not notified.
    Crash,
}

impl Fault {
    /// Returns a random fault.
    pub fn random(rng: &mut TestRng) -> Self {
        match rng.random_range(0..10) {
            0..4 => Self::Cut,
            4..6 => Self::Delay,
            6..8 => Self::Loss,
            8 => Self::Kill,
            _ => Self::Crash,
        }
    }

    /// Returns a random duration.
    pub fn random_duration(self, rng: &mut TestRng) -> Duration {
        let range = match self {
            Self::Cut | Self::Crash if !is_short() => CUT,
            Self::Cut | Self::Crash | Self::Delay | Self::Loss | Self::Kill => SHORT,
        };
        rng.random_range(range)
    }

    /// Returns the name of the counter.
    pub fn description(self) -> &'static str {
        match self {
            Self::Cut => "links cut",
            Self::Delay => "links slowed down by 200 ms",
            Self::Loss => "links that lost 5% of packets",
            Self::Kill => "processes killed",
            Self::Crash => "hosts lost",
        }
    }

    /// Begins the fault.
    pub fn begin(self, target: Target, app: &mut TestApp) {
        let condition = match self {
            Self::Cut | Self::Crash => Condition { is_cut: true, ..Condition::default() },
            Self::Delay => Condition { delay: DELAY, ..Condition::default() },
            Self::Loss => Condition { loss: LOSS, ..Condition::default() },
            Self::Kill => Condition::default(),
        };
        app.network().host(&target.host()).link().set(condition);
        match self {
            Self::Kill => target.kill(app),
            Self::Crash => {
                target.kill(app);
                app.network().host(&target.host()).forget_connections();
            }
            Self::Cut | Self::Delay | Self::Loss => {}
        }
    }

    /// Ends the fault: restores the link and restarts the process if it was killed.
    pub async fn end(self, target: Target, app: &mut TestApp) {
        app.network().heal();
        match self {
            Self::Kill | Self::Crash => target.restart(app).await,
            Self::Cut | Self::Delay | Self::Loss => {}
        }
    }
}
