//! Reads a stream of numbered, timestamped events and measures their latencies.

use std::time::Duration;

use anyhow::{Result, ensure};
use banter_tests::latency::Latencies;

use super::{monotonic, stream::EventStream};

/// A reader of one stream.
#[derive(Debug)]
pub struct StampReader {
    next: Option<u64>,
    /// Time on the monotonic clock before which events are ignored, because they may have waited for the reader to
    /// start.
    since: Duration,
    /// Latencies from when an event is produced to when it arrives.
    pub latencies: Latencies,
}

impl StampReader {
    /// Creates a reader that measures the events produced at or after `since`, a time on the monotonic clock.
    pub fn starting_at(since: Duration) -> Self {
        Self { next: None, since, latencies: Latencies::default() }
    }

    /// Reads until `count` events have been measured. Each event must arrive exactly once and in order. A frame may
    /// contain several events.
    ///
    /// # Errors
    /// Fails if there is a gap or a duplicate, or if the stream ends.
    pub async fn read(&mut self, stream: &mut EventStream, count: u64) -> Result<()> {
        while self.latencies.count() < count {
            let frame = stream.next().await?;
            // `message.partial` and `message.created` repeat the whole text. Events that have not arrived in a delta
            // count as delivered now.
            let is_repeated = match frame.kind() {
                "message.delta" => false,
                "message.partial" | "message.created" => true,
                _ => continue,
            };
            let now = monotonic::now()?;
            for stamp in frame.data().split('@').skip(1) {
                self.record(stamp, is_repeated, now)?;
            }
        }
        Ok(())
    }

    fn record(&mut self, stamp: &str, is_repeated: bool, now: Duration) -> Result<()> {
        let Some((number, rest)) = stamp.split_once(':') else { return Ok(()) };
        let Some((nanos, _)) = rest.split_once(';') else { return Ok(()) };
        // A preview of the text may end in the middle of a stamp.
        let (Ok(number), Ok(nanos)) = (number.parse::<u64>(), nanos.parse()) else { return Ok(()) };
        let next = self.next.unwrap_or(number);
        if is_repeated && number < next {
            return Ok(());
        }
        ensure!(number == next, "event {number} instead of {next}");
        self.next = Some(next + 1);
        let at = Duration::from_nanos(nanos);
        if at >= self.since {
            self.latencies.record(now.saturating_sub(at));
        }
        Ok(())
    }
}
