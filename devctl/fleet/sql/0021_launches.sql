-- How launches went, whoever asked for them: the source of their counters and of the share that failed.

CREATE TABLE launch (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),  -- of its end
    host    text NOT NULL DEFAULT '',                        -- empty where it came to no host
    way     text NOT NULL CHECK (way IN ('cold', 'warm')),
    result  text NOT NULL CHECK (result IN ('ok', 'refused', 'failed')),
    seconds double precision NOT NULL,
    kind    text NOT NULL DEFAULT ''                         -- the error's class
);
CREATE INDEX launch_at ON launch (at);
