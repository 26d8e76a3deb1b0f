-- Requests for permission of attempts whose steps are gone: whoever still answers one is told that it has expired, not that
-- it never was.

CREATE TABLE past_permission (
    permission_id TEXT PRIMARY KEY,
    task_id       TEXT NOT NULL
                  CONSTRAINT past_permission_task REFERENCES agent_task (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX past_permission_task_id ON past_permission (task_id);
