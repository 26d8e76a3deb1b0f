//! What holds for an agent unless its table says otherwise.

use std::time::Duration;

/// How long a turn may take unless the agent's `timeout_s` says otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(15);
/// How much of a conversation is sent unless `history_bytes` says otherwise.
pub const DEFAULT_HISTORY_BYTES: usize = 96 * 1024;
/// How long a server may think before its first byte unless `first_byte_timeout_s` says otherwise.
pub const DEFAULT_FIRST_BYTE_TIMEOUT: Duration = Duration::from_mins(2);
/// How long a server may be silent in mid-answer unless `idle_timeout_s` says otherwise.
pub const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_mins(2);
/// How long a user has to decide about a permission unless `permission_timeout_s` says otherwise.
pub const DEFAULT_PERMISSION_TIMEOUT: Duration = Duration::from_mins(5);
/// How long a process without work is kept unless `keep_warm_s` says otherwise.
pub const DEFAULT_KEEP_WARM: Duration = Duration::from_mins(10);
/// Processes of one agent in one worker unless `max_processes` says otherwise.
pub const DEFAULT_MAX_PROCESSES: usize = 8;
/// Memory of one agent's processes in one worker unless `max_memory_mb` says otherwise.
pub const DEFAULT_MAX_MEMORY_MB: u64 = 4096;
