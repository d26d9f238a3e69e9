-- Who may use the service, and the long work that it does for them.

CREATE TABLE token (
    id        text PRIMARY KEY,
    digest    bytea NOT NULL,         -- SHA-256 of the secret part, which is random and long
    user_name text NOT NULL,
    tier      text NOT NULL,
    role      text NOT NULL CHECK (role IN ('viewer', 'user', 'admin')),
    note      text NOT NULL DEFAULT '',
    created   timestamptz NOT NULL DEFAULT now(),
    expires   timestamptz,
    used      timestamptz             -- to the minute
);

CREATE TABLE operation (
    id       text PRIMARY KEY,
    owner    text NOT NULL,
    kind     text NOT NULL,
    subject  text NOT NULL,
    key      text,                    -- the Idempotency-Key it was asked for with
    digest   text NOT NULL DEFAULT '', -- of the request, to tell the same key with another request
    state    text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'failed')),
    result   jsonb,
    error    jsonb,
    created  timestamptz NOT NULL DEFAULT now(),
    ended    timestamptz,
    deadline timestamptz NOT NULL     -- a running one past it belongs to a service that died
);
CREATE UNIQUE INDEX operation_key ON operation (owner, key) WHERE key IS NOT NULL;
CREATE INDEX operation_created ON operation (created);

CREATE TABLE operation_event (
    operation text NOT NULL REFERENCES operation (id) ON DELETE CASCADE,
    number    integer NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    text      text NOT NULL,
    PRIMARY KEY (operation, number)
);
