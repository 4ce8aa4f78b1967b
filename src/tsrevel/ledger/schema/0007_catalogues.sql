-- The ledger, version 7. The products of each establishment as Revel last listed them, so that not every run has to
-- download them: compressed JSON, one row an establishment. A copy only; Revel has the say.

CREATE TABLE catalogues (
    establishment INTEGER PRIMARY KEY NOT NULL,
    products      BLOB NOT NULL,
    read_at       TEXT NOT NULL
) STRICT;
