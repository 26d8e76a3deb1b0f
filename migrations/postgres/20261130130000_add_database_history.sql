-- Identifies the history of changes that led to this database (`shared/src/store/migrate/history.rs`). A different one
-- than at the previous start means that the database was restored. Only servers need this: a restored SQLite file is
-- marked. NULL until the first start, and in a new copy.
ALTER TABLE installation ADD COLUMN history text;
