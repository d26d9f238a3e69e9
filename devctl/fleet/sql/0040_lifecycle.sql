-- Moments of an environment's life whose commands have all ended well; those of its creation are run once.

CREATE TABLE lived (
    environment text NOT NULL REFERENCES environment (id) ON DELETE CASCADE,
    moment      text NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (environment, moment)
);
