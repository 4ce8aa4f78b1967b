"""From an event to the order we intend. Pure: no clock, disk, network or logging in this package.

Read in this order: `model` (the words), `screening` (is it for us, and due), `documents` (which document is the order),
`products` (line to product), `billing` (lines, discounts, charges and payments as money), `plan` (all of it together).
"""
