//! Cursors, which are positions in a user's event log.

use std::{fmt, str::FromStr};

use rand::RngExt as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Object, RefOr, Schema, schema::Type},
};

/// The length of an epoch in characters. Ten characters from an alphabet of 36 provide 51 random bits.
const EPOCH_CHARS: usize = 10;

/// The random ID of a user's log in one database (`[0-9a-z]+`). Cursors contain the epoch, so that a cursor from
/// another log is rejected.
#[derive(Clone, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct Epoch(String);

impl Epoch {
    /// Generates the epoch of a new log.
    #[must_use]
    pub fn generate() -> Self {
        const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        let mut rng = rand::rng();
        Self((0..EPOCH_CHARS).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())])).collect())
    }

    /// Wraps an epoch from the store.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// Returns the epoch as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A position in a user's log, immediately after event `seq`. Written as `<epoch>-<seq>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The epoch of the log.
    pub epoch: Epoch,
    /// The number of the last event before the position; 0 at the start of the log.
    pub seq: i64,
}

/// The error for a string that is not a valid cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
pub struct ParseCursorError;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch.0, self.seq)
    }
}

impl FromStr for Cursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (epoch, seq) = text.split_once('-').ok_or(ParseCursorError)?;
        let is_epoch = !epoch.is_empty() && epoch.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
        let is_seq =
            !seq.is_empty() && seq.bytes().all(|b| b.is_ascii_digit()) && (seq == "0" || !seq.starts_with('0'));
        if !is_epoch || !is_seq {
            return Err(ParseCursorError);
        }
        Ok(Self { epoch: Epoch(epoch.to_owned()), seq: seq.parse().map_err(|_| ParseCursorError)? })
    }
}

impl PartialSchema for Cursor {
    fn schema() -> RefOr<Schema> {
        Object::builder()
            .schema_type(Type::String)
            .pattern(Some("^[0-9a-z]+-[0-9]+$"))
            .description(Some("A position in the user's event log."))
            .examples([serde_json::json!("k3v9x0a1bz-42")])
            .into()
    }
}

impl ToSchema for Cursor {}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn round_trips_a_cursor() {
        let cursor = Cursor { epoch: Epoch::generate(), seq: 42 };

        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }

    #[test]
    fn rejects_invalid_cursors() {
        for text in [
            "",
            "-",
            "-1",
            "abc",
            "abc-",
            "abc--1",
            "abc-1x",
            "ABC-1",
            "abc-01",
            "abc-99999999999999999999",
            "a b-1",
            "abc-1-2",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(ParseCursorError), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn accepts_only_the_format_that_it_writes(text in "[0-9a-zA-Z]{0,12}-{0,2}[0-9]{0,20}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }
    }
}
