-- Files that an agent returns belong to its task until the answer is stored, and then to the answer.

ALTER TABLE attachment ADD COLUMN task_id TEXT
    CONSTRAINT attachment_task REFERENCES agent_task (id) ON DELETE CASCADE;
-- The attempt that returned the file; NULL if `task_id` is.
ALTER TABLE attachment ADD COLUMN attempt INTEGER;

CREATE INDEX attachment_of_task ON attachment (task_id, attempt, id) WHERE task_id IS NOT NULL;
