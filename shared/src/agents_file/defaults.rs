//! Default settings of agents.

use std::time::Duration;

/// Default of `timeout_s`, the time limit of an attempt.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(15);
/// Default of `history_bytes`, the maximum length of the sent conversation.
pub const DEFAULT_HISTORY_BYTES: usize = 96 * 1024;
/// Default of `first_byte_timeout_s`, the maximum time until a server sends the first byte.
pub const DEFAULT_FIRST_BYTE_TIMEOUT: Duration = Duration::from_mins(2);
/// Default of `idle_timeout_s`, the maximum duration of silence during an answer.
pub const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_mins(2);
/// Default of `permission_timeout_s`, the time that a user has to answer a permission request.
pub const DEFAULT_PERMISSION_TIMEOUT: Duration = Duration::from_mins(5);
/// Default of `keep_warm_s`, the time that an idle process is kept.
pub const DEFAULT_KEEP_WARM: Duration = Duration::from_mins(10);
/// Default of `max_processes`, the maximum number of processes of one agent per worker.
pub const DEFAULT_MAX_PROCESSES: usize = 8;
/// Default of `max_memory_mb`, the maximum memory of one agent's processes per worker.
pub const DEFAULT_MAX_MEMORY_MB: u64 = 4096;
