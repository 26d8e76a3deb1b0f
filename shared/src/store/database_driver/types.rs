//! The Rust types that can be read and bound. IDs, times, and enums are stored as text (`crate::text_column`).

use std::borrow::Cow;

use rusqlite::types::Value as StoredValue;
use serde::{Deserialize, Serialize};
use sqlx::{Decode, Encode, Type, encode::IsNull, error::BoxDynError, types::Json};

use super::{DataType, DatabaseDriver, Value, ValueRef};

/// Adds an argument.
fn push(buffer: &mut Vec<Value>, value: StoredValue) -> IsNull {
    buffer.push(Value(value));
    IsNull::No
}

/// Returns the error for a value in an unexpected storage class.
fn unexpected(value: ValueRef<'_>, expected: DataType) -> BoxDynError {
    format!("expected {expected}, found {}", value.0.data_type()).into()
}

fn integer(value: ValueRef<'_>) -> Result<i64, BoxDynError> {
    match &value.0.0 {
        StoredValue::Integer(number) => Ok(*number),
        _ => Err(unexpected(value, DataType::Integer)),
    }
}

fn text(value: ValueRef<'_>) -> Result<&str, BoxDynError> {
    match &value.0.0 {
        StoredValue::Text(text) => Ok(text),
        _ => Err(unexpected(value, DataType::Text)),
    }
}

fn bytes(value: ValueRef<'_>) -> Result<&[u8], BoxDynError> {
    match &value.0.0 {
        StoredValue::Blob(bytes) => Ok(bytes),
        _ => Err(unexpected(value, DataType::Blob)),
    }
}

macro_rules! stored_as {
    ($data_type:ident: $($rust:ty),+) => {
        $(impl Type<DatabaseDriver> for $rust {
            fn type_info() -> DataType {
                DataType::$data_type
            }
        })+
    };
}

stored_as!(Integer: bool, i64);
stored_as!(Text: str, String);
stored_as!(Blob: [u8], Vec<u8>);

impl<T> Type<DatabaseDriver> for Json<T> {
    fn type_info() -> DataType {
        DataType::Text
    }
}

impl Encode<'_, DatabaseDriver> for bool {
    fn encode_by_ref(&self, buffer: &mut Vec<Value>) -> Result<IsNull, BoxDynError> {
        Ok(push(buffer, StoredValue::Integer((*self).into())))
    }
}

impl Encode<'_, DatabaseDriver> for i64 {
    fn encode_by_ref(&self, buffer: &mut Vec<Value>) -> Result<IsNull, BoxDynError> {
        Ok(push(buffer, StoredValue::Integer(*self)))
    }
}

impl Encode<'_, DatabaseDriver> for &str {
    fn encode_by_ref(&self, buffer: &mut Vec<Value>) -> Result<IsNull, BoxDynError> {
        Ok(push(buffer, StoredValue::Text((*self).to_owned())))
    }
}

impl Encode<'_, DatabaseDriver> for String {
    fn encode(self, buffer: &mut Vec<Value>) -> Result<IsNull, BoxDynError> {
        Ok(push(buffer, StoredValue::Text(self)))
    }

    fn encode_by_ref(&self, buffer: &mut Vec<Value>) -> Result<IsNull, BoxDynError> {
        Ok(push(buffer, StoredValue::Text(self.clone())))
    }
}

impl Encode<'_, DatabaseDriver> for Cow<'_, str> {
    fn encode(self, buffer: &mut Vec<Value>) -> Result<IsNull, BoxDynError> {
        Ok(push(buffer, StoredValue::Text(self.into_owned())))
    }

    fn encode_by_ref(&self, buffer: &mut Vec<Value>) -> Result<IsNull, BoxDynError> {
        Ok(push(buffer, StoredValue::Text(self.clone().into_owned())))
    }
}

impl Encode<'_, DatabaseDriver> for &[u8] {
    fn encode_by_ref(&self, buffer: &mut Vec<Value>) -> Result<IsNull, BoxDynError> {
        Ok(push(buffer, StoredValue::Blob((*self).to_owned())))
    }
}

impl Encode<'_, DatabaseDriver> for Vec<u8> {
    fn encode_by_ref(&self, buffer: &mut Vec<Value>) -> Result<IsNull, BoxDynError> {
        Ok(push(buffer, StoredValue::Blob(self.clone())))
    }
}

impl<T: Serialize> Encode<'_, DatabaseDriver> for Json<T> {
    fn encode_by_ref(&self, buffer: &mut Vec<Value>) -> Result<IsNull, BoxDynError> {
        Ok(push(buffer, StoredValue::Text(serde_json::to_string(&self.0)?)))
    }
}

impl Decode<'_, DatabaseDriver> for bool {
    fn decode(value: ValueRef<'_>) -> Result<Self, BoxDynError> {
        Ok(integer(value)? != 0)
    }
}

impl Decode<'_, DatabaseDriver> for i64 {
    fn decode(value: ValueRef<'_>) -> Result<Self, BoxDynError> {
        integer(value)
    }
}

impl<'r> Decode<'r, DatabaseDriver> for &'r str {
    fn decode(value: ValueRef<'r>) -> Result<Self, BoxDynError> {
        text(value)
    }
}

impl Decode<'_, DatabaseDriver> for String {
    fn decode(value: ValueRef<'_>) -> Result<Self, BoxDynError> {
        text(value).map(str::to_owned)
    }
}

impl<'r> Decode<'r, DatabaseDriver> for &'r [u8] {
    fn decode(value: ValueRef<'r>) -> Result<Self, BoxDynError> {
        bytes(value)
    }
}

impl Decode<'_, DatabaseDriver> for Vec<u8> {
    fn decode(value: ValueRef<'_>) -> Result<Self, BoxDynError> {
        bytes(value).map(<[u8]>::to_vec)
    }
}

impl<'r, T: Deserialize<'r> + 'r> Decode<'r, DatabaseDriver> for Json<T> {
    fn decode(value: ValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(serde_json::from_str(text(value)?)?))
    }
}
