//! The state that request handlers share.

use std::{ops::Deref, path::PathBuf, sync::Arc};

use banter_shared::{
    agents_file::AgentCatalog,
    attachments::{Storage, Thumbnails},
    config::AttachmentLimits,
    id::TaskId,
    relay::SharedRelay,
    shutdown::Shutdown,
    store::{Change, Store},
    upkeep::STOP_TIMEOUT,
};
use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::{access::AccessPolicy, metrics::Metrics, response_memory::ResponseMemory, stream::Hub};

/// Where files are kept while they are imported, and how large they may be.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The folder.
    pub folder: PathBuf,
    /// The maximum size of a file, in bytes.
    pub max_bytes: u64,
}

/// The state of the process. Cheap to clone, because each layer of the router clones it for each request.
#[derive(Clone)]
pub struct AppState(Arc<Parts>);

/// The parts of [`AppState`].
pub struct Parts {
    pub(crate) store: Store,
    pub(crate) relay: SharedRelay,
    pub(crate) catalog: Arc<AgentCatalog>,
    pub(crate) hub: Hub,
    pub(crate) shutdown: Shutdown,
    pub(crate) access: Arc<AccessPolicy>,
    pub(crate) metrics: Metrics,
    /// The storage for attachments.
    pub(crate) storage: Storage,
    pub(crate) thumbnails: Thumbnails,
    /// One permit per upload in progress, which limits the memory for uploads.
    pub(crate) uploads: Semaphore,
    pub(crate) attachment_limits: AttachmentLimits,
    pub(crate) imports: ImportOptions,
    pub(crate) response_memory: ResponseMemory,
    /// The OpenAPI document, as JSON.
    pub(crate) openapi: Bytes,
    /// The default maximum number of attempts per task.
    pub(crate) task_max_attempts: u32,
}

impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl AppState {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Announces a committed change to all processes, and returns the change's value. Must be called for every change.
    /// If the change cancels running tasks, also ensures that they end.
    pub(crate) fn announce<T>(&self, changed: Change<T>) -> T {
        let stops = changed.hints.stops.clone();
        self.relay.announce(changed.hints);
        for task_id in stops {
            self.enforce_stop(task_id);
        }
        changed.value
    }

    /// Ends a task if its worker does not respond to the stop request within [`STOP_TIMEOUT`].
    fn enforce_stop(&self, task_id: TaskId) {
        let state = self.clone();
        self.shutdown.tasks().spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(STOP_TIMEOUT) => {}
                () = state.shutdown.hard().cancelled() => return,
            }
            match state.store.end_ignored_stop(task_id).await {
                Ok(ended) => state.relay.announce(ended.hints),
                Err(error) => tracing::warn!(%task_id, %error, "failed to end a task whose worker ignored a stop request; retrying"),
            }
        });
    }
}
