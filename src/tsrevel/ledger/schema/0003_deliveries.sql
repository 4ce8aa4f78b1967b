-- The ledger, version 3. Webhook deliveries that were dealt with, so that none is twice; what each run made of an event
-- beyond skipping it; TripleSeat's own stamp of each event; and a copy, without customer data, of those to be tried again.

CREATE TABLE deliveries (
    trigger    TEXT NOT NULL,
    subject    TEXT NOT NULL,
    stamp      TEXT NOT NULL,
    handled_at TEXT NOT NULL,
    run_id     TEXT REFERENCES runs (run_id),
    PRIMARY KEY (trigger, subject, stamp)
) STRICT;

CREATE TABLE attempts (
    run_id   TEXT NOT NULL REFERENCES runs (run_id),
    event_id TEXT NOT NULL,
    status   TEXT NOT NULL,
    reason   TEXT,
    order_id TEXT,
    at       TEXT NOT NULL,
    PRIMARY KEY (run_id, event_id)
) STRICT;

CREATE INDEX attempts_by_event ON attempts (event_id);

ALTER TABLE sightings ADD COLUMN updated TEXT;

ALTER TABLE sightings ADD COLUMN snapshot TEXT;
