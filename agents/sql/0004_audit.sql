-- What was decided outside a turn is audited too: comments and reviews that were not heeded, pushes, merges.
-- A row with a key is written once, however often the same thing is met again.

ALTER TABLE audit ALTER COLUMN turn DROP NOT NULL;
ALTER TABLE audit ADD COLUMN thread text;
ALTER TABLE audit ADD COLUMN key text;
UPDATE audit SET thread = turn.thread FROM turn WHERE turn.id = audit.turn;
ALTER TABLE audit ALTER COLUMN thread SET NOT NULL;
CREATE UNIQUE INDEX audit_once ON audit (thread, key);
