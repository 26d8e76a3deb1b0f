-- What the workers tell of themselves, and the indexes of our way to claim from the queue's `Jobs` (docs/adr/0002).

-- A counter that rises while the worker lives. Others watch it by their own monotonic clocks; no time is compared.
CREATE TABLE worker_heartbeat (
    worker_id  TEXT PRIMARY KEY,
    beat       INTEGER NOT NULL DEFAULT 0,
    started_at TEXT NOT NULL
) STRICT;

-- Which agents a worker found able or unable to answer.
CREATE TABLE agent_health (
    agent_key  TEXT NOT NULL,
    worker_id  TEXT NOT NULL
               CONSTRAINT agent_health_worker REFERENCES worker_heartbeat (worker_id) ON DELETE CASCADE,
    available  INTEGER NOT NULL,
    reason     TEXT,
    checked_at TEXT NOT NULL,
    PRIMARY KEY (agent_key, worker_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX agent_jobs_ready ON Jobs (job_type, priority DESC, id) WHERE status = 'Pending';
CREATE INDEX agent_jobs_ended ON Jobs (job_type, done_at) WHERE done_at IS NOT NULL;

-- Indexes of the stock storage, which is not used here: each would be one more write a job.
DROP INDEX IF EXISTS idx_jobs_job_type_status_run_at;
DROP INDEX IF EXISTS idx_jobs_status_run_at;
DROP INDEX IF EXISTS idx_jobs_completed_done_at;
DROP INDEX IF EXISTS idx_jobs_pending;
DROP INDEX IF EXISTS idx_jobs_running;
DROP INDEX IF EXISTS idx_jobs_failed;
DROP INDEX IF EXISTS idx_jobs_claimable;
