-- Forks, and chats whose agent changes.

-- The session and the message from which a session was forked. They may have been deleted since.
ALTER TABLE chat_session ADD COLUMN forked_from_session_id text COLLATE "C";
ALTER TABLE chat_session ADD COLUMN forked_from_message_id text COLLATE "C";

-- The agent that wrote an answer; NULL for earlier answers, which the session's agent wrote.
ALTER TABLE chat_message ADD COLUMN agent_key text COLLATE "C";

-- Forks use the files of the original attachments, and each file counts once toward the user's limit.
DROP INDEX attachment_of_user;
CREATE INDEX attachment_of_user ON attachment (workspace_id, user_id, file_id);

-- The steps of a fork keep the revisions of the original steps. Streams do not follow them.
DROP INDEX task_step_revision;
CREATE INDEX task_step_revision ON task_step (stripe, revision);
