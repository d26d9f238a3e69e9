-- Each host's time limit, since when its circuit is open, and images that are to be on hosts before they are asked for.

ALTER TABLE host ADD COLUMN seconds integer NOT NULL DEFAULT 60 CHECK (seconds > 0);
ALTER TABLE host ADD COLUMN failure text NOT NULL DEFAULT '';  -- the words of the last one
