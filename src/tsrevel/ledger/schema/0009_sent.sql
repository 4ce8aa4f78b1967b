-- The ledger, version 9. When each write was sent, noted before it goes out; `unanswered`: whether it was applied isn't
-- known. This takes the place of `orders.doubt_until_at`, which nothing reads any more.

ALTER TABLE steps ADD COLUMN sent_at TEXT;

ALTER TABLE steps ADD COLUMN unanswered INTEGER NOT NULL DEFAULT 0 CHECK (unanswered IN (0, 1));

-- What the version before had in doubt, or left when its run died. It sent a write up to some minutes after it last
-- touched the order: after looks, and the waits that a busy Revel asked for.
UPDATE steps SET
    unanswered = 1,
    sent_at = (
        SELECT max(
            coalesce(strftime('%Y-%m-%dT%H:%M:%f', doubt_until_at, '-15 minutes') || '000+00:00', ''),
            CASE WHEN runs.finished_at IS NULL
                THEN strftime('%Y-%m-%dT%H:%M:%f', touched_at, '+5 minutes') || '000+00:00' ELSE '' END)
        FROM orders JOIN runs USING (run_id) WHERE orders.event_id = steps.event_id)
WHERE event_id IN (
        SELECT event_id FROM orders JOIN runs USING (run_id)
        WHERE state IN ('claimed', 'disputed') AND (runs.finished_at IS NULL OR doubt_until_at IS NOT NULL))
    AND uuid NOT IN (SELECT uuid FROM receipts WHERE receipts.event_id = steps.event_id);

UPDATE orders SET doubt_until_at = NULL;
