-- Images that were made here, and what scans found in images.

CREATE TABLE custom_image (
    tag        text NOT NULL,
    owner      text NOT NULL,
    digest_tag text NOT NULL,
    image_id   text NOT NULL,
    build_time timestamptz NOT NULL DEFAULT now(),
    base       text NOT NULL,
    packages   jsonb NOT NULL DEFAULT '{}',
    dockerfile text NOT NULL,
    PRIMARY KEY (owner, tag)
);

-- One row for each image that was scanned, by its digest; a name can come to stand for another image.
CREATE TABLE image_scan (
    image_id text PRIMARY KEY,
    name     text NOT NULL,
    at       timestamptz NOT NULL DEFAULT now(),
    highest  double precision NOT NULL,
    report   jsonb NOT NULL
);
CREATE INDEX image_scan_name ON image_scan (name, at DESC);
