-- Branches: the turns of a session form a tree, and its transcript is one path through it (docs/adr/0022).

-- The turn before this one; NULL for a first turn.
ALTER TABLE agent_task ADD COLUMN parent_turn bigint;
-- The first version of the turn, if this one is a later version of it.
ALTER TABLE agent_task ADD COLUMN revision_of bigint;
-- The turn after this one that was last part of the transcript; NULL for the latest one.
ALTER TABLE agent_task ADD COLUMN next_turn bigint;

UPDATE agent_task SET parent_turn =
    (SELECT MAX(p.turn) FROM agent_task p WHERE p.chat_session_id = agent_task.chat_session_id AND p.turn < agent_task.turn);

CREATE INDEX agent_task_revision ON agent_task (chat_session_id, revision_of, turn) WHERE revision_of IS NOT NULL;

-- Changes whenever turns leave the transcript: agents' sessions from before contain other turns.
ALTER TABLE chat_session ADD COLUMN path_revision bigint NOT NULL DEFAULT 0;

-- The messages that are not part of the transcript. `chat_message` contains those that are; messages move between the
-- two tables, so that everything that reads a transcript follows the current branch.
CREATE TABLE inactive_message (
    id              text COLLATE "C" PRIMARY KEY,
    chat_session_id text COLLATE "C" NOT NULL
                    CONSTRAINT inactive_message_session REFERENCES chat_session (id) ON DELETE CASCADE,
    role            text COLLATE "C" NOT NULL
                    CONSTRAINT inactive_message_role CHECK (role IN ('user', 'assistant')),
    content         text NOT NULL,
    task_id         text COLLATE "C" NOT NULL,
    created_at      text COLLATE "C" NOT NULL,
    turn            bigint NOT NULL,
    seq             bigint NOT NULL,
    finish_reason   text COLLATE "C",
    elapsed_ms      bigint,
    input_tokens    bigint,
    output_tokens   bigint,
    edited_at       text COLLATE "C",
    attachments     text,
    agent_key       text COLLATE "C"
);

CREATE UNIQUE INDEX inactive_message_turn ON inactive_message (chat_session_id, turn, role DESC);

-- The inactive message that the file is part of; `message_id` is then NULL.
ALTER TABLE attachment ADD COLUMN inactive_message_id text COLLATE "C"
    CONSTRAINT attachment_inactive_message REFERENCES inactive_message (id) ON DELETE CASCADE;

CREATE INDEX attachment_of_inactive_message ON attachment (inactive_message_id) WHERE inactive_message_id IS NOT NULL;
DROP INDEX attachment_unsent;
CREATE INDEX attachment_unsent ON attachment (created_at) WHERE message_id IS NULL AND inactive_message_id IS NULL;
