-- Counts the unread answers of each session, so that a list reads a number instead of counting messages.
--
-- Triggers keep the counter, because processes of the previous release, which do not know it, may write during an
-- upgrade. `api check` compares it with the messages.

ALTER TABLE chat_session ADD COLUMN unread_count INTEGER NOT NULL DEFAULT 0
    CONSTRAINT chat_session_unread_count CHECK (unread_count >= 0);

UPDATE chat_session SET unread_count =
    (SELECT COUNT(*) FROM chat_message m
     WHERE m.chat_session_id = chat_session.id AND m.role = 'assistant' AND m.seq > chat_session.last_read_seq);

CREATE TRIGGER chat_message_add_unread AFTER INSERT ON chat_message WHEN NEW.role = 'assistant'
BEGIN
    UPDATE chat_session SET unread_count = unread_count + 1
    WHERE id = NEW.chat_session_id AND last_read_seq < NEW.seq;
END;

CREATE TRIGGER chat_message_remove_unread AFTER DELETE ON chat_message WHEN OLD.role = 'assistant'
BEGIN
    UPDATE chat_session SET unread_count = unread_count - 1
    WHERE id = OLD.chat_session_id AND last_read_seq < OLD.seq;
END;

CREATE TRIGGER chat_session_count_unread AFTER UPDATE OF last_read_seq ON chat_session
WHEN NEW.last_read_seq != OLD.last_read_seq
BEGIN
    UPDATE chat_session SET unread_count =
        (SELECT COUNT(*) FROM chat_message m
         WHERE m.chat_session_id = NEW.id AND m.seq > NEW.last_read_seq AND m.role = 'assistant')
    WHERE id = NEW.id;
END;

-- A user's list of unread sessions, in the order of `chat_session_list`.
CREATE INDEX chat_session_unread
    ON chat_session (workspace_id, creator_id, status, (pinned_at IS NULL), last_activity_at DESC, id DESC)
    WHERE unread_count > 0;

-- Unread answers were counted from this index.
DROP INDEX chat_message_answers;
