-- The ledger, version 11. What versions before 9 had in doubt beside `doubt_until_at`, which version 9 took over alone:
-- they noted the end of a doubt about any write but the order's own in `look_again_at`, and the first version didn't
-- note it at all. Such a write was sent by a run that ended in order, at most some minutes after it last touched the order.
-- Only orders for which no version has noted a sending: the others stand in `steps` already.

UPDATE steps SET
    unanswered = 1,
    sent_at = (
        SELECT coalesce(
            strftime('%Y-%m-%dT%H:%M:%f', look_again_at, '-15 minutes'),
            min(strftime('%Y-%m-%dT%H:%M:%f', touched_at, '+5 minutes'),
                coalesce(strftime('%Y-%m-%dT%H:%M:%f', finished_at), '9999'))) || '000+00:00'
        FROM orders JOIN runs USING (run_id) WHERE orders.event_id = steps.event_id)
WHERE event_id IN (
        SELECT event_id FROM orders
        WHERE state IN ('claimed', 'disputed')
            AND event_id NOT IN (SELECT event_id FROM steps WHERE sent_at IS NOT NULL)
            AND NOT EXISTS (SELECT 1 FROM audit WHERE audit.event_id = orders.event_id AND kind = 'sent'))
    AND uuid NOT IN (SELECT uuid FROM receipts WHERE receipts.event_id = steps.event_id);
