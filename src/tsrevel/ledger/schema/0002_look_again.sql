-- The ledger, version 2. When an order is to be looked at once more, because a write was under way whose outcome nobody
-- knew: were it applied after all, and late, some part of the order would be there twice.

ALTER TABLE orders ADD COLUMN look_again_at TEXT;
