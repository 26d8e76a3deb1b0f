-- Signs the messages between processes, so that whoever can reach Redis cannot forge them. SQLite does not add a column
-- whose default is computed, hence the UPDATE.
ALTER TABLE installation ADD COLUMN relay_key BLOB;

UPDATE installation SET relay_key = randomblob(32);
