//! Readers of a stream with numbered, timed events, and what they received.

use std::time::Duration;

use anyhow::{Result, ensure};
use banter_tests::latency::Latencies;

use super::{monotonic, stream::EventStream};

/// A reader of one stream.
#[derive(Debug)]
pub struct StampReader {
    next: Option<u64>,
    /// Events before this moment may have waited for the reader to start, so they are not measured.
    since: Duration,
    /// From the production of an event to its arrival.
    pub latencies: Latencies,
}

impl StampReader {
    /// Creates a reader that measures the events after a moment of the monotonic clock.
    pub fn starting_at(since: Duration) -> Self {
        Self { next: None, since, latencies: Latencies::default() }
    }

    /// Reads until `count` events have been measured; each must arrive once and in order. A frame may hold several.
    ///
    /// # Errors
    /// Fails at a gap, a duplicate, or the end of the stream.
    pub async fn read(&mut self, stream: &mut EventStream, count: u64) -> Result<()> {
        while self.latencies.count() < count {
            let frame = stream.next().await?;
            // The whole text is repeated in these; what was not in a delta before counts as delivered now.
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
        // A preview of the text may end within a stamp.
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
