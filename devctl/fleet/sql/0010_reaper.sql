-- What the reaper said of each environment when it last looked, and when that was.

CREATE TABLE verdict (
    environment text PRIMARY KEY REFERENCES environment (id) ON DELETE CASCADE,
    at          timestamptz NOT NULL,
    reap        boolean NOT NULL,
    stopped     boolean NOT NULL DEFAULT false,  -- whether it was stopped for it
    reason      text NOT NULL,
    verdict     jsonb NOT NULL
);

CREATE TABLE reaper_pass (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL,
    seconds double precision NOT NULL,
    looked  integer NOT NULL,
    stopped integer NOT NULL
);
CREATE INDEX reaper_pass_at ON reaper_pass (at);
