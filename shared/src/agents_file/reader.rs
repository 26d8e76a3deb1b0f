//! Reads the fields of a TOML table. Every error contains a line number.

use std::{collections::BTreeMap, fmt::Display, ops::RangeInclusive, str::FromStr, time::Duration};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::error::ParseError;

/// The number of seconds in a day, which is the maximum for every duration.
pub(super) const DAY_S: u64 = 24 * 60 * 60;
/// The maximum number of a program's arguments.
const MOST_ARGUMENTS: usize = 100;

/// The text of the file, from which line numbers are determined.
#[derive(Clone, Copy)]
pub(super) struct Source<'a>(pub &'a str);

impl Source<'_> {
    /// Creates an error at this byte offset.
    pub fn problem(self, offset: usize, text: impl Into<String>) -> ParseError {
        ParseError { line: self.line(offset), text: text.into() }
    }

    /// Returns the line number of this byte offset, starting at 1.
    pub fn line(self, offset: usize) -> usize {
        let before = self.0.get(..offset).unwrap_or(self.0);
        before.matches('\n').count() + 1
    }
}

/// A table whose fields are read one at a time.
pub(super) struct TableReader<'a> {
    source: Source<'a>,
    table: &'a DeTable<'a>,
    /// The table's byte offset.
    offset: usize,
    /// How errors refer to the table, such as "agent `x`".
    name: String,
}

impl<'a> TableReader<'a> {
    pub fn new(source: Source<'a>, table: &'a DeTable<'a>, offset: usize, name: String) -> Self {
        Self { source, table, offset, name }
    }

    /// Changes how errors refer to the table.
    pub fn rename(&mut self, name: String) {
        self.name = name;
    }

    /// Rejects the first key that is not in `known`.
    pub fn allow_only(&self, known: &[&str], hint: impl Fn(&str) -> Option<String>) -> Result<(), ParseError> {
        let unknown = self.table.keys().filter(|key| !known.contains(&key.get_ref().as_ref()));
        let Some(key) = unknown.min_by_key(|key| key.span().start) else { return Ok(()) };
        let reason = hint(key.get_ref())
            .unwrap_or_else(|| format!("unknown key `{}`; expected one of: {}", key.get_ref(), known.join(", ")));
        Err(self.source.problem(key.span().start, format!("{}: {reason}", self.name)))
    }

    /// Creates an error for the entire table, such as a missing field.
    pub fn problem(&self, text: impl Display) -> ParseError {
        self.source.problem(self.offset, format!("{}: {text}", self.name))
    }

    /// Creates an error for one field.
    pub fn field_problem(&self, field: &str, text: impl Display) -> ParseError {
        let offset = self.table.get(field).map_or(self.offset, |value| value.span().start);
        self.source.problem(offset, format!("{}: `{field}`: {text}", self.name))
    }

    /// Returns the value of a field.
    pub fn value(&self, field: &str) -> Option<&'a DeValue<'a>> {
        self.table.get(field).map(Spanned::get_ref)
    }

    /// Reads a string that is not blank.
    pub fn text(&self, field: &str) -> Result<Option<String>, ParseError> {
        self.read(field, "a non-empty string", |value| {
            value.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
        })
    }

    /// Reads the key of an agent or a folder, which is required, and names it in later errors.
    pub fn key(&mut self, name: &str) -> Result<String, ParseError> {
        let Some(key) = self.text("key")? else {
            let text = format!("`key` is missing; expected a short, lowercase name that identifies the {name}");
            return Err(self.problem(text));
        };
        if !is_key(&key) {
            let expected = "expected 1 to 64 characters (a-z, 0-9, `_`, or `-`), starting with a letter or a digit";
            return Err(self.field_problem("key", format!("{expected}, found {key:?}")));
        }
        self.rename(format!("{name} `{key}`"));
        Ok(key)
    }

    /// Reads the display name of an agent or a folder.
    pub fn name(&self) -> Result<Option<String>, ParseError> {
        let name = self.short_text("name", 80)?;
        if name.as_deref().is_some_and(|name| name.trim().is_empty()) {
            return Err(self.field_problem("name", "must not be empty or contain only whitespace"));
        }
        Ok(name)
    }

    /// Reads a one-line string of at most `most` characters.
    pub fn short_text(&self, field: &str, most: usize) -> Result<Option<String>, ParseError> {
        self.read(field, &format!("a one-line string of at most {most} characters"), |value| {
            value.as_str().filter(|text| is_short(text, most)).map(str::to_owned)
        })
    }

    /// Reads an array of at most `most` strings, none of them blank or longer than `longest` characters.
    pub fn texts(&self, field: &str, most: usize, longest: usize) -> Result<Option<Vec<String>>, ParseError> {
        let expected = format!("an array of at most {most} strings of 1 to {longest} characters each");
        self.read(field, &expected, |value| {
            let items = value.as_array().filter(|items| items.len() <= most)?;
            let text = |item: &Spanned<DeValue<'_>>| {
                let text = item.get_ref().as_str()?;
                (!text.trim().is_empty() && text.chars().count() <= longest).then(|| text.to_owned())
            };
            items.iter().map(text).collect()
        })
    }

    /// Reads an array of arguments, each of which may be empty.
    pub fn arguments(&self, field: &str) -> Result<Option<Vec<String>>, ParseError> {
        self.read(field, &format!("an array of at most {MOST_ARGUMENTS} strings"), |value| {
            let items = value.as_array().filter(|items| items.len() <= MOST_ARGUMENTS)?;
            items.iter().map(|item| without_nul(item.get_ref())).collect()
        })
    }

    /// Reads a table of environment variables.
    pub fn variables(&self, field: &str) -> Result<Option<BTreeMap<String, String>>, ParseError> {
        self.read(field, "a table of strings, such as { NAME = \"value\" }", |value| {
            let table = value.as_table()?;
            let entry = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
                let name: &std::borrow::Cow<'_, str> = name.get_ref();
                let is_name = !name.is_empty() && !name.contains(['=', '\0']);
                Some((is_name.then(|| name.to_string())?, without_nul(value.get_ref())?))
            };
            table.iter().map(entry).collect()
        })
    }

    /// Reads a string that must be one of several names.
    pub fn choice<T: Copy>(&self, field: &str, choices: &[(&str, T)]) -> Result<Option<T>, ParseError> {
        let words: Vec<String> = choices.iter().map(|(word, _)| format!("{word:?}")).collect();
        self.read(field, &format!("one of {}", words.join(", ")), |value| {
            let text = value.as_str()?;
            choices.iter().find(|(word, _)| *word == text).map(|(_, choice)| *choice)
        })
    }

    /// Reads `history_bytes`, the maximum length of the conversation sent to the agent, in bytes.
    pub fn history_bytes(&self) -> Result<Option<usize>, ParseError> {
        self.whole("history_bytes", 1024..=64 * 1024 * 1024)
    }

    /// Reads a Boolean.
    pub fn flag(&self, field: &str) -> Result<Option<bool>, ParseError> {
        self.read(field, "true or false", DeValue::as_bool)
    }

    /// Reads an integer within a range.
    pub fn whole<N>(&self, field: &str, range: RangeInclusive<N>) -> Result<Option<N>, ParseError>
    where
        N: TryFrom<i64> + PartialOrd + Display,
    {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.read(field, &expected, |value| {
            let number = value.as_integer()?;
            let digits = number.as_str().replace('_', "");
            let number = i64::from_str_radix(&digits, number.radix()).ok()?;
            N::try_from(number).ok().filter(|number| range.contains(number))
        })
    }

    /// Reads a duration in whole seconds.
    pub fn seconds(&self, field: &str, range: RangeInclusive<u64>) -> Result<Option<Duration>, ParseError> {
        Ok(self.whole(field, range)?.map(Duration::from_secs))
    }

    /// Reads an integer or a float within a range.
    pub fn number(&self, field: &str, range: RangeInclusive<f64>) -> Result<Option<f64>, ParseError> {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        self.read(field, &expected, |value| {
            let digits = match value {
                DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
                DeValue::Float(number) => number.as_str(),
                _ => return None,
            };
            f64::from_str(&digits.replace('_', "")).ok().filter(|number| range.contains(number))
        })
    }

    fn read<T>(
        &self,
        field: &str,
        expected: &str,
        parse: impl FnOnce(&DeValue<'a>) -> Option<T>,
    ) -> Result<Option<T>, ParseError> {
        let Some(value) = self.table.get(field) else { return Ok(None) };
        let value = value.get_ref();
        match parse(value) {
            Some(parsed) => Ok(Some(parsed)),
            None => Err(self.field_problem(field, format!("expected {expected}, found {}", describe(value)))),
        }
    }
}

fn is_key(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= 64
        && text.bytes().next().is_some_and(is_letter)
        && text.bytes().all(|byte| is_letter(byte) || byte == b'_' || byte == b'-')
}

fn without_nul(value: &DeValue<'_>) -> Option<String> {
    value.as_str().filter(|text| !text.contains('\0')).map(str::to_owned)
}

fn is_short(text: &str, most: usize) -> bool {
    text.chars().count() <= most && !text.chars().any(char::is_control)
}

/// Describes a value for an error. A string is included only if it is short and contains no control characters.
fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.is_empty() => "an empty string".to_owned(),
        DeValue::String(text) if is_short(text, 60) => format!("the string {text:?}"),
        DeValue::String(text) => format!("a string of length {}", text.chars().count()),
        DeValue::Integer(number) => format!("the number {}", number.as_str()),
        DeValue::Float(number) => format!("the number {}", number.as_str()),
        DeValue::Boolean(flag) => format!("{flag}"),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(items) => format!("an array of length {}", items.len()),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
