//! How tokens are written in the index: each one begins with the number of its bucket and a point.

use crate::chat::{IndexTerm, IndexTokens};

/// The token of a text that may match any query.
const ANY: &str = "_";

/// Returns the tokens of a text in a bucket, separated by spaces.
pub(super) fn stored_tokens(bucket: i64, tokens: &IndexTokens) -> String {
    let tokens: Vec<&str> = match tokens {
        IndexTokens::All(tokens) => tokens.iter().map(String::as_str).collect(),
        IndexTokens::TooMany => vec![ANY],
    };
    let bucket = base36(bucket);
    let stored: Vec<String> = tokens.into_iter().map(|token| format!("{bucket}.{token}")).collect();
    stored.join(" ")
}

/// Returns the condition for texts in a bucket that have all terms, in the syntax of FTS5.
pub(super) fn fts5_condition(bucket: i64, terms: &[IndexTerm]) -> String {
    let bucket = base36(bucket);
    let all: Vec<String> = terms
        .iter()
        .map(|term| format!("\"{bucket}.{}\"{}", term.token, if term.is_prefix { " *" } else { "" }))
        .collect();
    format!("({}) OR \"{bucket}.{ANY}\"", all.join(" AND "))
}

/// Returns the condition for texts in a bucket that have all terms, in the syntax of PostgreSQL's `tsquery`.
pub(super) fn tsquery_condition(bucket: i64, terms: &[IndexTerm]) -> String {
    let bucket = base36(bucket);
    let all: Vec<String> = terms
        .iter()
        .map(|term| format!("'{bucket}.{}'{}", term.token, if term.is_prefix { ":*" } else { "" }))
        .collect();
    format!("({}) | '{bucket}.{ANY}'", all.join(" & "))
}

/// Writes a number that is not negative with digits and lower-case letters.
fn base36(number: i64) -> String {
    let mut rest = number.unsigned_abs();
    let mut digits = Vec::new();
    loop {
        digits.push(b"0123456789abcdefghijklmnopqrstuvwxyz"[usize::try_from(rest % 36).unwrap_or_default()] as char);
        rest /= 36;
        if rest == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::WordQuery;

    #[test]
    fn writes_the_bucket_before_each_token() {
        assert_eq!(stored_tokens(36, &IndexTokens::of("b a")), "10.a 10.b");
        assert_eq!(stored_tokens(0, &IndexTokens::TooMany), "0._");
        let terms = WordQuery::parse("one tw").unwrap().index_terms();
        assert_eq!(fts5_condition(71, &terms), "(\"1z.one\" AND \"1z.tw\" *) OR \"1z._\"");
        assert_eq!(tsquery_condition(71, &terms), "('1z.one' & '1z.tw':*) | '1z._'");
    }
}
