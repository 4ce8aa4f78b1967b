-- The ledger, version 4. What a person settled about an event: from then on runs leave it alone. `digest` is the content
-- hash of the event then, or of the change that was told since. And where each event is held.

CREATE TABLE resolutions (
    event_id    TEXT PRIMARY KEY NOT NULL,
    verdict     TEXT NOT NULL CHECK (verdict IN ('done', 'ignored')),
    note        TEXT NOT NULL,
    order_id    TEXT,
    digest      TEXT,
    resolved_at TEXT NOT NULL
) STRICT;

ALTER TABLE sightings ADD COLUMN location TEXT NOT NULL DEFAULT '';
