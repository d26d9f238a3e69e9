-- What devctl knows of its hosts and kept environments, and what was asked of it.

CREATE TABLE host (
    name             text PRIMARY KEY,
    address          text NOT NULL,
    tls              text,
    draining         boolean NOT NULL DEFAULT false,
    max_environments integer CHECK (max_environments > 0),
    labels           jsonb NOT NULL DEFAULT '{}',
    failures         integer NOT NULL DEFAULT 0,   -- in a row; the circuit breaker opens at its limit
    broken_until     timestamptz,
    facts            jsonb NOT NULL DEFAULT '{}',  -- last measured: cpus, memory, disk, images, gpu
    measured         timestamptz
);

CREATE TABLE environment (
    id         text PRIMARY KEY,
    name       text NOT NULL,
    owner      text NOT NULL,
    tier       text NOT NULL,
    host       text NOT NULL,
    container  text,
    phase      text NOT NULL CHECK (phase IN
        ('creating', 'running', 'paused', 'stopped', 'failed', 'lost', 'removing', 'removed')),
    why        text NOT NULL DEFAULT '',
    spec       jsonb NOT NULL,
    gpu        boolean NOT NULL DEFAULT false,
    created    timestamptz NOT NULL DEFAULT now(),
    started    timestamptz,
    ended      timestamptz,
    keep_until timestamptz,
    deadline   timestamptz  -- a `creating` row past it belongs to a launcher that died
);

CREATE UNIQUE INDEX environment_name ON environment (name) WHERE phase <> 'removed';
CREATE INDEX environment_owner ON environment (owner) WHERE phase <> 'removed';
CREATE INDEX environment_host ON environment (host) WHERE phase <> 'removed';

-- The last use of each kind; the reaper's question.
CREATE TABLE activity (
    environment text NOT NULL REFERENCES environment (id) ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('exec', 'attach', 'tunnel')),
    at          timestamptz NOT NULL DEFAULT now(),
    open        integer NOT NULL DEFAULT 0,   -- sessions that are open at this moment
    PRIMARY KEY (environment, kind)
);

-- Cumulative counters, as the engine gave them; the newest is what an interval ends with.
CREATE TABLE sample (
    environment   text NOT NULL REFERENCES environment (id) ON DELETE CASCADE,
    at            timestamptz NOT NULL DEFAULT now(),
    started       timestamptz NOT NULL,       -- of the container: tells a counter that began anew
    cpu_seconds   double precision NOT NULL,
    counters      jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (environment, at)
);

CREATE TABLE audit (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT now(),
    who       text NOT NULL,
    operation text NOT NULL,
    subject   text NOT NULL DEFAULT '',
    allowed   boolean NOT NULL,
    dry_run   boolean NOT NULL DEFAULT false,
    reasons   jsonb NOT NULL DEFAULT '[]',
    details   jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_at ON audit (at);
