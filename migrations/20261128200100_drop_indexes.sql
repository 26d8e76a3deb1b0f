-- Drops indexes that cost more than they save. The queries that used them walk another index of the same size or less.

-- Events are pruned in the order of `event_log.id`, which is that of their times.
DROP INDEX IF EXISTS event_log_at;
-- Tasks of a worker and tasks with a stop request are found among all running tasks (`agent_task_one_running`), of
-- which there are no more than workers can run at once.
DROP INDEX IF EXISTS agent_task_by_worker;
DROP INDEX IF EXISTS agent_task_stopping;
