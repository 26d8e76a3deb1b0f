-- The trace to which a turn belongs: it continues in whichever worker claims the task.

-- The value of the header `traceparent`; NULL unless the api exports traces.
ALTER TABLE agent_task ADD COLUMN trace_parent TEXT;
