"""Plans the order for an event. Pure: no clock, disk, network or logging in this package.

Read in this order: `model` (the data), `screening` (is the event ours and due?), `documents` (which document is the
order?), `products` (line to product), `billing` (lines, discounts, charges and payments as money), `plan` (the order),
`changes` (what differs later).
"""
