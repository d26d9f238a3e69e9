-- What is counted of decisions, the stock and the reaper beyond what they need themselves.

ALTER TABLE audit ADD COLUMN rules text[] NOT NULL DEFAULT '{}';  -- names of the rules that spoke against it

CREATE TABLE warm_event (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    host    text NOT NULL,
    kind    text NOT NULL CHECK (kind IN ('made', 'failed', 'unclean')),
    seconds double precision NOT NULL DEFAULT 0  -- that making it took
);
CREATE INDEX warm_event_at ON warm_event (at);

ALTER TABLE reaper_pass ADD COLUMN stopped_by jsonb NOT NULL DEFAULT '{}';  -- how many by reason
ALTER TABLE reaper_pass ADD COLUMN left_by jsonb NOT NULL DEFAULT '{}';
