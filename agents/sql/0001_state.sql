-- Where deliveries stand: leases of threads, their inboxes, the turns they want, and the turns' journals.
-- LangGraph's checkpoints and the job queue live beside these tables, in schemas of their own making.

CREATE TABLE thread (
    id          text PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('feature', 'task')),
    repository  text NOT NULL,
    issue       integer NOT NULL,
    parent      text REFERENCES thread (id),
    status      text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'waiting', 'failed', 'done', 'stopped')),
    waits_for   text NOT NULL DEFAULT '',
    failure     jsonb,
    outcome     jsonb,
    epoch       bigint NOT NULL DEFAULT 0,
    holder      text,
    heartbeat   timestamptz,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE inbox (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    thread      text NOT NULL REFERENCES thread (id),
    key         text NOT NULL,
    kind        text NOT NULL,
    payload     jsonb NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    consumed_at timestamptz,
    UNIQUE (thread, key)
);

CREATE TABLE turn (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    thread      text NOT NULL REFERENCES thread (id),
    interrupt   text NOT NULL,
    role        text NOT NULL,
    key         text NOT NULL,
    round       integer NOT NULL,
    payload     jsonb NOT NULL,
    status      text NOT NULL DEFAULT 'wanted' CHECK (status IN ('wanted', 'running', 'done', 'failed', 'cancelled')),
    attempt     integer NOT NULL DEFAULT 1,
    epoch       bigint NOT NULL DEFAULT 0,
    holder      text,
    heartbeat   timestamptz,
    result      jsonb,
    failure     jsonb,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at  timestamptz,
    finished_at timestamptz,
    UNIQUE (thread, interrupt)
);
CREATE INDEX turn_by_thread ON turn (thread, id);

CREATE TABLE journal (
    turn              bigint NOT NULL REFERENCES turn (id),
    attempt           integer NOT NULL,
    step              integer NOT NULL,
    kind              text NOT NULL CHECK (kind IN ('model', 'command')),
    name              text NOT NULL,
    digest            text NOT NULL,
    request           jsonb NOT NULL,
    reply             jsonb,
    snapshot          jsonb,
    prompt_tokens     bigint NOT NULL DEFAULT 0,
    completion_tokens bigint NOT NULL DEFAULT 0,
    cost_usd          double precision,
    started_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at       timestamptz,
    PRIMARY KEY (turn, attempt, step)
);

CREATE TABLE delivery (
    id          text PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE audit (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    turn             bigint NOT NULL REFERENCES turn (id),
    who              text NOT NULL,
    tool             text NOT NULL,
    arguments_digest text NOT NULL,
    decision         text NOT NULL,
    reasons          jsonb NOT NULL,
    outcome          text NOT NULL,
    seconds          double precision NOT NULL,
    at               timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX audit_by_turn ON audit (turn, id);
