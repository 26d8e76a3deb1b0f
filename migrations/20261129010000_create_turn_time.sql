-- How long turns take, for the histograms in /metrics. Workers have no HTTP server, so the transaction that ends a turn
-- counts it here. There are at most a few hundred rows, whose counts never decrease. The constraints do not use `IN`,
-- which would take longer than the rest of the statement.

CREATE TABLE turn_time (
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
    PRIMARY KEY (status, part, upper_us)
) STRICT, WITHOUT ROWID;

-- When the user last requested a retry: from then on, the turn is measured again.
ALTER TABLE agent_task ADD COLUMN retried_at TEXT;
