-- The ledger, version 13. `locations` names what a run covered, whether it was limited to some or not; `whole` only says that
-- it left out no days and no events. Before, a run that was limited to locations wasn't whole, and only that one named them.
-- '[]' in a whole run: the version that made it counted every location as covered.

UPDATE runs SET whole = 1 WHERE locations <> '[]';
