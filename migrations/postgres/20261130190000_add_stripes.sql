-- Users are divided into stripes, in which changes are ordered independently (docs/adr/0018). Readers follow the rows of
-- each stripe in the order of their numbers. Rows that exist already are followed as those of stripe 0.

ALTER TABLE event_log ADD COLUMN stripe bigint NOT NULL DEFAULT 0;
ALTER TABLE event_log DROP CONSTRAINT event_log_pkey;
ALTER TABLE event_log ADD PRIMARY KEY (stripe, id);

ALTER TABLE answer_chunk ADD COLUMN stripe bigint NOT NULL DEFAULT 0;
ALTER TABLE answer_chunk DROP CONSTRAINT answer_chunk_pkey;
ALTER TABLE answer_chunk ADD PRIMARY KEY (stripe, id);

ALTER TABLE task_step ADD COLUMN stripe bigint NOT NULL DEFAULT 0;
DROP INDEX task_step_revision;
CREATE UNIQUE INDEX task_step_revision ON task_step (stripe, revision);

ALTER TABLE chat_draft ADD COLUMN stripe bigint NOT NULL DEFAULT 0;
DROP INDEX chat_draft_revision;
CREATE UNIQUE INDEX chat_draft_revision ON chat_draft (stripe, revision);

-- Each stripe has its own counters, so that changes in different stripes do not wait for each other. An unfinished copy
-- may have left the tables empty.
ALTER TABLE step_revision DROP COLUMN singleton;
ALTER TABLE step_revision ADD COLUMN stripe bigint PRIMARY KEY DEFAULT 0;
INSERT INTO step_revision (stripe, last)
SELECT s, COALESCE((SELECT MAX(last) FROM step_revision), 0) FROM generate_series(0, 3) AS s ON CONFLICT DO NOTHING;

ALTER TABLE draft_revision DROP COLUMN singleton;
ALTER TABLE draft_revision ADD COLUMN stripe bigint PRIMARY KEY DEFAULT 0;
INSERT INTO draft_revision (stripe, last)
SELECT s, COALESCE((SELECT MAX(last) FROM draft_revision), 0) FROM generate_series(0, 3) AS s ON CONFLICT DO NOTHING;

ALTER TABLE queue_clock DROP COLUMN singleton;
ALTER TABLE queue_clock ADD COLUMN stripe bigint PRIMARY KEY DEFAULT 0;
INSERT INTO queue_clock (stripe, round)
SELECT s, COALESCE((SELECT MAX(round) FROM queue_clock), 0) FROM generate_series(0, 3) AS s ON CONFLICT DO NOTHING;

ALTER TABLE turn_time ADD COLUMN stripe bigint NOT NULL DEFAULT 0;
ALTER TABLE turn_time DROP CONSTRAINT turn_time_pkey;
ALTER TABLE turn_time ADD PRIMARY KEY (stripe, status, part, upper_us);

-- A notification makes commits wait for each other, and nothing listens: Redis wakes the workers.
DROP TRIGGER IF EXISTS notify_workers ON apalis.jobs;
-- The same columns as other indexes of the queue's schema.
DROP INDEX IF EXISTS apalis.lidx;
DROP INDEX IF EXISTS apalis.unique_job_id;
