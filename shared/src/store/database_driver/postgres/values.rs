//! Converts values to and from PostgreSQL's binary formats.
//!
//! The store knows five types of values, those of SQLite. PostgreSQL determines the type of each parameter from its
//! context, so an integer may have to be sent as a boolean or as a time.

use std::{borrow::Cow, error::Error as StdError};

use bytes::{BufMut as _, BytesMut};
use rusqlite::types::Value as StoredValue;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// The Unix time, in seconds, from which PostgreSQL counts.
const EPOCH_UNIX_SECONDS: i64 = 946_684_800;
const MICROS_PER_SECOND: i64 = 1_000_000;

/// Replaces NUL, which PostgreSQL cannot store in text. The next character says whether it is a replacement or the
/// character itself. The character is permanently reserved, so it does not occur in text that people write.
const ESCAPE: char = '\u{10FFFE}';

/// Text that PostgreSQL can store.
fn escape(text: &str) -> Cow<'_, str> {
    if text.contains(['\0', ESCAPE]) {
        Cow::Owned(text.replace(ESCAPE, "\u{10FFFE}1").replace('\0', "\u{10FFFE}0"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Reverts [`escape`].
fn unescape(text: &str) -> String {
    if text.contains(ESCAPE) {
        text.replace("\u{10FFFE}0", "\0").replace("\u{10FFFE}1", "\u{10FFFE}")
    } else {
        text.to_owned()
    }
}

type BoxError = Box<dyn StdError + Sync + Send>;

/// An argument of a statement.
#[derive(Debug)]
pub(super) struct Parameter<'a>(pub(super) &'a StoredValue);

impl ToSql for Parameter<'_> {
    fn to_sql(&self, data_type: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        match self.0 {
            StoredValue::Null => return Ok(IsNull::Yes),
            StoredValue::Integer(number) => match *data_type {
                Type::BOOL => out.put_u8(u8::from(*number != 0)),
                Type::INT2 => out.put_i16((*number).try_into()?),
                Type::INT4 => out.put_i32((*number).try_into()?),
                Type::INT8 => out.put_i64(*number),
                Type::TIMESTAMPTZ => {
                    let seconds = number.checked_sub(EPOCH_UNIX_SECONDS);
                    let micros = seconds.and_then(|seconds| seconds.checked_mul(MICROS_PER_SECOND));
                    out.put_i64(micros.ok_or("the time is out of range")?);
                }
                _ => return Err(unsupported("an integer", data_type)),
            },
            StoredValue::Real(number) => match *data_type {
                Type::FLOAT8 => out.put_f64(*number),
                _ => return Err(unsupported("a real number", data_type)),
            },
            StoredValue::Text(text) => match *data_type {
                Type::TEXT | Type::VARCHAR | Type::JSON | Type::UNKNOWN => out.put_slice(escape(text).as_bytes()),
                Type::JSONB => {
                    // The version of the format.
                    out.put_u8(1);
                    out.put_slice(text.as_bytes());
                }
                _ => return Err(unsupported("text", data_type)),
            },
            StoredValue::Blob(bytes) => match *data_type {
                Type::BYTEA => out.put_slice(bytes),
                _ => return Err(unsupported("bytes", data_type)),
            },
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn unsupported(value: &str, data_type: &Type) -> BoxError {
    format!("{value} cannot be sent as {data_type}").into()
}

/// A value of a row.
pub(super) struct Stored(pub(super) StoredValue);

impl<'a> FromSql<'a> for Stored {
    fn from_sql(data_type: &Type, raw: &'a [u8]) -> Result<Self, BoxError> {
        Ok(Self(match *data_type {
            Type::BOOL => StoredValue::Integer(bool::from_sql(data_type, raw)?.into()),
            Type::INT2 => StoredValue::Integer(i16::from_sql(data_type, raw)?.into()),
            Type::INT4 => StoredValue::Integer(i32::from_sql(data_type, raw)?.into()),
            Type::INT8 => StoredValue::Integer(i64::from_sql(data_type, raw)?),
            Type::FLOAT8 => StoredValue::Real(f64::from_sql(data_type, raw)?),
            Type::TIMESTAMPTZ => {
                let micros = i64::from_sql(&Type::INT8, raw)?;
                StoredValue::Integer(micros.div_euclid(MICROS_PER_SECOND) + EPOCH_UNIX_SECONDS)
            }
            Type::BYTEA => StoredValue::Blob(raw.to_owned()),
            Type::JSONB => StoredValue::Text(unescape(str::from_utf8(raw.get(1..).unwrap_or_default())?)),
            Type::TEXT | Type::VARCHAR | Type::NAME | Type::JSON | Type::UNKNOWN => {
                StoredValue::Text(unescape(str::from_utf8(raw)?))
            }
            _ => return Err(format!("values of the type {data_type} are not supported").into()),
        }))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_can_be_stored_and_read_back(text in "[a\u{0}\u{10FFFE}01]{0,12}|\\PC*") {
            let stored = escape(&text);

            prop_assert!(!stored.contains('\0'));
            prop_assert_eq!(unescape(&stored), text);
        }
    }

    #[test]
    fn integers_are_sent_as_the_type_that_the_statement_needs() {
        let send = |number, data_type| {
            let mut out = BytesMut::new();
            Parameter(&StoredValue::Integer(number)).to_sql(&data_type, &mut out).map(|_| out.to_vec())
        };

        assert_eq!(send(7, Type::BOOL).unwrap(), [1]);
        assert_eq!(send(-2, Type::INT4).unwrap(), [255, 255, 255, 254]);
        assert_eq!(send(EPOCH_UNIX_SECONDS + 1, Type::TIMESTAMPTZ).unwrap(), 1_000_000_i64.to_be_bytes());
        assert!(send(i64::MAX, Type::INT4).is_err());
        assert!(send(7, Type::TEXT).is_err());
    }
}
