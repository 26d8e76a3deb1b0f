//! A reader that keeps up with its stream, and the latencies of the changes that it receives.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use anyhow::{Result, bail};
use banter_tests::sse::EventStream;
use tokio_util::sync::CancellationToken;

use banter_tests::latency::LatencyRecorder;

/// The changes made so far, each identified by the title that the change sets, and their latencies.
#[derive(Debug, Default)]
pub struct Changes {
    count: AtomicU64,
    started: Mutex<HashMap<String, Instant>>,
    /// Latencies from sending a request to receiving its event, one for each change and reader.
    pub latencies: LatencyRecorder,
}

impl Changes {
    /// Returns the title for a change that starts now.
    pub fn begin(&self) -> String {
        let title = format!("change {}", self.count.fetch_add(1, Ordering::Relaxed));
        self.started.lock().unwrap_or_else(PoisonError::into_inner).insert(title.clone(), Instant::now());
        title
    }

    fn record(&self, title: &str) {
        let started = self.started.lock().unwrap_or_else(PoisonError::into_inner).get(title).copied();
        if let Some(started) = started {
            self.latencies.record(started.elapsed());
        }
    }
}

/// Reads the stream until `stop` is cancelled.
pub async fn read(mut stream: EventStream, changes: Arc<Changes>, stop: CancellationToken) -> Result<()> {
    while let Some(event) = stop.run_until_cancelled(stream.try_next()).await {
        match event {
            Ok(Some(event)) if event.kind == "session.updated" => {
                changes.record(event.data["session"]["title"].as_str().unwrap_or_default());
            }
            Ok(Some(event)) if event.kind == "resync" => bail!("a reader received resync: {}", event.data),
            Ok(Some(_)) => {}
            Ok(None) => bail!("a reader's stream ended"),
            Err(violation) => bail!(violation),
        }
    }
    Ok(())
}
