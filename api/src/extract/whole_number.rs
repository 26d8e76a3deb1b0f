//! Whole numbers in query parameters.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de::Error};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WholeNumber<T, const MIN: i64, const MAX: i64>(pub T);

impl<'de, T: TryFrom<i64>, const MIN: i64, const MAX: i64> Deserialize<'de> for WholeNumber<T, MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let number = text.parse().ok().filter(|number| (MIN..=MAX).contains(number) && is_plain(&text));
        let number = number.and_then(|number| T::try_from(number).ok());
        number.map(Self).ok_or_else(|| D::Error::custom(format_args!("must be a whole number from {MIN} to {MAX}")))
    }
}

impl<T: PartialSchema, const MIN: i64, const MAX: i64> PartialSchema for WholeNumber<T, MIN, MAX> {
    fn schema() -> RefOr<Schema> {
        let mut schema = T::schema();
        if let RefOr::T(Schema::Object(number)) = &mut schema {
            (number.minimum, number.maximum) = (Some(MIN.into()), Some(MAX.into()));
        }
        schema
    }
}

impl<T: ToSchema, const MIN: i64, const MAX: i64> ToSchema for WholeNumber<T, MIN, MAX> {
    fn name() -> Cow<'static, str> {
        T::name()
    }
}

/// Returns whether the text consists of an optional minus sign and digits. Rust's parser also accepts a plus sign.
fn is_plain(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde::de::{
        IntoDeserializer as _,
        value::{Error, StrDeserializer},
    };

    use super::*;

    fn parse(text: &str) -> Result<u32, String> {
        let deserializer: StrDeserializer<'_, Error> = text.into_deserializer();
        WholeNumber::<u32, 1, 100>::deserialize(deserializer)
            .map(|WholeNumber(number)| number)
            .map_err(|e| e.to_string())
    }

    #[test]
    fn accepts_a_number_in_range() {
        for (text, expected) in [("1", 1), ("007", 7), ("100", 100)] {
            assert_eq!(parse(text), Ok(expected));
        }
    }

    #[test]
    fn rejects_any_other_text() {
        for text in ["0", "101", "-1", "x", "", "1.5", "+5", " 5", "99999999999999999999", "\0", "٣"] {
            assert_eq!(parse(text), Err("must be a whole number from 1 to 100".into()), "{text:?}");
        }
    }
}
