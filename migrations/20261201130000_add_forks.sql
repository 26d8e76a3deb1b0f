-- Forks, and chats whose agent changes.

-- The session and the message from which a session was forked. They may have been deleted since.
ALTER TABLE chat_session ADD COLUMN forked_from_session_id TEXT;
ALTER TABLE chat_session ADD COLUMN forked_from_message_id TEXT;

-- The agent that wrote an answer; NULL for earlier answers, which the session's agent wrote.
ALTER TABLE chat_message ADD COLUMN agent_key TEXT;

-- Forks use the files of the original attachments, and each file counts once toward the user's limit.
DROP INDEX attachment_of_user;
CREATE INDEX attachment_of_user ON attachment (workspace_id, user_id, file_id);
