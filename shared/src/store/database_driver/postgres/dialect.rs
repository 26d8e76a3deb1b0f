//! Translates the store's statements.

/// Expressions that SQLite and PostgreSQL write differently, in SQLite's form and in PostgreSQL's.
const EXPRESSIONS: [(&str, &str); 7] = [
    // The elements of a JSON array (`sqlite::listed!`).
    ("(SELECT value FROM json_each($1))", "(SELECT jsonb_array_elements_text($1))"),
    // The elements of a JSON array of numbers (`sqlite::listed_numbers!`).
    ("(SELECT value + 0 FROM json_each($1))", "(SELECT CAST(jsonb_array_elements_text($1) AS BIGINT))"),
    // The start of a long text (`sqlite::content_start!`), without the replacements for NUL, which a preview omits.
    (
        "substr(CAST(m.content AS BLOB), 1, 2000)",
        "convert_to(replace(left(m.content, 2000), U&'\\+10FFFE0', ''), 'UTF8')",
    ),
    // A random ID (`sqlite::random_id!`).
    (
        "lower(hex(randomblob(4)) || char(45) || hex(randomblob(2)) || char(45) || 4 || \
         substr(hex(randomblob(2)), 2) || char(45) || 8 || substr(hex(randomblob(2)), 2) || char(45) || \
         hex(randomblob(6)))",
        "CAST(gen_random_uuid() AS text)",
    ),
    // The detail of a permission request with the ID of its column.
    (
        "json_set(detail, char(36) || '.request_id', permission_id)",
        "CAST(jsonb_set(CAST(detail AS jsonb), '{request_id}', to_jsonb(permission_id)) AS json)",
    ),
    // The metadata of a job, which is JSON in one schema and `hstore` in the other.
    ("-last_round, '{}' FROM user_log", "-last_round, '' FROM user_log"),
    // Any integer type is an `INTEGER` in SQLite.
    ("AS INTEGER)", "AS BIGINT)"),
];

/// A statement in PostgreSQL's form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Translation {
    pub(super) sql: String,
    /// The index of the argument for each parameter of `sql`.
    pub(super) arguments: Vec<usize>,
}

/// Translates a statement. Its parameters are numbered again, because PostgreSQL does not accept a gap.
pub(super) fn translate(sql: &str) -> Translation {
    let sql = EXPRESSIONS.iter().fold(sql.to_owned(), |sql, (from, to)| sql.replace(from, to));
    let mut translated = Translation { sql: String::with_capacity(sql.len()), arguments: Vec::new() };
    for (index, part) in sql.split('\'').enumerate() {
        if index > 0 {
            translated.sql.push('\'');
        }
        // Every second part is inside quotation marks.
        if index % 2 == 0 { translated.push_code(part) } else { translated.sql.push_str(part) }
    }
    translated
}

impl Translation {
    /// Adds a part of a statement that is outside quotation marks.
    fn push_code(&mut self, part: &str) {
        let mut pieces = part.split('$');
        self.sql.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let digits = piece.len() - piece.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, rest) = piece.split_at(digits);
            self.sql.push('$');
            match number.parse::<usize>().ok().and_then(|number| number.checked_sub(1)) {
                Some(argument) => {
                    let number = self.number(argument);
                    self.sql.push_str(&number.to_string());
                }
                None => self.sql.push_str(number),
            }
            self.sql.push_str(rest);
        }
    }

    /// Returns the number of the parameter for an argument.
    fn number(&mut self, argument: usize) -> usize {
        let known = self.arguments.iter().position(|known| *known == argument);
        known.unwrap_or_else(|| {
            self.arguments.push(argument);
            self.arguments.len() - 1
        }) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_without_gaps() {
        let translated = translate("SELECT $3, '$2', $10 FROM t WHERE a = $3 AND b = '''$1' LIMIT $12 + 0");

        assert_eq!(translated.sql, "SELECT $1, '$2', $2 FROM t WHERE a = $1 AND b = '''$1' LIMIT $3 + 0");
        assert_eq!(translated.arguments, [2, 9, 11]);
    }

    #[test]
    fn expressions_of_sqlite_are_replaced() {
        let translated = translate("SELECT 1 FROM t WHERE id IN (SELECT value FROM json_each($1)) AND n = $2");

        assert_eq!(translated.sql, "SELECT 1 FROM t WHERE id IN (SELECT jsonb_array_elements_text($1)) AND n = $2");
    }
}
