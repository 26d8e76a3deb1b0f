//! Durations in messages to users.

use std::{fmt, time::Duration};

/// Displays a duration in whole seconds: "1 second", "30 seconds".
pub(crate) struct Seconds(pub(crate) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            1 => f.write_str("1 second"),
            seconds => write!(f, "{seconds} seconds"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_the_singular_for_one_second() {
        assert_eq!(Seconds(Duration::from_millis(1999)).to_string(), "1 second");
        assert_eq!(Seconds(Duration::from_secs(0)).to_string(), "0 seconds");
    }
}
