-- The ledger, version 14. `untold`: the run that made the order, until the report of a run is stored that has it as made.
-- Before, this was taken from the audit behind the last `sync` that came to its end.

ALTER TABLE orders ADD COLUMN untold TEXT;

CREATE INDEX orders_untold ON orders (untold) WHERE untold IS NOT NULL;

UPDATE orders SET untold = run_id
WHERE state = 'settled'
    AND run_id IN (SELECT run_id FROM runs WHERE finished_at IS NULL)
    AND EXISTS (SELECT 1 FROM receipts WHERE receipts.event_id = orders.event_id AND facts = '{}')
    AND event_id NOT IN (SELECT event_id FROM attempts WHERE status = 'injected');
