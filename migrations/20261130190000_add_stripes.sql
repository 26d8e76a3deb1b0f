-- On a server, users are divided into stripes, in which changes are ordered independently (docs/adr/0018). A SQLite
-- database has one writer and therefore a single stripe, 0.

ALTER TABLE event_log ADD COLUMN stripe INTEGER NOT NULL DEFAULT 0;
ALTER TABLE answer_chunk ADD COLUMN stripe INTEGER NOT NULL DEFAULT 0;
ALTER TABLE task_step ADD COLUMN stripe INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chat_draft ADD COLUMN stripe INTEGER NOT NULL DEFAULT 0;
ALTER TABLE step_revision ADD COLUMN stripe INTEGER NOT NULL DEFAULT 0;
ALTER TABLE draft_revision ADD COLUMN stripe INTEGER NOT NULL DEFAULT 0;
ALTER TABLE queue_clock ADD COLUMN stripe INTEGER NOT NULL DEFAULT 0;

-- In a copy of a server's database, rows of different stripes may have the same revision.
DROP INDEX task_step_revision;
CREATE INDEX task_step_revision ON task_step (revision);
DROP INDEX chat_draft_revision;
CREATE INDEX chat_draft_revision ON chat_draft (revision);

-- Each stripe has its own counts.
CREATE TABLE stripe_turn_time (
    stripe   INTEGER NOT NULL,
    -- How the turn ended.
    status   TEXT NOT NULL
             CONSTRAINT turn_time_status CHECK
                 (status = 'succeeded' OR status = 'failed' OR status = 'cancelled' OR status = 'interrupted'),
    -- The part of the time that was measured.
    part     TEXT NOT NULL
             CONSTRAINT turn_time_part CHECK
                 (part = 'duration' OR part = 'queued' OR part = 'started' OR part = 'first_token' OR part = 'outcome'),
    -- The upper bound of the bucket, in microseconds; the maximum integer if there is none.
    upper_us INTEGER NOT NULL,
    -- The number of turns in this bucket, not including the buckets below it, and the sum of their times.
    turns    INTEGER NOT NULL,
    total_us INTEGER NOT NULL,
    PRIMARY KEY (stripe, status, part, upper_us)
) STRICT, WITHOUT ROWID;

INSERT INTO stripe_turn_time (stripe, status, part, upper_us, turns, total_us)
SELECT 0, status, part, upper_us, turns, total_us FROM turn_time;
DROP TABLE turn_time;
ALTER TABLE stripe_turn_time RENAME TO turn_time;
