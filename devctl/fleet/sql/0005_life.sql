-- Which installation this is, what lifecycle commands printed, and snapshots.

CREATE TABLE installation (
    id  text PRIMARY KEY,  -- label of all containers of ours: engines are shared with others
    one boolean NOT NULL UNIQUE DEFAULT true CHECK (one)
);
INSERT INTO installation (id) VALUES (substr(md5(random()::text || clock_timestamp()::text), 1, 12));

CREATE TABLE printed (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    environment text NOT NULL REFERENCES environment (id) ON DELETE CASCADE,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    data        bytea NOT NULL
);
CREATE INDEX printed_environment ON printed (environment, id);

CREATE TABLE snapshot (
    tag         text PRIMARY KEY,
    owner       text NOT NULL,
    environment text NOT NULL,
    host        text NOT NULL,
    image       text NOT NULL,
    spec        jsonb NOT NULL,
    created     timestamptz NOT NULL DEFAULT now()
);
