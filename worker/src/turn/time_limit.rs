//! The time limit for an attempt.

use std::time::Duration;

use tokio::time::Instant;

/// A time limit that can be paused.
#[derive(Debug)]
pub(super) struct TimeLimit {
    /// The time left when the clock was last started.
    left: Duration,
    /// When the clock was last started; `None` while it is paused.
    started_at: Option<Instant>,
}

impl TimeLimit {
    /// Starts the clock.
    pub(super) fn new(limit: Duration) -> Self {
        Self { left: limit, started_at: Some(Instant::now()) }
    }

    /// Returns when the time will be up; `None` while the clock is paused.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.started_at.map(|started_at| started_at + self.left)
    }

    /// Pauses or resumes the clock. Does nothing if the clock is already in that state.
    pub(super) fn set_paused(&mut self, is_paused: bool) {
        match self.started_at {
            Some(started_at) if is_paused => {
                self.left = self.left.saturating_sub(started_at.elapsed());
                self.started_at = None;
            }
            None if !is_paused => self.started_at = Some(Instant::now()),
            Some(_) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn excludes_the_time_while_paused() {
        let start = Instant::now();
        let mut limit = TimeLimit::new(Duration::from_secs(10));
        assert_eq!(limit.deadline(), Some(start + Duration::from_secs(10)));

        advance(Duration::from_secs(4)).await;
        limit.set_paused(true);
        assert_eq!(limit.deadline(), None);
        advance(Duration::from_hours(1)).await;
        limit.set_paused(true);
        limit.set_paused(false);

        assert_eq!(limit.deadline(), Some(start + Duration::from_secs(3610)));
    }
}
