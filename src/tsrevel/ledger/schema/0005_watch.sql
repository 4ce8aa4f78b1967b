-- The ledger, version 5. The kill switch at hand; what Revel last showed of a finished order, where that isn't what was
-- planned; and why a changed event could no longer be planned, as a hash, so that each change is told once.

CREATE TABLE pause (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    since_at TEXT NOT NULL,
    reason   TEXT NOT NULL
) STRICT;

CREATE TABLE shown_orders (
    event_id TEXT PRIMARY KEY NOT NULL REFERENCES orders (event_id) ON DELETE CASCADE,
    shown    TEXT NOT NULL,
    seen_at  TEXT NOT NULL,
    run_id   TEXT NOT NULL REFERENCES runs (run_id)
) STRICT;

ALTER TABLE orders ADD COLUMN seen_trouble TEXT;
