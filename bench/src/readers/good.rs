//! A reader that reads, and the latency of each change that it receives.

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

use crate::measure::Latencies;

/// Changes by the title that each sets, and their latencies.
#[derive(Debug, Default)]
pub struct Changes {
    made: AtomicU64,
    begun: Mutex<HashMap<String, Instant>>,
    /// From the request to the event, once per reader.
    pub latencies: Latencies,
}

impl Changes {
    /// Returns a title for a change that starts now.
    pub fn begin(&self) -> String {
        let title = format!("change {}", self.made.fetch_add(1, Ordering::Relaxed));
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).insert(title.clone(), Instant::now());
        title
    }

    fn see(&self, title: &str) {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner).get(title).copied();
        if let Some(begun) = begun {
            self.latencies.note(begun.elapsed());
        }
    }
}

/// Reads until it is stopped.
pub async fn read(mut stream: EventStream, changes: Arc<Changes>, stop: CancellationToken) -> Result<()> {
    while let Some(event) = stop.run_until_cancelled(stream.try_next()).await {
        match event {
            Ok(Some(event)) if event.kind == "session.updated" => {
                changes.see(event.data["session"]["title"].as_str().unwrap_or_default());
            }
            Ok(Some(event)) if event.kind == "resync" => bail!("a good reader was told {}", event.data),
            Ok(Some(_)) => {}
            Ok(None) => bail!("a good reader's stream ended"),
            Err(complaint) => bail!(complaint),
        }
    }
    Ok(())
}
