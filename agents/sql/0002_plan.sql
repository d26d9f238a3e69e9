-- The plan in force of a feature's thread: planned, or edited by people since.

ALTER TABLE thread ADD COLUMN plan jsonb;
