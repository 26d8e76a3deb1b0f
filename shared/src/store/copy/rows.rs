//! Reads, inserts, and compares rows of any table.

use sha2::{Digest as _, Sha256};
use sqlx::{Column as _, Row as _};

use super::tables::Table;
use crate::store::database_driver::{Arguments, Connection, Row, Value};

/// The maximum number of rows in a batch, which is inserted in one transaction.
const BATCH_ROWS: usize = 512;
/// The number of bytes after which a batch ends.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// The number of rows in most `INSERT` statements.
const INSERT_ROWS: usize = 32;

/// Reads a table in batches, in the order of its key.
pub(super) struct Batches<'a> {
    table: &'a Table,
    /// The key of the last row; `None` at the start.
    after: Option<Vec<Value>>,
}

impl<'a> Batches<'a> {
    /// Starts after the row with the key.
    pub(super) fn new(table: &'a Table, after: Option<Vec<Value>>) -> Self {
        Self { table, after }
    }

    /// Returns the next rows, or none at the end of the table.
    pub(super) async fn next(&mut self, connection: &mut Connection) -> Result<Vec<Row>, sqlx::Error> {
        let Table { name, key, columns, filter, .. } = self.table;
        let order = key.join(", ");
        let mut conditions = Vec::new();
        if !filter.is_empty() {
            conditions.push((*filter).to_owned());
        }
        if self.after.is_some() {
            let parameters: Vec<String> = (1..=key.len()).map(|number| format!("${number}")).collect();
            conditions.push(format!("({order}) > ({})", parameters.join(", ")));
        }
        let condition =
            if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) };
        let sql = format!("SELECT {columns} FROM {name} {condition} ORDER BY {order} LIMIT {BATCH_ROWS}");
        let arguments = Arguments::from(self.after.clone().unwrap_or_default());
        let (mut rows, mut bytes) = (Vec::new(), 0);
        let add = |row: Row| {
            bytes += row.values().iter().map(Value::size).sum::<usize>();
            rows.push(row);
            bytes < BATCH_BYTES
        };
        connection.run(&sql, &arguments, add).await?;
        if let Some(last) = rows.last() {
            self.after = Some(key_of(last, key)?);
        }
        Ok(rows)
    }
}

fn key_of(row: &Row, key: &[&str]) -> Result<Vec<Value>, sqlx::Error> {
    key.iter().map(|column| row.try_get_raw(*column).map(|value| sqlx::ValueRef::to_owned(&value))).collect()
}

/// Returns the key of a table's last row.
pub(super) async fn find_last_key(
    connection: &mut Connection,
    table: &Table,
) -> Result<Option<Vec<Value>>, sqlx::Error> {
    let columns = table.key.join(", ");
    let descending: Vec<String> = table.key.iter().map(|column| format!("{column} DESC")).collect();
    let sql = format!("SELECT {columns} FROM {} ORDER BY {} LIMIT 1", table.name, descending.join(", "));
    let mut last = None;
    let keep = |row| {
        last = Some(row);
        true
    };
    connection.run(&sql, &Arguments::default(), keep).await?;
    last.map(|row| key_of(&row, table.key)).transpose()
}

/// Inserts rows of a table.
pub(super) async fn insert(connection: &mut Connection, table: &Table, rows: Vec<Row>) -> Result<(), sqlx::Error> {
    let names: Vec<String> = rows[0].columns().iter().map(|column| column.name().to_owned()).collect();
    let derived = table.derived.and_then(|derived| names.iter().position(|name| name == derived));
    let mut rest = rows.into_iter();
    loop {
        // Few different statements have to be prepared.
        let count = if rest.len() >= INSERT_ROWS { INSERT_ROWS } else { rest.len().min(1) };
        if count == 0 {
            return Ok(());
        }
        let mut values = Vec::with_capacity(count * names.len());
        for row in rest.by_ref().take(count) {
            let start = values.len();
            values.extend(row.into_values());
            if let Some(derived) = derived {
                values[start + derived] = Value::from(0);
            }
        }
        let tuple = |row: usize| {
            let parameters: Vec<String> =
                (1..=names.len()).map(|column| format!("${}", row * names.len() + column)).collect();
            format!("({})", parameters.join(", "))
        };
        let tuples: Vec<String> = (0..count).map(tuple).collect();
        let sql = format!("INSERT INTO {} ({}) VALUES {}", table.name, names.join(", "), tuples.join(", "));
        connection.run(&sql, &Arguments::from(values), |_| true).await?;
    }
}

/// The number of rows of a table, and a hash of their content that does not depend on their order or on the order of
/// their columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest {
    pub(super) rows: u64,
    hash: [u8; 32],
}

impl Digest {
    /// Reads the entire table.
    pub(super) async fn of(connection: &mut Connection, table: &Table) -> Result<Self, sqlx::Error> {
        let mut digest = Self::default();
        let mut batches = Batches::new(table, None);
        loop {
            let batch = batches.next(connection).await?;
            if batch.is_empty() {
                return Ok(digest);
            }
            for row in batch {
                digest.add(&row, table);
            }
        }
    }

    fn add(&mut self, row: &Row, table: &Table) {
        let values = row.columns().iter().map(sqlx::Column::name).zip(row.values());
        let mut values: Vec<_> = values.filter(|(name, _)| Some(*name) != table.derived).collect();
        values.sort_by_key(|(name, _)| *name);
        let mut hasher = Sha256::new();
        let mut bytes = Vec::new();
        for (name, value) in values {
            bytes.clear();
            bytes.extend_from_slice(name.as_bytes());
            value.encode_to(&mut bytes);
            hasher.update(&bytes);
        }
        self.rows += 1;
        // Keys are unique, so no two rows cancel each other out.
        for (sum, byte) in self.hash.iter_mut().zip(hasher.finalize()) {
            *sum ^= byte;
        }
    }
}
