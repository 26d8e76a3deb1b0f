-- Steps get writers: they belong to an attempt, and streams follow their changes by one rising number. The table was
-- never written to before, so there is nothing to keep.

DROP TABLE task_step;

-- What an agent did on the way to its answer, in the latest attempt: a claim removes what was there.
CREATE TABLE task_step (
    task_id       TEXT NOT NULL
                  CONSTRAINT task_step_task REFERENCES agent_task (id) ON DELETE CASCADE,
    attempt       INTEGER NOT NULL,
    -- Its number in the attempt, from 1.
    seq           INTEGER NOT NULL,
    -- The order of all changes of all steps in this database: what a process follows.
    revision      INTEGER NOT NULL,
    kind          TEXT NOT NULL
                  CONSTRAINT task_step_kind CHECK (kind IN ('thought', 'tool', 'plan', 'permission', 'notice')),
    tool_call_id  TEXT,
    title         TEXT NOT NULL,
    status        TEXT NOT NULL
                  CONSTRAINT task_step_status CHECK (status IN ('pending', 'running', 'succeeded', 'failed', 'rejected')),
    detail        TEXT NOT NULL DEFAULT '{}'
                  CONSTRAINT task_step_detail CHECK (json_valid(detail)),
    -- What a person answers to.
    permission_id TEXT,
    CONSTRAINT task_step_permission CHECK ((kind = 'permission') = (permission_id IS NOT NULL)),
    PRIMARY KEY (task_id, attempt, seq)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX task_step_revision ON task_step (revision);
CREATE UNIQUE INDEX task_step_permission_id ON task_step (permission_id) WHERE permission_id IS NOT NULL;

-- The last revision that was given. Not the highest in the table: rows are removed, and no number may come twice.
CREATE TABLE step_revision (
    -- One row.
    singleton INTEGER PRIMARY KEY DEFAULT 1 CONSTRAINT step_revision_singleton CHECK (singleton = 1),
    last      INTEGER NOT NULL
) STRICT;

INSERT INTO step_revision (last) VALUES (0);
