-- One row that the readiness check overwrites: only a write shows that the disk takes one.
CREATE TABLE readiness_check (
    singleton  INTEGER PRIMARY KEY DEFAULT 1 CONSTRAINT readiness_check_singleton CHECK (singleton = 1),
    checked_at TEXT NOT NULL
) STRICT;
