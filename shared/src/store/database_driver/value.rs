//! Values in SQLite's five storage classes (<https://www.sqlite.org/datatype3.html>).

use std::{borrow::Cow, fmt};

use rusqlite::types::Value as StoredValue;
use sqlx::TypeInfo;

use super::DatabaseDriver;

/// The storage class of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum DataType {
    Null,
    Integer,
    Real,
    Text,
    Blob,
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl TypeInfo for DataType {
    fn is_null(&self) -> bool {
        *self == Self::Null
    }

    fn name(&self) -> &str {
        match self {
            Self::Null => "NULL",
            Self::Integer => "INTEGER",
            Self::Real => "REAL",
            Self::Text => "TEXT",
            Self::Blob => "BLOB",
        }
    }
}

/// A value of a row or of a parameter.
#[derive(Clone, Debug)]
pub(in crate::store) struct Value(pub(super) StoredValue);

impl Value {
    pub(super) const fn data_type(&self) -> DataType {
        match self.0 {
            StoredValue::Null => DataType::Null,
            StoredValue::Integer(_) => DataType::Integer,
            StoredValue::Real(_) => DataType::Real,
            StoredValue::Text(_) => DataType::Text,
            StoredValue::Blob(_) => DataType::Blob,
        }
    }
}

impl Value {
    /// Returns the approximate size in bytes.
    pub(in crate::store) const fn size(&self) -> usize {
        match &self.0 {
            StoredValue::Null => 0,
            StoredValue::Integer(_) | StoredValue::Real(_) => size_of::<i64>(),
            StoredValue::Text(text) => text.len(),
            StoredValue::Blob(bytes) => bytes.len(),
        }
    }

    /// Appends an encoding that differs from those of all other values, even if other values follow.
    pub(in crate::store) fn encode_to(&self, out: &mut Vec<u8>) {
        let (tag, bytes): (u8, &[u8]) = match &self.0 {
            StoredValue::Null => (0, &[]),
            StoredValue::Integer(number) => (1, &number.to_be_bytes()),
            StoredValue::Real(number) => (2, &number.to_be_bytes()),
            StoredValue::Text(text) => (3, text.as_bytes()),
            StoredValue::Blob(bytes) => (4, bytes),
        };
        out.push(tag);
        out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        out.extend_from_slice(bytes);
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self(StoredValue::Integer(number))
    }
}

impl sqlx::Value for Value {
    type Database = DatabaseDriver;

    fn as_ref(&self) -> ValueRef<'_> {
        ValueRef(self)
    }

    fn type_info(&self) -> Cow<'_, DataType> {
        Cow::Owned(self.data_type())
    }

    fn is_null(&self) -> bool {
        self.data_type().is_null()
    }
}

/// A reference to a value of a row.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct ValueRef<'r>(pub(super) &'r Value);

impl<'r> sqlx::ValueRef<'r> for ValueRef<'r> {
    type Database = DatabaseDriver;

    fn to_owned(&self) -> Value {
        self.0.clone()
    }

    fn type_info(&self) -> Cow<'_, DataType> {
        Cow::Owned(self.0.data_type())
    }

    fn is_null(&self) -> bool {
        self.0.data_type().is_null()
    }
}
