//! Query parameters, parsed into a struct that also documents them.
//!
//! Unknown parameters are ignored. If a parameter is repeated, the first value wins. Fields are parsed in declaration
//! order, and the error names the first invalid field. `serde_urlencoded` is not used to fill the struct, because it
//! rejects repeated parameters and does not name the invalid parameter.

use std::{fmt, slice};

use axum::{
    extract::{FromRequestParts, Query},
    http::{Uri, request::Parts},
};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer as _, MapAccess, Visitor,
    value::StrDeserializer,
};

use crate::{error::ApiError, state::AppState};

/// A request's query, parsed into `T`. `T` must be a struct whose fields are optional strings, booleans, fieldless
/// enums, or types that are deserialized from strings, such as `WholeNumber`.
#[derive(Clone, Copy, Debug)]
pub struct QueryParams<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<AppState> for QueryParams<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        parse(&parts.uri).map(Self)
    }
}

fn parse<T: DeserializeOwned>(uri: &Uri) -> Result<T, ApiError> {
    // Decoding never fails: invalid UTF-8 becomes replacement characters.
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default();
    let query = QueryDeserializer { pairs: &pairs };
    T::deserialize(query).map_err(|ParameterError { name, message }| ApiError::invalid(name, message))
}

/// The error for an invalid parameter.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` {message}")]
struct ParameterError {
    name: &'static str,
    /// A predicate, phrased to follow the parameter name, such as "must be a number".
    message: String,
}

impl Error for ParameterError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { name: "", message: message.to_string() }
    }
}

/// A deserializer for structs whose fields are parameters.
struct QueryDeserializer<'a> {
    pairs: &'a [(String, String)],
}

impl<'de> Deserializer<'de> for QueryDeserializer<'de> {
    type Error = ParameterError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ParameterError> {
        Err(Error::custom("a query can only be parsed into a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ParameterError> {
        visitor.visit_map(Parameters { pairs: self.pairs, fields: fields.iter(), current: None })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The parameters that match the fields of a struct, in the declaration order of the fields.
struct Parameters<'a> {
    pairs: &'a [(String, String)],
    fields: slice::Iter<'static, &'static str>,
    current: Option<(&'static str, &'a str)>,
}

impl<'de> MapAccess<'de> for Parameters<'de> {
    type Error = ParameterError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ParameterError> {
        let pairs = self.pairs;
        self.current = self.fields.find_map(|name| {
            let (_, text) = pairs.iter().find(|(key, _)| key == name)?;
            Some((*name, text.as_str()))
        });
        self.current.map(|(name, _)| seed.deserialize(name.into_deserializer())).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ParameterError> {
        let (name, text) = self.current.take().ok_or_else(|| ParameterError::custom("has no value"))?;
        seed.deserialize(Parameter { text }).map_err(|error| ParameterError { name, ..error })
    }
}

/// The deserializer for the value of one parameter.
struct Parameter<'a> {
    text: &'a str,
}

impl<'de> Deserializer<'de> for Parameter<'de> {
    type Error = ParameterError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParameterError> {
        visitor.visit_borrowed_str(self.text)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParameterError> {
        visitor.visit_some(self)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParameterError> {
        match self.text {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(not_among(&["true", "false"])),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ParameterError> {
        if !variants.contains(&self.text) {
            return Err(not_among(variants));
        }
        let variant: StrDeserializer<'_, ParameterError> = self.text.into_deserializer();
        visitor.visit_enum(variant)
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// Creates the error for a value that is not one of `choices`.
fn not_among(choices: &[&str]) -> ParameterError {
    let list = match choices {
        [rest @ .., last] if rest.len() > 1 => format!("{}, or {last}", rest.join(", ")),
        _ => choices.join(" or "),
    };
    ParameterError::custom(format_args!("must be {list}"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::extract::WholeNumber;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Color {
        Red,
        Green,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    struct Sample {
        color: Option<Color>,
        sure: Option<bool>,
        limit: Option<WholeNumber<u32, 1, 100>>,
        q: Option<String>,
    }

    fn query(text: &str) -> Result<Sample, ApiError> {
        parse(&format!("/v1/chat?{text}").parse().unwrap())
    }

    fn detail(text: &str) -> String {
        query(text).unwrap_err().problem(String::new()).detail
    }

    #[test]
    fn parses_known_parameters_and_ignores_others() {
        let expected =
            Sample { color: Some(Color::Green), sure: Some(false), limit: Some(WholeNumber(7)), q: Some("x".into()) };

        assert_eq!(query("limit=7&other=1&color=green&q=x&sure=false").unwrap(), expected);
        assert_eq!(query("").unwrap(), Sample::default());
    }

    #[test]
    fn the_first_value_of_a_repeated_parameter_wins() {
        assert_eq!(query("limit=7&limit=x").unwrap().limit, Some(WholeNumber(7)));
    }

    #[test]
    fn names_the_first_invalid_parameter_in_declaration_order() {
        assert_eq!(detail("limit=x&sure=x&color=x"), "`color` must be red or green.");
        assert_eq!(detail("limit=x&sure=x"), "`sure` must be true or false.");
        assert_eq!(detail("limit=x"), "`limit` must be a whole number from 1 to 100.");
    }

    #[test]
    fn accepts_only_the_exact_values_of_a_choice() {
        for text in ["sure=TRUE", "sure=", "sure=1", "color=Red", "color=", "color=%00"] {
            assert!(query(text).is_err(), "{text}");
        }
    }

    #[test]
    fn decodes_any_text() {
        assert_eq!(query("q=a+b%20c%C3%A9").unwrap().q.as_deref(), Some("a b cé"));
        assert_eq!(query("q=%FF&also[]=%00").unwrap().q.as_deref(), Some("\u{fffd}"));
        assert_eq!(query("q=").unwrap().q.as_deref(), Some(""));
    }
}
