-- Which program serves a tunnel, so that one whose program died is closed at once where that can be told.

ALTER TABLE tunnel ADD COLUMN program text NOT NULL DEFAULT '';
