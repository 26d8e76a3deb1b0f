//! Code shared by both connections to Redis: timeouts, backoff, and the classification of errors.

use std::time::Duration;

use ::redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind};
use tokio::time::{Instant, sleep, timeout};

use crate::relay::LinkState;

/// How long Redis may take to respond before it counts as unavailable.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(1);
/// The first pause before a new attempt to connect. Each further pause is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause. This and [`ANSWER_LIMIT`] determine how soon a process detects that Redis is available again.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// A connection that lasted at least this long is replaced without a pause.
const LASTING: Duration = Duration::from_secs(1);

/// Waits for a response from Redis, with a timeout, because Redis may be frozen.
pub(super) async fn answer<T>(request: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    timeout(ANSWER_LIMIT, request)
        .await
        .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
}

/// Returns the state that an error indicates.
pub(super) fn state_after(error: &RedisError) -> LinkState {
    match error.kind() {
        ErrorKind::AuthenticationFailed | ErrorKind::Server(ServerErrorKind::NoPerm) => LinkState::Denied,
        _ if matches!(error.code(), Some("NOAUTH" | "WRONGPASS")) => LinkState::Denied,
        _ => LinkState::Disconnected,
    }
}

/// Returns whether the error is a response from Redis, which means that the connection works.
pub(super) fn is_answer(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

/// The pauses between attempts to connect.
#[derive(Debug)]
pub(super) struct Backoff {
    pause: Duration,
    attempted_at: Instant,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { pause: FIRST_PAUSE, attempted_at: Instant::now() }
    }

    /// Waits before the next attempt. `was_connected` is whether the previous attempt succeeded.
    pub(super) async fn wait(&mut self, was_connected: bool) {
        let lasted = was_connected.then(|| self.attempted_at.elapsed());
        sleep(self.next_pause(lasted)).await;
        self.attempted_at = Instant::now();
    }

    /// Returns the pause after a connection of this duration; `None` means that the attempt failed.
    fn next_pause(&mut self, lasted: Option<Duration>) -> Duration {
        if lasted.is_some_and(|lasted| lasted >= LASTING) {
            self.pause = FIRST_PAUSE;
            return Duration::ZERO;
        }
        let pause = self.pause;
        self.pause = (2 * pause).min(LONGEST_PAUSE);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(text: &str) -> RedisError {
        ::redis::parse_redis_value(text.as_bytes()).and_then(::redis::Value::extract_error).unwrap_err()
    }

    #[test]
    fn distinguishes_denied_access_from_lost_connections() {
        for (error, state, is_an_answer) in [
            (reply("-NOPERM User relay has no permissions to run the 'publish' command\r\n"), LinkState::Denied, true),
            (reply("-NOPERM No permissions to access a channel\r\n"), LinkState::Denied, true),
            (reply("-NOAUTH Authentication required.\r\n"), LinkState::Denied, true),
            (reply("-WRONGPASS invalid username-password pair or user is disabled.\r\n"), LinkState::Denied, true),
            (reply("-LOADING Redis is loading the dataset in memory\r\n"), LinkState::Disconnected, true),
            (std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into(), LinkState::Disconnected, false),
        ] {
            assert_eq!((state_after(&error), is_answer(&error)), (state, is_an_answer), "{error}");
        }
    }

    #[test]
    fn doubles_the_pause_and_resets_it_after_a_lasting_connection() {
        let mut backoff = Backoff::new();
        let (brief, lasting) = (Some(Duration::ZERO), Some(LASTING));

        let pauses = [None, None, None, brief, None, None, lasting, brief, None]
            .map(|lasted| backoff.next_pause(lasted).as_millis());

        assert_eq!(pauses, [50, 100, 200, 400, 500, 500, 0, 50, 100]);
    }
}
