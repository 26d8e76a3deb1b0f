//! The name of an uploaded file, and the `Content-Disposition` header (RFC 6266).

use axum::http::{HeaderMap, header};
use banter_shared::chat::FileName;

use crate::error::ApiError;

/// Returns the name in the query parameter or, without one, in the header; `None` if neither contains a name.
///
/// # Errors
/// Returns an error if the name is invalid.
pub fn from_request(parameter: Option<&str>, headers: &HeaderMap) -> Result<Option<FileName>, ApiError> {
    if let Some(name) = parameter {
        return parse("name", name).map(Some);
    }
    let disposition = headers.get(header::CONTENT_DISPOSITION).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let name = disposition.and_then(|value| name_in(&value));
    name.map(|name| parse("Content-Disposition", &name)).transpose()
}

/// Validates a name. An error names the field.
///
/// # Errors
/// Returns an error if the name is invalid.
pub fn parse(field: &str, name: &str) -> Result<FileName, ApiError> {
    FileName::parse(name).map_err(|error| ApiError::invalid(field, error.to_string()))
}

/// Returns the name in a `Content-Disposition` header. `filename*` (RFC 8187) takes precedence over `filename`.
fn name_in(header: &str) -> Option<String> {
    let parameters = parameters(header);
    let find = |wanted: &str| parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let extended = find("filename*").and_then(|(_, value)| {
        let (charset, rest) = value.split_once('\'')?;
        let (_language, encoded) = rest.split_once('\'')?;
        let decoded = percent_decode(encoded);
        charset.eq_ignore_ascii_case("utf-8").then(|| String::from_utf8_lossy(&decoded).into_owned())
    });
    extended.or_else(|| find("filename").map(|(_, value)| value.clone()))
}

/// Splits a header into its parameters, and removes quotation marks.
fn parameters(header: &str) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    let mut chars = header.chars().skip_while(|c| *c != ';').skip(1).peekable();
    while chars.peek().is_some() {
        let mut name = String::new();
        while let Some(c) = chars.next_if(|c| *c != '=' && *c != ';') {
            name.push(c);
        }
        let mut value = String::new();
        if chars.next_if_eq(&'=').is_some() {
            if chars.next_if_eq(&'"').is_some() {
                while let Some(c) = chars.next_if(|c| *c != '"') {
                    value.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
                }
                while chars.next_if(|c| *c != ';').is_some() {}
            } else {
                let mut token = String::new();
                while let Some(c) = chars.next_if(|c| *c != ';') {
                    token.push(c);
                }
                value.push_str(token.trim());
            }
        }
        chars.next();
        parameters.push((name.trim().to_owned(), value));
    }
    parameters
}

/// Decodes `%` followed by two hexadecimal digits. Anything else is left unchanged.
fn percent_decode(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let digits = others.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &others[2..] } else { others };
    }
    decoded
}

/// Returns the value of a `Content-Disposition` header for a response. `kind` is `inline` or `attachment`.
pub fn disposition(kind: &str, name: &str) -> String {
    use std::fmt::Write as _;
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ' { c } else { '_' })
        .collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_name_from_the_header() {
        for (header, expected) in [
            ("attachment; filename=a.txt", Some("a.txt")),
            ("attachment; filename=\"a b; \\\"c\\\".txt\"; size=5", Some("a b; \"c\".txt")),
            ("attachment; filename=\"x.txt\"; filename*=UTF-8''na%C3%AFve%20%E2%82%AC.txt", Some("naïve €.txt")),
            ("attachment; FileName* = utf-8'en'a%2", Some("a%2")),
            ("attachment; filename*=iso-8859-1''%A3; filename=pound", Some("pound")),
            ("attachment", None),
            ("attachment; size=5", None),
            ("filename=a.txt", None),
            ("", None),
        ] {
            assert_eq!(name_in(header).as_deref(), expected, "{header}");
        }
    }

    #[test]
    fn a_name_in_the_header_of_a_response_is_read_back() {
        for name in ["a.txt", "a \"b\".txt", "naïve €.txt", "レポート.pdf", "100%.txt", "a;b='c'"] {
            let header = disposition("attachment", name);
            assert!(header.is_ascii(), "{header}");
            assert_eq!(name_in(&header).as_deref(), Some(name));
        }
    }
}
