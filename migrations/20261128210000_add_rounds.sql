-- Fair claims: users take turns. Each job of a user is in a later round than the one before it, and jobs are claimed in
-- the order of their rounds, so that a user with many jobs delays the first job of another user by one turn at most.
-- The priority of a job is its round, negated.

-- The round of the user's latest job.
ALTER TABLE user_log ADD COLUMN last_round INTEGER NOT NULL DEFAULT 0;

-- The latest round from which a job was claimed. No new job is in an earlier round: a user who was idle gains nothing.
CREATE TABLE queue_clock (
    singleton INTEGER PRIMARY KEY DEFAULT 1 CONSTRAINT queue_clock_singleton CHECK (singleton = 1),
    round     INTEGER NOT NULL
) STRICT;

INSERT INTO queue_clock (round) VALUES (0);

-- `run_at` is part of the index, so that claims read only the jobs that are due.
DROP INDEX agent_jobs_ready;
CREATE INDEX agent_jobs_ready ON Jobs (job_type, priority DESC, id, run_at) WHERE status = 'Pending';
