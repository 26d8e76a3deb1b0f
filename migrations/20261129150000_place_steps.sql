-- The page shows text and steps in the order in which they arrived, how long a thought took, and the steps of a sub-agent
-- under the tool call that started it.

-- The number of bytes of the answer's text that preceded the step.
ALTER TABLE task_step ADD COLUMN text_offset INTEGER NOT NULL DEFAULT 0;
-- When the step first arrived, and when it ended; NULL if unknown, and while it is open.
ALTER TABLE task_step ADD COLUMN started_at TEXT;
ALTER TABLE task_step ADD COLUMN ended_at TEXT;
-- The ID of the tool call that started the sub-agent to which the step belongs.
ALTER TABLE task_step ADD COLUMN parent_tool_call_id TEXT;
