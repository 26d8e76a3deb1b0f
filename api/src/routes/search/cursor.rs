//! The cursor for search results, which encodes the end of a page as opaque, URL-safe text.

use std::borrow::Cow;

use banter_shared::{chat::Role, store::SearchPosition};
use serde::{Deserialize as _, Deserializer, de::Error as _};

/// Encodes a cursor.
pub fn encode(position: SearchPosition) -> String {
    let role = match position.role {
        Role::User => 'u',
        Role::Assistant => 'a',
    };
    format!("{}{role}", position.turn)
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
    let (turn, role) = match text.strip_suffix('u') {
        Some(turn) => (turn, Role::User),
        None => (text.strip_suffix('a')?, Role::Assistant),
    };
    let position = SearchPosition { turn: turn.parse().ok().filter(|&turn| turn >= 0)?, role };
    (encode(position) == text).then_some(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_positions_and_rejects_other_texts() {
        for role in [Role::User, Role::Assistant] {
            let position = SearchPosition { turn: 12, role };
            assert_eq!(decode(&encode(position)), Some(position));
        }
        for text in ["", "a", "12", "012a", "+1a", "-1a", "12b", "99999999999999999999u"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
