-- An agent's own session belongs to the program that opened it: another one that is put behind the same key must not be
-- handed its id. Sessions that are known from before belong to nobody; the next turn opens new ones.

ALTER TABLE agent_resume ADD COLUMN provider TEXT NOT NULL DEFAULT '';
