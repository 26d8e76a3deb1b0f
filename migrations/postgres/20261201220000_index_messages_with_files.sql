-- The files of a session are listed newest first, without reading its other messages.
CREATE INDEX chat_message_files ON chat_message (chat_session_id, turn DESC, role) WHERE attachments IS NOT NULL;
