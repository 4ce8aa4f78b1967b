-- The ledger, version 10. What the user's own account answered where tsrevel only assumes: the last answer of each.

CREATE TABLE assumptions (
    code TEXT PRIMARY KEY,
    result TEXT NOT NULL,
    detail TEXT NOT NULL,
    tested_at TEXT NOT NULL
) STRICT;
