//! Relay metrics.

use std::sync::atomic::Ordering;

use banter_shared::relay::RelayStatus;
use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

/// The relay metrics.
#[derive(Clone, Debug, Default)]
pub(super) struct RelayMetrics {
    connected: Gauge,
    subscriber_connected: Gauge,
    publisher_connected: Gauge,
    pending_subscriptions: Gauge,
    dropped_hints: Counter,
    dropped_texts: Counter,
    lagged_signals: Counter,
    rejected_messages: Counter,
}

impl RelayMetrics {
    /// Registers all metrics.
    pub(super) fn register(&self, registry: &mut Registry) {
        for (name, help, gauge) in [
            ("relay_connected", "Whether the relay is connected in both directions", &self.connected),
            ("relay_subscriber_connected", "Whether the relay's subscriber is connected", &self.subscriber_connected),
            ("relay_publisher_connected", "Whether the relay's publisher is connected", &self.publisher_connected),
            (
                "relay_pending_subscriptions",
                "Users with an open stream but no channel subscription in this process yet",
                &self.pending_subscriptions,
            ),
        ] {
            registry.register(name, help, gauge.clone());
        }
        for (name, help, counter) in [
            (
                "relay_dropped_hints",
                "Hints (change notifications) not delivered within a second; other processes found the changes by polling",
                &self.dropped_hints,
            ),
            ("relay_dropped_texts", "Pieces of live text that were not delivered", &self.dropped_texts),
            (
                "relay_lagged_signals",
                "Relay signals missed because a receiver in this process lagged",
                &self.lagged_signals,
            ),
            (
                "relay_rejected_messages",
                "Relay messages rejected because their signature was missing or invalid",
                &self.rejected_messages,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
    }

    /// Sets all metrics to the values in a status.
    pub(super) fn set(&self, status: &RelayStatus) {
        self.connected.set(status.overall().is_connected().into());
        self.subscriber_connected.set(status.subscriber.is_connected().into());
        self.publisher_connected.set(status.publisher.is_connected().into());
        self.pending_subscriptions.set(i64::try_from(status.pending_subscriptions).unwrap_or(i64::MAX));
        for (counter, count) in [
            (&self.dropped_hints, status.dropped_hints),
            (&self.dropped_texts, status.dropped_texts),
            (&self.lagged_signals, status.lagged_signals),
            (&self.rejected_messages, status.rejected_messages),
        ] {
            // The relay keeps the totals, and `Counter` itself can only be incremented.
            counter.inner().store(count, Ordering::Relaxed);
        }
    }
}
