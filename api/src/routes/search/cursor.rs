//! The cursor for search results, which encodes the end of a page as opaque, URL-safe text.

use std::borrow::Cow;

use banter_shared::store::SearchPosition;
use serde::{Deserialize as _, Deserializer, de::Error as _};

/// Encodes a cursor.
pub fn encode(position: SearchPosition) -> String {
    match position {
        SearchPosition::Recent(key) => key.to_string(),
        SearchPosition::Ranked { anchor, score, key } => format!("{anchor}-{score}-{key}"),
    }
}

/// Deserializes the cursor from a query parameter.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SearchPosition>, D::Error> {
    let Some(text) = Option::<Cow<'_, str>>::deserialize(deserializer)? else { return Ok(None) };
    let position =
        decode(&text).ok_or_else(|| D::Error::custom("must be a `next_cursor` returned by this endpoint"))?;
    Ok(Some(position))
}

/// Decodes a cursor; `None` for any text that [`encode`] does not produce.
fn decode(text: &str) -> Option<SearchPosition> {
    let numbers: Vec<i64> =
        text.split('-').map(|part| part.parse().ok().filter(|&number| number >= 0)).collect::<Option<_>>()?;
    let position = match numbers[..] {
        [key] => SearchPosition::Recent(key),
        [anchor, score, key] => SearchPosition::Ranked { anchor, score, key },
        _ => return None,
    };
    (encode(position) == text).then_some(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_positions_and_rejects_other_texts() {
        for position in [SearchPosition::Recent(12), SearchPosition::Ranked { anchor: 3, score: 0, key: i64::MAX }] {
            assert_eq!(decode(&encode(position)), Some(position));
        }
        for text in ["", "a", "012", "+1", "-1", "1-2", "1-2-3-4", "1-2-", "99999999999999999999"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
