//! Default agent settings.

use std::time::Duration;

/// Default for `timeout_s`, the time limit for an attempt.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(15);
/// Default for `history_bytes`, the maximum length of the conversation sent to an agent, in bytes.
pub const DEFAULT_HISTORY_BYTES: usize = 96 * 1024;
/// Default for `first_byte_timeout_s`, the maximum time until a server sends the first byte.
pub const DEFAULT_FIRST_BYTE_TIMEOUT: Duration = Duration::from_mins(2);
/// Default for `idle_timeout_s`, the maximum time without output during an answer.
pub const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_mins(2);
/// Default for `keep_warm_s`, how long an idle process is kept.
pub const DEFAULT_KEEP_WARM: Duration = Duration::from_mins(10);
/// Default for `max_processes`, the maximum number of processes of one agent per worker.
pub const DEFAULT_MAX_PROCESSES: usize = 8;
/// Default for `max_memory_mb`, the maximum memory used by one agent's processes per worker, in MiB.
pub const DEFAULT_MAX_MEMORY_MB: u64 = 4096;
