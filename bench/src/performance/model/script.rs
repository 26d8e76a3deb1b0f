//! The model's script, which is the last message in a request.

use std::{fmt, str::FromStr, time::Duration};

use memchr::memmem;

/// The text before the time of arrival in an instant answer. The time is in nanoseconds on the monotonic clock.
pub const ARRIVAL: &str = " @";

/// How the model answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Script {
    /// The message itself, [`ARRIVAL`], and the time of arrival, in a single delta.
    Instant(String),
    /// A number of deltas of the same size, sent as fast as they are read: `/deltas COUNT BYTES`.
    Deltas {
        /// Number of deltas.
        count: usize,
        /// Size of each delta, in bytes.
        bytes: usize,
    },
    /// Numbered, timestamped deltas, one in each interval: `/paced MILLISECONDS COUNT`.
    Paced {
        /// Interval between deltas.
        interval: Duration,
        /// Number of deltas.
        count: u64,
    },
}

impl Script {
    /// Reads the script from a request's body, without parsing the rest of the conversation.
    pub fn of_request(body: &[u8]) -> Self {
        const CONTENT: &[u8] = b"\"content\":\"";
        let start = memmem::rfind(body, CONTENT).map_or(body.len(), |at| at + CONTENT.len());
        let rest = &body[start..];
        // The messages in a run contain no quotes.
        let end = memchr::memchr(b'"', rest).unwrap_or(rest.len());
        Self::of_text(&String::from_utf8_lossy(&rest[..end]))
    }

    fn of_text(text: &str) -> Self {
        let words: Vec<&str> = text.split(' ').collect();
        let script = match words[..] {
            ["/deltas", count, bytes] => {
                parsed(count).zip(parsed(bytes)).map(|(count, bytes)| Self::Deltas { count, bytes })
            }
            ["/paced", millis, count] => parsed(millis)
                .zip(parsed(count))
                .map(|(millis, count)| Self::Paced { interval: Duration::from_millis(millis), count }),
            _ => None,
        };
        script.unwrap_or_else(|| Self::Instant(text.to_owned()))
    }

    /// Returns the text of a numbered, timestamped delta.
    pub fn stamp(number: u64, at: Duration) -> String {
        format!("@{number}:{};", at.as_nanos())
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instant(text) => f.write_str(text),
            Self::Deltas { count, bytes } => write!(f, "/deltas {count} {bytes}"),
            Self::Paced { interval, count } => write!(f, "/paced {} {count}", interval.as_millis()),
        }
    }
}

fn parsed<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_last_message_of_a_request() {
        let body =
            br#"{"messages":[{"content":"one","role":"user"},{"content":"/paced 50 100","role":"user"}],"model":"m"}"#;

        let script = Script::of_request(body);

        assert_eq!(script, Script::Paced { interval: Duration::from_millis(50), count: 100 });
        assert_eq!(Script::of_text(&script.to_string()), script);
        assert_eq!(Script::of_text("turn 7"), Script::Instant("turn 7".into()));
    }
}
