//! Waits for or kills the processes started by a turn, such as tools.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::agents::process::{ProcessHandle, tree};

/// How long the processes started by a cancelled turn may take to exit after the turn has ended.
const LEFTOVERS_LIMIT: Duration = Duration::from_secs(5);
/// Poll interval while waiting for these processes to exit.
const LEFTOVERS_POLL_INTERVAL: Duration = Duration::from_millis(200);
/// How long a detached process may take to exit after its turn has ended.
const DETACHED_GRACE: Duration = Duration::from_millis(300);
/// Poll interval while waiting for detached processes to exit.
const DETACHED_POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Time limit for killing all detached processes.
const DETACHED_LIMIT: Duration = Duration::from_secs(3);

/// Waits until all processes started since the beginning of the turn have exited. An agent may report that it has
/// stopped while one of its tools is still running. Returns `false` if they do not exit in time, the agent itself
/// exits, or the worker shuts down.
pub(super) async fn wait_until_exited(
    handle: &ProcessHandle,
    started_at: u64,
    shutting_down: &CancellationToken,
) -> bool {
    let deadline = Instant::now() + LEFTOVERS_LIMIT;
    while let Some(root) = handle.running_pid() {
        if tree::started_since(root, started_at).is_empty() {
            return true;
        }
        if Instant::now() > deadline
            || shutting_down.run_until_cancelled(sleep(LEFTOVERS_POLL_INTERVAL)).await.is_none()
        {
            return false;
        }
    }
    false
}

/// Kills any detached processes that a turn left running, such as a tool in its own Unix session. Otherwise, these
/// processes would run until the agent exits. Does not affect processes that are still attached to the agent. Returns
/// `false` if any detached processes remain.
pub(in crate::agents::acp) async fn kill_detached(handle: &ProcessHandle, started_at: u64) -> bool {
    let since = Instant::now();
    while let Some(root) = handle.running_pid() {
        let detached = tree::detached_since(root, started_at);
        if detached.is_empty() {
            return true;
        }
        if since.elapsed() > DETACHED_LIMIT {
            return false;
        }
        if since.elapsed() > DETACHED_GRACE {
            tracing::info!(count = detached.len(), "killing processes left running by a turn");
            detached.into_iter().for_each(tree::kill);
        }
        sleep(DETACHED_POLL_INTERVAL).await;
    }
    true
}
