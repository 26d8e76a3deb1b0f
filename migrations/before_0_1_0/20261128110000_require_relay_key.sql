-- Every installation has a relay key by now. SQLite cannot add NOT NULL to a column, so the table is rebuilt.
CREATE TABLE new_installation (
    singleton INTEGER PRIMARY KEY DEFAULT 1 CONSTRAINT installation_singleton CHECK (singleton = 1),
    id        TEXT NOT NULL,
    relay_key BLOB NOT NULL
) STRICT;
INSERT INTO new_installation (singleton, id, relay_key) SELECT singleton, id, relay_key FROM installation;
DROP TABLE installation;
ALTER TABLE new_installation RENAME TO installation;
