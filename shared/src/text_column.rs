//! Stores IDs, times, and enums as text.

/// The error for stored text that is not a valid value of its type.
#[derive(Debug, thiserror::Error)]
#[error("unknown value {0:?}")]
pub struct UnknownText(pub(crate) String);

/// Implements sqlx's traits for a type that is stored as text, using its `Display` and `FromStr`.
macro_rules! text_column {
    ($name:ty) => {
        impl<DB: sqlx::Database> sqlx::Type<DB> for $name
        where
            String: sqlx::Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <String as sqlx::Type<DB>>::type_info()
            }

            fn compatible(stored: &DB::TypeInfo) -> bool {
                <String as sqlx::Type<DB>>::compatible(stored)
            }
        }

        impl<'q, DB: sqlx::Database> sqlx::Encode<'q, DB> for $name
        where
            String: sqlx::Encode<'q, DB>,
        {
            fn encode_by_ref(
                &self,
                buffer: &mut DB::ArgumentBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                sqlx::Encode::<DB>::encode(self.to_string(), buffer)
            }
        }

        impl<'r, DB: sqlx::Database> sqlx::Decode<'r, DB> for $name
        where
            &'r str: sqlx::Decode<'r, DB>,
        {
            fn decode(value: DB::ValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                let text = <&str as sqlx::Decode<DB>>::decode(value)?;
                text.parse().map_err(|_| $crate::text_column::UnknownText(text.to_owned()).into())
            }
        }
    };
}

/// Implements `as_str` and sqlx's traits for an enum whose names come from strum.
macro_rules! text_enum {
    ($name:ident) => {
        impl $name {
            /// Returns the name used in JSON and in the store.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                self.into()
            }
        }

        $crate::text_column::text_column!($name);
    };
}

pub(crate) use {text_column, text_enum};
