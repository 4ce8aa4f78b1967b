-- The ledger, version 6. The outbox: what is to be mailed is stored with the change that it tells of; a mail holds the
-- notices that go out together. Texts are emptied once a mail is sent or given up.

CREATE TABLE mails (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    made_at   TEXT NOT NULL,
    state     TEXT NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'sent', 'given_up')),
    attempts  INTEGER NOT NULL DEFAULT 0,
    refusals  INTEGER NOT NULL DEFAULT 0,
    tried_at  TEXT
) STRICT;

CREATE INDEX mails_by_state ON mails (state);

CREATE TABLE notices (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id    TEXT NOT NULL REFERENCES runs (run_id),
    event_id  TEXT NOT NULL,
    occasion  TEXT NOT NULL CHECK (occasion IN ('injected', 'held', 'failed', 'missed', 'changed')),
    event_day TEXT,
    location  TEXT NOT NULL,
    order_id  TEXT,
    reason    TEXT,
    text      TEXT NOT NULL,
    mail      INTEGER REFERENCES mails (number)
) STRICT;

CREATE INDEX notices_by_mail ON notices (mail);
