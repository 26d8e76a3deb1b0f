//! Splits a JSON file into its elements without parsing them, so that an invalid or very long one affects no others.

use std::io::{self, BufRead};

/// The maximum number of values in an element. Each takes up more memory than in the file.
pub(super) const MAX_VALUES: usize = 4_000_000;

/// An element of a JSON array, or one of several values that follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// The text of the element, which may be invalid.
    Text(Vec<u8>),
    /// The element is longer than the limit, or has too many values.
    TooLong,
}

/// Reads the elements of a JSON array, a sequence of values, or lines.
#[derive(Debug)]
pub(super) struct Elements<R> {
    input: R,
    max_bytes: usize,
    kind: Kind,
    is_done: bool,
}

/// What the elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The elements of an array, which ends with a bracket.
    Array,
    /// Values that follow each other.
    Sequence,
    /// Lines.
    Lines,
}

impl<R: BufRead> Elements<R> {
    /// Reads the elements of an array whose opening bracket has been read.
    pub(super) const fn of_array(input: R, max_bytes: usize) -> Self {
        Self { input, max_bytes, kind: Kind::Array, is_done: false }
    }

    /// Reads values that follow each other.
    pub(super) const fn of_sequence(input: R, max_bytes: usize) -> Self {
        Self { input, max_bytes, kind: Kind::Sequence, is_done: false }
    }

    /// Reads lines, except for empty ones.
    pub(super) const fn of_lines(input: R, max_bytes: usize) -> Self {
        Self { input, max_bytes, kind: Kind::Lines, is_done: false }
    }

    /// Returns the next element; `None` at the end. An array that ends without its bracket is an error.
    pub(super) fn next(&mut self) -> io::Result<Option<Element>> {
        if self.is_done {
            return Ok(None);
        }
        if self.kind == Kind::Lines {
            return read_line(&mut self.input, self.max_bytes);
        }
        loop {
            match peek(&mut self.input)? {
                Some(b' ' | b'\t' | b'\r' | b'\n' | b',') => self.input.consume(1),
                Some(b']') if self.kind == Kind::Array => {
                    self.input.consume(1);
                    break;
                }
                None if self.kind == Kind::Array => {
                    self.is_done = true;
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is incomplete"));
                }
                None => break,
                Some(_) => return self.read_element().map(Some),
            }
        }
        self.is_done = true;
        Ok(None)
    }

    /// Reads up to the end of the element, or to the end of the input.
    fn read_element(&mut self) -> io::Result<Element> {
        let mut text = Vec::new();
        let mut scanner = Scanner::default();
        let mut is_too_long = false;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                break;
            }
            let (length, is_complete) = scanner.scan(buffer);
            if text.len() + length > self.max_bytes || scanner.values > MAX_VALUES {
                is_too_long = true;
                text = Vec::new();
            } else if !is_too_long {
                text.extend_from_slice(&buffer[..length]);
            }
            self.input.consume(length);
            if is_complete {
                break;
            }
        }
        Ok(if is_too_long { Element::TooLong } else { Element::Text(text) })
    }
}

/// Reads a line; `None` at the end of the input. Empty lines are skipped.
pub(super) fn read_line(input: &mut impl BufRead, max_bytes: usize) -> io::Result<Option<Element>> {
    let mut text = Vec::new();
    let (mut is_too_long, mut has_begun) = (false, false);
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let line = &buffer[..end.unwrap_or(buffer.len())];
        has_begun |= !line.trim_ascii().is_empty();
        if text.len() + line.len() > max_bytes {
            is_too_long = true;
            text = Vec::new();
        } else if !is_too_long {
            text.extend_from_slice(line);
        }
        let length = line.len() + usize::from(end.is_some());
        input.consume(length);
        if end.is_some() {
            if has_begun {
                break;
            }
            text.clear();
        }
    }
    Ok(has_begun.then_some(if is_too_long { Element::TooLong } else { Element::Text(text) }))
}

/// Returns an upper bound on the number of values in an element.
pub(super) fn count_values(text: &[u8]) -> usize {
    let mut scanner = Scanner::default();
    scanner.scan(text);
    scanner.values
}

/// Returns the next byte without consuming it.
pub(super) fn peek(input: &mut impl BufRead) -> io::Result<Option<u8>> {
    Ok(input.fill_buf()?.first().copied())
}

/// Finds the end of a value.
#[derive(Debug, Default)]
struct Scanner {
    depth: usize,
    is_in_string: bool,
    is_escaped: bool,
    has_begun: bool,
    /// An upper bound on the number of values.
    values: usize,
}

impl Scanner {
    /// Returns how many bytes belong to the value, and whether the value ends after them.
    fn scan(&mut self, bytes: &[u8]) -> (usize, bool) {
        for (index, byte) in bytes.iter().enumerate() {
            if self.is_in_string {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => self.is_in_string = false,
                    _ => {}
                }
                if !self.is_in_string && self.depth == 0 {
                    return (index + 1, true);
                }
                continue;
            }
            match byte {
                b'"' => self.is_in_string = true,
                b'{' | b'[' => {
                    self.depth += 1;
                    self.values += 1;
                }
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return (index + 1, true);
                    }
                }
                // The end of a number or a word.
                b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n' if self.depth == 0 && self.has_begun => {
                    return (index, true);
                }
                b',' => self.values += 1,
                _ => {}
            }
            self.has_begun = true;
        }
        (bytes.len(), false)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::{collection::vec, prelude::*};
    use serde_json::Value;

    use super::*;

    fn all(mut elements: Elements<impl BufRead>) -> Vec<String> {
        let mut found = Vec::new();
        while let Some(element) = elements.next().unwrap() {
            found.push(match element {
                Element::Text(text) => String::from_utf8(text).unwrap(),
                Element::TooLong => "…".into(),
            });
        }
        found
    }

    #[test]
    fn splits_arrays_and_sequences() {
        let array = r#" {"a": "]}\"["}, 12 ,"x,\\" ,[1,[2]], null ] rest"#;
        let expected = [r#"{"a": "]}\"["}"#, "12", r#""x,\\""#, "[1,[2]]", "null"];
        for size in [1, 2, 3, 100] {
            let input = BufReader::with_capacity(size, array.as_bytes());
            assert_eq!(all(Elements::of_array(input, 100)), expected);
        }
        assert_eq!(
            all(Elements::of_sequence("{\"a\":1}\n{\"b\":2}\n\n7".as_bytes(), 100)),
            ["{\"a\":1}", "{\"b\":2}", "7"]
        );
    }

    #[test]
    fn skips_elements_that_are_too_long() {
        assert_eq!(all(Elements::of_array("[1,2,3,4],5,\"123456789\",6]".as_bytes(), 5)), ["…", "5", "…", "6"]);
    }

    #[test]
    fn skips_elements_with_too_many_values() {
        let input = format!("[[{}],5]", "0,".repeat(MAX_VALUES + 1));
        assert_eq!(all(Elements::of_array(&input.as_bytes()[1..], usize::MAX)), ["…", "5"]);
    }

    #[test]
    fn reads_lines() {
        let text = "one\n\n  \r\ntwo, \"\nthree is long\nfour";
        for size in [1, 3, 100] {
            let mut input = BufReader::with_capacity(size, text.as_bytes());
            let mut lines = Vec::new();
            while let Some(line) = read_line(&mut input, 8).unwrap() {
                lines.push(match line {
                    Element::Text(text) => String::from_utf8(text).unwrap(),
                    Element::TooLong => "…".into(),
                });
            }
            assert_eq!(lines, ["one", "two, \"", "…", "four"]);
        }
    }

    #[test]
    fn reports_an_array_without_an_end() {
        let mut elements = Elements::of_array("1, {\"a\":".as_bytes(), 100);
        assert_eq!(elements.next().unwrap(), Some(Element::Text(b"1".to_vec())));
        assert_eq!(elements.next().unwrap(), Some(Element::Text(b"{\"a\":".to_vec())));
        assert!(elements.next().is_err());
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            r#"[a{}\[\]"\\,: ]{0,8}"#.prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Value::from),
                vec((r#"[a"\\}]{0,3}"#, inner), 0..4).prop_map(|fields| fields.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn finds_the_same_elements_as_a_parser(values in vec(value(), 0..6), size in 1_usize..20) {
            let text = serde_json::to_string(&values).unwrap();
            let elements = all(Elements::of_array(BufReader::with_capacity(size, &text.as_bytes()[1..]), 10_000));
            let parsed: Vec<Value> = elements.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
            prop_assert_eq!(parsed, values);
        }

        #[test]
        fn ends_for_any_input(bytes in vec(any::<u8>(), 0..200)) {
            let mut elements = Elements::of_sequence(bytes.as_slice(), 50);
            let mut count = 0;
            while let Ok(Some(_)) = elements.next() {
                count += 1;
                prop_assert!(count <= 200);
            }
        }
    }
}
