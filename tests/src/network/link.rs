//! The link between a host and the switch.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _};
use tokio::time::Instant;

use crate::random::TestRng;

/// The condition of a link, in both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Condition {
    /// Whether all packets are lost.
    pub is_cut: bool,
    /// The one-way latency. Packets stay in order.
    pub delay: Duration,
    /// The fraction of packets that are lost.
    pub loss: f64,
}

/// A link between a host and the switch.
#[derive(Debug)]
pub struct Link(Mutex<(Condition, TestRng)>);

impl Link {
    pub(super) fn new(rng: &mut TestRng) -> Self {
        Self(Mutex::new((Condition::default(), rng.fork())))
    }

    /// Changes the condition.
    pub fn set(&self, condition: Condition) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 = condition;
    }

    /// Restores the link: no packet is lost or delayed.
    pub fn heal(&self) {
        self.set(Condition::default());
    }

    /// Returns when a packet that is sent now arrives at the other end; `None` if it is lost.
    pub(super) fn arrival(&self) -> Option<Instant> {
        let (condition, rng) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_lost = condition.is_cut || (condition.loss > 0.0 && rng.random_bool(condition.loss));
        (!is_lost).then(|| Instant::now() + condition.delay)
    }
}
