-- The ledger, version 12. The locations that a run covered if it was limited to some: a JSON list of TripleSeat's ids.
-- A whole run covers every location. NULL: not known, as for all runs of versions before, and for one that was paused.

ALTER TABLE runs ADD COLUMN locations TEXT;
