-- Warm containers: made ahead, claimed once, never given back. Whose one is stands here, as labels cannot change.

CREATE TABLE warm (
    name       text PRIMARY KEY,
    host       text NOT NULL,
    key        text NOT NULL,             -- digest of the shape: only equal shapes can be claimed
    shape      jsonb NOT NULL,
    container  text,
    paused     boolean NOT NULL DEFAULT false,
    baseline   jsonb NOT NULL DEFAULT '[]', -- what lay in its folders when it was new
    state      text NOT NULL CHECK (state IN ('making', 'ready', 'claimed', 'spoilt')),
    why        text NOT NULL DEFAULT '',
    made       timestamptz NOT NULL DEFAULT now(),
    claimed_by text,
    deadline   timestamptz                -- of a making or claiming one: past it, whoever did it has died
);
CREATE INDEX warm_ready ON warm (host, key) WHERE state = 'ready';

CREATE TABLE warm_shape (
    host    text NOT NULL,
    key     text NOT NULL,
    shape   jsonb NOT NULL,
    minimum integer CHECK (minimum >= 0),  -- as a person set it; null follows the demand
    PRIMARY KEY (host, key)
);

CREATE TABLE warm_demand (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at   timestamptz NOT NULL DEFAULT now(),
    host text NOT NULL,
    key  text NOT NULL,
    hit  boolean NOT NULL
);
CREATE INDEX warm_demand_at ON warm_demand (at);
