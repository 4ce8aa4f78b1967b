-- The ledger, version 1. Days are ISO dates, instants are ISO text in UTC, details and plans are JSON.

PRAGMA application_id = 1414746708;

-- One row: whose ledger this is, and how long the audit chain is and where it ends.
CREATE TABLE meta (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    environment TEXT NOT NULL CHECK (environment <> ''),
    audit_count INTEGER NOT NULL DEFAULT 0,
    audit_head  TEXT NOT NULL
) STRICT;

CREATE TABLE runs (
    run_id         TEXT PRIMARY KEY NOT NULL,
    correlation_id TEXT NOT NULL,
    mode           TEXT NOT NULL CHECK (mode IN ('bulk', 'single')),
    dry_run        INTEGER NOT NULL CHECK (dry_run IN (0, 1)),
    whole          INTEGER NOT NULL CHECK (whole IN (0, 1)),
    started_at     TEXT NOT NULL,
    finished_at    TEXT,
    exit_status    INTEGER,
    summary        TEXT NOT NULL DEFAULT '{}'
) STRICT;

CREATE INDEX runs_by_start ON runs (started_at);

-- What is known of the order of an event. `plan` is the claimed plan and never changes after the first
-- receipt; `seen_plan` is the one a later state of the event is compared with. Until `doubt_until_at` a write whose
-- answer never came may still be applied.
CREATE TABLE orders (
    event_id   TEXT PRIMARY KEY NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('claimed', 'settled', 'disputed', 'foreign')),
    plan       TEXT CHECK (plan IS NOT NULL OR state <> 'claimed'),
    seen_plan  TEXT,
    order_id   TEXT,
    local_id   TEXT,
    digest     TEXT,
    cancelled  INTEGER NOT NULL DEFAULT 0 CHECK (cancelled IN (0, 1)),
    text       TEXT,
    doubt_until_at TEXT,
    run_id     TEXT NOT NULL REFERENCES runs (run_id),
    touched_at TEXT NOT NULL
) STRICT;

CREATE INDEX orders_by_state ON orders (state);

CREATE TABLE steps (
    event_id TEXT NOT NULL REFERENCES orders (event_id) ON DELETE CASCADE,
    seq      INTEGER NOT NULL,
    kind     TEXT NOT NULL CHECK (kind IN ('order', 'item', 'discount', 'payment', 'totals', 'history')),
    number   INTEGER NOT NULL,
    uuid     TEXT NOT NULL,
    PRIMARY KEY (event_id, seq),
    UNIQUE (event_id, uuid)
) STRICT;

CREATE TABLE receipts (
    event_id    TEXT NOT NULL,
    uuid        TEXT NOT NULL,
    revel_id    TEXT,
    facts       TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    run_id      TEXT NOT NULL REFERENCES runs (run_id),
    PRIMARY KEY (event_id, uuid),
    FOREIGN KEY (event_id, uuid) REFERENCES steps (event_id, uuid) ON DELETE CASCADE
) STRICT;

-- What was last made of each event that was ever listed. The text is kept as a hash: it may name people.
CREATE TABLE sightings (
    event_id      TEXT PRIMARY KEY NOT NULL,
    event_day     TEXT,
    status        TEXT NOT NULL,
    reason        TEXT,
    text_hash     TEXT NOT NULL,
    digest        TEXT,
    missed_at     TEXT,
    first_seen_at TEXT NOT NULL,
    last_seen_at  TEXT NOT NULL,
    run_id        TEXT NOT NULL REFERENCES runs (run_id)
) STRICT;

CREATE INDEX sightings_by_day ON sightings (event_day);

CREATE TABLE audit (
    seq           INTEGER PRIMARY KEY,
    at            TEXT NOT NULL,
    run_id        TEXT REFERENCES runs (run_id),
    kind          TEXT NOT NULL,
    event_id      TEXT,
    detail        TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash          TEXT NOT NULL
) STRICT;

CREATE INDEX audit_by_event ON audit (event_id);

CREATE TRIGGER audit_is_never_updated BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

-- INSERT OR REPLACE deletes without asking the delete trigger.
CREATE TRIGGER audit_is_never_replaced BEFORE INSERT ON audit
WHEN NEW.seq <= (SELECT coalesce(max(seq), 0) FROM audit)
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;
