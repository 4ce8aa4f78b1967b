-- The ledger, version 8. What dry runs found, kept apart from what live ones know; the changes after injection that no
-- person has settled; of which content of its event each order was made; and since when the listing lacks an event.

CREATE TABLE dry_sightings (
    event_id     TEXT PRIMARY KEY NOT NULL,
    event_day    TEXT,
    location     TEXT NOT NULL,
    status       TEXT NOT NULL,
    reason       TEXT,
    text_hash    TEXT NOT NULL,
    missed_at    TEXT,
    since_at     TEXT NOT NULL,
    last_seen_at TEXT NOT NULL,
    run_id       TEXT NOT NULL REFERENCES runs (run_id)
) STRICT;

CREATE TABLE open_changes (
    event_id TEXT PRIMARY KEY NOT NULL,
    reason   TEXT NOT NULL,
    told_at  TEXT NOT NULL,
    run_id   TEXT NOT NULL REFERENCES runs (run_id)
) STRICT;

-- What was told before this version, as far as it may still matter.
INSERT INTO open_changes (event_id, reason, told_at, run_id)
SELECT event_id, iif(cancelled, 'CANCELLED_AFTER_INJECTION', 'CHANGED_AFTER_INJECTION'), touched_at, orders.run_id
FROM orders JOIN sightings USING (event_id)
WHERE state = 'settled'
  AND (cancelled OR seen_plan IS NOT NULL OR seen_trouble IS NOT NULL OR event_id IN (SELECT event_id FROM shown_orders))
  AND event_id NOT IN (SELECT event_id FROM resolutions)
  AND event_day >= (SELECT date(max(started_at), '-7 days') FROM runs);

-- `made`: the content that the order was planned from; `seen`: the one that was last compared with it. Hashes.
CREATE TABLE event_contents (
    event_id TEXT PRIMARY KEY NOT NULL,
    made     TEXT,
    seen     TEXT
) STRICT;

ALTER TABLE sightings ADD COLUMN unlisted_at TEXT;
