//! Default settings of agents.

use std::time::Duration;

/// Default of `timeout_s`: the time limit of an attempt.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(15);
/// Default of `history_bytes`: how much of a conversation is sent.
pub const DEFAULT_HISTORY_BYTES: usize = 96 * 1024;
/// Default of `first_byte_timeout_s`: how long a server may take until its first byte.
pub const DEFAULT_FIRST_BYTE_TIMEOUT: Duration = Duration::from_mins(2);
/// Default of `idle_timeout_s`: how long a server may be silent during an answer.
pub const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_mins(2);
/// Default of `permission_timeout_s`: how long a user has to answer a permission request.
pub const DEFAULT_PERMISSION_TIMEOUT: Duration = Duration::from_mins(5);
/// Default of `keep_warm_s`: how long an idle process is kept.
pub const DEFAULT_KEEP_WARM: Duration = Duration::from_mins(10);
/// Default of `max_processes`: processes of one agent per worker.
pub const DEFAULT_MAX_PROCESSES: usize = 8;
/// Default of `max_memory_mb`: memory of one agent's processes per worker.
pub const DEFAULT_MAX_MEMORY_MB: u64 = 4096;
