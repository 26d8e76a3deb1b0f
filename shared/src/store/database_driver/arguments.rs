//! The arguments of a statement.

use rusqlite::types::Value as StoredValue;
use sqlx::{Encode, Type, encode::IsNull, error::BoxDynError};

use super::{DatabaseDriver, Value};

/// The arguments of a statement, in the order of their parameters. The first one is bound to `$1`.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Arguments(pub(super) Vec<Value>);

impl From<Vec<Value>> for Arguments {
    fn from(values: Vec<Value>) -> Self {
        Self(values)
    }
}

impl Arguments {
    /// Returns whether the value with this index is neither missing nor NULL nor false.
    pub(in crate::store) fn holds(&self, index: usize) -> bool {
        !matches!(self.0.get(index), None | Some(Value(StoredValue::Null | StoredValue::Integer(0))))
    }
}

impl sqlx::Arguments for Arguments {
    type Database = DatabaseDriver;

    fn reserve(&mut self, additional: usize, _size: usize) {
        self.0.reserve(additional);
    }

    fn add<'t, T: Encode<'t, DatabaseDriver> + Type<DatabaseDriver>>(&mut self, value: T) -> Result<(), BoxDynError> {
        if let IsNull::Yes = value.encode(&mut self.0)? {
            self.0.push(Value(StoredValue::Null));
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

sqlx_core::impl_into_arguments_for_arguments!(Arguments);
sqlx_core::impl_encode_for_option!(DatabaseDriver);
