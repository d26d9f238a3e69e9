-- How the GPU smoke tests went.
CREATE TABLE gpu_smoke (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    host    text NOT NULL,
    at      timestamptz NOT NULL DEFAULT now(),
    outcome text NOT NULL CHECK (outcome IN ('passed', 'failed', 'no gpu')),
    seconds double precision NOT NULL,
    words   text NOT NULL
);
CREATE INDEX gpu_smoke_at ON gpu_smoke (at);
