//! The open connections of a process, and the limits on their number.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{Activity, ConnectionLimits, limits::client_network};
use crate::metrics::{GaugeGuard, LimitScope, Metrics};

/// Minimum time that a connection must have waited for its client before the server may close it. Even over a slow
/// network, a request can arrive within this time.
const MIN_WAIT: Duration = Duration::from_secs(1);
/// Pause after a search that found no connection to close.
const SEARCH_PAUSE: Duration = Duration::from_millis(50);

/// The table of open connections. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connections {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    limits: ConnectionLimits,
    metrics: Metrics,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: HashMap<u64, (IpAddr, Arc<Activity>)>,
    per_address: HashMap<IpAddr, usize>,
    searched_at: Option<Instant>,
}

impl Table {
    fn remove(&mut self, number: u64) -> Option<Arc<Activity>> {
        let (address, activity) = self.open.remove(&number)?;
        if let Some(count) = self.per_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.per_address.remove(&address);
            }
        }
        Some(activity)
    }

    /// Closes the connection for which `time` is longest, if that time is at least [`MIN_WAIT`]. Returns whether a
    /// connection was closed.
    fn close_longest(&mut self, time: impl Fn(&Activity) -> Option<Duration>) -> bool {
        let longest = self.open.iter().filter_map(|(number, (_, activity))| Some((time(activity)?, *number))).max();
        let Some((_, number)) = longest.filter(|(time, _)| *time >= MIN_WAIT) else { return false };
        // The socket is closed a moment later; the connection limit leaves enough open files for that.
        let closed = self.remove(number);
        closed.inspect(|activity| activity.close()).is_some()
    }

    /// Closes the connection that has waited longest for its client, if it has waited for at least [`MIN_WAIT`].
    /// Returns whether a connection was closed. After a search that found no connection, does not search again for
    /// [`SEARCH_PAUSE`].
    fn make_room(&mut self) -> bool {
        if self.searched_at.is_some_and(|at| at.elapsed() < SEARCH_PAUSE) {
            return false;
        }
        let made_room = self.close_longest(Activity::waiting);
        self.searched_at = (!made_room).then(Instant::now);
        made_room
    }
}

impl Connections {
    /// Creates an empty table.
    #[must_use]
    pub fn new(limits: ConnectionLimits, metrics: Metrics) -> Self {
        Self { inner: Arc::new(Inner { limits, metrics, table: Mutex::default() }) }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.inner.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the metrics of the process.
    pub(super) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Returns the limits on the number of connections.
    pub(super) fn limits(&self) -> &ConnectionLimits {
        &self.inner.limits
    }

    /// Adds a connection from this address, or returns the limit that it would exceed. At the process limit, tries to
    /// close another connection first.
    pub(super) fn admit(&self, address: IpAddr) -> Result<ConnectionPermit, LimitScope> {
        let address = client_network(address);
        let mut table = self.table();
        if table.per_address.get(&address).is_some_and(|count| *count >= self.inner.limits.per_address(address)) {
            return Err(LimitScope::Address);
        }
        if table.open.len() >= self.inner.limits.total && !table.make_room() {
            return Err(LimitScope::Process);
        }
        let (number, activity) = (table.next, Activity::new());
        table.next += 1;
        table.open.insert(number, (address, Arc::clone(&activity)));
        *table.per_address.entry(address).or_default() += 1;
        let gauge = self.inner.metrics.open_connection();
        Ok(ConnectionPermit { connections: self.clone(), number, activity, _gauge: gauge })
    }

    /// Closes the connection that has waited longest for its client, if it has waited for at least [`MIN_WAIT`].
    pub(super) fn close_longest_wait(&self) {
        self.table().make_room();
    }

    /// Of the connections whose response holds shared memory, closes the one whose client has been too slow for the
    /// longest time, if that time is at least [`MIN_WAIT`].
    pub fn close_longest_hold(&self) {
        self.table().close_longest(Activity::overdue_hold);
    }
}

/// The permit for an open connection. Dropping it removes the connection from the table.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    connections: Connections,
    number: u64,
    activity: Arc<Activity>,
    _gauge: GaugeGuard,
}

impl ConnectionPermit {
    /// Returns the activity of the connection.
    pub(super) fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.connections.table().remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(total: usize, per_address: Option<usize>) -> Connections {
        Connections::new(ConnectionLimits::new(total, per_address), Metrics::default())
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn refuses_connections_over_the_limit_per_address() {
        let connections = connections(10, Some(2));
        let first = connections.admit(ip("192.0.2.1")).unwrap();
        let _second = connections.admit(ip("192.0.2.1")).unwrap();

        assert_eq!(connections.admit(ip("192.0.2.1")).unwrap_err(), LimitScope::Address);
        assert!(connections.admit(ip("192.0.2.2")).is_ok());
        drop(first);
        assert!(connections.admit(ip("192.0.2.1")).is_ok());
    }

    #[test]
    fn closes_the_connection_that_has_waited_longest_at_the_process_limit() {
        let connections = connections(2, None);
        let first = connections.admit(ip("192.0.2.1")).unwrap();
        let second = connections.admit(ip("192.0.2.2")).unwrap();
        assert_eq!(
            connections.admit(ip("192.0.2.3")).unwrap_err(),
            LimitScope::Process,
            "no connection has waited long enough"
        );

        connections.table().searched_at = None;
        first.activity.age(MIN_WAIT * 2);
        second.activity.age(MIN_WAIT);
        let third = connections.admit(ip("192.0.2.3"));

        assert!(third.is_ok());
        assert!(first.activity.is_closed() && !second.activity.is_closed());
        drop(first);
        assert_eq!(connections.table().open.len(), 2);
    }

    #[test]
    fn closes_the_connection_whose_client_is_too_slow_while_it_holds_memory() {
        let connections = connections(9, None);
        let [idle, stalled, slow, holding] = ["192.0.2.1"; 4].map(|address| connections.admit(ip(address)).unwrap());
        stalled.activity.stall();
        stalled.activity.age(MIN_WAIT * 3);
        for holder in [&slow, &holding] {
            holder.activity.set_holds_memory(true);
        }
        holding.activity.stall();
        slow.activity.age(MIN_WAIT * 5);
        connections.close_longest_hold();
        assert!(
            !slow.activity.is_closed() && !holding.activity.is_closed(),
            "one client is reading, and one has only just stalled"
        );

        holding.activity.age(MIN_WAIT);
        connections.close_longest_hold();
        assert!(holding.activity.is_closed() && !slow.activity.is_closed());

        slow.activity.age(MIN_WAIT * 6);
        connections.close_longest_hold();
        assert!(slow.activity.is_closed(), "the limit has passed");
        assert!(!idle.activity.is_closed() && !stalled.activity.is_closed());
    }
}
