-- Titles are searched whatever their case, also beyond ASCII, which LIKE alone does not fold.
ALTER TABLE chat_session ADD COLUMN title_folded TEXT NOT NULL DEFAULT '';

UPDATE chat_session SET title_folded = lower(title);
