-- HTTPS links to ports of environments; a tunnel whose program died is told by `seen`.

CREATE TABLE tunnel (
    id          text PRIMARY KEY,
    environment text NOT NULL REFERENCES environment (id) ON DELETE CASCADE,
    owner       text NOT NULL,        -- of the environment: the tier's limit counts by owner
    opened_by   text NOT NULL,
    port        integer NOT NULL CHECK (port BETWEEN 1 AND 65535),
    digest      bytea NOT NULL,       -- SHA-256 of the token, which is random and long
    address     text NOT NULL DEFAULT '', -- the link without its token
    created     timestamptz NOT NULL DEFAULT now(),
    expires     timestamptz NOT NULL,
    seen        timestamptz NOT NULL DEFAULT now(),  -- when its program last said that it lives
    closed      timestamptz,
    why         text NOT NULL DEFAULT '',
    bytes_in    bigint NOT NULL DEFAULT 0,
    bytes_out   bigint NOT NULL DEFAULT 0
);
CREATE INDEX tunnel_open ON tunnel (owner) WHERE closed IS NULL;
