-- Adds the folded title to the index of a user's list, so that a search for titles reads the index instead of a row per
-- session.

DROP INDEX chat_session_list;
CREATE INDEX chat_session_list ON chat_session
    (workspace_id, creator_id, status, (pinned_at IS NULL), last_activity_at DESC, id DESC, title_folded);
