//! The cursor for the session list, which encodes the end of a page as opaque, URL-safe text.

use std::borrow::Cow;

use banter_shared::store::SessionCursor;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize as _, Deserializer, de::Error as _};

/// Encodes a cursor.
pub fn encode(cursor: &SessionCursor) -> String {
    let pinned = u8::from(cursor.pinned);
    URL_SAFE_NO_PAD.encode(format!("{pinned} {} {}", cursor.last_activity_at, cursor.id))
}

/// Deserializes the cursor from a query parameter.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SessionCursor>, D::Error> {
    let Some(text) = Option::<Cow<'_, str>>::deserialize(deserializer)? else { return Ok(None) };
    let cursor = decode(&text).ok_or_else(|| D::Error::custom("must be a `next_cursor` returned by this endpoint"))?;
    Ok(Some(cursor))
}

/// Decodes a cursor; `None` for any text that [`encode`] does not produce.
fn decode(text: &str) -> Option<SessionCursor> {
    let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let mut parts = plain.split(' ');
    let pinned = match parts.next()? {
        "0" => false,
        "1" => true,
        _ => return None,
    };
    let cursor =
        SessionCursor { pinned, last_activity_at: parts.next()?.parse().ok()?, id: parts.next()?.parse().ok()? };
    (encode(&cursor) == text).then_some(cursor)
}

#[cfg(test)]
mod tests {
    use banter_shared::id::SessionId;

    use super::*;

    #[test]
    fn a_cursor_round_trips_and_is_url_safe() {
        for pinned in [false, true] {
            let at = "2026-01-31T12:00:00.123Z".parse().unwrap();
            let cursor = SessionCursor { pinned, last_activity_at: at, id: SessionId::generate() };

            let text = encode(&cursor);

            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{text}");
            assert_eq!(decode(&text), Some(cursor));
        }
    }

    #[test]
    fn rejects_a_modified_cursor() {
        let at = "2026-01-31T12:00:00Z".parse().unwrap();
        let good = encode(&SessionCursor { pinned: false, last_activity_at: at, id: SessionId::generate() });

        for bad in [
            "",
            "x",
            "-",
            "\0",
            "!!!!",
            &good[1..],
            &good[..good.len() - 4],
            &format!("{good}AAAA"),
            &format!("{good}="),
        ] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
    }
}
