//! Readers of a stream with numbered, timed events, and what they received.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use banter_tests::latency::Latencies;

use super::{monotonic, stream::EventStream};

/// A reader of one stream.
#[derive(Debug, Default)]
pub struct StampReader {
    next: Option<u64>,
    /// From the production of an event to its arrival.
    pub latencies: Latencies,
}

impl StampReader {
    /// Reads until `count` numbers have arrived, each exactly once and in order. A frame may hold several.
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
        let (number, nanos): (u64, u64) = (number.parse().context("a number")?, nanos.parse().context("a time")?);
        let next = self.next.unwrap_or(number);
        if is_repeated && number < next {
            return Ok(());
        }
        ensure!(number == next, "event {number} instead of {next}");
        self.next = Some(next + 1);
        self.latencies.record(now.saturating_sub(Duration::from_nanos(nanos)));
        Ok(())
    }
}
